"""rd.dcmread and rd.is_dicom: what may be read, and every option."""

import contextlib
import io
import mmap
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT

Write = Callable[..., Path]
SMALL = builders.small()


@pytest.mark.parametrize("access", ["mmap", "read", "auto"])
@pytest.mark.parametrize("kind", [Path, str, lambda path: str(path).encode()], ids=["Path", "str", "bytes path"])
def test_a_path_by_each_access(write: Write, access: str, kind: Callable[[Path], object]) -> None:
    path = write(SMALL)
    if isinstance(kind(path), bytes):
        with pytest.raises((rd.DicomError, OSError)):  # bytes are the file itself
            rd.dcmread(kind(path), access=access)
        return
    ds = rd.dcmread(kind(path), access=access)
    assert ds.PatientName == "Doe^John"
    assert bytes(ds.PixelData) == bytes(range(16))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO], ids=lambda kind: kind.__name__)
def test_bytes_like_and_file_like(kind: Callable[[bytes], object]) -> None:
    assert rd.dcmread(kind(SMALL)).PatientID == "ID1"


def test_a_map_and_an_open_file(write: Write) -> None:
    with write(SMALL).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert rd.dcmread(mapped).PatientID == "ID1"
        ds = rd.dcmread(file)
    assert ds.Rows == 4
    assert bytes(ds.PixelData) == bytes(range(16)), "closing the file takes nothing away"


def test_bytes_are_held_not_copied() -> None:
    data = builders.file(EXPLICIT.patient() + EXPLICIT.image(1024, 1024) + EXPLICIT.pixels(bytes(1 << 20)))
    ds = rd.dcmread(data)
    import numpy as np

    assert np.shares_memory(np.frombuffer(ds["PixelData"].raw, np.uint8), np.frombuffer(data, np.uint8))


def test_a_bytearray_that_is_read_cannot_shrink() -> None:
    data = bytearray(SMALL)
    ds = rd.dcmread(data)
    with contextlib.suppress(BufferError):  # the buffer protocol forbids it while the data set lives
        del data[200:]
    assert ds.PatientName == "Doe^John"


@pytest.mark.parametrize("access", ["mmap", "read"])
def test_stop_before_pixels(write: Write, access: str) -> None:
    ds = rd.dcmread(write(SMALL), stop_before_pixels=True, access=access)
    assert "PixelData" not in ds
    assert ds.PixelRepresentation == 0


@pytest.mark.parametrize("options", [{}, {"specific_tags": ["Modality", 0x7FE11002]}])
def test_stop_before_pixels_where_there_are_none(options: dict[str, Any]) -> None:
    e = EXPLICIT.element
    later = e(0x7FE10010, "LO", "GEMS_Ultrasound_MovieGroup_001") + e(0x7FE11002, "LO", "a")
    data = builders.file(EXPLICIT.patient() + later + e(0xFFFCFFFC, "OB", bytes(4)))
    ds = rd.dcmread(data, stop_before_pixels=True, **options)
    assert list(ds.keys()) == list(rd.dcmread(data, **options).keys())
    assert ds[0x7FE11002].value == "a"


def test_specific_tags() -> None:
    ds = rd.dcmread(SMALL, specific_tags=["PatientName", 0x00280010, (0x0028, 0x0011), "SOPInstanceUID"])
    assert [element.keyword for element in ds] == ["SOPInstanceUID", "PatientName", "Rows", "Columns"]


def test_specific_tags_stop_reading_after_the_last() -> None:
    broken = SMALL[: SMALL.index(b"OT") + 2] + EXPLICIT.element(0x00100010, "PN", "A^B") + b"\xff" * 50
    assert rd.dcmread(broken, specific_tags=["PatientName"]).PatientName == "A^B"


def test_specific_tags_keep_the_character_set() -> None:
    data = builders.file(EXPLICIT.patient("山".encode(), character_set="ISO_IR 192"))
    assert rd.dcmread(data, specific_tags=["PatientName"]).PatientName == "山"


def test_force() -> None:
    noise = b"This is a text, no DICOM at all.\n" * 20
    with pytest.raises(rd.InvalidDicomError):
        rd.dcmread(noise)
    rd.dcmread(noise, force=True)


@pytest.mark.parametrize(
    ("uid", "encoding"),
    [
        (builders.IMPLICIT_LITTLE_UID, IMPLICIT),
        (builders.EXPLICIT_LITTLE_UID, EXPLICIT),
        (builders.EXPLICIT_BIG_UID, BIG),
    ],
)
def test_transfer_syntax_of_bare_data(uid: str, encoding: builders.Encoding) -> None:
    bare = encoding.element(0x00100010, "PN", "A^B") + encoding.element(0x00280010, "US", 513)
    ds = rd.dcmread(bare, transfer_syntax=uid)
    assert (ds.PatientName, ds.Rows, ds.transfer_syntax) == ("A^B", 513, uid)


@pytest.mark.parametrize("after", [0, 10, 9_000])
@pytest.mark.parametrize("wrap", [lambda deflated: deflated, None], ids=["raw", "zlib"])
def test_deflated_pixels_and_what_follows_them(after: int, wrap: Callable[[bytes], bytes] | None) -> None:
    pixels, trailing = random.Random(1).randbytes(100_000), bytes(after)
    data_set = EXPLICIT.patient() + EXPLICIT.element(0x7FE00010, "OW", pixels)
    data_set += EXPLICIT.element(0xFFFCFFFC, "OB", trailing)
    whole = wrap(builders.deflate(data_set)) if wrap else zlib.compress(data_set)
    ds = rd.dcmread(whole, transfer_syntax=builders.DEFLATED_UID)
    assert (ds.PatientID, ds.PixelData, len(ds[0xFFFCFFFC].value or b"")) == ("ID1", pixels, after)
    assert [w.code.name for w in ds.warnings if "Deflated" in w.code.name] == (
        [] if wrap else ["DeflatedWithZlibHeader"]
    )
    cut = rd.dcmread(whole[:-2_000], transfer_syntax=builders.DEFLATED_UID)
    assert "DeflatedTruncated" in [w.code.name for w in cut.warnings]
    assert 90_000 < len(cut.PixelData) <= 100_000
    assert pixels.startswith(cut.PixelData[:90_000])


def test_transfer_syntax_of_bare_deflated_data() -> None:
    bare = builders.deflate(EXPLICIT.patient())
    assert rd.dcmread(bare, transfer_syntax=builders.DEFLATED_UID).PatientID == "ID1"


@pytest.mark.parametrize("encoding", [IMPLICIT, EXPLICIT, BIG], ids=["implicit", "explicit", "big"])
def test_no_preamble(encoding: builders.Encoding) -> None:
    ds = rd.dcmread(encoding.patient() + encoding.image())
    assert (ds.PatientID, ds.Rows) == ("ID1", 4)
    assert ds.preamble is None
    assert ds.warnings


def test_strict() -> None:
    rd.dcmread(SMALL, strict=True)
    out_of_order = builders.file(EXPLICIT.image() + EXPLICIT.patient())
    assert rd.dcmread(out_of_order).warnings
    with pytest.raises(rd.DicomError) as refusal:
        rd.dcmread(out_of_order, strict=True)
    assert refusal.value.offset is not None


@pytest.mark.parametrize("name", ["no_such_option", "defer_size"])
def test_options_are_known_by_name(name: str) -> None:
    with pytest.raises(TypeError):
        rd.dcmread(SMALL, **{name: 1})
    with pytest.raises(TypeError):
        rd.dcmread(SMALL, True)


def test_wrong_arguments_are_pythons_errors() -> None:
    for wrong in (None, 5, 1.5, object(), ["a"]):
        with pytest.raises(TypeError):
            rd.dcmread(wrong)
    with pytest.raises(ValueError):
        rd.dcmread(SMALL, access="telepathy")
    with pytest.raises((ValueError, KeyError)):
        rd.dcmread(SMALL, specific_tags=["NoSuchKeyword"])


def test_is_dicom(write: Write) -> None:
    assert rd.is_dicom(write(SMALL)) is True
    assert rd.is_dicom(SMALL) is True
    assert rd.is_dicom(io.BytesIO(SMALL)) is True
    stream = io.BytesIO(b"before" + SMALL + bytes(100_000))
    stream.seek(6)
    assert rd.is_dicom(stream) is True
    assert stream.tell() == 6
    assert rd.dcmread(stream).Modality == "OT"
    assert rd.is_dicom(b"text" * 100) is False
    assert rd.is_dicom(write(b"", "empty.dcm")) is False
    with pytest.raises(FileNotFoundError):
        rd.is_dicom("no/such/file.dcm")


def test_every_seed_is_read_without_a_warning() -> None:
    for name, data in builders.seeds().items():
        ds = rd.dcmread(data)
        for element in ds.iterall():
            _ = element.value
        expected = {"bare", "fragments", "unknown"}  # no File Meta Information, no JPEG, UN for SQ
        assert not ds.warnings or name in expected, name


class Failing(io.BytesIO):
    """A file-like object whose reads fail after the first bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 100:
            raise OSError(5, "Input/output error")
        return super().read(min(100, size) if size and size > 0 else 100)

    readinto = None  # type: ignore[assignment]


def test_an_error_of_the_file_like_object_comes_through() -> None:
    with pytest.raises(OSError) as refusal:
        rd.dcmread(Failing(SMALL))
    assert refusal.value.errno == 5


class Trickling(io.BytesIO):
    """A file-like object that gives three bytes a read, as sockets may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3 if size is None or size < 0 else min(size, 3))


def test_short_reads_are_read_on() -> None:
    assert bytes(rd.dcmread(Trickling(SMALL)).PixelData) == bytes(range(16))


class Reader:
    """A stream whose read() gives something else than bytes, and that can't seek."""

    def __init__(self, data: bytes, kind: type) -> None:
        self.stream, self.kind, self.read_so_far = io.BytesIO(data), kind, 0

    def read(self, size: int = -1) -> Any:
        piece = self.stream.read(size)
        self.read_so_far += len(piece)
        return self.kind(piece)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_read_may_give(kind: type) -> None:
    assert rd.dcmread(Reader(SMALL, kind)).Modality == "OT"
    reader = Reader(SMALL + bytes(1 << 20), kind)
    assert rd.is_dicom(reader) is True
    assert reader.read_so_far == 4096
    with pytest.raises(TypeError, match="binary mode"):
        rd.dcmread(Reader(SMALL, lambda piece: piece.decode("latin-1")))  # type: ignore[arg-type]


def test_a_warning_of_the_whole_file_has_no_path() -> None:
    data = builders.EXPLICIT.patient()
    assert [(w.code, w.tag_path) for w in rd.dcmread(data, force=True).warnings] == [("FileMetaInformationMissing", "")]
    with pytest.raises(rd.InvalidDicomError) as caught:
        rd.dcmread(data, force=True, strict=True)
    assert caught.value.tag_path is None
