"""A pytest plugin: what pydicom's own tests read, rapidicom reads.

Loaded by `-p substitute` into a run of pydicom's tests. The names that read (`dcmread`, `read_dataset`, `convert_…`,
and `PersonName` of encoded bytes) are replaced in the test modules; a test that reaches none of them says nothing of
us. The outcome of each test is written as JSON to RAPIDICOM_SHIM_REPORT: outcome, substituted calls, words, source.
"""

import inspect
import json
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pydicom
import pydicom.charset
import pytest

import builders
import rapidicom as rd

calls = 0
outcomes: dict[str, dict[str, Any]] = {}
TRANSLATED = {rd.InvalidDicomError: pydicom.errors.InvalidDicomError}


class Read:
    """A data set of ours, with the one method that has nothing to do when nothing is cached: `decode`."""

    def __init__(self, data_set: Any) -> None:
        self._data_set = data_set

    def decode(self) -> None:
        """Text is decoded as it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data_set, name)

    def __getitem__(self, key: Any) -> Any:
        return self._data_set[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._data_set

    def __iter__(self) -> Any:
        return iter(self._data_set)

    def __len__(self) -> int:
        return len(self._data_set)

    def __dir__(self) -> list[str]:
        return dir(self._data_set)

    def __repr__(self) -> str:
        return repr(self._data_set)

    def __eq__(self, other: object) -> bool:
        return bool(self._data_set == (other._data_set if isinstance(other, Read) else other))

    __hash__ = None  # type: ignore[assignment]


def read(source: Any, **options: Any) -> Any:
    """rd.dcmread, with pydicom's exception for what is no DICOM."""
    global calls
    calls += 1
    try:
        return rd.dcmread(source, **options)
    except rd.InvalidDicomError as error:
        raise pydicom.errors.InvalidDicomError(str(error)) from error


def dcmread(
    fp: Any, defer_size: Any = None, stop_before_pixels: bool = False, force: bool = False, specific_tags: Any = None
) -> Read:
    if hasattr(fp, "seek"):  # pydicom goes back to the start where it finds no preamble; we read from where it stands
        fp.seek(0)
    return Read(read(fp, stop_before_pixels=stop_before_pixels, force=force, specific_tags=specific_tags))


def read_dataset(fp: Any, is_implicit_VR: bool, is_little_endian: bool, *_: Any, **__: Any) -> Read:
    uid = builders.IMPLICIT_LITTLE_UID if is_implicit_VR else builders.EXPLICIT_LITTLE_UID
    if not is_little_endian:
        uid = builders.EXPLICIT_BIG_UID
    return Read(read(fp.read(), force=True, transfer_syntax=uid))


def read_file_meta_info(filename: Any) -> Any:
    return read(filename).file_meta


def terms(encodings: str | Sequence[str] | None) -> str:
    """The Specific Character Set that pydicom would have turned into these Python codecs."""
    names = [encodings] if isinstance(encodings, str) else list(encodings or ())
    known: dict[str, list[str]] = {}
    for term, codec in pydicom.charset.python_encoding.items():
        known.setdefault(codec, []).append(term)
    if not names:
        return ""
    single = len(names) == 1
    found = []
    for name in names:
        candidates = known.get(name, [name])
        found.append(next((term for term in candidates if term.startswith("ISO 2022") != single), candidates[-1]))
    if not single and names[0] in ("iso8859", "latin_1"):
        found[0] = "" if names[0] == "iso8859" else "ISO 2022 IR 100"
    return "\\".join(found)


def value_of(vr: str, field: bytes, encodings: Any = None, *, little: bool = True) -> Any:
    """The value of an element of this VR that holds this field."""
    encoding = builders.EXPLICIT if little else builders.BIG
    charset = encoding.element(0x00080005, "CS", terms(encodings)) if encodings else b""
    element = encoding.header(0x00111001, vr, len(field)) + field
    uid = builders.EXPLICIT_LITTLE_UID if little else builders.EXPLICIT_BIG_UID
    return read(charset + element, transfer_syntax=uid, force=True)[0x00111001].value


def text(vr: str) -> Callable[..., Any]:
    return lambda field, encodings=None, *_, **__: value_of(vr, field, encodings)


def ordered(vr: str) -> Callable[..., Any]:
    return lambda field, little=True, *_, **__: value_of(vr, field, little=little)


def convert_value(vr: str, raw: Any, encodings: Any = None) -> Any:
    return value_of(vr, raw.value, encodings, little=raw.is_little_endian)


def person_name(val: Any = None, encodings: Any = None, *rest: Any) -> Any:
    """Encoded bytes are read by us; what is made of text is no reading."""
    if isinstance(val, bytes) and not rest:
        return value_of("PN", val, encodings)
    return pydicom.valuerep.PersonName(val, encodings, *rest)


SUBSTITUTES: dict[str, Callable[..., Any]] = {
    "dcmread": dcmread,
    "read_dataset": read_dataset,
    "read_file_meta_info": read_file_meta_info,
    "convert_value": convert_value,
    "convert_text": text("LO"),
    "convert_single_string": text("LT"),
    "convert_PN": text("PN"),
    "convert_AE_string": ordered("AE"),
    "convert_DA_string": ordered("DA"),
    "convert_ATvalue": ordered("AT"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        for name, substitute in SUBSTITUTES.items():
            if hasattr(module, name):
                setattr(module, name, substitute)
        if hasattr(module, "PersonName") and module.__name__.endswith("test_charset"):
            module.PersonName = person_name


def same_element(ours: Any, theirs: Any) -> bool:
    """An element of ours beside one that a test made with pydicom."""
    return bool((ours.tag, ours.VR, ours.value) == (theirs.tag, theirs.VR, theirs.value))


def equal(self: Any, other: Any) -> Any:
    return same_element(other, self) if isinstance(other, rd.DataElement) else PYDICOM_EQUAL(self, other)


PYDICOM_EQUAL = pydicom.DataElement.__eq__
pydicom.DataElement.__eq__ = equal  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def substituted(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """`pydicom.dcmread` spelled in full, for the time of a test."""
    if "test_dicomio" not in request.node.nodeid:
        monkeypatch.setattr(pydicom, "dcmread", dcmread)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    global calls
    report = yield
    if report.when == "setup":
        calls = 0
    if report.when == "call" or report.skipped or report.failed:
        source = inspect.getsource(item.function) if isinstance(item, pytest.Function) else ""
        words = str(
            report.longrepr.reprcrash.message if hasattr(report.longrepr, "reprcrash") else report.longrepr or ""
        )
        outcomes[item.nodeid] = {"outcome": report.outcome, "calls": calls, "words": words[:400], "source": source}
    return report


def pytest_sessionfinish() -> None:
    Path(os.environ["RAPIDICOM_SHIM_REPORT"]).write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
