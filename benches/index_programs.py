"""Rows that other programs of the project measure: tests that kill and fill, the ingest, Spark."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from index_rows import Setting
from probes import Line, line
from processes import HERE, clean_environment

TESTS = HERE.parent / "tests" / "test_build_index.py"
POINTS = 20  # at which the disk is full


def run(words: list[str], timeout: float, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the project in the directory above."""
    command, inherited = [sys.executable, *words], clean_environment() | environment
    try:
        return subprocess.run(command, cwd=HERE.parent, env=inherited, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", f"took more than {timeout:.0f} s")


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Why it failed."""
    said = [text for text in (done.stdout + "\n" + done.stderr).splitlines() if text.strip()]
    failed = [text for text in said if text.startswith(("FAILED", "ERROR", "E  "))]
    return (failed or said or [f"status {done.returncode}"])[-1].strip()[:200]


def test(name: str, setting: Setting, **environment: str) -> str | None:
    """Run one test -> None where it passes, else why not."""
    words = ["-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    temporary = ["--basetemp", setting.path(f"tests-{name[:20]}")]  # on the disk that the other rows write to
    done = run([*words, *temporary, f"{TESTS}::{name}"], 3600, **environment)
    passed = done.returncode == 0 and re.search(r"\b1 passed\b", done.stdout)
    return None if passed else last_words(done)


def faults(setting: Setting) -> list[Line]:
    """What dies at any instant, or finds no room, or is not alone."""
    kills = 4 if setting.quick else 200
    lines = []
    for key, name, title, bar, good, environment in (
        (
            "shards",
            "test_shards_divide_a_source_and_commit_at_once",
            "two shards of one source built at once into one table, a third process reading",
            "every row once, only committed versions",
            "so it is",
            {},
        ),
        (
            "killed",
            "test_killed_at_any_instant_it_goes_on",
            f"kill -9 at {kills} random instants of a build, then resume",
            f"{kills}/{kills}",
            f"{kills}/{kills}",
            {"RAPIDICOM_KILLS": str(kills)},
        ),
        (
            "full",
            "test_a_full_disk_is_said_and_loses_nothing",
            f"disk full (a limit on the size of files) at {POINTS} points, then resume",
            f"{POINTS}/{POINTS}",
            f"{POINTS}/{POINTS}",
            {},
        ),
    ):
        reason = test(name, setting, **environment)
        note = f"`tests/{TESTS.name}::{name}`"
        note += "; some builds end before the signal, at most half do" if key == "killed" else ""
        lines.append(line(key, title, bar, good if reason is None else f"failed: {reason}", reason is None, note))
    return lines


def ingest(setting: Setting) -> list[Line]:
    """A C-STORE handler, by ingest.py."""
    program, title, bar = HERE / "ingest.py", "C-STORE: CPU of `ds.save_as` to that of rapidicom's handler", "≥ 5x"
    if not program.exists():
        return [line("ingest", title, bar, "there is no ingest.py", None)]
    instances = 80 if setting.quick else 10_000
    rounds = 1 if setting.quick else max(5, setting.rounds)
    options = ["--instances", str(instances), "--rounds", str(rounds), "--folder", str(setting.corpus.scratch)]
    done = run([str(program), *options], 3600)
    table = [[cell.strip() for cell in row.strip("| \n").split("|")] for row in done.stdout.splitlines() if "|" in row]
    figures = {(cells[0], cells[1]): cells for cells in table[2:]}
    lines = []
    for sync in dict.fromkeys(cells[1] for cells in table[2:]):
        ours, theirs = figures["rapidicom", sync], figures["save_as", sync]
        bare = figures.get(("encoded_dataset", sync))
        ratio = float(theirs[4].rstrip("x"))
        reached = f"{ratio:.2f}x ({ours[2]} µs of CPU a file)"
        note = f"`ingest.py`: {instances:,} instances, two associations, {rounds} rounds"
        more = {"peers": f"`ds.save_as` {theirs[2]} µs", "floor": f"{bare[2]} µs (`encoded_dataset`)" if bare else "-"}
        words = "no fsync" if sync == "none" else f"fsync of {sync}"
        lines.append(line(f"ingest_{words}", f"{title}, {words}", bar, reached, ratio >= 5, note, **more))
    return lines or [line("ingest", title, bar, last_words(done), None)]


def spark(setting: Setting) -> list[Line]:
    """Spark, by spark.py."""
    program, files = HERE / "spark.py", 200 if setting.quick else 100_000
    title, bar = f"Spark, {files:,} files, 2 workers, to `binaryFile` + pydicom in `mapInPandas`", "≥ 20x"
    if not program.exists():
        return [line("spark", title, bar, "there is no spark.py", None)]
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        return [line("spark", title, bar, "Java is not installed", None)]
    target, rounds = Path(setting.path("spark.json")), 1 if setting.quick else 3
    options = ["--corpus", str(setting.corpus.folder), "--files", str(files), "--rounds", str(rounds), "--link"]
    done = run([str(program), *options, "--json", str(target)], 7200)
    if not target.exists():
        return [line("spark", title, bar, last_words(done), None)]
    found = json.loads(target.read_text())
    ours, theirs = (sorted(found["seconds"][who]) for who in ("ours", "theirs"))
    peers = f"`binaryFile` + pydicom {theirs[len(theirs) // 2]:.1f} s"
    reached = f"{found['ratio']:.1f}x ({ours[len(ours) // 2]:.1f} s)"
    note = f"`spark.py --link`: `local-cluster[2,1,2048]`, {rounds} rounds"
    return [line("spark", title, bar, reached, found["ratio"] >= 20, note, peers=peers, rounds=found["seconds"])]
