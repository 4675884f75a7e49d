"""``map_headers``: for who has a table of paths, or the contents themselves, rather than a folder.

That is Unity Catalog's volumes and Auto Loader, whose tables have paths; and object stores, which ``binaryFile`` reads
by Spark's own means. Spark hands over batches of Arrow, so that only what is asked for leaves the worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from .contents import read_contents
from .files import local_path
from .options import column_names, mode_of
from .rows import Rows, spark_schema

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

__all__ = ["map_headers", "schema"]


def schema(columns: str | Iterable[str] | None = None, **extra: Any) -> StructType:
    """The schema of ``map_headers`` of the same arguments, for ``mapInArrow``. ``ValueError`` for what is no column."""
    return spark_schema(_names(columns), extra)


def map_headers(
    columns: str | Iterable[str] | None = None, *, mode: str = "permissive", threads: int = 1, **extra: Any
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for ``df.mapInArrow(map_headers(columns), schema(columns))``: one row a file that is DICOM.

    ``df`` has a column ``content``, as ``binaryFile`` gives it, or a column ``path`` of files that the executors mount:
    a folder among them is walked. Of ``content``, ``path`` and ``modificationTime`` beside it become ``path`` and
    ``mtime``.

    ``columns``: as ``rapidicom.index`` takes them, or one string with commas. ``mode``: of files that can't be read,
    ``permissive``, ``failfast`` or ``dropmalformed``. ``extra``: ``frames``, ``json``, ``hash``, ``layout``,
    ``archives``, as ``rapidicom.scan`` takes them.

    ``ValueError``, at once, for what makes no sense; in a task ``KeyError`` where there is neither column,
    ``ValueError`` for ``archives`` of contents, ``DicomError`` as the mode wants it.
    """
    rows = Rows.of(schema(columns, **extra), extra, mode_of(mode), threads)

    def headers(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if "content" in batch.schema.names:
                if rows.extra.get("archives"):
                    raise ValueError("archives are read by their paths: leave out the column 'content'")
                yield from (found.select(rows.names) for found in read_contents(batch, rows))
            elif "path" in batch.schema.names:
                paths = [_mounted(path) for path in batch["path"].to_pylist() if path is not None]
                yield from (found.select(rows.names) for found in rows.read(paths))
            else:
                raise KeyError(f"neither a column 'content' nor 'path' in {batch.schema.names}")

    return headers


def _names(columns: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if columns is None:
        return None
    return column_names(columns) if isinstance(columns, str) else tuple(columns)


def _mounted(path: str) -> str:
    """``file:/a%20b``, as ``_metadata.file_path`` has it, and ``file:/a b``, as ``binaryFile`` has it, are ``/a b``."""
    plain = local_path(path)
    return unquote(plain) if plain != path and "%" in plain and not os.path.lexists(plain) else plain
