//! Bytes → headers: PS3.5 §7 (the Data Set), §A (Transfer Syntaxes), PS3.10 §7 (the file).
//!
//! Nothing here opens, copies or recurses: every function takes a [`Window`] on bytes that someone else holds, and says
//! [`Need`] when what it must see lies outside.

mod detect;
mod element;
mod encapsulated;
mod file;
mod here_and_there;
mod inflate;
mod item;
pub mod leniency;
mod reader;
mod scan;
mod walk;

pub use detect::detect_encoding;
pub use element::{ElementHeader, Flags};
pub use encapsulated::{ExtendedOffsetTable, Fragment, Fragments, FrameRange, frame_ranges};
pub use file::{FileStart, PreambleKind, StartOptions, start};
pub use here_and_there::{Bytes, HereAndThere};
pub use inflate::inflate;
pub use item::{Item, each_item, items};
pub use reader::{Window, u16_of, u32_of};
pub use scan::{Event, Scanner, scan, sorted};

/// What lies at this place of the file must be in the window before reading can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The first byte.
    pub offset: u64,
    /// How many, at least; never beyond the end of the container.
    pub length: u64,
}
