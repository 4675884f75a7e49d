//! What a value must be like by its VR: PS3.5 §6.2. Nothing is refused here; what is odd is named.

use super::charset::TextDeviation;
use super::decimals::{Decimal, Decimals};
use super::number::{integer, trim_ascii};
use crate::read::leniency::Leniency;
use crate::vr::Vr;

/// What is told of text that was not as the standard wants it.
pub fn leniency_of(deviation: TextDeviation) -> Leniency {
    match deviation {
        TextDeviation::UnknownTerm => Leniency::CharacterSetUnknown,
        TextDeviation::MisspelledTerm => Leniency::CharacterSetMisspelled,
        TextDeviation::ExtensionsIgnored => Leniency::CharacterSetExtensionsIgnored,
        TextDeviation::UndeclaredBytes => Leniency::CharacterSetUndeclared,
        TextDeviation::InvalidBytes => Leniency::CharactersInvalid,
        TextDeviation::UnknownEscape | TextDeviation::UndeclaredEscape => Leniency::EscapeUnknown,
        TextDeviation::MissingReturn => Leniency::EscapeNotReturned,
    }
}

/// The first thing that is odd about the text of a Value Field, padding trimmed.
pub fn text(text: &str, vr: Vr) -> Option<(Leniency, String)> {
    if matches!(vr, Vr::ST | Vr::LT | Vr::UT | Vr::UR) {
        return one(text, vr);
    }
    text.split('\\')
        .find_map(|value| one(value.trim_end_matches([' ', '\0']), vr))
}

fn one(value: &str, vr: Vr) -> Option<(Leniency, String)> {
    if value.is_empty() {
        return None;
    }
    let odd = |code, what: &str| Some((code, format!("{what}: {:?}", shortened(value))));
    if let Some(most) = longest(vr)
        && value.chars().count() > most
    {
        return odd(
            Leniency::ValueTooLong,
            &format!("more than {most} characters of {vr}"),
        );
    }
    let allowed = |c: char| {
        c >= ' ' && c != '\x7F' || (matches!(c, '\n' | '\r' | '\t' | '\x0C') && is_lines(vr))
    };
    if vr.uses_specific_character_set() && !value.chars().all(allowed) {
        return odd(Leniency::ControlCharacter, "a control character");
    }
    let valid = match vr {
        Vr::CS => value
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b'_')),
        Vr::DA => is_date(value),
        Vr::TM => is_time(value),
        Vr::DT => is_date_time(value),
        Vr::AS => {
            matches!(value.as_bytes(), [a, b, c, b'D' | b'W' | b'M' | b'Y'] if [a, b, c].iter().all(|d| d.is_ascii_digit()))
        }
        Vr::UI => is_uid(value),
        Vr::PN => return person_name(value),
        _ => true,
    };
    if valid {
        None
    } else {
        odd(Leniency::ValueInvalid, &format!("no {vr}"))
    }
}

fn is_lines(vr: Vr) -> bool {
    matches!(vr, Vr::ST | Vr::LT | Vr::UT)
}

fn shortened(value: &str) -> String {
    value.chars().take(32).collect()
}

/// Characters that a value of this VR may have. PS3.5 Table 6.2-1
fn longest(vr: Vr) -> Option<usize> {
    Some(match vr {
        Vr::AE | Vr::CS | Vr::SH => 16,
        Vr::LO => 64,
        Vr::ST => 1024,
        Vr::LT => 10240,
        Vr::UI => 64,
        Vr::DT => 26,
        _ => return None,
    })
}

/// What is odd about the numbers of a DS or IS Value Field.
pub fn numbers(bytes: &[u8], vr: Vr) -> Option<(Leniency, String)> {
    let shown = |text: &[u8]| format!("{:?}", shortened(&String::from_utf8_lossy(text)));
    if vr == Vr::DS {
        let invalid = Decimals::new(bytes).find_map(|d| match d {
            Decimal::Invalid(text) => Some((
                Leniency::NumberInvalid,
                format!("no number: {}", shown(text)),
            )),
            Decimal::Number(n) if !n.is_finite() => {
                Some((Leniency::NumberOutOfRange, format!("{n}")))
            }
            _ => None,
        });
        return invalid.or_else(|| {
            let long = bytes
                .split(|&b| b == b'\\')
                .find(|t| trim_ascii(t).len() > 16)?;
            Some((
                Leniency::ValueTooLong,
                format!("more than 16 characters of DS: {}", shown(long)),
            ))
        });
    }
    bytes
        .split(|&b| b == b'\\')
        .map(trim_ascii)
        .filter(|t| !t.is_empty())
        .find_map(|t| match integer(t) {
            Some(n) if i32::try_from(n).is_ok() => None,
            Some(n) => Some((Leniency::NumberOutOfRange, format!("{n}"))),
            None => Some((Leniency::NumberInvalid, format!("no integer: {}", shown(t)))),
        })
}

fn digits(text: &str, from: usize, to: usize) -> Option<u32> {
    let part = text.get(from..to)?;
    part.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| part.parse().ok())
        .flatten()
}

fn is_date(text: &str) -> bool {
    let month = digits(text, 4, 6).is_some_and(|m| (1..=12).contains(&m));
    let day = digits(text, 6, 8).is_some_and(|d| (1..=31).contains(&d));
    text.len() == 8 && digits(text, 0, 4).is_some() && month && day
}

fn is_time(text: &str) -> bool {
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let within = |from, most| {
        whole.len() <= from || digits(whole, from, from + 2).is_some_and(|n| n <= most)
    };
    let fraction = fraction.is_none_or(|f| {
        whole.len() == 6 && (1..=6).contains(&f.len()) && digits(f, 0, f.len()).is_some()
    });
    matches!(whole.len(), 2 | 4 | 6) && within(0, 23) && within(2, 59) && within(4, 60) && fraction
}

fn is_date_time(text: &str) -> bool {
    let sign = text.rfind(['+', '-']);
    let (local, zone) = sign.map_or((text, None), |at| {
        (text.get(..at).unwrap_or(""), text.get(at + 1..))
    });
    let zone = zone.is_none_or(|z| z.len() == 4 && digits(z, 0, 4).is_some());
    let date = match local.len() {
        4 => digits(local, 0, 4).is_some(),
        6 => digits(local, 0, 6).is_some(),
        7.. => local.get(..8).is_some_and(is_date),
        _ => false,
    };
    date && zone && (local.len() <= 8 || local.get(8..).is_some_and(is_time))
}

fn is_uid(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    })
}

fn person_name(value: &str) -> Option<(Leniency, String)> {
    let groups = value.split('=').count();
    let components = value
        .split('=')
        .map(|group| group.split('^').count())
        .max()
        .unwrap_or(0);
    let long = value.split('=').any(|group| group.chars().count() > 64);
    if groups > 3 || components > 5 {
        return Some((
            Leniency::PersonNameInvalid,
            format!(
                "{groups} groups, {components} components: {:?}",
                shortened(value)
            ),
        ));
    }
    long.then(|| {
        (
            Leniency::ValueTooLong,
            format!(
                "more than 64 characters in a group of PN: {:?}",
                shortened(value)
            ),
        )
    })
}
