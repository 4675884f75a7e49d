//! The tables against the CSV files that they were generated from, and by properties.

use super::data::{MASKS, TAGS};
use super::*;
use crate::tag::Tag;
use crate::vr::Vr;

/// The fields of one line, double quotes as in RFC 4180 without escaped ones.
fn fields(line: &str) -> Vec<String> {
    let mut quoted = false;
    let mut found = vec![String::new()];
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(String::new()),
            _ => found.last_mut().unwrap().push(letter),
        }
    }
    found
}

fn hex(digits: &str) -> u32 {
    u32::from_str_radix(digits, 16).unwrap()
}

#[test]
fn every_data_element_of_the_source_answers() {
    let table = include_str!("../../../../tools/dictionary/data_elements.csv");
    let mut rows = 0;
    for row in table
        .lines()
        .skip(1)
        .map(fields)
        .filter(|row| row[7] == "0")
    {
        let tag = Tag(hex(&(row[0][1..5].to_owned() + &row[0][6..10])));
        let entry = by_tag(tag).unwrap();
        assert_eq!(entry.tag(), tag);
        assert_eq!(entry.keyword(), row[1], "{tag}");
        assert_eq!(entry.vr().as_str(), row[3], "{tag}");
        assert_eq!(vr_of(tag), entry.vr());
        assert_eq!(entry.vm().to_string(), row[4], "{tag}");
        assert_eq!(entry.is_retired(), row[5] == "1", "{tag}");
        if row[2] != "Retired-blank" {
            // "of" and "Of" in one name of a repeating element that both files hold.
            assert!(entry.name().eq_ignore_ascii_case(&row[2]), "{tag}");
        }
        rows += 1;
    }
    assert_eq!(rows, 5281);
}

#[test]
fn every_keyword_round_trips() {
    let mut seen = std::collections::HashSet::new();
    for keyword in keywords() {
        let tag = by_keyword(keyword).unwrap();
        assert_eq!(by_tag(tag).unwrap().keyword(), keyword);
        assert!(seen.insert(keyword), "{keyword} twice");
        for other in [
            format!("{keyword}X"),
            keyword[1..].to_owned(),
            keyword.to_lowercase(),
            format!(" {keyword}"),
        ] {
            assert_eq!(
                by_keyword(&other)
                    .and_then(by_tag)
                    .map(Entry::keyword)
                    .unwrap_or(&other),
                other
            );
        }
    }
    assert_eq!(
        seen.len(),
        TAGS.len() - 6,
        "six retired elements have no keyword"
    );
    assert_eq!(by_keyword(""), None);
}

/// Every tag of every repeating mask, against the masks themselves.
#[test]
fn every_mask_answers_for_every_tag_of_it() {
    let table = include_str!("../../../../tools/dictionary/repeating_groups.csv");
    let mut answered = 0;
    for row in table.lines().skip(1).map(fields) {
        let value = hex(&row[0].replace('x', "0"));
        let (open, index) = *MASKS
            .iter()
            .find(|(open, index)| TAGS[*index] & !open == value)
            .unwrap();
        // All values of the open digits, as the subsets of a bit mask.
        let mut digits = 0u32;
        loop {
            let tag = Tag(value | digits);
            let exact = TAGS.binary_search(&tag.0).is_ok_and(|found| found != index);
            if tag.is_private() || tag.is_group_length() {
                assert_eq!(by_tag(tag), None, "{tag}");
            } else if !exact {
                let entry = by_tag(tag).unwrap();
                assert_eq!((entry.tag(), entry.keyword()), (tag, row[1].as_str()));
                assert_eq!(entry.vr().as_str(), row[3], "{tag}");
                assert_eq!(entry.vm().to_string(), row[4], "{tag}");
                answered += 1;
            }
            digits = digits.wrapping_sub(open) & open;
            if digits == 0 {
                break;
            }
        }
    }
    assert!(answered > 80_000, "{answered}");
    assert_eq!(by_keyword("OverlayRows"), Some(Tag::new(0x6000, 0x0010)));
    assert_eq!(by_keyword("SourceImageIDs"), Some(Tag::new(0x0020, 0x3100)));
    assert_eq!(
        by_keyword("RowsForNthOrderCoefficients"),
        Some(Tag::new(0x0028, 0x0410))
    );
}

/// All tags of the groups that have repeating ones: nothing answers that neither the table nor a mask holds.
#[test]
fn nothing_else_answers() {
    for group in [
        0x0020, 0x0028, 0x1000, 0x1010, 0x5002, 0x6000, 0x6001, 0x60FE, 0x7F02, 0x7FE0,
    ] {
        for element in 0..=0xFFFF {
            let tag = Tag::new(group, element);
            let exact = TAGS.binary_search(&tag.0).is_ok();
            let masked = MASKS
                .iter()
                .any(|(open, index)| (TAGS[*index] ^ tag.0) & !open == 0);
            let expected = exact || masked && !tag.is_private() && !tag.is_group_length();
            assert_eq!(by_tag(tag).is_some(), expected, "{tag}");
            assert!(expected || vr_of(tag) == DictionaryVr::None);
        }
    }
}

/// Read in PS3.6 by hand.
#[test]
fn ambiguous_vrs_are_those_of_the_standard() {
    let expected = [
        (
            0x0028_0106,
            DictionaryVr::UsOrSs,
            "SmallestImagePixelValue",
            "1",
        ),
        (0x0028_3002, DictionaryVr::UsOrSs, "LUTDescriptor", "3"),
        (0x0028_3006, DictionaryVr::UsOrOw, "LUTData", "1-n"),
        (
            0x0028_1200,
            DictionaryVr::UsOrSsOrOw,
            "GrayLookupTableData",
            "1-n",
        ),
        (0x5400_1010, DictionaryVr::ObOrOw, "WaveformData", "1"),
        (0x6002_3000, DictionaryVr::ObOrOw, "OverlayData", "1"),
        (0x7FE0_0010, DictionaryVr::ObOrOw, "PixelData", "1"),
        (
            0x0004_1220,
            DictionaryVr::One(Vr::SQ),
            "DirectoryRecordSequence",
            "1",
        ),
        (
            0x0004_1400,
            DictionaryVr::One(Vr::UL),
            "OffsetOfTheNextDirectoryRecord",
            "1",
        ),
        (
            0x0020_0032,
            DictionaryVr::One(Vr::DS),
            "ImagePositionPatient",
            "3",
        ),
        (
            0x3006_0050,
            DictionaryVr::One(Vr::DS),
            "ContourData",
            "3-3n",
        ),
        (0xFFFE_E000, DictionaryVr::None, "Item", "1"),
    ];
    for (tag, vr, keyword, vm) in expected {
        let entry = by_tag(Tag(tag)).unwrap();
        assert_eq!(
            (entry.vr(), entry.keyword(), entry.vm().to_string().as_str()),
            (vr, keyword, vm)
        );
    }
}

#[test]
fn private_elements_answer_in_any_block() {
    let name = |creator, group, element| {
        private(creator, Tag::new(group, element)).map(PrivateEntry::name)
    };
    assert_eq!(
        name("SIEMENS CSA HEADER", 0x0029, 0x1010),
        Some("CSA Image Header Info")
    );
    assert_eq!(
        name("SIEMENS CSA HEADER  ", 0x0029, 0xFE10),
        Some("CSA Image Header Info")
    );
    assert_eq!(name("siemens csa header", 0x0029, 0x1010), None);
    assert_eq!(name("SIEMENS CSA HEADER", 0x0028, 0x1010), None);
    assert_eq!(name("SIEMENS CSA HEADER", 0x0029, 0x10FF), None);
    assert_eq!(name("", 0x0029, 0x1010), None);
    let header = private("SIEMENS CSA HEADER", Tag::new(0x0029, 0x1010)).unwrap();
    assert_eq!(
        (header.vr(), header.vm().to_string().as_str()),
        (DictionaryVr::One(Vr::OB), "1")
    );
}

/// Each row of the source, under three of the tags that its masks stand for.
#[test]
fn every_private_element_of_the_source_answers() {
    let table = include_str!("../../../../tools/dictionary/private_elements.csv");
    let (mut answered, mut left_out, mut more_specific) = (0, 0, 0);
    let rows: Vec<Vec<String>> = table.lines().skip(1).map(fields).collect();
    let one_block: std::collections::HashSet<(&str, u32)> = rows
        .iter()
        .filter(|row| !row[2].contains(['x', 'X']))
        .map(|row| (&*row[0], hex(&(row[1].clone() + &row[2]))))
        .collect();
    for row in &rows {
        let (group, element) = (row[1].to_lowercase(), row[2].to_lowercase());
        if row[3] == "INVALID"
            || element.ends_with("xx")
            || hex(&group.replace("xx", "01")) & 1 == 0
        {
            left_out += 1;
            continue;
        }
        // Where the sources dispute a VR, pydicom's stands.
        let disputed = row[7]
            .split(' ')
            .find_map(|claim| claim.strip_prefix("pydicom:"));
        let vr = disputed.map_or(row[3].clone(), |vr| vr.replace('_', " or "));
        for block in ["10", "11", "fe"] {
            let tag = hex(&(group.replace("xx", "0b") + &element.replace("xx", block)));
            if element.starts_with("xx") && one_block.contains(&(&*row[0], tag)) {
                more_specific += 1;
                continue;
            }
            let entry = private(&row[0], Tag(tag)).unwrap();
            assert_eq!(
                (entry.vr().as_str(), entry.vm().to_string()),
                (&*vr, row[4].clone()),
                "{row:?}"
            );
            answered += 1;
        }
    }
    assert_eq!(
        (left_out, answered + more_specific),
        (15, 3 * (13_750 - 15))
    );
    assert!(more_specific < 300, "{more_specific}");
}

#[test]
fn the_nearest_keyword_is_the_one_that_was_meant() {
    let meant = [
        ("PatientsName", Some("PatientName")),
        ("patientname", Some("PatientName")),
        ("PatinetID", Some("PatientID")),
        ("Colums", Some("Columns")),
        ("SOPInstanceUid", Some("SOPInstanceUID")),
        ("StudyInstanceUUID", Some("StudyInstanceUID")),
        ("pixel_array", None),
        ("x", None),
        ("", None),
        ("Ünïcödé", None),
    ];
    for (misspelt, keyword) in meant {
        assert_eq!(nearest_keyword(misspelt), keyword, "{misspelt}");
    }
    assert_eq!(nearest_keyword(&"A".repeat(1 << 20)), None);
}

/// The banded distance against the plain one of the text books.
#[test]
fn the_nearest_keyword_has_the_least_distance() {
    fn distance(a: &[u8], b: &[u8]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut next = vec![i + 1];
            for (j, y) in b.iter().enumerate() {
                next.push(
                    (row[j] + usize::from(x != y))
                        .min(row[j + 1] + 1)
                        .min(next[j] + 1),
                );
            }
            row = next;
        }
        row[b.len()]
    }
    for keyword in keywords().step_by(700) {
        for cut in [1, keyword.len() / 2] {
            let misspelt = format!("{}q{}", &keyword[..cut], &keyword[cut + 1..]).to_lowercase();
            let to = |other: &str| distance(misspelt.as_bytes(), other.to_lowercase().as_bytes());
            let least = keywords().map(to).min().unwrap();
            let allowed = (misspelt.len() / 4).clamp(1, 3);
            assert_eq!(
                nearest_keyword(&misspelt).map(to),
                Some(least).filter(|least| *least <= allowed),
                "{misspelt}"
            );
        }
    }
}

#[test]
fn multiplicities_print_as_the_standard_prints_them() {
    let printed = [
        (1, Some(1), 1, "1"),
        (1, None, 1, "1-n"),
        (2, None, 2, "2-2n"),
        (3, Some(3), 1, "3"),
        (1, Some(3), 1, "1-3"),
    ];
    for (min, max, step, text) in printed {
        assert_eq!(Vm::new(min, max, step).to_string(), text);
    }
}
