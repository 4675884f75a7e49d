//! Where bytes come from: mapped, read whole, read on demand, or lent. Depends on nothing of ours.
//!
//! | file | what it holds |
//! |---|---|
//! | `source` | [`Source`]: the bytes of one stream, however they are held |
//! | `prefix` | [`PrefixReader`]: the first bytes of many files, through one reused buffer |
//! | `file` | [`File`]: an opened regular file; never a hang, never a directory |
//! | `identity` | [`Identity`]: which file this was, and in which state |
//! | `map` | [`Map`] and [`CowMap`]: the file-mapping unsafe of the project |
//! | `registry` | which addresses are ours: a lock-free table that a signal handler may read |
//! | `sigbus` | the handler that turns a fault in a map into [`SourceError::Changed`] |
//! | `portable` | the standard library's twin of `file`, for systems that are not Unix |
//! | `unmapped` | the empty twin of `map`, for systems that are not Linux |
//!
//! Nothing here keeps a file descriptor after it returns, except [`File`], [`PrefixReader`] and a [`Source`] that was asked to hold it.
#![deny(unsafe_code)]
#![cfg_attr(feature = "portable", allow(dead_code, unreachable_pub))]

mod error;
#[cfg(unix)]
mod file;
mod identity;
#[cfg_attr(
    any(not(target_os = "linux"), feature = "portable"),
    path = "unmapped.rs"
)]
mod map;
pub mod portable;
#[cfg(unix)]
mod prefix;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod registry;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod sigbus;
mod source;

pub use error::{Result, SourceError};
#[cfg(all(unix, not(feature = "portable")))]
pub use file::File;
pub use identity::Identity;
pub use map::{CowMap, Map};
#[cfg(any(not(unix), feature = "portable"))]
pub use portable::File;
#[cfg(unix)]
pub use prefix::PrefixReader;
pub use source::{
    Access, ForeignBytes, Kind, PREFIX_BYTES, RangedBytes, SMALL_BYTES, Source, WINDOW_BYTES,
    Window, room,
};
