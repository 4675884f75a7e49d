"""A DICOMDIR (PS3.3 Annex F, PS3.10 §8.6) as a list of files: ``rd.index("media/DICOMDIR")``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

from . import _rapidicom

__all__ = ["files"]


class _Refused:
    """A Referenced File ID that is not read: its row says why."""

    size, mtime_ns = 1, 0

    def __init__(self, words: str) -> None:
        self._words = words

    def read(self, _offset: int, _length: int) -> NoReturn:
        raise ValueError(self._words)


def files(path: str | os.PathLike[str]) -> Iterator[str | tuple[str, _Refused]]:
    """Yield the path of each file that the directory records refer to, in their order.

    Referenced File ID (0004,1500) is a list of names below the DICOMDIR's own folder. One that would leave that folder
    is not followed; it is given as a pair whose second says so when it is read, so that it is a row in an index.

    Raises:
        InvalidDicomError: Where the DICOMDIR itself is no DICOM.
        OSError: Where it cannot be read.
    """
    folder = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - resolve() would follow links
    inside = os.path.realpath(folder)
    for record in _rapidicom.dcmread(path).get("DirectoryRecordSequence") or ():
        names = record.get("ReferencedFileID")
        if not names:
            continue
        parts = [names] if isinstance(names, str) else [str(name) for name in names]
        shown = os.path.join(folder, *(part.lstrip("/") for part in parts))  # noqa: PTH118
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            yield shown, _Refused(f"Referenced File ID {parts} leaves the folder of its DICOMDIR")
            continue
        found = next((name for name in _spellings(folder, parts) if os.path.lexists(name)), shown)
        real = os.path.realpath(found)
        if os.path.commonpath([inside, real]) != inside:
            yield shown, _Refused(f"Referenced File ID {parts} leads through a link out of the folder of its DICOMDIR")
        else:
            yield found


def _spellings(folder: str, parts: list[str]) -> Iterator[str]:
    """File IDs are upper case; some systems show the medium in lower case. PS3.10 §8.2, §8.5"""
    yield os.path.join(folder, *parts)  # noqa: PTH118
    yield os.path.join(folder, *(part.lower() for part in parts))  # noqa: PTH118
