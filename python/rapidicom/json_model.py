"""The DICOM JSON Model of data sets and elements, as pydicom gives it: PS3.18 Annex F.

Sequences nest no deeper than ``Limits.max_depth``. As with pydicom, ``InlineBinary`` of a Big Endian data set is in the
file's byte order, where PS3.18 §8.7.3.3 has bulk data in Little Endian, and text has NaN and infinities as Python's
``json`` writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DicomError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._rapidicom import DataElement, Dataset

    Handler = Callable[[DataElement], str] | None
    Dump = Callable[[dict[str, Any]], str] | None

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def data_set_model(
    data_set: Dataset,
    bulk_data_threshold: int = 1024,
    bulk_data_element_handler: Handler = None,
    suppress_invalid_tags: bool = False,
) -> dict[str, Any]:
    """The elements by tag; those whose bytes are no value are left out where ``suppress_invalid_tags`` says so."""
    model = {}
    for element in data_set:
        try:
            model[element.tag.json_key] = element_model(element, bulk_data_element_handler, bulk_data_threshold)
        except DicomError:
            if not suppress_invalid_tags:
                raise
    return model


def element_model(
    element: DataElement, bulk_data_element_handler: Handler = None, bulk_data_threshold: int = 1024
) -> dict[str, Any]:
    """``vr``, and ``Value``, ``InlineBinary`` or ``BulkDataURI``; an empty element has ``vr`` alone. PS3.18 §F.2.5"""
    vr = element.VR
    if vr == "SQ":
        items = [data_set_model(item, bulk_data_threshold, bulk_data_element_handler) for item in element.value]
        return {"vr": vr, "Value": items}
    if element.is_empty:
        return {"vr": vr}
    if vr in BINARY:
        # Base64 is longer by a third.
        if bulk_data_element_handler is not None and element.value_length > bulk_data_threshold // 4 * 3:
            return {"vr": vr, "BulkDataURI": bulk_data_element_handler(element)}
        return {"vr": vr, "InlineBinary": base64_text(element.value)}
    return {"vr": vr, "Value": values(element)}


def values(element: DataElement) -> list[Any]:
    """``Value`` of an element that is not empty, holds no items, and more than bytes. PS3.18 §F.2.4"""
    value = element.value
    return [_json(one, element.VR) for one in (value if isinstance(value, list) else [value])]


def base64_text(value: bytes) -> str:
    """``InlineBinary``. PS3.18 §F.2.7"""
    from base64 import b64encode

    return b64encode(value).decode("ascii")


def _json(value: Any, vr: str) -> object:
    if vr == "PN":
        return dict(zip(_GROUPS, value.components, strict=False))
    if vr == "AT":
        return value.json_key
    return None if value == "" and vr in ("DS", "IS") else value


def data_set_text(
    data_set: Dataset,
    bulk_data_threshold: int = 1024,
    bulk_data_element_handler: Handler = None,
    dump_handler: Dump = None,
    suppress_invalid_tags: bool = False,
) -> str:
    """The model as JSON, by ``dump_handler`` where that is given."""
    model = data_set_model(data_set, bulk_data_threshold, bulk_data_element_handler, suppress_invalid_tags)
    return (dump_handler or _dump)(model)


def element_text(
    element: DataElement,
    bulk_data_threshold: int = 1024,
    bulk_data_element_handler: Handler = None,
    dump_handler: Dump = None,
) -> str:
    """The model as JSON, by ``dump_handler`` where that is given."""
    return (dump_handler or _dump)(element_model(element, bulk_data_element_handler, bulk_data_threshold))


def _dump(model: dict[str, Any]) -> str:
    from json import dumps

    return dumps(model, sort_keys=True)
