"""Columns that are no single element: lists over items, private elements, facts, hashes, JSON; the long table."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT

pa = pytest.importorskip("pyarrow")
E = EXPLICIT
ENCODINGS = {
    "explicit": (EXPLICIT, builders.EXPLICIT_LITTLE_UID),
    "implicit": (IMPLICIT, builders.IMPLICIT_LITTLE_UID),
    "big": (BIG, builders.EXPLICIT_BIG_UID),
}
POSITIONS = "PerFrameFunctionalGroupsSequence[*].PlanePositionSequence[0].ImagePositionPatient"


def rows(source: Any, columns: Any = None, **options: Any) -> list[dict[str, Any]]:
    """The rows in order of their paths; any number of threads gives the same."""
    return pa.table(rd.index(source, columns=columns, threads=1, **options)).to_pylist()


def row(data: bytes, folder: Path, columns: Any = None, **options: Any) -> dict[str, Any]:
    """The row of one file."""
    path = folder / "one.dcm"
    path.write_bytes(data)
    [only] = rows(path, columns, **options)
    return only


def multi_frame(encoding: builders.Encoding, frames: int, *, undefined: bool = False) -> bytes:
    """An enhanced image's Per-frame Functional Groups Sequence; every third frame lacks its position."""
    e = encoding

    def group(frame: int) -> bytes:
        position = e.element(0x00200032, "DS", f"{frame}\\{frame}.5\\-1")
        content = e.element(0x00209056, "SH", f"stack {frame}")
        parts = e.sequence(0x00209111, e.item(content, undefined=undefined), undefined=undefined)
        if frame % 3 != 2:
            parts += e.sequence(0x00209113, e.item(position, undefined=undefined), undefined=undefined)
        return e.item(parts, undefined=undefined)

    groups = e.sequence(0x52009230, *map(group, range(frames)), undefined=undefined)
    return e.image(frames=frames) + groups


# --- [*]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_all_items_are_a_list(encoding: str, undefined: bool, tmp_path: Path) -> None:
    how, uid = ENCODINGS[encoding]
    stack = "PerFrameFunctionalGroupsSequence[*].FrameContentSequence.StackID"
    made = row(builders.file(multi_frame(how, 6, undefined=undefined), uid), tmp_path, [POSITIONS, stack])
    assert made["status"] == "ok"
    assert made[POSITIONS] == [[0, 0.5, -1], [1, 1.5, -1], None, [3, 3.5, -1], [4, 4.5, -1], None]
    assert made[stack] == [f"stack {frame}" for frame in range(6)]


def test_types_of_lists_over_items(tmp_path: Path) -> None:
    series = "ReferencedSeriesSequence[*].SeriesInstanceUID"
    numbers = "ReferencedSeriesSequence[*].NumberOfSeriesRelatedInstances"
    schema = pa.schema(rd.index(tmp_path, columns=[POSITIONS, series, numbers]).schema)
    assert schema.field(POSITIONS).type == pa.list_(pa.list_(pa.float64()))
    assert schema.field(series).type == pa.list_(pa.string())
    assert schema.field(numbers).type == pa.list_(pa.int64())


def test_star_may_stand_anywhere_in_a_path(tmp_path: Path) -> None:
    def image(number: int) -> bytes:
        return E.item(E.element(0x00081155, "UI", f"1.2.{number}"))

    series = [E.item(E.sequence(0x0008114A, *map(image, range(first, first + 3)))) for first in (0, 10)]
    data = builders.file(E.sequence(0x00081115, *series))
    outer = "ReferencedSeriesSequence[*].ReferencedInstanceSequence[1].ReferencedSOPInstanceUID"
    inner = "ReferencedSeriesSequence[1].ReferencedInstanceSequence[*].ReferencedSOPInstanceUID"
    made = row(data, tmp_path, [outer, inner])
    assert made[outer] == ["1.2.1", "1.2.11"]
    assert made[inner] == ["1.2.10", "1.2.11", "1.2.12"]


def test_no_sequence_is_null_and_no_item_is_an_empty_list(tmp_path: Path) -> None:
    column = "ReferencedSeriesSequence[*].SeriesInstanceUID"
    assert row(builders.file(E.image()), tmp_path, [column])[column] is None
    assert row(builders.file(E.sequence(0x00081115)), tmp_path, [column])[column] == []


def test_lists_of_many_rows_and_batches(tmp_path: Path) -> None:
    for number in range(300):
        items = [E.item(E.element(0x0020000E, "UI", f"1.{number}.{item}")) for item in range(number % 4)]
        data = E.sequence(0x00081115, *items) if number % 5 else E.image()
        (tmp_path / f"{number:03}.dcm").write_bytes(builders.file(data))
    column = "ReferencedSeriesSequence[*].SeriesInstanceUID"
    expected = [[f"1.{n}.{item}" for item in range(n % 4)] if n % 5 else None for n in range(300)]
    assert [made[column] for made in rows(tmp_path, [column])] == expected
    streamed = pa.table(rd.scan(tmp_path, columns=[column], threads=3)).sort_by("path")
    assert streamed[column].to_pylist() == expected


def test_text_inside_items_is_in_their_character_set(tmp_path: Path) -> None:
    name = "王^小東"
    utf8 = E.element(0x00080005, "CS", "ISO_IR 192") + E.element(0x00400006, "PN", name.encode())
    latin = E.element(0x00400006, "PN", "Müller".encode("latin-1"))
    items = E.sequence(0x00400100, E.item(utf8), E.item(latin))
    column = "ScheduledProcedureStepSequence[*].ScheduledPerformingPhysicianName"
    made = row(builders.file(E.element(0x00080005, "CS", "ISO_IR 100") + items), tmp_path, [column])
    assert made[column] == [name, "Müller"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("ReferencedSeriesSequence[*].ReferencedInstanceSequence[*].ReferencedSOPInstanceUID", "may stand once"),
        ("ReferencedSeriesSequence[x].SeriesInstanceUID", "number of an item"),
        ("ReferencedSeriesSequence[*]", "name an element inside"),
        ("PatientName[*]", "only a sequence has items"),
    ],
)
def test_wrong_paths(column: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words.replace("[", "\\[")):
        rd.index(tmp_path, columns=[column])


def test_many_frames_take_linear_time(tmp_path: Path) -> None:
    def seconds(frames: int) -> float:
        path = tmp_path / f"{frames}.dcm"
        path.write_bytes(builders.file(multi_frame(E, frames, undefined=True)))
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            [made] = rows(path, [POSITIONS])
            times.append(time.perf_counter() - begun)
            assert len(made[POSITIONS]) == frames
        return min(times)

    few, many = seconds(2_500), seconds(20_000)
    assert many < 0.02 + few * 8 * 3


def test_damage_inside_items_is_a_warning(tmp_path: Path) -> None:
    items = E.sequence(0x00081115, E.item(E.element(0x0020000E, "UI", "1.2")), b"\x10\0\x10\0LO\x02\0ab")
    column = "ReferencedSeriesSequence[*].SeriesInstanceUID"
    made = row(builders.file(items), tmp_path, [column])
    assert made[column] == ["1.2"]
    assert "ItemExpected" in made["warnings"]


# --- private elements


def private_file(encoding: builders.Encoding = EXPLICIT, uid: str = builders.EXPLICIT_LITTLE_UID) -> bytes:
    """Two creators of one group, the first of them in a block that is not the first one."""
    e = encoding.element
    parts = [e(0x00190010, "LO", "SOMEONE ELSE"), e(0x00190030, "LO", "GEMS_ACQU_01 ")]
    parts += [e(0x00191010, "LO", "not this"), e(0x00193002, "SL", [888]), e(0x00193003, "DS", "12.5")]
    parts += [
        e(0x00280010, "US", 4),
        e(0x00290011, "LO", "MINE. OK"),
        e(0x00291101, "UN" if encoding.explicit else "LO", b"text"),
    ]
    head = e(0x00080060, "CS", "CT") + e(0x00100020, "LO", "ID1")
    return builders.file(head + b"".join(parts) + encoding.pixels(bytes(16)), uid)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_private_elements(encoding: str, tmp_path: Path) -> None:
    number, other, text = "0019xx02:GEMS_ACQU_01", "0019xx10:SOMEONE ELSE", "0029xx01:MINE. OK"
    made = row(private_file(*ENCODINGS[encoding]), tmp_path, [number, other, text, "PatientID", "Rows"])
    assert made[number] == 888
    assert made[other] == "not this"
    assert made[text] == "text"
    assert made["Rows"] == 4


@pytest.mark.parametrize("spelling", ["0019xx02", "(0019,xx02)", "0019,xx02", "0019XX02", "0019,Xx02"])
def test_spellings_of_private_tags(spelling: str, tmp_path: Path) -> None:
    made = row(private_file(), tmp_path, [f"{spelling}:GEMS_ACQU_01"])
    assert made["0019xx02:GEMS_ACQU_01"] == 888


def test_the_private_dictionary_gives_the_type(tmp_path: Path) -> None:
    columns = ["0019xx02:GEMS_ACQU_01", "0019xx03:GEMS_ACQU_01", "0019xx02:UNKNOWN"]
    schema = pa.schema(rd.index(tmp_path, columns=columns).schema)
    assert [schema.field(column).type for column in columns] == [pa.int64(), pa.float64(), pa.string()]


def test_the_block_is_the_creators(tmp_path: Path) -> None:
    column = "0019xx02:GEMS_ACQU_01"
    e = E.element
    wrong_group = e(0x00210010, "LO", "GEMS_ACQU_01") + e(0x00211002, "SL", [1])
    assert row(builders.file(wrong_group), tmp_path, [column])[column] is None
    no_creator = e(0x00191002, "SL", [1])
    assert row(builders.file(no_creator), tmp_path, [column])[column] is None
    again = e(0x00190010, "LO", "GEMS_ACQU_01") + e(0x00190011, "LO", "GEMS_ACQU_01") + e(0x00191102, "SL", [7])
    assert row(builders.file(again), tmp_path, [column])[column] == 7
    disorder = e(0x00191102, "SL", [9]) + e(0x00190011, "LO", "GEMS_ACQU_01")
    made = row(builders.file(disorder), tmp_path, [column])
    assert made[column] == 9
    assert "TagOrder" in made["warnings"]


def test_private_elements_far_from_the_start(tmp_path: Path) -> None:
    e = E.element
    far = e(0x00080000 + 0x2111, "ST", "x" * 4000) + e(0x00090010, "LO", "FILLER")
    far += b"".join(e(0x00091000 + number, "OB", bytes(60_000)) for number in range(4))
    far += e(0x7FE10010, "LO", "LAST") + e(0x7FE11001, "LO", "there")
    assert row(builders.file(far), tmp_path, ["7FE1xx01:LAST"])["7FE1xx01:LAST"] == "there"
    packed = builders.file(far, builders.DEFLATED_UID)
    assert row(packed, tmp_path, ["7FE1xx01:LAST"])["7FE1xx01:LAST"] == "there"


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("0019xx02:", "creator after the colon"),
        ("0018xx02:GEMS_ACQU_01", "odd"),
        ("00191002:GEMS_ACQU_01", "block open"),
        ("0019xxzz:GEMS_ACQU_01", "block open"),
        ("PatientName:GEMS", "block open"),
    ],
)
def test_wrong_private_columns(column: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        rd.index(tmp_path, columns=[column])


# --- facts and hashes


def test_inode_and_time(tmp_path: Path) -> None:
    made = row(builders.small(), tmp_path, ["mtime_ns", "inode", "Rows"])
    facts = (tmp_path / "one.dcm").stat()
    assert (made["mtime_ns"], made["inode"], made["Rows"]) == (facts.st_mtime_ns, facts.st_ino, 4)
    assert "inode" not in rd.index(tmp_path).schema.names


def digests(data: bytes, algorithm: str) -> str:
    if algorithm == "sha256":
        return hashlib.sha256(data).hexdigest()
    return pytest.importorskip("xxhash").xxh3_64(data).hexdigest()


def encapsulated(frames: list[bytes], behind: bytes = b"") -> tuple[bytes, bytes]:
    """A file, and the Value Field of its Pixel Data without the Sequence Delimitation Item."""
    head = E.patient() + E.image(frames=len(frames)) + E.header(0x7FE00010, "OB", builders.UNDEFINED)
    value = E.item(b"") + b"".join(map(E.item, frames))
    return builders.file(head + value + E.header(0xFFFEE0DD, "", 0) + behind, builders.RLE_UID), value


@pytest.mark.parametrize("algorithm", ["sha256", "xxh3"])
def test_hashes(algorithm: str, tmp_path: Path) -> None:
    pixels = bytes(range(256)) * 12_000  # three reads
    native = builders.file(
        E.patient() + E.image(1200, 2560) + E.pixels(pixels) + E.element(0xFFFCFFFC, "OB", bytes(10))
    )
    lying = b"\xfe\xff\xdd\xe0\0\0\0\0" * 150_000  # a frame full of what looks like the delimiter
    odd, value = encapsulated([lying, b"ab", pixels], E.element(0xFFFCFFFC, "OB", bytes(6)))
    for data, of_pixels in ((native, pixels), (odd, value)):
        made = row(data, tmp_path, hash=algorithm)
        start = 132 + 12 + int.from_bytes(data[140:144], "little")
        assert made["status"] == "ok"
        assert made[f"file_{algorithm}"] == digests(data, algorithm)
        assert made[f"pixel_data_{algorithm}"] == digests(of_pixels, algorithm)
        assert made[f"data_set_{algorithm}"] == digests(data[start:], algorithm)


def test_copies_are_found(tmp_path: Path) -> None:
    data_set = E.patient() + E.image() + E.pixels(bytes(range(16)), "OB")
    for name, content in {
        "a": builders.file(data_set),
        "b": builders.file(data_set, preamble=b"II*\0" + bytes(124)),
        "c": builders.file(E.patient("Other") + E.image() + E.pixels(bytes(range(16)), "OB")),
    }.items():
        (tmp_path / f"{name}.dcm").write_bytes(content)
    a, b, c = rows(tmp_path, ["file_sha256", "pixel_data_sha256", "data_set_sha256"])
    assert len({a["file_sha256"], b["file_sha256"], c["file_sha256"]}) == 3
    assert a["data_set_sha256"] == b["data_set_sha256"] != c["data_set_sha256"]
    assert a["pixel_data_sha256"] == b["pixel_data_sha256"] == c["pixel_data_sha256"]


def test_columns_of_hashes(tmp_path: Path) -> None:
    names = rd.index(tmp_path, hash="xxh3").schema.names
    assert names[-3:] == ["file_xxh3", "pixel_data_xxh3", "data_set_xxh3"]
    both = rd.index(tmp_path, columns=["Modality", "file_sha256"], hash="sha256", frames=True).schema.names
    assert both[4:] == ["Modality", "file_sha256", "frames", "pixel_data_sha256", "data_set_sha256"]
    with pytest.raises(ValueError, match="'sha256' or 'xxh3'"):
        rd.index(tmp_path, hash="md5")  # type: ignore[arg-type]


def test_what_a_file_lacks_has_no_hash(tmp_path: Path) -> None:
    made = row(builders.file(E.patient()), tmp_path, hash="xxh3")
    assert made["pixel_data_xxh3"] is None
    assert made["data_set_xxh3"] is not None
    deflated = row(builders.small(builders.DEFLATED_UID), tmp_path, hash="xxh3")
    assert deflated["pixel_data_xxh3"] is None
    assert deflated["status"] == "ok"
    assert deflated["file_xxh3"] is not None


def test_pixels_that_are_cut_off(tmp_path: Path) -> None:
    data, value = encapsulated([b"abcd", b"efgh"])
    whole = data[: data.index(value) + len(value)]
    for end in range(len(whole) - 20, len(whole) + 1):
        made = row(data[:end], tmp_path, ["pixel_data_sha256"])
        assert made["pixel_data_sha256"] == digests(data[data.index(value) : end], "sha256"), end


def test_a_file_that_changes_while_it_is_hashed(write: Callable[..., Path]) -> None:
    path = write(builders.file(E.patient() + E.image() + E.pixels(bytes(64 << 20))), "big.dcm")
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            os.utime(path)
            time.sleep(0.001)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        [made] = rows(path, ["file_sha256", "PatientID"])
    finally:
        stop.set()
        changer.join()
    assert made["status"] == "error"
    assert made["error"].startswith("FileChangedError")
    assert made["file_sha256"] is None
    assert made["PatientID"] == "ID1"


def test_a_row_that_takes_longer_than_a_look_at_the_clock(write: Callable[..., Path]) -> None:
    path = write(builders.file(E.patient() + E.image() + E.header(0x7FE00010, "OB", 400 << 20)))
    os.truncate(path, path.stat().st_size + (400 << 20))
    [made] = rows(path, ["file_sha256"])
    assert made["status"] == "ok"


def test_hashes_of_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "link.dcm").symlink_to(tmp_path / "nowhere")
    [made] = rows(tmp_path, ["file_sha256"])
    assert (made["status"], made["file_sha256"]) == ("error", None)


# --- the command line


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "rapidicom", *arguments], capture_output=True, text=True, check=False)


def test_the_command_takes_them(tmp_path: Path, write: Callable[..., Path]) -> None:
    data, output = builders.small(), tmp_path / "table.parquet"
    columns = "inode,0019xx02:GEMS_ACQU_01,ReferencedSeriesSequence[*].SeriesInstanceUID"
    done = command("index", write(data), "-o", output, "-c", columns, "--hash", "xxh3", "-q")
    assert done.returncode == 0, done.stderr
    [made] = pytest.importorskip("pyarrow.parquet").read_table(output).to_pylist()
    assert list(made)[4:7] == columns.split(",")
    assert made["file_xxh3"] == digests(data, "xxh3")
    assert command("index", tmp_path, "-o", output, "-c", "inode", "-q").returncode == 0
    assert command("index", tmp_path, "-o", output, "-c", "nothing").returncode == 2
