"""Builds and reads of indexes in a process of its own, asked for one round at a time by index.py.

    python index_worker.py rapidicom|obstore

One JSON object a line, as worker.py: {"job": ..., arguments} -> {"seconds": of the whole round, "check": what came out}
or {"error": ...}. What is imported is imported before the clock starts. A job that comes to another result than it
must is an error, never a figure.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probe import _start_of_peak, _status

import rapidicom as rd

Answer = tuple[float, Any]
clock = time.perf_counter
tables = itertools.count()


class DiffersError(Exception):
    """What came out is not what must."""


def _expect(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise DiffersError(f"{what}: {found}, expected {expected}")


def build(source: str, out: str, files: int, **options: Any) -> Answer:
    """A table of all files in a folder that wasn't there; and the highest resident size above that before the call."""
    import deltalake  # noqa: F401 - imported before the clock starts

    table = f"{out}-{os.getpid()}-{next(tables)}"
    before = _start_of_peak()
    start = clock()
    report = rd.build_index(source, table, **options)
    took = clock() - start
    _expect(report.rows, files, "rows")
    size = sum(path.stat().st_size for path in Path(table).rglob("*.parquet"))
    return took, {"peak": _status("VmHWM") - before, "table": table, "parquet": size}


def again(source: str, table: str, files: int, **options: Any) -> Answer:
    """A second run, where nothing has changed."""
    if not Path(table).exists():
        rd.build_index(source, table, **options)
    before = _start_of_peak()
    start = clock()
    report = rd.build_index(source, table, **options)
    took = clock() - start
    _expect((report.unchanged, report.bytes), (files, 0), "files unchanged and bytes read")
    return took, {"peak": _status("VmHWM") - before}


def frames(source: str, files: int, each: int, **options: Any) -> Answer:
    """The byte range of every frame."""
    gc.collect()
    start = clock()
    index = rd.index(source, columns=["Rows"], frames=True, **options)
    took = clock() - start
    ranges = index.to_pyarrow()["frames"]
    _expect((len(ranges), {len(of) for of in ranges}), (files, {each}), "rows, and frames of each")
    return took, None


def elements(path: str) -> Answer:
    """How many elements the header of a file has, at all depths."""
    return 0.0, sum(1 for _ in rd.dcmread(path, stop_before_pixels=True).iterall())


def long(source: str, stream: bool, threads: int) -> Answer:
    """One row an element -> seconds a row."""
    gc.collect()
    layout: Any = "long"
    start = clock()
    if stream:
        rows = sum(batch.num_rows for batch in rd.scan(source, layout=layout, threads=threads))
    else:
        rows = len(rd.index(source, layout=layout, threads=threads))
    return (clock() - start) / rows, rows


def archive(source: str, files: int, threads: int | None) -> Answer:
    """The default row of every member."""
    gc.collect()
    start = clock()
    index = rd.index(source, threads=threads)
    took = clock() - start
    _check_rows(index, files)
    return took, None


def _check_rows(index: Any, files: int) -> None:
    statuses = index.to_pyarrow()["status"].to_pylist()
    _expect((len(statuses), set(statuses)), (files, {"ok"}), "rows, and their status")


def objects(source: str, files: int, environment: dict[str, str]) -> Answer:
    """The default row of every object below a URL, its listing included."""
    os.environ.update(environment)
    gc.collect()
    start = clock()
    index = rd.index(source)
    took = clock() - start
    _check_rows(index, files)
    return took, None


def ranges(bucket: str, keys: list[str], environment: dict[str, str], flights: int) -> Answer:
    """The first 8 KiB of every object, so many requests in flight: a bare loop of obstore."""
    from obstore.store import S3Store

    os.environ.update(environment)
    store = S3Store(bucket)

    async def fly(names: Any) -> int:
        read = 0
        for name in names:
            read += len(await store.get_range_async(name, start=0, end=8192))
        return read

    async def all_of_them() -> int:
        names = iter(keys)
        return sum(await asyncio.gather(*(fly(names) for _ in range(flights))))

    gc.collect()
    start = clock()
    read = asyncio.run(all_of_them())
    took = clock() - start
    _expect(read, 8192 * len(keys), "bytes")
    return took, None


opened: dict[str, tuple[Any, list[dict[str, Any]]]] = {}


def frame(source: str, table: str, n: int, stride: int) -> Answer:
    """From a row to an ndarray; `stride` goes through the frames of one file, else each row's first is read."""
    if table not in opened:
        rd.build_index(source, table, columns=["SOPInstanceUID"], frames=True)
        index: Any = rd.open_index(table)
        rows = sorted(index.to_pyarrow().to_pylist(), key=lambda row: str(row["path"]))
        opened[table] = index, rows
        want = rd.pixel_array(rows[0]["path"])
        same = (index.frame(rows[0], 0) == (want[0] if stride else want)).all()
        _expect(same, True, "the samples are those of the file")
    index, rows = opened[table]
    order = [(rows[0], i * stride % n) for i in range(n)] if stride else [(row, 0) for row in rows[:n]]
    _expect(len(order), n, "rows")
    gc.collect()
    start = clock()
    for row, number in order:
        index.frame(row, number)
    return clock() - start, None


def path_frame(paths: list[str], n: int, stride: int) -> Answer:
    """The same without an index: from the path to an ndarray."""
    order = [(paths[0], i * stride % n) for i in range(n)] if stride else [(path, 0) for path in paths[:n]]
    gc.collect()
    start = clock()
    for path, number in order:
        rd.pixel_array(path, index=number)
    return clock() - start, None


def sql(table: str, rows: int, engine: str) -> Answer:
    """How many instances of each modality, by DuckDB in a fresh connection, over the parts that the log names."""
    import deltalake
    import duckdb

    parts = deltalake.DeltaTable(table).file_uris()
    start = clock()
    if engine == "rapidicom":
        words = "select Modality, count(*) from index group by all"
        counts = rd.open_index(table).query(words).fetchall()
    else:
        counts = duckdb.connect().sql(f"select Modality, count(*) from read_parquet({parts}) group by all").fetchall()
    took = clock() - start
    _expect(sum(count for _, count in counts), rows, "rows")
    return took, None


JOBS: dict[str, Callable[..., Answer]] = {
    job.__name__: job
    for job in (build, again, frames, elements, long, archive, objects, ranges, frame, path_frame, sql)
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do one round."""
    try:
        seconds, check = JOBS[request.pop("job")](**request)
    except DiffersError as error:
        return {"error": f"another result: {error}"[:200]}
    except Exception as error:  # what can't be done is a line of the table
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    return {"seconds": seconds, "check": check}


def version(name: str) -> str:
    """The library's, or ImportError."""
    return str(__import__(name).__version__)


def main() -> int:
    """Answer until the driver closes the pipe."""
    reply = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    try:
        print(json.dumps({"version": version(sys.argv[1])}), file=reply)
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=reply)
        return 1
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=reply)
    return 0


if __name__ == "__main__":
    sys.exit(main())
