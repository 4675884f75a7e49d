//! Which encoding the bytes are in, from the bytes alone. PS3.5 §7.1, §A

use super::element::{RawHeader, UNDEFINED, header_at};
use super::reader::Window;
use super::walk::names;
use crate::dictionary::{self, DictionaryVr};
use crate::tag::Tag;
use crate::transfer_syntax::Encoding;
use crate::vr::Vr;

/// Elements that must make sense one after the other.
const ELEMENTS: u32 = 3;

/// How well `encoding` explains the bytes at `start`: none if the first element makes no sense.
fn score(window: &Window<'_>, start: u64, end: u64, encoding: Encoding) -> Option<u32> {
    let (mut at, mut last, mut points) = (start, None::<Tag>, 0);
    for n in 0..ELEMENTS {
        if n > 0 && at == end {
            // All of it explained: as good as three elements.
            return Some(points + 4 * (ELEMENTS - n));
        }
        let Some(header) = header_at(window, at, encoding) else {
            // What lies beyond the window cannot speak against.
            return if n > 0 && at >= window.end() && window.end() < end {
                Some(points + 3)
            } else {
                last.map(|_| points)
            };
        };
        let Some(more) = sense(&header, at, end, last) else {
            return last.map(|_| points);
        };
        points += more;
        last = Some(header.tag);
        if header.length == UNDEFINED {
            return Some(points + 4 * (ELEMENTS - n - 1));
        }
        at = header.value_offset(at) + u64::from(header.length);
    }
    Some(points)
}

/// Points for one element; none if it cannot be one.
fn sense(header: &RawHeader, at: u64, end: u64, last: Option<Tag>) -> Option<u32> {
    let tag = header.tag;
    let known = dictionary::vr_of(tag);
    if last.is_some_and(|last| tag <= last)
        || (tag.0 == 0 && header.length != 4)
        || tag.group() == 0xFFFE
    {
        return None;
    }
    if header.length == UNDEFINED {
        let may = match header.vr {
            Some(vr) => matches!(vr, Vr::SQ | Vr::UN | Vr::OB | Vr::OW),
            None => {
                tag.is_private() || known == DictionaryVr::One(Vr::SQ) || tag == Tag::PIXEL_DATA
            }
        };
        return may.then_some(3);
    }
    if header
        .value_offset(at)
        .saturating_add(u64::from(header.length))
        > end
    {
        return None;
    }
    let agrees = match header.vr {
        Some(vr) => names(known, vr),
        None => known != DictionaryVr::None,
    };
    Some(1 + 2 * u32::from(agrees) + u32::from(agrees && header.vr.is_some()))
}

/// The encoding that explains the bytes best, if one explains them well: three elements in a row, or all there are, of
/// which the dictionary knows one.
pub fn detect_encoding(window: &Window<'_>, start: u64, end: u64) -> Option<Encoding> {
    [
        Encoding::ExplicitLittle,
        Encoding::ImplicitLittle,
        Encoding::ExplicitBig,
    ]
    .into_iter()
    .filter_map(|encoding| score(window, start, end, encoding).map(|points| (points, encoding)))
    .filter(|&(points, _)| points > ELEMENTS + 1)
    .reduce(|best, next| if next.0 > best.0 { next } else { best })
    .map(|(_, encoding)| encoding)
}

/// True if nothing speaks against the declared encoding: the question that is asked of every file, in a few loads.
#[inline]
pub(super) fn agrees(window: &Window<'_>, at: u64, declared: Encoding) -> bool {
    let Some(b) = window.array::<8>(at) else {
        return true;
    };
    let named = Vr::from_bytes([b[4], b[5]]).is_some();
    match declared {
        Encoding::ExplicitLittle => named && (b[1] == 0 || b[0] != 0),
        Encoding::ExplicitBig => named && (b[0] == 0 || b[1] != 0),
        Encoding::ImplicitLittle => !named && (b[1] == 0 || b[0] != 0),
    }
}

/// True if the first tag is one that a data set without preamble begins with: identification, patient or directory.
pub(super) fn begins_data_set(window: &Window<'_>, at: u64, encoding: Encoding) -> bool {
    header_at(window, at, encoding).is_some_and(|h| {
        matches!(
            h.tag.group(),
            0x0004 | 0x0008 | 0x0010 | 0x0018 | 0x0020 | 0x0028
        ) && (h.tag.is_group_length() || dictionary::vr_of(h.tag) != DictionaryVr::None)
    })
}
