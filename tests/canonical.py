"""Values of either library as plain Python, so that they can be written by one process and compared in another."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

Path = tuple[tuple[int, int], ...]
LONG = 64


class Element(NamedTuple):
    """A Data Element as one of the libraries sees it; `error` where it refuses."""

    vr: str
    vm: int
    value: Any
    error: str | None = None


Elements = dict[tuple[Path, int], Element]


def canonical(value: Any) -> Any:
    """None, int, float, str, a list of these; long bytes as their length and digest."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value) if len(value) <= LONG else f"{len(value)} bytes {hashlib.sha256(value).hexdigest()}"
    if hasattr(value, "family_name"):  # pydicom's PersonName is no str
        return str(value)
    return [canonical(part) for part in value]


def elements(data_set: Any, tags: Iterator[int]) -> Iterator[tuple[int, Element, Any]]:
    """Each tag, its element, and the items where it is a Sequence."""
    for tag in tags:
        try:
            element = data_set[tag]
            vr, vm, value = str(element.VR), int(element.VM), element.value
            if vr == "SQ":
                yield int(tag), Element(vr, 0, f"{len(value)} items"), list(value)
            else:
                yield int(tag), Element(vr, vm, canonical(value)), None
        except Exception as error:
            vr = getattr(data_set.get_item(tag), "VR", None) if hasattr(data_set, "get_item") else None
            yield int(tag), Element(str(vr or ""), 0, None, f"{type(error).__name__}: {error}"[:300]), None


def walk(data_set: Any) -> Elements:
    """Every element at every depth, File Meta Information among them, by path; with a stack of its own."""
    found: Elements = {}
    stack: list[tuple[Path, Any]] = [((), data_set)]
    if getattr(data_set, "file_meta", None):
        stack.append(((), data_set.file_meta))
    while stack:
        path, level = stack.pop()
        for tag, element, items in elements(level, iter(sorted(int(tag) for tag in level.keys()))):  # noqa: SIM118
            found[path, tag] = element
            stack.extend(((*path, (tag, number)), item) for number, item in enumerate(items or ()))
    return found


def same(ours: Any, theirs: Any) -> bool:
    """`==`, where NaN equals NaN."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    return bool(ours == theirs)


def pixel_facts(array: Any) -> tuple[tuple[int, ...], str, str]:
    """Shape, dtype, and sha256 of the samples: C-contiguous, little endian."""
    import numpy as np

    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return tuple(array.shape), array.dtype.name, hashlib.sha256(little.tobytes()).hexdigest()
