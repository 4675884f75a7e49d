//! The Image Pixel Module: PS3.3 §C.7.6.3, §C.7.6.6 (multi-frame), §C.7.6.24-25 (float).

use rapidicom_codecs::{
    Compressed, DecodeOptions, Family, FrameLayout, Native, PhotometricInterpretation, PixelError,
    PixelErrorKind, PlanarConfiguration, Remarks, SampleFormat,
};
use rapidicom_core::data_set::DataSet;
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::read::{
    Bytes, ElementHeader, ExtendedOffsetTable, Flags, Fragments, FrameRange, frame_ranges,
};
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::value::decimals::{Decimal, Decimals};
use rapidicom_core::value::number::{Number, numbers};
use rapidicom_core::value::text::latin_1;
use rapidicom_core::{Error, ErrorKind, Limits, Result, Tag, Vr};
use std::borrow::Cow;

/// A data set's image: what its frames are and which element holds them.
#[derive(Clone, Debug)]
pub struct Image {
    /// How a frame is stored and what it decodes to.
    pub layout: FrameLayout,
    /// Number of Frames, at least 1.
    pub frames: u64,
    /// Pixel Data, Float Pixel Data or Double Float Pixel Data.
    pub pixel_data: ElementHeader,
    /// How native frames are encoded.
    pub native: Native,
    /// The value is fragments. PS3.5 §A.4
    pub encapsulated: bool,
    /// What fragments hold, by the Transfer Syntax; none of native frames in fragments, video, and what is not known.
    pub family: Option<Family>,
    /// How many of the highest resolutions are left out of a decoded frame.
    pub reduce: u8,
    /// On how many threads each frame may be decoded.
    pub threads: u16,
}

/// Fetches Value Fields of a level.
pub trait Values {
    /// The Value Field of `header`, none if it cannot be had.
    fn value(&self, header: &ElementHeader) -> Option<Cow<'_, [u8]>>;
}

/// Reads single numbers and texts of one level.
struct Attributes<'a, V> {
    set: &'a DataSet,
    values: &'a V,
}

impl<V: Values> Attributes<'_, V> {
    /// The first value of a number in whatever VR it is written; none if absent, empty or no number.
    fn number(&self, tag: Tag) -> Option<i64> {
        let header = self.set.get(tag)?;
        let bytes = self.values.value(header)?;
        let vr = self.set.vr(header, |h| self.values.value(h));
        match vr {
            Vr::IS | Vr::DS => {
                match Decimals::new(rapidicom_core::value::text::trim_end(&bytes)).next()? {
                    Decimal::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => Some(n as i64),
                    _ => None,
                }
            }
            Vr::US | Vr::SS | Vr::UL | Vr::SL | Vr::UV | Vr::SV => {
                match numbers(vr, &bytes, self.set.encoding.is_little_endian()).next()? {
                    Number::Signed(n) => Some(n),
                    Number::Unsigned(n) => i64::try_from(n).ok(),
                    Number::Float(_) => None,
                }
            }
            Vr::UN => numbers(Vr::US, &bytes, true).next().map(|n| match n {
                Number::Unsigned(n) => n as i64,
                _ => 0,
            }),
            _ => None,
        }
    }

    fn required(&self, tag: Tag, name: &str) -> Result<i64> {
        self.number(tag).ok_or_else(|| {
            let found = if self.set.get(tag).is_some() {
                "has no number"
            } else {
                "is missing"
            };
            pixel_error(format!(
                "{name} {tag} {found}; expected it to say how the Pixel Data lie"
            ))
            .of(tag)
        })
    }

    fn small(&self, tag: Tag, name: &str, value: i64) -> Result<u16> {
        u16::try_from(value)
            .map_err(|_| pixel_error(format!("{name} is {value}, expected 0 to 65535")).of(tag))
    }

    fn text(&self, tag: Tag) -> Option<String> {
        let header = self.set.get(tag)?;
        let bytes = self.values.value(header)?;
        Some(latin_1(&bytes).trim_matches([' ', '\0']).to_owned())
    }
}

fn pixel_error(detail: String) -> Error {
    Error::new(ErrorKind::PixelDecode, detail)
}

/// A codec's refusal, as an error of the file; `offset` is where the frame begins.
pub fn refused(error: PixelError, offset: u64) -> Error {
    let kind = match error.kind {
        PixelErrorKind::Argument => ErrorKind::ValueDecode,
        PixelErrorKind::Defect => ErrorKind::Internal,
        _ => ErrorKind::PixelDecode,
    };
    Error::new(kind, error.detail)
        .at(offset.saturating_add(error.offset.unwrap_or(0)))
        .of(Tag::PIXEL_DATA)
}

impl Image {
    /// The image of a data set, checked against the standard and the limits before anything is allocated.
    pub fn of(
        set: &DataSet,
        values: &impl Values,
        transfer_syntax: Option<TransferSyntax>,
        raw: bool,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<Image> {
        let attributes = Attributes { set, values };
        let (pixel_data, float) = [
            Tag::PIXEL_DATA,
            Tag::FLOAT_PIXEL_DATA,
            Tag::DOUBLE_FLOAT_PIXEL_DATA,
        ]
        .iter()
        .find_map(|&tag| set.get(tag).map(|header| (*header, tag != Tag::PIXEL_DATA)))
        .ok_or_else(|| {
            pixel_error(
                "the data set has no Pixel Data; expected (7FE0,0010), (7FE0,0008) or (7FE0,0009)"
                    .into(),
            )
        })?;
        let layout = layout(&attributes, &pixel_data, float, notes)?;
        layout
            .validate()
            .map_err(|e| refused(e, pixel_data.value_offset))?;
        let decoded = layout
            .decoded_frame_bytes()
            .map_err(|e| refused(e, pixel_data.value_offset))?;
        within_limits(&layout, decoded, limits)?;
        let encapsulated = is_encapsulated(&pixel_data, values, transfer_syntax, notes);
        let frames = number_of_frames(&attributes, &pixel_data, notes)?;
        if let Some(max) = limits.max_frames.filter(|&max| frames > max) {
            return Err(Error::limit("max_frames", max, frames));
        }
        let vr = set.vr(&pixel_data, |h| values.value(h));
        let pixel_big = transfer_syntax.is_some_and(|t| t.is_pixel_big_endian());
        let little_endian = set.encoding.is_little_endian() && !pixel_big;
        let native = Native {
            little_endian,
            ow: vr == Vr::OW,
            raw,
        };
        let mut image = Image {
            layout,
            frames,
            pixel_data,
            native,
            encapsulated,
            family: transfer_syntax
                .filter(|_| encapsulated)
                .and_then(|syntax| Family::of_transfer_syntax(syntax.uid())),
            reduce: 0,
            threads: 1,
        };
        if !encapsulated {
            image.settle(notes)?;
        }
        Ok(image)
    }

    /// Holds native data against its length. PS3.5 §8.1
    fn settle(&mut self, notes: &mut Deviations) -> Result<()> {
        let at = self.pixel_data.value_offset;
        let length = self.pixel_data.value_length;
        let (found, changed) = self
            .layout
            .as_found(length, self.frames)
            .map_err(|e| refused(e, at))?;
        if changed {
            self.layout = found;
            notes.note(
                Leniency::ImageAttributeInvalid,
                Tag::PHOTOMETRIC_INTERPRETATION,
                at,
                || "YBR_FULL_422, but three samples a pixel are stored".into(),
            );
        }
        let expected = self
            .layout
            .stored_bytes(self.frames)
            .map_err(|e| refused(e, at))?;
        if length < expected {
            notes.note(Leniency::PixelDataShort, self.pixel_data.tag, at, || {
                format!("{length} bytes, expected {expected}")
            });
        } else if length > expected.saturating_add(1) {
            notes.note(Leniency::PixelDataLong, self.pixel_data.tag, at, || {
                format!("{length} bytes, expected {expected}")
            });
        }
        Ok(())
    }

    /// Bytes of all frames decoded, within the limits.
    pub fn output_bytes(&self, frames: u64, limits: &Limits) -> Result<u64> {
        let at = self.pixel_data.value_offset;
        let one = self
            .layout
            .reduced(self.reduce)
            .decoded_frame_bytes()
            .map_err(|e| refused(e, at))?;
        let all = one.checked_mul(frames).ok_or_else(|| {
            pixel_error(format!("{frames} frames of {one} bytes do not fit 64 bits"))
        })?;
        match limits.max_output_bytes.filter(|&max| all > max) {
            Some(max) => Err(Error::limit("max_output_bytes", max, all)),
            None => Ok(all),
        }
    }

    /// Decodes a frame out of its fragments' bytes, `stored`, the first of which lies at `offset`. What is given back says where
    /// the code stream ended before its last row.
    pub fn decode_encapsulated(
        &self,
        offset: u64,
        stored: &[u8],
        out: &mut [u8],
    ) -> Result<Remarks> {
        let done = match self.compressed() {
            Some(compressed) => compressed.decode(stored, &self.layout, out),
            None => {
                let native = Native {
                    ow: false,
                    ..self.native
                };
                let done = native.decode(stored, 0, &self.layout, out);
                done.map(|()| Remarks::default())
            }
        };
        done.map_err(|error| self.refused_frame(error, offset, stored))
    }

    /// That the frame's code stream is of an image of this size: found out before room is made for it.
    pub fn expect_encapsulated(&self, offset: u64, stored: &[u8]) -> Result<()> {
        let header = self
            .compressed()
            .map(|compressed| compressed.header(stored, &self.layout));
        match header.transpose() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused_frame(error, offset, stored)),
        }
    }

    fn compressed(&self) -> Option<Compressed> {
        let options = DecodeOptions {
            raw: self.native.raw,
            reduce: self.reduce,
            threads: self.threads,
        };
        self.family.map(|family| Compressed { family, options })
    }

    fn refused_frame(&self, error: PixelError, offset: u64, stored: &[u8]) -> Error {
        if error.kind != PixelErrorKind::Implausible {
            return refused(error, offset);
        }
        let kind = ErrorKind::Limit {
            name: "expansion",
            limit: stored.len() as u64,
            value: self.layout.decoded_frame_bytes().unwrap_or(u64::MAX),
        };
        Error::new(kind, error.detail)
            .at(offset)
            .of(Tag::PIXEL_DATA)
    }

    /// Where native frame `index` lies in the file, and the bit at which it begins; an error if the value is too short.
    pub fn native_frame(&self, index: u64) -> Result<(std::ops::Range<u64>, u8)> {
        let at = self.pixel_data.value_offset;
        let range = self
            .native
            .frame_range(&self.layout, index, self.frames)
            .map_err(|e| refused(e, at))?;
        let end = range.bytes.end;
        let have = self.pixel_data.value_length;
        if end > have {
            return Err(pixel_error(format!(
                "frame {index} of {} ends at byte {end} of the Pixel Data, which has {have}",
                self.frames
            ))
            .at(at)
            .of(self.pixel_data.tag));
        }
        Ok((
            at.saturating_add(range.bytes.start)..at.saturating_add(end),
            range.first_bit,
        ))
    }

    /// What there is of a native frame that the value ends in: where it lies, the bit at which it begins, and the bytes of all of
    /// it. None where nothing of it is there.
    pub fn native_part(&self, index: u64) -> Result<Option<(std::ops::Range<u64>, u8, u64)>> {
        let at = self.pixel_data.value_offset;
        let whole = self.native.frame_range(&self.layout, index, self.frames);
        let whole = whole.map_err(|e| refused(e, at))?;
        let (start, mut end) = (whole.bytes.start, self.pixel_data.value_length);
        if self.native.swaps_words(&self.layout) {
            // Half a word is not the half that comes first.
            end &= !1;
        }
        let length = whole.bytes.end.saturating_sub(start);
        let part = at.saturating_add(start)..at.saturating_add(end);
        Ok((start < end).then_some((part, whole.first_bit, length)))
    }

    /// The fragments and the frames they make up, from the bytes of the Pixel Data. PS3.5 §A.4
    pub fn encapsulated_frames(
        &self,
        set: &DataSet,
        values: &impl Values,
        bytes: &impl Bytes,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<(Fragments, Vec<FrameRange>)> {
        let little = set.encoding.is_little_endian();
        let fragments = Fragments::read(bytes, &self.pixel_data, little, limits, notes)?;
        let offsets = |tag: Tag| -> Option<Vec<u64>> {
            let table = values.value(set.get(tag)?)?;
            Some(
                table
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| {
                        if little {
                            u64::from_le_bytes(*b)
                        } else {
                            u64::from_be_bytes(*b)
                        }
                    })
                    .collect(),
            )
        };
        let table = offsets(Tag::EXTENDED_OFFSET_TABLE).map(|offsets_| ExtendedOffsetTable {
            offsets: offsets_,
            lengths: offsets(Tag::EXTENDED_OFFSET_TABLE_LENGTHS).unwrap_or_default(),
        });
        let ranges = frame_ranges(bytes, &fragments, table.as_ref(), self.frames, notes)?;
        Ok((fragments, ranges))
    }
}

/// Whether the value is fragments, and whether that is what the Transfer Syntax says. PS3.5 §A.4
fn is_encapsulated(
    pixel_data: &ElementHeader,
    values: &impl Values,
    transfer_syntax: Option<TransferSyntax>,
    notes: &mut Deviations,
) -> bool {
    let at = pixel_data.value_offset;
    let declared = transfer_syntax.is_some_and(|t| t.is_encapsulated());
    let undefined = pixel_data.flags.has(Flags::FRAGMENTS);
    let begins = || {
        let head = ElementHeader {
            value_length: pixel_data.value_length.min(4),
            ..*pixel_data
        };
        values
            .value(&head)
            .is_some_and(|bytes| matches!(*bytes, [0xFE, 0xFF, 0x00, 0xE0]))
    };
    let encapsulated = undefined || (declared && begins());
    if encapsulated && (!undefined || pixel_data.vr != Some(Vr::OB)) {
        notes.note(
            Leniency::EncapsulatedHeaderWrong,
            pixel_data.tag,
            at,
            || "expected OB of Undefined Length".into(),
        );
    }
    if transfer_syntax.is_some() && declared != encapsulated {
        notes.note(
            Leniency::EncapsulationUnexpected,
            pixel_data.tag,
            at,
            || {
                if encapsulated {
                    "encapsulated".into()
                } else {
                    "native".into()
                }
            },
        );
    }
    encapsulated
}

/// That a frame, of so many bytes decoded, is not larger than it may be.
pub fn within_limits(layout: &FrameLayout, bytes: u64, limits: &Limits) -> Result<()> {
    let pixels = layout.pixels_per_frame();
    for (name, limit, value) in [
        ("max_frame_pixels", limits.max_frame_pixels, pixels),
        ("max_frame_bytes", limits.max_frame_bytes, bytes),
    ] {
        if value > limit {
            return Err(Error::limit(name, limit, value));
        }
    }
    Ok(())
}

fn layout<V: Values>(
    attributes: &Attributes<'_, V>,
    pixel_data: &ElementHeader,
    float: bool,
    notes: &mut Deviations,
) -> Result<FrameLayout> {
    let at = pixel_data.value_offset;
    let extent = |tag, name| -> Result<u32> {
        let value = attributes.required(tag, name)?;
        u32::try_from(value)
            .map_err(|_| pixel_error(format!("{name} is {value}, expected 1 to 65535")).of(tag))
    };
    let bits_allocated = match pixel_data.tag {
        Tag::FLOAT_PIXEL_DATA => 32,
        Tag::DOUBLE_FLOAT_PIXEL_DATA => 64,
        _ => attributes.small(
            Tag::BITS_ALLOCATED,
            "Bits Allocated",
            attributes.required(Tag::BITS_ALLOCATED, "Bits Allocated")?,
        )?,
    };
    let samples = attributes.number(Tag::SAMPLES_PER_PIXEL).unwrap_or(1);
    let samples_per_pixel =
        attributes.small(Tag::SAMPLES_PER_PIXEL, "Samples per Pixel", samples)?;
    let bits_stored = bits_stored(attributes, bits_allocated, at, notes)?;
    let high_bit = attributes
        .number(Tag::HIGH_BIT)
        .and_then(|h| u16::try_from(h).ok())
        .unwrap_or(bits_stored.saturating_sub(1));
    if high_bit.checked_add(1) != Some(bits_stored) && !float {
        notes.note(Leniency::HighBitUnusual, Tag::HIGH_BIT, at, || {
            format!("{high_bit}, Bits Stored is {bits_stored}")
        });
    }
    let sample_format = match float {
        true => SampleFormat::Float,
        false => sample_format(attributes, at, notes),
    };
    Ok(FrameLayout {
        rows: extent(Tag::ROWS, "Rows")?,
        columns: extent(Tag::COLUMNS, "Columns")?,
        samples_per_pixel,
        bits_allocated,
        bits_stored,
        high_bit,
        sample_format,
        planar_configuration: planar_configuration(attributes, samples_per_pixel, at, notes),
        photometric_interpretation: photometric(attributes, samples_per_pixel, at, notes),
    })
}

fn bits_stored<V: Values>(
    attributes: &Attributes<'_, V>,
    bits_allocated: u16,
    at: u64,
    notes: &mut Deviations,
) -> Result<u16> {
    let stored = attributes.number(Tag::BITS_STORED);
    let stored = stored.unwrap_or(i64::from(bits_allocated));
    let stored = attributes.small(Tag::BITS_STORED, "Bits Stored", stored)?;
    if (1..=bits_allocated).contains(&stored) {
        return Ok(stored);
    }
    let words = || format!("{stored} of {bits_allocated}");
    notes.note(Leniency::ImageAttributeInvalid, Tag::BITS_STORED, at, words);
    Ok(bits_allocated)
}

fn sample_format<V: Values>(
    attributes: &Attributes<'_, V>,
    at: u64,
    notes: &mut Deviations,
) -> SampleFormat {
    let tag = Tag::PIXEL_REPRESENTATION;
    match attributes.number(tag) {
        Some(0) => SampleFormat::Unsigned,
        Some(_) => SampleFormat::Signed,
        None => {
            let words = || "missing: taken as 0".into();
            notes.note(Leniency::ImageAttributeInvalid, tag, at, words);
            SampleFormat::Unsigned
        }
    }
}

fn planar_configuration<V: Values>(
    attributes: &Attributes<'_, V>,
    samples_per_pixel: u16,
    at: u64,
    notes: &mut Deviations,
) -> PlanarConfiguration {
    let tag = Tag::PLANAR_CONFIGURATION;
    let planar = attributes.number(tag);
    if samples_per_pixel > 1 && planar.is_none() {
        let words = || "taken as 0".into();
        notes.note(Leniency::PlanarConfigurationMissing, tag, at, words);
    }
    match planar {
        Some(1) if samples_per_pixel > 1 => PlanarConfiguration::ByPlane,
        _ => PlanarConfiguration::ByPixel,
    }
}

fn photometric<V: Values>(
    attributes: &Attributes<'_, V>,
    samples_per_pixel: u16,
    at: u64,
    notes: &mut Deviations,
) -> PhotometricInterpretation {
    let tag = Tag::PHOTOMETRIC_INTERPRETATION;
    let term = attributes.text(tag).unwrap_or_default();
    let capitals = term.to_ascii_uppercase();
    if term.is_empty() || term != capitals {
        let words = || format!("{term:?}");
        notes.note(Leniency::ImageAttributeInvalid, tag, at, words);
    }
    match term.is_empty() && samples_per_pixel == 1 {
        true => PhotometricInterpretation::Monochrome2,
        false => PhotometricInterpretation::from_term(&capitals),
    }
}

/// Number of Frames: 1 where it is absent, empty or zero. PS3.3 §C.7.6.6
fn number_of_frames<V: Values>(
    attributes: &Attributes<'_, V>,
    pixel_data: &ElementHeader,
    notes: &mut Deviations,
) -> Result<u64> {
    let Some(header) = attributes.set.get(Tag::NUMBER_OF_FRAMES) else {
        return Ok(1);
    };
    let at = header.value_offset;
    match attributes.number(Tag::NUMBER_OF_FRAMES) {
        Some(n @ 1..) => Ok(n.unsigned_abs()),
        Some(0) | None
            if header.value_length == 0 || attributes.number(Tag::NUMBER_OF_FRAMES) == Some(0) =>
        {
            notes.note(Leniency::NumberOfFramesInvalid, header.tag, at, || {
                "taken as 1".into()
            });
            Ok(1)
        }
        found => {
            let found = found.map_or_else(
                || attributes.text(Tag::NUMBER_OF_FRAMES).unwrap_or_default(),
                |n| n.to_string(),
            );
            let shown: String = found.chars().take(32).collect();
            Err(pixel_error(format!(
                "Number of Frames is {shown:?}, expected a positive integer"
            ))
            .at(at)
            .of(pixel_data.tag))
        }
    }
}
