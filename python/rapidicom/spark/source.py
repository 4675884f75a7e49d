"""``format("rapidicom")``: what Spark asks a source, and the reader of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from . import files
from .options import Options
from .rows import Rows, arrow_schema, spark_schema

if TYPE_CHECKING:
    from pyspark.sql.datasource import Filter
    from pyspark.sql.types import StructType

    from .filters import Taken
    from .stream import StreamReader

__all__ = ["DefaultSource"]


class DefaultSource(DataSource):  # type: ignore[misc, unused-ignore]
    """DICOM files as rows: ``spark.read.format("rapidicom").option("columns", "Modality,PatientID").load(folder)``.

    One row a file, the columns of ``rapidicom.index``; ``.schema(…)`` narrows what is read. Options, in any case:

    ``columns``            keywords, tags, paths into sequences, with a comma between two, or a JSON list
    ``frames``             ``true``: where every frame lies, ``ARRAY<STRUCT<offset: BIGINT, length: BIGINT>>``
    ``json``, ``hash``, ``layout``, ``archives``  as ``rapidicom.scan`` takes them
    ``mode``               ``permissive``: a bad file is a row with ``status`` "error"; ``dropmalformed``; ``failfast``
    ``pathGlobFilter``     names of files that are wanted
    ``recursiveFileLookup``  ``true``: folders in folders too
    ``filesPerPartition``  10,000
    ``maxPartitionBytes``  such as ``512m``; of the files' sizes
    ``threads``            of each task, 1: Spark owns the cores
    ``pushdown``           ``true``: the reader applies filters; wants ``spark.sql.python.filterPushdown.enabled``
    ``arrivalsLocation``, ``maxFilesPerTrigger``, ``minFileAge``  of a stream, see ``StreamReader``

    ``ValueError`` for what makes no sense in them, before a file is read.
    """

    @classmethod
    def name(cls) -> str:
        """The word in ``format("rapidicom")``."""
        return "rapidicom"

    def schema(self) -> StructType:
        """The columns that were asked for, by the dictionary alone. PS3.6"""
        options = Options.of(self.options)
        return spark_schema(options.columns, options.extra)

    def reader(self, schema: StructType) -> Reader:
        """A reader of what the schema names."""
        options = Options.of(self.options)
        return (PushdownReader if options.pushdown else Reader)(options, rows_of(schema, options))

    def streamReader(self, schema: StructType) -> StreamReader:
        """A reader of files as they come."""
        from .stream import StreamReader

        options = Options.of(self.options)
        return StreamReader(options, rows_of(schema, options))


def rows_of(schema: StructType, options: Options) -> Rows:
    """What is read of each file. ``ValueError`` where no path was given."""
    if not options.paths:
        raise ValueError('no path: give one to .load(…), or .option("path", …)')
    return Rows.of(schema, options.extra, options.mode, options.threads)


class Reader(DataSourceReader):  # type: ignore[misc, unused-ignore]
    """Lists the files on the driver, reads them in the tasks. A task that is run again yields the same rows."""

    def __init__(self, options: Options, rows: Rows) -> None:
        self.options = options
        self.rows = rows

    def partitions(self) -> list[files.Files]:
        """Files by count, and by bytes where more than headers is read. ``OSError`` for a path that is not there."""
        return files.packed(files.listed(self.options), self.options)

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of a partition; Spark makes an empty one where there is no file."""
        if isinstance(partition, files.Files):
            for batch in self.rows.read(partition.paths):
                yield batch.select(self.rows.names)


class PushdownReader(Reader):
    """Besides, drops rows that a filter does not want. A class of its own: Spark refuses it unless it is configured."""

    def __init__(self, options: Options, rows: Rows) -> None:
        super().__init__(options, rows)
        self.filters: list[Taken] = []

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:
        """Takes what can be answered from a record batch and hands back the others. Spark >= 4.1 asks."""
        from .filters import is_taken

        schema = arrow_schema(self.rows.columns, self.rows.extra)
        for filter_ in filters:
            if is_taken(filter_, schema):
                self.filters.append(filter_)
            else:
                yield filter_

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of a partition that pass."""
        if not self.filters:
            yield from super().read(partition)
            return
        from .filters import apply

        for batch in super().read(partition):
            yield apply(self.filters, batch)
