//! An opened regular file: three system calls, no hang.

use crate::{Identity, Result, SourceError};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, stat, statat};
use rustix::io::{Errno, pread, retry_on_intr};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Without `O_NONBLOCK` opening a FIFO waits for a writer; on a regular file the flag does nothing. Without `O_NOCTTY`
/// opening a terminal may take it over.
pub(crate) const OPEN_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

/// An opened regular file and what it was when it was opened.
#[derive(Debug)]
pub struct File {
    fd: OwnedFd,
    identity: Identity,
}

impl File {
    /// Opens a regular file to read. A directory is `EISDIR`; a FIFO or device is `ENOTSUP`, a socket `ENXIO`, at once.
    pub fn open(path: &Path) -> Result<File> {
        File::of(retry_on_intr(|| {
            openat(CWD, path, OPEN_FLAGS, Mode::empty())
        })?)
    }

    /// [`File::open`] by a name in a directory.
    pub fn open_at(directory: impl AsFd, name: &CStr) -> Result<File> {
        File::of(retry_on_intr(|| {
            openat(directory.as_fd(), name, OPEN_FLAGS, Mode::empty())
        })?)
    }

    fn of(fd: OwnedFd) -> Result<File> {
        let identity = regular(&fstat(&fd)?)?;
        Ok(File { fd, identity })
    }

    /// Which file this was when it was opened.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Which file this is now.
    pub fn identity_now(&self) -> Result<Identity> {
        regular(&fstat(&self.fd)?)
    }

    /// Which file lies at a path now: one system call.
    pub fn identity_at(path: &Path) -> Result<Identity> {
        regular(&stat(path)?)
    }

    /// Which file a name in a directory is now, through a symbolic link: one system call.
    pub fn identity_in(directory: impl AsFd, name: &CStr) -> Result<Identity> {
        regular(&statat(directory.as_fd(), name, AtFlags::empty())?)
    }

    /// Fills `buffer` from `offset`; fewer bytes only where the file ends.
    pub fn pread(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut filled = 0_usize;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at_most(rest, offset.saturating_add(filled as u64))? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    /// One `pread`, repeated only when a signal interrupts it.
    pub fn read_at_most(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        Ok(retry_on_intr(|| pread(&self.fd, &mut *buffer, offset))?)
    }

    /// The `len` bytes from `offset`, in a vector of exactly that size that was never zeroed.
    /// A file that ends before them has changed: the caller knew its size.
    pub fn read_vec(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(len)
            .map_err(|_| SourceError::NO_MEMORY)?;
        while bytes.len() < len {
            let at = offset.saturating_add(bytes.len() as u64);
            if retry_on_intr(|| pread(&self.fd, rustix::buffer::spare_capacity(&mut bytes), at))?
                == 0
            {
                return Err(SourceError::Changed("its size"));
            }
        }
        bytes.truncate(len); // an allocator may give more than was asked
        Ok(bytes)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The identity of a regular file; what is none is refused.
pub(crate) fn regular(stat: &Stat) -> Result<Identity> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(identity_of(stat)),
        FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Err(Errno::NOTSUP.into()),
    }
}

#[allow(clippy::unnecessary_cast, clippy::cast_lossless)] // the fields' types differ between systems
fn identity_of(stat: &Stat) -> Identity {
    let mtime_ns = (stat.st_mtime as i64)
        .saturating_mul(1_000_000_000)
        .saturating_add(stat.st_mtime_nsec as i64);
    Identity {
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        size: stat.st_size as u64,
        mtime_ns,
    }
}
