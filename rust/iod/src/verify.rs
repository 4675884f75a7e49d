//! All that is not as the standard wants it, at all depths: what reading forgives without a word until it is asked.
//!
//! The list depends on the bytes alone, not on what was read before. An explicit stack, no recursion.

use crate::image::{Image, Values};
use rapidicom_codecs::{
    Compressed, DecodeOptions, FrameLayout, PhotometricInterpretation, PixelError, SampleFormat,
    StreamColor, StreamHeader,
};
use rapidicom_core::data_set::{DataSet, Inherited};
use rapidicom_core::dictionary::{self, DictionaryVr};
use rapidicom_core::error::PathStep;
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::read::{ElementHeader, Flags, Item, Window, items, scan};
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::text::{decode, trim_end};
use rapidicom_core::value::validate;
use rapidicom_core::{Error, Limits, Result, Tag, Vr};
use std::borrow::Cow;
use std::ops::Range;

/// Values longer than this are judged by their beginning.
const JUDGED_BYTES: usize = 1 << 20;

/// Where the bytes of a data set come from.
pub trait Bytes {
    /// The bytes of a range.
    fn bytes(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>>;
}

struct Fetch<'a, B>(&'a B);

impl<B: Bytes> Values for Fetch<'_, B> {
    fn value(&self, header: &ElementHeader) -> Option<Cow<'_, [u8]>> {
        self.0.bytes(header.value_offset..header.value_end()).ok()
    }
}

/// An item that is still to be verified.
struct Open {
    item: Item,
    inherited: Inherited,
    path: Vec<PathStep>,
}

/// Verifies `set` and all below it; `path` leads to it.
pub fn verify(
    set: &DataSet,
    path: &[PathStep],
    bytes: &impl Bytes,
    transfer_syntax: Option<TransferSyntax>,
    limits: &Limits,
    notes: &mut Deviations,
) -> Result<()> {
    let mut open = Vec::new();
    let mut begun = enter(notes, path);
    level(set, path, bytes, transfer_syntax, limits, notes, &mut open)?;
    leave(notes, begun);
    while let Some(next) = open.pop() {
        begun = enter(notes, &next.path);
        let range = next.item.range();
        let headers = {
            let value = bytes.bytes(range.clone())?;
            scan(
                &Window::new(&value, range.start),
                range,
                next.item.encoding,
                limits,
                notes,
            )?
        };
        let fetch = Fetch(bytes);
        let set = DataSet::new(headers, next.item.encoding, next.inherited, |h| {
            fetch.value(h)
        });
        level(&set, &next.path, bytes, None, limits, notes, &mut open)?;
        leave(notes, begun);
        if notes.seen() > u64::from(limits.max_warnings) {
            break;
        }
    }
    Ok(())
}

fn enter(notes: &mut Deviations, path: &[PathStep]) -> usize {
    for &step in path {
        notes.enter(step);
    }
    path.len()
}

fn leave(notes: &mut Deviations, steps: usize) {
    for _ in 0..steps {
        notes.leave();
    }
}

fn level(
    set: &DataSet,
    path: &[PathStep],
    bytes: &impl Bytes,
    transfer_syntax: Option<TransferSyntax>,
    limits: &Limits,
    notes: &mut Deviations,
    open: &mut Vec<Open>,
) -> Result<()> {
    let fetch = Fetch(bytes);
    let before = open.len();
    for header in &set.headers {
        let vr = set.vr(header, |h| fetch.value(h));
        self::header(set, header, vr, &fetch, notes);
        if vr == Vr::SQ {
            push_items(set, path, header, bytes, limits, notes, open)?;
        } else if header.value_length > 0 && (vr.is_text() || vr.unit() > 1) && !is_bulk(vr) {
            value(set, header, vr, &fetch, notes);
        }
    }
    if let Some(rest) = open.get_mut(before..) {
        rest.reverse();
    }
    if set.get(Tag::PIXEL_DATA).is_some() {
        image(set, &fetch, bytes, transfer_syntax, limits, notes);
    }
    Ok(())
}

fn push_items(
    set: &DataSet,
    path: &[PathStep],
    header: &ElementHeader,
    bytes: &impl Bytes,
    limits: &Limits,
    notes: &mut Deviations,
    open: &mut Vec<Open>,
) -> Result<()> {
    let depth = path.len() as u64 + 1;
    if depth > limits.entered_depth() {
        return Err(Error::limit("max_depth", limits.entered_depth(), depth).of(header.tag));
    }
    let value = bytes.bytes(header.value_offset..header.value_end())?;
    let found = items(
        &Window::new(&value, header.value_offset),
        header,
        set.encoding,
        limits,
        notes,
    )?;
    for (n, item) in found.into_iter().enumerate() {
        if item.value_length > 0 {
            let step = PathStep {
                tag: header.tag,
                item: u32::try_from(n).unwrap_or(u32::MAX),
            };
            let path = path.iter().copied().chain([step]).collect();
            open.push(Open {
                item,
                inherited: set.inherited,
                path,
            });
        }
    }
    Ok(())
}

fn is_bulk(vr: Vr) -> bool {
    matches!(
        vr,
        Vr::OB | Vr::OW | Vr::OF | Vr::OD | Vr::OL | Vr::OV | Vr::UN
    )
}

/// What the header says against the dictionary. PS3.6, PS3.5 §7.8
fn header(
    set: &DataSet,
    header: &ElementHeader,
    vr: Vr,
    fetch: &impl Values,
    notes: &mut Deviations,
) {
    let (tag, at) = (header.tag, header.offset());
    if tag.is_private() {
        if matches!(tag.group(), 1 | 3 | 5 | 7 | 0xFFFF) {
            notes.note(Leniency::PrivateGroupIllegal, tag, at, || "kept".into());
        } else if tag.element() >= 0x1000 && set.private_creator(tag, |h| fetch.value(h)).is_none()
        {
            notes.note(Leniency::PrivateCreatorMissing, tag, at, || {
                "no Private Creator reserves this block".into()
            });
        }
        return;
    }
    let known = dictionary::vr_of(tag);
    let Some(stated) = header.vr else { return };
    if stated == Vr::UN {
        // PS3.5 §6.2.2: UN of a known element is for values too long for its VR's 16-bit length.
        if known != DictionaryVr::None
            && header.value_length <= 0xFFFF
            && !header.is_undefined_length()
        {
            notes.note(Leniency::VrUnexpected, tag, at, || {
                format!("UN, the dictionary has {}", known.as_str())
            });
        }
        return;
    }
    let agrees = match known {
        DictionaryVr::None => true,
        DictionaryVr::One(one) => one == stated || (stated == Vr::OB && one == Vr::OW),
        DictionaryVr::UsOrSs => matches!(stated, Vr::US | Vr::SS),
        DictionaryVr::ObOrOw => matches!(stated, Vr::OB | Vr::OW | Vr::OV),
        DictionaryVr::UsOrOw => matches!(stated, Vr::US | Vr::OW),
        DictionaryVr::UsOrSsOrOw => matches!(stated, Vr::US | Vr::SS | Vr::OW),
    };
    if !agrees && !header.flags.has(Flags::ITEMS) {
        notes.note(Leniency::VrUnexpected, tag, at, || {
            format!("{vr}, the dictionary has {}", known.as_str())
        });
    }
}

/// What the value says against its VR. PS3.5 §6.2
fn value(
    set: &DataSet,
    header: &ElementHeader,
    vr: Vr,
    fetch: &impl Values,
    notes: &mut Deviations,
) {
    let (tag, at) = (header.tag, header.value_offset);
    let Some(bytes) = fetch.value(header) else {
        return;
    };
    let judged = bytes
        .get(..bytes.len().min(JUDGED_BYTES))
        .unwrap_or_default();
    let mut note = |code, detail: String| notes.note(code, tag, at, || detail);
    if !vr.is_text() {
        let unit = if vr == Vr::AT { 4 } else { vr.unit() };
        if !bytes.len().is_multiple_of(unit) {
            note(
                Leniency::ValueLengthInvalid,
                format!("{} bytes of {vr}", bytes.len()),
            );
        } else {
            multiplicity(tag, (bytes.len() / unit) as u64, &mut note);
        }
        return;
    }
    if tag == Tag::SPECIFIC_CHARACTER_SET {
        if let (_, Some(deviation)) = SpecificCharacterSet::parse(&bytes) {
            note(
                validate::leniency_of(deviation),
                String::from_utf8_lossy(trim_end(&bytes)).into_owned(),
            );
        }
        return;
    }
    if matches!(vr, Vr::DS | Vr::IS) {
        if let Some((code, detail)) = validate::numbers(trim_end(judged), vr) {
            note(code, detail);
        }
        return;
    }
    let (text, deviation) = decode(judged, vr, &set.inherited.charset);
    if let Some(deviation) = deviation {
        note(
            validate::leniency_of(deviation),
            format!("{:?}", text.chars().take(32).collect::<String>()),
        );
    }
    let padded = vr == Vr::UI && bytes.ends_with(b" ");
    if padded {
        note(Leniency::ValueInvalid, "UI padded with a space".into());
    }
    if let Some((code, detail)) = validate::text(&text, vr) {
        note(code, detail);
    } else if !vr.is_single_valued() {
        multiplicity(tag, text.split('\\').count() as u64, &mut note);
    }
}

fn multiplicity(tag: Tag, found: u64, note: &mut impl FnMut(Leniency, String)) {
    if let Some(vm) = dictionary::by_tag(tag).map(|e| e.vm())
        && vm.max.is_some_and(|max| found > u64::from(max))
    {
        note(
            Leniency::MultiplicityWrong,
            format!("{found} values, the dictionary has {vm}"),
        );
    }
}

/// What the image's attributes say against its data. PS3.3 §C.7.6.3
fn image(
    set: &DataSet,
    fetch: &impl Values,
    bytes: &impl Bytes,
    transfer_syntax: Option<TransferSyntax>,
    limits: &Limits,
    notes: &mut Deviations,
) {
    palettes(set, fetch, notes);
    let image = match Image::of(set, fetch, transfer_syntax, false, limits, notes) {
        Ok(image) => image,
        Err(error) => {
            let tag = error.tag.unwrap_or(Tag::PIXEL_DATA);
            let at = error.offset.unwrap_or(0);
            notes.note(Leniency::ImageAttributeInvalid, tag, at, || {
                error.detail.into_owned()
            });
            return;
        }
    };
    let (tag, at) = (image.pixel_data.tag, image.pixel_data.value_offset);
    if !matches!(image.layout.bits_allocated, 1 | 8 | 16 | 32 | 64) {
        let bits = image.layout.bits_allocated;
        notes.note(
            Leniency::ImageAttributeInvalid,
            Tag::BITS_ALLOCATED,
            at,
            || format!("Bits Allocated is {bits}"),
        );
    }
    if !image.encapsulated {
        return;
    }
    let Ok(value) = bytes.bytes(at..image.pixel_data.value_end()) else {
        return;
    };
    let window = Window::new(&value, at);
    // What it finds is noted where it is found; that frames can't be told apart among it.
    let Ok((fragments, frames)) = image.encapsulated_frames(set, fetch, &window, limits, notes)
    else {
        return;
    };
    for fragment in fragments.list.iter().filter(|f| f.length & 1 == 1) {
        notes.note(Leniency::LengthOdd, tag, fragment.offset, || {
            format!("a fragment of {} bytes", fragment.length)
        });
    }
    let rle = transfer_syntax.is_some_and(|t| t.uid() == RLE_LOSSLESS);
    for frame in &frames {
        if rle && frame.count != 1 {
            notes.note(Leniency::FragmentsUnexpected, tag, frame.offset, || {
                format!("an RLE frame of {} fragments", frame.count)
            });
        }
        let bytes = window.get(frame.offset, frame.length).unwrap_or_default();
        if let Some(detail) = code_stream(bytes, rle, transfer_syntax) {
            notes.note(Leniency::CodeStreamInvalid, tag, frame.offset, || detail);
            continue;
        }
        match header_of(&image, bytes) {
            Some(Ok(header)) => {
                if let Some(detail) = disagreement(&image.layout, &header) {
                    notes.note(Leniency::CodeStreamDisagrees, tag, frame.offset, || detail);
                }
            }
            Some(Err(error)) => {
                notes.note(Leniency::CodeStreamInvalid, tag, frame.offset, || {
                    error.detail.into_owned()
                });
            }
            None => {}
        }
    }
}

/// What a frame's code stream says of itself.
fn header_of(image: &Image, bytes: &[u8]) -> Option<std::result::Result<StreamHeader, PixelError>> {
    let family = image.family?;
    family.decoder()?;
    let options = DecodeOptions::default();
    Some(Compressed { family, options }.header(bytes, &image.layout))
}

/// What of the data set the code stream contradicts, as far as samples depend on it.
fn disagreement(layout: &FrameLayout, header: &StreamHeader) -> Option<String> {
    let declared = layout.photometric_interpretation;
    let signed = layout.sample_format == SampleFormat::Signed;
    if header.precision > layout.bits_stored {
        let (found, stored) = (header.precision, layout.bits_stored);
        return Some(format!("{found} bits a sample, Bits Stored is {stored}"));
    }
    if header.signed.is_some_and(|found| found != signed) {
        let pixel_representation = u8::from(signed);
        return Some(format!(
            "samples of the other sign, Pixel Representation is {pixel_representation}"
        ));
    }
    let color = match header.color {
        StreamColor::Rgb => declared.becomes_rgb(),
        StreamColor::Ybr => declared == PhotometricInterpretation::Rgb,
        StreamColor::AsDeclared | StreamColor::Four => false,
    };
    color.then(|| format!("{:?}, declared {}", header.color, declared.term()))
}

const RLE_LOSSLESS: &str = "1.2.840.10008.1.2.5";

/// What the first bytes of a frame's code stream show to be wrong, without decoding it. PS3.5 §8.2, §G.5
fn code_stream(bytes: &[u8], rle: bool, transfer_syntax: Option<TransferSyntax>) -> Option<String> {
    if bytes.is_empty() {
        return Some("a frame without bytes".into());
    }
    if rle {
        let Some((header, _)) = bytes.split_first_chunk::<64>() else {
            return Some(format!("an RLE frame of {} bytes", bytes.len()));
        };
        let (words, _) = header.as_chunks::<4>();
        let mut words = words.iter().map(|b| u32::from_le_bytes(*b));
        let segments = words.next().unwrap_or(0);
        let mut offsets = words.take(segments.min(15) as usize);
        let inside = |offset: u32| (64..=bytes.len() as u64).contains(&u64::from(offset));
        let lies = !(1..=15).contains(&segments) || !offsets.all(inside);
        return lies
            .then(|| format!("an RLE header of {segments} segments that do not fit the frame"));
    }
    let name = transfer_syntax.map_or("", |t| t.keyword());
    let begins = match name {
        n if n.starts_with("JPEGXL") => return None,
        n if n.starts_with("JPEG2000") || n.starts_with("HTJ2K") => {
            bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) || bytes.starts_with(b"\0\0\0\x0CjP  ")
        }
        n if n.starts_with("JPEG") => bytes.starts_with(&[0xFF, 0xD8, 0xFF]),
        _ => return None,
    };
    (!begins).then(|| format!("no {name} code stream"))
}

/// Lookup tables shorter than their descriptor says. PS3.3 §C.7.6.3.1.5
fn palettes(set: &DataSet, fetch: &impl Values, notes: &mut Deviations) {
    for channel in 0..3 {
        let Some(data) = set.get(Tag(0x0028_1201 + channel)) else {
            continue;
        };
        let Some(descriptor) = set
            .get(Tag(0x0028_1101 + channel))
            .and_then(|h| fetch.value(h))
        else {
            continue;
        };
        let number = |at: usize| -> Option<u64> {
            let pair = descriptor.as_chunks::<2>().0.get(at)?;
            let little = set.encoding.is_little_endian();
            Some(u64::from(if little {
                u16::from_le_bytes(*pair)
            } else {
                u16::from_be_bytes(*pair)
            }))
        };
        let (Some(entries), Some(bits)) = (number(0), number(2)) else {
            continue;
        };
        let entries = if entries == 0 { 65536 } else { entries };
        let expected = if bits > 8 { entries * 2 } else { entries };
        if data.value_length < expected {
            notes.note(
                Leniency::ImageAttributeInvalid,
                data.tag,
                data.value_offset,
                || {
                    format!(
                        "{} bytes of lookup table, its descriptor says {expected}",
                        data.value_length
                    )
                },
            );
        }
    }
}
