"""Measure compressed frames and the passes over samples -> the section "Pixels" of RESULTS.md, results-pixels.json.

    python pixels.py [--quick] [--corpus DIR] [--rounds N] [--rows PREFIX,...] [--out DIR]

Every row is measured in rounds: each of those who take part does its work for some ten milliseconds, at least once, in
a process of its own; then the next round begins, in the opposite order. Figures are medians of the rounds, ratios are
of medians of one run. The files are made where they are missing. --quick: one round, fewer frames, a smaller picture;
its results go to build/quick, as those of --rows do.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pixels_corpus
import pixels_report
import report
import sections
from pixels_rows import BARE, OURS, Entry, Pictures, Row, processes, rows
from processes import HERE, FloorProcess, GoneError, LibraryProcess, build_floors
from rows import FLOOR_A

LONGEST = 120  # seconds that an answer may take
PEER_SHARE = 0.3  # of the budget: enough to see how far they are
SLOW = ((1.0, 1), (0.1, 3))  # a peer whose round takes that many seconds has that many rounds
STACK = 50
INDEX_FILES = 2000  # of floor A, where the corpus has none yet


class PixelsProcess(LibraryProcess):
    """pixels_worker.py with one library; killed where it doesn't answer."""

    longest = LONGEST

    def __init__(self, name: str) -> None:
        super().__init__(name, "pixels_worker.py")

    def round(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do one round -> all of the answer."""
        answer: dict[str, Any] = json.loads(self.say(json.dumps(request)))
        if "error" in answer:
            raise GoneError(answer["error"])
        return answer


class Libraries:
    """The processes, started when first asked for, and again for the next row where one has ended."""

    def __init__(self) -> None:
        self.running: dict[str, PixelsProcess] = {}
        self.versions: dict[str, str] = {}

    def get(self, name: str) -> PixelsProcess:
        """The process of a library; GoneError where it is not installed."""
        if self.versions.get(name) == "not installed":
            raise GoneError("not installed")
        if name in self.running and self.running[name].child.poll() is not None:
            del self.running[name]
        if name not in self.running:
            try:
                self.running[name] = PixelsProcess(name)
            except GoneError:
                self.versions[name] = "not installed"
                raise
            self.versions[name] = self.running[name].version
        return self.running[name]

    def close(self) -> None:
        """End all."""
        for process in self.running.values():
            if process.child.poll() is None:
                process.close()


def measure(row: Row, libraries: Libraries, rounds: int, budget: float) -> dict[str, Any]:
    """All rounds of one row -> seconds an operation of each, round by round."""
    times: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    checks: dict[str, Any] = {}
    errors: dict[str, str] = {}
    most: dict[str, int] = {}
    began = time.monotonic()

    def take(entry: Entry, warm: bool) -> None:
        if entry.label in errors or len(times.get(entry.label, ())) >= most.get(entry.label, rounds):
            return
        spend = budget if entry.process in (OURS, BARE) else PEER_SHARE * budget
        request = {**entry.request, "budget": 0 if warm else spend, "check": warm and bool(row.same)}
        start = time.perf_counter()
        try:
            answer = libraries.get(entry.process).round({**request, "stall": row.stall})
        except GoneError as reason:
            errors[entry.label] = str(reason)
            times.pop(entry.label, None)
            return
        took = time.perf_counter() - start
        if warm:
            checks[entry.label] = answer.get("check")
            if entry.process not in (OURS, BARE):
                most[entry.label] = next((n for seconds, n in SLOW if took > seconds), rounds)
        else:
            times.setdefault(entry.label, []).append(answer["seconds"])
            cpu.setdefault(entry.label, []).append(answer["cpu"])

    for entry in row.entries:  # the caches warm up
        take(entry, warm=True)
    for i in range(rounds):
        for entry in row.entries if i % 2 == 0 else reversed(row.entries):
            take(entry, warm=False)
    if checks.get(row.same):
        others = [label for label, check in checks.items() if check != checks.get(row.same)]
        errors |= {label: "another result" for label in others if label not in errors}
    return {
        "medians": {label: statistics.median(values) for label, values in times.items()},
        "cpu": {label: statistics.median(values) for label, values in cpu.items()},
        "rounds": times,
        "errors": errors,
        "seconds": time.monotonic() - began,
    }


def floor_a(folder: Path, rounds: int) -> float | None:
    """Floor A of physlimit.c over a folder, µs a file; None without a C compiler."""
    try:
        process = FloorProcess(build_floors(HERE / "build"))
    except (OSError, subprocess.CalledProcessError):
        return None
    try:
        count = process.ask(["load", str(folder)])[0]
        passes = [process.ask(["pass", FLOOR_A, "1"])[0] for _ in range(rounds + 1)]
    finally:
        process.close()
    return statistics.median(passes[1:]) / count * 1e6


def make_files(corpus: Path, quick: bool) -> tuple[Pictures, Path]:
    """Make what is missing -> the pictures, and the folder where idx/ and full/ are: few of them will do."""
    made = corpus / pixels_corpus.FOLDER / "manifest.json"
    expected = {(image, syntax) for image, syntaxes in pixels_corpus.FILES.items() for syntax in syntaxes}
    if not made.exists() or set(pixels_corpus.files(corpus)) != expected:
        print(f"making the pictures in {corpus}", file=sys.stderr, flush=True)
        sizes = ["--frames", "8", "--side", "1024"] if quick else []
        command = [sys.executable, str(HERE / "pixels_corpus.py"), "--out", str(corpus), *sizes]
        subprocess.run(command, check=True, stdout=sys.stderr)
    parts = ("idx", "full")
    native = corpus if all((corpus / part / "ev").exists() for part in parts) else corpus / pixels_corpus.FOLDER
    missing = [part for part in parts if not (native / part / "ev").exists()]
    if missing:
        command = [sys.executable, str(HERE / "make_corpus.py"), "--out", str(native), "--only", ",".join(missing)]
        numbers = ["--index", str(INDEX_FILES // 10 if quick else INDEX_FILES), "--full", str(STACK)]
        subprocess.run([*command, *numbers], check=True, stdout=sys.stderr)
    return Pictures(corpus, pixels_corpus.files(corpus)), native


def run(arguments: argparse.Namespace) -> tuple[list[Row], dict[str, Any]]:
    """Measure everything asked for."""
    pictures, native = make_files(arguments.corpus, arguments.quick)
    stack = sorted(str(path) for path in (native / "full" / "ev").rglob("*.dcm"))[:STACK]
    prefixes = tuple(arguments.rows.split(",")) if arguments.rows else ("",)
    wanted = [row for row in rows(pictures, stack) if row.key.startswith(prefixes)]
    results: dict[str, Any] = {"machine": report.machine(), "load": os.getloadavg()[0], "rows": {}}
    results |= {"rounds": arguments.rounds, "quick": arguments.quick, "command": arguments.command}
    results |= {"date": time.strftime("%Y-%m-%d"), "frames": pictures.files["mf100", "ev"].frames}
    start, libraries = time.monotonic(), Libraries()
    results["floor_a"] = floor_a(native / "idx" / "ev", arguments.rounds)
    try:
        for name in processes(wanted):
            try:
                libraries.get(name)
            except GoneError as reason:
                print(f"{name}: {reason}", file=sys.stderr, flush=True)
        for row in wanted:
            results["rows"][row.key] = measured = measure(row, libraries, arguments.rounds, arguments.budget)
            medians = ", ".join(f"{label} {value * 1e3:.3f} ms" for label, value in measured["medians"].items())
            errors = "".join(f"; {label}: {reason}"[:120] for label, reason in measured["errors"].items())
            print(f"{row.key}: {medians}{errors} [{measured['seconds']:.1f} s]", file=sys.stderr, flush=True)
    finally:
        libraries.close()
    # pydicom's plugins are all of one version: once is enough
    results["versions"] = {name: version for name, version in libraries.versions.items() if "+" not in name}
    results["seconds"] = time.monotonic() - start
    return wanted, results


def main() -> int:
    """Run the command line; status 1 where one of our own rows could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    corpus = os.environ.get("RAPIDICOM_BENCH_CORPUS")
    parser.add_argument("--corpus", type=Path, default=Path(corpus) if corpus else None)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", help="only rows whose keys in results-pixels.json begin so")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    arguments.command = "make bench-pixels" + (" BENCH=--quick" if arguments.quick else "")
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 7)
    arguments.budget = 0.005 if arguments.quick else 0.03
    arguments.corpus = arguments.corpus or HERE / ("build/pixels-quick" if arguments.quick else "corpus")
    arguments.out = arguments.out or (HERE / "build" / "quick" if arguments.quick or arguments.rows else HERE)
    wanted, results = run(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results-pixels.json").write_text(json.dumps(results, indent=1) + "\n")
    sections.write_section(arguments.out / "RESULTS.md", "pixels.py", pixels_report.section(wanted, results))
    for line in pixels_report.missed(wanted, results):
        print(f"missed: {line}", file=sys.stderr)
    print(arguments.out / "RESULTS.md")
    ours = {(row.key, entry.label) for row in wanted for entry in row.entries if entry.process == OURS}
    failed = [(key, label) for key, label in ours if label in results["rows"][key]["errors"]]
    for key, label in failed:
        print(f"failed: {key}, {label}: {results['rows'][key]['errors'][label]}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
