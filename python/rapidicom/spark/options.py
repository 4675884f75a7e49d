"""The words of ``.option(…)``: what they mean, and what is wrong with them, before any file is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MODES", "Options", "column_names", "mode_of"]

MODES = ("permissive", "failfast", "dropmalformed")
"""What becomes of a file that can't be read: the words of Spark's own sources."""

_WORDS = (
    "path",
    "paths",
    "columns",
    "frames",
    "json",
    "hash",
    "layout",
    "archives",
    "mode",
    "threads",
    "pathGlobFilter",
    "recursiveFileLookup",
    "filesPerPartition",
    "maxPartitionBytes",
    "pushdown",
    "arrivalsLocation",
    "maxFilesPerTrigger",
    "minFileAge",
)
_FILES = 10_000
"""Files of one partition: some tenths of a second of headers from memory, a minute of them from a slow file server."""

_BYTES = 4 << 30
"""Bytes of one partition where they count: where more than the header is read."""

_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}


@dataclass(frozen=True)
class Options:
    """What a user asked for. ``ValueError`` or ``TypeError`` for what makes no sense, naming the nearest word."""

    paths: tuple[str, ...]
    columns: tuple[str, ...] | None = None
    """As ``rapidicom.index`` takes them; None is the default row."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """``frames``, ``json``, ``hash``, ``layout``, ``archives``: handed to ``rapidicom.scan``."""
    mode: str = "permissive"
    threads: int = 1
    """Spark owns the cores: a task has one."""
    glob: str | None = None
    """Names of files that are wanted."""
    recursive: bool = True
    files_per_partition: int = _FILES
    partition_bytes: int | None = None
    """Bytes of the files of one partition, or None where they do not matter."""
    pushdown: bool = False
    arrivals: str | None = None
    """Where the log of a stream is."""
    files_per_trigger: int | None = None
    file_age_s: float = 0.0
    """Seconds since a file was last written before a stream takes it."""

    @staticmethod
    def of(given: Mapping[str, str]) -> Options:
        """Reads the words, in any case; those of other sources are left alone unless they are nearly one of ours."""
        words = {word.lower(): value for word, value in given.items()}
        _check_words(given)
        extra: dict[str, Any] = {word: True for word in ("frames", "json", "archives") if _flag(words, word)}
        extra |= {word: words[word] for word in ("hash", "layout") if word in words}
        more = extra.keys() - {"layout"}
        return Options(
            paths=_paths(words),
            columns=column_names(words["columns"]) if "columns" in words else None,
            extra=extra,
            mode=mode_of(words.get("mode", "permissive")),
            threads=_count(words, "threads", 1),
            glob=words.get("pathglobfilter"),
            recursive=_flag(words, "recursiveFileLookup", True),
            files_per_partition=_count(words, "filesPerPartition", _FILES),
            partition_bytes=_bytes(words, "maxPartitionBytes", _BYTES if more else None),
            pushdown=_flag(words, "pushdown"),
            arrivals=words.get("arrivalslocation"),
            files_per_trigger=_count(words, "maxFilesPerTrigger", 0) or None,
            file_age_s=_seconds(words, "minFileAge"),
        )


def column_names(text: str) -> tuple[str, ...] | None:
    """``"Modality,PatientID"``, or a JSON list, as names; None for ``"default"``. A tag may be ``(0010,0010)``."""
    text = text.strip()
    if text == "default":
        return None
    if text.startswith("["):
        names = json.loads(text)
        if not all(isinstance(name, str) for name in names):
            raise ValueError(f"columns is {text}, expected a list of strings")
        return tuple(names)
    names = [name.strip() for name in re.split(r",(?![^(]*\))", text)]
    if not all(names):
        raise ValueError(f"columns is {text!r}, expected names with a comma between two")
    return tuple(names)


def mode_of(text: str) -> str:
    """The mode of this name, in any case; ``ValueError`` where there is none."""
    if text.lower() not in MODES:
        raise ValueError(f"mode is {text!r}, expected {', '.join(MODES)}")
    return text.lower()


def _check_words(given: Mapping[str, str]) -> None:
    from difflib import get_close_matches

    known = {word.lower(): word for word in _WORDS}
    for word in given:
        near = get_close_matches(word.lower(), known, n=1, cutoff=0.85)
        if near and near[0] != word.lower():
            raise ValueError(f"no option {word!r}; nearest is {known[near[0]]}")


def _paths(words: Mapping[str, str]) -> tuple[str, ...]:
    paths = json.loads(words["paths"]) if "paths" in words else [words["path"]] if "path" in words else []
    return tuple(paths)


def _flag(words: Mapping[str, str], word: str, default: bool = False) -> bool:
    text = words.get(word.lower(), str(default)).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{word} is {text!r}, expected true or false")
    return text == "true"


def _count(words: Mapping[str, str], word: str, default: int) -> int:
    if word.lower() not in words:
        return default
    text = words[word.lower()]
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{word} is {text!r}, expected a number of at least 1")
    return int(text)


def _bytes(words: Mapping[str, str], word: str, default: int | None) -> int | None:
    if word.lower() not in words:
        return default
    text = words[word.lower()]
    match = re.fullmatch(r"(\d+)\s*([bkmgt]?)b?", text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{word} is {text!r}, expected a number of bytes such as 128m")
    return int(match[1]) << _UNITS[match[2]]


def _seconds(words: Mapping[str, str], word: str) -> float:
    text = words.get(word.lower(), "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{word} is {text!r}, expected seconds")
    return seconds
