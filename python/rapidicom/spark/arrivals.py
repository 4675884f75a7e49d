"""Which files a stream has found: a log of names, each once, in the order in which they were found.

An offset is a number of bytes of the log, so that it is small whatever happened before, and a batch is a slice that
never changes: run again after a crash it is the same files. No clock of a file server is trusted, nor the times of
files, which a rename keeps and a change of permissions moves.

On disk: ``MAGIC``, then paths, each ended by NUL. A name counts once it is synced with its NUL; what a crash leaves
after the last NUL was in no offset and is cut off.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Arrivals"]

MAGIC = b"rapidicom arrivals 1\0"


class Arrivals:
    """The log at a path of the driver; made where it is not there.

    Holds all names that were ever found: some 200 bytes of memory each. ``ValueError`` for a file that is no such log,
    ``OSError`` for one that can't be written.
    """

    begin = len(MAGIC)
    """The offset before the first name."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.end = self.begin
        """The offset after the last name that is known here."""
        self._seen: set[bytes] = set()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with self._locked() as log:
            self._catch_up(log)

    def __contains__(self, path: str) -> bool:
        return os.fsencode(path) in self._seen

    def add(self, paths: Iterable[str]) -> int:
        """Appends those that are new; they are on the disk when this returns. The offset after the last."""
        names = [os.fsencode(path) for path in paths]
        with self._locked() as log:
            self._catch_up(log)  # another query may share the log
            new = dict.fromkeys(name for name in names if name not in self._seen)
            if new:
                record = b"\0".join(new) + b"\0"
                _write(log, record, self.end)
                os.fsync(log)
                self._seen.update(new)
                self.end += len(record)
        return self.end

    def paths(self, start: int, end: int) -> list[str]:
        """The files found between two offsets. ``ValueError`` where the log is not the one that they count in."""
        if not self.begin <= start <= end <= self.end:
            raise ValueError(
                f"{self.path} ends at byte {self.end}, the checkpoint goes on at {start} to {end}: it is not the log "
                "of this checkpoint; give the old one, or begin with a new checkpoint and a new log"
            )
        with Path(self.path).open("rb") as log:
            log.seek(start - 1)
            names = log.read(end - start + 1)
        if names[:1] + names[-1:] != b"\0\0":
            raise ValueError(
                f"{self.path}: no names lie at bytes {start} to {end}: it is not the log of this checkpoint"
            )
        return [os.fsdecode(name) for name in names[1:].split(b"\0")[:-1]]

    def after(self, start: int, count: int, end: int) -> int:
        """The offset after so many names, at most ``end``."""
        with Path(self.path).open("rb") as log:
            log.seek(start)
            while count > 0 and start < end:
                chunk = log.read(min(1 << 16, end - start))
                for name in chunk.split(b"\0")[:-1]:
                    start += len(name) + 1
                    count -= 1
                    if count == 0:
                        break
                log.seek(start)
        return start

    @contextmanager
    def _locked(self) -> Iterator[int]:
        log = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(log, fcntl.LOCK_EX)
            yield log
        finally:
            os.close(log)

    def _catch_up(self, log: int) -> None:
        """Takes in what was appended since, and cuts off what was never whole."""
        size = os.fstat(log).st_size
        if size < self.begin and MAGIC.startswith(os.pread(log, size, 0)):
            _write(log, MAGIC, 0)
            os.fsync(log)
            _sync_folder(Path(self.path).parent)
            size = self.begin
        elif os.pread(log, self.begin, 0) != MAGIC:
            raise ValueError(f"{self.path} is not a log of arrivals; give another arrivalsLocation")
        if size < self.end:
            raise ValueError(f"{self.path} has {size} bytes and had {self.end}: it was replaced while a stream used it")
        rest = b""
        at = self.end
        while at < size:
            chunk = os.pread(log, 1 << 20, at)
            at += len(chunk)
            *names, rest = (rest + chunk).split(b"\0")
            self._seen.update(names)
        if rest:
            os.ftruncate(log, size - len(rest))
        self.end = size - len(rest)


def _write(log: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(log, data, at)
        data, at = data[written:], at + written


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
