"""Folders → partitions of many files: names are listed on the driver, files are opened by the tasks alone.

What is listed is what ``rapidicom.scan`` of the folder would look at: regular files and links to them; links to folders
are not followed, so that no walk goes round in circles. What can't be listed is handed to a task, whose row says why.
"""

from __future__ import annotations

import glob
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pyspark.sql.datasource import InputPartition

from .options import Options

__all__ = ["Files", "listed", "local_path", "packed"]

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


class Files(InputPartition):  # type: ignore[misc, unused-ignore]
    """The files of one task. A partition waits in the driver's heap: names are kept compressed, most begin alike."""

    def __init__(self, paths: list[str]) -> None:
        self.count = len(paths)
        self.names = zlib.compress(b"\0".join(map(os.fsencode, paths)), 1)

    @property
    def paths(self) -> list[str]:
        """The paths as they were put in."""
        return [os.fsdecode(name) for name in zlib.decompress(self.names).split(b"\0")] if self.count else []


def local_path(path: str) -> str:
    """A path without Spark's ``file:``; ``ValueError`` for a URL of another kind."""
    scheme = _URL.match(path)
    if scheme is None:
        return path
    if scheme[1].lower() != "file":
        raise ValueError(
            f"{path}: the source lists folders that driver and executors mount; of an object store read "
            'spark.read.format("binaryFile") and map rapidicom.spark.map_headers over it'
        )
    return "/" + path[len("file:") :].lstrip("/")


@dataclass(frozen=True)
class Listed:
    """A file that was found; its size only where it was asked for."""

    path: str
    size: int = 0

    @staticmethod
    def at(path: str, options: Options) -> Listed:
        """The file at a path, whether it is there or not."""
        return Listed(path, _size(Path(path), options))


def listed(options: Options, *, hidden: bool = True) -> Iterator[Listed]:
    """The files below the paths of ``options``, in the order of their names in each folder.

    ``hidden``: also those whose names begin with a point. ``OSError`` for a path that is not there.
    """
    for path in options.paths:
        for place in _places(local_path(path)):
            if place.is_dir:
                yield from _walk(place.path, options, hidden)
            else:
                yield Listed.at(place.path, options)


@dataclass(frozen=True)
class _Place:
    path: str
    is_dir: bool


def _places(path: str) -> list[_Place]:
    """The path, absolute since executors work elsewhere; where it is not there but is a pattern, what matches it."""
    path = str(Path(path).absolute())
    try:
        return [_Place(path, stat.S_ISDIR(Path(path).stat().st_mode))]
    except FileNotFoundError:
        if not glob.has_magic(path):
            raise
    matches = map(Path, sorted(glob.iglob(path, recursive=True)))  # noqa: PTH207, Path.glob begins in a folder
    return [_Place(str(match), match.is_dir()) for match in matches if not match.is_symlink() or match.is_file()]


def _walk(folder: str, options: Options, hidden: bool) -> Iterator[Listed]:
    folders = [folder]
    globs = [] if options.glob is None else _alternatives(options.glob)
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            yield Listed(folder)  # the task fails to open it too, and its row says why
            continue
        inside = []
        for entry in found:
            if not hidden and entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                inside.append(entry.path)
            elif _is_file(entry) and (not globs or any(fnmatchcase(entry.name, glob_) for glob_ in globs)):
                yield Listed(entry.path, _size(entry, options))
        if options.recursive:
            folders.extend(reversed(inside))


def _alternatives(pattern: str) -> list[str]:
    """``*.{dcm,ima}`` → ``*.dcm``, ``*.ima``: braces are Spark's, ``fnmatch`` knows the rest."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    parts = (pattern[: match.start()] + word + pattern[match.end() :] for word in match[1].split(","))
    return [whole for part in parts for whole in _alternatives(part)]


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A regular file, a link to one, or a link that leads nowhere or round in circles, which is a row that says so."""
    if entry.is_file(follow_symlinks=False):
        return True
    try:
        return entry.is_symlink() and stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _size(file: Path | os.DirEntry[str], options: Options) -> int:
    """Bytes of a file where partitions are sized by them: on a file server each question is a wait."""
    if options.partition_bytes is None:
        return 0
    try:
        return file.stat().st_size
    except OSError:
        return 0


def packed(files: Iterable[Listed], options: Options) -> list[Files]:
    """Partitions of at most so many files and, unless it is of one file, so many bytes."""
    partitions: list[Files] = []
    paths: list[str] = []
    filled = 0
    for file in files:
        over = options.partition_bytes is not None and filled + file.size > options.partition_bytes
        if paths and (over or len(paths) == options.files_per_partition):
            partitions.append(Files(paths))
            paths, filled = [], 0
        paths.append(file.path)
        filled += file.size
    return [*partitions, Files(paths)] if paths else partitions
