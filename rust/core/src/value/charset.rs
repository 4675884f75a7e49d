//! Specific Character Set (0008,0005): bytes of text to `str`. PS3.5 §6.1, PS3.3 §C.12.1.1.2.
//!
//! A set is either a single coded character set without code extensions (ISO_IR 192, GB18030, GBK), or a pair of
//! G0 and G1 code elements that escape sequences replace (ISO 2022, `code_extensions`). What a file says wrongly
//! is read as well as it can be and named by a [`TextDeviation`]; nothing here fails.

mod code_extensions;
mod gb;
mod multi_byte;
mod single_byte;
mod terms;

use std::borrow::Cow;

use code_extensions::Decoder;
use terms::CharacterSet;

/// Where the text stands: which of its characters reset code extensions. PS3.5 §6.1.2.5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// PN: `\`, `^` and `=` delimit.
    PersonName,
    /// ST, LT, UT: one value, no delimiter but CR, LF, FF and TAB.
    MultiLine,
    /// LO, SH, UC: `\` delimits.
    SingleLine,
}

/// What was not as the standard wants it, and was read nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextDeviation {
    /// A value of (0008,0005) that names no known set: read as ISO-IR 6.
    UnknownTerm,
    /// A value of (0008,0005) that is not a Defined Term, but means one.
    MisspelledTerm,
    /// A set without code extensions beside other values: the first value counts (PS3.5 §6.1.2.4).
    ExtensionsIgnored,
    /// Bytes above 7F where no G1 set is declared: read as ISO-IR 100, or as the set last designated in the value.
    UndeclaredBytes,
    /// Bytes without a meaning in their set, now U+FFFD.
    InvalidBytes,
    /// An escape sequence of no known set: kept as text.
    UnknownEscape,
    /// An escape sequence of a set that (0008,0005) does not name: obeyed.
    UndeclaredEscape,
    /// A multi-byte G0 set was still active at a delimiter or at the end of the value (PS3.5 §6.1.2.5.3).
    MissingReturn,
}

/// The meaning of (0008,0005) Specific Character Set for the text of a Data Set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpecificCharacterSet {
    /// Value 1: active at the beginning of each value and after each delimiter.
    first: CharacterSet,
    /// One bit for each [`CharacterSet`] that the values name.
    declared: u32,
}

impl Default for SpecificCharacterSet {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl SpecificCharacterSet {
    /// The default repertoire, ISO-IR 6.
    pub const DEFAULT: Self = Self::of(CharacterSet::Ir6);

    const fn of(first: CharacterSet) -> Self {
        Self {
            first,
            declared: 1 << first as u32,
        }
    }

    /// Reads the Value Field of (0008,0005): values separated by `\`, padded. An empty first value is ISO-IR 6.
    pub fn parse(value: &[u8]) -> (Self, Option<TextDeviation>) {
        let mut deviation = None;
        let mut terms = value.split(|&byte| byte == b'\\').map(terms::trim);
        let (first, odd) = terms::character_set(terms.next().unwrap_or_default());
        let mut set = Self::of(first);
        deviation = deviation.or(odd);
        for term in terms {
            let (extension, odd) = terms::character_set(term);
            if !term.is_empty() && (first.stands_alone() || extension.stands_alone()) {
                deviation = deviation.or(Some(TextDeviation::ExtensionsIgnored));
            } else {
                set.declared |= 1 << extension as u32;
                deviation = deviation.or(odd);
            }
        }
        (set, deviation)
    }

    /// Whether ASCII bytes without ESC are their own text, so that a caller may take them as they are.
    ///
    /// True of every set that is read: 5C and 7E of ISO_IR 13 become `\` and `~`, as by every other reader,
    /// because `\` delimits values.
    pub const fn is_utf8_compatible(&self) -> bool {
        true
    }

    /// Whether 5C may be part of a multi-byte character, so that values are split after decoding.
    pub const fn split_after_decoding(&self) -> bool {
        let seven_bit_pairs = 1 << CharacterSet::Ir87 as u32 | 1 << CharacterSet::Ir159 as u32;
        matches!(
            self.first,
            CharacterSet::Gb18030 | CharacterSet::Gbk | CharacterSet::Ir13
        ) || self.declared & (seven_bit_pairs | 1 << CharacterSet::Ir13 as u32) != 0
    }

    /// Decodes a whole Value Field; values are still separated by `\` and padded. Borrows where bytes are the text.
    #[inline]
    pub fn decode<'a>(
        &self,
        bytes: &'a [u8],
        kind: TextKind,
    ) -> (Cow<'a, str>, Option<TextDeviation>) {
        if (self.first == CharacterSet::Utf8 || is_plain_ascii(bytes))
            && let Ok(text) = simdutf8::basic::from_utf8(bytes)
        {
            return (Cow::Borrowed(text), None);
        }
        let (text, deviation) = self.decode_slowly(bytes, kind);
        (Cow::Owned(text), deviation)
    }

    #[cold]
    fn decode_slowly(&self, bytes: &[u8], kind: TextKind) -> (String, Option<TextDeviation>) {
        let invalid = |invalid: bool| invalid.then_some(TextDeviation::InvalidBytes);
        match self.first {
            // Maximal subparts are replaced, as the Unicode Standard advises.
            CharacterSet::Utf8 => (String::from_utf8_lossy(bytes).into_owned(), invalid(true)),
            CharacterSet::Gbk | CharacterSet::Gb18030 => {
                let (text, bad) = gb::decode(bytes, self.first == CharacterSet::Gb18030);
                (text, invalid(bad))
            }
            first => Decoder::new(first, self.declared, kind).decode(bytes),
        }
    }
}

/// Whether all bytes are below 80 and none is ESC: eight at a time.
#[inline]
pub fn is_plain_ascii(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let odd = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        // A byte of `esc` is zero where the word has ESC; subtracting one then sets its high bit.
        let esc = word ^ (0x1B * ONES);
        word | (esc.wrapping_sub(ONES) & !esc)
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes
            .iter()
            .fold(true, |plain, &byte| plain & (byte < 0x80) & (byte != 0x1B));
    };
    // The last eight overlap the ones before, so that no byte is left over.
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(odd(last), |all, word| all | odd(word)) & HIGH == 0
}

#[cfg(test)]
mod tests;
