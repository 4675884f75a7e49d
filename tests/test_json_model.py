"""The DICOM JSON Model of data sets, against pydicom's."""

import io
import json
import logging
from base64 import b64decode
from pathlib import Path

import pydicom
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT
DATA = builders.file(
    E.patient("Yamada^Tarou=山田^太郎=やまだ^たろう\\A^B".encode(), character_set="ISO_IR 192")
    + E.sequence(0x00081140, E.item(E.element(0x00204000, "LT", "last")), E.item(b""))
    + E.sequence(0x00081110)
    + E.element(0x00280009, "AT", [0x00181063, 0x00280010])
    + builders.every_vr()
    + E.element(0x00180050, "DS", "")
    + E.pixels(bytes(2000), "OB")
)
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def uri(element: object) -> str:
    return f"http://x/{element.tag.json_key}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("threshold", [0, 8, 1024, 10_000])
def test_as_pydicom(threshold: int) -> None:
    ours, theirs = rd.dcmread(DATA), pydicom.dcmread(io.BytesIO(DATA))
    assert ours.to_json() == theirs.to_json()
    assert json.loads(ours.to_json()) == ours.to_json_dict()
    assert ours.to_json(threshold, uri) == theirs.to_json(threshold, uri)
    assert ours.to_json(dump_handler=repr) == repr(ours.to_json_dict())
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.to_json() == other.to_json()
        assert mine.to_json_dict(uri, threshold) == other.to_json_dict(uri, threshold)


@pytest.mark.filterwarnings("ignore")
def test_every_file(pydicom_files: list[Path]) -> None:
    equal = 0
    for path in pydicom_files:
        try:
            theirs = pydicom.dcmread(path).to_json()
            ours = rd.dcmread(path)
        except Exception:
            continue
        assert ours.to_json() == theirs, path
        equal += 1
    assert equal > 150


def test_what_is_no_value() -> None:
    ds = rd.dcmread(builders.file(E.patient() + E.header(0x00280010, "US", 1) + b"a" + E.element(0x00280011, "US", 1)))
    with pytest.raises(rd.ValueDecodeError):
        ds.to_json_dict()
    model = ds.to_json_dict(suppress_invalid_tags=True)
    assert "00280010" not in model and model["00280011"] == {"vr": "US", "Value": [1]}


def test_text_that_is_no_number_is_text() -> None:
    ds = rd.dcmread(builders.file(E.element(0x00180050, "DS", "1.5\\mm") + E.element(0x00200013, "IS", "1\\")))
    assert [element["Value"] for element in ds.to_json_dict().values()] == [["1.5", "mm"], [1, None]]


def test_numbers_that_json_has_none_for() -> None:
    numbers = [float("nan"), float("inf"), -float("inf")]
    data = builders.file(E.element(0x00180050, "DS", "NaN") + E.element(0x00189073, "FD", numbers))
    text = rd.dcmread(data).to_json()
    assert text == pydicom.dcmread(io.BytesIO(data)).to_json()
    assert '"Value": [NaN, Infinity, -Infinity]' in text and '"Value": [NaN]' in text


def test_bytes_stay_in_the_order_of_a_big_endian_file() -> None:
    data = builders.file(builders.BIG.patient() + builders.every_vr(builders.BIG), builders.EXPLICIT_BIG_UID)
    ours = rd.dcmread(data)
    assert ours.to_json() == pydicom.dcmread(io.BytesIO(data)).to_json()
    [words] = [element for element in ours if element.VR == "OW"]
    assert b64decode(words.to_json_dict()["InlineBinary"]) == bytes(words.raw) == bytes(range(16))
