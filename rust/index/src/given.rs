//! Which of the given sources lie in another one, so that each file is met once: found among the sources alone, of which 16
//! bytes each are kept. What a source of paths gives bit by bit is not kept, and may name a file twice.

use crate::archive::is_archive;
use crate::walk::Pattern;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Component, Path, PathBuf};

/// An absolute path without `.` and `..`, as Python's `os.path.abspath` makes it of the words alone.
pub fn normal(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut normal = PathBuf::new();
    for component in whole.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => _ = normal.pop(),
            other => normal.push(other),
        }
    }
    normal
}

/// The sources of one call.
#[derive(Debug, Default)]
pub struct Given {
    /// Both hashes of a path, and whether it was met.
    met: HashMap<[u64; 2], bool>,
    hashers: [RandomState; 2],
    patterns: Vec<(PathBuf, Pattern)>,
    /// Whether archives in folders are looked into: else one that is named is not met by a walk.
    archives: bool,
    /// The folder of the last path, and whether a walk comes there: files mostly come folder by folder.
    last: Option<(PathBuf, bool)>,
}

impl Given {
    /// None yet.
    pub fn new(archives: bool) -> Given {
        Given {
            archives,
            ..Given::default()
        }
    }

    /// Notes a file or a folder.
    pub fn add(&mut self, path: &Path) {
        let hashes = self.hashes(&normal(path));
        self.met.entry(hashes).or_insert(false);
    }

    /// Notes a pattern.
    pub fn add_pattern(&mut self, pattern: &Path) {
        self.add(pattern);
        let words = normal(pattern);
        self.patterns
            .extend(words.to_str().and_then(Pattern::split));
    }

    /// Whether a source that was noted is asked for again.
    pub fn is_repeated(&mut self, path: &Path) -> bool {
        let hashes = self.hashes(&normal(path));
        let met = self.met.get_mut(&hashes);
        met.is_some_and(|met| std::mem::replace(met, true))
    }

    /// Whether all that a pattern matches lies in a folder that is walked.
    pub fn is_pattern_within(&self, pattern: &Path) -> bool {
        let folder = normal(pattern).to_str().and_then(Pattern::split);
        folder.is_some_and(|(folder, _)| self.is_walked(&folder))
    }

    /// Whether the walk through a source comes upon this path.
    pub fn is_within(&mut self, path: &Path) -> bool {
        if self.met.is_empty() || (!self.archives && is_archive(path)) {
            return false;
        }
        let path = &normal(path);
        let Some(folder) = path.parent() else {
            return false;
        };
        let walked = match &self.last {
            Some((last, walked)) if last == folder => *walked,
            _ => {
                let walked = self.is_walked(folder);
                self.last = Some((folder.to_path_buf(), walked));
                walked
            }
        };
        // No walk goes through a link to a folder.
        (walked || self.is_matched(path)) && !(path.is_symlink() && path.is_dir())
    }

    /// Whether a folder is one of the sources or lies in one; no walk goes through a link.
    fn is_walked(&self, folder: &Path) -> bool {
        let is_source = |path: &&Path| self.met.contains_key(&self.hashes(path));
        let source = folder.ancestors().find(is_source);
        source.is_some_and(|source| is_without_links(source, folder))
    }

    fn is_matched(&self, path: &Path) -> bool {
        self.patterns.iter().any(|(folder, pattern)| {
            let inside = path.strip_prefix(folder).ok();
            inside.is_some_and(|inside| pattern.has(inside))
                && path
                    .parent()
                    .is_some_and(|parent| is_without_links(folder, parent))
        })
    }

    fn hashes(&self, path: &Path) -> [u64; 2] {
        let bytes = path.as_os_str().as_encoded_bytes();
        let [first, second] = &self.hashers;
        [first.hash_one(bytes), second.hash_one(bytes)]
    }
}

/// Whether no link lies on the way from a folder to one in it.
fn is_without_links(from: &Path, to: &Path) -> bool {
    let mut between = to.ancestors().take_while(|path| *path != from);
    between.all(|path| !path.is_symlink())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_whole_by_their_words() {
        for (path, expected) in [
            ("/a/./b//../c/", "/a/c"),
            ("/../a", "/a"),
            ("/a/b/../..", "/"),
        ] {
            assert_eq!(normal(Path::new(path)), Path::new(expected));
        }
        assert!(normal(Path::new("a")).is_absolute());
    }

    #[test]
    fn each_file_is_met_once() {
        let root = std::env::temp_dir().join(format!("rapidicom-given-{}", std::process::id()));
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir_all(root.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(root.join("elsewhere"), root.join("a/link")).unwrap();
        let mut given = Given::new(false);
        for name in ["a", "a/b", "c.dcm", "c.dcm", "a/link", "a/x.zip", "a/b/1"] {
            given.add(&root.join(name));
        }
        given.add_pattern(&root.join("d*/*.dcm"));
        given.add_pattern(&root.join("a/*"));
        let met = |given: &mut Given, name: &str| {
            let path = root.join(name);
            given.is_repeated(&path) || given.is_within(&path)
        };
        assert!(!met(&mut given, "a"));
        assert!(met(&mut given, "a/b"));
        assert!(!met(&mut given, "c.dcm"));
        assert!(met(&mut given, "b/../c.dcm"));
        assert!(!met(&mut given, "a/link") && met(&mut given, "a/link/1.dcm"));
        assert!(!met(&mut given, "a/x.zip"));
        assert!(met(&mut given, "a/b/1"));
        assert!(met(&mut given, "d1/1.dcm") && !met(&mut given, "d1/1"));
        assert!(given.is_pattern_within(&root.join("a/*")));
        assert!(!given.is_pattern_within(&root.join("d*/*.dcm")));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
