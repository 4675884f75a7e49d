"""Paths that are collected here and handed on in batches, by a thread that starts with the first."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Batches:
    """Calls ``work(paths)`` for every ``size`` paths, or when the first of them has waited for ``seconds``.

    A batch whose work fails is handed on again with the next, so ``work`` has to bear a path that it knows.
    """

    def __init__(self, work: Callable[[list[str]], object], size: int, seconds: float) -> None:
        self._work, self._size, self._seconds = work, size, seconds
        self._waiting: list[str] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, path: str) -> None:
        """Takes a path; returns at once."""
        with self._changed:
            self._waiting.append(path)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rapidicom batches", daemon=True)
                self._thread.start()
            elif len(self._waiting) in (1, self._size):
                self._changed.notify()

    def close(self) -> list[str]:
        """Hands on what waits, waits for its end -> the paths of a batch that failed."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        return self._waiting

    def _run(self) -> None:
        while not (self._closing and not self._waiting):
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                self._changed.wait_for(lambda: len(self._waiting) >= self._size or self._closing, self._seconds)
                batch, self._waiting = self._waiting, []
            try:
                if batch:
                    self._work(batch)
            except Exception:
                _log.exception("a batch of %d files failed", len(batch))
                with self._changed:
                    self._waiting[:0] = batch
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._closing, self._seconds)
