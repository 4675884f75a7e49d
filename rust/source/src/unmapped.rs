//! The empty twin of `map`: where the system is not Linux nothing is mapped, so no map can exist.

use crate::{File, Result, SourceError};
use std::convert::Infallible;
use std::ops::Range;

/// A whole file mapped to be read: never, on this system.
#[derive(Debug)]
pub struct Map(Infallible);

/// A private copy-on-write mapping: never, on this system.
#[derive(Debug)]
pub struct CowMap(Infallible);

impl Map {
    /// Always `ENOTSUP`.
    pub fn whole(_: &File) -> Result<Map> {
        Err(SourceError::os(libc::ENOTSUP))
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        match self.0 {}
    }

    /// That no fault was caught.
    pub fn check(&self) -> Result<()> {
        match self.0 {}
    }
}

impl CowMap {
    /// Always `ENOTSUP`.
    pub fn of(_: &File, _: Range<u64>) -> Result<CowMap> {
        Err(SourceError::os(libc::ENOTSUP))
    }

    /// The first byte of the range.
    pub fn as_mut_ptr(&self) -> *mut u8 {
        match self.0 {}
    }

    /// Bytes of the range.
    pub fn len(&self) -> usize {
        match self.0 {}
    }

    /// Whether the range is empty.
    pub fn is_empty(&self) -> bool {
        match self.0 {}
    }

    /// That no fault was caught.
    pub fn check(&self) -> Result<()> {
        match self.0 {}
    }

    /// Reads the range's pages in.
    pub fn populate(&self) -> Result<()> {
        match self.0 {}
    }
}

/// Nowhere.
pub(crate) fn is_safe_on(_: &File) -> bool {
    false
}
