"""pydicom's own tests of decoding, from its sdist, with rapidicom's plugin alone.

Nothing of pydicom is kept in the project, see test_pydicom_suite.py. What does not pass is listed in
pydicom_shim/pixel_reasons.csv, one line a test, each with its reason; what fails without one is a defect.
"""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import SHARED_CORPUS, TESTS
from test_pydicom_suite import sdist as sdist

MODULES = ("base", "gdcm", "native", "pillow", "pyjpegls", "pylibjpeg", "rle")


@pytest.fixture(scope="module")
def outcomes(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    report = tmp_path_factory.mktemp("pydicom") / "report.json"
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "decoders_alone",
        "-p",
        "no:cacheprovider",
        "-c",
        "pyproject.toml",
    ]
    path = os.pathsep.join([str(TESTS / "pydicom_shim"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    facts = {"PYTHONPATH": path, "RAPIDICOM_SHIM_REPORT": str(report), "RAPIDICOM_SHIM_FILES": str(SHARED_CORPUS)}
    environment = {**os.environ, **facts}
    modules = [f"tests/pixels/test_decoder_{module}.py" for module in MODULES]
    done = subprocess.run([*words, *modules], cwd=sdist, env=environment, capture_output=True, text=True, timeout=600)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    answer: dict[str, dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    return answer


def reasons() -> dict[str, str]:
    with (TESTS / "pydicom_shim" / "pixel_reasons.csv").open(newline="", encoding="utf-8") as table:
        return {row["test"]: row["reason"] for row in csv.DictReader(table)}


@pytest.mark.figure
@pytest.mark.slow
def test_pydicoms_tests_of_decoding(outcomes: dict[str, dict[str, Any]], figure: Callable[[str, object], None]) -> None:
    counted = {name: facts for name, facts in outcomes.items() if facts["calls"] and facts["outcome"] != "skipped"}
    failed = {name: facts for name, facts in counted.items() if facts["outcome"] != "passed"}
    known = reasons()
    figure("pydicom's pixel tests: in all / that decode by us", f"{len(outcomes)} / {len(counted)}")
    figure("pydicom's pixel tests: passed", f"{len(counted) - len(failed)}, {1 - len(failed) / len(counted):.1%}")
    figure("pydicom's pixel tests: the rest by reason", dict(Counter(known.get(n, "unexplained") for n in failed)))
    assert len(counted) > 200
    unexplained = [f"{name}\n    {facts['words'][:300]}" for name, facts in failed.items() if name not in known]
    assert not unexplained, "\n".join(unexplained)
    # Those of files that are not here never came to us.
    stale = [name for name in known if outcomes.get(name, {"outcome": "passed"})["outcome"] == "passed"]
    assert not stale, f"these pass now, or are gone: {stale}"
