"""Where the files of the tests come from."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent
SHARED_CORPUS = CHECKOUT.parent / "shared" / "corpus"
NO_SHARED = f"the corpus of real files beside the checkout, {Path('..') / 'shared' / 'corpus'}, is absent"


def manifest() -> list[dict[str, str]]:
    """The rows of the shared corpus' manifest.csv."""
    with (SHARED_CORPUS / "manifest.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="session")
def malformed_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 198 files of tests/malformed and their cases.csv."""
    folder = tmp_path_factory.mktemp("malformed")
    subprocess.run([sys.executable, TESTS / "malformed" / "make_corpus.py", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def shared_corpus() -> Path:
    """The folder of real files with its manifest.csv, which is no part of the project."""
    if not (SHARED_CORPUS / "manifest.csv").is_file():
        pytest.skip(NO_SHARED)
    return SHARED_CORPUS


@pytest.fixture(scope="session")
def pydicom_files() -> list[Path]:
    """What the pydicom package ships for its tests."""
    import pydicom.data

    folder = Path(pydicom.data.__file__).parent
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".json"))


@pytest.fixture(scope="session")
def pydicom_data_files() -> list[Path]:
    """What the pydicom-data package ships."""
    data_store = pytest.importorskip("data_store", reason="pydicom-data is not installed")
    folder = Path(data_store.__file__).parent / "data"
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".json"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(data, name="file.dcm"): the bytes as a file of a folder of this test's own."""

    def write_file(data: bytes, name: str = "file.dcm") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests measured, whether they pass or fail."""
    if FIGURES:
        terminalreporter.section("figures")
        for line in FIGURES:
            terminalreporter.write_line(line)


FIGURES: list[str] = []


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """figure(name, value): printed at the end of the run and kept in the JUnit report."""

    def report(name: str, value: object) -> None:
        FIGURES.append(f"{name}: {value}")
        record_property(name, value)

    return report
