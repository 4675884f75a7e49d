//! One Value Field → one cell: the VR of the file is honoured, the type of the column is kept. What does not fit is null
//! and a warning.

use crate::builder::{Builder, LONGEST_VALUE};
use crate::date;
use crate::text_column::plain;
use arrow_array::builder::{ListBuilder, PrimitiveBuilder};
use arrow_array::types::ArrowPrimitiveType;
use rapidicom_core::dictionary::DictionaryVr;
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::read::{ElementHeader, Flags};
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::decimals::{Decimal, Decimals};
use rapidicom_core::value::number::{Number, decimal, integer, number, numbers, trim_ascii};
use rapidicom_core::value::text;
use rapidicom_core::value::validate::leniency_of;
use rapidicom_core::{Tag, Vr};
use std::fmt::Write;

/// What the elements of one level are read by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) little: bool,
    pub(crate) charset: SpecificCharacterSet,
    pub(crate) pixel_representation: Option<u16>,
}

/// A value as it lies there.
pub(crate) struct Value<'a> {
    pub(crate) tag: Tag,
    /// The first byte of its element.
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) vr: Vr,
    pub(crate) little: bool,
}

impl<'a> Value<'a> {
    /// The value of an element, whose VR is the file's where that says one, else the dictionary's.
    #[inline]
    pub(crate) fn new(
        bytes: &'a [u8],
        header: &ElementHeader,
        known: DictionaryVr,
        level: &Level,
    ) -> Value<'a> {
        let vr = match header.vr {
            Some(vr) if vr != Vr::UN && !header.flags.has(Flags::ITEMS) => vr,
            _ => by_dictionary(header, known, level),
        };
        // UN is in Implicit VR Little Endian, whatever is around it. PS3.5 §6.2.2
        Value {
            tag: header.tag,
            offset: header.offset(),
            bytes,
            vr,
            little: level.little || header.vr == Some(Vr::UN),
        }
    }

    /// Notes what is odd about it.
    #[cold]
    pub(crate) fn note(&self, code: Leniency, notes: &mut Deviations) {
        notes.note(code, self.tag, self.offset, String::new);
    }
}

#[cold]
fn by_dictionary(header: &ElementHeader, known: DictionaryVr, level: &Level) -> Vr {
    if header.flags.has(Flags::ITEMS) {
        return Vr::SQ;
    }
    match known {
        DictionaryVr::One(vr) => vr,
        DictionaryVr::UsOrSs if level.pixel_representation.is_some_and(|signed| signed != 0) => {
            Vr::SS
        }
        DictionaryVr::UsOrSs => Vr::US,
        DictionaryVr::ObOrOw | DictionaryVr::UsOrOw | DictionaryVr::UsOrSsOrOw => Vr::OW,
        DictionaryVr::None => Vr::UN,
    }
}

/// Appends a value to its column. Nothing, or padding alone, is null.
#[inline]
pub(crate) fn append(
    builder: &mut Builder,
    value: &Value<'_>,
    level: &Level,
    notes: &mut Deviations,
) {
    if value.bytes.is_empty() {
        return builder.append_null();
    }
    if value.bytes.len() > LONGEST_VALUE {
        value.note(Leniency::ValueTooLong, notes);
        return builder.append_null();
    }
    match builder {
        Builder::Text(b) if value.vr.is_text() => match plain(value.bytes, value.vr) {
            Some(text) => b.append_if_any(text),
            None => with_text(value, level, notes, |text| {
                let text = if value.vr.is_single_valued() {
                    text
                } else {
                    text::trim_value(text, value.vr)
                };
                b.append_if_any(text.as_bytes());
            }),
        },
        Builder::Text(b) => match shown(value) {
            Some(text) => b.append(text.as_bytes()),
            None => {
                value.note(Leniency::VrUnexpected, notes);
                b.close(false);
            }
        },
        Builder::Texts(b) if value.vr.is_text() => with_text(value, level, notes, |text| {
            if text.is_empty() {
                return b.append_null();
            }
            for part in text.split('\\') {
                b.values().append_value(text::trim_value(part, value.vr));
            }
            b.append(true);
        }),
        Builder::Texts(b) => match shown(value) {
            Some(text) => {
                text.split('\\')
                    .for_each(|part| b.values().append_value(part));
                b.append(true);
            }
            None => {
                value.note(Leniency::VrUnexpected, notes);
                b.append_null();
            }
        },
        Builder::Date(b) => scalar(b, value, notes, date_of),
        Builder::Dates(b) => list(b, value, notes, date_of),
        Builder::Int32(b) => scalar(b, value, notes, |one| {
            int64_of(one)?.map(narrow).transpose()
        }),
        Builder::Int32s(b) => list(b, value, notes, |one| {
            int64_of(one)?.map(narrow).transpose()
        }),
        Builder::Int64(b) => scalar(b, value, notes, int64_of),
        Builder::Int64s(b) => list(b, value, notes, int64_of),
        Builder::Float64(b) if value.vr == Vr::DS => {
            let mut all = decimals_of(value.bytes);
            let first = all.next().unwrap_or(Ok(None));
            if all.next().is_some() {
                value.note(Leniency::MultiplicityWrong, notes);
            }
            b.append_option(noted(first, value, notes));
        }
        Builder::Float64(b) => scalar(b, value, notes, float64_of),
        Builder::Float64s(b) if value.vr == Vr::DS && !trim(value.bytes).is_empty() => {
            for taken in decimals_of(value.bytes) {
                b.values().append_option(noted(taken, value, notes));
            }
            b.append(true);
        }
        Builder::Float64s(b) => list(b, value, notes, float64_of),
        Builder::Binary(b) => b.append_value(value.bytes),
        Builder::Time(_) | Builder::Structs(_) | Builder::Each(_) => builder.append_null(),
    }
}

#[inline]
fn with_text(value: &Value<'_>, level: &Level, notes: &mut Deviations, then: impl FnOnce(&str)) {
    let (text, deviation) = text::decode(value.bytes, value.vr, &level.charset);
    if let Some(deviation) = deviation {
        value.note(leniency_of(deviation), notes);
    }
    then(&text);
}

/// Numbers as text, for a column of text; none of what is neither.
#[cold]
fn shown(value: &Value<'_>) -> Option<String> {
    if !is_number(value.vr) {
        // Private values without a VR are often text all the same.
        let text = std::str::from_utf8(text::trim_end(value.bytes)).ok()?;
        let printable =
            value.vr == Vr::UN && !text.is_empty() && !text.contains(|c: char| c.is_control());
        return printable.then(|| text.to_owned());
    }
    let words = each_number(value).map(|number| match number {
        Number::Signed(n) => n.to_string(),
        Number::Unsigned(n) => n.to_string(),
        Number::Float(n) => n.to_string(),
    });
    Some(words.collect::<Vec<_>>().join("\\"))
}

/// The binary numbers of a value; a tag of AT is one. PS3.5 §6.2
#[inline]
pub(crate) fn each_number<'a>(value: &Value<'a>) -> impl Iterator<Item = Number> + use<'a> {
    let &Value {
        bytes, vr, little, ..
    } = value;
    let all = bytes.chunks_exact(number_length(vr));
    all.map(move |chunk| one_number(vr, chunk, little))
}

fn number_length(vr: Vr) -> usize {
    if vr == Vr::AT { 4 } else { vr.unit() }
}

#[inline]
fn one_number(vr: Vr, chunk: &[u8], little: bool) -> Number {
    if vr != Vr::AT {
        return number(vr, chunk, little);
    }
    let halves = numbers(vr, chunk, little);
    Number::Unsigned(halves.fold(0, |tag, half| match half {
        Number::Unsigned(half) => tag << 16 | half,
        _ => tag,
    }))
}

/// A number in the fewest digits from which it is read again, as JSON writes it; one that is finite.
pub(crate) fn write_number(out: &mut impl Write, number: Number) {
    let _ = match number {
        Number::Signed(n) => write!(out, "{n}"),
        Number::Unsigned(n) => write!(out, "{n}"),
        Number::Float(n) if n == 0.0 || (1e-5..1e16).contains(&n.abs()) => write!(out, "{n}"),
        Number::Float(n) => write!(out, "{n:e}"),
    };
}

fn is_number(vr: Vr) -> bool {
    matches!(
        vr,
        Vr::US | Vr::SS | Vr::UL | Vr::SL | Vr::UV | Vr::SV | Vr::FL | Vr::FD | Vr::AT
    )
}

/// One of the values of a Value Field.
#[derive(Clone, Copy)]
enum One<'a> {
    Number(Number),
    /// Text without the spaces around it; a Decimal String or not.
    Text(&'a [u8]),
}

/// A value as the column wants it, nothing, or why not.
type Taken<T> = Result<Option<T>, Leniency>;

#[inline]
fn scalar<T: ArrowPrimitiveType>(
    builder: &mut PrimitiveBuilder<T>,
    value: &Value<'_>,
    notes: &mut Deviations,
    take: impl Fn(One<'_>) -> Taken<T::Native>,
) {
    let (taken, more) = if value.vr.is_text() {
        let (text, more) = first_text(value.bytes);
        (take(One::Text(text)), more)
    } else {
        match first_number(value) {
            Ok((number, more)) => (take(One::Number(number)), more),
            Err(code) => (Err(code), false),
        }
    };
    if more {
        value.note(Leniency::MultiplicityWrong, notes);
    }
    builder.append_option(noted(taken, value, notes));
}

#[inline]
fn noted<T>(taken: Taken<T>, value: &Value<'_>, notes: &mut Deviations) -> Option<T> {
    taken.unwrap_or_else(|code| {
        value.note(code, notes);
        None
    })
}

/// The first value, and whether there are more.
#[inline]
fn first_text(bytes: &[u8]) -> (&[u8], bool) {
    match bytes.iter().position(|&b| b == b'\\') {
        Some(at) => (trim(bytes.get(..at).unwrap_or_default()), true),
        None => (trim(bytes), false),
    }
}

/// The first number, and whether there are more: by comparing, since a length that is not known beforehand is divided by slowly.
#[inline]
fn first_number(value: &Value<'_>) -> Result<(Number, bool), Leniency> {
    if !is_number(value.vr) {
        return Err(Leniency::VrUnexpected);
    }
    let length = number_length(value.vr);
    let chunk = value.bytes.get(..length);
    let chunk = chunk.ok_or(Leniency::ValueLengthInvalid)?;
    let number = one_number(value.vr, chunk, value.little);
    Ok((number, value.bytes.len() >= 2 * length))
}

#[inline]
fn list<T: ArrowPrimitiveType>(
    builder: &mut ListBuilder<PrimitiveBuilder<T>>,
    value: &Value<'_>,
    notes: &mut Deviations,
    take: impl Fn(One<'_>) -> Taken<T::Native>,
) {
    if value.vr.is_text() {
        if trim(value.bytes).is_empty() {
            return builder.append_null();
        }
        for part in value.bytes.split(|&b| b == b'\\') {
            let taken = noted(take(One::Text(trim(part))), value, notes);
            builder.values().append_option(taken);
        }
    } else if is_number(value.vr) {
        for number in each_number(value) {
            let taken = noted(take(One::Number(number)), value, notes);
            builder.values().append_option(taken);
        }
    } else {
        value.note(Leniency::VrUnexpected, notes);
        return builder.append_null();
    }
    builder.append(true);
}

/// Without the spaces and NULs around.
#[inline]
fn trim(bytes: &[u8]) -> &[u8] {
    trim_ascii(text::trim_end(bytes))
}

/// The values of a DS Value Field, in one pass over its bytes.
#[inline]
fn decimals_of(bytes: &[u8]) -> impl Iterator<Item = Taken<f64>> {
    Decimals::new(text::trim_end(bytes)).map(|one| match one {
        Decimal::Number(number) => Ok(Some(number)),
        Decimal::Empty => Ok(None),
        Decimal::Invalid(text) => float64_of(One::Text(trim(text))),
    })
}

fn date_of(one: One<'_>) -> Taken<i32> {
    match one {
        One::Text([]) => Ok(None),
        One::Text(text) => date::days(text).map(Some).ok_or(Leniency::ValueInvalid),
        One::Number(_) => Err(Leniency::VrUnexpected),
    }
}

#[inline]
fn int64_of(one: One<'_>) -> Taken<i64> {
    match one {
        One::Text([]) => Ok(None),
        One::Text(text) => match integer(text) {
            Some(n) => Ok(Some(n)),
            None => decimal(text)
                .ok_or(Leniency::NumberInvalid)
                .and_then(whole)
                .map(Some),
        },
        One::Number(Number::Signed(n)) => Ok(Some(n)),
        One::Number(Number::Unsigned(n)) => i64::try_from(n)
            .map(Some)
            .map_err(|_| Leniency::NumberOutOfRange),
        One::Number(Number::Float(n)) => whole(n).map(Some),
    }
}

/// A number without a fraction that a double holds exactly.
#[cold]
fn whole(n: f64) -> Result<i64, Leniency> {
    if n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0 {
        Ok(n as i64)
    } else {
        Err(Leniency::NumberInvalid)
    }
}

#[inline]
fn narrow(n: i64) -> Result<i32, Leniency> {
    i32::try_from(n).map_err(|_| Leniency::NumberOutOfRange)
}

#[inline]
fn float64_of(one: One<'_>) -> Taken<f64> {
    match one {
        One::Text([]) => Ok(None),
        One::Text(text) => decimal(text).map(Some).ok_or(Leniency::NumberInvalid),
        One::Number(Number::Float(n)) => Ok(Some(n)),
        One::Number(Number::Signed(n)) => Ok(Some(n as f64)),
        One::Number(Number::Unsigned(n)) => Ok(Some(n as f64)),
    }
}
