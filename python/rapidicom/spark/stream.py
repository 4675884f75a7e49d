"""``readStream.format("rapidicom")``: rows of files as they come, each file once, across restarts.

A file is known by its path, as in Spark's own file streams: written anew under the same name it is not read again.
Write under a name that begins with a point and rename, or leave others out by ``pathGlobFilter``; where files are
written in place, ``minFileAge`` waits until one has not been written for so many seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition

from . import files
from .arrivals import Arrivals
from .options import Options
from .rows import Rows

try:
    import pyspark.sql.streaming.datasource as _admission
except ImportError:  # before 4.2, where Spark asks for all there is and for no less
    _admission = None  # type: ignore[assignment, unused-ignore]

__all__ = ["StreamReader"]

_AvailableNow: Any = getattr(_admission, "SupportsTriggerAvailableNow", object)


class StreamReader(DataSourceStreamReader, _AvailableNow):  # type: ignore[misc, unused-ignore]
    """New files of the folders, found by listing them; what was found is in the log at ``arrivalsLocation``.

    ``arrivalsLocation``: a path that the driver may write, kept as long as the checkpoint; streams of the same folders
    may share one. ``maxFilesPerTrigger``: files of one batch, from Spark 4.2 on. ``ValueError`` where there is no log.
    """

    def __init__(self, options: Options, rows: Rows) -> None:
        if options.arrivals is None:
            raise ValueError(
                "a stream keeps the names of the files that it has found: "
                '.option("arrivalsLocation", …), a path beside the checkpoint'
            )
        self.options = options
        self.rows = rows
        self._log: Arrivals | None = None
        self._target: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tasks have no use for the log."""
        return {**self.__dict__, "_log": None}

    @property
    def log(self) -> Arrivals:
        """The log, opened on the driver when it is first asked for."""
        if self._log is None:
            self._log = Arrivals(files.local_path(self.options.arrivals or ""))
        return self._log

    def initialOffset(self) -> dict[str, int]:
        """Before the first file that the log has."""
        return {"arrivals": Arrivals.begin}

    def latestOffset(self, start: dict[str, int] | None = None, limit: Any = None) -> dict[str, int]:
        """After the files that are there now, or after as many as the limit allows."""
        end = self._find() if self._target is None else self._target
        most = getattr(limit, "max_files", None)
        if start is None or most is None:
            return {"arrivals": end}
        return {"arrivals": self.log.after(start["arrivals"], most, end)}

    def prepareForTriggerAvailableNow(self) -> None:
        """What is there now is all that this run will read."""
        self._target = self._find()

    def getDefaultReadLimit(self) -> Any:
        """``maxFilesPerTrigger``, in Spark's type."""
        from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadMaxFiles

        most = self.options.files_per_trigger
        return ReadAllAvailable() if most is None else ReadMaxFiles(most)

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[files.Files]:
        """The files found between two offsets; the same ones whenever it is asked."""
        paths = self.log.paths(start["arrivals"], end["arrivals"])
        return files.packed((files.Listed.at(path, self.options) for path in paths), self.options)

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of a partition."""
        if isinstance(partition, files.Files):
            for batch in self.rows.read(partition.paths):
                yield batch.select(self.rows.names)

    def _find(self) -> int:
        """Lists the folders; of files that are known nothing more is asked."""
        found = files.listed(self.options, hidden=False)
        return self.log.add(file.path for file in found if file.path not in self.log and self._is_settled(file.path))

    def _is_settled(self, path: str) -> bool:
        if not self.options.file_age_s:
            return True
        try:
            return Path(path).stat().st_mtime <= time.time() - self.options.file_age_s
        except OSError:
            return True
