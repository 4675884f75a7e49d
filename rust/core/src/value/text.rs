//! Character strings: what of a Value Field is its value. PS3.5 §6.2, §6.4

use super::charset::{SpecificCharacterSet, TextDeviation, TextKind};
use crate::vr::Vr;
use std::borrow::Cow;

/// The text of a whole Value Field, padding trimmed; values are still separated by backslashes.
///
/// VRs outside the Specific Character Set are read as ISO-IR 100, so that no byte is lost.
pub fn decode<'a>(
    bytes: &'a [u8],
    vr: Vr,
    charset: &SpecificCharacterSet,
) -> (Cow<'a, str>, Option<TextDeviation>) {
    match vr {
        Vr::PN => charset.decode(trim_end(bytes), TextKind::PersonName),
        Vr::ST | Vr::LT | Vr::UT => {
            let (text, deviation) = charset.decode(bytes, TextKind::MultiLine);
            (trimmed(text, |t| t.trim_end_matches(is_padding)), deviation)
        }
        Vr::LO | Vr::SH | Vr::UC => charset.decode(bytes, TextKind::SingleLine),
        Vr::UR => (
            trimmed(latin_1(bytes), |t| t.trim_end_matches(is_white)),
            None,
        ),
        Vr::AE => (latin_1(bytes), None),
        _ => (latin_1(trim_end(bytes)), None),
    }
}

/// One value out of the text of a Value Field, as it is given out.
#[inline]
pub fn trim_value(value: &str, vr: Vr) -> &str {
    match vr {
        Vr::AE | Vr::UI => value.trim_matches(is_white),
        Vr::LO | Vr::SH | Vr::UC => value.trim_end_matches(is_padding),
        // Empty component groups at the end, with or without their delimiter, are the same name. PS3.5 §6.2.1.1
        Vr::PN => value.trim_end_matches('='),
        _ => value,
    }
}

/// Trailing spaces and NULs.
#[inline]
pub fn trim_end(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [head @ .., b' ' | 0] = bytes {
        bytes = head;
    }
    bytes
}

fn is_padding(c: char) -> bool {
    c == ' ' || c == '\0'
}

/// White space as Python's `str.strip` takes it in ISO-IR 100.
fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\x1c'..='\x1f' | '\u{85}' | '\u{a0}')
}

fn trimmed<'a>(text: Cow<'a, str>, trim: impl Fn(&str) -> &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => {
            let kept = trim(text).len();
            Cow::Borrowed(text.get(..kept).unwrap_or(text))
        }
        Cow::Owned(mut text) => {
            let kept = trim(&text).len();
            text.truncate(kept);
            Cow::Owned(text)
        }
    }
}

/// Each byte as the character of that number.
pub fn latin_1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|&b| char::from(b)).collect()),
    }
}
