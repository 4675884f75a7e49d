//! What bytes mean: PS3.5 (data structures and encoding), PS3.6 (data dictionary), PS3.10 (file format).
//!
//! No I/O, no threads, no globals, no unsafe.
#![forbid(unsafe_code)]

pub mod data_set;
pub mod dictionary;
pub mod error;
pub mod limits;
pub mod read;
pub mod tag;
pub mod transfer_syntax;
pub mod uid;
pub mod value;
pub mod vr;

pub use error::{Error, ErrorKind, PathStep, Result};
pub use limits::Limits;
pub use tag::Tag;
pub use vr::Vr;
