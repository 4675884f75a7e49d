"""Folders of DICOM files as tables of Spark: a Python Data Source, and a function for ``mapInArrow``.

``spark.read.format("rapidicom").load(folder)`` needs no call that registers it: Spark finds the module
``pyspark_rapidicom``. See the guide, docs/guide/spark.md.

===============  ========================================================================================
``source``       ``DefaultSource``: what Spark makes of ``format("rapidicom")``; its readers
``options``      the words of ``.option(…)``, checked before a file is read
``files``        folders → partitions of many files
``rows``         files → record batches of the schema that was asked for, bad files as the mode says
``filters``      push-down: filters of Spark's plan that are applied to record batches
``stream``       ``readStream``: which files are new
``arrivals``     the log of what was found, that its offsets count in
``headers``      ``map_headers``: rows of paths or contents → rows of columns
``contents``     a column of contents → record batches
===============  ========================================================================================
"""

from __future__ import annotations

try:
    from .headers import map_headers as map_headers
    from .headers import schema as schema
    from .source import DefaultSource as DefaultSource
except ImportError as _error:
    raise ImportError(
        f"rapidicom.spark needs PySpark >= 4.0 and pyarrow: pip install rapidicom[spark] ({_error})"
    ) from _error

__all__ = ["DefaultSource", "map_headers", "schema"]
