"""DICOM files as a lazy frame of Polars: what a query does not ask for is not read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import rapidicom as rd

if TYPE_CHECKING:
    import polars as pl

__all__ = ["scan_dicom", "scan_index"]


def scan_dicom(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    columns: str | Iterable[str] | None = None,
    *,
    frames: bool = False,
    threads: int | None = None,
    limits: rd.Limits | None = None,
) -> pl.LazyFrame:
    """The rows of :func:`rapidicom.index` as a ``LazyFrame``: files are read when it is collected, and each time anew.

    ``path``, ``columns``, ``frames``, ``threads``, ``limits``: as ``rd.index`` takes them. Only the columns that the
    query uses are looked for in the files; ``head(n)`` stops after ``n`` rows (read some thousand at a time, so that
    more files than that may be opened); a filter is applied to each batch as it comes. Rows come in no promised order.

    The schema follows from the dictionary, no file is read for it. PS3.6 Raises what ``rd.index`` raises, of columns
    at once, of files when it is collected; ``ImportError`` without polars.
    """
    _require_polars()
    import polars as pl
    from polars.io.plugins import register_io_source

    source: Any = path if isinstance(path, str | os.PathLike) else list(path)
    asked = columns if columns is None or isinstance(columns, str) else list(columns)
    nothing = pl.DataFrame(rd.index([], columns=asked, frames=frames))

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        chosen = nothing.columns if with_columns is None else with_columns
        wanted = [name for name in chosen if name != "frames"]
        left = n_rows
        for batch in rd.scan(source, columns=wanted, frames="frames" in chosen, threads=threads, limits=limits):
            rows = pl.DataFrame(batch).select(chosen).head(len(batch) if left is None else left)
            left = None if left is None else left - len(rows)
            yield rows if predicate is None else rows.filter(predicate)
            if left == 0:
                return

    lazy: pl.LazyFrame = register_io_source(read, schema=nothing.schema)
    return lazy


def scan_index(path: str | os.PathLike[str], *, version: int | None = None) -> pl.LazyFrame:
    """An index on disk as a ``LazyFrame``: columns, filters and limits reach into its Parquet files.

    The frame keeps to the version that was opened. Raises what ``rd.open_index`` raises; ``ImportError`` without
    polars.
    """
    _require_polars()
    import polars as pl

    index = rd.open_index(path, version=version)
    if not index.files:
        return index.to_polars().lazy()
    # The table's schema, not that of whichever part comes first: older parts may lack columns.
    schema = pl.DataFrame(index.schema.empty_table()).schema
    lazy: pl.LazyFrame = pl.scan_parquet(
        index.files, schema=schema, glob=False, hive_partitioning=False, missing_columns="insert"
    )
    return lazy


def _require_polars() -> None:
    try:
        import polars  # noqa: F401, ICN001
    except ImportError:
        raise ImportError("polars is not installed: pip install rapidicom[polars]") from None
