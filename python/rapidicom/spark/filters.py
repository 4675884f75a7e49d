"""Push-down: filters of Spark's plan that are applied to record batches before they leave the reader.

Taken are those whose answer Arrow and SQL agree on: equality and membership of text, whole numbers and dates, "is not
null", and beginnings of text. Not floating point numbers, where SQL has NaN equal NaN; not times; not what is inside
lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]
from pyspark.sql.datasource import EqualTo, Filter, In, IsNotNull, StringStartsWith

__all__ = ["Taken", "apply", "is_taken"]

Taken: TypeAlias = EqualTo | In | IsNotNull | StringStartsWith
"""The kinds of filters that are looked at; their attribute is a path of names."""


def is_taken(filter_: Filter, schema: pa.Schema) -> TypeGuard[Taken]:
    """Whether ``apply`` can answer this filter on a column of this schema."""
    if not isinstance(filter_, EqualTo | In | IsNotNull | StringStartsWith):
        return False
    if len(filter_.attribute) != 1 or filter_.attribute[0] not in schema.names:
        return False
    if isinstance(filter_, IsNotNull):
        return True
    kind = schema.field(filter_.attribute[0]).type
    if isinstance(filter_, StringStartsWith):
        return bool(pa.types.is_string(kind))
    exact = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_date32(kind)
    return exact and _scalars(filter_, kind) is not None


def apply(filters: Sequence[Taken], batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows for which all of the filters are true; null is not."""
    for filter_ in filters:
        column = batch[filter_.attribute[0]]
        if isinstance(filter_, IsNotNull):
            mask = column.is_valid()
        elif isinstance(filter_, StringStartsWith):
            mask = pc.starts_with(column, filter_.value)
        else:
            mask = pc.is_in(column, value_set=_scalars(filter_, column.type), skip_nulls=True)
        batch = batch.filter(mask)
    return batch


def _scalars(filter_: EqualTo | In, kind: pa.DataType) -> pa.Array | None:
    """The values in the column's type; None where they are not of it. A null is equal to nothing."""
    values: list[Any] = list(filter_.value) if isinstance(filter_, In) else [filter_.value]
    try:
        return pa.array([value for value in values if value is not None], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
