//! Text against what pydicom and Python's codecs make of it; see golden/make_charset.py.

#![allow(clippy::unwrap_used, clippy::panic)]

use rapidicom_core::value::charset::{SpecificCharacterSet, TextKind};

/// `b0a1-fe` is the pairs b0a1 to b0fe; `a0-ff` the bytes a0 to ff; anything else is bytes.
fn bytes_of(groups: &str) -> Vec<u8> {
    let hex = |digits: &str| -> Vec<u8> {
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    };
    let mut bytes = Vec::new();
    for group in groups.split(' ').filter(|group| !group.is_empty()) {
        let Some((start, end)) = group.split_once('-') else {
            bytes.extend(hex(group));
            continue;
        };
        let mut code = hex(start);
        let first = code.pop().unwrap();
        for last in first..=hex(end)[0] {
            // 7F is no second byte of any set.
            if code.is_empty() || last != 0x7F {
                bytes.extend(&code);
                bytes.push(last);
            }
        }
    }
    bytes
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap();
        out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

#[test]
fn text_is_what_the_oracles_say() {
    let golden = include_str!("golden/charset.txt");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for (number, line) in golden
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
    {
        let columns: Vec<&str> = line.split('\t').collect();
        let [term, kind, groups, text] = columns[..] else {
            panic!("line {}", number + 1)
        };
        let kind = match kind {
            "PN" => TextKind::PersonName,
            "LT" => TextKind::MultiLine,
            _ => TextKind::SingleLine,
        };
        let bytes = bytes_of(groups);
        let (set, _) = SpecificCharacterSet::parse(term.as_bytes());
        let (found, _) = set.decode(&bytes, kind);
        let expected = unescaped(text);
        cases += 1;
        if found != expected {
            let differ = |(a, b): (char, char)| {
                (a != b).then(|| format!("{:04X}!={:04X}", a as u32, b as u32))
            };
            let differing: Vec<_> = found
                .chars()
                .zip(expected.chars())
                .filter_map(differ)
                .take(40)
                .collect();
            wrong.push(format!(
                "line {} {term} {groups}: {} {} {differing:?}",
                number + 1,
                found.chars().count(),
                expected.chars().count()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases > 1000);
}
