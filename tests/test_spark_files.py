"""rapidicom.spark without a cluster: options, listing, partitions, the log of arrivals, filters."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd

pa = pytest.importorskip("pyarrow")
datasource = pytest.importorskip("pyspark.sql.datasource")

from rapidicom.spark import map_headers, schema  # noqa: E402
from rapidicom.spark.arrivals import MAGIC, Arrivals  # noqa: E402
from rapidicom.spark.files import Files, listed, local_path, packed  # noqa: E402
from rapidicom.spark.options import Options, column_names  # noqa: E402


def options(*paths: Path | str, **words: str) -> Options:
    return Options.of({"paths": json.dumps([str(path) for path in paths]), **words})


def found(*paths: Path | str, **words: str) -> list[str]:
    return [file.path for file in listed(options(*paths, **words))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten files of 100 bytes, five of them one folder deeper."""
    root = tmp_path / "study"
    (root / "inside").mkdir(parents=True)
    for i in range(10):
        (root / ("inside" if i % 2 else "") / f"{i}.dcm").write_bytes(bytes(100))
    return root


def test_the_module_that_spark_imports_costs_nothing() -> None:
    script = "import sys, pyspark_rapidicom as p; print('pyspark' in sys.modules, p.DefaultSource.name())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "rapidicom"]


def test_without_pyspark_the_extra_is_named() -> None:
    script = "import sys; sys.modules['pyspark'] = None; import rapidicom; rapidicom.spark"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "ImportError" in done.stderr
    assert "pip install rapidicom[spark]" in done.stderr
    script = (
        "import sys; sys.modules['pyspark'] = None; import pyspark_rapidicom as p; print(hasattr(p, 'DefaultSource'))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"colums": "Modality"}, "nearest is columns"),
        ({"mode": "lenient"}, "permissive, failfast, dropmalformed"),
        ({"threads": "0"}, "threads is '0'"),
        ({"filesPerPartition": "many"}, "at least 1"),
        ({"maxPartitionBytes": "1 apple"}, "128m"),
        ({"frames": "yes"}, "true or false"),
        ({"minFileAge": "-1"}, "seconds"),
        ({"columns": "Modality,,PatientID"}, "comma"),
    ],
)
def test_wrong_options(words: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options.of(words)


def test_words_in_any_case_and_those_of_others() -> None:
    given = Options.of(
        {"FILESPERPARTITION": "7", "maxpartitionbytes": "64KB", "MODE": "FAILFAST", "inferSchema": "true"}
    )
    assert (given.files_per_partition, given.partition_bytes, given.mode) == (7, 65536, "failfast")


def test_column_names() -> None:
    assert column_names("Modality, (0010,0010),A[0].B") == ("Modality", "(0010,0010)", "A[0].B")
    assert column_names('["a,b", "c"]') == ("a,b", "c")
    assert column_names("default") is None


def test_what_is_listed_is_what_scan_looks_at(tmp_path: Path) -> None:
    root = tmp_path / "odd"
    (root / "empty").mkdir(parents=True)
    for name in ("b.dcm", ".hidden.dcm", "new\nline.dcm", "space ü.dcm", "x" * 250 + ".dcm"):
        (root / name).write_bytes(builders.small())
    (root.as_posix().encode() + b"/\xff\xfe.dcm").decode("utf-8", "surrogateescape")
    with open(os.fsencode(root) + b"/\xff\xfe.dcm", "wb") as file:  # noqa: PTH123
        file.write(builders.small())
    os.mkfifo(root / "fifo")
    (root / "loop").symlink_to(root)
    (root / "broken").symlink_to(root / "nowhere")
    (root / "link.dcm").symlink_to(root / "b.dcm")
    ours = found(root)
    assert len(ours) == 8
    direct = pa.table(rd.index(root, columns=[]))
    by_list = pa.table(rd.index(ours, columns=[]))
    assert sorted(direct.to_pylist(), key=str) == sorted(by_list.to_pylist(), key=str)


def test_a_folder_that_cannot_be_listed_is_a_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("inside"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert str(folder / "inside") in found(folder)


def test_globs(folder: Path) -> None:
    (folder / "3.IMA").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    names = {Path(path).name for path in found(folder, pathGlobFilter="[0-3].{dcm,IMA}")}
    assert names == {"0.dcm", "1.dcm", "2.dcm", "3.dcm", "3.IMA"}
    assert len(found(folder, recursiveFileLookup="false", pathGlobFilter="*.dcm")) == 5
    assert len(found(folder / "in*")) == len(found(f"file://{folder}/inside")) == 5
    assert len(found(folder / "inside", folder / "0.dcm")) == 6
    with pytest.raises(FileNotFoundError):
        found(folder / "nowhere")


def test_urls() -> None:
    assert local_path("file:/a/b") == local_path("file:///a/b") == local_path("/a/b")
    with pytest.raises(ValueError, match="binaryFile"):
        local_path("s3://bucket/key")


def test_partitions_by_count_and_by_bytes(folder: Path) -> None:
    (folder / "big.dcm").write_bytes(bytes(1000))

    def sizes(**words: str) -> list[int]:
        given = options(folder, **words)
        partitions = packed(listed(given), given)
        assert [path for part in partitions for path in part.paths] == found(folder)
        return [part.count for part in partitions]

    assert sizes() == [11]
    assert sizes(filesPerPartition="4") == [4, 4, 3]
    assert sizes(maxPartitionBytes="300") == [3, 2, 1, 3, 2]
    assert sizes(maxPartitionBytes="300", filesPerPartition="2") == [2, 2, 1, 1, 2, 2, 1]
    assert packed([], options(folder)) == []


def test_names_of_a_partition_are_compressed() -> None:
    paths = [f"/archive/2026/11/23/1.2.840.113619.2.55.3.604688119.{i}.dcm" for i in range(10_000)]
    part = Files(paths)
    assert part.paths == paths
    assert len(part.names) < sum(map(len, paths)) / 5
    assert Files([]).paths == []


def test_arrivals_are_kept_once_and_in_order(tmp_path: Path) -> None:
    path = str(tmp_path / "state" / "log")
    log = Arrivals(path)
    first = log.add(["/a", "/b", "/a"])
    assert log.add(["/b"]) == first
    again = Arrivals(path)
    assert again.end == first
    second = again.add(["/b", "/c\udcff\n", "/a"])
    assert log.add([]) == second, "what another has appended is seen"
    assert again.paths(Arrivals.begin, second) == ["/a", "/b", "/c\udcff\n"]
    assert again.paths(first, second) == ["/c\udcff\n"]
    assert again.paths(second, second) == []
    assert again.after(Arrivals.begin, 1, second) == Arrivals.begin + len("/a\0")
    assert again.after(Arrivals.begin, 9, second) == second


@pytest.mark.parametrize("torn", [b"/half", b"/whole\0/half"])
def test_a_torn_name_was_in_no_offset(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "log"
    end = Arrivals(str(path)).add(["/a"])
    path.write_bytes(path.read_bytes() + torn)
    log = Arrivals(str(path))
    assert log.add(["/half"]) == end + len(torn.rpartition(b"\0")[0] + b"\0" * (b"\0" in torn)) + len("/half\0")
    assert log.paths(Arrivals.begin, log.end)[-1] == "/half"
    assert Arrivals(str(path)).end == log.end


@pytest.mark.parametrize("size", range(len(MAGIC)))
def test_a_torn_beginning(tmp_path: Path, size: int) -> None:
    (tmp_path / "log").write_bytes(MAGIC[:size])
    assert Arrivals(str(tmp_path / "log")).end == Arrivals.begin


def test_a_log_that_is_none_or_another(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("/a\n/b\n/c and a line that is longer than the magic\n")
    with pytest.raises(ValueError, match="arrivalsLocation"):
        Arrivals(str(tmp_path / "list.txt"))
    log = Arrivals(str(tmp_path / "log"))
    end = log.add(["/abc", "/def"])
    for start, stop in ((Arrivals.begin, end + 5), (Arrivals.begin + 1, end), (Arrivals.begin, end - 1)):
        with pytest.raises(ValueError, match="checkpoint"):
            log.paths(start, stop)


def test_a_log_that_is_replaced_under_a_stream(tmp_path: Path) -> None:
    log = Arrivals(str(tmp_path / "log"))
    log.add(["/a"])
    (tmp_path / "log").unlink()
    with pytest.raises(ValueError, match="replaced"):
        log.add(["/b"])


def test_filters_that_arrow_answers_as_sql_does() -> None:
    if not hasattr(datasource, "EqualTo"):
        pytest.skip("Spark has filters for Python sources from 4.1 on")
    from pyspark.sql.datasource import EqualTo, GreaterThan, In, IsNotNull, StringStartsWith

    from rapidicom.spark.filters import apply, is_taken

    batch = pa.record_batch(
        {
            "Modality": ["CT", "MR", None, "CTX"],
            "Rows": pa.array([1, 2, None, 4], pa.int32()),
            "StudyDate": pa.array([dt.date(2020, 1, 1), None, None, dt.date(2021, 1, 1)]),
            "SliceThickness": [1.0, float("nan"), None, 2.0],
            "ImageType": [["A"], None, [], ["B"]],
        }
    )

    def kept(*filters: Any) -> list[int]:
        assert all(is_taken(filter_, batch.schema) for filter_ in filters)
        rows = apply(filters, batch.append_column("n", pa.array(range(4))))
        return list(rows["n"].to_pylist())

    assert kept(EqualTo(("Modality",), "CT")) == [0]
    assert kept(EqualTo(("Modality",), None)) == []
    assert kept(In(("Modality",), ["CT", None, "MR"])) == [0, 1]
    assert kept(In(("Rows",), [1, 4])) == [0, 3]
    assert kept(EqualTo(("StudyDate",), dt.date(2021, 1, 1))) == [3]
    assert kept(IsNotNull(("ImageType",))) == [0, 2, 3]
    assert kept(StringStartsWith(("Modality",), "CT"), IsNotNull(("Rows",))) == [0, 3]
    for other in (
        EqualTo(("SliceThickness",), float("nan")),
        GreaterThan(("Rows",), 1),
        EqualTo(("Rows",), 1 << 40),
        EqualTo(("Rows",), "1"),
        EqualTo(("ImageType",), ["A"]),
        EqualTo(("frames", "offset"), 1),
        IsNotNull(("nowhere",)),
    ):
        assert not is_taken(other, batch.schema)


def test_map_headers_by_hand(folder: Path) -> None:
    (folder / "good.dcm").write_bytes(builders.small())
    paths = [str(folder / "good.dcm"), None, str(folder / "nowhere.dcm"), f"file:{folder}/good.dcm"]
    read = map_headers("Modality", mode="permissive")
    batches = list(read(iter([pa.record_batch({"path": paths})])))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert batches[0].schema.names == schema("Modality").names
    with pytest.raises(rd.DicomError, match=r"nowhere.*failfast"):
        list(map_headers("Modality", mode="failfast")(iter([pa.record_batch({"path": paths})])))
    with pytest.raises(KeyError, match="content"):
        list(read(iter([pa.record_batch({"file": paths})])))
    with pytest.raises(ValueError, match="nearest is Modality"):
        map_headers("Modalty")


def test_contents_by_hand() -> None:
    good = builders.small()
    time = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    contents = [good, None, b"no DICOM", good[:300]] * 100
    columns = {"path": [f"s3://bucket/{i}" for i in range(400)], "content": contents, "modificationTime": [time] * 400}
    table = pa.Table.from_batches(map_headers("size,mtime,Modality")(iter([pa.record_batch(columns)])))
    direct = {row["path"]: row for row in table.to_pylist()}
    assert direct["s3://bucket/4"]["Modality"] == "OT"
    assert direct["s3://bucket/396"]["size"] == len(good)
    assert direct["s3://bucket/4"]["mtime"] == time
    assert "s3://bucket/2" not in direct
    with pytest.raises(ValueError, match="by their paths"):
        list(map_headers("size", archives=True)(iter([pa.record_batch({"content": [good]})])))
    bare = map_headers("mtime")(iter([pa.record_batch({"content": [good]})]))
    assert next(row for batch in bare for row in batch.to_pylist()) == {
        "path": None,
        "status": "ok",
        "error": None,
        "warnings": [],
        "mtime": None,
    }
