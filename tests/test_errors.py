"""The exceptions: their kinds, and that each says which file, which element, which byte."""

import inspect
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

Write = Callable[..., Path]
KINDS = {
    "InvalidDicomError": ValueError,
    "TruncatedError": Exception,
    "ValueDecodeError": Exception,
    "LimitError": Exception,
    "UnsupportedTransferSyntaxError": NotImplementedError,
    "PixelDecodeError": Exception,
    "NoImageError": AttributeError,
    "FileChangedError": OSError,
    "InternalError": Exception,
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name: str) -> None:
    kind = getattr(rd, name)
    assert issubclass(kind, rd.DicomError)
    assert issubclass(kind, KINDS[name])


def test_no_dicom(write: Write) -> None:
    path = write(b"hello " * 100, "letter.txt")
    with pytest.raises(rd.InvalidDicomError) as refusal:
        rd.dcmread(path)
    assert str(refusal.value.path) == str(path)
    assert "letter.txt" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(127), bytes(128) + b"DIC", bytes(4096), b"\xff" * 4096])
def test_too_little_and_nothing(data: bytes) -> None:
    with pytest.raises(rd.DicomError):
        rd.dcmread(data)


def test_a_value_says_where(write: Write) -> None:
    inner = EXPLICIT.item(EXPLICIT.element(0x00189087, "FD", bytes(6)))
    data = builders.file(EXPLICIT.sequence(0x00081140, EXPLICIT.item(b""), inner))
    path = write(data)
    element = rd.dcmread(path).ReferencedImageSequence[1][0x00189087]
    with pytest.raises(rd.ValueDecodeError) as refusal:
        _ = element.value
    error = refusal.value
    assert str(error.path) == str(path)
    assert error.offset == element.value_offset == len(data) - 6
    assert error.tag_path == "ReferencedImageSequence[1].DiffusionBValue"
    assert "0018,9087" in str(error)


def test_errors_can_be_pickled(write: Write) -> None:
    with pytest.raises(rd.InvalidDicomError) as refusal:
        rd.dcmread(write(b"hello " * 100))
    again = pickle.loads(pickle.dumps(refusal.value))
    assert type(again) is rd.InvalidDicomError
    assert str(again) == str(refusal.value)
    assert again.path == refusal.value.path


def test_the_operating_system_keeps_its_words() -> None:
    with pytest.raises(FileNotFoundError) as refusal:
        rd.dcmread("no/such/file.dcm")
    assert refusal.value.errno == 2
    assert str(refusal.value.filename) == "no/such/file.dcm"


def test_unsupported_transfer_syntax_names_it() -> None:
    video = EXPLICIT.patient() + EXPLICIT.image() + EXPLICIT.encapsulated([b"\0\0\1\xb3"])
    with pytest.raises(rd.UnsupportedTransferSyntaxError, match="MPEG2 Main Profile"):
        _ = rd.dcmread(builders.file(video, "1.2.840.10008.1.2.4.100")).pixel_array


def test_warnings_say_where() -> None:
    data = builders.file(EXPLICIT.patient() + EXPLICIT.element(0x00100020, "LO", "ID2") + EXPLICIT.image())
    warnings = rd.dcmread(data).warnings
    assert isinstance(warnings, tuple)
    warning = warnings[0]
    assert isinstance(warning, rd.ReadWarning)
    assert warning.offset == data.index(b"ID2") - 8
    assert warning.tag_path == "PatientID"
    assert warning.detail
    assert warning.code in type(warning.code)
    assert pickle.loads(pickle.dumps(warnings)) == warnings


def test_a_good_file_has_no_warnings() -> None:
    assert rd.dcmread(builders.small()).warnings == ()


IMAGE = EXPLICIT.patient() + EXPLICIT.image() + EXPLICIT.pixels(bytes(16), "OB")
NO_IMAGE = {
    "no Pixel Data": (IMAGE[: -len(EXPLICIT.pixels(bytes(16), "OB"))], "the data set has no Pixel Data; expected"),
    "no Rows": (IMAGE.replace(EXPLICIT.element(0x00280010, "US", 4), b""), r"Rows: Rows \(0028,0010\) is missing"),
    "nothing": (b"", "the data set has no Pixel Data; expected"),
}


@pytest.mark.parametrize("name", NO_IMAGE)
def test_no_image_is_no_attribute(name: str) -> None:
    data_set, words = NO_IMAGE[name]
    ds = rd.dcmread(builders.file(data_set))
    theirs = pydicom.dcmread(io.BytesIO(builders.file(data_set)))
    assert not hasattr(theirs, "pixel_array")
    for attribute in ("pixel_array", "frames"):
        assert not hasattr(ds, attribute)
        assert getattr(ds, attribute, None) is None
        assert ds.get(attribute, "none") == "none"
        with pytest.raises(rd.PixelDecodeError, match=words) as refusal:
            getattr(ds, attribute)
        assert isinstance(refusal.value, AttributeError)
        assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)
    assert "transfer_syntax" in dict(inspect.getmembers(ds))


def test_an_image_that_is_wrong_is_no_missing_attribute() -> None:
    for data_set in (
        IMAGE[:-4],
        IMAGE.replace(EXPLICIT.element(0x00280010, "US", 4), EXPLICIT.element(0x00280010, "US", 0)),
    ):
        ds = rd.dcmread(builders.file(data_set))
        with pytest.raises(rd.PixelDecodeError) as refusal:
            hasattr(ds, "pixel_array")
        assert not isinstance(refusal.value, AttributeError)
