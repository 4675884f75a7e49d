//! The first bytes of many files, through one reused buffer: open, one `pread`, close, and nothing else.

use crate::file::{OPEN_FLAGS, regular};
use crate::{Identity, Result, SourceError};
use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::{Errno, pread, retry_on_intr};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// Reads the first bytes of one file after the other. One per thread.
#[derive(Debug, Default)]
pub struct PrefixReader {
    /// Zeroed once as it grows, never cleared: `filled` says how much of it is this file's.
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
    file: Option<OwnedFd>,
    need_identity: bool,
    no_follow: bool,
}

impl PrefixReader {
    /// A reader that opens what it is told, symbolic links too, and asks nothing more of the file.
    pub fn new() -> PrefixReader {
        PrefixReader::default()
    }

    /// Whether [`PrefixReader::read`] also returns the file's identity: one more system call a file.
    #[must_use]
    pub fn need_identity(mut self, need: bool) -> PrefixReader {
        self.need_identity = need;
        self
    }

    /// Whether a name that is a symbolic link is opened, or is `ELOOP`.
    #[must_use]
    pub fn follow_links(mut self, follow: bool) -> PrefixReader {
        self.no_follow = !follow;
        self
    }

    /// [`PrefixReader::open`], then [`PrefixReader::fill`].
    pub fn read(
        &mut self,
        directory: impl AsFd,
        name: &CStr,
        want: usize,
    ) -> Result<(&[u8], Option<Identity>)> {
        let identity = self.open(directory, name)?;
        Ok((self.fill(want)?, identity))
    }

    /// Closes the file before and opens `name` in `directory`. A directory is `EISDIR`, a FIFO `ENOTSUP`, a socket `ENXIO`,
    /// at once. A device that can be read like a file is, unless the identity is asked for: then it is `ENOTSUP`.
    pub fn open(&mut self, directory: impl AsFd, name: &CStr) -> Result<Option<Identity>> {
        self.close();
        let flags = if self.no_follow {
            OPEN_FLAGS | OFlags::NOFOLLOW
        } else {
            OPEN_FLAGS
        };
        let fd = retry_on_intr(|| openat(directory.as_fd(), name, flags, Mode::empty()))?;
        let identity = if self.need_identity {
            Some(regular(&fstat(&fd)?)?)
        } else {
            None
        };
        self.file = Some(fd);
        Ok(identity)
    }

    /// Reads up to `want` bytes from the file's start by one `pread`, fewer where the file ends, and returns them.
    pub fn fill(&mut self, want: usize) -> Result<&[u8]> {
        self.fill_once(want)?;
        Ok(self.bytes())
    }

    /// Reads on until there are `upto` bytes from the file's start or the file ends, and returns all there are.
    pub fn more(&mut self, upto: usize) -> Result<&[u8]> {
        while self.filled < upto && !self.ended {
            self.fill_once(upto)?;
        }
        Ok(self.bytes())
    }

    /// The bytes there are, from the file's start.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Bytes of the opened file from `offset` on, as many as one `pread` gives; the prefix stays what it is.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let file = self.file.as_ref().ok_or(SourceError::from(Errno::BADF))?;
        Ok(retry_on_intr(|| pread(file, &mut *out, offset))?)
    }

    /// Which file the opened one is now, and in which state.
    pub fn identity_now(&self) -> Result<Option<Identity>> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        regular(&fstat(file)?).map(Some)
    }

    /// Whether the file's end was seen. Reading one prefix does not look for it; [`PrefixReader::more`] does.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Closes the file and forgets its bytes; the buffer stays.
    pub fn close(&mut self) {
        self.file = None;
        self.filled = 0;
        self.ended = false;
    }

    fn fill_once(&mut self, upto: usize) -> Result<()> {
        let Some(file) = &self.file else {
            return Err(Errno::BADF.into());
        };
        if self.buffer.len() < upto {
            self.buffer
                .try_reserve(upto - self.buffer.len())
                .map_err(|_| SourceError::NO_MEMORY)?;
            self.buffer.resize(upto, 0);
        }
        let Some(room) = self.buffer.get_mut(self.filled..upto) else {
            return Ok(());
        };
        let read =
            retry_on_intr(|| pread(file, &mut *room, self.filled as u64)).map_err(|errno| {
                match errno {
                    Errno::SPIPE | Errno::AGAIN => Errno::NOTSUP, // FIFO and terminal: what `File` says of them
                    errno => errno,
                }
            })?;
        self.ended = read == 0 && !room.is_empty();
        self.filled += read;
        Ok(())
    }
}
