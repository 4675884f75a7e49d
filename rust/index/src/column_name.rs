//! The words of a column's name → what they mean: a keyword, a tag, a path into sequences, a private element.

use crate::column::{Asked, Element, Kind, Outermost, Which, fact};
use crate::error::{IndexError, Result};
use crate::private::PrivateTag;
use rapidicom_core::dictionary::{self, DictionaryVr, Vm};
use rapidicom_core::{Tag, Vr};

/// The column's name in the table, and what was asked for.
pub(crate) fn parse(name: &str) -> Result<(String, Asked)> {
    if let Some(fact) = fact(name) {
        return Ok((name.to_owned(), Asked::Fact(fact)));
    }
    // A creator may hold any character but a backslash: it is cut off first.
    if let Some((tag, creator)) = name.split_once(':') {
        return private(tag, creator, name);
    }
    let steps: Vec<&str> = name.split('.').collect();
    let mut tags = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let last = place + 1 == steps.len();
        let (word, which) = index(step, name)?;
        let tag = tag(word).ok_or_else(|| unknown(word, name))?;
        match (last, which) {
            (true, Some(_)) => {
                return Err(IndexError::Column(format!(
                    "{name:?}: only a sequence has items; name an element inside"
                )));
            }
            (false, _) if !may_be_sequence(tag) => {
                return Err(IndexError::Column(format!(
                    "{name:?}: {word} is no sequence, nothing is inside"
                )));
            }
            _ => tags.push((which.unwrap_or(Which::One(0)), tag)),
        }
    }
    let Some((&(_, leaf), &(_, first))) = tags.last().zip(tags.first()) else {
        return Err(unknown(name, name));
    };
    if tags
        .iter()
        .filter(|(which, _)| *which == Which::All)
        .count()
        > 1
    {
        return Err(IndexError::Column(format!(
            "{name:?}: [*] may stand once in a path; number the items of the other sequences"
        )));
    }
    let entry = dictionary::by_tag(leaf);
    let vr = entry.map_or(DictionaryVr::None, |e| e.vr());
    if vr == DictionaryVr::One(Vr::SQ) {
        return Err(IndexError::Column(format!(
            "{name:?} is a sequence: name an element inside, such as {name}[0].CodeValue"
        )));
    }
    let items = tags.iter().map(|&(which, _)| which);
    let inside = items
        .zip(tags.iter().skip(1).map(|&(_, tag)| tag))
        .collect();
    let title = match entry {
        // The keyword of an overlay or a curve names that of the first group; any other has its tag alone.
        Some(entry) if tags.len() == 1 && dictionary::by_keyword(entry.keyword()) == Some(leaf) => {
            entry.keyword().to_owned()
        }
        Some(entry) if tags.len() == 1 && !entry.keyword().is_empty() => {
            format!("{:04X}{:04X}", leaf.group(), leaf.element())
        }
        _ => name.to_owned(),
    };
    let element = element(vr, entry.map(|e| e.vm()), inside);
    Ok((title, Asked::Element(Outermost::Tag(first), element)))
}

fn element(vr: DictionaryVr, vm: Option<Vm>, inside: Vec<(Which, Tag)>) -> Element {
    let kind = kind_of(vr);
    let list = kind != Kind::Binary
        && vm.is_some_and(|vm| !vm.is_one())
        && !vr.one().is_some_and(Vr::is_single_valued);
    Element {
        slot: 0,
        inside,
        vr,
        kind,
        list,
    }
}

/// `0019xx10:GEMS_ACQU_01`, also with parentheses and a comma: which block is `xx`, the file says. PS3.5 §7.8.1
fn private(tag: &str, creator: &str, name: &str) -> Result<(String, Asked)> {
    let wrong = |words: &str| IndexError::Column(format!("{name:?}: {words}"));
    let digits: String = tag.chars().filter(|c| !"(),".contains(*c)).collect();
    let digits = digits.to_ascii_lowercase();
    let number = |from, to| {
        let part = digits.get(from..to)?;
        let hexadecimal = part.bytes().all(|b| b.is_ascii_hexdigit());
        hexadecimal.then(|| u16::from_str_radix(part, 16).ok())?
    };
    let form = (digits.len() == 8 && digits.get(4..6) == Some("xx"))
        .then(|| number(0, 4).zip(number(6, 8)))
        .flatten();
    let Some((group, element_number)) = form else {
        return Err(wrong(
            "expected a private tag with its block open, and its creator, as in 0019xx10:GEMS_ACQU_01",
        ));
    };
    let creator = creator.trim_matches(' ');
    if group % 2 == 0 {
        return Err(wrong("private groups are odd"));
    }
    if creator.is_empty() || creator.contains('\\') {
        return Err(wrong("expected the private creator after the colon"));
    }
    let entry = dictionary::private(creator, Tag::new(group, 0x1000 | element_number));
    let vr = entry.map_or(DictionaryVr::None, |e| e.vr());
    if vr == DictionaryVr::One(Vr::SQ) {
        return Err(wrong(
            "it is a sequence, and private ones are not looked into",
        ));
    }
    let title = format!("{group:04X}xx{element_number:02X}:{creator}");
    let tag = PrivateTag {
        group,
        element: element_number.to_le_bytes()[0],
        creator: creator.to_owned(),
    };
    let element = element(vr, entry.map(|e| e.vm()), Vec::new());
    Ok((title, Asked::Element(Outermost::Private(tag), element)))
}

/// `Word[3]` → the word and 3.
fn index<'a>(step: &'a str, name: &str) -> Result<(&'a str, Option<Which>)> {
    let Some((word, rest)) = step.split_once('[') else {
        return Ok((step, None));
    };
    let which = rest.strip_suffix(']').and_then(|inner| match inner {
        "*" => Some(Which::All),
        digits => digits.parse().ok().map(Which::One),
    });
    match which {
        Some(which) => Ok((word, Some(which))),
        None => Err(IndexError::Column(format!(
            "{name:?}: expected the number of an item, as in {word}[0], or {word}[*] for all items"
        ))),
    }
}

fn tag(word: &str) -> Option<Tag> {
    if let Some(tag) = dictionary::by_keyword(word) {
        return Some(tag);
    }
    let digits: String = word
        .chars()
        .filter(|c| !matches!(c, '(' | ')' | ','))
        .collect();
    let hexadecimal = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal
        .then(|| u32::from_str_radix(&digits, 16).ok())
        .flatten()
        .map(Tag)
}

fn may_be_sequence(tag: Tag) -> bool {
    matches!(
        dictionary::vr_of(tag),
        DictionaryVr::One(Vr::SQ) | DictionaryVr::None
    )
}

fn unknown(word: &str, name: &str) -> IndexError {
    let place = if word == name {
        String::new()
    } else {
        format!(" in {name:?}")
    };
    let near = match dictionary::nearest_keyword(word) {
        Some(keyword) => format!("; nearest is {keyword}"),
        None => "; expected a keyword, a tag such as 00100010, a path such as ReferencedSeriesSequence[0].Modality, \
                 a private tag such as 0019xx10:GEMS_ACQU_01, a file fact or \"default\""
            .to_owned(),
    };
    IndexError::Column(format!("no column {word:?}{place}{near}"))
}

/// Unsigned numbers take the next wider signed type, which every engine has. An element that no dictionary knows is text:
/// what its VR in the file is shown as.
fn kind_of(vr: DictionaryVr) -> Kind {
    match vr {
        DictionaryVr::One(vr) => match vr {
            Vr::DA => Kind::Date,
            Vr::US | Vr::SS => Kind::Int32,
            Vr::IS | Vr::UL | Vr::SL | Vr::SV | Vr::UV | Vr::AT => Kind::Int64,
            Vr::DS | Vr::FL | Vr::FD => Kind::Float64,
            Vr::OB | Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::OW | Vr::UN | Vr::SQ => Kind::Binary,
            _ => Kind::Text,
        },
        DictionaryVr::UsOrSs => Kind::Int32,
        DictionaryVr::ObOrOw | DictionaryVr::UsOrOw | DictionaryVr::UsOrSsOrOw => Kind::Binary,
        DictionaryVr::None => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn element(name: &str) -> (String, Outermost, Element) {
        match parse(name).unwrap() {
            (title, Asked::Element(outermost, element)) => (title, outermost, element),
            (_, Asked::Fact(fact)) => panic!("{fact:?}"),
        }
    }

    #[test]
    fn paths_name_items() {
        let path =
            "ReferencedSeriesSequence[*].ReferencedInstanceSequence[2].ReferencedSOPInstanceUID";
        let (title, _, found) = element(path);
        assert_eq!(title, path);
        let items: Vec<Which> = found.inside.iter().map(|step| step.0).collect();
        assert_eq!(items, [Which::All, Which::One(2)]);
        assert!(found.is_each() && !found.list);
        let (_, _, found) = element("PlanePositionSequence.ImagePositionPatient");
        assert!(!found.is_each() && found.list && found.kind == Kind::Float64);
    }

    #[test]
    fn creators_are_taken_as_they_are() {
        let (title, outermost, found) = element("(0029,XX10): SIEMENS CSA.HEADER[1]: A ");
        assert_eq!(title, "0029xx10:SIEMENS CSA.HEADER[1]: A");
        assert_eq!(found.kind, Kind::Text);
        let Outermost::Private(tag) = outermost else {
            panic!("{title}");
        };
        assert_eq!((tag.group, tag.element), (0x29, 0x10));
        assert_eq!(tag.creator, "SIEMENS CSA.HEADER[1]: A");
    }

    #[test]
    fn what_is_no_column() {
        for name in [
            "",
            ".",
            "a.b",
            ":",
            "0019xx10",
            "0019xx1:A",
            "0019xx10:a\\b",
            "Rows[",
            "Rows[]",
            "ReferencedSeriesSequence[-1].Modality",
            "ReferencedSeriesSequence",
            "éééé:x",
            "file_md5",
        ] {
            assert!(parse(name).is_err(), "{name:?}");
        }
    }
}
