//! GB18030 and GBK: no code extensions; second bytes reach down to 30, so `\`, `^` and `=` may be inside a character.

use encoding_rs::GB18030;

use super::multi_byte::{GB18030_TABLE, GBK_TABLE};

/// Decodes, and says whether something had to be replaced by U+FFFD.
pub(super) fn decode(mut bytes: &[u8], gb18030: bool) -> (String, bool) {
    let table = if gb18030 { &GB18030_TABLE } else { &GBK_TABLE };
    let mut text = String::with_capacity(bytes.len().saturating_add(bytes.len() / 2));
    let mut invalid = false;
    loop {
        let (character, length) = match *bytes {
            [] => return (text, invalid),
            [first @ 0..0x80, ..] => (Some(char::from(first)), 1),
            [first, second @ b'0'..=b'9', third, fourth, ..] if gb18030 => {
                (four_bytes([first, second, third, fourth]), 4)
            }
            [_, b'0'..=b'9', ..] if gb18030 => {
                // A character cut at the end of the value is one loss, not two or three.
                text.push(char::REPLACEMENT_CHARACTER);
                return (text, true);
            }
            [first, second, ..] => (table.of(first, second), 2),
            [_] => (None, 1),
        };
        invalid |= character.is_none();
        let used = if character.is_some() { length } else { 1 };
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        bytes = bytes.get(used..).unwrap_or_default();
    }
}

fn four_bytes(bytes: [u8; 4]) -> Option<char> {
    // A8BC took this place in later editions.
    if bytes == [0x81, 0x35, 0xF4, 0x37] {
        return Some('\u{1E3F}');
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(&bytes)?;
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Some(character),
        _ => None,
    }
}
