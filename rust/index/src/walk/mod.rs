//! Folders, patterns and lists of paths → chunks of names: a stack of what is still to be looked at, shared by all
//! threads. A folder is listed at most 512 entries at a time, and what was found in it is done before more of it is
//! listed, so that no folder, however large, is ever held.

mod names;
mod pattern;
#[cfg_attr(all(target_os = "linux", not(feature = "portable")), allow(dead_code))]
mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use linux::{Directory, FileReader, Name, name_as_os};
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub(crate) use portable::{Directory, FileReader, Name, name_as_os};

use crate::archive::Members;
use crate::error::{IndexError, Result};
use crate::object::Item;
use names::Names;
pub(crate) use pattern::Pattern;
use pattern::{ALL, Expected, Match};
use rapidicom_source::SourceError;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Gives paths and objects, some hundreds at a time; an empty list at the end. Called by one thread at a time.
pub type Feed = Box<
    dyn FnMut() -> std::result::Result<Vec<Item>, Box<dyn std::error::Error + Send + Sync>> + Send,
>;

/// Where the files are.
pub enum Sources {
    /// A folder that is walked, a file, or a glob pattern.
    Path(PathBuf),
    /// Files, and folders that are walked, as they come.
    Feed(Feed),
}

/// Work for one thread each: many files, or few objects, each of which may be far away.
fn chunks(mut items: Vec<Item>) -> Vec<Vec<Item>> {
    let far = items.iter().any(|item| matches!(item, Item::Object(_)));
    let size = if far { 8 } else { 512 };
    let mut chunks = Vec::with_capacity(items.len() / size + 1);
    while items.len() > size {
        let rest = items.split_off(size);
        chunks.push(std::mem::replace(&mut items, rest));
    }
    chunks.push(items);
    chunks
}

impl Sources {
    /// These files and folders.
    pub fn list(paths: Vec<PathBuf>) -> Sources {
        let mut items = Some(paths.into_iter().map(Item::Path).collect());
        Sources::Feed(Box::new(move || Ok(items.take().unwrap_or_default())))
    }
}

/// Whether a path is a glob pattern: it has a wildcard, and nothing is called so.
pub fn is_pattern(path: &Path) -> bool {
    let wild = path.to_str().and_then(Pattern::split).is_some();
    wild && path.symlink_metadata().is_err()
}

/// What is wanted of a folder: what may come next of a pattern, or everything.
#[derive(Clone)]
struct Within {
    pattern: Option<Arc<Pattern>>,
    expected: Expected,
}

impl Within {
    const WHOLE: Within = Within {
        pattern: None,
        expected: ALL,
    };

    fn of(pattern: Pattern) -> Within {
        Within {
            expected: pattern.begin(),
            pattern: Some(Arc::new(pattern)),
        }
    }

    fn matches(&self, name: &std::ffi::OsStr) -> Match {
        self.pattern
            .as_ref()
            .map_or(Match::Whole, |pattern| pattern.matches(name, self.expected))
    }
}

/// What is to be done next.
enum Task {
    /// A folder not yet opened, what is wanted of it, and whether a link to it is followed: where it was named.
    Folder(PathBuf, Within, bool),
    /// The rest of a folder.
    Rest(Arc<Directory>, Within),
    /// Files, folders and objects.
    Items(Vec<Item>),
    /// Members of an archive, as long as there are any.
    Archive(Members),
}

/// What one thread works on.
pub(crate) enum Chunk {
    /// Files of a folder; how many entries were left alone.
    Names(Arc<Directory>, Vec<Name>, u64),
    /// Files, folders and objects.
    Items(Vec<Item>),
    /// A folder that could not be listed.
    Failed(PathBuf, SourceError),
}

struct State {
    stack: Vec<Task>,
    feed: Option<Feed>,
    /// Threads that may still find more.
    busy: usize,
    failed: Option<IndexError>,
}

/// The files still to be read.
pub(crate) struct Walk {
    state: Mutex<State>,
    changed: Condvar,
}

impl Walk {
    pub(crate) fn new(sources: Sources) -> Result<Walk> {
        let mut state = State {
            stack: Vec::new(),
            feed: None,
            busy: 0,
            failed: None,
        };
        match sources {
            Sources::Feed(feed) => state.feed = Some(feed),
            Sources::Path(path) => {
                match (path.metadata(), path.to_str().and_then(Pattern::split)) {
                    (Ok(metadata), _) if metadata.is_dir() => {
                        state.stack.push(Task::Folder(path, Within::WHOLE, true))
                    }
                    (Ok(_), _) => state.stack.push(Task::Items(vec![Item::Path(path)])),
                    (Err(_), Some((folder, pattern))) => match folder.metadata() {
                        Ok(_) => state
                            .stack
                            .push(Task::Folder(folder, Within::of(pattern), true)),
                        Err(error) => return Err(IndexError::Source { path, error }),
                    },
                    (Err(error), None) => return Err(IndexError::Source { path, error }),
                }
            }
        }
        Ok(Walk {
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What failed in the source of paths itself.
    pub(crate) fn take_failure(&self) -> Option<IndexError> {
        self.lock().failed.take()
    }

    /// The next chunk; none when all is done or `cancelled`. Whoever took one says [`Walk::done`] after it.
    pub(crate) fn take(&self, cancelled: &AtomicBool) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(task) = state.stack.pop() {
                state.busy += 1;
                drop(state);
                if let Some(chunk) = self.carry_out(task) {
                    return Some(chunk);
                }
                self.done();
                state = self.lock();
                continue;
            }
            if let Some(feed) = state.feed.take() {
                state.busy += 1;
                drop(state);
                self.feed(feed);
                self.done();
                state = self.lock();
                continue;
            }
            if state.busy == 0 {
                return None;
            }
            // Woken by `push` and `done`; by the clock to see `cancelled`.
            let waited = self.changed.wait_timeout(state, Duration::from_millis(20));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A chunk is finished.
    pub(crate) fn done(&self) {
        let mut state = self.lock();
        state.busy = state.busy.saturating_sub(1);
        if state.busy == 0 {
            self.changed.notify_all();
        }
    }

    /// Nothing is left to be taken, nor will be.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.stack.is_empty() && state.feed.is_none() && state.busy == 0
    }

    /// A file of the source that proved to be an archive.
    pub(crate) fn push_archive(&self, members: Members) {
        self.push([Task::Archive(members)]);
    }

    /// A path of the source that proved to be a folder.
    pub(crate) fn push_folder(&self, path: PathBuf) {
        self.push([Task::Folder(path, Within::WHOLE, true)]);
    }

    /// A pattern of the source.
    pub(crate) fn push_pattern(&self, pattern: &Path) {
        if let Some((folder, pattern)) = pattern.to_str().and_then(Pattern::split) {
            self.push([Task::Folder(folder, Within::of(pattern), true)]);
        }
    }

    fn push(&self, tasks: impl IntoIterator<Item = Task>) {
        self.lock().stack.extend(tasks);
        self.changed.notify_all();
    }

    /// Asks the source of paths for more; it may wait for someone, so no lock is held.
    fn feed(&self, mut feed: Feed) {
        match feed() {
            Ok(items) if items.is_empty() => {}
            Ok(items) => {
                let mut state = self.lock();
                state.feed = Some(feed);
                // The first ones are taken first.
                state
                    .stack
                    .extend(chunks(items).into_iter().rev().map(Task::Items));
                self.changed.notify_all();
            }
            Err(error) => self.lock().failed = Some(IndexError::Feed(error)),
        }
    }

    fn carry_out(&self, task: Task) -> Option<Chunk> {
        let (directory, within) = match task {
            Task::Items(items) => return Some(Chunk::Items(items)),
            Task::Archive(mut members) => {
                let some = members.take_some()?;
                self.push([Task::Archive(members)]);
                return Some(Chunk::Items(some.into_iter().map(Item::Object).collect()));
            }
            Task::Rest(directory, within) => (directory, within),
            Task::Folder(path, within, through_link) => {
                match Directory::open(path.clone(), through_link) {
                    Ok(directory) => (Arc::new(directory), within),
                    Err(error) => return Some(Chunk::Failed(path, error)),
                }
            }
        };
        let mut names = Names::default();
        let mut more = directory.list(&mut names);
        // Of a small folder this is its end.
        if matches!(more, Ok(true)) && names.files.len() + names.directories.len() < 256 {
            more = directory.list(&mut names);
        }
        let mut next = Vec::new();
        match more {
            Ok(true) => next.push(Task::Rest(Arc::clone(&directory), within.clone())),
            Ok(false) => {}
            Err(error) if names.files.is_empty() => {
                return Some(Chunk::Failed(directory.path().to_path_buf(), error));
            }
            Err(_) => next.push(Task::Rest(Arc::clone(&directory), within.clone())), // it fails again, with nothing to lose
        }
        folders(&directory, names.directories, &within, &mut next);
        if !next.is_empty() {
            self.push(next);
        }
        if within.pattern.is_some() {
            names
                .files
                .retain(|name| within.matches(name_as_os(name)) == Match::Whole);
        }
        if names.files.is_empty() && names.others == 0 {
            return None;
        }
        names.files.sort_unstable();
        Some(Chunk::Names(directory, names.files, names.others))
    }
}

/// Folders within one, so that the first in the order of paths is taken first: what comes after `a/` is `a0`, not `a-`.
fn folders(
    directory: &Directory,
    found: Vec<std::ffi::OsString>,
    within: &Within,
    next: &mut Vec<Task>,
) {
    let mut folders: Vec<(PathBuf, Within)> = Vec::with_capacity(found.len());
    for name in found {
        let inside = match within.matches(&name) {
            Match::No => continue,
            Match::Whole => Within::WHOLE,
            Match::Inside(expected) => Within {
                pattern: within.pattern.clone(),
                expected,
            },
        };
        folders.push((directory.path().join(&name), inside));
    }
    folders.sort_by(|a, b| {
        let key = |path: &PathBuf| [path.as_os_str().as_encoded_bytes(), b"/"].concat();
        key(&b.0).cmp(&key(&a.0))
    });
    next.extend(
        folders
            .into_iter()
            .map(|(path, inside)| Task::Folder(path, inside, false)),
    );
}
