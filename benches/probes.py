"""The rows that need fresh interpreters: import time, memory, growth. Each gives lines of the table."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import growth
from libraries import installed
from processes import HERE, clean_environment
from rows import OURS, PEERS, Corpus

Line = dict[str, Any]
MIB = 1 << 20
TIMEOUT = 300


def probe(*words: str) -> Any:
    """Run probe.py -> its answer, or {"error": ...}."""
    command = [sys.executable, str(HERE / "probe.py"), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {TIMEOUT} s"}
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        return {"error": last[0][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def line(key: str, title: str, bar: str, reached: str, met: bool | None, note: str = "", **more: Any) -> Line:
    """One line of the table."""
    return {"key": key, "title": title, "bar": bar, "reached": reached, "met": met, "note": note, **more}


def failed(key: str, title: str, bar: str, answer: Any) -> Line:
    """A line for what could not be measured."""
    return line(key, title, bar, f"failed: {answer['error']}", False)


def import_time(_: Corpus, rounds: int, quick: bool) -> list[Line]:
    """Launch interpreters in turn: wall time above one that does nothing."""
    statements = {"bare": "pass", **{name: f"import {name}" for name in (OURS, *PEERS) if name in installed()}}
    times: dict[str, list[float]] = {name: [] for name in statements}
    for i in range(-1, 5 if quick else max(rounds, 31)):
        for name, statement in statements.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-I", "-c", statement], check=True)
            if i >= 0:  # the first launch may write bytecode
                times[name].append((time.perf_counter() - start) * 1e3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    above = {name: value - medians["bare"] for name, value in medians.items() if name != "bare"}
    peers = ", ".join(f"{name} {above[name]:.1f} ms" for name in PEERS if name in above)
    title = "`import rapidicom` above a bare interpreter"
    note = f"medians of {len(times['bare'])} launches each; bare {medians['bare']:.1f} ms"
    reached = f"{above[OURS]:.1f} ms"
    return [line("import", title, "≤ 10 ms", reached, above[OURS] <= 10, note, peers=peers, medians=medians)]


def _link_tree(folder: Path, files: list[str], n: int) -> None:
    """n names for the given files: hard links, 1,000 a folder."""
    for i in range(n):
        if i % 1000 == 0:
            part = folder / f"{i // 1000:04d}"
            part.mkdir(parents=True)
        (part / f"{i:06d}.dcm").hardlink_to(files[i % len(files)])


def index_memory(corpus: Corpus, _: int, quick: bool) -> list[Line]:
    """Stream the default row of more and more files to Parquet: peak memory above the start."""
    title = "the default row straight to Parquet: memory above the start"
    bar = "≤ 48 MiB and flat"
    counts = [1_000, 10_000] if quick else [10_000, 30_000, 100_000]
    peaks: dict[int, float] = {}
    with tempfile.TemporaryDirectory(dir=corpus.folder) as folder:
        for n in counts:
            tree = Path(folder) / str(n)
            _link_tree(tree, corpus.small, n)
            answer = probe("index-memory", str(tree), str(corpus.scratch / "memory.parquet"))
            if "error" in answer:
                return [failed("index_memory", title, bar, answer)]
            peaks[n] = answer["bytes"] / MIB
    reached = ", ".join(f"{n:,} files {peak:.1f} MiB" for n, peak in peaks.items())
    flat = peaks[counts[-1]] <= 1.2 * peaks[counts[0]] + 2
    note = "highest resident size less that before the call, default threads; hard links to the small CT files"
    return [line("index_memory", title, bar, reached, flat and max(peaks.values()) <= 48, note, peaks=peaks)]


def header_memory(corpus: Corpus, _: int, __: bool) -> list[Line]:
    """Parse headers, honest and lying: the worst peak against 1 MiB + 2 x the header."""
    title = "peak memory of a header parse, honest and lying files"
    bar = "≤ 1 MiB + 2 x the header"
    headers = {
        corpus.small[0]: Path(corpus.small[0]).stat().st_size - 64 * 64 * 2,
        corpus.path("big/rtstruct_ev.dcm"): Path(corpus.path("big/rtstruct_ev.dcm")).stat().st_size,
    }
    enhanced = Path(corpus.path("big/enh1000_ev.dcm"))
    headers[str(enhanced)] = enhanced.stat().st_size - 64 * 64 * 2 * 1000
    names = {path: Path(path).name for path in headers}
    for i, (name, data) in enumerate(growth.lying().items()):
        file = corpus.scratch / f"lying{i}.dcm"
        file.write_bytes(data)
        headers[str(file)] = len(data)
        names[str(file)] = name
    peaks: dict[str, Any] = {}
    for path, size in headers.items():
        answer = probe("header-memory", corpus.small[1], path)
        if "error" in answer:
            return [failed("header_memory", title, bar, {"error": f"{names[path]}: {answer['error']}"})]
        peaks[names[path]] = {**answer, "header": size, "share": answer["bytes"] / (MIB + 2 * size)}
    worst = max(peaks, key=lambda name: float(peaks[name]["share"]))
    peak = peaks[worst]
    reached = f"at worst {peak['bytes'] / MIB:.2f} MiB of {1 + 2 * peak['header'] / MIB:.2f} ({worst})"
    note = f"{len(peaks)} files, each in a fresh interpreter; touched pages of a map count"
    return [line("header_memory", title, bar, reached, peak["share"] <= 1, note, peaks=peaks)]


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of log(time) over log(n), by least squares."""
    x, y = [math.log(n) for n in sizes], [math.log(t) for t in seconds]
    return statistics.linear_regression(x, y).slope


def growth_exponents(_: Corpus, __: int, quick: bool) -> list[Line]:
    """Read files of n, 2n, 4n ... parts whole."""
    sizes = [5_000 << i for i in range(3)] if quick else [10_000 << i for i in range(4)]
    found: dict[str, Any] = {}
    for shape in growth.SHAPES:
        answer = probe("growth", shape, *map(str, sizes))
        if "error" not in answer:
            answer["exponent"] = exponent(sizes, answer["seconds"])
        found[shape] = answer
    title = f"growth, {sizes[0]:,} to {sizes[-1]:,} parts"
    lines = []
    for shape, answer in found.items():
        if "error" in answer:
            lines.append(failed(f"growth_{shape}", f"{title}: {shape}", "exponent ≤ 1.1", answer))
            continue
        slope, longest = answer["exponent"], answer["seconds"][-1] * 1e3
        note = f"read whole: {longest:.1f} ms for {sizes[-1]:,}"
        outcome = answer["outcomes"][-1]
        if not outcome.isdigit():
            note += f"; ends in {outcome}"
        key, what = f"growth_{shape}", f"{title}: {shape}"
        lines.append(line(key, what, "exponent ≤ 1.1", f"{slope:.2f}", slope <= 1.1, note, detail=answer))
    return lines


PROBES: dict[str, Callable[[Corpus, int, bool], list[Line]]] = {
    "import": import_time,
    "index_memory": index_memory,
    "header_memory": header_memory,
    "growth": growth_exponents,
}
