//! What was asked for → columns: their names, their types and where they come from. The types follow from the
//! dictionary alone, never from the data, so that the tables of any two runs fit together.

use crate::error::{IndexError, Result};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use rapidicom_core::dictionary::{self, DictionaryVr};
use rapidicom_core::{Tag, Vr};
use std::sync::Arc;

/// The named set `"default"`: what a browser of studies and series shows, after the file facts.
pub const DEFAULT: &[&str] = &[
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "Modality",
    "Manufacturer",
    "StudyDescription",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "SliceThickness",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "RescaleIntercept",
    "RescaleSlope",
    "ImageType",
    "SeriesDate",
    "ReferringPhysicianName",
    "ManufacturerModelName",
    "BodyPartExamined",
    "ProtocolName",
    "StudyID",
    "FrameOfReferenceUID",
    "PhotometricInterpretation",
    "NumberOfFrames",
];

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
}

const FACTS: &[(&str, Fact)] = &[
    ("path", Fact::Path),
    ("size", Fact::Size),
    ("mtime", Fact::Mtime),
    ("status", Fact::Status),
    ("error", Fact::Error),
    ("warnings", Fact::Warnings),
    ("transfer_syntax", Fact::TransferSyntax),
    ("pixel_offset", Fact::PixelOffset),
    ("pixel_length", Fact::PixelLength),
    ("mtime_ns", Fact::MtimeNs),
    ("inode", Fact::Inode),
    ("path_bytes", Fact::PathBytes),
    ("schema_version", Fact::SchemaVersion),
];

/// How many of them are in the default row.
const COMMON: usize = 9;

/// In every row, asked for or not: a table that hides what failed would lie.
const ALWAYS: [Fact; 4] = [Fact::Path, Fact::Status, Fact::Error, Fact::Warnings];

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

/// An element of the data set, or of the items that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// Where in [`Columns::wanted`] the element of the outermost level is.
    pub(crate) slot: usize,
    /// The item of that element, and the elements and items inside; the last tag is the column's.
    pub(crate) inside: Vec<(u32, Tag)>,
    /// The VR where the file does not say one.
    pub(crate) vr: DictionaryVr,
    pub(crate) kind: Kind,
    pub(crate) list: bool,
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

/// The columns of a table, and what must be read of a file to fill them.
#[derive(Clone, Debug)]
pub struct Columns {
    pub(crate) columns: Vec<Column>,
    /// Tags of the outermost level, ascending; first those of group 0002.
    pub(crate) wanted: Vec<Tag>,
    /// How many of them are of group 0002.
    pub(crate) meta: usize,
    /// Pixel Data must be found.
    pub(crate) pixels: bool,
    /// Size or time of the file is asked for, or the length of its Pixel Data, which may be cut off.
    pub(crate) identity: bool,
    pub(crate) frames: bool,
    schema: SchemaRef,
}

impl Columns {
    /// The default row: all file facts, then [`DEFAULT`].
    pub fn default_row(frames: bool) -> Result<Columns> {
        let common = FACTS.iter().take(COMMON);
        let facts = common.map(|&(name, fact)| (name.to_owned(), Asked::Fact(fact)));
        let mut asked: Vec<(String, Asked)> = facts.collect();
        for name in DEFAULT {
            asked.push(parse(name)?);
        }
        Columns::of(asked, frames)
    }

    /// `path status error warnings` and then what is asked for: keywords, tags (`00100010` or `(0010,0010)`), paths into
    /// sequences (`RequestAttributesSequence[0].StudyID`; without an index the first item), the other file facts
    /// (`size mtime transfer_syntax pixel_offset pixel_length`; `mtime_ns inode path_bytes schema_version`, by which a table
    /// knows its files again), or `default`, the named set.
    ///
    /// What costs more than the prefix of a file, its size and where its pixels lie, is read only if it is asked for.
    pub fn new<S: AsRef<str>>(names: &[S], frames: bool) -> Result<Columns> {
        let named = |fact| {
            FACTS
                .iter()
                .find(|f| f.1 == fact)
                .map(|f| (f.0.to_owned(), Asked::Fact(fact)))
        };
        let unnamed = |fact: &Fact| {
            !names
                .iter()
                .any(|name| fact_of(name.as_ref()) == Some(*fact))
        };
        let always = ALWAYS.into_iter().filter(unnamed);
        let mut asked: Vec<(String, Asked)> = always.filter_map(named).collect();
        for name in names.iter().map(AsRef::as_ref) {
            if name == "default" {
                for name in DEFAULT {
                    asked.push(parse(name)?);
                }
            } else {
                asked.push(parse(name)?);
            }
        }
        Columns::of(asked, frames)
    }

    /// The Arrow schema: all fields nullable, no dictionary, large or view types, so that any reader takes it.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn of(mut asked: Vec<(String, Asked)>, frames: bool) -> Result<Columns> {
        if frames {
            asked.push(("frames".to_owned(), Asked::Fact(Fact::Frames)));
        }
        let is = |facts: &[Fact]| {
            asked
                .iter()
                .any(|(_, a)| matches!(a, Asked::Fact(f) if facts.contains(f)))
        };
        let pixels = is(&[Fact::PixelOffset, Fact::PixelLength, Fact::Frames]);
        let identity = pixels || is(&[Fact::Size, Fact::Mtime, Fact::MtimeNs, Fact::Inode]);
        let mut wanted = wanted(&asked, frames);
        wanted.sort_unstable();
        wanted.dedup();
        let mut columns: Vec<Column> = Vec::with_capacity(asked.len());
        for (name, asked) in asked {
            if columns.iter().any(|c| c.name == name) {
                continue; // asked for by name and in a set
            }
            let origin = match asked {
                Asked::Fact(fact) => Origin::Fact(fact),
                Asked::Element(tag, inside, vr, kind, list) => {
                    let slot = wanted.binary_search(&tag).unwrap_or_default();
                    Origin::Element(Element {
                        slot,
                        inside,
                        vr,
                        kind,
                        list,
                    })
                }
            };
            columns.push(Column { name, origin });
        }
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let meta = wanted.iter().take_while(|tag| tag.group() <= 2).count();
        Ok(Columns {
            columns,
            wanted,
            meta,
            pixels,
            identity,
            frames,
            schema,
        })
    }
}

/// A column as it was asked for: tag of the outermost level, what is inside, dictionary VR, kind, list.
enum Asked {
    Fact(Fact),
    Element(Tag, Vec<(u32, Tag)>, DictionaryVr, Kind, bool),
}

/// What the reading of these columns must come upon: the elements, and those that say how to read them.
fn wanted(asked: &[(String, Asked)], frames: bool) -> Vec<Tag> {
    let mut wanted = Vec::new();
    for (_, asked) in asked {
        let Asked::Element(tag, inside, vr, ..) = asked else {
            continue;
        };
        wanted.push(*tag);
        if !inside.is_empty() || vr.one().is_none_or(Vr::uses_specific_character_set) {
            wanted.push(Tag::SPECIFIC_CHARACTER_SET);
        }
        if vr.one().is_none() {
            wanted.push(Tag::PIXEL_REPRESENTATION);
        }
    }
    if frames {
        wanted.extend([
            Tag::SAMPLES_PER_PIXEL,
            Tag::NUMBER_OF_FRAMES,
            Tag::ROWS,
            Tag::COLUMNS,
            Tag::BITS_ALLOCATED,
        ]);
        wanted.extend([
            Tag::PHOTOMETRIC_INTERPRETATION,
            Tag::EXTENDED_OFFSET_TABLE,
            Tag::EXTENDED_OFFSET_TABLE_LENGTHS,
        ]);
    }
    wanted
}

fn fact_of(name: &str) -> Option<Fact> {
    FACTS.iter().find(|f| f.0 == name).map(|f| f.1)
}

fn parse(name: &str) -> Result<(String, Asked)> {
    if let Some(fact) = fact_of(name) {
        return Ok((name.to_owned(), Asked::Fact(fact)));
    }
    let steps: Vec<&str> = name.split('.').collect();
    let mut tags = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let last = place + 1 == steps.len();
        let (word, item) = index(step, name)?;
        let tag = tag(word).ok_or_else(|| unknown(word, name))?;
        match (last, item) {
            (true, Some(_)) => {
                return Err(IndexError::Column(format!(
                    "{name:?}: only a sequence has items; name an element inside"
                )));
            }
            (false, _) if !may_be_sequence(tag) => {
                return Err(IndexError::Column(format!(
                    "{name:?}: {word} is no sequence, nothing is inside"
                )));
            }
            _ => tags.push((item.unwrap_or(0), tag)),
        }
    }
    let Some((&(_, leaf), &(_, first))) = tags.last().zip(tags.first()) else {
        return Err(unknown(name, name));
    };
    let entry = dictionary::by_tag(leaf);
    let vr = entry.map_or(DictionaryVr::None, |e| e.vr());
    if vr == DictionaryVr::One(Vr::SQ) {
        return Err(IndexError::Column(format!(
            "{name:?} is a sequence: name an element inside, such as {name}[0].CodeValue"
        )));
    }
    let kind = kind_of(vr);
    let list = kind != Kind::Binary
        && entry.is_some_and(|e| !e.vm().is_one())
        && !vr.one().is_some_and(Vr::is_single_valued);
    let items = tags.iter().map(|&(item, _)| item);
    let inside = items
        .zip(tags.iter().skip(1).map(|&(_, tag)| tag))
        .collect();
    let title = match entry {
        Some(entry) if tags.len() == 1 && !entry.keyword().is_empty() => entry.keyword().to_owned(),
        _ => name.to_owned(),
    };
    Ok((title, Asked::Element(first, inside, vr, kind, list)))
}

/// `Word[3]` → the word and 3.
fn index<'a>(step: &'a str, name: &str) -> Result<(&'a str, Option<u32>)> {
    let Some((word, rest)) = step.split_once('[') else {
        return Ok((step, None));
    };
    match rest
        .strip_suffix(']')
        .and_then(|digits| digits.parse().ok())
    {
        Some(item) => Ok((word, Some(item))),
        None => Err(IndexError::Column(format!(
            "{name:?}: expected the number of an item, as in {word}[0]"
        ))),
    }
}

fn tag(word: &str) -> Option<Tag> {
    if let Some(tag) = dictionary::by_keyword(word) {
        return Some(tag);
    }
    let digits: String = word
        .chars()
        .filter(|c| !matches!(c, '(' | ')' | ','))
        .collect();
    let hexadecimal = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal
        .then(|| u32::from_str_radix(&digits, 16).ok())
        .flatten()
        .map(Tag)
}

fn may_be_sequence(tag: Tag) -> bool {
    matches!(
        dictionary::vr_of(tag),
        DictionaryVr::One(Vr::SQ) | DictionaryVr::None
    )
}

fn unknown(word: &str, name: &str) -> IndexError {
    let place = if word == name {
        String::new()
    } else {
        format!(" in {name:?}")
    };
    let near = match dictionary::nearest_keyword(word) {
        Some(keyword) => format!("; nearest is {keyword}"),
        None => "; expected a keyword, a tag such as 00100010, a path such as ReferencedSeriesSequence[0].Modality, \
                 a file fact or \"default\""
            .to_owned(),
    };
    IndexError::Column(format!("no column {word:?}{place}{near}"))
}

/// Unsigned numbers take the next wider signed type, which every engine has. A private or unknown element is text: what
/// its VR in the file is shown as.
fn kind_of(vr: DictionaryVr) -> Kind {
    match vr {
        DictionaryVr::One(vr) => match vr {
            Vr::DA => Kind::Date,
            Vr::US | Vr::SS => Kind::Int32,
            Vr::IS | Vr::UL | Vr::SL | Vr::SV | Vr::UV | Vr::AT => Kind::Int64,
            Vr::DS | Vr::FL | Vr::FD => Kind::Float64,
            Vr::OB | Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::OW | Vr::UN | Vr::SQ => Kind::Binary,
            _ => Kind::Text,
        },
        DictionaryVr::UsOrSs => Kind::Int32,
        DictionaryVr::ObOrOw | DictionaryVr::UsOrOw | DictionaryVr::UsOrSsOrOw => Kind::Binary,
        DictionaryVr::None => Kind::Text,
    }
}

fn field(column: &Column) -> Field {
    let data_type = match &column.origin {
        Origin::Fact(fact) => match fact {
            Fact::Path | Fact::Status | Fact::Error | Fact::TransferSyntax => DataType::Utf8,
            Fact::Size | Fact::PixelOffset | Fact::PixelLength | Fact::MtimeNs | Fact::Inode => {
                DataType::Int64
            }
            Fact::PathBytes => DataType::Binary,
            Fact::SchemaVersion => DataType::Int32,
            Fact::Mtime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Fact::Warnings => list_of(DataType::Utf8),
            Fact::Frames => list_of(DataType::Struct(frame_fields())),
        },
        Origin::Element(element) => {
            let one = match element.kind {
                Kind::Text => DataType::Utf8,
                Kind::Date => DataType::Date32,
                Kind::Int32 => DataType::Int32,
                Kind::Int64 => DataType::Int64,
                Kind::Float64 => DataType::Float64,
                Kind::Binary => DataType::Binary,
            };
            if element.list { list_of(one) } else { one }
        }
    };
    Field::new(&column.name, data_type, true)
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// Of `frames: list<struct<offset, length>>`.
pub(crate) fn frame_fields() -> Fields {
    Fields::from(vec![
        Field::new("offset", DataType::Int64, true),
        Field::new("length", DataType::Int64, true),
    ])
}
