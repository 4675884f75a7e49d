//! What a stretch of a directory holds.

use std::ffi::OsString;

/// Names in one directory, sorted out by what they are.
#[derive(Debug)]
pub(crate) struct Found<N> {
    /// Regular files, and links to them.
    pub(crate) files: Vec<N>,
    /// Directories.
    pub(crate) directories: Vec<OsString>,
    /// FIFOs, devices, sockets, links to directories.
    pub(crate) others: u64,
}

impl<N> Default for Found<N> {
    fn default() -> Self {
        Found {
            files: Vec::new(),
            directories: Vec::new(),
            others: 0,
        }
    }
}

/// As this platform's system calls want them.
pub(crate) type Names = Found<super::Name>;
/// As the standard library wants them.
#[cfg_attr(all(target_os = "linux", not(feature = "portable")), allow(dead_code))]
pub(crate) type OsNames = Found<OsString>;
