"""rd.index, rd.scan and Index: many files as a table."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
E = EXPLICIT
FACTS = ["path", "size", "mtime", "status", "error", "warnings", "transfer_syntax", "pixel_offset", "pixel_length"]


def numbered(number: int, *, encoding: builders.Encoding = EXPLICIT, uid: str = builders.EXPLICIT_LITTLE_UID) -> bytes:
    e = encoding.element
    content = e(0x00080018, "UI", f"1.2.{number}") + e(0x00080020, "DA", "20200102") + e(0x00080060, "CS", "CT")
    content += e(0x00100010, "PN", f"Doe^{number}") + e(0x00180050, "DS", f"{number}.5") + e(0x00200013, "IS", number)
    content += e(0x00200037, "DS", "1\\0\\0\\0\\1\\0") + encoding.image() + encoding.pixels(bytes(16), "OB")
    return builders.file(content, uid)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    for number in range(30):
        place = root / f"series{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:03}.dcm").write_bytes(numbered(number))
    (root / "notes.txt").write_text("no DICOM")
    return root


def rows(source: Any, **options: Any) -> list[dict[str, Any]]:
    return sorted(pa.table(rd.index(source, **options)).to_pylist(), key=lambda row: row["path"])


def test_a_row_a_file(folder: Path) -> None:
    index = rd.index(folder)
    table = pa.table(index)
    assert len(index) == table.num_rows == 30
    assert table.column_names[: len(FACTS)] == FACTS
    row = next(row for row in table.to_pylist() if row["path"].endswith("007.dcm"))
    data = (folder / "series1" / "007.dcm").read_bytes()
    assert row["size"] == len(data)
    assert row["status"] == "ok"
    assert row["error"] is None
    assert row["transfer_syntax"] == builders.EXPLICIT_LITTLE_UID
    assert data[row["pixel_offset"] :][: row["pixel_length"]] == bytes(16)
    assert os.path.samefile(row["path"], folder / "series1" / "007.dcm")  # noqa: PTH121


def test_columns(folder: Path) -> None:
    columns = [
        "PatientName",
        "InstanceNumber",
        "SliceThickness",
        "StudyDate",
        "Rows",
        "ImageOrientationPatient",
        "PatientAge",
    ]
    row = rows(folder, columns=columns)[7]
    number = row["InstanceNumber"]
    assert row["PatientName"] == f"Doe^{number}"
    assert row["SliceThickness"] == number + 0.5
    assert row["StudyDate"] == dt.date(2020, 1, 2)
    assert row["Rows"] == 4
    assert row["ImageOrientationPatient"] == [1, 0, 0, 0, 1, 0]
    assert row["PatientAge"] is None


def test_types_follow_from_the_dictionary(tmp_path: Path, folder: Path) -> None:
    columns = [
        "PatientName",
        "InstanceNumber",
        "SliceThickness",
        "Rows",
        "StudyDate",
        "StudyTime",
        "ImageOrientationPatient",
    ]
    columns += ["RecommendedDisplayFrameRate", "SimpleFrameList", "EventElapsedTimes", "0028,0010"]
    empty = tmp_path / "empty"
    empty.mkdir()
    schema = pa.schema(rd.index(empty, columns=columns).schema)
    assert schema == pa.schema(rd.index(folder, columns=columns).schema)
    types = {name: schema.field(name).type for name in columns if name in schema.names}
    assert pa.types.is_string(types["PatientName"]) or pa.types.is_large_string(types["PatientName"])
    assert types["InstanceNumber"] == pa.int64()
    assert types["SliceThickness"] == pa.float64()
    assert types["Rows"] == pa.int32()
    assert types["StudyDate"] == pa.date32()
    assert pa.types.is_list(types["ImageOrientationPatient"]) or pa.types.is_large_list(
        types["ImageOrientationPatient"]
    )


def test_the_default_columns(folder: Path) -> None:
    names = rd.index(folder, columns="default").schema.names
    assert {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "PatientID"} <= set(names)
    assert len(names) >= len(FACTS) + 26


def test_four_facts_are_in_every_row_and_the_others_where_they_are_named(folder: Path) -> None:
    always = ["path", "status", "error", "warnings"]
    for make in (rd.index, rd.scan):
        assert make(folder).schema.names[: len(FACTS)] == FACTS
        assert make(folder, columns=[]).schema.names == always
        assert make(folder, columns=["Rows", "size"]).schema.names == [*always, "Rows", "size"]
        assert set(FACTS) & set(make(folder, columns=["default"]).schema.names) == set(always)


def test_paths_into_sequences_and_tags(tmp_path: Path) -> None:
    inner = E.element(0x00081155, "UI", "1.2.9")
    data = builders.file(E.sequence(0x00081140, E.item(inner)) + E.element(0x00100020, "LO", "ID1") + E.image())
    (tmp_path / "a.dcm").write_bytes(data)
    column = "ReferencedImageSequence[0].ReferencedSOPInstanceUID"
    [row] = rows(tmp_path, columns=[column, 0x00100020])
    assert row[column] == "1.2.9"
    assert "ID1" in row.values()


def test_sources(folder: Path, tmp_path: Path) -> None:
    paths = sorted(folder.rglob("*.dcm"))
    listing = tmp_path / "paths.txt"
    listing.write_text("".join(f"{path}\n" for path in paths))
    expected = [str(path) for path in paths]
    for source in (folder, str(folder), str(folder / "*" / "*.dcm"), paths, iter(paths), [str(path) for path in paths]):
        assert [row["path"] for row in rows(source)] == expected
    assert [row["path"] for row in rows(listing)] == expected
    assert len(rows(paths[3])) == 1


def test_it_may_be_read_again_and_again(folder: Path) -> None:
    index = rd.index(folder, columns=["PatientName"])
    assert pa.table(index) == pa.table(index)
    import duckdb
    import polars as pl

    assert pl.DataFrame(index).height == 30
    assert index.to_polars().height == 30
    assert len(index.to_pandas()) == 30
    assert index.to_pyarrow().num_rows == 30
    assert duckdb.sql("select count(*) from index").fetchall() == [(30,)]


def test_write_parquet(folder: Path, tmp_path: Path) -> None:
    index = rd.index(folder, frames=True)
    index.write_parquet(tmp_path / "index.parquet")
    again = pq.read_table(tmp_path / "index.parquet")
    assert again.sort_by("path").to_pylist() == pa.table(index).sort_by("path").to_pylist()


def test_frames(folder: Path) -> None:
    row = rows(folder, frames=True)[0]
    assert row["frames"] == [{"offset": row["pixel_offset"], "length": 16}]


def byte_ranges(path: Path, most: int) -> list[list[int]] | None:
    """Where the first frames of a file lie; none where it has none, or is inflated before it has."""
    try:
        ds = rd.dcmread(path)
        frames = ds.frames
    except rd.DicomError:
        return None
    if ds.transfer_syntax == builders.DEFLATED_UID:
        return None
    ranges: list[list[int]] = []
    for n in range(min(len(frames), most)):
        try:
            ranges += frames[n : n + 1].byte_ranges.tolist()
        except rd.PixelDecodeError:
            break
    return ranges


def test_frames_are_those_of_a_data_set(malformed_dir: Path, pydicom_files: list[Path], figure: Any) -> None:
    """Of every file, hostile ones too: where the column says something, it is what `byte_ranges` says."""
    paths = [*sorted(malformed_dir.glob("*.dcm")), *pydicom_files]
    most = 200
    differ, same = [], 0
    for row in rows([str(path) for path in paths], frames=True):
        expected = byte_ranges(Path(row["path"]), most) if row["status"] == "ok" else None
        if expected is None:
            continue
        said = [[frame["offset"], frame["length"]] for frame in row["frames"] or ()][:most]
        same += said == expected
        if said != expected:
            differ.append((row["path"], said[:3], expected[:3]))
    figure("files whose column `frames` is their byte_ranges", same)
    assert not differ, differ
    assert same > 200


def test_threads_change_nothing(folder: Path) -> None:
    assert rows(folder, threads=1) == rows(folder, threads=4) == rows(folder)


def test_scan_is_the_same_in_batches(folder: Path) -> None:
    batches = [pa.record_batch(batch) for batch in rd.scan(folder, columns=["PatientName"])]
    table = pa.Table.from_batches(batches).sort_by("path")
    assert table.to_pylist() == rows(folder, columns=["PatientName"])


def test_what_cannot_be_read_is_a_row(tmp_path: Path) -> None:
    data = numbered(1)
    (tmp_path / "good.dcm").write_bytes(data)
    (tmp_path / "cut.dcm").write_bytes(data[:200])
    (tmp_path / "text.txt").write_text("no DICOM" * 100)
    (tmp_path / "empty.dcm").write_bytes(b"")
    os.mkfifo(tmp_path / "fifo.dcm")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.dcm").symlink_to(tmp_path / "nowhere")
    found = {Path(row["path"]).name: row for row in rows(tmp_path)}
    assert found["good.dcm"]["status"] == "ok"
    assert "text.txt" not in found
    assert all(row["error"] for row in found.values() if row["status"] == "error")
    named = rows([tmp_path / "no-such-file.dcm", tmp_path / "good.dcm"])
    assert [row["status"] for row in named] == ["ok", "error"]
    assert named[1]["error"].startswith("FileNotFoundError: [Errno 2] No such file")


def test_an_error_has_the_name_that_opening_would_raise(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    for name in ("absent", "file/inside", "loop", "fifo"):
        [row] = rows([tmp_path / name])
        with pytest.raises(OSError) as opening:
            rd.dcmread(tmp_path / name)
        assert row["error"].partition(":")[0] == type(opening.value).__name__


def test_a_path_that_is_no_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.dcm"
    with open(name, "wb") as file:  # noqa: PTH123 - pathlib would do, bytes say it better
        file.write(numbered(1))
    [row] = rows(tmp_path)
    assert row["status"] == "ok"


def test_unreadable_dates_are_null_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(numbered(1).replace(b"20200102", b"2020AB02"))
    [row] = rows(tmp_path, columns=["StudyDate"])
    assert row["StudyDate"] is None
    [warning] = row["warnings"]
    assert (warning["code"], warning["tag"]) == ("ValueInvalid", "00080020")
    assert numbered(1)[warning["offset"] :].startswith(b"\x08\0\x20\0DA")


def test_a_wanted_element_far_inside(tmp_path: Path) -> None:
    far = E.element(0x00090010, "LO", "X")
    far += E.element(0x00091001, "OB", bytes(300_000))
    data = builders.file(E.element(0x00080018, "UI", "1.2") + far + E.element(0x00100010, "PN", "Far^Away") + E.image())
    (tmp_path / "a.dcm").write_bytes(data)
    assert rows(tmp_path, columns=["PatientName"])[0]["PatientName"] == "Far^Away"


def test_headers_of_every_length_in_one_folder(tmp_path: Path) -> None:
    """How much of the next files is read at once grows and shrinks while some of them are open already."""
    lengths = [0, 9_000, 50, 70_000, 20, 30_000] + [0] * 40 + [5_000, 3, 200_000, 40_000, 0, 12_345]
    for number, length in enumerate(lengths):
        long = E.element(0x00104000, "UT", "x" * length)
        content = long + E.element(0x00200013, "IS", number) + E.image() + E.pixels(bytes(16), "OB")
        (tmp_path / f"{number:03}.dcm").write_bytes(builders.file(content))
    for columns in (None, ["InstanceNumber", "size"], ["InstanceNumber"]):
        found = rows(tmp_path, columns=columns)
        assert [(row["status"], row["error"]) for row in found] == [("ok", None)] * len(lengths)
        assert [row["InstanceNumber"] for row in found] == list(range(len(lengths)))


def test_every_encoding_gives_the_same_row(tmp_path: Path) -> None:
    from builders import BIG, IMPLICIT

    cases = [(EXPLICIT, builders.EXPLICIT_LITTLE_UID), (IMPLICIT, builders.IMPLICIT_LITTLE_UID)]
    cases += [(BIG, builders.EXPLICIT_BIG_UID), (EXPLICIT, builders.DEFLATED_UID)]
    for number, (encoding, uid) in enumerate(cases):
        (tmp_path / f"{number}.dcm").write_bytes(numbered(5, encoding=encoding, uid=uid))
    columns = ["PatientName", "Rows", "SliceThickness", "StudyDate", "ImageOrientationPatient"]
    found = [[row[name] for name in columns] for row in rows(tmp_path, columns=columns)]
    assert all(row == found[0] for row in found)
    assert found[0][0] == "Doe^5"


def test_values_are_those_of_dcmread(pydicom_files: list[Path]) -> None:
    columns = ["PatientName", "StudyInstanceUID", "Modality", "Rows", "InstanceNumber", "SeriesDescription"]
    compared = 0
    for row in rows(pydicom_files, columns=columns):
        if row["status"] != "ok":
            continue
        try:
            ds = rd.dcmread(row["path"])
        except rd.DicomError:
            continue
        for name in columns:
            try:
                value = ds.get(name)
            except rd.DicomError:
                continue
            if value in ("", None, []) or isinstance(value, list):
                continue
            assert row[name] == value, (row["path"], name)
            compared += 1
    assert compared > 300


def test_progress_is_told(folder: Path) -> None:
    seen: list[Any] = []
    rd.index(folder, progress=lambda *facts: seen.append(facts))
    assert seen


def test_wrong_arguments(folder: Path) -> None:
    for wrong in ({"columns": ["NoSuchKeyword"]}, {"layout": "diagonal"}, {"threads": 0}):
        with pytest.raises((ValueError, KeyError)):
            rd.index(folder, **wrong)  # type: ignore[arg-type]
    with pytest.raises(OSError):
        rd.index(folder / "no such folder")


def test_frames_of_a_colour_image_that_was_never_subsampled(tmp_path: Path) -> None:
    """YBR_FULL_422 whose value has the length of YBR_FULL: PS3.3 C.7.6.3.1.2 says two samples a pixel, it has three."""
    image = E.image(2, 4, samples=3, photometric="YBR_FULL_422", planar=0, frames=2)
    for samples in (2, 3):
        (tmp_path / f"{samples}.dcm").write_bytes(builders.file(image + E.pixels(bytes(2 * 4 * samples * 2), "OB")))
    found = rows(tmp_path, columns=["Rows"], frames=True)
    assert [[frame["length"] for frame in row["frames"]] for row in found] == [[16, 16], [24, 24]]
    for row in found:
        ranges = rd.dcmread(row["path"]).frames.byte_ranges
        assert [(frame["offset"], frame["length"]) for frame in row["frames"]] == [tuple(one) for one in ranges]


def test_a_scan_that_no_one_reads_ends_at_once() -> None:
    """Its threads ask Python for paths; who drops it must not keep the interpreter from them."""
    begun = time.perf_counter()
    for _ in range(20):
        rd.scan(iter([]), threads=2)
    assert time.perf_counter() - begun < 2  # half a second each, if they are waited for in vain
