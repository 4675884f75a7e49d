//! What a column may be of: a fact of the file, or an element; and what its cells hold.

use crate::hash::{Algorithm, Part};
use crate::private::PrivateTag;
use rapidicom_core::Tag;
use rapidicom_core::dictionary::DictionaryVr;

/// What is known of a file besides its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Path,
    Size,
    Mtime,
    Status,
    Error,
    Warnings,
    TransferSyntax,
    PixelOffset,
    PixelLength,
    Frames,
    MtimeNs,
    Inode,
    PathBytes,
    SchemaVersion,
    Hash(Part, Algorithm),
    Json,
    /// Of the long layout.
    Tag,
    Vr,
    Value,
}

/// What the cells of a fact are.
pub(crate) enum Form {
    Cell(Kind),
    Time,
    Warnings,
    Frames,
}

impl Fact {
    pub(crate) fn form(self) -> Form {
        match self {
            Fact::Path
            | Fact::Status
            | Fact::Error
            | Fact::TransferSyntax
            | Fact::Hash(..)
            | Fact::Json
            | Fact::Tag
            | Fact::Vr
            | Fact::Value => Form::Cell(Kind::Text),
            Fact::Size | Fact::PixelOffset | Fact::PixelLength | Fact::Inode | Fact::MtimeNs => {
                Form::Cell(Kind::Int64)
            }
            Fact::PathBytes => Form::Cell(Kind::Binary),
            Fact::SchemaVersion => Form::Cell(Kind::Int32),
            Fact::Mtime => Form::Time,
            Fact::Warnings => Form::Warnings,
            Fact::Frames => Form::Frames,
        }
    }
}

/// Those of the default row.
pub(crate) const FACTS: &[(&str, Fact)] = &[
    ("path", Fact::Path),
    ("size", Fact::Size),
    ("mtime", Fact::Mtime),
    ("status", Fact::Status),
    ("error", Fact::Error),
    ("warnings", Fact::Warnings),
    ("transfer_syntax", Fact::TransferSyntax),
    ("pixel_offset", Fact::PixelOffset),
    ("pixel_length", Fact::PixelLength),
];

/// Those that only whoever names them gets.
const MORE_FACTS: &[(&str, Fact)] = &[
    ("inode", Fact::Inode),
    ("mtime_ns", Fact::MtimeNs),
    ("json", Fact::Json),
    ("path_bytes", Fact::PathBytes),
    ("schema_version", Fact::SchemaVersion),
    ("file_sha256", Fact::Hash(Part::File, Algorithm::Sha256)),
    (
        "pixel_data_sha256",
        Fact::Hash(Part::PixelData, Algorithm::Sha256),
    ),
    (
        "data_set_sha256",
        Fact::Hash(Part::DataSet, Algorithm::Sha256),
    ),
    ("file_xxh3", Fact::Hash(Part::File, Algorithm::Xxh3)),
    (
        "pixel_data_xxh3",
        Fact::Hash(Part::PixelData, Algorithm::Xxh3),
    ),
    ("data_set_xxh3", Fact::Hash(Part::DataSet, Algorithm::Xxh3)),
];

/// The fact of this name.
pub(crate) fn fact(name: &str) -> Option<Fact> {
    let mut all = FACTS.iter().chain(MORE_FACTS);
    all.find(|(known, _)| *known == name).map(|&(_, fact)| fact)
}

/// What a cell holds; a list of it where the Value Multiplicity is not 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Date,
    Int32,
    Int64,
    Float64,
    Binary,
}

/// Which items of a sequence a path goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// `[3]`
    One(u32),
    /// `[*]`: a list, an entry an item.
    All,
}

/// An element of the data set, or of the items that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// Which of the elements that are looked for at the outermost level: of `Columns::wanted`, then of
    /// `Columns::private`.
    pub(crate) slot: usize,
    /// The item of that element, and the elements and items inside; the last tag is the column's.
    pub(crate) inside: Vec<(Which, Tag)>,
    /// The VR where the file does not say one.
    pub(crate) vr: DictionaryVr,
    pub(crate) kind: Kind,
    pub(crate) list: bool,
}

impl Element {
    /// Whether a cell is a list, an entry an item.
    pub(crate) fn is_each(&self) -> bool {
        self.inside.iter().any(|&(which, _)| which == Which::All)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Fact(Fact),
    Element(Element),
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

/// A column as it was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Fact(Fact),
    Element(Outermost, Element),
}

/// How the element of the outermost level is found.
#[derive(Clone, Debug)]
pub(crate) enum Outermost {
    Tag(Tag),
    Private(PrivateTag),
}
