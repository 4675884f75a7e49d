"""A function called for each element: what ``Dataset.walk`` does with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._rapidicom import DataElement, Dataset


def visit(data_set: Dataset, callback: Callable[[Dataset, DataElement], object], recursive: bool) -> None:
    """``callback(data set or item, element)`` in tag order, the elements of an item after their sequence."""
    levels: list[tuple[Dataset, Iterator[DataElement]]] = [(data_set, iter(data_set))]
    while levels:
        level, elements = levels[-1]
        element = next(elements, None)
        if element is None:
            levels.pop()
            continue
        callback(level, element)
        if recursive and element.VR == "SQ":
            levels += ((item, iter(item)) for item in reversed(element.value))
