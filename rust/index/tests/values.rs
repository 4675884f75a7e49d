//! What stands in the cells: built files, each way of writing them, and what is wrong with them.

#![allow(clippy::unwrap_used)]

mod built;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use built::{BIG, Built, EXPLICIT, Folder, IMPLICIT, JPEG, image, whole};
use rapidicom_core::Limits;
use rapidicom_index::{Columns, Index, NotDicom, Options, Sources, index};

fn of(folder: &Folder, columns: Columns) -> Index {
    let options = Options {
        threads: Some(1),
        ..Options::new(columns)
    };
    index(
        Sources::Path(folder.path().to_path_buf()),
        options,
        &mut |_| true,
    )
    .unwrap()
}

fn one(bytes: &[u8], columns: &[&str]) -> RecordBatch {
    let folder = Folder::new();
    folder.write("a.dcm", bytes);
    let index = of(&folder, Columns::new(columns, false).unwrap());
    assert_eq!(index.len(), 1);
    index.batches[0].clone()
}

fn text<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a str> {
    let array = batch.column_by_name(column).unwrap().as_string::<i32>();
    array.is_valid(0).then(|| array.value(0))
}

fn int64(batch: &RecordBatch, column: &str) -> Option<i64> {
    let array = batch
        .column_by_name(column)
        .unwrap()
        .as_primitive::<Int64Type>();
    array.is_valid(0).then(|| array.value(0))
}

fn int32(batch: &RecordBatch, column: &str) -> Option<i32> {
    let array = batch
        .column_by_name(column)
        .unwrap()
        .as_primitive::<Int32Type>();
    array.is_valid(0).then(|| array.value(0))
}

fn warnings(batch: &RecordBatch) -> Vec<String> {
    let list = batch
        .column_by_name("warnings")
        .unwrap()
        .as_list::<i32>()
        .value(0);
    list.as_struct()
        .column_by_name("code")
        .unwrap()
        .as_string::<i32>()
        .iter()
        .flatten()
        .map(str::to_owned)
        .collect()
}

fn frames(batch: &RecordBatch) -> Option<Vec<(i64, i64)>> {
    let lists = batch.column_by_name("frames").unwrap().as_list::<i32>();
    if lists.is_null(0) {
        return None;
    }
    let list = lists.value(0);
    let (offset, length) = (list.as_struct().column(0), list.as_struct().column(1));
    let numbers = |array: &dyn Array| array.as_primitive::<Int64Type>().values().to_vec();
    Some(numbers(offset).into_iter().zip(numbers(length)).collect())
}

#[test]
fn the_same_row_in_each_encoding() {
    for syntax in [EXPLICIT, IMPLICIT, BIG, JPEG] {
        let columns = [
            "PatientName",
            "Modality",
            "StudyDate",
            "InstanceNumber",
            "ImagePositionPatient",
            "Rows",
            "AccessionNumber",
        ];
        let row = one(&whole(syntax, 7), &columns);
        assert_eq!(text(&row, "status"), Some("ok"), "{syntax}");
        assert_eq!(text(&row, "PatientName"), Some("Müller^Jürg"));
        assert_eq!(text(&row, "Modality"), Some("CT"));
        assert_eq!(
            row.column_by_name("StudyDate")
                .unwrap()
                .as_primitive::<Date32Type>()
                .value(0),
            19885
        );
        assert_eq!(
            (int64(&row, "InstanceNumber"), int32(&row, "Rows")),
            (Some(7), Some(4))
        );
        let position = row
            .column_by_name("ImagePositionPatient")
            .unwrap()
            .as_list::<i32>()
            .value(0);
        assert_eq!(
            position.as_primitive::<Float64Type>().values().to_vec(),
            [1.5, -2.0, 300.0]
        );
        assert_eq!(text(&row, "AccessionNumber"), None);
        assert_eq!(warnings(&row), Vec::<String>::new());
    }
}

#[test]
fn file_facts() {
    let folder = Folder::new();
    let bytes = whole(EXPLICIT, 1);
    let path = folder.write("a.dcm", &bytes);
    let row = of(&folder, Columns::default_row(true).unwrap()).batches[0].clone();
    assert_eq!(text(&row, "path"), path.to_str());
    assert_eq!(text(&row, "transfer_syntax"), Some(EXPLICIT));
    assert_eq!(int64(&row, "size"), Some(bytes.len() as i64));
    assert_eq!(int64(&row, "pixel_offset"), Some(bytes.len() as i64 - 32));
    assert_eq!(int64(&row, "pixel_length"), Some(32));
    assert_eq!(frames(&row), Some(vec![(bytes.len() as i64 - 32, 32)]));
    let modified = path
        .metadata()
        .unwrap()
        .modified()
        .unwrap()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let mtime = row
        .column_by_name("mtime")
        .unwrap()
        .as_primitive::<TimestampMicrosecondType>()
        .value(0);
    assert_eq!(mtime, modified.as_micros() as i64);
}

#[test]
fn frames_of_encapsulated_pixels_lie_where_their_fragments_do() {
    let folder = Folder::new();
    let mut set = image(JPEG, 1).element(0x0028_0008, "IS", b"2");
    set.header(0x7FE0_0010, "OB", 0xFFFF_FFFF);
    let item = |n: u8, length: u32| {
        [
            &[0xFE, 0xFF, 0x00, 0xE0][..],
            &length.to_le_bytes(),
            &vec![n; length as usize],
        ]
        .concat()
    };
    let set = set
        .raw(&item(0, 0))
        .raw(&item(1, 10))
        .raw(&item(2, 20))
        .raw(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    let bytes = set.file();
    folder.write("a.dcm", &bytes);
    let row = of(&folder, Columns::default_row(true).unwrap()).batches[0].clone();
    let first = bytes.len() as i64 - 8 - 28 - 10;
    assert_eq!(frames(&row), Some(vec![(first, 10), (first + 18, 20)]));
    assert_eq!(
        (int64(&row, "pixel_offset"), int64(&row, "pixel_length")),
        (Some(first - 16), None)
    );
}

#[test]
fn the_vr_of_the_file_is_honoured_and_the_type_of_the_column_kept() {
    let set = |vr: &str, value: &[u8]| {
        Built::new(EXPLICIT)
            .element(0x0008_0060, "CS", b"CT")
            .element(0x0028_0010, vr, value)
            .file()
    };
    let rows = |vr: &str, value: &[u8]| {
        let row = one(&set(vr, value), &["Rows"]);
        (int32(&row, "Rows"), warnings(&row))
    };
    assert_eq!(rows("US", &[0x00, 0x02]), (Some(512), vec![]));
    assert_eq!(rows("UL", &[0x00, 0x02, 0, 0]), (Some(512), vec![]));
    assert_eq!(rows("IS", b"512"), (Some(512), vec![]));
    assert_eq!(rows("DS", b"512.0"), (Some(512), vec![]));
    assert_eq!(rows("SS", &[0xFF, 0xFF]), (Some(-1), vec![]));
    assert_eq!(
        rows("UL", &[0, 0, 0, 0x80]),
        (None, vec!["NumberOutOfRange".into()])
    );
    assert_eq!(rows("IS", b"many"), (None, vec!["NumberInvalid".into()]));
    assert_eq!(rows("DS", b"1.5"), (None, vec!["NumberInvalid".into()]));
    assert_eq!(rows("OB", b"ab"), (None, vec!["VrUnexpected".into()]));
    assert_eq!(
        rows("US", &[1, 0, 2, 0]),
        (Some(1), vec!["MultiplicityWrong".into()])
    );
    assert_eq!(rows("US", b""), (None, vec![]));
    assert_eq!(rows("UN", &[0x00, 0x02]), (Some(512), vec![]));
}

#[test]
fn us_or_ss_as_pixel_representation_says() {
    for (signed, expected) in [(0, 65535), (1, -1)] {
        let set = Built::new(IMPLICIT)
            .us(0x0028_0103, signed)
            .us(0x0028_0106, 0xFFFF)
            .file();
        assert_eq!(
            int32(
                &one(&set, &["SmallestImagePixelValue"]),
                "SmallestImagePixelValue"
            ),
            Some(expected)
        );
    }
}

#[test]
fn a_date_that_is_none_is_null_and_a_warning() {
    let row = one(
        &Built::new(EXPLICIT)
            .element(0x0008_0020, "DA", b"20240231")
            .element(0x0008_0060, "CS", b"CT")
            .file(),
        &["StudyDate", "Modality"],
    );
    assert!(row.column_by_name("StudyDate").unwrap().is_null(0));
    assert_eq!(
        (text(&row, "Modality"), warnings(&row)),
        (Some("CT"), vec!["ValueInvalid".to_owned()])
    );
}

#[test]
fn elements_beyond_a_large_sequence_are_found_without_reading_it() {
    for syntax in [EXPLICIT, IMPLICIT] {
        let filler = Built::new(syntax).element(0x0040_A160, "UT", &vec![b'x'; 3 << 20]);
        let set = image(syntax, 1)
            .sequence(0x0040_A730, filler)
            .element(0x0054_0081, "US", &[9, 0])
            .file();
        let folder = Folder::new();
        folder.write("a.dcm", &set);
        let index = of(
            &folder,
            Columns::new(&["NumberOfSlices", "Modality"], false).unwrap(),
        );
        let row = &index.batches[0];
        assert_eq!(
            (
                int32(row, "NumberOfSlices"),
                text(row, "Modality"),
                warnings(row).len()
            ),
            (Some(9), Some("CT"), 0)
        );
        assert!(
            index.counts.bytes < 100_000,
            "{} bytes were read",
            index.counts.bytes
        );
    }
}

#[test]
fn values_larger_than_the_prefix() {
    let long = vec![b'y'; 200_000];
    let row = one(
        &Built::new(EXPLICIT)
            .element(0x0008_0060, "CS", b"SR")
            .element(0x0040_A160, "UT", &long)
            .file(),
        &["TextValue"],
    );
    assert_eq!(text(&row, "TextValue").map(str::len), Some(200_000));
}

#[test]
fn group_2_is_at_hand() {
    let row = one(&whole(IMPLICIT, 1), &["TransferSyntaxUID", "Modality"]);
    assert_eq!(
        (text(&row, "TransferSyntaxUID"), text(&row, "Modality")),
        (Some(IMPLICIT), Some("CT"))
    );
}

#[test]
fn paths_into_sequences() {
    let code = Built::new(EXPLICIT)
        .element(0x0008_0005, "CS", b"ISO_IR 192")
        .element(0x0008_0104, "LO", "Schädel".as_bytes());
    let inner = Built::new(EXPLICIT)
        .element(0x0008_1150, "UI", b"1.2")
        .sequence(0x0040_A170, code);
    let set = image(EXPLICIT, 1).sequence(0x0040_A730, inner).file();
    let deep = "ContentSequence[0].PurposeOfReferenceCodeSequence.CodeMeaning";
    let names = [
        deep,
        "ContentSequence.ReferencedSOPClassUID",
        "ContentSequence[1].ReferencedSOPClassUID",
    ];
    let row = one(&set, &names);
    assert_eq!(
        names.map(|name| text(&row, name)),
        [Some("Schädel"), Some("1.2"), None]
    );
}

#[test]
fn a_deflated_data_set() {
    // Raw RFC 1951, one stored block: the inflated bytes as they are. PS3.5 §A.5
    let plain = image(EXPLICIT, 5).file();
    let data = plain[132 + 12 + 28..].to_vec();
    let length = data.len() as u16;
    let block = [
        &[1][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        &data,
    ]
    .concat();
    let row = one(
        &Built::new("1.2.840.10008.1.2.1.99").raw(&block).file(),
        &["PatientName", "InstanceNumber", "pixel_offset"],
    );
    assert_eq!(text(&row, "error"), None);
    assert_eq!(
        (text(&row, "PatientName"), int64(&row, "InstanceNumber")),
        (Some("Müller^Jürg"), Some(5))
    );
    assert_eq!(int64(&row, "pixel_offset"), None);
}

#[test]
fn every_cut_of_a_file_is_a_row_or_no_dicom() {
    let whole = whole(EXPLICIT, 3);
    for columns in [
        Columns::new(&["PatientName", "Rows"], false).unwrap(),
        Columns::default_row(true).unwrap(),
    ] {
        for cut in 0..whole.len() {
            let folder = Folder::new();
            folder.write("a.dcm", &whole[..cut]);
            let index = of(&folder, columns.clone());
            assert_eq!(index.counts.files, 1);
            assert_eq!(index.counts.rows + index.counts.skipped, 1, "cut at {cut}");
            if cut > 200 {
                assert_eq!(index.len(), 1, "cut at {cut}");
            }
        }
    }
}

#[test]
fn a_length_beyond_the_end_is_clipped_and_said() {
    let mut set = Built::new(EXPLICIT).element(0x0008_0060, "CS", b"CT");
    set.header(0x0010_0010, "PN", 40_000);
    let bytes = set.raw(b"Doe^John").file();
    let row = one(&bytes, &["Modality", "PatientName", "Rows"]);
    assert_eq!(
        (text(&row, "status"), text(&row, "PatientName")),
        (Some("ok"), Some("Doe^John"))
    );
    assert_eq!(warnings(&row), ["LengthClipped"]);
}

#[test]
fn mutants_end_no_scan() {
    let whole = whole(EXPLICIT, 3);
    let folder = Folder::new();
    let mut state = 7u64;
    for n in 0..600 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let at = 132 + (state >> 33) as usize % (bytes.len() - 132);
            bytes[at] = (state >> 20) as u8;
        }
        folder.write(&format!("{n}"), &bytes);
    }
    for columns in [
        Columns::new(&["PatientName", "Rows", "ContentSequence.CodeValue"], true).unwrap(),
        Columns::default_row(true).unwrap(),
    ] {
        let index = of(&folder, columns);
        assert_eq!(
            (
                index.counts.files,
                index.len() as u64 + index.counts.skipped
            ),
            (600, 600)
        );
    }
}

#[test]
fn what_is_no_dicom_is_skipped_or_a_row() {
    let folder = Folder::new();
    folder.write(
        "notes.txt",
        b"nothing to see here, but for a few words that fill more than a header would",
    );
    folder.write("empty", b"");
    folder.write("a.dcm", &whole(EXPLICIT, 1));
    let columns = Columns::new(&["Modality"], false).unwrap();
    let index = of(&folder, columns.clone());
    assert_eq!(
        (index.len(), index.counts.skipped, index.counts.failed),
        (1, 2, 0)
    );
    let options = Options {
        not_dicom: NotDicom::Row,
        threads: Some(1),
        ..Options::new(columns)
    };
    let index = rapidicom_index::index(Sources::Path(folder.path().into()), options, &mut |_| true)
        .unwrap();
    let errors = index.batches[0]
        .column_by_name("error")
        .unwrap()
        .as_string::<i32>();
    assert_eq!((index.len(), index.counts.failed), (3, 2));
    assert!(
        errors.value(1).starts_with("InvalidDicomError: "),
        "{}",
        errors.value(1)
    );
}

#[test]
fn limits_are_rows() {
    let folder = Folder::new();
    folder.write("a.dcm", &whole(EXPLICIT, 1));
    let limits = Limits {
        max_elements: 3,
        ..Limits::DEFAULT
    };
    let options = Options {
        limits,
        threads: Some(1),
        ..Options::new(Columns::new(&["Modality", "Rows"], false).unwrap())
    };
    let index = index(Sources::Path(folder.path().into()), options, &mut |_| true).unwrap();
    let error = text(&index.batches[0], "error").unwrap();
    assert!(error.starts_with("LimitError: "), "{error}");
}

#[test]
fn the_schema_follows_from_the_dictionary() {
    let names = [
        "PatientName",
        "StudyDate",
        "InstanceNumber",
        "SliceThickness",
        "Rows",
        "ImagePositionPatient",
        "00280100",
        "(7FE0,0010)",
        "ImageType",
    ];
    let schema = Columns::new(&names, false).unwrap().schema();
    let types: Vec<(String, DataType)> = schema
        .fields()
        .iter()
        .map(|f| (f.name().clone(), f.data_type().clone()))
        .collect();
    let list = |item| DataType::new_list(item, true);
    let warning = DataType::Struct(Fields::from(vec![
        Field::new("code", DataType::Utf8, true),
        Field::new("tag", DataType::Utf8, true),
        Field::new("offset", DataType::Int64, true),
    ]));
    let expected = [
        ("path", DataType::Utf8),
        ("status", DataType::Utf8),
        ("error", DataType::Utf8),
        ("warnings", list(warning)),
        ("PatientName", DataType::Utf8),
        ("StudyDate", DataType::Date32),
        ("InstanceNumber", DataType::Int64),
        ("SliceThickness", DataType::Float64),
        ("Rows", DataType::Int32),
        ("ImagePositionPatient", list(DataType::Float64)),
        ("BitsAllocated", DataType::Int32),
        ("PixelData", DataType::Binary),
        ("ImageType", list(DataType::Utf8)),
    ];
    assert_eq!(
        types,
        expected.map(|(name, data_type)| (name.to_owned(), data_type))
    );
    let full = Columns::default_row(true).unwrap().schema();
    assert_eq!(
        full.field(2).data_type(),
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    );
    assert!(full.fields().iter().all(|field| field.is_nullable()));
    assert_eq!(
        full.field(9).name(),
        "frames".replace("frames", "SOPClassUID").as_str()
    );
}

#[test]
fn wrong_columns_name_what_is_near() {
    for (name, near) in [
        ("PatientNam", "PatientName"),
        ("Modalty", "Modality"),
        ("ContentSequence", "is a sequence"),
        ("PatientName.CodeValue", "no sequence"),
        ("Rows[0]", "only a sequence"),
        ("ContentSequence[x].CodeValue", "number of an item"),
        ("ContentSequence[0].CodeValu", "CodeValue"),
        ("", "expected a keyword"),
    ] {
        let error = Columns::new(&[name], false).unwrap_err().to_string();
        assert!(error.contains(near), "{name}: {error}");
    }
}
