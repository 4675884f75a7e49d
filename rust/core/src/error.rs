//! An error is kind + offset + tag path; words are made at the door.

use crate::tag::Tag;
use std::borrow::Cow;
use std::fmt;

/// What kind of refusal; the Python side has one exception for each.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorKind {
    /// Not a DICOM stream, or one that strict reading refuses.
    InvalidDicom,
    /// The stream ends before what it promised.
    Truncated,
    /// A Value Field that does not hold what its VR says.
    ValueDecode,
    /// A bound of [`crate::limits::Limits`] was reached.
    Limit {
        /// The name of the bound.
        name: &'static str,
        /// The bound.
        limit: u64,
        /// What was asked.
        value: u64,
    },
    /// The Transfer Syntax UID is not one that this build decodes.
    UnsupportedTransferSyntax,
    /// Pixel Data that cannot be decoded rightly.
    PixelDecode,
    /// The file is no longer the one that was opened.
    FileChanged,
    /// The operating system refused: errno.
    Os(i32),
    /// A defect of ours.
    Internal,
}

/// One step of a tag path: the element, and the item of it that was entered (0-based).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathStep {
    /// The sequence element.
    pub tag: Tag,
    /// The item.
    pub item: u32,
}

/// Why a reading was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What kind.
    pub kind: ErrorKind,
    /// What was found, what was expected, what can be done: one line.
    pub detail: Cow<'static, str>,
    /// Byte in the file, where known.
    pub offset: Option<u64>,
    /// The element, where known.
    pub tag: Option<Tag>,
    /// The items that lead to the element.
    pub path: Vec<PathStep>,
}

impl Error {
    /// An error of this kind with these words.
    #[cold]
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Error {
        Error {
            kind,
            detail: detail.into(),
            offset: None,
            tag: None,
            path: Vec::new(),
        }
    }

    /// A bound was reached.
    #[cold]
    pub fn limit(name: &'static str, limit: u64, value: u64) -> Error {
        Error::new(
            ErrorKind::Limit { name, limit, value },
            format!("{value} exceeds {name}={limit}; pass limits=Limits({name}=...) to allow it"),
        )
    }

    /// At this byte of the file.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Error {
        self.offset.get_or_insert(offset);
        self
    }

    /// In this element.
    #[must_use]
    pub fn of(mut self, tag: Tag) -> Error {
        self.tag.get_or_insert(tag);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}

/// What reading returns.
pub type Result<T> = std::result::Result<T, Error>;
