"""Contents of files in a column → record batches: each is a file in memory for as long as it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from .rows import Rows

__all__ = ["read_contents"]

_OPEN = 128
"""Contents that are files at once: a process may have 1024 open."""


def read_contents(batch: pa.RecordBatch, rows: Rows) -> Iterator[pa.RecordBatch]:
    """The rows of the column ``content``; ``path`` and ``modificationTime`` are taken from the columns of these names.

    ``OSError`` where there are no files in memory (Linux has them), or too many files are open.
    """
    for first in range(0, batch.num_rows, _OPEN):
        part = batch.slice(first, _OPEN)
        given = {name: part[name] for name in ("path", "modificationTime") if name in part.schema.names}
        files: list[int] = []
        try:
            for content in part["content"]:
                files.append(os.memfd_create("content", os.MFD_CLOEXEC))
                _fill(files[-1], content.as_buffer() if content.is_valid else b"")
            places = {f"/proc/self/fd/{file}": place for place, file in enumerate(files)}
            for found in rows.read(places):
                yield _named(found, places, given)
        finally:
            for file in files:
                os.close(file)


def _fill(file: int, content: Any) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _named(found: pa.RecordBatch, places: Mapping[str, int], given: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The batch with path and time of the rows that the contents came from, null where these say nothing."""
    rows = pa.array([places[path] for path in found["path"].to_pylist()], pa.int64())
    facts = {"path": "path", "mtime": "modificationTime", "mtime_ns": "", "inode": ""}
    for ours, theirs in facts.items():
        if ours not in found.schema.names:
            continue
        at, field = found.schema.get_field_index(ours), found.schema.field(ours)
        taken = given[theirs].take(rows).cast(field.type) if theirs in given else pa.nulls(len(rows), field.type)
        found = found.set_column(at, field, taken)
    return found
