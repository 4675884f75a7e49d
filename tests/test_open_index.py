"""rd.open_index: the active files of a Delta table as Arrow, as SQL, as grouped tables, and rows by what names them."""

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT as E

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")
duckdb = pytest.importorskip("duckdb")
deltalake = pytest.importorskip("deltalake")

Rows = list[dict[str, Any]]


def numbered(number: int) -> bytes:
    content = E.element(0x00080018, "UI", f"1.2.{number}") + E.element(0x00080060, "CS", "CT")
    content += E.element(0x0020000D, "UI", "1.1") + E.element(0x0020000E, "UI", f"1.1.{number % 3}")
    content += E.element(0x00200013, "IS", number) + E.image() + E.pixels(bytes([number] * 16), "OB")
    return builders.file(content)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.dcm").write_bytes(numbered(number))
    return folder


def table_of(folder: Path) -> Any:
    names = rd.index([]).schema.names
    more = ["SamplesPerPixel", "BitsStored", "PixelRepresentation", "PlanarConfiguration"]
    return rd.index(folder, columns=[*names, *more], frames=True).to_pyarrow().sort_by("path")


@pytest.fixture
def folder(files: Path, tmp_path: Path) -> Path:
    """Two parts of five rows that are active, and one that no longer is."""
    folder = tmp_path / "an index é"
    table = table_of(files)
    deltalake.write_deltalake(folder, table)
    deltalake.write_deltalake(folder, table.slice(0, 5), mode="overwrite")
    deltalake.write_deltalake(folder, table.slice(5), mode="append")
    assert len(list(folder.glob("*.parquet"))) == 3
    return folder


def test_the_active_files_alone(folder: Path) -> None:
    index = rd.open_index(folder)
    assert isinstance(index, rd.IndexTable)
    assert (len(index), index.version, len(index.files)) == (10, 2, 2)
    assert all(Path(file).parent == folder for file in index.files)
    assert index.columns == index.schema.names == table_of(folder.parent / "files").column_names
    assert "10 rows" in repr(index)
    first = rd.open_index(folder, version=0)
    assert (len(first), first.version, len(first.files)) == (10, 0, 1)


def test_the_length_needs_no_part(folder: Path) -> None:
    for part in folder.glob("*.parquet"):
        part.unlink()
    index = rd.open_index(str(folder))
    assert len(index) == 10
    with pytest.raises(OSError, match="No such file"):
        pa.table(index)


def test_it_is_read_again_and_again(folder: Path) -> None:
    index = rd.open_index(folder)
    table = index.to_pyarrow()
    assert table.num_rows == 10
    for _ in range(2):
        assert pa.table(index).equals(table)
        assert pa.schema(index) == table.schema == index.schema
        assert pl.DataFrame(index).equals(index.to_polars())
        assert duckdb.sql("select count(*), min(InstanceNumber) from index").fetchall() == [(10, 0)]
    assert list(index.to_pandas()["InstanceNumber"]) == table["InstanceNumber"].to_pylist()


def test_the_stream_is_one_of_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapidicom import index_table

    monkeypatch.setattr(index_table, "BATCH_ROWS", 100)
    for part in range(3):
        deltalake.write_deltalake(tmp_path / "i", pa.table({"n": range(part * 250, part * 250 + 250)}), mode="append")
    index = rd.open_index(tmp_path / "i")
    batches = list(pa.RecordBatchReader.from_stream(index))
    assert max(batch.num_rows for batch in batches) <= 100
    assert sorted(n for batch in batches for n in batch.column("n").to_pylist()) == list(range(750))


def test_parts_of_different_age(tmp_path: Path) -> None:
    """A column that came later is null in the parts before it."""
    deltalake.write_deltalake(tmp_path, pa.table({"path": ["a"], "Rows": pa.array([1], pa.int32())}))
    later = pa.table({"path": ["b"], "Rows": pa.array([2], pa.int32()), "Modality": ["CT"]})
    deltalake.write_deltalake(tmp_path, later, mode="append", schema_mode="merge")
    index = rd.open_index(tmp_path)
    expected = [{"path": "a", "Rows": 1, "Modality": None}, {"path": "b", "Rows": 2, "Modality": "CT"}]
    assert sorted(pa.table(index).to_pylist(), key=lambda row: row["path"]) == expected
    assert pa.table(index.query("from index order by path")).to_pylist() == expected
    assert rd.polars.scan_index(tmp_path).sort("path").collect().to_dicts() == expected


def test_a_compacted_table(folder: Path) -> None:
    before = rd.open_index(folder)
    deltalake.DeltaTable(folder.as_uri()).optimize.compact()
    after = rd.open_index(folder)
    assert (len(after.files), len(after)) == (1, 10)
    assert after.to_pyarrow().sort_by("path").equals(before.to_pyarrow().sort_by("path"))
    assert len(pa.table(after)) == 10


def test_an_empty_table(tmp_path: Path) -> None:
    deltalake.DeltaTable.create(tmp_path, schema=pa.schema(rd.index([], frames=True).schema))
    index = rd.open_index(tmp_path)
    assert len(index) == len(pa.table(index)) == 0
    assert index.query("select count(*) from index").fetchall() == [(0,)]
    assert index.series().fetchall() == []
    assert rd.polars.scan_index(tmp_path).collect().shape == (0, len(index.columns))


def test_what_is_no_index(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(FileNotFoundError, match="no Delta table"):
            rd.open_index(path)
    deltalake.write_deltalake(tmp_path / "p", pa.table({"a": [1], "b": [2]}), partition_by="b")
    with pytest.raises(ValueError, match="partitions"):
        rd.open_index(tmp_path / "p")
    deltalake.write_deltalake(tmp_path / "v", pa.table({"a": [1]}))
    with pytest.raises(ValueError, match="9"):
        rd.open_index(tmp_path / "v", version=9)


@pytest.mark.parametrize("name", ["a b", "50%", "x=1", "[a]*?", "it's", "#1", "é"])
def test_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / "plain", pa.table({"path": ["x"]}))
    (tmp_path / "plain").rename(tmp_path / name)
    index = rd.open_index(tmp_path / name)
    assert pa.table(index).to_pylist() == index.query("from index").df().to_dict("records") == [{"path": "x"}]
    assert rd.polars.scan_index(tmp_path / name).collect().to_dicts() == [{"path": "x"}]


def test_query(folder: Path) -> None:
    index = rd.open_index(folder)
    assert index.query("select Modality, count(*) from index group by 1").fetchall() == [("CT", 10)]
    assert len(index.query("from index").fetchall()) == 10  # times with a zone among them
    answer = index.query("select path, frames from index where InstanceNumber = 7")
    assert pl.DataFrame(answer).height == pa.table(answer).num_rows == 1
    with pytest.raises(duckdb.Error, match="Modalty"):
        index.query("select Modalty from index")
    with pytest.raises(duckdb.Error):  # no variable of Python is a table
        index.query("from self")


def test_queries_of_many_threads(folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    index = rd.open_index(folder)
    with ThreadPoolExecutor(8) as pool:
        counts = pool.map(lambda n: index.query(f"select count(*) + {n} from index").fetchall(), range(50))
        assert list(counts) == [[(10 + n,)] for n in range(50)]


def test_a_row_by_what_names_it(folder: Path) -> None:
    index = rd.open_index(folder)
    table = index.to_pyarrow()
    for number, row in enumerate(table.to_pylist()):
        value = row["InstanceNumber"]
        named: list[Any] = [row, number, number - 10, np.int64(number), row["SOPInstanceUID"], rd.UID(f"1.2.{value}")]
        named += [table.slice(number, 1).to_struct_array()[0], index.to_polars().row(number, named=True)]
        named += [index.to_pandas().iloc[number], next(index.to_pandas().iloc[number : number + 1].itertuples())]
        named += [index.query("from index").df().to_dict("records")[number]]
        for one in named:
            np.testing.assert_array_equal(index.frame(one), np.full((4, 4), value, np.uint8), str(type(one)))
    for number in (10, -11):
        with pytest.raises(IndexError, match="of 10"):
            index.frame(number)
    with pytest.raises(KeyError, match=r"1\.2\.3\.4"):
        index.frame("1.2.3.4")
    with pytest.raises(TypeError, match="list"):
        index.frame(["1.2.3.4"])


# Studies, Series, SOP Instances


def axes(angle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, column and normal of slices that are turned about the x axis. PS3.3 C.7.6.2.1.1"""
    column = np.array([0.0, math.cos(angle), math.sin(angle)])
    row = np.array([1.0, 0.0, 0.0])
    return row, column, np.cross(row, column)


def volume(count: int = 10, spacing: float = 2.5, angle: float = 0.0) -> Rows:
    """A regular one, its Instance Numbers in no order of space."""
    row, column, normal = axes(angle)
    order = np.random.default_rng(1).permutation(count)
    return [
        {
            "path": f"/{i}.dcm",
            "size": 1000 + i,
            "StudyInstanceUID": "1.1",
            "SeriesInstanceUID": "1.1.1",
            "SOPInstanceUID": f"1.1.1.{i}",
            "FrameOfReferenceUID": "1.9",
            "Modality": "CT",
            "InstanceNumber": int(order[i]),
            "Rows": 512,
            "Columns": 512,
            "PixelSpacing": [0.7, 0.7],
            "ImageOrientationPatient": [*row, *column],
            "ImagePositionPatient": (np.array([-100.0, -120.0, 30.0]) + i * spacing * normal).tolist(),
            "NumberOfFrames": None,
        }
        for i in order.tolist()
    ]


TYPES = {
    **dict.fromkeys(("size", "InstanceNumber", "NumberOfFrames", "pixel_offset"), pa.int64()),
    **dict.fromkeys(("Rows", "Columns"), pa.int32()),
    **dict.fromkeys(("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"), pa.list_(pa.float64())),
}


@pytest.fixture
def index_of(tmp_path: Path) -> Callable[[Rows], rd.IndexTable]:
    numbers = itertools.count()

    def write(rows: Rows) -> rd.IndexTable:
        folder = tmp_path / f"table {next(numbers)}"
        schema = pa.schema([(name, TYPES.get(name, pa.string())) for name in rows[0]])
        deltalake.write_deltalake(folder, pa.Table.from_pylist(rows, schema))
        return rd.open_index(folder)

    return write


CHECKS = ["single_orientation", "orthogonal_orientation", "unique_slice_positions", "consistent_in_plane_row"]
CHECKS += ["consistent_in_plane_col", "consistent_pixel_spacing", "consistent_image_dimensions"]
CHECKS += ["single_frame_of_reference", "uniform_slice_spacing", "no_missing_slices"]


def only(relation: Any) -> dict[str, Any]:
    (row,) = pa.table(relation).to_pylist()
    return dict(row)


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 2, 2.0])
def test_a_regular_volume(angle: float, index_of: Callable[[Rows], rd.IndexTable]) -> None:
    row = only(index_of(volume(angle=angle)).series())
    assert {name: row[name] for name in CHECKS} == dict.fromkeys(CHECKS, True)
    assert row["regularly_spaced_3d_volume"] is True
    assert row["slice_spacing"] == pytest.approx(2.5)
    from_axis = abs(math.degrees(angle)) % 90
    assert row["obliquity_degrees"] == pytest.approx(min(from_axis, 90 - from_axis), abs=1e-5)
    assert row["NumberOfSeriesRelatedInstances"] == row["frame_count"] == row["file_count"] == 10
    assert row["size"] == sum(range(1000, 1010))
    assert (row["Modality"], row["StudyInstanceUID"], row["Rows"]) == ("CT", "1.1", 512)
    assert row["PatientID"] is None  # a column that this index lacks


def shifted(along: int, by: float) -> Callable[[Rows], None]:
    """One slice moved along its row, its column or its normal."""

    def shift(rows: Rows) -> None:
        move = np.array(axes(0.3)[along]) * by
        rows[4]["ImagePositionPatient"] = (np.array(rows[4]["ImagePositionPatient"]) + move).tolist()

    return shift


def changed(name: str, value: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[4].update({name: value})


def skewed(rows: Rows) -> None:
    for row in rows:
        row["ImageOrientationPatient"] = [1, 0, 0, 0.05, *axes(0.3)[1][1:].tolist()]


def without_a_slice(rows: Rows) -> None:
    rows[:] = [row for row in rows if row["SOPInstanceUID"] != "1.1.1.5"]


def twice(rows: Rows) -> None:
    """Two instances at each place, as of diffusion or of time."""
    rows += [{**row, "SOPInstanceUID": row["SOPInstanceUID"] + ".2", "path": row["path"] + "2"} for row in rows]


TURNED = [*axes(0.31)[0], *axes(0.31)[1]]
IRREGULAR: dict[str, tuple[Callable[[Rows], None], set[str]]] = {
    "orientation": (changed("ImageOrientationPatient", TURNED), {"single_orientation", "consistent_in_plane_col"}),
    "no right angle": (skewed, {"orthogonal_orientation"}),
    "not of length 1": (changed("ImageOrientationPatient", [1.1, *axes(0.3)[0][1:], *axes(0.3)[1]]), set()),
    "two at one place": (twice, {"unique_slice_positions"}),
    "beside in the row": (shifted(0, 0.2), {"consistent_in_plane_row"}),
    "beside in the column": (shifted(1, 0.2), {"consistent_in_plane_col"}),
    "spacing of pixels": (changed("PixelSpacing", [0.7, 0.71]), {"consistent_pixel_spacing"}),
    "no spacing of pixels": (changed("PixelSpacing", None), {"consistent_pixel_spacing"}),
    "columns": (changed("Columns", 511), {"consistent_image_dimensions"}),
    "frame of reference": (changed("FrameOfReferenceUID", "1.8"), {"single_frame_of_reference"}),
    "no frame of reference": (changed("FrameOfReferenceUID", None), {"single_frame_of_reference"}),
    "spacing of slices": (shifted(2, 0.5), {"uniform_slice_spacing"}),
    "a slice missing": (without_a_slice, {"uniform_slice_spacing", "no_missing_slices"}),
}


@pytest.mark.parametrize("name", IRREGULAR)
def test_an_irregular_volume(name: str, index_of: Callable[[Rows], rd.IndexTable]) -> None:
    change, expected = IRREGULAR[name]
    rows = volume(angle=0.3)
    change(rows)
    row = only(index_of(rows).series())
    false = {check for check in CHECKS if row[check] is False}
    assert false >= expected
    if name not in ("orientation", "not of length 1"):
        assert false == expected
    assert false
    assert row["regularly_spaced_3d_volume"] is False


@pytest.mark.parametrize("small", [0.05, -0.05])
def test_small_deviations_are_forgiven(small: float, index_of: Callable[[Rows], rd.IndexTable]) -> None:
    rows = volume(angle=0.3)
    for along in range(3):
        shifted(along, small)(rows)
    assert only(index_of(rows).series())["regularly_spaced_3d_volume"] is True


def test_copies_of_an_instance_are_no_second_slice(index_of: Callable[[Rows], rd.IndexTable]) -> None:
    rows = volume()
    rows += [{**row, "path": f"/copy{row['path']}"} for row in rows[:3]]
    index = index_of(rows)
    row = only(index.series())
    assert row["regularly_spaced_3d_volume"] is True
    assert (row["NumberOfSeriesRelatedInstances"], row["file_count"]) == (10, 13)
    instances = pa.table(index.instances()).to_pylist()
    assert [one["file_count"] for one in instances].count(2) == 3
    copied = next(one for one in instances if one["SOPInstanceUID"] == rows[0]["SOPInstanceUID"])
    assert copied["path"] == min(rows[0]["path"], f"/copy{rows[0]['path']}")


UNPLACED: dict[str, dict[str, Any]] = {
    "no position": {"ImagePositionPatient": None},
    "two numbers": {"ImagePositionPatient": [1.0, 2.0]},
    "not finite": {"ImagePositionPatient": [0.0, math.inf, math.nan]},
    "multi-frame": {"NumberOfFrames": 30},
}


@pytest.mark.parametrize("name", UNPLACED)
def test_what_has_no_place_is_neither_regular_nor_not(name: str, index_of: Callable[[Rows], rd.IndexTable]) -> None:
    rows = volume()
    rows[3].update(UNPLACED[name])
    row = only(index_of(rows).series())
    of_geometry = [*CHECKS, "regularly_spaced_3d_volume", "slice_spacing", "obliquity_degrees"]
    assert {name: row[name] for name in of_geometry} == dict.fromkeys(of_geometry)
    assert row["frame_count"] == (39 if name == "multi-frame" else 10)


def test_numbers_from_strangers(index_of: Callable[[Rows], rd.IndexTable]) -> None:
    rows = volume()
    rows[0]["ImageOrientationPatient"] = [0.0] * 6
    rows[1]["ImagePositionPatient"] = [1e308, -1e308, 1e308]
    rows[2]["ImageOrientationPatient"] = [1e200] * 6
    row = only(index_of(rows).series())
    assert row["regularly_spaced_3d_volume"] is False
    assert row["orthogonal_orientation"] is False


def test_one_slice_is_no_volume(index_of: Callable[[Rows], rd.IndexTable]) -> None:
    row = only(index_of(volume(1)).series())
    assert row["unique_slice_positions"] is True
    assert row["uniform_slice_spacing"] is row["slice_spacing"] is None
    assert row["regularly_spaced_3d_volume"] is False


def test_an_index_of_few_columns(index_of: Callable[[Rows], rd.IndexTable]) -> None:
    index = index_of([{"path": "/a", "SeriesInstanceUID": "1.1"}])
    row = only(index.series())
    assert row["SeriesInstanceUID"] == "1.1"
    assert row["frame_count"] == 0
    assert {name: row[name] for name in CHECKS} == dict.fromkeys(CHECKS)
    assert index.studies().fetchall() == index.instances().fetchall() == []


def test_studies(index_of: Callable[[Rows], rd.IndexTable]) -> None:
    rows = volume(4)
    for name in ("PatientID", "StudyDescription"):
        for row in rows:
            row[name] = name
    segmentation = {"SeriesInstanceUID": "1.1.2", "SOPInstanceUID": "9", "Modality": "SEG", "NumberOfFrames": 7}
    rows.append({**rows[0], **segmentation, "path": "/seg"})
    rows.append({**dict.fromkeys(rows[0]), "path": "/unreadable"})
    index = index_of(rows)
    row = only(index.studies())
    assert row["ModalitiesInStudy"] == ["CT", "SEG"]
    assert (row["PatientID"], row["StudyDescription"]) == ("PatientID", "StudyDescription")
    assert (row["NumberOfStudyRelatedSeries"], row["NumberOfStudyRelatedInstances"]) == (2, 5)
    assert (row["frame_count"], row["file_count"]) == (11, 5)
    assert len(index.series()) == 2
    assert len(index.instances()) == 5


# rapidicom query


def run(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rapidicom", "query", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, text=True, check=False)


def test_text(folder: Path) -> None:
    done = run(folder, "select Modality, count(*) as files, null as nothing from index group by 1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Modality  files  nothing\n--------  -----  -------\nCT           10\n"
    nothing = run(folder, "select Modality, path from index where false", "--format", "text")
    assert nothing.stdout == "Modality  path\n--------  ----\n"
    assert run(folder, "-", stdin="select 1 as a").stdout == "a\n-\n1\n"
    assert run(folder, "select 1 as a", "-o", "-").stdout == "a\n-\n1\n"


def test_text_is_safe_on_a_terminal(folder: Path) -> None:
    done = run(folder, "select chr(27) || '[2J' as a, repeat('x', 1000) as b")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 100


SQL = "select path, mtime, frames, StudyDate, ImageType, InstanceNumber, 'nan'::double as nan from index order by path"


def test_csv_and_json(folder: Path, tmp_path: Path) -> None:
    import csv

    done = run(folder, SQL, "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["InstanceNumber"] for row in rows] == [str(n) for n in range(10)]
    array = json.loads(run(folder, SQL, "--format", "json").stdout)
    assert array[3]["frames"] == rd.open_index(folder).to_pyarrow().sort_by("path").to_pylist()[3]["frames"]
    assert array[3]["mtime"].endswith("Z")
    assert array[3]["nan"] is None
    output = tmp_path / "answer.jsonl"
    assert run(folder, SQL, "-o", output).stdout == ""
    assert [json.loads(line) for line in output.read_text().splitlines()] == array
    assert json.loads(run(folder, "select 1 where false", "--format", "json").stdout) == []
    assert run(folder, "select 1 where false", "--format", "jsonl").stdout == ""


def test_parquet(folder: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    done = run(folder, "from index", "-o", tmp_path / "answer.parquet")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "answer.parquet").num_rows == 10
    assert [path.name for path in tmp_path.iterdir() if "answer" in path.name] == ["answer.parquet"]


def test_other_statements(folder: Path) -> None:
    assert "Modality" in run(folder, "describe index").stdout
    assert run(folder, "explain from index").returncode == 0
    assert run(folder, "create table t as from index; select count(*) as n from t").stdout == " n\n--\n10\n"


def test_wrong_use(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "select Modalty from index")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Modality" in done.stderr  # DuckDB says what is near
    assert run(folder, "selec").returncode == 2
    assert run(folder, "select 1", "--format", "parquet").returncode == 2
    assert run(folder, "select 1", "-o", tmp_path / "no such" / "x.csv").returncode == 2
    assert "no Delta table" in run(tmp_path, "select 1").stderr
    assert run(tmp_path, "select 1").returncode == 2


def test_a_part_that_is_gone(folder: Path, tmp_path: Path) -> None:
    for part in folder.glob("*.parquet"):
        part.unlink()
    done = run(folder, "from index", "-o", tmp_path / "answer.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert not (tmp_path / "answer.csv").exists()
