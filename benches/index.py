"""Measure the index of millions of files -> the section "Index" of RESULTS.md, results-index.json.

    python index.py [--quick] [--corpus DIR] [--rounds N] [--rows NAME,...] [--million N] [--add] [--out DIR]

Rows: build, again, frames, long, archives, objects, frame; million (and the question to DuckDB), faults, ingest, spark.
Those of the first kind are measured in rounds, each of those who take part once, in a process of its own, in turns;
the others by what index_million.py and index_programs.py say. All that is written goes to a folder in that of the
corpus, which is removed at the end: 10⁶ files take 4 GB and as many inodes there. A row that can't be measured says
why.

--quick: few rounds of few files, to see that everything still runs; its results go to build/quick, as those of --rows
do, unless --add puts them beside those of the last run. RAPIDICOM_BENCH_CORPUS is the corpus where --corpus isn't
given; it is made where it is missing. Wanted beside requirements-index.txt: unzip, a C compiler, for Spark Java 17 or
21.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import index_programs
import index_report
import report
import sections
from index_million import million
from index_rows import ROWS, Setting
from probes import Line, line
from processes import HERE, GoneError
from rows import FLOOR, FLOOR_A, Corpus, Row
from run import make_corpus, measure, summary

QUICK_CORPUS = {"index": 400, "full": 10}
FULL_CORPUS = {"index": 20_000, "full": 2_000}
OTHERS: dict[str, Callable[[Setting], list[Line]]] = {
    "faults": index_programs.faults,
    "ingest": index_programs.ingest,
    "spark": index_programs.spark,
}
NAMES = [*ROWS, "million", *OTHERS]
PARTS = {
    "idx": set(NAMES),
    "full": {"archives", "objects", "frame"},
    "native": {"frame"},
}  # of the corpus, for which rows


class Processes(dict[str, Any]):
    """Those who take part, started when first asked for, and again for the next row where one has ended."""

    def start(self, row: Row, setting: Setting) -> None:
        """Start who is missing; those who can't take part are told."""
        for name in dict.fromkeys(entry.process for entry in row.entries):
            if name in self and not self._ended(name):
                continue
            self.pop(name, None)
            try:
                self[name] = setting.start(name)
            except (GoneError, OSError) as reason:
                print(f"{name}: {reason}", file=sys.stderr, flush=True)

    def _ended(self, name: str) -> bool:
        child = getattr(self[name], "child", None)
        return child is not None and child.poll() is not None

    def close(self) -> None:
        """End all."""
        for name, process in self.items():
            if not self._ended(name):
                process.close()


def by_rounds(found: list[Row], setting: Setting) -> Iterator[dict[str, Any]]:
    """Measure rows one after the other."""
    processes = Processes()
    try:
        for row in found:
            processes.start(row, setting)
            yield summary(row, measure(row, processes, setting.rounds, setting.quick))
    finally:
        processes.close()


def floor_a(setting: Setting) -> float | None:
    """Floor A, µs a file: what absolute bars scale with; None without a C compiler."""
    try:
        process = setting.start(FLOOR)
    except (GoneError, OSError):
        return None
    files = process.ask(["load", str(setting.corpus.folder / "idx" / "ev")])[0]
    passes = sorted(process.ask(["pass", FLOOR_A, "1"])[0] for _ in range(9))
    process.close()
    return float(passes[4] / files * 1e6)


def lines(name: str, setting: Setting, floor_a: float | None) -> Iterator[Line]:
    """Measure what has this name."""
    try:
        if name == "million":
            yield from million(setting, floor_a)
        elif name in OTHERS:
            yield from OTHERS[name](setting)
        else:
            yield from by_rounds(ROWS[name](setting), setting)
    except (GoneError, OSError, subprocess.SubprocessError) as reason:  # the other rows are still to be measured
        yield line(name, name, "-", f"failed: {reason}", None)


def added(results: dict[str, Any], before: Path) -> dict[str, Any]:
    """Rows of the run before that were not measured in this one, too, in their order."""
    if not before.exists():
        return results
    earlier = json.loads(before.read_text())
    names = {row["name"] for row in results["rows"]}
    kept = [row for row in earlier["rows"] if row["name"] not in names]
    rows = sorted(kept + results["rows"], key=lambda row: NAMES.index(row["name"]))
    versions = earlier["versions"] | results["versions"]
    return results | {"rows": rows, "versions": versions, "runs": earlier.get("runs", 1) + 1}


def run(arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Measure everything asked for."""
    setting = Setting(Corpus.of(arguments.corpus, scratch), arguments.rounds, arguments.quick, arguments.million)
    results: dict[str, Any] = {"machine": report.machine(), "load": os.getloadavg()[0], "rows": []}
    results |= {"rounds": arguments.rounds, "quick": arguments.quick, "command": arguments.command}
    results |= {"date": time.strftime("%Y-%m-%d"), "floor_a": floor_a(setting), "files": len(setting.corpus.small)}
    start = time.monotonic()
    with setting.opened:
        for name in arguments.rows:
            os.sync()  # what others have written is not to wait for our fsync
            for row in lines(name, setting, results["floor_a"]):
                results["rows"].append(row | {"name": name})
                said = report.progress_of_probe(row) if "reached" in row else report.progress(row)
                print(said, file=sys.stderr, flush=True)
    return results | {"versions": setting.versions, "seconds": time.monotonic() - start}


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    corpus = os.environ.get("RAPIDICOM_BENCH_CORPUS")
    parser.add_argument("--corpus", type=Path, default=Path(corpus) if corpus else None)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", help=f"only these of {', '.join(NAMES)}")
    parser.add_argument("--million", type=int, help="so many files instead of 1,000,000; in thousands")
    parser.add_argument("--add", action="store_true", help="keep those rows of the last run that this one hasn't")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    quick = arguments.quick
    arguments.command = "make bench-index" + (" BENCH=--quick" if quick else "")
    arguments.rounds = arguments.rounds or (2 if quick else 7)
    arguments.million = arguments.million or (10_000 if quick else 1_000_000)
    arguments.corpus = arguments.corpus or HERE / ("build/index-quick" if quick else "corpus")
    arguments.out = arguments.out or (
        HERE / "build" / "quick" if quick or (arguments.rows and not arguments.add) else HERE
    )
    arguments.rows = arguments.rows.split(",") if arguments.rows else NAMES
    if unknown := set(arguments.rows) - set(NAMES):
        parser.error(f"no rows {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return arguments


def main() -> int:
    """Run; exit status 1 where a row could not be measured."""
    arguments = parsed()
    parts = [part for part, names in PARTS.items() if not names.isdisjoint(arguments.rows)]
    make_corpus(arguments.corpus, QUICK_CORPUS if arguments.quick else FULL_CORPUS, parts)
    with tempfile.TemporaryDirectory(dir=arguments.corpus, prefix="index-") as scratch:
        results = run(arguments, Path(scratch))
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.add:
        results = added(results, arguments.out / "results-index.json")
    (arguments.out / "results-index.json").write_text(json.dumps(results, indent=1) + "\n")
    sections.write_section(arguments.out / "RESULTS.md", "index.py", index_report.section(results))
    print(arguments.out / "RESULTS.md")
    missing = [row["key"] for row in results["rows"] if index_report.met(row, results["floor_a"]) is None]
    for key in missing:
        print(f"not measured: {key}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
