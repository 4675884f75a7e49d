"""Contents of files in a column → record batches. Of each, what is asked for is read, and no more is copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from .rows import Rows

__all__ = ["Content", "read_contents"]


class Content:
    """The bytes of one cell, as ``rapidicom.scan`` takes what is no file: their number, a time, reading by range."""

    __slots__ = ("_bytes", "mtime_ns", "size")

    def __init__(self, content: Any, mtime_ns: int) -> None:
        self._bytes = memoryview(content)
        self.size = len(self._bytes)
        self.mtime_ns = mtime_ns

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes from a place."""
        return bytes(self._bytes[offset : offset + length])


def read_contents(batch: pa.RecordBatch, rows: Rows) -> Iterator[pa.RecordBatch]:
    """The rows of the column ``content``; path and time are those of the columns ``path`` and ``modificationTime``.

    Where there are no such columns, path and time are null.
    """
    named, dated = "path" in batch.schema.names, "modificationTime" in batch.schema.names
    paths = batch["path"].to_pylist() if named else [None] * batch.num_rows
    times = batch["modificationTime"].cast(pa.int64()).to_pylist() if dated else [None] * batch.num_rows
    found = zip(paths, times, batch["content"], strict=True)
    sources = (
        (path or "", Content(content.as_buffer() if content.is_valid else b"", (microseconds or 0) * 1000))
        for path, microseconds, content in found
    )
    for made in rows.read(sources):
        at, field = made.schema.get_field_index("path"), made.schema.field("path")
        yield made if named else made.set_column(at, field, pa.nulls(made.num_rows, field.type))
