"""What needs a fresh interpreter: memory, growth. Run by run.py; prints one JSON object.

python probe.py index-memory FOLDER TARGET
python probe.py header-memory WARM PATH
python probe.py growth SHAPE N...
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import rapidicom as rd


def _status(name: str) -> int:
    """Read a line of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def _start_of_peak() -> int:
    """Forget the highest resident size so far -> the present one."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def index_memory(folder: str, target: str) -> dict[str, Any]:
    """Stream the default row to Parquet, default threads: memory above the start."""
    from rapidicom import _rapidicom

    start = _start_of_peak()
    began = time.perf_counter()
    _rapidicom.write_parquet(folder, target)
    took = time.perf_counter() - began
    return {"bytes": _status("VmHWM") - start, "start": start, "seconds": took}


def header_memory(warm: str, path: str) -> dict[str, Any]:
    """Parse one header: peak memory above the start, pages of the mapped file included."""
    rd.dcmread(warm, stop_before_pixels=True).get("PatientName")
    start = _start_of_peak()
    try:
        ds = rd.dcmread(path, stop_before_pixels=True)
        outcome = f"{len(ds)} elements"
    except rd.DicomError as error:
        outcome = type(error).__name__
    return {"bytes": max(0, _status("VmHWM") - start), "outcome": outcome}


def _read_all(data: bytes, limits: Any, shape: str) -> str:
    try:
        ds = rd.dcmread(data, limits=limits)
        n = sum(1 for _ in ds.iterall()) + len(ds.warnings)
        if shape == "fragments":
            n += len(ds.frames.byte_ranges)
        return str(n)
    except rd.DicomError as error:
        return type(error).__name__


def growth(shape: str, *numbers: str) -> dict[str, Any]:
    """Read a file of n parts whole, for each n: the least of five times."""
    from growth import SHAPES

    limits = rd.Limits(max_depth=10_000_000)  # else depth is what stops it, not its cost
    sizes = [int(n) for n in numbers]
    times, outcomes = [], []
    for n in sizes:
        data = SHAPES[shape](n)
        best = float("inf")
        for _ in range(5):
            gc.collect()
            start = time.perf_counter()
            outcome = _read_all(data, limits, shape)
            best = min(best, time.perf_counter() - start)
        times.append(best)
        outcomes.append(outcome)
    return {"n": sizes, "seconds": times, "outcomes": outcomes}


PROBES = {"index-memory": index_memory, "header-memory": header_memory, "growth": growth}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](*sys.argv[2:])))
