"""UID: a str that knows its name."""

import pickle
from pathlib import Path

import pydicom
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT


def uid_of(value: str) -> rd.UID:
    return rd.dcmread(builders.file(builders.EXPLICIT.element(0x00080018, "UI", value))).SOPInstanceUID


def test_it_is_a_str() -> None:
    uid = uid_of("1.2.3")
    assert isinstance(uid, str)
    assert isinstance(uid, rd.UID)
    assert uid == "1.2.3"
    assert {uid: 1}["1.2.3"] == 1
    assert pickle.loads(pickle.dumps(uid)) == uid
    assert rd.UID("1.2.3") == uid


@pytest.mark.parametrize(
    ("value", "name", "keyword"),
    [
        ("1.2.840.10008.1.2.1", "Explicit VR Little Endian", "ExplicitVRLittleEndian"),
        ("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", "JPEGBaseline8Bit"),
        ("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage", "CTImageStorage"),
        ("1.2.3", "1.2.3", ""),
    ],
)
def test_name_and_keyword(value: str, name: str, keyword: str) -> None:
    assert (uid_of(value).name, uid_of(value).keyword) == (name, keyword)


@pytest.mark.parametrize(
    ("value", "compressed", "implicit", "little"),
    [
        ("1.2.840.10008.1.2", False, True, True),
        ("1.2.840.10008.1.2.1", False, False, True),
        ("1.2.840.10008.1.2.2", False, False, False),
        ("1.2.840.10008.1.2.1.99", False, False, True),
        ("1.2.840.10008.1.2.5", True, False, True),
        ("1.2.840.10008.1.2.4.90", True, False, True),
    ],
)
def test_transfer_syntaxes(value: str, compressed: bool, implicit: bool, little: bool) -> None:
    uid = rd.UID(value)
    assert uid.is_transfer_syntax
    assert uid.is_compressed == compressed
    for name, expected in (("is_implicit_VR", implicit), ("is_little_endian", little)):
        if hasattr(uid, name):
            assert getattr(uid, name) == expected
    assert not uid_of("1.2.840.10008.5.1.4.1.1.2").is_transfer_syntax


def test_many() -> None:
    ds = rd.dcmread(builders.file(builders.EXPLICIT.element(0x0008001A, "UI", "1.2\\1.2.840.10008.1.2.1")))
    assert ds[0x0008001A].value == ["1.2", "1.2.840.10008.1.2.1"]
    assert ds[0x0008001A].value[1].is_transfer_syntax


@pytest.mark.parametrize("value", [" 1.2.3", "1.2.3 ", "\t1.2.3\n", " 1.2.3\\ 4.5"])
def test_white_space_around_a_uid_is_no_part_of_it(value: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(
        builders.file(EXPLICIT.element(0x00080018, "UI", value) + EXPLICIT.element(0x00080060, "CS", "OT"))
    )
    expected = pydicom.dcmread(path).SOPInstanceUID
    assert rd.dcmread(path).SOPInstanceUID == expected
    if isinstance(expected, str):
        cell = rd.index([path], columns=["SOPInstanceUID"]).to_pyarrow()["SOPInstanceUID"][0].as_py()
        assert cell == expected


def test_info_is_pydicoms() -> None:
    from pydicom._uid_dict import UID_dictionary

    for value, entry in UID_dictionary.items():
        assert rd.UID(value).info == entry[2], value
    assert rd.UID("1.2.3").info == ""
