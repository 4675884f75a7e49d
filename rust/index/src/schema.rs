//! What was asked for → columns: their names, their types and where they come from. The types follow from the
//! dictionary alone, never from the data, so that the tables of any two runs fit together.

use crate::column::{Asked, Column, Element, FACTS, Fact, Form, Kind, Origin, Outermost, fact};
use crate::column_name::parse;
use crate::error::Result;
use crate::hash::Part;
use crate::private::PrivateTag;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
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

/// In every row, asked for or not: a table that hides what failed would lie.
const ALWAYS: [Fact; 4] = [Fact::Path, Fact::Status, Fact::Error, Fact::Warnings];

/// The columns of a table, and what must be read of a file to fill them.
#[derive(Clone, Debug)]
pub struct Columns {
    pub(crate) columns: Vec<Column>,
    /// Which of the columns are facts of the file.
    pub(crate) facts: Vec<(usize, Fact)>,
    /// Tags of the outermost level, ascending; first those of group 0002.
    pub(crate) wanted: Vec<Tag>,
    /// How many of them are of group 0002.
    pub(crate) meta: usize,
    /// Private elements of the outermost level, by their creators.
    pub(crate) private: Vec<PrivateTag>,
    /// Pixel Data must be found.
    pub(crate) pixels: bool,
    /// Size or time of the file is asked for, or the length of its Pixel Data, which may be cut off.
    pub(crate) identity: bool,
    pub(crate) frames: bool,
    /// The file must be read wholly.
    pub(crate) hashes: bool,
    /// All elements before and after the pixels are looked at.
    pub(crate) json: bool,
    /// One row an element.
    pub(crate) long: bool,
    asked: Vec<(String, Asked)>,
    schema: SchemaRef,
}

impl Columns {
    /// The default row: all file facts, then [`DEFAULT`].
    pub fn default_row(frames: bool) -> Result<Columns> {
        let facts = FACTS
            .iter()
            .map(|&(name, fact)| (name.to_owned(), Asked::Fact(fact)));
        let mut asked: Vec<(String, Asked)> = facts.collect();
        for name in DEFAULT {
            asked.push(parse(name)?);
        }
        Columns::of(asked, frames)
    }

    /// `path status error warnings` and then what is asked for:
    ///
    /// - keywords, and tags: `00100010` or `(0010,0010)`;
    /// - paths into sequences: `RequestAttributesSequence[0].StudyID`, without an index the first item, `[*]` all items,
    ///   as a list with an entry an item;
    /// - private elements by their creator: `0019xx10:GEMS_ACQU_01`, at the outermost level;
    /// - the other file facts: `size mtime transfer_syntax pixel_offset pixel_length inode mtime_ns`, and hashes in
    ///   lower-case hexadecimal digits: `file_sha256 pixel_data_sha256 data_set_sha256` and the same with `_xxh3`;
    /// - `json`: the header in the DICOM JSON Model, PS3.18 Annex F;
    /// - `default`, the named set.
    ///
    /// What costs more than the prefix of a file, its size and where its pixels lie, is read only if it is asked for;
    /// hashes read all of it.
    pub fn new<S: AsRef<str>>(names: &[S], frames: bool) -> Result<Columns> {
        let named = |fact| {
            FACTS
                .iter()
                .find(|f| f.1 == fact)
                .map(|f| (f.0.to_owned(), Asked::Fact(fact)))
        };
        let unnamed = |wanted: &Fact| {
            !names
                .iter()
                .any(|name| fact(name.as_ref()) == Some(*wanted))
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

    /// Whether all elements of a file are looked at.
    pub(crate) fn walks(&self) -> bool {
        self.json || self.long
    }

    /// The Arrow schema: all fields nullable, no dictionary, large or view types, so that any reader takes it.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The long layout: one row an element at all levels, `path tag vr value status error`. `tag` is `00100010`, nested
    /// `00081140[0].00081150`; `value` is text: values joined by backslashes, numbers in the fewest digits, binary values
    /// of at most 64 bytes in hexadecimal digits; null of sequences, of longer ones and of pixels. What a file could not be
    /// read for is one row with null `tag`, after what could be read.
    pub fn long() -> Result<Columns> {
        let facts = [
            ("path", Fact::Path),
            ("tag", Fact::Tag),
            ("vr", Fact::Vr),
            ("value", Fact::Value),
            ("status", Fact::Status),
            ("error", Fact::Error),
        ];
        let asked = facts.map(|(name, fact)| (name.to_owned(), Asked::Fact(fact)));
        let columns = Columns::of(asked.into(), false)?;
        Ok(Columns {
            long: true,
            identity: true,
            ..columns
        })
    }

    /// The same and these columns after them.
    pub fn and<S: AsRef<str>>(self, names: &[S]) -> Result<Columns> {
        let mut asked = self.asked;
        for name in names {
            asked.push(parse(name.as_ref())?);
        }
        Columns::of(asked, self.frames)
    }

    fn of(mut asked: Vec<(String, Asked)>, frames: bool) -> Result<Columns> {
        if frames {
            asked.push(("frames".to_owned(), Asked::Fact(Fact::Frames)));
        }
        let any = |is: fn(Fact) -> bool| {
            let facts = asked.iter().filter_map(|(_, asked)| match asked {
                Asked::Fact(fact) => Some(*fact),
                Asked::Element(..) => None,
            });
            facts.into_iter().any(is)
        };
        let (pixels, hashes) = (any(Fact::needs_pixels), any(Fact::is_hash));
        let json = any(|fact| fact == Fact::Json);
        let identity = any(Fact::needs_identity);
        let (wanted, private) = (wanted(&asked, frames), private(&asked));
        let mut columns: Vec<Column> = Vec::with_capacity(asked.len());
        for (name, asked) in &asked {
            if columns.iter().any(|c| c.name == *name) {
                continue; // asked for by name and in a set
            }
            let origin = match asked {
                Asked::Fact(fact) => Origin::Fact(*fact),
                Asked::Element(outermost, element) => {
                    let slot = match outermost {
                        Outermost::Tag(tag) => wanted.binary_search(tag),
                        Outermost::Private(tag) => {
                            private.binary_search(tag).map(|place| wanted.len() + place)
                        }
                    };
                    Origin::Element(Element {
                        slot: slot.unwrap_or_default(),
                        ..element.clone()
                    })
                }
            };
            let name = name.clone();
            columns.push(Column { name, origin });
        }
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let facts = columns.iter().enumerate();
        let facts = facts.filter_map(|(at, column)| match column.origin {
            Origin::Fact(fact) => Some((at, fact)),
            Origin::Element(_) => None,
        });
        let facts = facts.collect();
        let meta = wanted.iter().take_while(|tag| tag.group() <= 2).count();
        Ok(Columns {
            columns,
            facts,
            wanted,
            meta,
            private,
            pixels,
            identity,
            frames,
            hashes,
            json,
            long: false,
            asked,
            schema,
        })
    }
}

impl Fact {
    fn needs_pixels(self) -> bool {
        matches!(
            self,
            Fact::PixelOffset | Fact::PixelLength | Fact::Frames | Fact::Hash(Part::PixelData, _)
        )
    }

    fn needs_identity(self) -> bool {
        let of_file = matches!(
            self,
            Fact::Size | Fact::Mtime | Fact::Inode | Fact::MtimeNs | Fact::Hash(..) | Fact::Json
        );
        of_file || self.needs_pixels()
    }

    fn is_hash(self) -> bool {
        matches!(self, Fact::Hash(..))
    }
}

/// What the reading of these columns must come upon, ascending: the elements, and those that say how to read them.
fn wanted(asked: &[(String, Asked)], frames: bool) -> Vec<Tag> {
    let mut wanted = Vec::new();
    for (_, asked) in asked {
        let Asked::Element(outermost, element) = asked else {
            continue;
        };
        if let Outermost::Tag(tag) = outermost {
            wanted.push(*tag);
        }
        let one = element.vr.one();
        if !element.inside.is_empty() || one.is_none_or(Vr::uses_specific_character_set) {
            wanted.push(Tag::SPECIFIC_CHARACTER_SET);
        }
        if one.is_none() {
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
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The private elements that are asked for, ascending.
fn private(asked: &[(String, Asked)]) -> Vec<PrivateTag> {
    let mut private: Vec<PrivateTag> = asked
        .iter()
        .filter_map(|(_, asked)| match asked {
            Asked::Element(Outermost::Private(tag), _) => Some(tag.clone()),
            _ => None,
        })
        .collect();
    private.sort_unstable();
    private.dedup();
    private
}

fn field(column: &Column) -> Field {
    let data_type = match &column.origin {
        Origin::Fact(fact) => match fact.form() {
            Form::Cell(kind) => data_type_of(kind),
            Form::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Form::Warnings => list_of(DataType::Struct(warning_fields())),
            Form::Frames => list_of(DataType::Struct(frame_fields())),
        },
        Origin::Element(element) => {
            let one = data_type_of(element.kind);
            let one = if element.list { list_of(one) } else { one };
            if element.is_each() { list_of(one) } else { one }
        }
    };
    Field::new(&column.name, data_type, true)
}

fn data_type_of(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Date => DataType::Date32,
        Kind::Int32 => DataType::Int32,
        Kind::Int64 => DataType::Int64,
        Kind::Float64 => DataType::Float64,
        Kind::Binary => DataType::Binary,
    }
}

pub(crate) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// Of `warnings: list<struct<code, tag, offset>>`: `tag` as in the long layout.
pub(crate) fn warning_fields() -> Fields {
    Fields::from(vec![
        Field::new("code", DataType::Utf8, true),
        Field::new("tag", DataType::Utf8, true),
        Field::new("offset", DataType::Int64, true),
    ])
}

/// Of `frames: list<struct<offset, length>>`.
pub(crate) fn frame_fields() -> Fields {
    Fields::from(vec![
        Field::new("offset", DataType::Int64, true),
        Field::new("length", DataType::Int64, true),
    ])
}
