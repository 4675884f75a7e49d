"""Files → record batches of exactly the schema that Spark was told, bad files as the mode says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]

import rapidicom as rd

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

__all__ = ["Rows", "arrow_schema", "spark_schema"]


def arrow_schema(columns: Iterable[str] | None, extra: Mapping[str, Any]) -> pa.Schema:
    """The columns and their types; no file is read. ``ValueError`` for a column that is none, naming the nearest."""
    columns = None if columns is None else list(columns)
    return pa.schema(rd.scan([], columns=columns, profile="spark", **extra).schema)


def spark_schema(columns: Iterable[str] | None, extra: Mapping[str, Any]) -> StructType:
    """The same in Spark's types."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(arrow_schema(columns, extra))


@dataclass(frozen=True)
class Rows:
    """What is read of each file, and which of it is handed on in which order."""

    names: tuple[str, ...]
    """The columns of Spark's schema."""
    columns: tuple[str, ...] | None
    """Those of them that must be asked for; None where the layout has its own."""
    extra: Mapping[str, Any]
    mode: str
    threads: int

    @staticmethod
    def of(schema: StructType, extra: Mapping[str, Any], mode: str, threads: int) -> Rows:
        """Reads no more than a schema names: the source's own, or one that the user narrowed by ``.schema(…)``.

        ``ValueError`` for a name that is no column, and for a type that is not the column's.
        """
        names = tuple(schema.names)
        if extra.get("layout") == "long":
            _check(schema, spark_schema(None, extra))
            return Rows(names, None, extra, mode, threads)
        asked = dict.fromkeys([word for word in ("frames", "json") if word in names], True) | dict(extra)
        always = set(arrow_schema([], {}).names)
        given = {word: set(arrow_schema([], {word: value}).names) - always for word, value in asked.items()}
        needed = {word: value for word, value in asked.items() if given[word] & set(names) or not given[word]}
        free = always.union(*given.values())
        columns = tuple(name for name in names if name not in free)
        _check(schema, spark_schema(columns, needed))
        return Rows(names, columns, needed, mode, threads)

    def read(self, sources: Iterable[Any]) -> Iterator[pa.RecordBatch]:
        """One row a file that is DICOM. ``DicomError`` for the first bad one where the mode is ``failfast``."""
        # One by one: each is a file, none a pattern, and each has its row, though it be named twice.
        batches = rd.scan(iter(sources), columns=self.columns, threads=self.threads, profile="spark", **self.extra)
        for batch in batches:
            yield self.in_mode(pa.record_batch(batch))

    def in_mode(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with its bad files kept, dropped or raised."""
        if self.mode == "permissive":
            return batch
        bad = pc.equal(batch["status"], "error")
        if self.mode == "dropmalformed":
            return batch.filter(pc.invert(bad))
        if pc.any(bad).as_py():
            first = batch.filter(bad).slice(0, 1).to_pylist()[0]
            raise rd.DicomError(f"{first['error']}; the mode is failfast", path=first["path"])
        return batch


def _check(schema: StructType, ours: StructType) -> None:
    """What Spark was told must be what it gets: it looks at Arrow types, and not at all at later batches."""
    types = {field.name: field.dataType for field in ours.fields}
    for field in schema.fields:
        if field.name not in types:
            raise ValueError(f"no column {field.name!r}; these are called {', '.join(ours.names)}")
        if field.dataType != types[field.name]:
            expected = types[field.name].simpleString()
            raise ValueError(f"column {field.name!r} is {expected}, the schema says {field.dataType.simpleString()}")
        if not field.nullable:
            raise ValueError(f"column {field.name!r} is null where a file lacks it, the schema says NOT NULL")
