"""Columns that are no single element: lists over items, private elements, facts, hashes, JSON; the long table."""

import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT
from conftest import manifest

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
    [warning] = made["warnings"]
    assert (warning["code"], warning["tag"]) == ("ItemExpected", "00081115")


def test_a_warning_says_which_element_and_where(tmp_path: Path) -> None:
    wrong = E.element(0x00080020, "DA", "2020AB02")
    items = E.sequence(0x00321064, E.item(E.element(0x00080100, "SH", "A")), E.item(wrong))
    data = builders.file(wrong + items)
    made = row(data, tmp_path, ["StudyDate", "RequestedProcedureCodeSequence[1].StudyDate"])
    assert made["warnings"] == [
        {"code": "ValueInvalid", "tag": "00080020", "offset": data.index(wrong)},
        {"code": "ValueInvalid", "tag": "00321064[1].00080020", "offset": data.rindex(wrong)},
    ]
    every = row(data, tmp_path, ["RequestedProcedureCodeSequence[*].StudyDate"])
    assert every["warnings"] == made["warnings"][1:]
    repeated = row(builders.file(wrong), tmp_path, ["StudyDate", "00080020"])
    assert len(repeated["warnings"]) == 1


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
    assert "TagOrder" in [warning["code"] for warning in made["warnings"]]


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
    path = write(builders.file(E.patient() + E.image() + E.header(0x7FE00010, "OB", 250 << 20)))
    os.truncate(path, path.stat().st_size + (250 << 20))
    [made] = rows(path, ["file_sha256"])
    assert made["status"] == "ok"


def test_hashes_of_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "link.dcm").symlink_to(tmp_path / "nowhere")
    [made] = rows(tmp_path, ["file_sha256"])
    assert (made["status"], made["file_sha256"]) == ("error", None)


# --- DICOM JSON Model


def model(data: bytes, folder: Path, **options: Any) -> dict[str, Any]:
    """The parsed column `json` of a file; `NaN` and its like are no JSON."""
    made = row(data, folder, json=True, **options)
    assert made["status"] == "ok", made["error"]

    def no_constant(name: str) -> None:
        raise AssertionError(name)

    parsed: dict[str, Any] = json.loads(made["json"], parse_constant=no_constant)
    return parsed


def test_json_of_every_vr(tmp_path: Path) -> None:
    for encoding, uid in ENCODINGS.values():
        if not encoding.explicit:
            continue
        found = model(builders.file(builders.every_vr(encoding), uid), tmp_path)
        values = {entry["vr"]: entry.get("Value", entry.get("InlineBinary")) for entry in found.values()}
        assert values["DS"] == [1.5, -2000]
        assert values["IS"] == [1, -2]
        assert values["US"] == values["SV"] == values["FL"] == [1, 2]
        assert values["AT"] == ["00181063", "00280009"]
        assert values["LT"] == ["l\\t"]
        assert values["LO"] == ["a", "b"]
        assert values["PN"] == [{"Alphabetic": "A^B", "Ideographic": "C"}, {"Alphabetic": "D"}]
        assert base64.b64decode(values["OB"]) == bytes(range(16))
        # PS3.18 §F.2.7: the rules of byte ordering apply; Little Endian is what a receiver takes for granted.
        words = struct.pack("<8H", *struct.unpack(encoding.order + "8H", bytes(range(16))))
        assert base64.b64decode(values["OW"]) == words


def test_json_of_text(tmp_path: Path) -> None:
    e = E.element
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    japanese = builders.seeds()["japanese"]
    assert model(japanese, tmp_path)["00100010"]["Value"][0]["Ideographic"] == "山田^太郎"
    odd = 'quote " backslash \\ tab \t new \n \x01 é ' + "😀"
    data = e(0x00080005, "CS", "ISO_IR 192") + e(0x00100010, "PN", name.encode()) + e(0x00104000, "LT", odd.encode())
    found = model(builders.file(data), tmp_path)
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["00104000"]["Value"] == [odd]
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}


def test_json_of_what_is_empty_or_no_number(tmp_path: Path) -> None:
    e = E.element
    parts = [e(0x00080000, "UL", [4]), e(0x00080008, "CS", "A\\\\B"), e(0x00080060, "CS"), e(0x00081140, "SQ")]
    parts += [e(0x00100010, "PN", "=\\X^Y==Z"), e(0x00181041, "DS", " 1.50\\+2\\\\1e999\\.5\\007\\-0\\1E2")]
    parts += [
        e(0x00181152, "IS", " +007 \\1.0\\x"),
        e(0x00189073, "FD", [float("nan"), float("inf"), -float("inf"), 1e300]),
    ]
    parts += [E.sequence(0x00400260, E.item(b""), E.item(e(0x00080100, "SH", "  ")))]
    found = model(builders.file(b"".join(parts)), tmp_path)
    assert "00080000" not in found
    assert found["00080008"]["Value"] == ["A", None, "B"]
    assert found["00080060"] == {"vr": "CS"}
    assert found["00081140"] == {"vr": "SQ"}
    assert found["00100010"]["Value"] == [None, {"Alphabetic": "X^Y", "Phonetic": "Z"}]
    assert found["00181041"]["Value"] == [1.5, 2, None, "inf", 0.5, 7, 0, 100]
    assert found["00181152"]["Value"] == [7, 1, "x"]
    assert found["00189073"]["Value"] == ["NaN", "inf", "-inf", 1e300]
    assert found["00400260"]["Value"] == [{}, {"00080100": {"vr": "SH"}}]


def test_json_has_no_bulk_data(tmp_path: Path) -> None:
    e = E.element
    short, long = e(0x00091001, "OB", bytes(1024)), e(0x00091002, "OB", bytes(1026))
    behind = e(0x7FE10010, "LO", "MINE") + e(0x7FE11001, "LO", "behind the pixels")
    data = e(0x00090010, "LO", "MINE") + short + long + E.image() + E.pixels(bytes(16)) + behind
    found = model(builders.file(data), tmp_path)
    assert base64.b64decode(found["00091001"]["InlineBinary"]) == bytes(1024)
    assert found["00091002"] == {"vr": "OB"}
    assert found["7FE00010"] == {"vr": "OW"}
    assert found["7FE11001"]["Value"] == ["behind the pixels"]
    packed, _ = encapsulated([b"abcd"] * 3, behind)
    assert model(packed, tmp_path)["7FE00010"] == {"vr": "OB"}
    assert model(packed, tmp_path)["7FE11001"]["Value"] == ["behind the pixels"]
    deflated = model(builders.small(builders.DEFLATED_UID), tmp_path)
    assert deflated["00100020"]["Value"] == ["ID1"]


def test_json_of_deep_sequences(tmp_path: Path) -> None:
    found = model(builders.file(builders.nested(60)), tmp_path)
    for _ in range(60):
        [found] = found["00081140"]["Value"]
    assert found == {"00081150": {"vr": "UI", "Value": ["1.2"]}}
    for undefined in (False, True):
        too_deep = builders.file(E.element(0x00080060, "CS", "CT") + builders.nested(65, undefined=undefined))
        made = row(too_deep, tmp_path, ["Modality"], json=True)
        assert (made["status"], made["json"]) == ("error", None)
        assert "max_depth" in made["error"]
        many = row(builders.file(builders.nested(20)), tmp_path, json=True, limits=rd.Limits(max_elements=19))
        assert (many["status"], many["json"]) == ("error", None)
        assert "max_elements" in many["error"]


def test_json_in_many_batches(tmp_path: Path) -> None:
    for number in range(40):
        text = E.element(0x00104000, "LT", chr(97 + number % 26) * 60_000)
        (tmp_path / f"{number:02}.dcm").write_bytes(builders.file(text * 1 + E.image()))
    for number, made in enumerate(rows(tmp_path, ["json"])):
        assert json.loads(made["json"])["00104000"]["Value"] == [chr(97 + number % 26) * 60_000]


# Where the column differs from pydicom's to_json_dict: each predicate has the tag, our entry and pydicom's, and says
# whether its reason explains the difference.
Entry = dict[str, Any]


def group_length(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.18 §F.2.2: group lengths shall not be included; pydicom includes them."""
    return ours is None and tag.endswith("0000")


def empty_sequence(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.18 §F.2.5: what is empty has no "Value"; pydicom writes an empty one for sequences."""
    return ours == {"vr": "SQ"} and theirs == {"vr": "SQ", "Value": []}


def empty_among_others(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.18 §F.2.5: an empty value among others is null; pydicom writes an empty string."""
    values = [None if value == "" else value for value in theirs.get("Value", [])]
    return ours is not None and ours == theirs | {"Value": values}


def no_number(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.18 §F.2.3: DS and IS may be strings; pydicom raises ValueError where the text is no number."""
    if ours is None or not theirs.get("failed", "").startswith("ValueError"):
        return False
    return ours["vr"] in ("DS", "IS") and any(isinstance(value, str) for value in ours["Value"])


def private_dictionary(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """Our private dictionary knows more creators: docs/differences.md."""
    return ours is not None and theirs["vr"] == "UN" != ours["vr"] and int(tag[:4], 16) % 2 == 1


def pixels_of_unknown_vr(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.5 §6.2.2: UN of a public element gets the dictionary's VR; pydicom leaves Pixel Data out of that."""
    return tag == "7FE00010" and ours == {"vr": "OW"} and theirs == {"vr": "UN"}


def swapped(encoded: str, vr: str) -> bytes:
    size = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}[vr]
    data = base64.b64decode(encoded)
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


def big_endian(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.18 §F.2.7: byte order matters; pydicom leaves the words of a Big Endian file as they are."""
    if ours is None or ours["vr"] not in ("OW", "OF", "OL", "OD", "OV") or "InlineBinary" not in theirs:
        return False
    return swapped(theirs["InlineBinary"], ours["vr"]) == base64.b64decode(ours["InlineBinary"])


def unknown_in_big_endian(tag: str, ours: Entry | None, theirs: Entry) -> bool:
    """PS3.5 §6.2.2: a value under UN is in Little Endian, whatever is around it; pydicom takes the file's order."""
    if ours is None or int(tag[:4], 16) % 2 == 0 or ours["vr"] != theirs["vr"]:
        return False
    form = {**builders.NUMBERS}.get(ours["vr"])
    if form is None:
        return False
    packed = [struct.pack(">" + form, value) for value in theirs["Value"]]
    return ours["Value"] == [struct.unpack("<" + form, data)[0] for data in packed]


REASONS: list[Callable[[str, Entry | None, Entry], bool]] = [
    group_length,
    empty_sequence,
    empty_among_others,
    no_number,
    private_dictionary,
    pixels_of_unknown_vr,
    big_endian,
    unknown_in_big_endian,
]


def unexplained(where: str, ours: dict[str, Entry], theirs: dict[str, Entry]) -> Iterator[str]:
    for tag in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(tag), theirs.get(tag, {"vr": "absent"})
        if mine == other or any(reason(tag, mine, other) for reason in REASONS):
            continue
        mine_items, other_items = (mine or {}).get("Value", []), other.get("Value", [])
        if (mine or {}).get("vr") == other.get("vr") == "SQ" and len(mine_items) == len(other_items):
            for number, (a, b) in enumerate(zip(mine_items, other_items, strict=True)):
                yield from unexplained(f"{where} {tag}[{number}]", a, b)
        else:
            yield f"{where} {tag}\n      ours {str(mine)[:200]}\n    theirs {str(other)[:200]}"


def compare_json(paths: list[Path]) -> int:
    """How many files were compared; fails where something differs for no reason of the list."""
    questions = "\n".join(map(str, paths))
    worker = [sys.executable, Path(__file__).with_name("json_worker.py")]
    done = subprocess.run(worker, input=questions, capture_output=True, text=True, check=False)
    answers = {answer["path"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    table = {made["path"]: made for made in pa.table(rd.index(paths, columns=["json"])).to_pylist()}
    compared, wrong = 0, []
    for path in map(str, paths):
        theirs, made = answers.get(path, {}), table.get(path, {})
        if "model" not in theirs or made.get("json") is None:
            if "model" in theirs:
                wrong.append(f"{path}: {made.get('error', 'no row')}")
            continue
        ours = json.loads(made["json"])
        assert list(ours) == sorted(ours)
        compared += 1
        wrong += unexplained(Path(path).name, ours, theirs["model"])
    assert not wrong, "\n".join(wrong[:30])
    return compared


def test_json_is_pydicoms(pydicom_files: list[Path]) -> None:
    assert compare_json(pydicom_files) > 150


@pytest.mark.slow
def test_json_of_the_shared_corpus_is_pydicoms(shared_corpus: Path) -> None:
    assert compare_json([shared_corpus / entry["path"] for entry in manifest()]) > 500


# --- the long layout


def long(source: Any, **options: Any) -> list[dict[str, Any]]:
    return pa.table(rd.index(source, layout="long", threads=1, **options)).to_pylist()


def elements(ds: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """What `dcmread` gives, as the long layout names it."""
    for element in ds:
        tag = f"{prefix}{int(element.tag):08X}"
        yield tag, element.VR, element
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from elements(item, f"{tag}[{number}].")


def cell(element: Any) -> Any:
    """The value as the long layout shows it; numbers as numbers."""
    value, vr = element.value, element.VR
    if vr == "SQ" or value is None or value == "" or int(element.tag) in (0x7FE00008, 0x7FE00009, 0x7FE00010):
        return None
    if vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN"):
        return value.hex().upper() if 0 < len(value) <= 64 else None
    values = value if isinstance(value, list) else [value]
    if vr == "AT":
        return "\\".join(f"{int(tag):08X}" for tag in values)
    if isinstance(values[0], int | float):
        return values
    return "\\".join("" if one is None else str(one) for one in values)


def seen(shown: str | None, expected: Any, vr: str) -> Any:
    """A cell of the table, as numbers where those are expected."""
    if shown is None or not isinstance(expected, list):
        return shown
    parts: list[Any] = []
    for part in shown.split("\\"):
        try:
            number = float(part) if part else None
        except ValueError:
            parts.append(part)
            continue
        parts.append(struct.unpack("f", struct.pack("f", number))[0] if vr == "FL" and number is not None else number)
    return parts


def test_long_is_what_dcmread_gives(pydicom_files: list[Path]) -> None:
    compared = 0
    found: dict[str, list[dict[str, Any]]] = {}
    for made in long(pydicom_files):
        found.setdefault(made["path"], []).append(made)
    for path, made in found.items():
        ds = rd.dcmread(path)
        expected = [*elements(ds.file_meta), *elements(ds)]
        assert [(one["tag"], one["vr"]) for one in made] == [(tag, vr) for tag, vr, _ in expected], path
        for one, (tag, vr, element) in zip(made, expected, strict=True):
            assert (one["status"], one["error"]) == ("ok", None)
            wanted = cell(element)
            # nan is not equal to itself
            assert repr(seen(one["value"], wanted, vr)) == repr(
                [None if v is None else v if isinstance(v, str) else float(v) for v in wanted]
                if isinstance(wanted, list)
                else wanted
            ), (path, tag)
            compared += 1
    assert compared > 10_000


def test_types_of_the_long_layout(tmp_path: Path) -> None:
    schema = pa.schema(rd.index(tmp_path, layout="long").schema)
    assert schema.names == ["path", "tag", "vr", "value", "status", "error"]
    assert set(schema.types) == {pa.string()}


def test_long_values(tmp_path: Path) -> None:
    e = E.element
    parts = [e(0x00080008, "CS", "A\\B "), e(0x00080060, "CS", "CT"), e(0x00100010, "PN", "A^B=")]
    parts += [
        e(0x00181041, "DS", " 1.50 \\2"),
        e(0x00189073, "FD", [0.1, 5.0, 1e300, 1e-7]),
        e(0x00200032, "FL", [0.1]),
    ]
    parts += [E.sequence(0x00400260, E.item(e(0x00080100, "SH", "é")), E.item(E.sequence(0x00400275, E.item(b""))))]
    parts += [e(0x00720050, "OB", b"\x01\xab"), e(0x00720052, "OB", bytes(66)), e(0x00720060, "AT", [0x00100010])]
    path = tmp_path / "one.dcm"
    path.write_bytes(builders.file(b"".join(parts) + E.pixels(bytes(16))))
    made = {one["tag"]: one["value"] for one in long(path)}
    assert made["00020010"] == builders.EXPLICIT_LITTLE_UID
    shown = ["A\\B", "CT", "A^B", "1.50\\2", "0.1\\5\\1e300\\1e-7", "0.1"]
    tags = ["00080008", "00080060", "00100010", "00181041", "00189073", "00200032"]
    assert [made[tag] for tag in tags] == shown
    assert made["00400260"] is None
    assert made["00400260[0].00080100"] == "é"
    assert made["00400260[1].00400275"] is None
    assert (made["00720050"], made["00720052"], made["00720060"], made["7FE00010"]) == ("01AB", None, "00100010", None)


def test_long_of_what_fails(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(builders.file(E.element(0x00080060, "CS", "CT") + builders.nested(65)))
    (tmp_path / "b.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "c.txt").write_text("no DICOM")
    (tmp_path / "d.dcm").write_bytes(builders.small())
    index = rd.index(tmp_path, layout="long")
    assert (index.counts["files"], index.counts["failed"], index.counts["skipped"]) == (4, 2, 1)
    failed = [one for one in long(tmp_path) if one["status"] == "error"]
    assert [Path(one["path"]).name for one in failed] == ["a.dcm", "b.dcm"]
    assert all(one["tag"] is None and one["vr"] is None and one["value"] is None for one in failed)
    assert failed[0]["error"].startswith("LimitError")
    assert failed[1]["error"].startswith("FileNotFoundError")
    kept = [one["tag"] for one in long(tmp_path / "a.dcm") if one["status"] == "ok"]
    assert "00080060" in kept


def test_one_file_may_fill_many_batches(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(builders.file(multi_frame(E, 9_000)))
    for threads in (1, 2):
        batches = [pa.record_batch(batch) for batch in rd.scan(path, layout="long", threads=threads)]
        assert len(batches) > 3
        tags = [tag for batch in batches for tag in batch["tag"].to_pylist()]
        assert tags == [one["tag"] for one in long(path)]
        assert len(tags) == len(set(tags)) > 9_000 * 3
        assert {value for batch in batches for value in batch["path"].to_pylist()} == {str(path)}


def test_long_has_its_own_columns(tmp_path: Path) -> None:
    for options in ({"columns": ["Rows"]}, {"frames": True}, {"json": True}, {"hash": "xxh3"}):
        with pytest.raises(ValueError, match="its own columns"):
            rd.index(tmp_path, layout="long", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'wide' or 'long'"):
        rd.index(tmp_path, layout="tall")  # type: ignore[arg-type]


def test_tags_as_values_are_whole(tmp_path: Path) -> None:
    made = row(
        builders.file(E.element(0x00280009, "AT", [0x00181063, 0x00540080])), tmp_path, ["FrameIncrementPointer"]
    )
    assert made["FrameIncrementPointer"] == [0x00181063, 0x00540080]


# --- the command line


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "rapidicom", *arguments], capture_output=True, text=True, check=False)


def test_the_command_takes_them(tmp_path: Path, write: Callable[..., Path]) -> None:
    data, output = builders.small(), tmp_path / "table.parquet"
    columns = "inode,0019xx02:GEMS_ACQU_01,ReferencedSeriesSequence[*].SeriesInstanceUID"
    done = command("index", write(data), "-o", output, "-c", columns, "--hash", "xxh3", "-q")
    assert done.returncode == 0, done.stderr
    parquet = pytest.importorskip("pyarrow.parquet")
    [made] = parquet.read_table(output).to_pylist()
    assert list(made)[4:7] == columns.split(",")
    assert made["file_xxh3"] == digests(data, "xxh3")
    assert command("index", tmp_path, "-o", output, "-c", "inode", "--json", "-q").returncode == 0
    assert "json" in parquet.read_table(output).column_names
    assert command("index", tmp_path, "-o", output, "--layout", "long", "-q").returncode == 0
    assert parquet.read_table(output).column_names == ["path", "tag", "vr", "value", "status", "error"]
    assert command("index", tmp_path, "-o", output, "--layout", "long", "-c", "inode").returncode == 2
    assert command("index", tmp_path, "-o", output, "-c", "nothing").returncode == 2


def test_overlays_and_curves_have_a_column_a_group(tmp_path: Path) -> None:
    """Keywords of repeating groups name the first one. PS3.5 §7.6"""
    overlays = b"".join(E.element((group << 16) | 0x10, "US", rows) for group, rows in ((0x6000, 7), (0x6002, 8)))
    made = row(builders.file(overlays), tmp_path, ["60000010", "60020010", 0x601E0010, "50020005", "CurveDimensions"])
    names = ["OverlayRows", "60020010", "601E0010", "50020005", "CurveDimensions"]
    assert [name for name in made if name in names] == names
    assert [made[name] for name in names] == [7, 8, None, None, None]
    assert row(builders.file(overlays), tmp_path, names)["60020010"] == 8  # as a table is asked again
