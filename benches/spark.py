"""Headers of many files by Spark: `format("rapidicom")` against `binaryFile` and pydicom in `mapInPandas`, in one run.

    python spark.py [--corpus DIR] [--files N] [--link] [--rounds N] [--json FILE]

Two executors of one core each, processes of their own (`local-cluster[2,1,2048]`). N files (100,000) are copied from
those below --corpus, or hard-linked by --link, over and over until there are enough; without --corpus it is made first.
The same columns of the same files; the rows go to Spark's `noop` sink. pydicom is given its best case: it is told the
columns, stops before the pixels, and its partitions are as large as ours. Both are run once before, over a tenth, and
must yield the same rows. Prints the median of the rounds and their ratio. Needs Java 17 or 21, pyspark, pandas,
pyarrow, pydicom.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

HERE = Path(__file__).resolve().parent
COLUMNS = {
    "SOPInstanceUID": "STRING",
    "StudyInstanceUID": "STRING",
    "SeriesInstanceUID": "STRING",
    "Modality": "STRING",
    "PatientID": "STRING",
    "PatientName": "STRING",
    "StudyDate": "STRING",
    "SeriesDescription": "STRING",
    "InstanceNumber": "BIGINT",
    "SliceThickness": "DOUBLE",
    "Rows": "INT",
    "Columns": "INT",
}


def source_files(corpus: Path | None) -> list[Path]:
    """The files to multiply: those of the corpus, made where there is none."""
    folder = corpus or HERE / "corpus"
    if corpus is None and not (folder / "idx").exists():
        command = [sys.executable, str(HERE / "make_corpus.py"), "--out", str(folder), "--only", "idx"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    root = folder / "idx" if (folder / "idx").exists() else folder
    return sorted(path for path in root.rglob("*") if path.is_file())


def multiply(files: list[Path], count: int, folder: Path, link: bool) -> None:
    """Make `count` files, a hundred to a folder, as a series has them."""
    for number in range(count):
        place = folder / f"{number // 10_000:03}" / f"{number // 100 % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        target = place / f"IM{number:07}.dcm"
        source = files[number % len(files)]
        os.link(source, target) if link else shutil.copyfile(source, target)


def session() -> SparkSession:
    """Two executors. Files are cheap to open, says the configuration: else `binaryFile` makes a task of every 31."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master("local-cluster[2,1,2048]")
        .config("spark.executorEnv.PYTHONPATH", os.environ.get("PYTHONPATH", ""))
        .config("spark.ui.enabled", "false")
        .config("spark.sql.files.openCostInBytes", "4096")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "1000")
        .getOrCreate()
    )


def ours(spark: SparkSession, folder: Path) -> DataFrame:
    """The source, told what is wanted."""
    types = ", ".join(f"{name} {'DATE' if name == 'StudyDate' else kind}" for name, kind in COLUMNS.items())
    return spark.read.format("rapidicom").schema(f"path STRING, {types}").load(str(folder))


def theirs(spark: SparkSession, folder: Path) -> DataFrame:
    """`binaryFile`, and pydicom over its contents."""
    names = list(COLUMNS)

    def headers(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        from io import BytesIO

        import pandas as pd
        import pydicom

        for frame in frames:
            rows: list[list[Any]] = []
            for path, content in zip(frame["path"], frame["content"], strict=True):
                ds = pydicom.dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=names)
                values = [ds.get(name) for name in names]
                rows.append([path, *(str(value) if isinstance(value, str) else value for value in values)])
            made = pd.DataFrame(rows, columns=["path", *names])
            for name in ("PatientName", "StudyDate"):
                made[name] = made[name].map(str)
            yield made

    types = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    contents = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(folder))
    return contents.select("path", "content").mapInPandas(headers, f"path STRING, {types}")


def seconds(frame: Callable[[], DataFrame]) -> float:
    """The time of all of it, listing and planning included."""
    start = time.perf_counter()
    frame().write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def check(spark: SparkSession, folder: Path) -> None:
    """Both must find the same rows and values, or the figures mean nothing."""
    from pyspark.sql import functions as f

    def digest(frame: DataFrame) -> list[Any]:
        day = f.date_format if dict(frame.dtypes)["StudyDate"] == "date" else None
        frame = frame.withColumn("StudyDate", day("StudyDate", "yyyyMMdd")) if day else frame
        frame = frame.withColumn("path", f.regexp_replace("path", "^file:", ""))
        return [tuple(row) for row in frame.orderBy("path").collect()]

    if digest(ours(spark, folder)) != digest(theirs(spark, folder)):
        raise SystemExit("the two do not yield the same rows")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="a folder of files to multiply; default: the benchmarks' own")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--link", action="store_true", help="hard links instead of copies")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the figures go besides")
    arguments = parser.parse_args()
    files = source_files(arguments.corpus)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    (HERE / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spark-", dir=HERE / "build") as folder:
        many, few = Path(folder) / "many", Path(folder) / "few"
        multiply(files, arguments.files, many, arguments.link)
        multiply(files, max(arguments.files // 10, 1), few, arguments.link)
        spark = session()
        spark.sparkContext.setLogLevel("ERROR")
        check(spark, few)
        for number in range(arguments.rounds):
            order = [("ours", ours), ("theirs", theirs)]
            for name, frame in order if number % 2 == 0 else reversed(order):
                times[name].append(seconds(lambda frame=frame: frame(spark, many)))  # type: ignore[misc]
                print(f"round {number + 1}, {name}: {times[name][-1]:.2f} s", file=sys.stderr, flush=True)
        spark.stop()
    made = "hard links to" if arguments.link else "copies of"
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians["theirs"] / medians["ours"]
    print(f"{arguments.files} files, {made} {len(files)}; 2 executors; median of {arguments.rounds}")
    print(f'format("rapidicom"): {medians["ours"]:.2f} s')
    print(f"binaryFile and pydicom in mapInPandas: {medians['theirs']:.2f} s")
    print(f"ratio: {ratio:.1f} (bar: >= 20)")
    if arguments.json:
        arguments.json.write_text(json.dumps({"files": arguments.files, "seconds": times, "ratio": ratio}))
    return 0 if ratio >= 20 else 1


if __name__ == "__main__":
    sys.exit(main())
