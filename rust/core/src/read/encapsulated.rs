//! Encapsulated Pixel Data: fragments, offset tables, frames. PS3.5 §A.4

use super::element::{ElementHeader, tag_and_length};
use super::here_and_there::Bytes;
use super::leniency::{Deviations, Leniency};
use super::reader::Window;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::tag::Tag;

/// Bytes that are asked for to see what something begins with.
const BEGINNING: u64 = 12;

/// Bytes that are looked through at once.
const LONGEST_STRETCH: u64 = 64 << 10;

/// One fragment's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The first byte after the item's header.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// The items of an encapsulated Pixel Data element.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fragments {
    /// The value of the first item. PS3.5 §A.4 Table A.4-1
    pub basic_offset_table: Vec<u32>,
    /// The first byte after the first item: what offsets in the tables are counted from.
    pub start: u64,
    /// All further items.
    pub list: Vec<Fragment>,
}

impl Fragments {
    /// Reads the item headers of `pixel_data`, and of their contents the offset table alone.
    pub fn read(
        window: &impl Bytes,
        pixel_data: &ElementHeader,
        little: bool,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<Fragments> {
        let mut fragments = Fragments {
            start: pixel_data.value_offset,
            ..Fragments::default()
        };
        let (mut at, end) = (pixel_data.value_offset, pixel_data.value_end());
        let mut first = true;
        while end.saturating_sub(at) >= 8 {
            let Some((tag, length)) = item_header(window, at, little) else {
                break;
            };
            let offset = at.saturating_add(8);
            if tag == Tag::SEQUENCE_DELIMITATION_ITEM {
                break;
            }
            if tag != Tag::ITEM {
                match next_item(window, at.saturating_add(1), end, little) {
                    Some(next) => at = next,
                    None => break,
                }
                continue;
            }
            let rest = end.saturating_sub(offset);
            let length = if u64::from(length) > rest {
                next_item(window, offset, end, little).map_or(rest, |next| next - offset)
            } else {
                u64::from(length)
            };
            if first {
                first = false;
                fragments.first_item(window, Fragment { offset, length }, little, notes);
            } else {
                if fragments.list.len() as u64 >= limits.max_fragments {
                    return Err(Error::limit(
                        "max_fragments",
                        limits.max_fragments,
                        limits.max_fragments + 1,
                    )
                    .at(at));
                }
                fragments.list.push(Fragment { offset, length });
            }
            at = offset.saturating_add(length);
        }
        Ok(fragments)
    }

    /// The Basic Offset Table, or a fragment where there is none.
    fn first_item(
        &mut self,
        window: &impl Bytes,
        item: Fragment,
        little: bool,
        notes: &mut Deviations,
    ) {
        let (Fragment { offset, length }, tag) = (item, Tag::PIXEL_DATA);
        let at = offset.saturating_sub(8);
        let beginning = window.bytes(offset, length.min(BEGINNING));
        if looks_like_frame(&beginning.unwrap_or_default()) {
            let words = || "the first item is a fragment".into();
            notes.note(Leniency::OffsetTableMissing, tag, at, words);
            self.list.push(item);
            return;
        }
        if length % 4 != 0 {
            let words = || format!("{length} bytes");
            notes.note(Leniency::OffsetTableWrong, tag, at, words);
        }
        let entry = |bytes: &[u8; 4]| match little {
            true => u32::from_le_bytes(*bytes),
            false => u32::from_be_bytes(*bytes),
        };
        let bytes = window.bytes(offset, length).unwrap_or_default();
        self.basic_offset_table = bytes.as_chunks::<4>().0.iter().map(entry).collect();
        self.start = offset.saturating_add(length);
    }
}

fn item_header(bytes: &impl Bytes, at: u64, little: bool) -> Option<(Tag, u32)> {
    let header = bytes.bytes(at, 8)?;
    tag_and_length(&Window::new(&header, at), at, little)
}

/// Where the next item or delimiter is. Looked for in stretches that grow: it is mostly near, and there may be many.
fn next_item(window: &impl Bytes, from: u64, end: u64, little: bool) -> Option<u64> {
    let (item, delimiter): ([u8; 4], [u8; 4]) = if little {
        ([0xFE, 0xFF, 0x00, 0xE0], [0xFE, 0xFF, 0xDD, 0xE0])
    } else {
        ([0xFF, 0xFE, 0xE0, 0x00], [0xFF, 0xFE, 0xE0, 0xDD])
    };
    let (mut at, mut stretch) = (from, 64);
    loop {
        let length = end.checked_sub(at)?.min(stretch);
        let bytes = window.bytes(at, length)?;
        if let Some(place) = bytes.windows(4).position(|b| b == item || b == delimiter) {
            return Some(at + place as u64);
        }
        if length < stretch {
            return None;
        }
        at += length - 3;
        stretch = (stretch * 2).min(LONGEST_STRETCH);
    }
}

/// The first bytes of a code stream: SOI, SOC, JPEG XL. A later fragment of JPEG 2000 may begin with FF 4F by chance.
fn begins_frame(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, 0xD8 | 0x4F | 0x0A, ..]) || looks_like_frame(bytes)
}

/// The first bytes of a code stream where a Basic Offset Table may stand: JPEG and JPEG-LS SOI, JPEG 2000 SOC, JPEG XL. A Basic Offset Table never has them:
/// its first entry is zero.
fn looks_like_frame(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xFF, 0xD8, 0xFF, ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] | [0xFF, 0x0A, ..]
    ) || bytes.starts_with(b"\0\0\0\x0CJXL ")
        || bytes.starts_with(b"\0\0\0\x0CjP  ")
}

/// The fragments of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRange {
    /// Index of its first fragment.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// The first byte of the first fragment.
    pub offset: u64,
    /// Bytes up to the end of the last fragment, the item headers between fragments included.
    pub length: u64,
}

/// An Extended Offset Table with its lengths. PS3.3 §C.7.6.3.1.8
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtendedOffsetTable {
    /// (7FE0,0001)
    pub offsets: Vec<u64>,
    /// (7FE0,0002)
    pub lengths: Vec<u64>,
}

/// Divides fragments into frames: by a table that points at fragments in which code streams begin, else by their number, else by
/// where code streams begin. Fewer frames where a file was cut off, or never had as many: those that are there. PS3.5 §A.4
pub fn frame_ranges(
    window: &impl Bytes,
    fragments: &Fragments,
    extended: Option<&ExtendedOffsetTable>,
    frames: u64,
    notes: &mut Deviations,
) -> Result<Vec<FrameRange>> {
    let count = fragments.list.len() as u64;
    let place = fragments.start;
    let table = fragments.basic_offset_table.iter();
    let table: Vec<u64> = table.map(|&offset| offset.into()).collect();
    let by_extended = extended.into_iter().map(|table| {
        let told = by_extended_table(fragments, table, frames);
        (Tag::EXTENDED_OFFSET_TABLE, told)
    });
    let basic = Some(&table).filter(|table| !table.is_empty()).into_iter();
    let by_basic = basic.map(|table| (Tag::PIXEL_DATA, by_offsets(fragments, table, frames)));
    let told = by_extended.chain(by_basic);
    if let Some(ranges) = by_tables(window, fragments, told, frames, notes) {
        return Ok(ranges);
    }
    if frames == count {
        return Ok(each(fragments));
    }
    if frames == 1 && count > 0 {
        return Ok(vec![range(fragments, 0, fragments.list.len())]);
    }
    let starts = marked(window, fragments);
    if starts.len() as u64 == frames && starts.first() == Some(&0) {
        return Ok(between(fragments, &starts));
    }
    let extended = extended.map_or(&[][..], |table| &table.offsets);
    let some = [extended, &table]
        .into_iter()
        .find_map(|offsets| by_offsets_so_far(fragments, offsets, frames));
    let some = some.or_else(|| match starts.first() {
        Some(0) if (starts.len() as u64) < frames => Some(between(fragments, &starts)),
        // Code streams without a mark: RLE, and what is deflated. Each is one fragment. PS3.5 §A.4.2
        None if count < frames && count > 0 => Some(each(fragments)),
        _ => None,
    });
    notes.note(
        Leniency::FragmentsUnexpected,
        Tag::PIXEL_DATA,
        place,
        || format!("{count} fragments for {frames} frames"),
    );
    some.ok_or_else(|| {
        let detail = format!("{count} fragments, {frames} frames and no offset table that fits: expected one of them to say where a frame begins");
        Error::new(ErrorKind::PixelDecode, detail)
            .at(place)
            .of(Tag::PIXEL_DATA)
    })
}

/// By the first table that is believed.
fn by_tables(
    window: &impl Bytes,
    fragments: &Fragments,
    tables: impl Iterator<Item = (Tag, Option<Vec<FrameRange>>)>,
    frames: u64,
    notes: &mut Deviations,
) -> Option<Vec<FrameRange>> {
    let (place, count) = (fragments.start, fragments.list.len());
    for (tag, told) in tables {
        match believed(window, fragments, told, frames) {
            Err(why) => notes.note(Leniency::OffsetTableWrong, tag, place, || why.into()),
            Ok(ranges) => {
                let end = ranges.last().map_or(0, |last| last.first + last.count);
                if end < count {
                    let words = || format!("{count} fragments for more than {frames} frames");
                    notes.note(Leniency::FragmentsUnexpected, tag, place, words);
                }
                return Some(ranges);
            }
        }
    }
    None
}

fn range(fragments: &Fragments, first: usize, count: usize) -> FrameRange {
    let none = Fragment {
        offset: 0,
        length: 0,
    };
    let start = fragments.list.get(first).copied().unwrap_or(none);
    let last = fragments
        .list
        .get(first.saturating_add(count).saturating_sub(1))
        .copied()
        .unwrap_or(none);
    let end = last.offset.saturating_add(last.length);
    FrameRange {
        first,
        count,
        offset: start.offset,
        length: end.saturating_sub(start.offset),
    }
}

/// Every fragment a frame.
fn each(fragments: &Fragments) -> Vec<FrameRange> {
    let all = 0..fragments.list.len();
    all.map(|i| range(fragments, i, 1)).collect()
}

fn between(fragments: &Fragments, starts: &[usize]) -> Vec<FrameRange> {
    let ends = starts.iter().skip(1).copied().chain([fragments.list.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&first, end)| range(fragments, first, end.saturating_sub(first)))
        .collect()
}

/// What a table says, or what is wrong with it: as many code streams as frames begin, and elsewhere.
fn believed(
    window: &impl Bytes,
    fragments: &Fragments,
    told: Option<Vec<FrameRange>>,
    frames: u64,
) -> std::result::Result<Vec<FrameRange>, &'static str> {
    let told = told.ok_or("it does not point at fragments")?;
    // One fragment a frame can be pointed at in one way alone.
    if frames == fragments.list.len() as u64 {
        return Ok(told);
    }
    let seen = marked(window, fragments);
    let elsewhere = seen.len() == told.len() && seen.first() == Some(&0);
    match elsewhere && !told.iter().map(|range| range.first).eq(seen) {
        true => Err("it points at fragments in which no code stream begins"),
        false => Ok(told),
    }
}

/// The fragments in which a code stream begins.
fn marked(window: &impl Bytes, fragments: &Fragments) -> Vec<usize> {
    let begins = |fragment: &Fragment| {
        let beginning = window.bytes(fragment.offset, fragment.length.min(BEGINNING));
        begins_frame(&beginning.unwrap_or_default())
    };
    let all = fragments.list.iter().enumerate();
    all.filter(|(_, fragment)| begins(fragment))
        .map(|(i, _)| i)
        .collect()
}

/// The fragments at which the offsets point, if each does and they ascend.
fn starts_of(fragments: &Fragments, offsets: &[u64]) -> Option<Vec<usize>> {
    let mut starts = Vec::new();
    let mut from = 0;
    for &offset in offsets {
        let target = fragments.start.checked_add(offset)?.checked_add(8)?;
        let at = fragments
            .list
            .get(from..)?
            .iter()
            .position(|f| f.offset == target)?;
        starts.push(from + at);
        from = from + at + 1;
    }
    (starts.first() == Some(&0)).then_some(starts)
}

/// The first `frames` of those that the table divides. Of one frame there may be offsets of its fragments, which are no frames.
fn by_offsets(fragments: &Fragments, offsets: &[u64], frames: u64) -> Option<Vec<FrameRange>> {
    let longer = offsets.len() as u64 > frames;
    if (offsets.len() as u64) < frames || (longer && frames == 1) {
        return None;
    }
    let mut ranges = between(fragments, &starts_of(fragments, offsets)?);
    ranges.truncate(usize::try_from(frames).ok()?);
    Some(ranges)
}

/// The frames that lie before the end, of a table that goes on beyond it.
fn by_offsets_so_far(
    fragments: &Fragments,
    offsets: &[u64],
    frames: u64,
) -> Option<Vec<FrameRange>> {
    let end = fragments.list.last()?;
    let end = end.offset.saturating_add(end.length);
    let lies_before = |&&offset: &&u64| fragments.start.saturating_add(offset) < end;
    let there = offsets.iter().take_while(lies_before).count();
    let before = offsets.get(..there)?;
    by_offsets(fragments, before, there as u64).filter(|_| offsets.len() as u64 == frames)
}

fn by_extended_table(
    fragments: &Fragments,
    table: &ExtendedOffsetTable,
    frames: u64,
) -> Option<Vec<FrameRange>> {
    let mut ranges = by_offsets(fragments, &table.offsets, frames)?;
    if table.lengths.len() != table.offsets.len() {
        return None;
    }
    for (range, &length) in ranges.iter_mut().zip(&table.lengths) {
        // The table's length leaves the pad byte out.
        if range.count == 1 && length <= range.length && range.length - length <= 1 {
            range.length = length;
        } else if range.count == 1 && length != range.length {
            return None;
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Fragments {
        let list = [108, 126, 144]
            .map(|offset| Fragment { offset, length: 10 })
            .to_vec();
        Fragments {
            basic_offset_table: Vec::new(),
            start: 100,
            list,
        }
    }

    #[test]
    fn a_table_that_points_at_fragments_divides_them() {
        let ranges = by_offsets(&three(), &[0, 36], 2).unwrap();
        assert_eq!(
            ranges
                .iter()
                .map(|r| (r.first, r.count))
                .collect::<Vec<_>>(),
            [(0, 2), (2, 1)]
        );
        assert_eq!((ranges[0].offset, ranges[0].length), (108, 28));
    }

    #[test]
    fn a_table_that_points_into_a_code_stream_is_not_believed() {
        let mut bytes = vec![0; 60];
        bytes[8..11].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        bytes[44..47].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        let told = |table: &[u32], bytes: &[u8]| {
            let (window, mut notes) = (Window::new(bytes, 100), Deviations::new(9));
            let fragments = Fragments {
                basic_offset_table: table.to_vec(),
                ..three()
            };
            let ranges = frame_ranges(&window, &fragments, None, 2, &mut notes).unwrap();
            let codes: Vec<_> = notes.kept().iter().map(|note| note.code).collect();
            let firsts: Vec<_> = ranges.iter().map(|r| (r.first, r.count)).collect();
            (firsts, codes)
        };
        let wrong = vec![Leniency::OffsetTableWrong];
        assert_eq!(told(&[0, 36], &bytes), (vec![(0, 2), (2, 1)], vec![]));
        assert_eq!(told(&[0, 18], &bytes), (vec![(0, 2), (2, 1)], wrong));
        // Without marks, RLE for one, nothing speaks against it.
        assert_eq!(told(&[0, 18], &[0; 60]), (vec![(0, 1), (1, 2)], vec![]));
    }

    #[test]
    fn a_table_that_lies_is_refused() {
        for table in [
            &[0u64, 35][..],
            &[0, 999_999],
            &[36, 0],
            &[0, u64::MAX],
            &[18, 36],
            &[0],
        ] {
            assert_eq!(by_offsets(&three(), table, 2), None, "{table:?}");
        }
    }

    #[test]
    fn without_a_table_the_numbers_decide() {
        let window = Window::new(&[], 0);
        let frames =
            |n| frame_ranges(&window, &three(), None, n, &mut Deviations::new(9)).map(|r| r.len());
        assert_eq!(frames(3), Ok(3));
        assert_eq!(frames(1), Ok(1));
        assert!(frames(2).is_err());
    }

    #[test]
    fn of_a_file_that_was_cut_off_the_frames_that_are_there_are_told() {
        let told = |fragments: &Fragments, window: &Window<'_>, frames| {
            let mut notes = Deviations::new(9);
            let ranges = frame_ranges(window, fragments, None, frames, &mut notes).unwrap();
            let codes: Vec<_> = notes.kept().iter().map(|note| note.code).collect();
            assert!(codes.contains(&Leniency::FragmentsUnexpected));
            ranges
                .iter()
                .map(|r| (r.first, r.count))
                .collect::<Vec<_>>()
        };
        let nothing = Window::new(&[], 0);
        assert_eq!(told(&three(), &nothing, 5), [(0, 1), (1, 1), (2, 1)]);
        let with_table = Fragments {
            basic_offset_table: vec![0, 36, 90, 120],
            ..three()
        };
        assert_eq!(told(&with_table, &nothing, 4), [(0, 2), (2, 1)]);
        // Two fragments of one code stream, and the beginning of the next.
        let mut bytes = vec![0; 60];
        bytes[8..11].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        bytes[44..47].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        assert_eq!(
            told(&three(), &Window::new(&bytes, 100), 7),
            [(0, 2), (2, 1)]
        );
    }
}
