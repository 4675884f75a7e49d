//! Which file this was, and in which state.

use crate::{Result, SourceError};

/// Which file this was, and in which state: two of one path that are equal are the same bytes, as far as the file
/// system's clock can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The file system.
    pub dev: u64,
    /// The file on it.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970.
    pub mtime_ns: i64,
}

impl Identity {
    /// That `now` is this very file in this very state, else [`SourceError::Changed`] with what differs.
    pub fn expect(&self, now: &Identity) -> Result<()> {
        if self == now {
            return Ok(());
        }
        Err(SourceError::Changed(
            if (self.dev, self.ino) != (now.dev, now.ino) {
                "another file lies at its path"
            } else if self.size != now.size {
                "its size"
            } else {
                "its time of modification"
            },
        ))
    }
}
