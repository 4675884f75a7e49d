"""10⁶ files: how the time grows from 10⁵, how much memory a build takes, a second run, a question to the table."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import index_corpus
from index_rows import Setting
from probes import MIB, Line, exponent, line
from processes import GoneError
from rows import FLOOR, FLOOR_A, FLOOR_A_REFERENCE, OURS

DISK_A_FILE = 4096 + 512  # bytes: a block and a share of the folder and of the inode table
MEMORY = 128  # MiB
SQL = 0.1  # seconds
"""The tree: its parts are of 1, 2 and 7 tenths, so that each size is one folder."""
PARTS = (("few/one", 0, 1), ("few/more", 1, 3), ("rest", 3, 10))
SIZES = {"few/one": 1, "few": 3, "": 10}


class FailedError(Exception):
    """A row can't be measured."""


def make(tree: Path, files: int) -> float:
    """Make the files -> seconds."""
    place = os.statvfs(tree.parent)
    free, names = place.f_bavail * place.f_frsize, place.f_favail
    if free < 2 * files * DISK_A_FILE or names < 2 * files:
        raise FailedError(f"not enough room: {free / 1e9:.0f} GB and {names:,} inodes are free")
    start = time.monotonic()
    for name, first, last in PARTS:
        index_corpus.headers(tree / name, range(files * first // 10, files * last // 10))
    os.sync()
    return time.monotonic() - start


def measure(setting: Setting, tree: Path) -> dict[int, dict[str, list[float]]]:
    """Rounds of all sizes, in turns -> for each size seconds of C, of ours, and peaks in bytes."""
    sizes = {setting.million * share // 10: str(tree / name) for name, share in SIZES.items()}
    found: dict[int, dict[str, list[float]]] = {n: {"floor": [], "ours": [], "peak": []} for n in sizes}
    floor, cores = setting.start(FLOOR), str(len(os.sched_getaffinity(0)))
    tables: list[str] = []
    for turn in range(setting.rounds):
        for n in sizes if turn % 2 == 0 else reversed(sizes):
            floor.ask(["load", sizes[n]])
            floor.ask(["pass", FLOOR_A, cores])
            found[n]["floor"].append(floor.ask(["pass", FLOOR_A, cores])[0])
            job = {"job": "build", "source": sizes[n], "out": setting.path(f"million-{turn}"), "files": n}
            seconds, check = setting.ask(job)
            found[n]["ours"].append(seconds)
            found[n]["peak"].append(check["peak"])
            tables.append(check["table"])
            print(f"million: {n:,} files {seconds:.2f} s, {check['peak'] / MIB:.0f} MiB", file=sys.stderr, flush=True)
            if n == setting.million and turn == 0:
                Path(tables.pop()).rename(setting.path("million"))
        while tables:
            shutil.rmtree(tables.pop())
    floor.close()
    return found


def slope(found: dict[int, dict[str, list[float]]]) -> Line:
    """How the time grows."""
    sizes = list(found)
    medians = {who: [statistics.median(found[n][who]) for n in sizes] for who in ("ours", "floor")}
    ours, bare = exponent(sizes, medians["ours"]), exponent(sizes, medians["floor"])
    each = ", ".join(f"{t / n * 1e6:.2f}" for n, t in zip(sizes, medians["ours"], strict=True))
    bare_each = ", ".join(f"{t / n * 1e6:.2f}" for n, t in zip(sizes, medians["floor"], strict=True))
    title = f"`build_index` of {', '.join(f'{n:,}' for n in sizes)} headers, default threads: growth"
    note = "by least squares over the logarithms; floor A with a thread a core; each build in a fresh process"
    reached = f"{ours:.3f} ({each} µs a file)"
    return line("million", title, "exponent ≤ 1.05", reached, ours <= 1.05, note, floor=f"{bare:.3f} ({bare_each} µs)")


def memory(found: dict[int, dict[str, list[float]]]) -> Line:
    """How much it takes."""
    peaks = {n: max(of["peak"]) / MIB for n, of in found.items()}
    _, middle, last = peaks.values()
    reached = ", ".join(f"{n:,} files {peak:.1f} MiB" for n, peak in peaks.items())
    note = (
        "highest resident size less that before the call, of the worst round; flat: the last is ≤ 1.2x the one before"
    )
    met = max(peaks.values()) <= MEMORY and last <= 1.2 * middle + 2
    return line("million_memory", "its memory", f"≤ {MEMORY} MiB and flat", reached, met, note)


def again(setting: Setting, tree: Path) -> Line:
    """A second run over all of them."""
    n = setting.million
    floor, worker = setting.start(FLOOR), setting.start(OURS)
    job = {"job": "again", "source": str(tree), "table": setting.path("million"), "files": n}
    requests: dict[str, tuple[Any, Any]] = {
        "floor": (floor, ["walk_stat", str(tree)]),
        "ours": (worker, {**job, "threads": 1}),
        "default": (worker, job),
    }
    times: dict[str, list[float]] = {name: [] for name in requests}
    peaks = []
    for turn in range(-1, setting.rounds):
        for name in requests if turn % 2 == 0 else reversed(requests):
            process, request = requests[name]
            seconds, check = process.ask(request)
            if turn >= 0:  # once to warm up
                times[name].append(seconds / n * 1e6)
            peaks += [check["peak"]] if check else []
    floor.close()
    worker.close()
    of = {name: statistics.median(values) for name, values in times.items()}
    ratio = of["ours"] / of["floor"]
    reached = f"{ratio:.2f}x ({of['ours']:.2f} µs)"
    title = f"second run over {n:,} unchanged files, 1 thread, a file"
    note = f"C walk + stat, 1 thread; peak {max(peaks) / MIB:.0f} MiB above the start"
    more = {"floor": f"{of['floor']:.2f} µs", "peers": f"rapidicom, default threads {of['default']:.2f} µs"}
    return line("million_again", title, "≤ 1.60x", reached, ratio <= 1.6, note, rounds=times, **more)


def question(setting: Setting, floor_a: float | None) -> Line:
    """`select Modality, count(*)`."""
    table, n = setting.path("million"), setting.million
    worker = setting.start(OURS)
    times: dict[str, list[float]] = {"DuckDB": [], "rapidicom": []}
    errors: dict[str, str] = {}
    for turn in range(-1, max(setting.rounds, 2 if setting.quick else 9)):
        for engine in times.keys() - errors.keys():
            try:
                seconds = worker.ask({"job": "sql", "table": table, "rows": n, "engine": engine})[0]
            except GoneError as reason:
                errors[engine] = str(reason)
                continue
            if turn >= 0:
                times[engine].append(seconds)
    worker.close()
    title = f"DuckDB `select Modality, count(*)` over the parts of {n:,} rows"
    here = SQL * (floor_a / FLOOR_A_REFERENCE if floor_a else 1)
    bar = f"≤ {SQL * 1e3:.0f} ms, here {here * 1e3:.0f} ms"
    if not times["DuckDB"]:
        return line("sql", title, bar, errors["DuckDB"], None)
    took = statistics.median(times["DuckDB"])
    opened = f"{statistics.median(times['rapidicom']) * 1e3:.1f} ms" if times["rapidicom"] else errors["rapidicom"]
    peers = f"`open_index`, its `query`: {opened}"
    size = sum(path.stat().st_size for path in Path(table).rglob("*.parquet"))
    note = f"`read_parquet` of the parts by name, a fresh connection each time; {size / 1e6:.0f} MB of Parquet"
    return line("sql", title, bar, f"{took * 1e3:.1f} ms", took <= here, note, peers=peers, rounds=times)


def million(setting: Setting, floor_a: float | None) -> Iterator[Line]:
    """All lines, as they come."""
    tree = Path(setting.path("headers"))
    try:
        took = make(tree, setting.million)
        print(f"million: {setting.million:,} files made in {took:.0f} s", file=sys.stderr, flush=True)
        found = measure(setting, tree)
        yield slope(found) | {"detail": {str(n): of for n, of in found.items()}}
        yield memory(found)
        yield again(setting, tree)
        yield question(setting, floor_a)
    except (FailedError, GoneError) as reason:
        yield line("million", f"{setting.million:,} headers", "all of it", f"failed: {reason}", None)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
