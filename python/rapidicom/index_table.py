"""An index on disk: the active files of a Delta Lake table, as Arrow, as SQL, and from a row to a frame."""

from __future__ import annotations

import operator
import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._foreign import one_line, plainly

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from typing_extensions import CapsuleType

__all__ = ["IndexTable", "open_index"]

BATCH_ROWS = 8192
BUFFER_BYTES = 1 << 18
"""Rows of a batch of the stream, and bytes read at once of a column of a part: what bounds its memory."""

# Each answer has a connection of its own, as one that is still read can't be shared; DuckDB 1 does not keep it alive.
_LAST_ASKED: deque[duckdb.DuckDBPyConnection] = deque(maxlen=64)


def open_index(path: str | os.PathLike[str], *, version: int | None = None) -> IndexTable:
    """The index in folder ``path`` as it was last committed, or as of ``version``. Reads the table's log, no rows.

    ``FileNotFoundError`` where there is no table, ``OSError`` where it can't be read, ``ValueError`` for a table that
    only its own engine reads rightly (partitioned, or with deletion vectors or mapped columns), that has no such
    version, or whose folder deltalake can't name (one with ``%20`` or a backslash in its name); ``ImportError`` without
    deltalake.
    """
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError
    except ImportError:
        raise ImportError("an index on disk is opened by deltalake: pip install rapidicom[delta]") from None

    folder = Path(path).absolute()
    try:
        with plainly(path):
            return IndexTable(DeltaTable(os.fspath(folder), version=version), folder)
    except TableNotFoundError:
        raise FileNotFoundError(f"{os.fspath(path)} holds no index: no Delta table is there") from None
    except DeltaError as error:
        raise ValueError(f"{os.fspath(path)}: {one_line(error)}") from error


class IndexTable:
    """One version of an index: its rows do not change, whatever is committed later. Made by :func:`open_index`.

    Has ``__arrow_c_stream__``: ``polars.DataFrame(table)``, ``pyarrow.table(table)`` and DuckDB's ``from table`` just
    work, and may be done again. Rows are in the order of the names of the parts, and in them as they were written;
    what reads them raises ``OSError`` where ``vacuum`` has removed a part of an old version.
    """

    def __init__(self, table: Any, folder: Path) -> None:
        features = set(table.protocol().reader_features or ())
        strange = [*(features & {"deletionVectors", "columnMapping"}), *table.metadata().partition_columns]
        if strange:
            words = f"{folder}: an index has no partitions, deletion vectors or mapped columns, found {strange}"
            raise ValueError(words)
        self.version: int = table.version()
        """That of the Delta table."""
        self._schema = table.schema().to_arrow()
        actions = table.get_add_actions(flatten=True)
        names = actions.column("path").to_pylist()
        counts = actions.column("num_records").to_pylist()
        parts = sorted(zip(names, counts, strict=True))
        self.files: list[str] = [os.fspath(folder / name) for name, _ in parts]
        """The parts: paths of Parquet files."""
        self._ends = list(accumulate(_rows(file, count) for file, (_, count) in zip(self.files, parts, strict=True)))
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._group: tuple[tuple[int, int], pa.Table] | None = None

    def __len__(self) -> int:
        """How many rows, by the table's log."""
        return self._ends[-1] if self._ends else 0

    def __repr__(self) -> str:
        return f"<IndexTable version {self.version}, {len(self):,} rows in {len(self.files):,} files>"

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._schema.names)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns, by the table's log; ``ImportError`` without pyarrow."""
        schema: pa.Schema = _pyarrow().schema(self._schema)
        return schema

    def __arrow_c_schema__(self) -> CapsuleType:
        capsule: CapsuleType = self._schema.__arrow_c_schema__()
        return capsule

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """The rows, part after part: memory does not grow with their number."""
        reader = _pyarrow().RecordBatchReader.from_batches(self.schema, self._batches())
        capsule: CapsuleType = reader.__arrow_c_stream__(requested_schema)
        return capsule

    def to_pyarrow(self) -> pa.Table:
        """All rows; ``ImportError`` without pyarrow."""
        table: pa.Table = self._dataset().to_table()
        return table

    def to_polars(self) -> pl.DataFrame:
        """All rows; ``ImportError`` without polars. ``rd.polars.scan_index`` reads what is asked for alone."""
        try:
            import polars as pl
        except ImportError:
            raise ImportError("polars is not installed: pip install rapidicom[polars]") from None
        return pl.DataFrame(self)

    def to_pandas(self) -> pd.DataFrame:
        """All rows, by way of pyarrow; ``ImportError`` without both."""
        frame: pd.DataFrame = self.to_pyarrow().to_pandas()
        return frame

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Ask with DuckDB's SQL; the table is called ``index``: ``select Modality, count(*) from index group by 1``.

        A relation, evaluated when it is read: ``fetchall()``, ``df()``, ``pl()``, ``show()`` or, as it has
        ``__arrow_c_stream__``, ``pyarrow.table(relation)``. Only the columns and row groups that are needed are read.
        Any thread may ask. Raises ``duckdb.Error``, ``ImportError`` without duckdb.
        """
        connection = self.connect()
        _LAST_ASKED.append(connection)
        return connection.sql(sql)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection to a DuckDB database in memory, one for all of this table, whose one view is ``index``.

        One for each thread that asks. Nothing is downloaded: extensions that DuckDB's package lacks are not there.
        ``ImportError`` without duckdb.
        """
        try:
            import duckdb
        except ImportError:
            raise ImportError("SQL is answered by duckdb: pip install rapidicom[query]") from None
        if self._connection is None:
            off = ("autoinstall_known_extensions", "autoload_known_extensions", "python_enable_replacements")
            connection = duckdb.connect(":memory:", config=dict.fromkeys(off, "false"))
            connection.execute("set TimeZone = 'UTC'")
            if self.files:
                files = ", ".join(map(_literal, self.files))
                source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
                connection.execute(f"create view index as select * from {source}")
            else:
                connection.register("nothing", self.schema.empty_table())
                connection.execute("create table index as from nothing")
            self._connection = connection
        return self._connection.cursor()

    def studies(self) -> duckdb.DuckDBPyRelation:
        """One row a Study: its attributes, modalities, how many series, instances, files, frames and bytes.

        Columns that the index lacks are null. PS3.3 C.7.2, PS3.4 C.6.2.1.3
        """
        return self._grouped("studies")

    def series(self) -> duckdb.DuckDBPyRelation:
        """One row a Series: its attributes, counts, bytes, and whether its slices are a regular volume. PS3.3 C.7.6.2

        The checks have the names of idc-index's ``volume_geometry_index``; see the guide *Index an archive*. They are
        null where a series has no Image Position and Orientation (Patient), or has them within multi-frame images,
        where no column holds them. Columns that the index lacks are null.
        """
        return self._grouped("series")

    def instances(self) -> duckdb.DuckDBPyRelation:
        """One row a SOP Instance: copies of it in several files are counted, one of them is named. PS3.3 C.12.1"""
        return self._grouped("instances")

    def frame(self, row: int | str | Any, index: int = 0) -> npt.NDArray[Any]:
        """Frame ``index`` of a row through its byte range alone; the array is as ``dcmread(path).frames[index]``.

        ``row``: a mapping of names to values (a dict of ``to_pylist()``, a named row of Polars, a row of pandas or
        pyarrow), the quickest; the number of a row; or a SOP Instance UID, which is searched for. The index must have
        been built with ``frames=True``. Members of ZIP and TAR files on disk are read by Python, URLs by fsspec.

        ``IndexError`` where there is no such row or frame, ``KeyError`` for an unknown UID, ``FileChangedError`` where
        the file has another size, time or inode than the row, ``OSError`` where it can't be opened, ``ValueError`` for
        a row without byte ranges, or of one of several members of an archive that have one name; else what ``Frames``
        raises.
        """
        read = _frame_of_row()
        if type(row) is dict:
            return read(row, operator.index(index))
        if isinstance(row, str):
            row = self._row_of_instance(row)
        elif hasattr(row, "__index__"):
            row = self._row(operator.index(row))
        return read(_mapping(row), operator.index(index))

    def _row(self, number: int) -> Mapping[str, Any]:
        """By its number, from the end where negative; the row group it lies in is kept for the next one."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        number %= len(self)
        part = bisect_right(self._ends, number)
        number -= self._ends[part - 1] if part else 0
        kept = self._group
        if kept is None or kept[0][0] != part or not 0 <= number - kept[0][1] < len(kept[1]):
            from .frame_of_row import COLUMNS

            _pyarrow()
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.files[part]) as file:
                sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
                ends = list(accumulate(sizes))
                group = bisect_right(ends, number)
                wanted = [name for name in COLUMNS if name in file.schema_arrow.names]
                kept = (part, ends[group] - sizes[group]), file.read_row_group(group, columns=wanted)
            self._group = kept
        row: dict[str, Any] = kept[1].slice(number - kept[0][1], 1).to_pylist()[0]
        return row

    def _row_of_instance(self, uid: str) -> Mapping[str, Any]:
        import pyarrow.compute as pc

        from .frame_of_row import COLUMNS

        wanted = [name for name in COLUMNS if name in self.columns]
        rows = self._dataset().to_table(columns=wanted, filter=pc.field("SOPInstanceUID") == uid)
        if not len(rows):
            raise KeyError(f"no row has the SOP Instance UID {uid}")
        row: dict[str, Any] = rows.slice(0, 1).to_pylist()[0]
        return row

    def _dataset(self) -> Any:
        """Of the active files, each brought to the table's schema: what a part lacks is null."""
        _pyarrow()
        import pyarrow.dataset as ds

        return ds.dataset(self.files, schema=self.schema, format="parquet")

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Decoded as they are asked for, where a dataset decodes row groups."""
        pa = _pyarrow()
        import pyarrow.parquet as pq

        schema = self.schema
        for path in self.files:
            with pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                    there = dict(zip(batch.schema.names, batch.columns, strict=True))
                    columns = [
                        there[name].cast(kind) if name in there else pa.nulls(len(batch), kind)
                        for name, kind in zip(schema.names, schema.types, strict=True)
                    ]
                    yield pa.record_batch(columns, schema=schema)

    def _grouped(self, name: str) -> duckdb.DuckDBPyRelation:
        from . import grouped_tables

        return self.query(getattr(grouped_tables, name)(self.columns))


@cache
def _frame_of_row() -> Callable[[Mapping[str, Any], int], npt.NDArray[Any]]:
    """Brings numpy, and is asked for each frame."""
    from .frame_of_row import read

    return read


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise ImportError("pyarrow is not installed: pip install rapidicom[arrow]") from None
    return pa


def _rows(file: str, count: int | None) -> int:
    """Rows of a part by the log, or by its own footer where the log has no statistics."""
    if count is not None:
        return count
    _pyarrow()
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(file).num_rows
    return rows


def _literal(path: str) -> str:
    """A path as DuckDB takes it for no pattern."""
    plain = path.translate({ord(sign): f"[{sign}]" for sign in "[*?"})
    return "'" + plain.replace("'", "''") + "'"


def _mapping(row: Any) -> Mapping[str, Any]:
    """A row of pyarrow (a struct), of pandas, or a named tuple, by the names of its columns."""
    for method in ("as_py", "_asdict", "to_dict"):
        if hasattr(row, method):
            row = getattr(row, method)()
            break
    if isinstance(row, Mapping):
        return row
    raise TypeError(f"a row is a number, a SOP Instance UID or a mapping of column names, not {type(row).__name__}")
