"""One library in a process of its own, asked for one round at a time by run.py.

    python worker.py LIBRARY

One JSON object a line: {"job": ..., arguments} -> {"seconds": of the whole round, "check": what came out} or
{"error": ...}. The collector runs before each round, never switched off within it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from libraries import COLUMNS, LIBRARIES, Library

Answer = tuple[float, Any]
clock = time.perf_counter


def _timed(job: Callable[[], Any]) -> Answer:
    gc.collect()
    start = clock()
    out = job()
    return clock() - start, len(out) if hasattr(out, "__len__") else out


def header_rows(library: Any, paths: list[str], threads: int = 1) -> Answer:
    """Read the 26 columns of paths that are known: the peers are not charged for a walk."""
    return _timed(lambda: library.header_rows_2(paths) if threads == 2 else library.header_rows(paths))


def table(library: Any, folder: str, columns: bool, threads: int | None) -> Answer:
    """Index a folder into a table; its release belongs to the round after."""
    return _timed(lambda: library.table(folder, COLUMNS if columns else None, threads))


def parquet(library: Any, folder: str, target: str, threads: int | None) -> Answer:
    """Index a folder to a Parquet file that isn't there yet."""
    Path(target).unlink(missing_ok=True)
    return _timed(lambda: library.parquet(folder, target, threads))


def patient_name(library: Library, paths: list[str], repeat: int = 1) -> Answer:
    """Open and ask one value."""
    job = library.patient_name
    gc.collect()
    start = clock()
    for _ in range(repeat):
        for path in paths:
            value = job(path)
    return clock() - start, str(value)


def _reading(keywords: Iterable[str]) -> Callable[[list[Any]], None]:
    """Compile a loop whose body reads the attributes one after the other."""
    body = "".join(f"        ds.{keyword}\n" for keyword in keywords)
    scope: dict[str, Any] = {}
    exec(f"def read(data_sets):\n    for ds in data_sets:\n{body or '        pass'}", scope)
    return scope["read"]  # type: ignore[no-any-return]


def attributes(library: Library, paths: list[str], repeated: bool) -> Answer:
    """Read the 26 keywords of opened data sets, less an empty loop; first of fresh ones, or again of one."""
    data_sets = [library.open(path) for path in paths]
    read, empty = _reading(COLUMNS), _reading(())
    if repeated:
        data_sets = [data_sets[0]] * len(data_sets)
        read(data_sets[:1])
    gc.collect()
    start = clock()
    empty(data_sets)
    overhead = clock() - start
    start = clock()
    read(data_sets)
    return clock() - start - overhead, len(data_sets) * len(COLUMNS)


def all_values(library: Library, path: str, repeat: int) -> Answer:
    """Open and turn every value at every depth into Python objects."""
    gc.collect()
    start = clock()
    for _ in range(repeat):
        n = library.all_values(path)
    return clock() - start, n


def contours(library: Library, path: str) -> Answer:
    """Open and give every Contour Data as ndarray."""
    return _timed(lambda: library.contours(path))


def pixels(library: Library, paths: list[str], touch: bool = False) -> Answer:
    """Path -> ndarray; with `touch`, one sample is read."""
    job = library.pixels
    start = clock()
    for path in paths:
        array = job(path)
        if touch:
            array[256, 256]
    took = clock() - start
    return took, [str(array.dtype), int(array.sum(dtype=np.int64))]


def pixels_into(library: Any, paths: list[str]) -> Answer:
    """Path -> the caller's ndarray."""
    out = np.zeros((512, 512), np.int16)
    job = library.pixels_into
    start = clock()
    for path in paths:
        job(path, out)
    took = clock() - start
    return took, [str(out.dtype), int(out.sum(dtype=np.int64))]


def frame(library: Any, path: str, frames: int, n: int, into: bool = False) -> Answer:
    """Give frame k, from the path; k runs through all of them in strides."""
    out = np.zeros((512, 512), np.uint16)
    order = [i * 37 % frames for i in range(n)]
    start = clock()
    if into:
        for k in order:
            library.frame_into(path, k, out)
    else:
        for k in order:
            out = library.frame(path, k)
    took = clock() - start
    return took, [str(out.dtype), int(out.sum(dtype=np.int64))]


JOBS: dict[str, Callable[..., Answer]] = {
    job.__name__: job
    for job in (
        header_rows, table, parquet, patient_name, attributes, all_values, contours, pixels, pixels_into, frame,
    )
}  # fmt: skip


def answer(library: Library, request: dict[str, Any]) -> dict[str, Any]:
    """Do one round."""
    job = request.pop("job")
    if job == "version":
        return {"version": library.version()}
    try:
        seconds, check = JOBS[job](library, **request)
    except Exception as error:  # a peer that can't is a line of the table
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    return {"seconds": seconds, "check": check}


def main() -> int:
    """Answer until the driver closes the pipe."""
    reply = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    try:
        library = LIBRARIES[sys.argv[1]]()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=reply)
        return 1
    print(json.dumps({"version": library.version()}), file=reply)
    for line in sys.stdin:
        print(json.dumps(answer(library, json.loads(line))), file=reply)
    return 0


if __name__ == "__main__":
    sys.exit(main())
