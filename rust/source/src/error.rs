//! Why bytes could not be had; words are made at the door.

use std::fmt;

/// Why bytes could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// The operating system refused. What is neither a regular file nor a directory is `ENOTSUP`
    /// (a socket is `ENXIO`: it cannot be opened at all); a directory is `EISDIR`.
    Os {
        /// The error number.
        errno: i32,
    },
    /// The file is no longer the one that was opened; the word says what differs.
    Changed(&'static str),
    /// Bytes were asked for that the stream does not have.
    OutOfRange {
        /// First byte asked for.
        start: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Bytes there are.
        len: u64,
    },
}

impl SourceError {
    /// An error of this number.
    pub(crate) const fn os(errno: i32) -> SourceError {
        SourceError::Os { errno }
    }

    /// There is no memory for what was asked.
    pub(crate) const NO_MEMORY: SourceError = SourceError::os(libc::ENOMEM);

    /// Nothing lies at the path.
    pub(crate) const ABSENT: SourceError = SourceError::os(libc::ENOENT);
}

#[cfg(unix)]
impl From<rustix::io::Errno> for SourceError {
    fn from(errno: rustix::io::Errno) -> SourceError {
        SourceError::os(errno.raw_os_error())
    }
}

impl From<std::io::Error> for SourceError {
    fn from(error: std::io::Error) -> SourceError {
        SourceError::os(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Os { errno } => std::io::Error::from_raw_os_error(*errno).fmt(f),
            SourceError::Changed(what) => write!(f, "the file changed after it was opened: {what}"),
            SourceError::OutOfRange { start, end, len } => {
                write!(f, "bytes {start} to {end} were asked of a stream of {len}")
            }
        }
    }
}

impl std::error::Error for SourceError {}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, SourceError>;
