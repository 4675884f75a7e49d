"""pydicom's own tests of reading, from its sdist, with rapidicom reading.

Nothing of pydicom is kept in the project: the sdist is fetched into the ignored build directory. What does not pass is
listed in pydicom_shim/reasons.csv, one line a test, each with its reason; what fails without one is a defect.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import CHECKOUT, TESTS

VERSION = "3.0.2"
MODULES = ("test_filereader.py", "test_charset.py", "test_values.py", "test_valuerep.py")
WRITES = re.compile(r"save_as\(|dcmwrite\(|write_|\.encode\(|add_new\(|del ds|ds\.[A-Z]\w+ = |ds\[.*\]( |\.value )= ")


@pytest.fixture(scope="module")
def sdist() -> Path:
    """pydicom's source, fetched once."""
    folder = CHECKOUT / "build" / "pydicom-sdist"
    source = folder / f"pydicom-{VERSION}"
    if not (source / "tests").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps"]
        done = subprocess.run([*fetch, "--dest", folder, f"pydicom=={VERSION}"], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"pydicom's sdist can't be fetched: {done.stderr.strip().splitlines()[-1:]}")
        with tarfile.open(folder / f"pydicom-{VERSION}.tar.gz") as archive:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4
            archive.extractall(folder, **safely)
    return source


@pytest.fixture(scope="module")
def outcomes(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    report = tmp_path_factory.mktemp("pydicom") / "report.json"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "substitute", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    path = os.pathsep.join([str(TESTS / "pydicom_shim"), str(TESTS)])
    environment = {**os.environ, "PYTHONPATH": path, "RAPIDICOM_SHIM_REPORT": str(report)}
    modules = [f"tests/{module}" for module in MODULES]
    done = subprocess.run([*words, *modules], cwd=sdist, env=environment, capture_output=True, text=True, timeout=600)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    answer: dict[str, dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    return answer


def reading(outcomes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tests that read by us, and need no writing."""
    return {
        name: facts
        for name, facts in outcomes.items()
        if facts["calls"] and facts["outcome"] != "skipped" and not WRITES.search(facts["source"])
    }


def reasons() -> dict[str, str]:
    with (TESTS / "pydicom_shim" / "reasons.csv").open(newline="", encoding="utf-8") as table:
        return {row["test"]: row["reason"] for row in csv.DictReader(table)}


@pytest.mark.figure
@pytest.mark.slow
def test_pydicoms_tests_of_reading(outcomes: dict[str, dict[str, Any]], figure: Callable[[str, object], None]) -> None:
    counted = reading(outcomes)
    failed = {name: facts for name, facts in counted.items() if facts["outcome"] != "passed"}
    known = reasons()
    figure("pydicom's tests: in all / that read and need no writing", f"{len(outcomes)} / {len(counted)}")
    figure("pydicom's tests: passed", f"{len(counted) - len(failed)}, {1 - len(failed) / max(len(counted), 1):.1%}")
    figure("pydicom's tests: the rest by reason", dict(Counter(known.get(name, "unexplained") for name in failed)))
    unexplained = [f"{name}\n    {facts['words'][:200]}" for name, facts in failed.items() if name not in known]
    assert not unexplained, "\n".join(unexplained)
    # Some of pydicom's tests are skipped where one of its decoders is installed.
    skipped = {name for name, facts in outcomes.items() if facts["outcome"] == "skipped"}
    stale = [name for name in known if name not in failed and name not in skipped]
    assert not stale, f"these pass now, or are gone: {stale}"
