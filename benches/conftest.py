"""Fixtures of the benchmark suites.

    pytest -o addopts= benches --benchmark-only

RAPIDICOM_BENCH_CORPUS, or benches/corpus, is the corpus; without either a small one is made for the session.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from libraries import LIBRARIES, Library, installed
from rows import Corpus

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Find the files, or make few."""
    given = os.environ.get("RAPIDICOM_BENCH_CORPUS")
    folder = Path(given) if given else HERE / "corpus"
    if not given and not (folder / "big" / "rtstruct_ev.dcm").exists():
        pytest.importorskip("pydicom", reason="makes the corpus")
        pytest.importorskip("data_store", reason="pydicom-data: its real CT slice goes into the corpus")
        folder = tmp_path_factory.mktemp("corpus")
        small = ["--index", "100", "--full", "4", "--frames", "50", "--rois", "1"]
        subprocess.run([sys.executable, str(HERE / "make_corpus.py"), "--out", str(folder), *small], check=True)
    return Corpus.of(folder, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="session", params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    """Give each library in turn; those that are not installed are skipped."""
    name: str = request.param
    if name not in installed():
        pytest.skip(f"{name} is not installed")
    return LIBRARIES[name]()
