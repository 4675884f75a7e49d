"""A pytest plugin: pydicom's own tests of decoding, with rapidicom as the one decoder of compressed frames.

Loaded by `-p decoders_alone`. Every plugin that pydicom knows by name (gdcm, pillow, pylibjpeg, pyjpegls, pydicom's own
RLE) is replaced by ours under that name: what the tests ask of each is asked of us, whatever is installed. The outcome
of each test is written as JSON to RAPIDICOM_SHIM_REPORT: outcome, frames that we were asked for, words.
"""

import importlib.util
import json
import os
import sys
import types
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pydicom.data.data_manager
import pytest
from pydicom.pixels.decoders.base import _PIXEL_DATA_DECODERS

import rapidicom.pydicom

PACKAGES = ("gdcm", "PIL", "pylibjpeg", "libjpeg", "openjpeg", "rle", "jpeg_ls")
outcomes: dict[str, dict[str, Any]] = {}
calls = 0


def decode_frame(src: bytes, runner: Any) -> Any:
    """Ours, counted."""
    global calls
    calls += 1
    return rapidicom.pydicom._decode_frame(src, runner)


def alone() -> None:
    """Ours under the name of each plugin, and nothing else."""
    for decoder, _ in _PIXEL_DATA_DECODERS.values():
        if decoder.UID.is_encapsulated:
            assert rapidicom.pydicom.is_available(decoder.UID), decoder.UID.name
            decoder._available = dict.fromkeys((*decoder._available, *decoder._unavailable), decode_frame)
            decoder._unavailable = {}


def as_if_installed() -> None:
    """The tests skip themselves where the packages behind the plugins are missing; none of them is needed here."""
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return types.SimpleNamespace(name=name) if name in PACKAGES else found(name, package)

    importlib.util.find_spec = find_spec  # type: ignore[assignment]
    pillow = types.ModuleType("PIL")
    pillow.Image = types.ModuleType("PIL.Image")  # type: ignore[attr-defined]
    pillow.features = types.ModuleType("PIL.features")  # type: ignore[attr-defined]
    pillow.features.check_codec = lambda name: True  # type: ignore[attr-defined]
    sys.modules.update({"PIL": pillow, "PIL.Image": pillow.Image, "PIL.features": pillow.features})


def beside(name: str) -> Path:
    """pydicom fetches some of its test files from the network; here they are those of RAPIDICOM_SHIM_FILES, if any.

    A test of one that is not there never comes to us, and says nothing of us.
    """
    folder = Path(os.environ.get("RAPIDICOM_SHIM_FILES", ""))
    for path in folder.rglob(name) if folder.name else ():
        return path
    raise FileNotFoundError(name)


alone()
as_if_installed()
pydicom.data.data_manager.data_path_with_download = beside


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    global calls
    report = yield
    if report.when == "setup":
        calls = 0
    if report.when == "call" or report.skipped or report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        words = str(crash.message if crash else report.longrepr or "")
        outcomes[item.nodeid] = {"outcome": report.outcome, "calls": calls, "words": words[:600]}
    return report


def pytest_sessionfinish() -> None:
    Path(os.environ["RAPIDICOM_SHIM_REPORT"]).write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
