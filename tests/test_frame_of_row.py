"""IndexTable.frame: one frame through its byte range alone, equal to what parsing the file gives."""

import datetime as dt
import io
import os
import re
import struct
import tarfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT
from code_streams import STREAMS, even

pa = pytest.importorskip("pyarrow")
deltalake = pytest.importorskip("deltalake")

E = EXPLICIT
IMAGE = ["Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"]
IMAGE += ["PlanarConfiguration", "PhotometricInterpretation", "NumberOfFrames"]
DEFAULT = rd.index([]).schema.names
COLUMNS = [*DEFAULT, *(name for name in IMAGE if name not in DEFAULT)]
RNG = np.random.default_rng(5)


def rows(source: Any) -> list[dict[str, Any]]:
    """As a table on disk has them."""
    made = pa.table(rd.index(source, columns=COLUMNS, frames=True)).to_pylist()
    for row in made:
        place = row["path"].rpartition("::")[2]  # a member has the time of its archive
        row["mtime_ns"] = None if row["size"] is None else Path(place).stat().st_mtime_ns
    return made


@pytest.fixture
def table(tmp_path: Path) -> rd.IndexTable:
    """Any: a row that is given as a mapping is not looked up."""
    folder = tmp_path / "index"
    deltalake.write_deltalake(folder, pa.table({"path": ["x"]}))
    return rd.open_index(folder)


@pytest.fixture
def unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever parses a file fails."""
    from rapidicom import frame_of_row

    def refuse(source: object) -> None:
        raise AssertionError(f"parsed: {source}")

    monkeypatch.setattr(frame_of_row, "dcmread", refuse)


def answer(ask: Callable[[], np.ndarray]) -> tuple[Any, ...]:
    """All there is to tell of a frame, or the kind of the error."""
    try:
        frame = ask()
    except (rd.DicomError, ValueError, NotImplementedError) as error:
        return (type(error),)
    assert frame.flags.c_contiguous
    assert frame.flags.writeable
    return frame.shape, frame.dtype.str, frame.tobytes()


def compare(paths: Iterable[Path], table: rd.IndexTable) -> Counter[str]:
    """Every frame (at most five of a file) by its row and by parsing; how many were equal frames, how many errors."""
    counts: Counter[str] = Counter()
    for row in rows(map(os.fspath, paths)):
        if row["status"] != "ok":
            counts["unreadable"] += 1
            continue
        try:
            parsed = rd.dcmread(row["path"]).frames
        except rd.PixelDecodeError:
            counts["not understood"] += 1
            continue
        for index in sorted({0, 1, len(parsed) // 2, len(parsed) - 2, len(parsed) - 1} & set(range(len(parsed)))):
            expected = answer(lambda parsed=parsed, index=index: parsed[index])
            assert answer(lambda row=row, index=index: table.frame(row, index)) == expected, (row["path"], index)
            counts["equal" if len(expected) > 1 else "error"] += 1
        for index in (len(parsed), -len(parsed) - 1):
            with pytest.raises((IndexError, rd.DicomError)):
                table.frame(row, index)
    return counts


def test_files_of_pydicom(pydicom_files: list[Path], table: rd.IndexTable) -> None:
    counts = compare(pydicom_files, table)
    assert counts["equal"] >= 100, counts
    assert counts["error"] <= 3, counts


@pytest.mark.slow
def test_more_files_of_pydicom(pydicom_data_files: list[Path], table: rd.IndexTable) -> None:
    assert compare(pydicom_data_files, table)["equal"] >= 50


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::rapidicom.SampleRangeWarning")
def test_real_files(shared_corpus: Path, table: rd.IndexTable) -> None:
    files = [path for path in sorted(shared_corpus.rglob("*")) if path.is_file() and path.stat().st_size < 50 << 20]
    counts = compare(files, table)
    assert counts["equal"] >= 500, counts


def packed(cells: np.ndarray, bits: int) -> bytes:
    """The least significant bit first, cells and frames without a gap. PS3.5 §8.1.1"""
    lowest_first = (cells.reshape(-1, 1) >> np.arange(bits, dtype=np.uint64)) & np.uint64(1)
    data = np.packbits(lowest_first.astype(np.uint8), bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)


def cells(bits: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, 1 << bits, shape, dtype=np.uint64)


def native(data: bytes, encoding: builders.Encoding = E, vr: str = "OW", **image: Any) -> bytes:
    return encoding.patient() + encoding.image(**image) + encoding.pixels(data, vr)


def floats(tag: int, vr: str, values: np.ndarray) -> bytes:
    module = E.element(0x00280002, "US", 1) + E.element(0x00280004, "CS", "MONOCHROME2")
    module += E.element(0x00280008, "IS", 2) + E.element(0x00280010, "US", 3) + E.element(0x00280011, "US", 5)
    module += E.element(0x00280100, "US", 8 * values.itemsize)
    return E.patient() + module + E.element(tag, vr, values.tobytes())


SMALL = {"rows": 3, "columns": 5, "frames": 4}
NATIVE = {
    "one bit": native(packed(cells(1, 4, 3, 5), 1), vr="OB", bits=1, **SMALL),
    "twelve bits": native(packed(cells(12, 4, 3, 5), 12), bits=12, **SMALL),
    "24 bits": native(packed(cells(24, 4, 3, 5), 24), bits=24, **SMALL),
    "32 bits": native(packed(cells(32, 4, 3, 5), 32), bits=32, **SMALL),
    "64 bits": native(packed(cells(64, 4, 3, 5), 64), bits=64, **SMALL),
    "unused bits": native(packed(cells(16, 4, 3, 5), 16), bits=16, stored=12, **SMALL),
    "unused bits, clean": native(packed(cells(12, 4, 3, 5), 16), bits=16, stored=12, **SMALL),
    "unused bits, signed": native(packed(cells(16, 4, 3, 5), 16), bits=16, stored=12, signed=True, **SMALL),
    "unused bits of a byte": native(packed(cells(8, 4, 3, 5), 8), bits=8, stored=5, signed=True, **SMALL),
    "colour": native(packed(cells(8, 4, 3, 5, 3), 8), samples=3, photometric="RGB", planar=0, **SMALL),
    "planes": native(packed(cells(8, 4, 3, 5, 3), 8), samples=3, photometric="RGB", planar=1, **SMALL),
    "planes of words": native(
        packed(cells(16, 4, 3, 5, 3), 16), bits=16, samples=3, photometric="RGB", planar=1, **SMALL
    ),
    "YBR_FULL": native(packed(cells(8, 4, 3, 5, 3), 8), samples=3, photometric="YBR_FULL", planar=0, **SMALL),
    "YBR_FULL_422": native(
        packed(cells(8, 4, 3, 4, 2), 8), samples=3, photometric="YBR_FULL_422", planar=0, rows=3, columns=4, frames=4
    ),
    "YBR_FULL_422 in name": native(
        packed(cells(8, 4, 3, 4, 3), 8), samples=3, photometric="YBR_FULL_422", planar=0, rows=3, columns=4, frames=4
    ),
    "float": floats(0x7FE00008, "OF", RNG.random((2, 3, 5), dtype=np.float32)),
    "double": floats(0x7FE00009, "OD", RNG.random((2, 3, 5))),
    "cut": native(packed(cells(8, 2, 3, 5), 8), **SMALL),
    "no bits stored": E.patient() + E.image(3, 5).replace(E.element(0x00280101, "US", 8), b"") + E.pixels(bytes(16)),
    "no such bits": native(bytes(60), bits=7, **SMALL),
    "no rows": native(bytes(60), rows=0, columns=5),
}
SYNTAXES = {
    "implicit": (builders.IMPLICIT_LITTLE_UID, IMPLICIT, "OW", 16),
    "implicit, 32 bits": (builders.IMPLICIT_LITTLE_UID, IMPLICIT, "OW", 32),
    "big endian": (builders.EXPLICIT_BIG_UID, BIG, "OW", 16),
    "big endian words": (builders.EXPLICIT_BIG_UID, BIG, "OW", 8),
    "big endian bytes": (builders.EXPLICIT_BIG_UID, BIG, "OB", 8),
    "private": ("1.2.840.113619.5.2", IMPLICIT, "OW", 16),
}


@pytest.mark.parametrize("name", NATIVE)
def test_native(name: str, write: Callable[..., Path], table: rd.IndexTable) -> None:
    counts = compare([write(builders.file(NATIVE[name]))], table)
    assert counts["equal"] + counts["error"] + counts["not understood"] >= 1, counts


@pytest.mark.parametrize("name", SYNTAXES)
def test_native_in_other_syntaxes(name: str, write: Callable[..., Path], table: rd.IndexTable) -> None:
    uid, encoding, vr, bits = SYNTAXES[name]
    data_set = native(packed(cells(bits, 4, 3, 5), bits), encoding, vr, bits=bits, **SMALL)
    assert compare([write(builders.file(data_set, uid))], table)["equal"] >= 1


def test_deflated(write: Callable[..., Path], table: rd.IndexTable) -> None:
    data_set = native(packed(cells(8, 4, 3, 5), 8), **SMALL)
    assert compare([write(builders.file(data_set, builders.DEFLATED_UID))], table)["equal"] == 4


def rle(frame: np.ndarray) -> bytes:
    return builders.rle_frame(b"".join(b"\0" + bytes([cell]) for cell in frame.astype(np.uint8).ravel().tolist()))


FRAMES = [rle(frame) for frame in cells(8, 4, 3, 5)]
HALVES = [part for frame in FRAMES for part in (frame[:40], frame[40:])]
STARTS = np.cumsum([0, *(len(frame) + 8 for frame in FRAMES[:-1])]).tolist()
STARTS_OF_HALVES = np.cumsum([0, *(len(frame) + 16 for frame in FRAMES[:-1])]).tolist()
EXTENDED = E.element(0x7FE00001, "OV", struct.pack("<4Q", *STARTS)) + E.element(
    0x7FE00002, "OV", struct.pack("<4Q", *map(len, FRAMES))
)
ENCAPSULATED = {
    "no table": E.encapsulated(FRAMES),
    "basic offset table": E.encapsulated(FRAMES, STARTS),
    "two fragments a frame": E.encapsulated(HALVES, STARTS_OF_HALVES),
    "extended offset table": EXTENDED + E.encapsulated(FRAMES),
}


@pytest.mark.parametrize("name", ENCAPSULATED)
def test_encapsulated(name: str, write: Callable[..., Path], table: rd.IndexTable, unparsed: None) -> None:
    path = write(builders.file(E.patient() + E.image(**SMALL) + ENCAPSULATED[name], builders.RLE_UID))
    assert compare([path], table) == {"equal": 4}


@pytest.mark.parametrize("name", ["unused bits", "planes", "one bit", "twelve bits", "float", "YBR_FULL_422"])
def test_the_file_is_not_parsed(name: str, write: Callable[..., Path], table: rd.IndexTable, unparsed: None) -> None:
    assert compare([write(builders.file(NATIVE[name]))], table)["equal"] >= 2


def test_nothing_but_the_frame_is_read(write: Callable[..., Path], table: rd.IndexTable) -> None:
    """What lies around it may be anything, as long as size and time are those of the row."""
    path = write(builders.file(NATIVE["colour"]))
    (row,) = rows([path])
    expected, status = rd.dcmread(path).frames[2].copy(), path.stat()
    place = row["frames"][2]
    data = bytearray(b"\xff" * status.st_size)
    data[place["offset"] : place["offset"] + place["length"]] = expected.tobytes()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(table.frame(row, 2), expected)


def test_a_damaged_frame_says_where(write: Callable[..., Path], table: rd.IndexTable) -> None:
    content = E.encapsulated([FRAMES[0], FRAMES[1][:70], *FRAMES[2:]])
    path = write(builders.file(E.patient() + E.image(**SMALL) + content, builders.RLE_UID))
    (row,) = rows([path])
    with pytest.raises(rd.PixelDecodeError, match="frame 1") as caught:
        table.frame(row, 1)
    assert caught.value.path == row["path"]
    assert caught.value.offset is not None
    assert caught.value.offset >= row["frames"][1]["offset"]


def changed(path: Path, how: str) -> None:
    status = path.stat()
    if how == "longer":
        path.write_bytes(path.read_bytes() + b"\0")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif how == "later":
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    else:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**6))


@pytest.mark.parametrize(
    ("how", "column"), [("longer", "size"), ("later", "mtime_ns"), ("a millisecond later", "mtime")]
)
def test_a_changed_file(how: str, column: str, write: Callable[..., Path], table: rd.IndexTable) -> None:
    path = write(builders.small())
    (row,) = rows([path])
    if column == "mtime":
        del row["mtime_ns"]
        assert isinstance(row["mtime"], dt.datetime)
    assert table.frame(row).shape == (4, 4)
    changed(path, how)
    with pytest.raises(rd.FileChangedError, match="build the index again") as caught:
        table.frame(row)
    assert caught.value.path == row["path"]
    assert isinstance(caught.value, OSError)


def test_a_vanished_file(write: Callable[..., Path], table: rd.IndexTable) -> None:
    path = write(builders.small())
    (row,) = rows([path])
    path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        table.frame(row)
    assert caught.value.filename == str(path)


def test_a_frame_that_is_not_there(write: Callable[..., Path], tmp_path: Path, table: rd.IndexTable) -> None:
    (row,) = rows([write(builders.file(NATIVE["colour"]))])
    np.testing.assert_array_equal(table.frame(row, -1), table.frame(row, 3))
    for index in (4, -5, 10**30):
        with pytest.raises(IndexError, match="of 4"):
            table.frame(row, index)
    (report,) = rows([write(builders.file(E.patient()))])
    with pytest.raises(IndexError, match="of 0"):
        table.frame(report)
    (gone,) = rows([tmp_path / "gone.dcm"])
    assert gone["status"] == "error"
    with pytest.raises(IndexError, match=re.escape(gone["error"])):
        table.frame(gone)


def test_a_row_without_byte_ranges(write: Callable[..., Path], table: rd.IndexTable) -> None:
    (row,) = rows([write(builders.small())])
    with pytest.raises(ValueError, match="frames=True"):
        table.frame({name: value for name, value in row.items() if name != "frames"})
    # Without Samples per Pixel and its like, the file says what they are.
    assert table.frame({name: row[name] for name in ("path", "frames")}).shape == (4, 4)


def test_a_name_that_is_no_utf_8(tmp_path: Path, table: rd.IndexTable) -> None:
    (tmp_path / "1.dcm").write_bytes(builders.small())
    (row,) = rows([tmp_path / "1.dcm"])
    path = (tmp_path / "1.dcm").rename(tmp_path / os.fsdecode(b"\xff.dcm"))
    row["path"], row["path_bytes"] = "shown \N{REPLACEMENT CHARACTER}.dcm", os.fsencode(path)
    assert table.frame(row).shape == (4, 4)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["colour", "planes", "unused bits", "YBR_FULL_422 in name"])
def test_members_of_archives(
    name: str, compression: int, write: Callable[..., Path], tmp_path: Path, table: rd.IndexTable
) -> None:
    path = write(builders.file(NATIVE[name]), "1.dcm")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as archive:
        archive.write(path, "inner/1.dcm")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(path, "inner/1.dcm")
    expected = rd.dcmread(path).frames[2]
    for archived in (tmp_path / "a.zip", tmp_path / "a.tar"):
        (row,) = rows([archived])
        assert row["path"] == f"{archived.suffix[1:]}://inner/1.dcm::{archived}"
        frame = table.frame(row, 2)
        assert frame.flags.writeable
        np.testing.assert_array_equal(frame, expected)
        assert frame.dtype == expected.dtype
        with pytest.raises(rd.FileChangedError):
            table.frame({**row, "size": row["size"] + 1}, 2)
        changed(archived, "later")
        with pytest.raises(rd.FileChangedError):
            table.frame(row, 2)


def zipped(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: list[tuple[str, bytes]], encoding: str = "utf-8") -> Path:
    mode = "w:gz" if path.name.endswith("gz") else "w"
    with tarfile.open(path, mode, format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
        for name, data in members:
            facts = tarfile.TarInfo(name)
            facts.size = len(data)
            archive.addfile(facts, io.BytesIO(data))
    return path


def table_of(source: Path, folder: Path) -> rd.IndexTable:
    rd.build_index(source, folder, frames=True)
    return rd.open_index(folder)


def test_members_whatever_they_are_called(tmp_path: Path) -> None:
    data = builders.file(NATIVE["colour"])
    expected = rd.dcmread(data).frames[1]
    names = [
        "/absolute.dcm",
        "../up.dcm",
        "::odd::n.dcm",
        "zip://x::y.dcm",
        "a?b*[1].dcm",
        "ü.dcm",
        "d/" * 90 + "deep.dcm",
    ]
    members = [(name, data) for name in names]
    latin = tarred(tmp_path / "latin.tar", [("\N{LATIN SMALL LETTER E WITH ACUTE}.dcm", data)], "latin-1")
    old = zipped(tmp_path / "old.zip", [("nXme.dcm", data)])
    old.write_bytes(old.read_bytes().replace(b"nXme.dcm", b"n\x82me.dcm"))
    (tmp_path / "with::colons").mkdir()
    colons = zipped(tmp_path / "with::colons" / "a.zip", members)
    archives = [tarred(tmp_path / name, members) for name in ("a.tar", "a.tgz", "a.tar.gz")]
    for number, archive in enumerate([zipped(tmp_path / "a.zip", members), colons, *archives, latin, old]):
        table = table_of(archive, tmp_path / f"index{number}")
        assert len(table) == (1 if archive in (latin, old) else len(names))
        for row in table.to_pyarrow().to_pylist():
            np.testing.assert_array_equal(table.frame(row, 1), expected)


def test_members_of_one_name(tmp_path: Path) -> None:
    one, other = (
        builders.file(NATIVE["colour"]),
        builders.file(NATIVE["colour"] + E.element(0xFFFCFFFC, "OB", bytes(8))),
    )
    twice = [("1.dcm", one), ("1.dcm", other)]
    for archive in (zipped(tmp_path / "sizes.zip", twice), tarred(tmp_path / "sizes.tar", twice)):
        table = table_of(archive, tmp_path / f"of {archive.name}")
        assert sorted(row["size"] for row in table.to_pyarrow().to_pylist()) == [len(one), len(other)]
        for row in table.to_pyarrow().to_pylist():
            np.testing.assert_array_equal(table.frame(row), rd.dcmread(one).frames[0])
        again = rd.build_index(archive, tmp_path / f"of {archive.name}")
        assert (again.rows, again.unchanged, again.removed) == (0, 2, 0)
        os.utime(archive, (1, 1))
        again = rd.build_index(archive, tmp_path / f"of {archive.name}")
        assert (again.rows, again.unchanged, again.removed) == (2, 0, 2)
    for archive in (zipped(tmp_path / "same.zip", [twice[0]] * 2), tarred(tmp_path / "same.tar", [twice[0]] * 2)):
        table = table_of(archive, tmp_path / f"of {archive.name}")
        with pytest.raises(ValueError, match="2 members have this name"):
            table.frame(table.to_pyarrow().to_pylist()[0])
        assert rd.build_index(archive, tmp_path / f"of {archive.name}").unchanged == 2


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_members_before_the_damage(name: str, tmp_path: Path) -> None:
    data = [builders.file(NATIVE["colour"] + E.element(0xFFFCFFFC, "OB", os.urandom(9000))) for _ in range(2)]
    archive = tarred(tmp_path / name, list(zip("ab", data, strict=True)))
    archive.write_bytes(archive.read_bytes()[:14_000])
    table = table_of(archive, tmp_path / "index")
    (row,) = (row for row in table.to_pyarrow().to_pylist() if row["status"] == "ok")
    np.testing.assert_array_equal(table.frame(row), rd.dcmread(data[0]).frames[0])


def test_an_archive_that_is_gone(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("1.dcm", builders.small())])
    table = table_of(archive, tmp_path / "index")
    archive.unlink()
    with pytest.raises(FileNotFoundError, match=re.escape("a.zip")):
        table.frame(0)


@pytest.mark.parametrize("name", ["unused bits", "colour", "planes"])
def test_files_that_swapped_their_names(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    one, other = folder / "one.dcm", folder / "other.dcm"
    for path in (one, other):
        path.write_bytes(builders.file(NATIVE[name]))
        os.utime(path, (1_700_000_000, 1_700_000_000))  # as unzip leaves them
    table = table_of(folder, tmp_path / "index")
    assert table.frame(0).size
    one.rename(folder / "t")
    other.rename(one)
    (folder / "t").rename(other)
    for row in (0, table.to_pyarrow().to_pylist()[1], table.to_pandas().iloc[0]):
        with pytest.raises(rd.FileChangedError, match="another file"):
            table.frame(row)


def test_urls(write: Callable[..., Path], table: rd.IndexTable) -> None:
    fsspec = pytest.importorskip("fsspec")
    path = write(builders.file(NATIVE["colour"]))
    (row,) = rows([path])
    with fsspec.open("memory://bucket/1.dcm", "wb") as stream:
        stream.write(path.read_bytes())
    frame = table.frame({**row, "path": "memory://bucket/1.dcm"}, 1)
    np.testing.assert_array_equal(frame, rd.dcmread(path).frames[1])


@pytest.mark.parametrize("stored", [12, 5])
def test_samples_beyond_bits_stored_are_told_of(table: rd.IndexTable, tmp_path: Path, stored: int) -> None:
    stream = replace(STREAMS["jpeg-ls"], stored=stored)
    path = tmp_path / "a.dcm"
    path.write_bytes(stream.file_of([even(stream.data)] * 2, 2))
    [row] = rows([path])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table.frame(row, 1)
    told = [(w.message.path, w.message.frame) for w in caught if isinstance(w.message, rd.SampleRangeWarning)]
    assert told == [(str(path), 1)] * (stored == 5)
