//! Directories by `getdents`, files by `openat` and `pread`: three system calls a file, no stat.

use super::names::Names;
use rapidicom_source::{File, Identity, PrefixReader, Result, SourceError};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A directory entry's name, as the system calls want it.
pub(crate) type Name = CString;

/// Bytes of entries that are asked for at once; the smallest entry has 24, so these are at most 512 of them.
const ENTRIES: usize = 12 << 10;

/// An opened directory.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory. `through_link`: also one that a symbolic link leads to.
    pub(crate) fn open(path: PathBuf, through_link: bool) -> Result<Directory> {
        let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if !through_link {
            flags |= OFlags::NOFOLLOW;
        }
        let fd = retry_on_intr(|| openat(CWD, &path, flags, Mode::empty()))?;
        Ok(Directory { fd, path })
    }

    /// Which file a name in it is now.
    pub(crate) fn identity_of(&self, name: &Name) -> Result<Identity> {
        File::identity_in(&self.fd, name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next entries, at most 512; false where there are no more. One caller at a time.
    pub(crate) fn list(&self, names: &mut Names) -> Result<bool> {
        let mut buffer: Vec<u8> = Vec::with_capacity(ENTRIES);
        let mut entries = RawDir::new(&self.fd, buffer.spare_capacity_mut());
        let mut any = false;
        while let Some(entry) = entries.next() {
            any = true;
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                self.sort_out(name, entry.file_type(), names);
            }
            if entries.is_buffer_empty() {
                return Ok(true);
            }
        }
        Ok(any)
    }

    /// Regular files, and links to them, are to be read; directories to be walked, but not through links, so that no
    /// walk goes round in circles. All else is left alone.
    fn sort_out(&self, name: &CStr, kind: FileType, names: &mut Names) {
        let kind = match kind {
            FileType::Unknown => self
                .kind_of(name, AtFlags::SYMLINK_NOFOLLOW)
                .unwrap_or(FileType::RegularFile),
            kind => kind,
        };
        match kind {
            FileType::RegularFile => names.files.push(name.to_owned()),
            FileType::Directory => names
                .directories
                .push(OsStr::from_bytes(name.to_bytes()).to_owned()),
            FileType::Symlink => match self.kind_of(name, AtFlags::empty()) {
                // A link that leads nowhere or round in circles is a row that says so.
                Some(FileType::RegularFile) | None => names.files.push(name.to_owned()),
                Some(_) => names.others += 1,
            },
            _ => names.others += 1,
        }
    }

    fn kind_of(&self, name: &CStr, flags: AtFlags) -> Option<FileType> {
        let stat = statat(&self.fd, name, flags).ok()?;
        Some(FileType::from_raw_mode(stat.st_mode))
    }
}

pub(crate) fn name_as_os(name: &Name) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

/// Reads the first bytes of one file after the other.
#[derive(Debug)]
pub(crate) struct FileReader {
    prefix: PrefixReader,
}

impl FileReader {
    pub(crate) fn new(identity: bool) -> FileReader {
        FileReader {
            prefix: PrefixReader::new().need_identity(identity),
        }
    }

    /// Opens a file in a directory: which file it is, if that was asked for.
    #[inline]
    pub(crate) fn open_in(
        &mut self,
        directory: &Directory,
        name: &Name,
    ) -> Result<Option<Identity>> {
        self.prefix.open(&directory.fd, name)
    }

    /// The same by a path.
    pub(crate) fn open_at(&mut self, path: &Path) -> Result<Option<Identity>> {
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| SourceError::from(Errno::INVAL))?;
        self.prefix.open(CWD, &name)
    }

    /// Reads the first `want` bytes of the opened file.
    #[inline]
    pub(crate) fn fill(&mut self, want: usize) -> Result<()> {
        self.prefix.fill(want).map(|_| ())
    }

    pub(crate) fn close(&mut self) {
        self.prefix.close();
    }

    /// Bytes from anywhere in the file that was read last.
    pub(crate) fn read_at_offset(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        self.prefix.read_at(offset, out)
    }

    /// Which file the one that was read is now.
    pub(crate) fn identity_now(&self) -> Result<Option<Identity>> {
        self.prefix.identity_now()
    }

    pub(crate) fn more(&mut self, upto: usize) -> Result<()> {
        self.prefix.more(upto).map(|_| ())
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.prefix.bytes()
    }

    /// The file's end was seen: these are all of its bytes.
    pub(crate) fn ended(&self) -> bool {
        self.prefix.ended()
    }
}
