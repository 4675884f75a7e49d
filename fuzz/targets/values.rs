//! Values of every element at every depth, decoded as their VR says; numbers written as text against the standard
//! library's parser.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapidicom_core::data_set::{DataSet, Inherited};
use rapidicom_core::read::{ElementHeader, Window};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::decimals::{Decimal, Decimals, decimals};
use rapidicom_core::value::{number, text, validate};
use rapidicom_core::{Tag, Vr};
use rapidicom_fuzz::each_element;
use std::borrow::Cow;

fuzz_target!(|bytes: &[u8]| {
    let mut inherited = Inherited::default();
    each_element(bytes, |window, header, encoding, _| {
        let fetch = |header: &ElementHeader| window.get(header.value_offset, header.value_length).map(Cow::Borrowed);
        let level = DataSet::new(Box::new([*header]), encoding, inherited, fetch);
        if header.tag == Tag::SPECIFIC_CHARACTER_SET || header.tag == Tag::PIXEL_REPRESENTATION {
            inherited = level.inherited;
        }
        decode(&level, level.vr(header, fetch), value(window, header), encoding);
    });
});

fn value<'a>(window: &Window<'a>, header: &ElementHeader) -> &'a [u8] {
    window.get(header.value_offset, header.value_length).expect("a header never leaves its container")
}

fn decode(level: &DataSet, vr: Vr, value: &[u8], encoding: Encoding) {
    match vr {
        Vr::DS => {
            let parts = value.split(|&b| b == b'\\');
            assert_eq!(parts.clone().count(), Decimals::new(value).count());
            many_at_once(value);
            for part in parts {
                same_as_the_standard_library(part);
            }
            let _ = validate::numbers(value, vr);
        }
        Vr::IS => {
            for part in value.split(|&b| b == b'\\') {
                let plain = std::str::from_utf8(number::trim_ascii(part)).ok().and_then(|t| t.parse::<i64>().ok());
                // i64::MIN alone has no positive twin to be negated.
                assert!(number::integer(part) == plain || plain == Some(i64::MIN), "{part:?}");
            }
            let _ = validate::numbers(value, vr);
        }
        vr if vr.is_text() => {
            let (decoded, _) = text::decode(value, vr, &level.inherited.charset);
            let trimmed = text::trim_value(&decoded, vr);
            assert_eq!(text::trim_value(trimmed, vr), trimmed, "trimming twice changes what trimming once gave");
            let _ = validate::text(&decoded, vr);
        }
        Vr::SQ => {}
        vr => assert_eq!(number::numbers(vr, value, encoding.is_little_endian()).count(), value.len() / vr.unit()),
    }
}

/// The numbers of a whole value are those of its parts, up to the first that is none.
fn many_at_once(value: &[u8]) {
    let mut found = Vec::new();
    let odd = decimals(value, |number| found.push(number.to_bits()));
    let mut one_by_one = Decimals::new(value);
    for bits in found {
        let Some(Decimal::Number(number)) = one_by_one.next() else { panic!("{value:?}") };
        assert_eq!(number.to_bits(), bits, "{value:?}");
    }
    match (one_by_one.next(), odd) {
        (None, None) => {}
        (Some(Decimal::Number(_)), _) | (None, Some(_)) | (Some(_), None) => panic!("{value:?}"),
        (Some(_), Some(_)) => {}
    }
}

fn same_as_the_standard_library(part: &[u8]) {
    let Ok(text) = std::str::from_utf8(number::trim_ascii(part)) else { return };
    if let (Some(ours), Ok(theirs)) = (number::decimal(part), text.parse::<f64>()) {
        assert!(ours == theirs || ours.is_nan() && theirs.is_nan(), "{text:?}: {ours} is not {theirs}");
    }
}
