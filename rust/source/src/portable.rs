//! The standard library's twin of `file`, for systems that are not Unix. Always compiled, so that it is always tested.

use crate::{Identity, Result, SourceError};
use std::fs::Metadata;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// An opened regular file and what it was when it was opened. Device and inode are 0 here: the standard library does
/// not tell them everywhere.
#[derive(Debug)]
pub struct File {
    file: Mutex<std::fs::File>, // seeking moves a shared cursor
    identity: Identity,
}

impl File {
    /// Opens a regular file to read. A directory is `EISDIR`, all else that is no regular file `ENOTSUP`, asked before
    /// opening: opening itself may wait.
    pub fn open(path: &Path) -> Result<File> {
        File::identity_at(path)?;
        let file = std::fs::File::open(path)?;
        let identity = regular(&file.metadata()?)?;
        Ok(File {
            file: Mutex::new(file),
            identity,
        })
    }

    /// Which file this was when it was opened.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Which file this is now.
    pub fn identity_now(&self) -> Result<Identity> {
        regular(
            &self
                .file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .metadata()?,
        )
    }

    /// Which file lies at a path now.
    pub fn identity_at(path: &Path) -> Result<Identity> {
        regular(&std::fs::metadata(path)?)
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

    /// One read, repeated only when a signal interrupts it.
    pub fn read_at_most(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        loop {
            match file.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return Ok(result?),
            }
        }
    }

    /// The `len` bytes from `offset`. A file that ends before them has changed: the caller knew its size.
    pub fn read_vec(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(len)
            .map_err(|_| SourceError::NO_MEMORY)?;
        bytes.resize(len, 0);
        if self.pread(&mut bytes, offset)? < len {
            return Err(SourceError::Changed("its size"));
        }
        Ok(bytes)
    }
}

fn regular(metadata: &Metadata) -> Result<Identity> {
    if metadata.is_dir() {
        return Err(SourceError::os(libc::EISDIR));
    }
    if !metadata.is_file() {
        return Err(SourceError::os(libc::ENOTSUP));
    }
    let since_1970 = metadata
        .modified()
        .ok()
        .and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let mtime_ns = since_1970
        .and_then(|span| i64::try_from(span.as_nanos()).ok())
        .unwrap_or(0);
    Ok(Identity {
        dev: 0,
        ino: 0,
        size: metadata.len(),
        mtime_ns,
    })
}
