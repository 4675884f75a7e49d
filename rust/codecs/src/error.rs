//! A pixel error is kind + offset + one line; the frame's number and the path are added by who knows them.

use std::borrow::Cow;
use std::fmt;

/// What kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelErrorKind {
    /// The attributes of the Image Pixel Module contradict the standard or each other.
    Layout,
    /// The stored bytes are fewer than the layout promises, or not what their encoding says.
    Stored,
    /// What the code stream says of the image is not what the data set says.
    Mismatch,
    /// The code stream can't hold what it, or the data set, promises: a bomb.
    Implausible,
    /// A valid image of a kind that this build does not decode.
    Unsupported,
    /// A decoder of ours is wrong: it panicked.
    Defect,
    /// What the caller passed does not fit: the length of `out`, the index of the frame.
    Argument,
}

/// Why a frame was not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelError {
    /// What kind.
    pub kind: PixelErrorKind,
    /// What was found, what was expected, what can be done: one line.
    pub detail: Cow<'static, str>,
    /// Byte in the frame's stored bytes (or code stream), where known.
    pub offset: Option<u64>,
}

impl PixelError {
    /// An error of this kind with these words.
    #[cold]
    pub fn new(kind: PixelErrorKind, detail: impl Into<Cow<'static, str>>) -> PixelError {
        PixelError {
            kind,
            detail: detail.into(),
            offset: None,
        }
    }

    /// At this byte of the frame's stored bytes.
    #[must_use]
    pub fn at(mut self, offset: u64) -> PixelError {
        self.offset.get_or_insert(offset);
        self
    }
}

impl fmt::Display for PixelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for PixelError {}

/// What decoding returns.
pub type Result<T> = std::result::Result<T, PixelError>;
