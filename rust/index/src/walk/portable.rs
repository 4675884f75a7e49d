//! The standard library's twin of `linux`. Always compiled, so that it is always tested.

use super::names::OsNames;
use rapidicom_source::portable::File;
use rapidicom_source::{Identity, Result, SourceError};
use std::ffi::{OsStr, OsString};
use std::fs::{FileType, ReadDir};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A directory entry's name.
pub(crate) type Name = OsString;

const ENTRIES: usize = 512;

/// A directory that is being read.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: Mutex<ReadDir>,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory. `through_link`: also one that a symbolic link leads to.
    pub(crate) fn open(path: PathBuf, through_link: bool) -> Result<Directory> {
        if !through_link && path.symlink_metadata()?.is_symlink() {
            return Err(SourceError::from(std::io::Error::from(
                std::io::ErrorKind::NotADirectory,
            )));
        }
        Ok(Directory {
            entries: Mutex::new(path.read_dir()?),
            path,
        })
    }

    /// Which file a name in it is now.
    pub(crate) fn identity_of(&self, name: &Name) -> Result<Identity> {
        File::identity_at(&self.path.join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next entries, at most 512; false where there are no more.
    pub(crate) fn list(&self, names: &mut OsNames) -> Result<bool> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ENTRIES {
            let Some(entry) = entries.next() else {
                return Ok(false);
            };
            let entry = entry?;
            self.sort_out(entry.file_name(), entry.file_type().ok(), names);
        }
        Ok(true)
    }

    fn sort_out(&self, name: OsString, kind: Option<FileType>, names: &mut OsNames) {
        match kind {
            Some(kind) if kind.is_dir() => names.directories.push(name),
            Some(kind) if kind.is_symlink() => match self.path.join(&name).metadata() {
                Ok(metadata) if !metadata.is_file() => names.others += 1,
                _ => names.files.push(name),
            },
            Some(kind) if !kind.is_file() => names.others += 1,
            _ => names.files.push(name),
        }
    }
}

pub(crate) fn name_as_os(name: &Name) -> &OsStr {
    name
}

/// Reads the first bytes of one file after the other.
#[derive(Debug, Default)]
pub(crate) struct FileReader {
    file: Option<File>,
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
}

impl FileReader {
    /// Which file it is costs nothing more here.
    pub(crate) fn new(_identity: bool) -> FileReader {
        FileReader::default()
    }

    /// Opens a file in a directory: which file it is.
    pub(crate) fn open_in(
        &mut self,
        directory: &Directory,
        name: &Name,
    ) -> Result<Option<Identity>> {
        self.open_at(&directory.path.join(name))
    }

    /// The same by a path.
    pub(crate) fn open_at(&mut self, path: &Path) -> Result<Option<Identity>> {
        self.close();
        let file = File::open(path)?;
        let identity = file.identity();
        self.file = Some(file);
        Ok(Some(identity))
    }

    /// Reads the first `want` bytes of the opened file.
    pub(crate) fn fill(&mut self, want: usize) -> Result<()> {
        self.more(want)
    }

    pub(crate) fn close(&mut self) {
        (self.file, self.filled, self.ended) = (None, 0, false);
    }

    /// Bytes from anywhere in the file that was read last.
    pub(crate) fn read_at_offset(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        self.file
            .as_ref()
            .map_or(Ok(0), |file| file.pread(out, offset))
    }

    /// Which file the one that was read is now.
    pub(crate) fn identity_now(&self) -> Result<Option<Identity>> {
        self.file.as_ref().map(File::identity_now).transpose()
    }

    pub(crate) fn more(&mut self, upto: usize) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        if self.buffer.len() < upto {
            self.buffer.resize(upto, 0);
        }
        if let Some(room) = self.buffer.get_mut(self.filled..upto) {
            let read = file.pread(room, self.filled as u64)?;
            self.ended = read < room.len();
            self.filled += read;
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// The file's end was seen: these are all of its bytes.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_and_reads() {
        let folder =
            std::env::temp_dir().join(format!("rapidicom-portable-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        for n in 0..700 {
            std::fs::write(folder.join(format!("{n}")), vec![7u8; n]).unwrap();
        }
        let directory = Directory::open(folder.clone(), false).unwrap();
        let mut names = OsNames::default();
        let mut rounds = 1;
        while directory.list(&mut names).unwrap() {
            rounds += 1;
        }
        assert_eq!(
            (names.files.len(), names.directories.len(), rounds),
            (700, 1, 2)
        );
        let mut reader = FileReader::new(false);
        let identity = reader.open_in(&directory, &"600".into()).unwrap().unwrap();
        reader.fill(512).unwrap();
        assert_eq!(
            (identity.size, reader.bytes().len(), reader.ended()),
            (600, 512, false)
        );
        reader.more(1024).unwrap();
        assert_eq!((reader.bytes().len(), reader.ended()), (600, true));
        assert!(reader.open_at(&folder.join("inner")).is_err());
        assert!(reader.open_at(&folder.join("absent")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
