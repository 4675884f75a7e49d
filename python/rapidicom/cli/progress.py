"""How far a long work has come, on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Protocol

from rapidicom.cli.words import count, say


class Progress(Protocol):
    """What `rapidicom.scan` calls, at most ten times a second, from the thread that called it."""

    def __call__(self, files_done: int, errors: int, files_seen: int, bytes_read: int, /) -> None: ...


def shown(quiet: bool) -> AbstractContextManager[Progress | None]:
    """Return a progress bar where a person watches, else nothing."""
    if quiet or not sys.stderr.isatty():
        return nullcontext()
    try:
        return Bar()
    except ImportError:
        return nullcontext(Lines())


class Bar:
    """A bar drawn by rich: files, rate, errors, time left (of the files seen so far: the walk runs ahead)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar: Any = RichProgress(
            TextColumn("index"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files  {task.fields[rate]:,.0f}/s  {task.fields[errors]:,} errors"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("index", total=None, rate=0.0, errors=0)
        self._start = time.monotonic()

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, files_done: int, errors: int, files_seen: int, bytes_read: int, /) -> None:
        rate = files_done / max(time.monotonic() - self._start, 1e-9)
        self._bar.update(
            self._task, completed=files_done, total=max(files_seen, files_done, 1), rate=rate, errors=errors
        )


class Lines:
    """Where rich is not installed: a line every other second."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def __call__(self, files_done: int, errors: int, files_seen: int, bytes_read: int, /) -> None:
        now = time.monotonic()
        if now - self._last < 2:
            return
        self._last = now
        rate = files_done / (now - self._start)
        left = (files_seen - files_done) / rate if rate else 0.0
        say(
            f"{files_done:,} of {count(files_seen, 'file')}, {rate:,.0f}/s, {count(errors, 'error')}, {left:.0f} s left"
        )
