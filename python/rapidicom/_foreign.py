"""What other packages raise, as an ``OSError`` of one line, with its errno where their words name one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

_ERRNO = re.compile(r"os error (\d+)|code: (\d+), kind:")  # as Rust shows it, to people and to programmers
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DUMP = re.compile(r"Debug source:|\d+: ")  # what only their developers read: a backtrace, or the error once more


@contextmanager
def plainly(where: str | os.PathLike[str], *foreign: type[Exception]) -> Iterator[None]:
    """Raise an ``OSError`` about ``where`` in place of exceptions of these classes; Python's own stay as they are."""
    try:
        yield
    except Exception as error:
        is_foreign = isinstance(error, foreign) and type(error).__module__ != "builtins"
        if not is_foreign and not (isinstance(error, OSError) and "\n" in str(error)):
            raise
        found = _ERRNO.search(str(error))
        if found is None:
            raise OSError(f"{os.fspath(where)}: {one_line(error)}") from error
        number = int(found[1] or found[2])
        raise OSError(number, os.strerror(number), os.fspath(where)) from error


def one_line(error: Exception) -> str:
    """Return the words of an exception that were several lines, perhaps in colours."""
    lines = []
    for line in _COLOUR.sub("", str(error)).splitlines():
        words = line.strip(" \t\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}")
        if _DUMP.match(words):
            break
        if words:
            lines.append(words)
    return ": ".join(lines)
