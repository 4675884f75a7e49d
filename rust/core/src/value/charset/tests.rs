use super::*;

use TextDeviation::{
    ExtensionsIgnored, InvalidBytes, MissingReturn, MisspelledTerm, UndeclaredBytes,
    UndeclaredEscape, UnknownEscape, UnknownTerm,
};
use TextKind::{MultiLine, PersonName, SingleLine};

fn decode(term: &str, kind: TextKind, bytes: &[u8]) -> (String, Option<TextDeviation>) {
    let (text, deviation) = SpecificCharacterSet::parse(term.as_bytes())
        .0
        .decode(bytes, kind);
    (text.into_owned(), deviation)
}

fn escape(sequence: &str, bytes: &[u8]) -> Vec<u8> {
    [b"\x1b", sequence.as_bytes(), bytes].concat()
}

fn deviation(term: &str) -> Option<TextDeviation> {
    SpecificCharacterSet::parse(term.as_bytes()).1
}

#[test]
fn terms_are_defined_misspelled_or_unknown() {
    for term in [
        "",
        "ISO_IR 100",
        "ISO_IR 100 ",
        "ISO_IR 192",
        "GBK",
        "\\ISO 2022 IR 87",
        "ISO 2022 IR 6\\ISO 2022 IR 58 ",
    ] {
        assert_eq!(deviation(term), None, "{term}");
    }
    for (term, meant) in [
        ("ISO IR 100", "ISO_IR 100"),
        ("ISO_IR_100", "ISO_IR 100"),
        ("ISO-IR 192", "ISO_IR 192"),
        ("ISO_IR_192", "ISO_IR 192"),
        ("UTF-8", "ISO_IR 192"),
        ("utf8", "ISO_IR 192"),
        ("LATIN1", "ISO_IR 100"),
        ("latin-1", "ISO_IR 100"),
        ("iso8859-5", "ISO_IR 144"),
        ("ISO 8859-15", "ISO_IR 203"),
        ("ISO2022 IR 87", "ISO 2022 IR 87"),
        ("ISO 2022 GBK", "GBK"),
        ("ISO 2022 58", "ISO 2022 IR 58"),
        ("gb18030", "GB18030"),
        ("ISO_IR 149", "ISO 2022 IR 149"),
    ] {
        assert_eq!(deviation(term), Some(MisspelledTerm), "{term}");
        assert_eq!(
            SpecificCharacterSet::parse(term.as_bytes()).0,
            SpecificCharacterSet::parse(meant.as_bytes()).0,
            "{term}"
        );
    }
    for term in ["NONSENSE", "ISO_IR 1000", "ISO_IR 10", "_", "\u{fffd}"] {
        assert_eq!(deviation(term), Some(UnknownTerm), "{term}");
        assert_eq!(
            SpecificCharacterSet::parse(term.as_bytes()).0,
            SpecificCharacterSet::DEFAULT
        );
    }
}

#[test]
fn sets_that_stand_alone_ignore_the_others() {
    assert_eq!(
        deviation("ISO_IR 192\\ISO 2022 IR 87"),
        Some(ExtensionsIgnored)
    );
    assert_eq!(deviation("ISO_IR 100\\GB18030"), Some(ExtensionsIgnored));
    assert_eq!(deviation("ISO_IR 192\\"), None);
    assert_eq!(
        decode("ISO_IR 192\\ISO 2022 IR 87", SingleLine, "é".as_bytes()),
        ("é".into(), None)
    );
    assert_eq!(
        decode("ISO_IR 100\\ISO_IR 192", SingleLine, b"\xe9"),
        ("é".into(), None)
    );
}

#[test]
fn each_set_has_its_escape_and_its_cut() {
    for (term, sequence, bytes, text, cut) in [
        ("ISO 2022 IR 100", "-A", &b"\xe9"[..], "é", None),
        ("ISO 2022 IR 101", "-B", b"\xa3", "Ł", None),
        ("ISO 2022 IR 109", "-C", b"\xfd", "ŭ", None),
        ("ISO 2022 IR 110", "-D", b"\xe0", "ā", None),
        ("ISO 2022 IR 144", "-L", b"\xbb", "Л", None),
        ("ISO 2022 IR 127", "-G", b"\xe2", "ق", None),
        ("ISO 2022 IR 126", "-F", b"\xc4", "Δ", None),
        ("ISO 2022 IR 138", "-H", b"\xf9", "ש", None),
        ("ISO 2022 IR 148", "-M", b"\xfe", "ş", None),
        ("ISO 2022 IR 203", "-b", b"\xa4", "€", None),
        ("ISO 2022 IR 166", "-T", b"\xb9", "น", None),
        ("ISO 2022 IR 13", ")I", b"\xd4", "ﾔ", None),
        ("ISO 2022 IR 87", "$B", b";3", "山", Some(MissingReturn)),
        ("ISO 2022 IR 159", "$(D", b"0!", "丂", Some(MissingReturn)),
        ("ISO 2022 IR 149", "$)C", b"\xc8\xab", "홍", None),
        ("ISO 2022 IR 58", "$)A", b"\xcd\xf5", "王", None),
    ] {
        let declared = format!("ISO 2022 IR 6\\{term}");
        let value = escape(sequence, bytes);
        assert_eq!(
            decode(&declared, SingleLine, &value),
            (text.into(), cut),
            "{term}"
        );
        let odd = decode("ISO_IR 6", SingleLine, &value);
        assert_eq!(
            odd,
            (text.into(), Some(UndeclaredEscape)),
            "{term} undeclared"
        );
        let returned = [&value[..], b"\x1b(Bx"].concat();
        assert_eq!(
            decode(&declared, SingleLine, &returned),
            (format!("{text}x"), None),
            "{term} returned"
        );
        if bytes.len() == 2 {
            let (text, deviation) =
                decode(&declared, SingleLine, value.get(..value.len() - 1).unwrap());
            assert_eq!(
                (text.as_str(), deviation),
                ("\u{fffd}", Some(InvalidBytes)),
                "{term} cut"
            );
        }
    }
}

#[test]
fn unknown_escape_sequences_stay_text() {
    for (value, text) in [
        ("\x1b", "\x1b"),
        ("\x1b$", "\x1b$"),
        ("\x1b$(", "\x1b$("),
        ("a\x1b[1mb", "a\x1b[1mb"),
    ] {
        let odd = Some(UnknownEscape);
        assert_eq!(
            decode("\\ISO 2022 IR 87", SingleLine, value.as_bytes()),
            (text.into(), odd)
        );
    }
}

#[test]
fn delimiters_reset_as_the_kind_of_text_says() {
    let set = "ISO 2022 IR 100\\ISO 2022 IR 126";
    for (delimiter, kinds) in [
        (b'\\', &[PersonName, SingleLine][..]),
        (b'^', &[PersonName]),
        (b'=', &[PersonName]),
        (b'\r', &[PersonName, SingleLine, MultiLine]),
        (b'\n', &[PersonName, SingleLine, MultiLine]),
        (b'\t', &[PersonName, SingleLine, MultiLine]),
        (0x0C, &[PersonName, SingleLine, MultiLine]),
        (b' ', &[]),
    ] {
        for kind in [PersonName, SingleLine, MultiLine] {
            let last = if kinds.contains(&kind) { 'á' } else { 'α' };
            let value = escape("-F", &[0xE1, delimiter, 0xE1]);
            let text = format!("α{}{last}", char::from(delimiter));
            assert_eq!(
                decode(set, kind, &value),
                (text, None),
                "{delimiter:02X} {kind:?}"
            );
        }
    }
}

#[test]
fn pairs_may_hold_delimiters() {
    let value = escape("$B", b"=\\F^\x1b(B^x");
    assert_eq!(
        decode("\\ISO 2022 IR 87", PersonName, &value),
        ("旬曇^x".into(), None)
    );
    assert_eq!(
        decode("GBK", PersonName, b"\x81\x5c\x81\x5e"),
        ("乗乛".into(), None)
    );
}

#[test]
fn upper_bytes_without_a_set_are_latin_1() {
    assert_eq!(
        decode("", SingleLine, b"caf\xe9\x85"),
        ("café\u{85}".into(), Some(UndeclaredBytes))
    );
    assert_eq!(
        decode("\\ISO 2022 IR 87", SingleLine, b"\xe9"),
        ("é".into(), Some(UndeclaredBytes))
    );
    assert_eq!(
        decode("\\ISO 2022 IR 149", PersonName, b"\x1b$)C\xc8\xab^\xb1\xe6"),
        ("홍^길".into(), Some(UndeclaredBytes))
    );
}

#[test]
fn invalid_bytes_are_replaced() {
    assert_eq!(
        decode("ISO_IR 192", SingleLine, b"a\xe5\xb1b\xff"),
        ("a\u{fffd}b\u{fffd}".into(), Some(InvalidBytes))
    );
    assert_eq!(
        decode("ISO_IR 127", SingleLine, b"\xa1"),
        ("\u{fffd}".into(), Some(InvalidBytes))
    );
    assert_eq!(
        decode("GB18030", SingleLine, b"\x81\x30\x81"),
        ("\u{fffd}".into(), Some(InvalidBytes))
    );
    assert_eq!(
        decode("GBK", SingleLine, b"\x81\x30"),
        ("\u{fffd}0".into(), Some(InvalidBytes))
    );
}

#[test]
fn text_that_is_its_own_bytes_is_borrowed() {
    for (term, bytes) in [
        ("", &b"Doe^Jane"[..]),
        ("ISO_IR 192", "山田".as_bytes()),
        ("GB18030", b""),
        ("ISO_IR 13", b"\\~"),
    ] {
        let (set, _) = SpecificCharacterSet::parse(term.as_bytes());
        let decoded = set.decode(bytes, PersonName);
        assert!(
            matches!(decoded, (Cow::Borrowed(text), None) if text.as_bytes() == bytes),
            "{term}"
        );
    }
}

#[test]
fn plain_ascii_is_seen_at_every_place() {
    for length in 0..40 {
        let plain = vec![b'a'; length];
        assert!(is_plain_ascii(&plain));
        for place in 0..length {
            for (byte, expected) in [
                (0x1B, false),
                (0x80, false),
                (0xFF, false),
                (0x1A, true),
                (0x1C, true),
                (0, true),
                (0x7F, true),
            ] {
                let mut bytes = plain.clone();
                bytes[place] = byte;
                assert_eq!(
                    is_plain_ascii(&bytes),
                    expected,
                    "{byte:02X} at {place} of {length}"
                );
            }
        }
    }
}

/// A seeded walk over random bytes, thick with escapes and delimiters: nothing panics, and nothing grows without bound.
#[test]
fn any_bytes_of_any_set_decode() {
    let terms = [
        "",
        "ISO_IR 100",
        "ISO_IR 13",
        "ISO_IR 166",
        "ISO_IR 192",
        "GBK",
        "GB18030",
        "\\ISO 2022 IR 87\\ISO 2022 IR 159",
        "ISO 2022 IR 87",
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        "\\ISO 2022 IR 149",
        "ISO 2022 IR 149",
        "ISO 2022 IR 58",
    ];
    let pieces: [&[u8]; 8] = [
        b"\x1b$B",
        b"\x1b$(D",
        b"\x1b$)C",
        b"\x1b$)A",
        b"\x1b(B",
        b"\x1b)I",
        b"\xa4\xd4",
        b"\\^=",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for round in 0..20_000_usize {
        let [length, kind, piece, rest @ ..] = random();
        let mut bytes: Vec<u8> = (0..length % 24).flat_map(|_| random()).collect();
        bytes.truncate(usize::from(length % 32));
        let place = usize::from(rest[0]) % (bytes.len() + 1);
        if piece < 0xC0 {
            bytes.splice(
                place..place,
                pieces[usize::from(piece) % pieces.len()].iter().copied(),
            );
        }
        let kind = [PersonName, MultiLine, SingleLine][usize::from(kind) % 3];
        let (text, _) = SpecificCharacterSet::parse(terms[round % terms.len()].as_bytes())
            .0
            .decode(&bytes, kind);
        assert!(text.chars().count() <= bytes.len());
        SpecificCharacterSet::parse(&bytes);
    }
}
