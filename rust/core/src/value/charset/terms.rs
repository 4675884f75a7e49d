//! The Defined Terms of (0008,0005), PS3.3 Tables C.12-2 to C.12-5, and what the field writes instead of them.

use super::TextDeviation;

/// A coded character set that a Defined Term names, with or without code extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum CharacterSet {
    Ir6,
    Ir100,
    Ir101,
    Ir109,
    Ir110,
    Ir144,
    Ir127,
    Ir126,
    Ir138,
    Ir148,
    Ir203,
    Ir166,
    Ir13,
    Ir87,
    Ir159,
    Ir149,
    Ir58,
    Utf8,
    Gb18030,
    Gbk,
}

use CharacterSet::{
    Gb18030, Gbk, Ir6, Ir13, Ir58, Ir87, Ir100, Ir101, Ir109, Ir110, Ir126, Ir127, Ir138, Ir144,
    Ir148, Ir149, Ir159, Ir166, Ir203, Utf8,
};

impl CharacterSet {
    /// Whether the set forbids code extensions (PS3.3 Table C.12-5).
    pub(super) const fn stands_alone(self) -> bool {
        matches!(self, Utf8 | Gb18030 | Gbk)
    }
}

/// The Defined Terms; ISO_IR 6 is none, but says what is meant.
static DEFINED: [(&str, CharacterSet); 34] = [
    ("", Ir6),
    ("ISO_IR 6", Ir6),
    ("ISO_IR 100", Ir100),
    ("ISO_IR 192", Utf8),
    ("ISO 2022 IR 6", Ir6),
    ("ISO 2022 IR 100", Ir100),
    ("ISO_IR 101", Ir101),
    ("ISO 2022 IR 101", Ir101),
    ("ISO_IR 109", Ir109),
    ("ISO 2022 IR 109", Ir109),
    ("ISO_IR 110", Ir110),
    ("ISO 2022 IR 110", Ir110),
    ("ISO_IR 144", Ir144),
    ("ISO 2022 IR 144", Ir144),
    ("ISO_IR 127", Ir127),
    ("ISO 2022 IR 127", Ir127),
    ("ISO_IR 126", Ir126),
    ("ISO 2022 IR 126", Ir126),
    ("ISO_IR 138", Ir138),
    ("ISO 2022 IR 138", Ir138),
    ("ISO_IR 148", Ir148),
    ("ISO 2022 IR 148", Ir148),
    ("ISO_IR 203", Ir203),
    ("ISO 2022 IR 203", Ir203),
    ("ISO_IR 13", Ir13),
    ("ISO 2022 IR 13", Ir13),
    ("ISO_IR 166", Ir166),
    ("ISO 2022 IR 166", Ir166),
    ("ISO 2022 IR 87", Ir87),
    ("ISO 2022 IR 159", Ir159),
    ("ISO 2022 IR 149", Ir149),
    ("ISO 2022 IR 58", Ir58),
    ("GB18030", Gb18030),
    ("GBK", Gbk),
];

/// Other spellings, letters and digits only: terms of the wrong family, and names of encodings.
static SPELLINGS: [(&str, CharacterSet); 50] = [
    ("ISO2022GBK", Gbk),
    ("CP936", Gbk),
    ("936", Gbk),
    ("ISO2022IR192", Utf8),
    ("UTF8", Utf8),
    ("UTF", Utf8),
    ("U8", Utf8),
    ("CP65001", Utf8),
    ("ISO2022GB18030", Gb18030),
    ("ISOIR87", Ir87),
    ("ISO202287", Ir87),
    ("ISO2022JP", Ir87),
    ("ISOIR159", Ir159),
    ("ISO2022159", Ir159),
    ("ISO2022JP2", Ir159),
    ("ISOIR149", Ir149),
    ("ISO2022149", Ir149),
    ("EUCKR", Ir149),
    ("ISOIR58", Ir58),
    ("ISO202258", Ir58),
    ("GB2312", Ir58),
    ("EUCCN", Ir58),
    ("ISOIR14", Ir13),
    ("ISO2022IR14", Ir13),
    ("SHIFTJIS", Ir13),
    ("SJIS", Ir13),
    ("ASCII", Ir6),
    ("USASCII", Ir6),
    ("ISO646", Ir6),
    ("LATIN1", Ir100),
    ("L1", Ir100),
    ("LATIN", Ir100),
    ("ISO8859", Ir100),
    ("ISO88591", Ir100),
    ("88591", Ir100),
    ("LATIN2", Ir101),
    ("ISO88592", Ir101),
    ("LATIN3", Ir109),
    ("ISO88593", Ir109),
    ("LATIN4", Ir110),
    ("ISO88594", Ir110),
    ("ISO88595", Ir144),
    ("ISO88596", Ir127),
    ("ISO88597", Ir126),
    ("ISO88598", Ir138),
    ("LATIN5", Ir148),
    ("ISO88599", Ir148),
    ("ISO885915", Ir203),
    ("TIS620", Ir166),
    ("ISO885911", Ir166),
];

/// The term without its padding.
pub(super) fn trim(term: &[u8]) -> &[u8] {
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = term.iter().take_while(|byte| padding(byte)).count();
    let term = term.get(start..).unwrap_or_default();
    let end = term.iter().rev().take_while(|byte| padding(byte)).count();
    term.get(..term.len().saturating_sub(end))
        .unwrap_or_default()
}

/// What a trimmed term names: exactly, or by its letters and digits; else ISO-IR 6.
pub(super) fn character_set(term: &[u8]) -> (CharacterSet, Option<TextDeviation>) {
    if let Some(&(_, set)) = DEFINED
        .iter()
        .find(|(defined, _)| defined.as_bytes() == term)
    {
        return (set, None);
    }
    let spelled_as = |name: &str| significant(term).eq(significant(name.as_bytes()));
    match DEFINED
        .iter()
        .skip(1)
        .chain(&SPELLINGS)
        .find(|(name, _)| spelled_as(name))
    {
        Some(&(_, set)) => (set, Some(TextDeviation::MisspelledTerm)),
        None => (Ir6, Some(TextDeviation::UnknownTerm)),
    }
}

fn significant(term: &[u8]) -> impl Iterator<Item = u8> {
    term.iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_uppercase)
}
