//! The DICOM JSON Model of a header, PS3.18 Annex F: the column `json`.
//!
//! | | |
//! |---|---|
//! | group lengths | left out, §F.2.2 |
//! | empty values and sequences | `vr` alone, §F.2.5; among other values `null` |
//! | DS, IS | JSON numbers; text that is no number is a string, §F.2.3 |
//! | NaN and infinities | the strings `NaN`, `inf`, `-inf`: JSON has no such numbers |
//! | OB OD OF OL OV OW UN | `InlineBinary` up to 1024 bytes, little endian, §F.2.7; longer ones, and Pixel Data, `vr` alone |
//! | (0008,0005) | what the file says, though all text is UTF-8 here, §F.2.2 Note 3 |

use crate::builder::LONGEST_VALUE;
use crate::document::{Visitor, is_binary};
use crate::tag_path::hexadecimal;
use crate::value::{Value, each_number, write_number};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::number::{Number, decimal, integer, trim_ascii};
use rapidicom_core::value::text;
use rapidicom_core::value::validate::leniency_of;
use rapidicom_core::{Tag, Vr};
use std::fmt::Write;

/// Writes a document as it is walked.
pub(crate) struct Json<'a> {
    text: &'a mut String,
}

impl<'a> Json<'a> {
    pub(crate) fn begin(text: &'a mut String) -> Json<'a> {
        text.clear();
        text.push('{');
        Json { text }
    }

    /// The whole text; none where it is too long for a cell.
    pub(crate) fn end(self) -> Option<&'a str> {
        self.text.push('}');
        (self.text.len() <= LONGEST_VALUE).then_some(self.text)
    }

    fn name(&mut self, tag: Tag, vr: Vr) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        let digits = hexadecimal(tag);
        self.text.push('"');
        self.text
            .push_str(std::str::from_utf8(&digits).unwrap_or_default());
        self.text.push_str("\":{\"vr\":\"");
        self.text.push_str(vr.as_str());
        self.text.push('"');
    }

    fn values<T>(&mut self, values: impl Iterator<Item = T>, mut one: impl FnMut(&mut Self, T)) {
        self.text.push_str(",\"Value\":[");
        for (place, value) in values.enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            one(self, value);
        }
        self.text.push(']');
    }

    fn value(&mut self, value: &Value<'_>, charset: &SpecificCharacterSet, notes: &mut Deviations) {
        match value.vr {
            vr if is_binary(vr) => self.binary(value),
            Vr::DS | Vr::IS => {
                let bytes = text::trim_end(value.bytes);
                if !trim_ascii(bytes).is_empty() {
                    let parts = bytes.split(|&b| b == b'\\').map(trim_ascii);
                    self.values(parts, |json, part| json.decimal(part, value, notes));
                }
            }
            vr if vr.is_text() => self.words(value, charset, notes),
            vr => {
                if !value.bytes.len().is_multiple_of(vr.unit()) {
                    value.note(Leniency::ValueLengthInvalid, notes);
                }
                let mut all = each_number(value).peekable();
                if all.peek().is_some() {
                    self.values(all, |json, number| json.number(number, vr));
                }
            }
        }
    }

    fn words(&mut self, value: &Value<'_>, charset: &SpecificCharacterSet, notes: &mut Deviations) {
        let vr = value.vr;
        let (words, deviation) = text::decode(value.bytes, vr, charset);
        if let Some(deviation) = deviation {
            value.note(leniency_of(deviation), notes);
        }
        if vr.is_single_valued() {
            if !words.is_empty() {
                self.values(std::iter::once(&*words), Json::string);
            }
            return;
        }
        if text::trim_value(&words, vr).is_empty() {
            return;
        }
        let parts = words.split('\\').map(|part| text::trim_value(part, vr));
        self.values(parts, |json, part| match (part, vr) {
            ("", _) => json.text.push_str("null"),
            (name, Vr::PN) => json.person_name(name),
            (part, _) => json.string(part),
        });
    }

    /// The component groups that are not empty. PS3.5 §6.2.1.1
    fn person_name(&mut self, name: &str) {
        self.text.push('{');
        for (group, words) in ["Alphabetic", "Ideographic", "Phonetic"]
            .iter()
            .zip(name.splitn(3, '='))
            .filter(|(_, words)| !words.is_empty())
        {
            if !self.text.ends_with('{') {
                self.text.push(',');
            }
            let _ = write!(self.text, "\"{group}\":");
            self.string(words);
        }
        self.text.push('}');
    }

    fn string(&mut self, words: &str) {
        self.text.push('"');
        let mut rest = words;
        let special = |b: u8| b < b' ' || b == b'"' || b == b'\\';
        while let Some(at) = rest.bytes().position(special) {
            let (plain, tail) = rest.split_at(at);
            self.text.push_str(plain);
            let mut tail = tail.chars();
            match tail.next() {
                Some(c @ ('"' | '\\')) => self.text.extend(['\\', c]),
                Some('\n') => self.text.push_str("\\n"),
                Some('\r') => self.text.push_str("\\r"),
                Some('\t') => self.text.push_str("\\t"),
                c => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c.unwrap_or_default()));
                }
            }
            rest = tail.as_str();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }

    /// A number written as text: as it stands where JSON writes it so too.
    fn decimal(&mut self, part: &[u8], value: &Value<'_>, notes: &mut Deviations) {
        let vr = value.vr;
        if part.is_empty() {
            return self.text.push_str("null");
        }
        let words = std::str::from_utf8(part).unwrap_or_default();
        if let (Vr::IS, Some(number)) = (vr, integer(part)) {
            return self.number(Number::Signed(number), vr);
        }
        if vr == Vr::DS && is_json_number(part) {
            return self.text.push_str(words);
        }
        match decimal(part) {
            Some(number) if vr == Vr::DS || (number.fract() == 0.0 && number.abs() < EXACT) => {
                self.number(Number::Float(number), vr);
            }
            _ => {
                value.note(Leniency::NumberInvalid, notes);
                self.string(&text::latin_1(part));
            }
        }
    }

    fn number(&mut self, number: Number, vr: Vr) {
        match (number, vr) {
            (Number::Unsigned(tag), Vr::AT) => {
                let _ = write!(self.text, "\"{tag:08X}\"");
            }
            (Number::Float(n), _) if n.is_nan() => self.text.push_str("\"NaN\""),
            (Number::Float(n), _) if n.is_infinite() => {
                let words = if n > 0.0 { "\"inf\"" } else { "\"-inf\"" };
                self.text.push_str(words);
            }
            (number, _) => write_number(self.text, number),
        }
    }

    fn binary(&mut self, value: &Value<'_>) {
        self.text.push_str(",\"InlineBinary\":\"");
        let unit = value.vr.unit();
        if value.little || unit == 1 {
            STANDARD.encode_string(value.bytes, self.text);
        } else {
            let mut bytes = value.bytes.to_vec();
            bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
            STANDARD.encode_string(bytes, self.text);
        }
        self.text.push('"');
    }
}

/// Whole numbers below are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Digits, a point and digits, as RFC 8259 §6 wants them; those with an exponent may be no double.
fn is_json_number(part: &[u8]) -> bool {
    let digits = part.strip_prefix(b"-").unwrap_or(part);
    let mut sides = digits.splitn(2, |&b| b == b'.');
    let is_digits = |side: &[u8]| !side.is_empty() && side.iter().all(u8::is_ascii_digit);
    let whole = sides.next().unwrap_or_default();
    let leading_zero = matches!(whole, [b'0', _, ..]);
    part.len() <= 32 && is_digits(whole) && !leading_zero && sides.next().is_none_or(is_digits)
}

impl Visitor for Json<'_> {
    const LONGEST_BINARY: u64 = 1024;

    fn element(
        &mut self,
        tag: Tag,
        vr: Vr,
        value: Option<Value<'_>>,
        text: &SpecificCharacterSet,
        notes: &mut Deviations,
    ) {
        if tag.is_group_length() || self.text.len() > LONGEST_VALUE {
            return;
        }
        self.name(tag, vr);
        if let Some(value) = value.filter(|value| !value.bytes.is_empty()) {
            self.value(&value, text, notes);
        }
        self.text.push('}');
    }

    fn open_sequence(&mut self, tag: Tag, items: usize) {
        self.name(tag, Vr::SQ);
        self.text
            .push_str(if items > 0 { ",\"Value\":[" } else { "" });
    }

    fn open_item(&mut self, number: usize) {
        self.text.push_str(if number > 0 { ",{" } else { "{" });
    }

    fn close_item(&mut self) {
        self.text.push('}');
    }

    fn close_sequence(&mut self, items: usize) {
        self.text.push_str(if items > 0 { "]}" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_writes_as_they_stand() {
        for text in ["0", "-0", "10", "0.5", "-12.250", "12345678901234567890"] {
            assert!(is_json_number(text.as_bytes()), "{text}");
        }
        for text in [
            "", "-", "+1", "01", "-01", ".5", "5.", "1e5", "1 ", "0x1", "1.5.", "--1", "1.-5",
        ] {
            assert!(!is_json_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn strings_are_escaped() {
        let mut text = String::new();
        let mut json = Json::begin(&mut text);
        json.string("a\"b\\c\n\u{1}é\u{7f}");
        assert_eq!(text, "{\"a\\\"b\\\\c\\n\\u0001é\u{7f}\"");
    }
}
