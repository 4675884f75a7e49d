//! Elements inside sequences, by path: PS3.5 §7.5.

use crate::batch::Builder;
use crate::schema::Element;
use crate::value::{self, Level, Value, Warnings};
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::read::{ElementHeader, Item, Window, items, scan, u16_of};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::{Error, Limits, Tag, Vr};

/// A sequence element of the outermost level.
pub(crate) struct Place<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) header: ElementHeader,
    pub(crate) encoding: Encoding,
    pub(crate) level: Level,
}

/// Appends the value that a path leads to; null where it leads nowhere.
pub(crate) fn append(
    builder: &mut Builder,
    column: &Element,
    place: &Place<'_>,
    limits: &Limits,
    warnings: &mut Warnings,
) {
    let window = Window::new(place.bytes, place.header.value_offset);
    let mut notes = Deviations::new(limits.max_warnings);
    let found = find(column, place, &window, limits, &mut notes);
    notes
        .kept()
        .iter()
        .for_each(|deviation| warnings.note(deviation.code));
    match found {
        Ok(Some((header, level))) => {
            let bytes = window
                .get(header.value_offset, header.value_length)
                .unwrap_or_default();
            value::append(
                builder,
                &Value::new(bytes, &header, column.vr, &level),
                &level,
                warnings,
            );
        }
        Ok(None) => builder.append_null(),
        Err(_) => {
            warnings.note(Leniency::ItemExpected);
            builder.append_null();
        }
    }
}

fn find(
    column: &Element,
    place: &Place<'_>,
    window: &Window<'_>,
    limits: &Limits,
    notes: &mut Deviations,
) -> Result<Option<(ElementHeader, Level)>, Error> {
    let (mut header, mut encoding, mut level) = (place.header, place.encoding, place.level);
    for &(number, tag) in &column.inside {
        if !matches!(header.vr, Some(Vr::SQ | Vr::UN) | None) && !header.is_undefined_length() {
            return Ok(None);
        }
        let all = items(window, &header, encoding, limits, notes)?;
        let Some(item) = usize::try_from(number).ok().and_then(|n| all.get(n)) else {
            return Ok(None);
        };
        let headers = scan(window, item.range(), item.encoding, limits, notes)?;
        let get = |tag: Tag| {
            headers
                .binary_search_by_key(&tag, |h| h.tag)
                .ok()
                .and_then(|at| headers.get(at))
                .copied()
        };
        level = inherit(level, item, window, get);
        encoding = item.encoding;
        let Some(next) = get(tag) else {
            return Ok(None);
        };
        header = next;
    }
    Ok(Some((header, level)))
}

/// What holds in an item: its own, else what holds around it. PS3.5 §7.5.3
fn inherit(
    mut level: Level,
    item: &Item,
    window: &Window<'_>,
    get: impl Fn(Tag) -> Option<ElementHeader>,
) -> Level {
    let bytes =
        |tag| get(tag).and_then(|h: ElementHeader| window.get(h.value_offset, h.value_length));
    level.little = item.encoding.is_little_endian();
    if let Some(terms) = bytes(Tag::SPECIFIC_CHARACTER_SET) {
        level.charset = SpecificCharacterSet::parse(terms).0;
    }
    if let Some(pair) = bytes(Tag::PIXEL_REPRESENTATION).and_then(<[u8]>::first_chunk::<2>) {
        level.pixel_representation = Some(u16_of(*pair, level.little));
    }
    level
}
