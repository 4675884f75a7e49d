"""The DICOM JSON Model as PS3.18 Annex F has it, for ``rapidicom dump --json``.

``rapidicom.json_model`` gives it as pydicom does. Here group lengths and empty component groups are left out, an empty
sequence has no ``Value``, an empty value among others is null, InlineBinary is in Little Endian, and all of it is JSON.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import rapidicom as rd
from rapidicom.json_model import BINARY, base64_text, values

INLINE_BYTES = 1024
WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def line(ds: rd.Dataset, path: str) -> str:
    """Return the data set as one line of JSON; binary values longer than 1 KiB are named by file, offset and length.

    In a deflated data set they have no place in the file, and are given whatever their length.
    """
    syntax = ds.transfer_syntax
    deflated = syntax is not None and syntax.is_transfer_syntax and syntax.is_deflated
    uri = None if deflated else Path(path).absolute().as_uri()
    root: dict[str, Any] = {}
    stack = [(ds, root)]
    while stack:
        level, model = stack.pop()
        for element in level:
            if element.tag & 0xFFFF == 0:
                continue  # PS3.18 §F.2.2: group lengths are left out
            entry: dict[str, Any] = {"vr": element.VR}
            model[element.tag.json_key] = entry
            if element.VR == "SQ":
                items: list[dict[str, Any]] = [{} for _ in element.value]
                if items:
                    entry["Value"] = items
                stack.extend(zip(element.value, items, strict=True))
            elif element.VR in BINARY:
                _binary(element, entry, uri, little=level.is_little_endian)
            elif not element.is_empty:  # PS3.18 §F.2.5: an empty element has no "Value"
                entry["Value"] = [_conformed(value) for value in values(element)]
    return json.dumps(root, ensure_ascii=False, allow_nan=False)


def _binary(element: rd.DataElement, entry: dict[str, Any], uri: str | None, *, little: bool) -> None:
    raw = element.raw
    if uri and len(raw) > INLINE_BYTES:
        entry["BulkDataURI"] = f"{uri}?offset={element.value_offset}&length={len(raw)}"
    elif len(raw):
        unit = 1 if little else WORD_BYTES.get(element.VR, 1)
        entry["InlineBinary"] = base64_text(_reversed(bytes(raw), unit))


def _reversed(value: bytes, unit: int) -> bytes:
    """The other byte order; a last word that is cut off stays. PS3.5 §7.3"""
    words = bytearray(value)
    end = len(value) // unit * unit
    for place in range(unit):
        words[place:end:unit] = value[unit - 1 - place : end : unit]
    return bytes(words)


def _conformed(value: Any) -> Any:
    if isinstance(value, dict):  # PS3.18 §F.2.2: the component groups that are not empty
        return {group: text for group, text in value.items() if text} or None
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "NaN")  # RFC 8259 §6: no JSON number says so
    return None if value == "" else value  # PS3.18 §F.2.5
