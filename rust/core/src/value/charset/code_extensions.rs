//! Code extensions: escape sequences designate G0 and G1 sets, delimiters take them back. PS3.5 §6.1.2.5.

use super::multi_byte::{DoubleByte, GB_2312, JIS_X_0208, JIS_X_0212, KS_X_1001};
use super::single_byte::{self, Upper};
use super::terms::CharacterSet;
use super::{TextDeviation, TextKind};

/// The set of the bytes 21 to 7E.
#[derive(Clone, Copy, PartialEq)]
enum G0 {
    /// ISO-IR 6, and ISO-IR 14: its yen sign and overline are read as `\` and `~`, as by every other reader.
    SingleByte,
    Jis0208,
    Jis0212,
}

/// The set of the bytes A1 to FE.
#[derive(Clone, Copy)]
enum G1 {
    /// Nothing: taken for ISO-IR 100.
    Undeclared,
    /// Nothing, in a text of seven-bit multi-byte sets.
    Invalid,
    SingleByte(&'static Upper),
    /// ISO-IR 13, katakana. Files that say so hold Shift_JIS as well, whose other bytes are free here.
    Katakana,
    KsX1001,
    Gb2312,
}

impl G1 {
    fn of(set: CharacterSet) -> Self {
        match set {
            CharacterSet::Ir100 => Self::SingleByte(&single_byte::LATIN_1),
            CharacterSet::Ir101 => Self::SingleByte(&single_byte::LATIN_2),
            CharacterSet::Ir109 => Self::SingleByte(&single_byte::LATIN_3),
            CharacterSet::Ir110 => Self::SingleByte(&single_byte::LATIN_4),
            CharacterSet::Ir144 => Self::SingleByte(&single_byte::CYRILLIC),
            CharacterSet::Ir127 => Self::SingleByte(&single_byte::ARABIC),
            CharacterSet::Ir126 => Self::SingleByte(&single_byte::GREEK),
            CharacterSet::Ir138 => Self::SingleByte(&single_byte::HEBREW),
            CharacterSet::Ir148 => Self::SingleByte(&single_byte::LATIN_5),
            CharacterSet::Ir203 => Self::SingleByte(&single_byte::LATIN_9),
            CharacterSet::Ir166 => Self::SingleByte(&single_byte::THAI),
            CharacterSet::Ir13 => Self::Katakana,
            CharacterSet::Ir149 => Self::KsX1001,
            CharacterSet::Ir58 => Self::Gb2312,
            CharacterSet::Ir87 | CharacterSet::Ir159 => Self::Invalid,
            CharacterSet::Ir6 | CharacterSet::Utf8 | CharacterSet::Gb18030 | CharacterSet::Gbk => {
                Self::Undeclared
            }
        }
    }
}

/// The escape sequences of PS3.3 Tables C.12-3 and C.12-4 without their ESC, and the sets they designate.
static ESCAPES: [(&[u8], CharacterSet); 18] = [
    (b"(B", CharacterSet::Ir6),
    (b"-A", CharacterSet::Ir100),
    (b"-B", CharacterSet::Ir101),
    (b"-C", CharacterSet::Ir109),
    (b"-D", CharacterSet::Ir110),
    (b"-L", CharacterSet::Ir144),
    (b"-G", CharacterSet::Ir127),
    (b"-F", CharacterSet::Ir126),
    (b"-H", CharacterSet::Ir138),
    (b"-M", CharacterSet::Ir148),
    (b"-b", CharacterSet::Ir203),
    (b"-T", CharacterSet::Ir166),
    (b"(J", CharacterSet::Ir13),
    (b")I", CharacterSet::Ir13),
    (b"$B", CharacterSet::Ir87),
    (b"$(D", CharacterSet::Ir159),
    (b"$)C", CharacterSet::Ir149),
    (b"$)A", CharacterSet::Ir58),
];

/// The state of one Value Field being decoded.
pub(super) struct Decoder {
    first: CharacterSet,
    declared: u32,
    kind: TextKind,
    g0: G0,
    g1: G1,
    /// The G1 set outlived its delimiter, because there is none to go back to.
    stale: bool,
    text: String,
    deviation: Option<TextDeviation>,
}

impl Decoder {
    pub(super) fn new(first: CharacterSet, declared: u32, kind: TextKind) -> Self {
        let g1 = G1::of(first);
        Self {
            first,
            declared,
            kind,
            g0: G0::SingleByte,
            g1,
            stale: false,
            text: String::new(),
            deviation: None,
        }
    }

    /// The text, and the first thing that was wrong with it.
    pub(super) fn decode(mut self, mut bytes: &[u8]) -> (String, Option<TextDeviation>) {
        self.text
            .reserve(bytes.len().saturating_add(bytes.len() / 2));
        while let [first, rest @ ..] = bytes {
            let used = match first {
                0x1B => self.escape(rest),
                0x21..=0x7E if self.g0 != G0::SingleByte => self.seven_bit_pair(*first, rest),
                0x00..=0x7F => self.ascii(*first),
                0x80..=0xFF => self.upper(*first, rest),
            };
            bytes = bytes.get(used..).unwrap_or_default();
        }
        if self.g0 != G0::SingleByte {
            self.note(TextDeviation::MissingReturn);
        }
        (self.text, self.deviation)
    }

    fn note(&mut self, deviation: TextDeviation) {
        self.deviation.get_or_insert(deviation);
    }

    fn push(&mut self, character: Option<char>) {
        if character.is_none() {
            self.note(TextDeviation::InvalidBytes);
        }
        self.text
            .push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    /// Whether the byte takes designations back, PS3.5 §6.1.2.5.3. In G0 it must not be part of a character.
    fn resets(&self, byte: u8) -> bool {
        match byte {
            b'\r' | b'\n' | 0x0C | b'\t' => true,
            b'\\' => self.kind != TextKind::MultiLine,
            b'^' | b'=' => self.kind == TextKind::PersonName,
            _ => false,
        }
    }

    fn reset(&mut self) {
        if self.g0 != G0::SingleByte {
            self.note(TextDeviation::MissingReturn);
            self.g0 = G0::SingleByte;
        }
        // Without a G1 set in value 1, upper bytes after a delimiter mean nothing. Writers that designate KS X 1001
        // once for a whole name make them; the set last designated then is the only sensible reading.
        match G1::of(self.first) {
            G1::Undeclared => self.stale = true,
            g1 => self.g1 = g1,
        }
    }

    fn ascii(&mut self, byte: u8) -> usize {
        self.text.push(char::from(byte));
        if self.resets(byte) {
            self.reset();
        }
        1
    }

    /// What follows ESC. The bytes used, with ESC.
    fn escape(&mut self, rest: &[u8]) -> usize {
        let Some(&(sequence, set)) = ESCAPES
            .iter()
            .find(|(sequence, _)| rest.starts_with(sequence))
        else {
            self.note(TextDeviation::UnknownEscape);
            self.reset();
            self.text.push('\u{1B}');
            return 1;
        };
        if set != CharacterSet::Ir6 && self.declared & (1 << set as u32) == 0 {
            self.note(TextDeviation::UndeclaredEscape);
        }
        match set {
            CharacterSet::Ir6 => self.g0 = G0::SingleByte,
            CharacterSet::Ir87 => self.g0 = G0::Jis0208,
            CharacterSet::Ir159 => self.g0 = G0::Jis0212,
            CharacterSet::Ir13 if sequence == b"(J" => {
                self.g0 = G0::SingleByte;
                // Some writers designate only the romaji half of JIS X 0201, and use the other one too.
                if matches!(self.g1, G1::Undeclared) {
                    self.g1 = G1::Katakana;
                }
            }
            set => {
                self.g1 = G1::of(set);
                self.stale = false;
            }
        }
        sequence.len().saturating_add(1)
    }

    /// A character of JIS X 0208 or 0212 in G0. The bytes used.
    fn seven_bit_pair(&mut self, first: u8, rest: &[u8]) -> usize {
        let Some(second @ 0x21..=0x7E) = rest.first().copied() else {
            // Half a character. A delimiter is one, whose writer forgot to return to G0.
            if self.resets(first) {
                return self.ascii(first);
            }
            self.push(None);
            return 1;
        };
        let set: &DoubleByte = if self.g0 == G0::Jis0208 {
            &JIS_X_0208
        } else {
            &JIS_X_0212
        };
        self.push(set.of(first, second));
        2
    }

    /// A character of G1, or of the C1 controls 80 to 9F. The bytes used.
    fn upper(&mut self, first: u8, rest: &[u8]) -> usize {
        if self.stale {
            self.note(TextDeviation::UndeclaredBytes);
        }
        let second = rest.first().copied();
        let pair = |set: &DoubleByte| match second {
            Some(second) if first > 0xA0 && second > 0xA0 => set.of(first, second),
            _ => None,
        };
        let (character, length) = match self.g1 {
            G1::Undeclared => {
                self.note(TextDeviation::UndeclaredBytes);
                (Some(char::from(first)), 1)
            }
            G1::Invalid => (None, 1),
            G1::SingleByte(upper) => (single_byte::character(upper, first), 1),
            G1::Katakana if matches!(first, 0xA1..=0xDF) => {
                (char::from_u32(0xFF61 - 0xA1 + u32::from(first)), 1)
            }
            G1::Katakana => (second.and_then(|second| shift_jis(first, second)), 2),
            G1::KsX1001 if first == 0xA4 && second == Some(FILLER) => {
                match made_up_syllable(rest) {
                    Some(syllable) => (Some(syllable), 8),
                    None => (pair(&KS_X_1001), 2),
                }
            }
            G1::KsX1001 => (pair(&KS_X_1001), 2),
            G1::Gb2312 => (pair(&GB_2312), 2),
        };
        self.push(character);
        if character.is_some() { length } else { 1 }
    }
}

/// The Hangul filler of KS X 1001, behind A4.
const FILLER: u8 = 0xD4;

/// A syllable that KS X 1001 has no code for, spelled as in its Annex 3: filler, initial, vowel, final or filler, each
/// behind A4. `bytes` begins behind the first A4.
fn made_up_syllable(bytes: &[u8]) -> Option<char> {
    // The second bytes of the letters, in the order of Unicode's Hangul Syllables.
    const INITIALS: [u8; 19] = [
        0xA1, 0xA2, 0xA4, 0xA7, 0xA8, 0xA9, 0xB1, 0xB2, 0xB3, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
        0xBB, 0xBC, 0xBD, 0xBE,
    ];
    const FINALS: [u8; 28] = [
        FILLER, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF,
        0xB0, 0xB1, 0xB2, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xBA, 0xBB, 0xBC, 0xBD, 0xBE,
    ];
    let [
        FILLER,
        0xA4,
        initial,
        0xA4,
        vowel @ 0xBF..=0xD3,
        0xA4,
        last,
        ..,
    ] = bytes
    else {
        return None;
    };
    let place = |letters: &[u8], letter: &u8| {
        letters
            .iter()
            .zip(0_u32..)
            .find(|(l, _)| *l == letter)
            .map(|(_, at)| at)
    };
    let syllable = place(&INITIALS, initial)? * 21 + u32::from(*vowel - 0xBF);
    char::from_u32(0xAC00 + syllable * 28 + place(&FINALS, last)?)
}

/// JIS X 0208 as Shift_JIS folds it: two rows in each first byte.
fn shift_jis(first: u8, second: u8) -> Option<char> {
    let rows = match first {
        0x81..=0x9F => first.checked_sub(0x81)?,
        0xE0..=0xFC => first.checked_sub(0xC1)?,
        _ => return None,
    };
    let cell = match second {
        0x40..=0x7E => second.checked_sub(0x40)?,
        0x80..=0xFC => second.checked_sub(0x41)?,
        _ => return None,
    };
    let (cell, odd) = if cell < 94 {
        (cell, 0)
    } else {
        (cell.checked_sub(94)?, 1)
    };
    JIS_X_0208.at(
        usize::from(rows).checked_mul(2)?.checked_add(odd)?,
        cell.into(),
    )
}
