//! Text: the first byte is the length of the Specific Character Set's value, the second chooses the kind; the rest is the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapidicom_core::value::charset::{SpecificCharacterSet, TextKind};

fuzz_target!(|bytes: &[u8]| {
    let [length, kind, rest @ ..] = bytes else { return };
    let Some((set, text)) = rest.split_at_checked(usize::from(*length)) else { return };
    let kind = [TextKind::PersonName, TextKind::MultiLine, TextKind::SingleLine][usize::from(*kind % 3)];
    let (set, _) = SpecificCharacterSet::parse(set);
    let (decoded, _) = set.decode(text, kind);
    // No set turns a byte into more than one character of at most four bytes; U+FFFD has three.
    assert!(decoded.len() <= 4 * text.len());
    if text.is_ascii() && !text.contains(&0x1B) && set.is_utf8_compatible() {
        assert_eq!(decoded.as_bytes(), text);
    }
});
