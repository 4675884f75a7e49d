"""Data sets as text and as HTML, for people. Long values are cut; sequences are shown one level after the other."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

from .errors import DicomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._rapidicom import DataElement, Dataset, Sequence

#: Characters of a value, values of a list, lines of a data set that are shown.
VALUE_WIDTH, LIST_LENGTH, LINES = 64, 8, 2000

_BYTES = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def _short(text: str) -> str:
    return text if len(text) <= VALUE_WIDTH else text[: VALUE_WIDTH - 1] + "…"


def value_text(element: DataElement) -> str:
    """The value as one line; bytes by their number."""
    if element.VR in _BYTES and element.value_length > VALUE_WIDTH // 2:
        return f"<{element.value_length} bytes>"
    try:
        value: Any = element.value
    except DicomError as error:
        return f"<{error.detail}>"
    if element.VR == "SQ":
        return _head(value)
    if isinstance(value, list):
        shown = ", ".join(repr(v) if isinstance(v, (str, bytes)) else str(v) for v in value[:LIST_LENGTH])
        rest = f", … {len(value)} values" if len(value) > LIST_LENGTH else ""
        return _short(f"[{shown}{rest}]")
    if element.VR == "SQ":
        return f"<Sequence, length {len(value)}>"
    if isinstance(value, str) and element.VR == "UI":
        return _short(getattr(value, "name", value))
    return _short(repr(value)) if isinstance(value, (str, bytes)) else _short(str(value))


def _head(sequence: Sequence) -> str:
    return f"<Sequence, length {len(sequence)}>"


def _line(element: DataElement, depth: int) -> str:
    name = element.name[:35]
    if element.VR == "SQ":
        text = f"{len(element.value)} item(s) ----"
        return f"{'   ' * depth}{element.tag}  {name}  {text}"
    return f"{'   ' * depth}{element.tag} {name:<35} {element.VR}: {value_text(element)}"


def element_text(element: DataElement) -> str:
    """``(0010,0010) Patient's Name                      PN: 'Doe^John'``"""
    return _line(element, 0)


def _lines(data_set: Dataset) -> list[str]:
    lines: list[str] = []
    last, previous = 0, ""
    for path, element in islice(data_set.walk(), LINES + 1):
        depth = path.count("[")
        if len(lines) >= LINES:
            lines.append("…")
            break
        if depth > last or (depth and path.rsplit("].", 1)[0] != previous):
            lines.append(f"{'   ' * depth}---------")
        last, previous = depth, path.rsplit("].", 1)[0]
        lines.append(_line(element, depth))
    return lines


def data_set_text(data_set: Dataset) -> str:
    """All elements, one a line, items indented."""
    return "\n".join(_lines(data_set))


def top_text(data_set: Dataset) -> str:
    """The elements of this level, one a line."""
    return "\n".join(_line(element, 0) for element in islice(data_set, LINES))


class _Facts:
    """What an element says of itself, by name, when a format asks for it."""

    def __init__(self, element: DataElement) -> None:
        self.element = element

    def __getitem__(self, name: str) -> Any:
        fact = getattr(self.element, name)
        return fact() if callable(fact) else fact


_ELEMENT_FORMAT = "%(tag)s %(name)-35.35s %(VR)s: %(repval)s"


def formatted_lines(
    data_set: Dataset,
    element_format: str = _ELEMENT_FORMAT,
    sequence_element_format: str = _ELEMENT_FORMAT,
    indent_format: str | None = None,
) -> Iterator[str]:
    """A line for each element of all levels, by a ``%`` format of the names of its attributes."""
    for element in data_set.iterall():
        yield (sequence_element_format if element.VR == "SQ" else element_format) % _Facts(element)


def sequence_text(sequence: Sequence) -> str:
    """The items, each on lines of its own."""
    return "\n".join([_head(sequence), *(data_set_text(item) for item in islice(sequence, LIST_LENGTH))])


def data_set_html(data_set: Dataset) -> str:
    """A table for notebooks: tag, keyword, VR, value; items follow their sequence."""
    rows = []
    for path, element in islice(data_set.walk(), LINES):
        depth = path.count("[")
        value = f"{len(element.value)} item(s)" if element.VR == "SQ" else value_text(element)
        cells = (str(element.tag), element.keyword or element.name, element.VR, value)
        shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr style="--depth:{depth}">{shown}</tr>')
    head = "<tr><th>Tag</th><th>Keyword</th><th>VR</th><th>Value</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
