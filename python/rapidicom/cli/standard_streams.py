"""Standard input and output: what they refuse is said of them, and not of the file that was being read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TextIO


class StreamError(Exception):
    """A standard stream is closed, full or broken. No ``OSError``: those the commands say of a file, and go on."""


class Output:
    """Standard output."""

    def __init__(self) -> None:
        self._stream: TextIO | None = sys.stdout  # None where the caller has closed it

    def write(self, text: str) -> int:
        """As the stream does, or raise what `_refused` says."""
        if self._stream is None:
            raise StreamError("standard output is closed")
        try:
            return self._stream.write(text)
        except OSError as error:
            raise _refused("output", error) from None

    def flush(self) -> None:
        """As the stream does, or raise what `_refused` says."""
        if self._stream is None:
            return
        try:
            self._stream.flush()
        except OSError as error:
            raise _refused("output", error) from None

    def give_up(self) -> None:
        """Let nothing more be written: the interpreter tries again with what it still holds when it ends."""
        if self._stream is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def blocks() -> Iterator[bytes]:
    """Yield what standard input has, as it comes."""
    if sys.stdin is None:
        raise StreamError("standard input is closed")
    try:
        while block := os.read(sys.stdin.fileno(), 1 << 16):
            yield block
    except OSError as error:
        raise _refused("input", error) from None


def _refused(stream: str, error: OSError) -> Exception:
    """A broken pipe as it is: `rapidicom dump FILE | head` has seen enough, and nothing is wrong."""
    return error if isinstance(error, BrokenPipeError) else StreamError(f"standard {stream}: {error.strerror}")
