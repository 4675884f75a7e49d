"""rd.polars: files and indexes as lazy frames."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT as E

pl = pytest.importorskip("polars")


def numbered(number: int) -> bytes:
    content = E.element(0x00080060, "CS", "CT" if number % 2 else "MR") + E.element(0x00200013, "IS", number)
    return builders.file(content + E.image() + E.pixels(bytes(16), "OB"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        (tmp_path / f"{number:02}.dcm").write_bytes(numbered(number))
    (tmp_path / "notes.txt").write_text("no DICOM")
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the frame asks of rd.scan, scan by scan, and how many batches it took."""
    scans: list[dict[str, Any]] = []
    scan = rd.scan

    def watched(source: Any, **options: Any) -> Iterator[rd.RecordBatch]:
        scans.append({**options, "batches": 0})
        for batch in scan(source, **options):
            scans[-1]["batches"] += 1
            yield batch

    monkeypatch.setattr(rd, "scan", watched)
    return scans


def test_it_is_the_index(folder: Path) -> None:
    for options in ({}, {"frames": True}, {"columns": ["InstanceNumber", "00080060"]}):
        lazy = rd.polars.scan_dicom(folder, **options)
        index = pl.DataFrame(rd.index(folder, **options))
        assert isinstance(lazy, pl.LazyFrame)
        assert lazy.collect_schema() == index.schema
        for _ in range(2):  # it may be collected again
            assert lazy.collect().sort("path").equals(index.sort("path"))


def test_the_schema_needs_no_file(asked: list[dict[str, Any]]) -> None:
    schema = rd.polars.scan_dicom("/no such folder", frames=True).collect_schema()
    assert schema["frames"] == pl.List(pl.Struct({"offset": pl.Int64, "length": pl.Int64}))
    assert schema["StudyDate"] == pl.Date
    assert asked == []
    with pytest.raises((OSError, pl.exceptions.ComputeError), match=r"no such folder|No such file"):
        rd.polars.scan_dicom("/no such folder").collect()


def test_only_what_is_used_is_looked_for(folder: Path, asked: list[dict[str, Any]]) -> None:
    lazy = rd.polars.scan_dicom(folder, frames=True)
    counts = lazy.filter(pl.col("InstanceNumber") > 4).group_by("Modality").len().sort("Modality").collect()
    assert counts.to_dict(as_series=False) == {"Modality": ["CT", "MR"], "len": [8, 7]}
    assert sorted(asked[0]["columns"]) == ["InstanceNumber", "Modality"]
    assert asked[0]["frames"] is False
    assert lazy.select(pl.len()).collect().item() == 20
    frames = lazy.select("frames").collect()
    assert frames["frames"].list.len().to_list() == [1] * 20
    assert asked[-1]["frames"] is True


def test_a_limit_ends_the_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With batches of one file, which otherwise have thousands."""
    read: list[Path] = []
    scan = rd.scan

    def a_file_a_batch(source: Path, **options: Any) -> Iterator[rd.RecordBatch]:
        for path in source.glob("*.dcm"):
            read.append(path)
            yield from scan(path, **options)

    monkeypatch.setattr(rd, "scan", a_file_a_batch)
    assert rd.polars.scan_dicom(folder).select("path").head(5).collect().height == 5
    assert len(read) == 5


@pytest.mark.parametrize("rows", [0, 1, 7, 20, 100])
def test_a_limit_and_a_filter(rows: int, folder: Path) -> None:
    lazy = rd.polars.scan_dicom(folder)
    assert lazy.head(rows).collect().height == min(rows, 20)
    is_ct = pl.col("Modality") == "CT"
    assert lazy.filter(is_ct).head(rows).collect().height == min(rows, 10)
    assert lazy.head(rows).filter(is_ct).collect().height <= min(rows, 10)
    assert lazy.filter(is_ct, pl.col("path").str.ends_with("03.dcm")).collect().height == 1


def test_sources(folder: Path) -> None:
    paths = sorted(folder.glob("*.dcm"))
    lazy = rd.polars.scan_dicom(iter(paths))  # an iterator too is read each time
    assert lazy.collect().height == lazy.collect().height == 20
    assert rd.polars.scan_dicom(f"{folder}/0*.dcm").collect().height == 10


def test_wrong_columns_fail_at_once(folder: Path) -> None:
    with pytest.raises(ValueError, match="Modality"):
        rd.polars.scan_dicom(folder, columns=["Modalty"])


def test_an_unreadable_file_is_a_row(folder: Path) -> None:
    lazy = rd.polars.scan_dicom([*folder.glob("*.dcm"), folder / "gone.dcm"])
    failed = lazy.filter(pl.col("status") == "error").select("path", "error").collect()
    assert failed["path"].to_list() == [str(folder / "gone.dcm")]


def test_an_index_on_disk(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    deltalake = pytest.importorskip("deltalake")
    place = tmp_path_factory.mktemp("index")
    table = rd.index(folder).to_pyarrow()
    deltalake.write_deltalake(place, table)
    lazy = rd.polars.scan_index(place)
    deltalake.write_deltalake(place, table.slice(0, 5), mode="overwrite")
    assert lazy.collect().height == 20
    assert rd.polars.scan_index(place).collect().height == 5
    assert rd.polars.scan_index(place, version=0).select("Modality").collect().height == 20
    plan = lazy.select("Modality").filter(pl.col("Modality") == "CT").explain()
    assert "PROJECT 1/" in plan
    assert "SELECTION" in plan
    with pytest.raises(FileNotFoundError):
        rd.polars.scan_index(folder)
