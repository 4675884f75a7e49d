"""DataElement: tag, VR, VM, value and where it lies; the types of each VR."""

import io
import math

import numpy as np
import pydicom
import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT

E = EXPLICIT


def one(tag: int, vr: str, value: builders.Value, encoding: builders.Encoding = EXPLICIT) -> rd.DataElement:
    uid = builders.EXPLICIT_BIG_UID if encoding is BIG else builders.EXPLICIT_LITTLE_UID
    return rd.dcmread(builders.file(encoding.element(tag, vr, value), uid))[tag]


def test_what_describes_it() -> None:
    data = builders.small()
    element = rd.dcmread(data)["PatientName"]
    assert (element.tag, element.VR, element.VM, element.keyword) == (0x00100010, "PN", 1, "PatientName")
    assert element.name == "Patient's Name"
    assert (element.is_private, element.private_creator) == (False, None)
    assert data[element.value_offset : element.value_offset + element.value_length] == b"Doe^John"
    assert (element.tag.group, element.tag.element) == (0x0010, 0x0010)
    assert str(element.tag) == "(0010,0010)"


@pytest.mark.parametrize("uid", [builders.EXPLICIT_LITTLE_UID, builders.IMPLICIT_LITTLE_UID, builders.DEFLATED_UID])
def test_where_it_lies_and_what_it_is_are_pydicoms(uid: str) -> None:
    encoding = IMPLICIT if uid == builders.IMPLICIT_LITTLE_UID else EXPLICIT
    data = builders.file(encoding.patient() + encoding.sequence(0x00081140, undefined=True) + encoding.image(), uid)
    for mine, other in zip(rd.dcmread(data), pydicom.dcmread(io.BytesIO(data)), strict=True):
        names = ("file_tell", "is_raw", "is_buffered", "is_undefined_length", "is_empty", "is_private", "is_retired")
        assert [getattr(mine, name) for name in names] == [getattr(other, name) for name in names], mine.tag
        assert mine.empty_value == other.empty_value


def test_raw_is_read_only_and_no_copy() -> None:
    data = builders.small()
    raw = rd.dcmread(data)["PixelData"].raw
    assert isinstance(raw, memoryview)
    assert raw.readonly
    assert bytes(raw) == bytes(range(16))
    assert np.shares_memory(np.frombuffer(raw, np.uint8), np.frombuffer(data, np.uint8))
    with pytest.raises(TypeError):
        raw[0] = 1


def test_raw_outlives_the_data_set() -> None:
    raw = rd.dcmread(bytes(bytearray(builders.small())))["PatientName"].raw
    assert bytes(raw) == b"Doe^John"


@pytest.mark.parametrize("encoding", [EXPLICIT, BIG], ids=["little", "big"])
@pytest.mark.parametrize(
    ("vr", "numbers"),
    [
        ("US", [1, 65535]),
        ("SS", [-32768, 5]),
        ("UL", [0, 2**32 - 1]),
        ("SL", [-(2**31), 7]),
        ("UV", [0, 2**64 - 1]),
        ("SV", [-(2**63), 7]),
        ("FL", [1.5, -0.25]),
        ("FD", [1e300, -1e-300]),
    ],
)
def test_binary_numbers(vr: str, numbers: list[int] | list[float], encoding: builders.Encoding) -> None:
    element = one(0x00111001, vr, numbers, encoding)
    assert element.value == numbers
    assert {type(number) for number in element.value} == {type(numbers[0])}
    assert element.VM == 2
    array = element.to_numpy()
    assert (
        array.dtype
        == {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "UV": "u8", "SV": "i8", "FL": "f4", "FD": "f8"}[vr]
    )
    assert array.dtype.isnative
    assert array.tolist() == numbers
    assert one(0x00111001, vr, numbers[0], encoding).value == numbers[0]


@pytest.mark.parametrize(
    "text",
    [
        "1.5",
        "-2e3",
        " 3 ",
        "+.5",
        "0.1",
        "1.7976931348623157e308",
        "4.9e-324",
        "123456789.1234567",
        "1E-2",
        "9007199254740993",
    ],
)
def test_decimal_strings_are_rounded_as_python_rounds(text: str) -> None:
    value = one(0x00180050, "DS", text).value
    assert value == float(text)
    assert isinstance(value, float)
    assert one(0x00180050, "DS", text).to_numpy().tolist() == [float(text)]


def test_long_decimal_strings_to_numpy() -> None:
    rnd = np.random.default_rng(0)
    texts = [f"{number:.6g}" for number in rnd.normal(0, 100, 10_000)]
    data = builders.file(E.element(0x30060050, "DS", ""))
    data = builders.file(IMPLICIT.element(0x30060050, "DS", texts), builders.IMPLICIT_LITTLE_UID)
    element = rd.dcmread(data)["ContourData"]
    array = element.to_numpy()
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    assert array.tolist() == [float(text) for text in texts] == element.value


def test_integer_strings() -> None:
    assert one(0x00200013, "IS", "7").value == 7
    assert one(0x00200013, "IS", "+5\\ -7 ").value == [5, -7]
    assert one(0x00200013, "IS", "+5\\ -7 ").to_numpy().tolist() == [5, -7]
    assert type(one(0x00200013, "IS", "7").value) is int


@pytest.mark.parametrize(
    ("vr", "text", "numbers", "dtype"),
    [
        ("IS", "002.880000E+01", [28.8], "f8"),
        ("IS", "1.0", [1], "i8"),
        ("IS", "7\\1.50", [7, 1.5], "f8"),
        ("IS", "2e3\\4", [2000, 4], "i8"),
        ("DS", "1_0.5 ", [10.5], "f8"),
    ],
)
def test_to_numpy_takes_the_spellings_that_value_takes(vr: str, text: str, numbers: list[float], dtype: str) -> None:
    element = one(0x00111001, vr, text)
    assert element.to_numpy().tolist() == numbers == (element.value if len(numbers) > 1 else [element.value])
    assert element.to_numpy().dtype == dtype


@pytest.mark.parametrize(
    ("vr", "text"), [("IS", "x"), ("IS", "1\\x"), ("IS", "9" * 20), ("IS", "1\\"), ("DS", "1\\mm"), ("IS", "nan")]
)
def test_to_numpy_of_what_is_no_number(vr: str, text: str) -> None:
    with pytest.raises(rd.ValueDecodeError, match="is no number"):
        one(0x00111001, vr, text).to_numpy()


def test_to_numpy_is_for_numbers() -> None:
    with pytest.raises((TypeError, rd.ValueDecodeError)):
        one(0x00100020, "LO", "x").to_numpy()
    assert one(0x00180050, "DS", "").to_numpy().tolist() == []


@pytest.mark.parametrize(
    ("vr", "field", "value"),
    [
        ("LO", b" a \\b ", [" a", "b"]),
        ("SH", b"a\\", ["a", ""]),
        ("LT", b" a\\b ", " a\\b"),
        ("ST", b"x\\y ", "x\\y"),
        ("UT", b"x\\y ", "x\\y"),
        ("UR", b"http://x?a\\b", "http://x?a\\b"),
        ("UC", b"x\\y ", ["x", "y"]),
        ("CS", b"A \\ B ", ["A", "B"]),
        ("AE", b" A ", "A"),
        ("UI", b"1.2\0", "1.2"),
        ("DA", b"20200102", "20200102"),
        ("TM", b"1230 ", "1230"),
    ],
)
def test_text(vr: str, field: bytes, value: object) -> None:
    """Against pydicom's answer, and the one written here."""
    got = one(0x00111001, vr, field).value
    theirs = pydicom.dcmread(io.BytesIO(builders.file(E.element(0x00111001, vr, field))))[0x00111001].value
    assert got == theirs
    if vr in ("LT", "ST", "UT", "UI", "DA", "UC", "UR"):
        assert got == value


def test_empty_values_are_pydicoms() -> None:
    vrs = [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
        "US",
        "SS",
        "UL",
        "SL",
        "FL",
        "FD",
        "AT",
        "OB",
        "OW",
        "OF",
        "UN",
        "SQ",
    ]
    data = builders.file(b"".join(E.element(0x00111000 + i, vr, b"") for i, vr in enumerate(vrs)))
    ours, theirs = rd.dcmread(data), pydicom.dcmread(io.BytesIO(data))
    for i, vr in enumerate(vrs):
        mine, other = ours[0x00111000 + i], theirs[0x00111000 + i]
        assert mine.VM == other.VM, vr
        assert mine.value == (str(other.value) if vr == "PN" else other.value), vr
        assert mine.value_length == 0
        assert bytes(mine.raw) == b""


def test_attribute_tags() -> None:
    for encoding in (EXPLICIT, BIG):
        assert one(0x00280009, "AT", 0x00181063, encoding).value == 0x00181063
        value = one(0x00280009, "AT", [0x00181063, 0x00280010], encoding).value
        assert value == [0x00181063, 0x00280010]
        assert isinstance(value[0], rd.Tag)
        assert value[1].keyword == "Rows" if hasattr(value[1], "keyword") else True


@pytest.mark.parametrize("vr", ["OB", "OW", "OL", "OF", "OD", "OV", "UN"])
def test_bytes(vr: str) -> None:
    element = one(0x00111001, vr, bytes(range(16)))
    assert element.value == bytes(range(16))
    assert type(element.value) is bytes


def test_a_value_that_is_none_fails_alone() -> None:
    data = builders.file(E.patient() + E.header(0x00189087, "FD", 7) + bytes(7) + b"\0" + E.image())
    ds = rd.dcmread(data)
    assert ds.PatientID == "ID1"
    with pytest.raises(rd.ValueDecodeError) as refusal:
        _ = ds[0x00189087].value
    assert "0018,9087" in str(refusal.value)
    assert refusal.value.offset is not None
    assert len(ds[0x00189087].raw) in (7, 8)


def test_nan_and_infinity_of_text() -> None:
    value = one(0x00180050, "DS", "nan\\inf\\-inf").value
    assert math.isnan(value[0])
    assert value[1:] == [math.inf, -math.inf]


def test_repr_and_equality() -> None:
    element = one(0x00100020, "LO", "x")
    assert "(0010,0020)" in repr(element)
    assert "'x'" in repr(element) or "x" in str(element)
    assert element == one(0x00100020, "LO", "x ")
    assert element != one(0x00100020, "LO", "y")
    assert element != "x"
    assert len(repr(one(0x00111001, "UT", "x" * 100_000))) < 1000


def test_repval_is_one_line() -> None:
    items = [EXPLICIT.item(EXPLICIT.patient())] * 2
    text = EXPLICIT.element(0x00104000, "LT", "one\r\ntwo")
    ds = rd.dcmread(builders.file(EXPLICIT.sequence(0x00081140, *items) + text))
    assert ds["ReferencedImageSequence"].repval == "<Sequence, length 2>"
    assert ds["PatientComments"].repval == "'one\\r\\ntwo'"


def test_equal_elements_have_one_hash() -> None:
    pairs = [
        ("LO", "ab", "ab  "),
        ("DS", "1.0", "1.00"),
        ("DS", "nan", "nan "),
        ("IS", "1\\2", "1\\02"),
        ("OB", b"ab", b"ab"),
    ]
    for vr, written, otherwise in pairs:
        element, twin = one(0x00111001, vr, written), one(0x00111001, vr, otherwise)
        assert element == twin and {element: 1}[twin] == 1, vr
    sequences = [
        rd.dcmread(builders.file(E.sequence(0x00081140, E.item(b"", undefined=u), undefined=u))) for u in (True, False)
    ]
    assert len({ds["ReferencedImageSequence"] for ds in sequences}) == 1
    sequence = sequences[0].ReferencedImageSequence
    other = rd.dcmread(builders.file(E.sequence(0x00081110, E.item(b"")))).ReferencedStudySequence
    assert len({sequence, other, sequences[1].ReferencedImageSequence}) == 1


def test_every_vr_in_every_encoding() -> None:
    for encoding, uid in (
        (EXPLICIT, builders.EXPLICIT_LITTLE_UID),
        (BIG, builders.EXPLICIT_BIG_UID),
    ):
        ds = rd.dcmread(builders.file(builders.every_vr(encoding), uid))
        assert {element.VR for element in ds} >= {"AE", "UV", "OV", "UN", "AT", "UR", "UC", "SV"}
        for element in ds:
            assert element.value is not None
            assert element.VM >= 1


def test_unknown_vrs() -> None:
    """PS3.5 §7.1.2: a VR of the future has a 32-bit Value Length."""
    future = b"\x11\0\x10\x10ZZ\0\0\4\0\0\0abcd"
    ds = rd.dcmread(builders.file(E.element(0x00110010, "LO", "X") + future + E.image()))
    assert bytes(ds[0x00111010].raw) == b"abcd"
    assert ds.Rows == 4
