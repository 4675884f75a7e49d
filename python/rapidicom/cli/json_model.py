"""The DICOM JSON Model of PS3.18 Annex F, for ``rapidicom dump --json``."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import rapidicom as rd

INLINE_BYTES = 1024
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def line(ds: rd.Dataset, path: str) -> str:
    """Return the data set as one line of JSON; binary values longer than 1 KiB are named by file, offset and length."""
    root: dict[str, Any] = {}
    stack = [(ds, root)]
    while stack:
        level, model = stack.pop()
        for element in level:
            if element.tag & 0xFFFF == 0:
                continue  # PS3.18 §F.2.2: group lengths are left out
            entry: dict[str, Any] = {"vr": element.VR}
            model[f"{int(element.tag):08X}"] = entry
            if element.VR == "SQ":
                items: list[dict[str, Any]] = [{} for _ in element.value]
                if items:
                    entry["Value"] = items
                stack.extend(zip(element.value, items, strict=True))
            elif element.VR in BINARY:
                _binary(element, entry, path)
            else:
                _values(element, entry)
    return json.dumps(root, ensure_ascii=False, allow_nan=False)


def _binary(element: rd.DataElement, entry: dict[str, Any], path: str) -> None:
    raw = element.raw
    if len(raw) > INLINE_BYTES:
        uri = Path(path).absolute().as_uri()
        entry["BulkDataURI"] = f"{uri}?offset={element.value_offset}&length={len(raw)}"
    elif len(raw):
        entry["InlineBinary"] = base64.b64encode(raw).decode("ascii")


def _values(element: rd.DataElement, entry: dict[str, Any]) -> None:
    value = element.value
    values = value if isinstance(value, list) else [value]
    if all(one is None or one == "" for one in values):
        return  # PS3.18 §F.2.5: an empty value has no "Value"
    entry["Value"] = [_one(element.VR, one) for one in values]


def _one(vr: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if vr == "PN":
        groups = {
            "Alphabetic": value.alphabetic,
            "Ideographic": value.ideographic,
            "Phonetic": value.phonetic,
        }
        return {name: str(text) for name, text in groups.items() if text}
    if vr == "AT":
        return f"{int(value):08X}"
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "NaN")  # PS3.18 §F.2.3.1
    return value if isinstance(value, int | float) else str(value)
