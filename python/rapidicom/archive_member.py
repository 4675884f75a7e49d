"""A member of an archive on disk, by the path that its row has: ``zip://inner/name.dcm::/abs/archive.zip``.

Names are compared as the bytes that the archive holds, whatever characters they were meant as.
"""

from __future__ import annotations

import errno
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from .errors import FileChangedError


class Place(NamedTuple):
    """Where a member is."""

    scheme: bytes
    name: bytes
    archive: bytes


def place_of(path: bytes) -> Place | None:
    """Take a row's path apart; None where it is of no archive on disk. A name may hold ``::``, and a folder too."""
    scheme, _, rest = path.partition(b"://")
    if scheme not in (b"zip", b"tar"):
        return None
    at = len(rest)
    while (at := rest.rfind(b"::", 0, at)) >= 0:
        if os.path.isfile(rest[at + 2 :]):  # noqa: PTH113 - a name of any bytes
            return Place(scheme, rest[:at], rest[at + 2 :])
    archive = rest.rpartition(b"::")[2]
    if b"://" in archive:
        return None
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(archive))


@contextmanager
def opened(place: Place, size: int | None) -> Iterator[tuple[IO[bytes], int, os.stat_result]]:
    """Give the member's bytes, its size and what the system says of its archive.

    ``size``: tells members of one name apart. ``FileChangedError`` where there is no such member, ``ValueError`` where
    there are several, ``OSError`` where the archive can't be read.
    """
    with open(place.archive, "rb") as file:  # noqa: PTH123 - a name of any bytes
        facts = os.fstat(file.fileno())
        try:
            if place.scheme == b"zip":
                with zipfile.ZipFile(file) as zipped:
                    found = [(member, member.file_size) for member in zipped.infolist() if _name(member) == place.name]
                    one, length = _only(found, size, place)
                    with zipped.open(one) as stream:
                        yield stream, length, facts
            else:
                with tarfile.open(fileobj=file, encoding="utf-8", errors="surrogateescape") as tarred:
                    entry, length = _only(_alike(tarred, place.name), size, place)
                    extracted = tarred.extractfile(entry)
                    assert extracted is not None, "a regular member has bytes"
                    yield extracted, length, facts
        # NotImplementedError: a compression that Python lacks; RuntimeError: an encrypted member.
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError) as error:
            raise OSError(f"{_shown(place)}: {error}") from error


def _name(member: zipfile.ZipInfo) -> bytes:
    """The name's own bytes: general purpose bit 11 says that they are UTF-8. APPNOTE 4.4.4"""
    return member.orig_filename.encode("utf-8" if member.flag_bits & 0x800 else "cp437")


def _alike(tarred: tarfile.TarFile, name: bytes) -> list[tuple[Any, int]]:
    """The members of this name, as far as the archive is whole."""
    text, found = name.decode("utf-8", "surrogateescape"), []
    try:
        for member in tarred:
            if member.isreg() and member.name == text:
                found.append((member, member.size))
    except (tarfile.TarError, zlib.error, EOFError):
        if not found:
            raise
    return found


def _only(found: list[tuple[Any, int]], size: int | None, place: Place) -> tuple[Any, int]:
    """The one that is meant: of members of one name, that of the row's size."""
    alike = [one for one in found if one[1] == size] or found
    if not alike:
        raise FileChangedError("the archive has no such member; build the index again", path=_shown(place))
    if len(alike) > 1:
        raise ValueError(
            f"{_shown(place)}: {len(alike)} members have this name, and the row does not say which is meant"
        )
    return alike[0]


def _shown(place: Place) -> str:
    name, archive = (part.decode("utf-8", "replace") for part in (place.name, place.archive))
    return f"{place.scheme.decode()}://{name}::{archive}"
