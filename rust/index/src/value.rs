//! One Value Field → one cell: the VR of the file is honoured, the type of the column is kept. What does not fit is null
//! and a warning.

use crate::batch::{Builder, LONGEST_VALUE};
use crate::date;
use arrow_array::builder::{ListBuilder, PrimitiveBuilder};
use arrow_array::types::ArrowPrimitiveType;
use rapidicom_core::Vr;
use rapidicom_core::dictionary::DictionaryVr;
use rapidicom_core::read::leniency::Leniency;
use rapidicom_core::read::{ElementHeader, Flags};
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::number::{Number, decimal, integer, numbers, trim_ascii};
use rapidicom_core::value::text;
use rapidicom_core::value::validate::leniency_of;

/// What the elements of one level are read by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) little: bool,
    pub(crate) charset: SpecificCharacterSet,
    pub(crate) pixel_representation: Option<u16>,
}

/// A value as it lies there.
pub(crate) struct Value<'a> {
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
            bytes,
            vr,
            little: level.little || header.vr == Some(Vr::UN),
        }
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

/// What was noticed about the values of one row.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub(crate) codes: Vec<Leniency>,
}

impl Warnings {
    #[cold]
    pub(crate) fn note(&mut self, code: Leniency) {
        if !self.codes.contains(&code) {
            self.codes.push(code);
        }
    }
}

/// Appends a value to its column. Nothing, or padding alone, is null.
#[inline]
pub(crate) fn append(
    builder: &mut Builder,
    value: &Value<'_>,
    level: &Level,
    warnings: &mut Warnings,
) {
    if value.bytes.is_empty() {
        return builder.append_null();
    }
    if value.bytes.len() > LONGEST_VALUE {
        warnings.note(Leniency::ValueTooLong);
        return builder.append_null();
    }
    match builder {
        Builder::Text(b) if value.vr.is_text() => with_text(value, level, warnings, |text| {
            let text = if value.vr.is_single_valued() {
                text
            } else {
                text::trim_value(text, value.vr)
            };
            if text.is_empty() {
                b.append_null()
            } else {
                b.append_value(text)
            }
        }),
        Builder::Text(b) => match shown(value) {
            Some(text) => b.append_value(text),
            None => {
                warnings.note(Leniency::VrUnexpected);
                b.append_null();
            }
        },
        Builder::Texts(b) if value.vr.is_text() => with_text(value, level, warnings, |text| {
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
                warnings.note(Leniency::VrUnexpected);
                b.append_null();
            }
        },
        Builder::Date(b) => scalar(b, value, warnings, date_of),
        Builder::Dates(b) => list(b, value, warnings, date_of),
        Builder::Int32(b) => scalar(b, value, warnings, |one| {
            int64_of(one)?.map(narrow).transpose()
        }),
        Builder::Int32s(b) => list(b, value, warnings, |one| {
            int64_of(one)?.map(narrow).transpose()
        }),
        Builder::Int64(b) => scalar(b, value, warnings, int64_of),
        Builder::Int64s(b) => list(b, value, warnings, int64_of),
        Builder::Float64(b) => scalar(b, value, warnings, float64_of),
        Builder::Float64s(b) => list(b, value, warnings, float64_of),
        Builder::Binary(b) => b.append_value(value.bytes),
        Builder::Time(_) | Builder::Frames(_) | Builder::Each(_) => builder.append_null(),
    }
}

#[inline]
fn with_text(value: &Value<'_>, level: &Level, warnings: &mut Warnings, then: impl FnOnce(&str)) {
    let (text, deviation) = text::decode(value.bytes, value.vr, &level.charset);
    if let Some(deviation) = deviation {
        warnings.note(leniency_of(deviation));
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
    let words = numbers(value.vr, value.bytes, value.little).map(|number| match number {
        Number::Signed(n) => n.to_string(),
        Number::Unsigned(n) => n.to_string(),
        Number::Float(n) => n.to_string(),
    });
    Some(words.collect::<Vec<_>>().join("\\"))
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
    warnings: &mut Warnings,
    take: impl Fn(One<'_>) -> Taken<T::Native>,
) {
    let (first, more) = match first(value) {
        Ok(found) => found,
        Err(code) => {
            warnings.note(code);
            return builder.append_null();
        }
    };
    if more {
        warnings.note(Leniency::MultiplicityWrong);
    }
    builder.append_option(noted(take(first), warnings));
}

#[inline]
fn noted<T>(taken: Taken<T>, warnings: &mut Warnings) -> Option<T> {
    taken.unwrap_or_else(|code| {
        warnings.note(code);
        None
    })
}

/// The first value, and whether there are more.
#[inline]
fn first<'a>(value: &Value<'a>) -> Result<(One<'a>, bool), Leniency> {
    if value.vr.is_text() {
        let bytes = value.bytes;
        return Ok(match bytes.iter().position(|&b| b == b'\\') {
            Some(at) => (One::Text(trim(bytes.get(..at).unwrap_or_default())), true),
            None => (One::Text(trim(bytes)), false),
        });
    }
    if !is_number(value.vr) {
        return Err(Leniency::VrUnexpected);
    }
    let mut all = numbers(value.vr, value.bytes, value.little);
    let one = all.next().ok_or(Leniency::ValueLengthInvalid)?;
    Ok((One::Number(one), all.next().is_some()))
}

#[inline]
fn list<T: ArrowPrimitiveType>(
    builder: &mut ListBuilder<PrimitiveBuilder<T>>,
    value: &Value<'_>,
    warnings: &mut Warnings,
    take: impl Fn(One<'_>) -> Taken<T::Native>,
) {
    if value.vr.is_text() {
        if trim(value.bytes).is_empty() {
            return builder.append_null();
        }
        for part in value.bytes.split(|&b| b == b'\\') {
            let taken = noted(take(One::Text(trim(part))), warnings);
            builder.values().append_option(taken);
        }
    } else if is_number(value.vr) {
        for number in numbers(value.vr, value.bytes, value.little) {
            let taken = noted(take(One::Number(number)), warnings);
            builder.values().append_option(taken);
        }
    } else {
        warnings.note(Leniency::VrUnexpected);
        return builder.append_null();
    }
    builder.append(true);
}

/// Without the spaces and NULs around.
#[inline]
fn trim(bytes: &[u8]) -> &[u8] {
    trim_ascii(text::trim_end(bytes))
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
