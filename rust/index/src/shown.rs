//! The path of a row: text, and the bytes the system knows it by where these are no text.

use crate::known::hash_of;
use std::ffi::OsStr;
use std::path::Path;

/// The path of one row.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// What is not UTF-8 is shown as U+FFFD.
    text: String,
    /// All bytes, where something is not UTF-8.
    bytes: Option<Vec<u8>>,
    /// How much of either is the folder's, with the slash.
    folder: (usize, Option<usize>),
}

impl Shown {
    /// A path of its own.
    pub(crate) fn set(&mut self, path: &Path) {
        self.text.clear();
        self.bytes = None;
        self.push(path.as_os_str());
    }

    /// A folder, whose files are named next.
    pub(crate) fn enter(&mut self, folder: &Path) {
        self.set(folder);
        if !self.text.ends_with('/') {
            self.text.push('/');
            if let Some(bytes) = &mut self.bytes {
                bytes.push(b'/');
            }
        }
        self.folder = (self.text.len(), self.bytes.as_ref().map(Vec::len));
    }

    /// A file in the folder that was entered.
    #[inline]
    pub(crate) fn name(&mut self, name: &OsStr) {
        let (text, bytes) = self.folder;
        self.text.truncate(text);
        match (&mut self.bytes, bytes) {
            (Some(all), Some(len)) => all.truncate(len),
            (all, _) => *all = None,
        }
        self.push(name);
    }

    fn push(&mut self, name: &OsStr) {
        match (name.to_str(), &mut self.bytes) {
            (Some(name), None) => self.text.push_str(name),
            (_, bytes) => {
                let all = bytes.get_or_insert_with(|| self.text.as_bytes().to_vec());
                all.extend_from_slice(name.as_encoded_bytes());
                self.text.push_str(&name.to_string_lossy());
            }
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where they are no text.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    pub(crate) fn hash(&self) -> u64 {
        hash_of(self.bytes().unwrap_or(self.text.as_bytes()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn bytes_are_kept_where_text_would_lose_them() {
        let mut shown = Shown::default();
        shown.enter(Path::new("/a"));
        shown.name(OsStr::from_bytes(b"x\xFF"));
        assert_eq!(
            (shown.text(), shown.bytes()),
            ("/a/x\u{FFFD}", Some(&b"/a/x\xFF"[..]))
        );
        shown.name(OsStr::new("y"));
        assert_eq!((shown.text(), shown.bytes()), ("/a/y", None));
        shown.enter(Path::new(OsStr::from_bytes(b"/\xFE")));
        shown.name(OsStr::new("y"));
        assert_eq!(
            (shown.text(), shown.bytes()),
            ("/\u{FFFD}/y", Some(&b"/\xFE/y"[..]))
        );
        shown.name(OsStr::new("z"));
        assert_eq!(shown.bytes(), Some(&b"/\xFE/z"[..]));
    }
}
