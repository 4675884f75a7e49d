"""rapidicom.spark on a cluster: a master and two executors, each a process of its own, started here."""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT as E

pa = pytest.importorskip("pyarrow")
pyspark = pytest.importorskip("pyspark")

from pyspark.errors import AnalysisException, PySparkException  # noqa: E402
from pyspark.sql import DataFrame, SparkSession  # noqa: E402

from rapidicom.spark import map_headers, schema  # noqa: E402

pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="Java is not installed"),
    pytest.mark.filterwarnings("ignore"),
]
VERSION = tuple(map(int, pyspark.__version__.split(".")[:2]))
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""What a Java machine spends on becoming fast is lost on a cluster that lives a minute."""

BAD = bytes(128) + b"DICM"
"""A DICOM Prefix and nothing after it. PS3.10 §7.1"""


def numbered(number: int) -> bytes:
    content = E.element(0x00080018, "UI", f"1.2.{number}") + E.element(0x00080020, "DA", f"2020010{1 + number % 9}")
    content += E.element(0x00080060, "CS", ("CT", "MR")[number % 2]) + E.element(0x00100010, "PN", f"Doe^{number}")
    content += E.element(0x00180050, "DS", f"{number}.5") + E.element(0x00200013, "IS", number)
    content += E.element(0x00200037, "DS", "1\\0\\0\\0\\1\\0") + E.image() + E.pixels(bytes(16), "OB")
    return builders.file(content)


def fill(folder: Path, numbers: range) -> None:
    for number in numbers:
        place = folder / f"series {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:04}.dcm").write_bytes(numbered(number))


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """Two executors of one core. The extension and this package come to them as to us: by the same interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        here = os.pathsep.join(os.path.abspath(path) for path in given if path)  # noqa: PTH100
        patch.setenv("PYTHONPATH", here)
        home = Path(pyspark.__file__).parent
        had_work = (home / "work").exists()
        session = (
            SparkSession.builder.master("local-cluster[2,1,1024]")
            .config("spark.executorEnv.PYTHONPATH", here)
            .config("spark.driver.extraJavaOptions", SHORT_LIVED)
            .config("spark.executor.extraJavaOptions", SHORT_LIVED)
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "UTC")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()
        if not had_work:
            shutil.rmtree(home / "work", ignore_errors=True)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand files, and one that is no DICOM."""
    folder = tmp_path_factory.mktemp("spark") / "study"
    fill(folder, range(1000))
    (folder / "notes.txt").write_text("no DICOM")
    return folder


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine good files and a bad one."""
    folder = tmp_path_factory.mktemp("damaged")
    fill(folder, range(9))
    (folder / "series 1" / "bad.dcm").write_bytes(BAD)
    return folder


def read(spark: SparkSession, path: Path, schema: str | None = None, **options: str) -> DataFrame:
    reader = spark.read.format("rapidicom").options(**options)
    return (reader.schema(schema) if schema else reader).load(str(path))


def table(frame: DataFrame) -> Any:
    return frame.toArrow().sort_by("path")


def test_the_rows_are_those_of_the_index(spark: SparkSession, study: Path) -> None:
    ours = table(read(spark, study, frames="true", filesPerPartition="300"))
    direct = rd.index(study, frames=True).to_pyarrow().sort_by("path")
    assert ours.schema.names == direct.schema.names
    assert ours.to_pylist() == direct.to_pylist()
    assert ours.num_rows == 1000


def test_the_types_are_those_that_the_guide_names(spark: SparkSession, study: Path) -> None:
    frame = read(spark, study, columns="StudyDate,Rows,InstanceNumber,SliceThickness,ImageType,mtime", frames="true")
    assert dict(frame.dtypes) == {
        "path": "string",
        "status": "string",
        "error": "string",
        "warnings": "array<struct<code:string,tag:string,offset:bigint>>",
        "StudyDate": "date",
        "Rows": "int",
        "InstanceNumber": "bigint",
        "SliceThickness": "double",
        "ImageType": "array<string>",
        "mtime": "timestamp",
        "frames": "array<struct<offset:bigint,length:bigint>>",
    }


def test_sql_and_many_paths(spark: SparkSession, study: Path) -> None:
    spark.sql(
        f"create or replace temporary view headers using rapidicom options (path '{study}', columns 'Modality, size')"
    )
    counts = spark.sql("select Modality, count(*) as n, min(size) > 0 from headers group by all order by all").collect()
    assert [tuple(row) for row in counts] == [("CT", 500, True), ("MR", 500, True)]
    frame = spark.read.format("rapidicom").load([str(study / "series 0"), str(study / "series 1" / "0001.dcm")])
    assert frame.count() == 335


def test_a_schema_narrows_what_is_read(spark: SparkSession, study: Path) -> None:
    frame = read(spark, study, "InstanceNumber BIGINT, path STRING, `PatientName` STRING")
    assert frame.columns == ["InstanceNumber", "path", "PatientName"]
    rows = {tuple(row) for row in frame.where("InstanceNumber < 3").collect()}
    assert rows == {(i, str(study / f"series {i}" / f"{i:04}.dcm"), f"Doe^{i}") for i in range(3)}
    frames = read(spark, study, "frames ARRAY<STRUCT<offset: BIGINT, length: BIGINT>>").take(1)[0].frames
    assert [frame.length for frame in frames] == [16]


@pytest.mark.parametrize(
    "options",
    [{"json": True, "hash": "xxh3"}, {"layout": "long"}, {"archives": True}],
    ids=["wide", "long", "archives"],
)
def test_what_else_an_index_may_hold(
    spark: SparkSession, damaged: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    source = damaged
    if "archives" in options:
        source = tmp_path
        shutil.make_archive(str(tmp_path / "study"), "zip", damaged)
    words = {word: str(value).lower() for word, value in options.items()}
    ours, direct = read(spark, source, **words).toArrow(), rd.index(source, **options).to_pyarrow()
    assert ours.schema.names == direct.schema.names
    assert ours.num_rows >= 10
    assert sorted(map(str, ours.to_pylist())) == sorted(map(str, direct.to_pylist()))
    assert read(spark, source, "path STRING, status STRING", **words).count() == ours.num_rows


@pytest.mark.parametrize(
    ("schema", "options", "said"),
    [
        (None, {"columns": "Modalty"}, "nearest is Modality"),
        ("Modalty STRING", {}, "nearest is Modality"),
        ("Modality INT", {}, "column 'Modality' is string"),
        ("Modality STRING NOT NULL", {}, "NOT NULL"),
        ("`00080060` STRING", {}, "called.*Modality"),
        (None, {"mode": "lenient"}, "permissive, failfast, dropmalformed"),
        (None, {"colums": "Modality"}, "nearest is columns"),
        (None, {}, "No such file or directory"),
    ],
)
def test_wrong_arguments_fail_on_the_driver(
    spark: SparkSession, schema: str | None, options: dict[str, str], said: str
) -> None:
    with pytest.raises(AnalysisException, match=said):
        read(spark, Path("/nowhere"), schema, **options).collect()


def test_modes(spark: SparkSession, damaged: Path) -> None:
    rows = read(spark, damaged, columns="Modality").collect()
    bad = [row for row in rows if row.status == "error"]
    assert (len(rows), len(bad)) == (10, 1)
    assert bad[0].path.endswith("bad.dcm")
    assert bad[0].error
    assert bad[0].Modality is None
    assert read(spark, damaged, "Modality STRING").count() == 10
    assert read(spark, damaged, "Modality STRING", mode="DROPMALFORMED").count() == 9
    with pytest.raises(PySparkException, match=r"bad\.dcm.*failfast"):
        read(spark, damaged, "Modality STRING", mode="FAILFAST").count()


def test_a_file_that_vanishes_after_the_listing_is_a_row(spark: SparkSession, tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    planned = read(spark, tmp_path, columns="Modality").rdd
    assert planned.getNumPartitions() == 1
    (tmp_path / "series 1" / "0001.dcm").unlink()
    assert sorted(row.status for row in planned.collect()) == ["error", "ok", "ok"]


def test_partitions(spark: SparkSession, study: Path) -> None:
    size = (study / "series 0" / "0000.dcm").stat().st_size
    assert read(spark, study).rdd.getNumPartitions() == 1
    assert read(spark, study, filesPerPartition="100").rdd.getNumPartitions() == 11
    # Of 334, 333 and 333 files in three folders, and the one that is no DICOM.
    by_bytes = read(spark, study, "path STRING", maxPartitionBytes=str(size * 250 + 100))
    assert 4 <= by_bytes.rdd.getNumPartitions() <= 5
    assert by_bytes.distinct().count() == 1000


def test_an_empty_folder(spark: SparkSession, tmp_path: Path) -> None:
    assert read(spark, tmp_path).count() == 0


@pytest.mark.skipif(VERSION < (4, 1), reason="Spark has filters for Python sources from 4.1 on")
def test_filters_are_pushed_down(spark: SparkSession, study: Path) -> None:
    where = (
        "Modality = 'CT' and PatientName like 'Doe^1%' and InstanceNumber in (10, 100, 101, 2) and SliceThickness > 11"
    )
    expected = sorted(row.path for row in read(spark, study).where(where).collect())
    assert [Path(path).stem for path in expected] == ["0100"]
    with pytest.raises(PySparkException, match="PUSHDOWN_DISABLED"):
        read(spark, study, pushdown="true").where(where).collect()
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    try:
        assert sorted(row.path for row in read(spark, study).where(where).collect()) == expected
        frame = read(spark, study, pushdown="true").where(where)
        assert sorted(row.path for row in frame.collect()) == expected
        dates = read(spark, study, pushdown="true").where("StudyDate = date'2020-01-01'")
        assert dates.count() == 112
        plan = frame._jdf.queryExecution().executedPlan().toString()
    finally:
        spark.conf.unset("spark.sql.python.filterPushdown.enabled")
    left = [line for line in plan.splitlines() if "Filter (" in line]
    assert any("SliceThickness" in line for line in left)
    assert not any(word in line for line in left for word in ("Modality", "PatientName", "InstanceNumber"))


def test_map_headers_over_paths_and_contents(spark: SparkSession, study: Path) -> None:
    columns = "Modality,InstanceNumber,size"
    series = study / "series 0"
    direct = rd.index(series, columns=columns.split(",")).to_pyarrow().sort_by("path").to_pylist()
    files = spark.read.format("binaryFile").load(str(series))
    by_path = files.select("path").mapInArrow(map_headers(columns), schema(columns))
    assert table(by_path).to_pylist() == direct
    by_content = table(files.mapInArrow(map_headers(columns), schema(columns))).to_pylist()
    assert [row | {"path": row["path"].removeprefix("file:")} for row in by_content] == direct
    folders = spark.createDataFrame([(str(folder),) for folder in study.glob("series*")], "path STRING")
    assert folders.mapInArrow(map_headers(columns), schema(columns)).distinct().count() == 1000


class Stream:
    """A stream of a folder into a folder of Parquet, run until nothing new is there."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.incoming, self.state, self.out = spark, folder / "incoming", folder / "state", folder / "out"
        self.incoming.mkdir()

    def run(self, **options: str) -> None:
        reader = self.spark.readStream.format("rapidicom").schema("path STRING, Modality STRING, status STRING")
        reader = reader.option("arrivalsLocation", str(self.state / "arrivals")).options(**options)
        writer = reader.load(str(self.incoming)).writeStream.format("parquet").trigger(availableNow=True)
        query = writer.option("checkpointLocation", str(self.state / "checkpoint")).start(str(self.out))
        assert query.awaitTermination(120)
        self.batches = [progress.numInputRows for progress in query.recentProgress if progress.numInputRows]

    def names(self) -> list[str]:
        return sorted(Path(row.path).name for row in self.spark.read.parquet(str(self.out)).collect())


def test_a_stream_reads_each_file_once_across_restarts(spark: SparkSession, tmp_path: Path) -> None:
    stream = Stream(spark, tmp_path)
    late = stream.incoming / ".late.dcm"
    late.write_bytes(numbered(7)[:200])  # still being written under a temporary name
    for i in range(5):
        (stream.incoming / f"{i}.dcm").write_bytes(numbered(i))
    stream.run(maxFilesPerTrigger="2")
    if VERSION >= (4, 2):
        assert stream.batches == [2, 2, 1]
    assert stream.names() == [f"{i}.dcm" for i in range(5)]
    # Written long before all others, as a copy may say and a rename keeps; a change of permissions is none of ours.
    late.write_bytes(numbered(7))
    os.utime(late, (1e9, 1e9))
    late.rename(stream.incoming / "7.dcm")
    (stream.incoming / "0.dcm").chmod(0o600)
    (stream.incoming / "bad.dcm").write_bytes(BAD)
    stream.run()
    assert stream.batches == [2]
    assert stream.names() == [*(f"{i}.dcm" for i in (0, 1, 2, 3, 4, 7)), "bad.dcm"]


def test_a_batch_that_was_not_committed_is_the_same_again(spark: SparkSession, tmp_path: Path) -> None:
    stream = Stream(spark, tmp_path)
    (stream.incoming / "a.dcm").write_bytes(numbered(1))
    stream.run()
    (stream.incoming / "b.dcm").write_bytes(numbered(2))
    stream.run()
    # As if the driver had died while it ran the last batch: planned, but neither committed nor in the sink's log.
    commits = stream.state / "checkpoint" / "commits"
    last = max((path for path in commits.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    for path in (last, commits / f".{last.name}.crc", *(stream.out / "_spark_metadata").glob(f"*{last.name}*")):
        path.unlink(missing_ok=True)
    (stream.incoming / "c.dcm").write_bytes(numbered(3))
    stream.run()
    assert stream.batches == ([1, 1] if VERSION >= (4, 2) else [1])
    if VERSION < (4, 2):  # there, a run is one batch
        stream.run()
    assert stream.names() == ["a.dcm", "b.dcm", "c.dcm"]
    (stream.state / "arrivals").unlink()  # and with another log, nothing is made up
    (stream.incoming / "b.dcm").unlink()
    with pytest.raises(PySparkException, match="the checkpoint goes on at"):
        stream.run()


def test_a_stream_has_a_place_for_its_log(spark: SparkSession, tmp_path: Path) -> None:
    reader = spark.readStream.format("rapidicom")
    with pytest.raises(PySparkException, match="arrivalsLocation"):
        reader.load(str(tmp_path)).writeStream.format("noop").trigger(availableNow=True).start().awaitTermination(60)


def processes_below(pid: int) -> dict[int, str]:
    """Process → command line of all that descend from a process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    todo = [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            todo.append(child)
            with contextlib.suppress(OSError):
                found[child] = (Path("/proc") / str(child) / "cmdline").read_text().replace("\0", " ")
    return found


def executors() -> list[int]:
    below = processes_below(os.getpid())
    return [pid for pid, command in below.items() if "CoarseGrainedExecutorBackend" in command]


def workers() -> list[int]:
    """Python processes of executors; the first below each is the one that forks the others."""
    return [pid for executor in executors() for pid in list(processes_below(executor))[1:]]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("victims", [workers, executors])
def test_a_task_that_is_killed_is_run_again(spark: SparkSession, study: Path, victims: Callable[[], list[int]]) -> None:
    tracker, killed = spark.sparkContext.statusTracker(), []

    def slowly(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            time.sleep(0.15)
            yield batch

    def kill_in_the_middle() -> None:
        for _ in range(600):
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            if any(stage and stage.numCompletedTasks >= 5 for stage in stages) and (running := victims()):
                os.kill(running[0], signal.SIGKILL)
                killed.append(running[0])
                return
            time.sleep(0.05)

    frame = read(spark, study, "path STRING, InstanceNumber BIGINT", filesPerPartition="40")
    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    rows = frame.mapInArrow(slowly, frame.schema).collect()
    killer.join()
    assert killed
    assert killed[0] not in victims()
    assert Counter(row.InstanceNumber for row in rows) == Counter(range(1000))
