"""ingest.py still runs: some instances, all handlers. Its figures are not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_ingest(tmp_path: Path) -> None:
    """A row for each handler, with and without fsync."""
    pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
    command = [sys.executable, str(Path(__file__).with_name("ingest.py")), "--instances", "8", "--rounds", "1"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows == ["handler", "---", *["rapidicom", "save_as", "encoded_dataset"] * 2]
