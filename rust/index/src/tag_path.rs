//! The text of a tag, and of the items that lead to its element.

use rapidicom_core::{PathStep, Tag};
use std::fmt::Write;

/// The eight digits of a tag.
#[inline]
pub(crate) fn hexadecimal(tag: Tag) -> [u8; 8] {
    // Each nibble to a byte, then to its digit: seven more from ten on.
    let spread = |word: u64| {
        let word = (word | word << 16) & 0x0000_FFFF_0000_FFFF;
        let word = (word | word << 8) & 0x00FF_00FF_00FF_00FF;
        (word | word << 4) & 0x0F0F_0F0F_0F0F_0F0F
    };
    let nibbles = spread(u64::from(tag.0));
    let tens = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (nibbles + 0x3030_3030_3030_3030 + tens * 7).to_be_bytes()
}

/// Appends them to a text.
pub(crate) fn push_tag(text: &mut String, tag: Tag) {
    text.push_str(std::str::from_utf8(&hexadecimal(tag)).unwrap_or_default());
}

/// `00081140[0].00081150`: an element, and the items that lead to it.
pub(crate) fn tag_path(path: &[PathStep], tag: Tag) -> String {
    let mut text = String::with_capacity(12 * path.len() + 8);
    for step in path {
        push_tag(&mut text, step.tag);
        let _ = write!(text, "[{}].", step.item);
    }
    push_tag(&mut text, tag);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_tags() {
        for tag in [0, 0x0010_0010, 0x7FE0_0010, 0x89AB_CDEF, 0xFFFF_FFFF] {
            assert_eq!(hexadecimal(Tag(tag)), *format!("{tag:08X}").as_bytes());
        }
    }
}
