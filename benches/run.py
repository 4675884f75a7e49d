"""Measure every row of the speed table -> RESULTS.md and results.json.

    python run.py [--quick] [--corpus DIR] [--rounds N] [--rows KEY,...] [--out DIR]

Every row is measured in rounds: each of those who take part does its work once, in a process of its own, then the next
round begins, in the opposite order. Figures are medians of the rounds, ratios are of medians of one run. The corpus is
made where it is missing. --quick: few rounds and a small corpus, to see that everything still runs; its results go to
build/quick.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import probes
import report
import sections
from processes import HERE, FloorProcess, GoneError, LibraryProcess, build_floors
from rows import FLOOR, OURS, PEERS, Corpus, Entry, Row, rows

QUICK_CORPUS = {"index": 2000, "full": 200, "frames": 1000, "rois": 40}
FULL_CORPUS = {"index": 20000, "full": 2000, "frames": 1000, "rois": 40}
SLOW = 2.0  # seconds a round: --quick takes the first round of such a peer as its figure

Processes = dict[str, Any]


def make_corpus(folder: Path, sizes: dict[str, int], parts: Sequence[str] = ("idx", "full", "big", "native")) -> None:
    """Make what the folder lacks."""
    missing = [part for part in parts if not (folder / PARTS[part]).exists()]
    if missing:
        print(f"making {', '.join(missing)} in {folder}", file=sys.stderr, flush=True)
        options = [word for name, n in sizes.items() for word in (f"--{name}", str(n))]
        command = [sys.executable, str(HERE / "make_corpus.py"), "--out", str(folder), "--only", ",".join(missing)]
        subprocess.run([*command, *options], check=True, stdout=sys.stderr)


PARTS = {"idx": "idx/iv", "full": "full/iv", "big": "big/rtstruct_ev.dcm", "native": "pix/mf100__ev.dcm"}


def start_processes() -> tuple[Processes, dict[str, str]]:
    """Start one process a library and one for C -> those that run, and every version or reason."""
    running: Processes = {FLOOR: FloorProcess(build_floors(HERE / "build"))}
    versions: dict[str, str] = {}
    for name in (OURS, *PEERS):
        try:
            running[name] = LibraryProcess(name)
            versions[name] = running[name].version
        except GoneError as reason:
            versions[name] = str(reason)
    return running, versions


def one_round(entry: Entry, processes: Processes) -> tuple[float, Any]:
    """Do one round of one entry -> seconds an operation and what came out."""
    if entry.process not in processes:
        raise GoneError("not installed")
    for request in entry.before:
        processes[FLOOR].ask(request)
    seconds, check = processes[entry.process].ask(entry.request)
    return seconds / entry.operations, check


def measure(row: Row, processes: Processes, rounds: int, quick: bool) -> dict[str, Any]:
    """All rounds of one row -> µs an operation of each, round by round."""
    times: dict[str, list[float]] = {}
    checks: dict[str, Any] = {}
    errors: dict[str, str] = {}

    def take(entry: Entry, keep: bool) -> None:
        try:
            seconds, check = one_round(entry, processes)
        except GoneError as reason:
            errors[entry.label] = str(reason)
            times.pop(entry.label, None)
            return
        checks[entry.label] = check
        if keep:
            times.setdefault(entry.label, []).append(seconds * 1e6)
        elif quick and entry.process in PEERS and seconds * entry.operations > SLOW:
            times[entry.label] = [seconds * 1e6]

    for entry in row.entries:  # the caches warm up
        take(entry, keep=False)
    done = set(times)
    for i in range(rounds):
        for entry in row.entries if i % 2 == 0 else reversed(row.entries):
            if entry.label not in errors and entry.label not in done:
                take(entry, keep=True)
    if row.same:
        ours = checks.get(row.ours)
        others = {label for label, check in checks.items() if None not in (ours, check) and check != ours}
        errors |= dict.fromkeys(others, "another result")
    medians = {label: statistics.median(values) for label, values in times.items()}
    return {"medians": medians, "rounds": times, "checks": checks, "errors": errors}


def summary(row: Row, measured: dict[str, Any]) -> dict[str, Any]:
    """Compare one row with its floor and its bar."""
    medians = measured["medians"]
    ours = medians.get(row.ours)
    floors = {label: medians[label] for label in row.best_floor if label in medians}
    floor = min(floors.values()) if floors else None
    entry: dict[str, Any] = {"key": row.key, "title": row.title, "bar": row.bar, "unit": row.unit, "note": row.note}
    entry |= {"absolute": not row.best_floor, "ours": ours, "floor": floor, **measured}
    if floors:
        entry["floor_label"] = min(floors, key=lambda label: floors[label])
        entry["ratio"] = ours / floor if ours and floor else None
    entry["others"] = {k: v for k, v in medians.items() if k not in (row.ours, *row.best_floor)}
    return entry


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything asked for."""
    quick = arguments.quick
    make_corpus(arguments.corpus, QUICK_CORPUS if quick else FULL_CORPUS)
    scratch = HERE / "build" / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    corpus = Corpus.of(arguments.corpus, scratch)
    processes, versions = start_processes()
    wanted = arguments.rows.split(",") if arguments.rows else None
    os.sync()  # a dirty page can't be dropped: the cold row needs clean ones
    results: dict[str, Any] = {"machine": report.machine(), "versions": versions, "rows": [], "probes": []}
    results |= {"rounds": arguments.rounds, "quick": quick, "command": arguments.command}
    results |= {"files": len(corpus.small), "date": time.strftime("%Y-%m-%d")}
    for row in rows(corpus):
        if wanted is None or row.key in wanted:
            results["rows"].append(summary(row, measure(row, processes, arguments.rounds, quick)))
            print(report.progress(results["rows"][-1]), file=sys.stderr, flush=True)
    for process in processes.values():
        process.close()
    if OURS in processes:
        for key, probe in probes.PROBES.items():
            if wanted is None or key in wanted:
                results["probes"] += probe(corpus, arguments.rounds, quick)
                print(report.progress_of_probe(results["probes"][-1]), file=sys.stderr, flush=True)
    return results


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    corpus = os.environ.get("RAPIDICOM_BENCH_CORPUS")
    parser.add_argument("--corpus", type=Path, default=Path(corpus) if corpus else None)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", help="only these keys of results.json")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    arguments.command = "python benches/run.py" + (" --quick" if arguments.quick else "")
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 9)
    arguments.corpus = arguments.corpus or HERE / ("build/corpus-quick" if arguments.quick else "corpus")
    arguments.out = arguments.out or (HERE / "build" / "quick" if arguments.quick or arguments.rows else HERE)
    results = run(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    sections.write_page(arguments.out / "RESULTS.md", report.markdown(results))
    print(arguments.out / "RESULTS.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
