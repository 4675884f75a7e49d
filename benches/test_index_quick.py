"""index.py from end to end, on few files: it measures what it says, and each row is there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import HERE, clean_environment
from rows import Corpus

ROWS = {
    "build": {"build_1", "build_2"},
    "again": {"again"},
    "frames": {"frames_basic", "frames_extended", "frames_none"},
    "long": {"long"},
    "archives": {f"archive_{size}_{kind}" for size in ("small", "large") for kind in ("zip", "deflated.zip", "tar")},
    "objects": {"objects"},
    "frame": {"frame_files", "frame_many"},
    "million": {"million", "million_memory", "million_again", "sql"},
}


def test_rows_are_measured(tmp_path: Path, corpus: Corpus) -> None:
    for name in ("deltalake", "duckdb", "obstore", "pyarrow"):
        pytest.importorskip(name)
    if not shutil.which("unzip"):
        pytest.skip("unzip is not installed")
    words = ["--quick", "--rows", ",".join(ROWS), "--million", "5000", "--rounds", "1"]
    command = [sys.executable, str(HERE / "index.py"), *words, "--corpus", str(corpus.folder), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results-index.json").read_text())
    assert {row["key"] for row in results["rows"]} == set().union(*ROWS.values())
    ratios = {row["key"]: row["ratio"] for row in results["rows"] if "ratio" in row}
    assert all(ratio > 0 for ratio in ratios.values()), ratios
    page = (tmp_path / "RESULTS.md").read_text()
    assert "## Index" in page and "not measured" not in page.replace("0 not measured", "")
    assert not list(corpus.folder.glob("index-*"))
