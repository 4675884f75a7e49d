"""Equality of data sets: the same tags, VRs and values, at all depths.

The other side may be pydicom's: what counts is that its elements have ``tag``, ``VR`` and ``value``. Where bytes are no
value, the bytes are compared. Sequences nest no deeper than ``Limits.max_depth``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DicomError

if TYPE_CHECKING:
    from collections.abc import Iterable


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value


def _same(mine: Any, theirs: Any) -> bool:
    if _is_nan(mine) and _is_nan(theirs):
        return True
    if isinstance(mine, list) and hasattr(theirs, "__len__") and not isinstance(theirs, (str, bytes)):
        return len(mine) == len(theirs) and all(_same(a, b) for a, b in zip(mine, theirs, strict=True))
    return bool(mine == theirs)


def elements_equal(mine: Any, theirs: object) -> object:
    """Whether both have the same tag, VR and value; ``NotImplemented`` where the other is no element."""
    # Of the class: to ask an element for its value is to decode it.
    if not (hasattr(theirs, "tag") and hasattr(theirs, "VR") and hasattr(type(theirs), "value")):
        return NotImplemented
    other: Any = theirs
    if mine.tag != other.tag or mine.VR != other.VR:
        return False
    try:
        return _same(mine.value, other.value)
    except DicomError:
        return bool(mine.raw == getattr(other, "raw", None))


def element_hash(element: Any) -> int:
    """Of the tag and of what equality sees of the value: padding, and how a number is written, do not count."""
    try:
        value = element.value
    except DicomError:
        return hash((int(element.tag), element.value_length))
    if isinstance(value, (str, int, float)):
        return hash((int(element.tag), 0.0 if _is_nan(value) else value))
    return hash((int(element.tag), 0 if value is None else len(value)))


def data_sets_equal(mine: Iterable[Any], theirs: object) -> object:
    """Whether both have equal elements; ``NotImplemented`` where the other is no data set."""
    if mine is theirs:
        return True
    if not (hasattr(theirs, "group_dataset") and hasattr(theirs, "__iter__")):
        return NotImplemented
    other: Any = theirs
    if len(mine) != len(other):  # type: ignore[arg-type]
        return False
    return all(elements_equal(a, b) is True for a, b in zip(mine, other, strict=True))


def sequences_equal(mine: Any, theirs: object) -> object:
    """Whether both have equal items; ``NotImplemented`` where the other is no sequence."""
    if mine is theirs:
        return True
    if isinstance(theirs, (str, bytes)) or not (hasattr(theirs, "__len__") and hasattr(theirs, "__getitem__")):
        return NotImplemented
    other: Any = theirs
    return len(mine) == len(other) and all(data_sets_equal(a, b) is True for a, b in zip(mine, other, strict=True))
