//! Where every frame lies in the file: PS3.5 §8.1, §A.4, without reading a pixel.

use crate::bytes::FileBytes;
use crate::schema::Columns;
use crate::value::Level;
use crate::wanted::Found;
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::read::{
    Bytes, ElementHeader, ExtendedOffsetTable, Fragments, frame_ranges, u16_of,
};
use rapidicom_core::value::number::integer;
use rapidicom_core::value::text::trim_end;
use rapidicom_core::{Limits, Tag, Vr};

/// Offset and length of each frame; none where the file does not say it.
pub(crate) fn ranges(
    file: &mut FileBytes<'_>,
    pixels: &ElementHeader,
    found: &Found,
    columns: &Columns,
    level: &Level,
    limits: &Limits,
    notes: &mut Deviations,
) -> Option<Vec<(i64, i64)>> {
    let attributes = Attributes {
        found,
        columns,
        level,
    };
    let frames = attributes
        .frames(file)
        .filter(|&n| limits.max_frames.is_none_or(|most| n <= most))?;
    if !is_encapsulated(file, pixels, found) {
        let bits = attributes.frame_bits(file, pixels, frames)?;
        let words = !level.little && pixels.vr == Some(Vr::OW);
        let held = (bits > 0).then(|| pixels.value_length.saturating_mul(8) / bits)?;
        let few = frames.min(held) <= limits.max_elements;
        return few.then(|| native(pixels, bits, words, frames, notes));
    }
    let extended = attributes.extended_offset_table(file);
    let bytes = file.here_and_there();
    let fragments = Fragments::read(&bytes, pixels, level.little, limits, notes).ok()?;
    let ranges = frame_ranges(&bytes, &fragments, extended.as_ref(), frames, notes);
    ranges
        .ok()?
        .iter()
        .map(|range| pair(range.offset, range.length))
        .collect()
}

fn pair(offset: u64, length: u64) -> Option<(i64, i64)> {
    Some((i64::try_from(offset).ok()?, i64::try_from(length).ok()?))
}

/// Whether the value is fragments: of Undefined Length, or what the Transfer Syntax says and the first item shows. PS3.5 §A.4
fn is_encapsulated(file: &mut FileBytes<'_>, pixels: &ElementHeader, found: &Found) -> bool {
    let syntax = found.start.as_ref().and_then(|start| start.transfer_syntax);
    let declared = syntax.is_some_and(|syntax| syntax.is_encapsulated());
    let begins = |file: &mut FileBytes<'_>| {
        let bytes = file.here_and_there();
        let first = bytes.bytes(pixels.value_offset, 4);
        first.is_some_and(|bytes| *bytes == [0xFE, 0xFF, 0x00, 0xE0])
    };
    pixels.is_undefined_length() || (declared && pixels.value_length >= 8 && begins(file))
}

/// Frames of equal size, one after the other without anything between: a frame of single bits may begin within a byte. Of a
/// value that is too short those that it holds. `words`: bytes are swapped in pairs, which belong together.
fn native(
    pixels: &ElementHeader,
    bits: u64,
    words: bool,
    frames: u64,
    notes: &mut Deviations,
) -> Vec<(i64, i64)> {
    let range = |frame: u64| {
        let mut first = frame.checked_mul(bits)? / 8;
        let mut end = frame.checked_add(1)?.checked_mul(bits)?.div_ceil(8);
        if words {
            (first, end) = (
                first & !1,
                end.next_multiple_of(2).min(pixels.value_length.max(end)),
            );
        }
        (end <= pixels.value_length).then_some(())?;
        pair(pixels.value_offset.checked_add(first)?, end - first)
    };
    let ranges: Vec<_> = (0..frames).map_while(range).collect();
    if (ranges.len() as u64) < frames {
        notes.note(
            Leniency::PixelDataShort,
            pixels.tag,
            pixels.offset(),
            String::new,
        );
    }
    ranges
}

/// The elements that describe the pixels.
struct Attributes<'a> {
    found: &'a Found,
    columns: &'a Columns,
    level: &'a Level,
}

impl Attributes<'_> {
    fn bytes<T>(
        &self,
        file: &FileBytes<'_>,
        tag: Tag,
        then: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let slot = self.columns.wanted.binary_search(&tag).ok()?;
        let header = self.found.slots.get(slot)?.as_ref()?;
        then(&file.value(header.value_offset..header.value_end()).ok()?)
    }

    fn number(&self, file: &FileBytes<'_>, tag: Tag) -> Option<u64> {
        self.bytes(file, tag, |bytes| {
            Some(u64::from(u16_of(*bytes.first_chunk()?, self.level.little)))
        })
    }

    /// Number of Frames: one where nothing is said, or zero; none where it is no number. PS3.3 §C.7.6.6
    fn frames(&self, file: &FileBytes<'_>) -> Option<u64> {
        let said = self.bytes(file, Tag::NUMBER_OF_FRAMES, |bytes| {
            Some(match trim_end(bytes) {
                [] => Some(1),
                text => integer(text).map(|n| n.max(i64::from(n == 0))),
            })
        });
        said.map_or(Some(1), |n| u64::try_from(n?).ok())
    }

    /// Bits of one frame of native Pixel Data. PS3.5 §8.1.1, PS3.3 §C.7.6.3.1
    fn frame_bits(&self, file: &FileBytes<'_>, value: &ElementHeader, frames: u64) -> Option<u64> {
        let allocated = match value.tag {
            Tag::FLOAT_PIXEL_DATA => 32,
            Tag::DOUBLE_FLOAT_PIXEL_DATA => 64,
            _ => self.number(file, Tag::BITS_ALLOCATED)?,
        };
        let pixels = self
            .number(file, Tag::ROWS)?
            .checked_mul(self.number(file, Tag::COLUMNS)?)?;
        let bits = |samples| pixels.checked_mul(samples)?.checked_mul(allocated);
        // YBR_FULL_422 stores two chrominance samples for two pixels: two samples a pixel. PS3.3 §C.7.6.3.1.2
        let subsampled = |bytes: &[u8]| Some(trim_end(bytes) == b"YBR_FULL_422");
        if self.bytes(file, Tag::PHOTOMETRIC_INTERPRETATION, subsampled) != Some(true) {
            return bits(self.number(file, Tag::SAMPLES_PER_PIXEL).unwrap_or(1));
        }
        // One that has the length of all samples was never subsampled.
        let full = bits(3)?;
        let length = full.checked_mul(frames)?.div_ceil(8);
        if value.value_length == length || value.value_length == length.next_multiple_of(2) {
            return Some(full);
        }
        bits(2)
    }

    fn extended_offset_table(&self, file: &FileBytes<'_>) -> Option<ExtendedOffsetTable> {
        let numbers = |bytes: &[u8]| {
            Some(
                bytes
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| u64::from_le_bytes(*b))
                    .collect(),
            )
        };
        Some(ExtendedOffsetTable {
            offsets: self.bytes(file, Tag::EXTENDED_OFFSET_TABLE, numbers)?,
            lengths: self.bytes(file, Tag::EXTENDED_OFFSET_TABLE_LENGTHS, numbers)?,
        })
    }
}
