"""Asks pydicom in processes of its own, and keeps the answers in the ignored build directory."""

import hashlib
import importlib.metadata
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from conftest import CHECKOUT, TESTS

KEPT = CHECKOUT / "build" / "oracle"
PROCESSES = 2


def question_digest() -> str:
    """Changes with pydicom and with the code that asks it."""
    digest = hashlib.sha256(importlib.metadata.version("pydicom").encode())
    for source in ("canonical.py", "oracle_worker.py"):
        digest.update((TESTS / source).read_bytes())
    return digest.hexdigest()[:16]


def ask(kind: str, paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each path with pydicom's answer to `kind`: "values" or "pixels"."""
    folder = KEPT / question_digest() / kind
    folder.mkdir(parents=True, exist_ok=True)
    answers = {path: folder / answer_name(path) for path in paths}
    missing = [f"{path}\t{answer}" for path, answer in answers.items() if not answer.exists()]
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(lambda part: run_worker(kind, part), (missing[first::PROCESSES] for first in range(PROCESSES))))
    for path, answer in answers.items():
        yield path, pickle.loads(answer.read_bytes()) if answer.exists() else {"error": "pydicom's process died"}


def answer_name(path: Path) -> str:
    facts = path.stat()
    return hashlib.sha256(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}".encode()).hexdigest()[:32]


def run_worker(kind: str, lines: list[str]) -> None:
    while lines:
        worker = [sys.executable, TESTS / "oracle_worker.py", kind]
        subprocess.run(worker, input="\n".join(lines), text=True, check=False, cwd=TESTS)
        left = [line for line in lines if not Path(line.partition("\t")[2]).exists()]
        lines = left[1:] if left == lines else left  # one that kills pydicom is left out
