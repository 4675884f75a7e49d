"""pydicom's DICOM JSON Model of files, one JSON object a line: paths on standard input.

Element by element, so that one that pydicom refuses (`failed`: why) does not hide the others. Of binary values longer
than 1024 bytes and of pixels only the VR is answered.
"""

import json
import sys
import warnings
from typing import Any

import pydicom

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


def element(data_element: Any) -> dict[str, Any]:
    """pydicom's own answer, but for bulk data."""
    long = data_element.VR in BINARY and len(data_element.value or b"") > 1024
    if long or data_element.tag in PIXELS:
        return {"vr": data_element.VR}
    if data_element.VR == "SQ":
        return {"vr": "SQ", "Value": [model(item) for item in data_element.value]}
    return data_element.to_json_dict(None, 0)  # type: ignore[no-any-return]


def model(data_set: Any) -> dict[str, Any]:
    """The elements of a data set by their tags."""
    found = {}
    for tag in sorted(data_set.keys()):
        name = f"{int(tag):08X}"
        try:
            found[name] = element(data_set[tag])
        except Exception as error:
            found[name] = {"failed": f"{type(error).__name__}: {error}"[:200]}
    return found


def main() -> None:
    """Answer until standard input ends; an answer is flushed before the next question is read."""
    warnings.simplefilter("ignore")
    pydicom.config.logger.setLevel("CRITICAL")
    for line in sys.stdin:
        path = line.rstrip("\n")
        try:
            answer: dict[str, Any] = {"model": model(pydicom.dcmread(path))}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps({"path": path} | answer, default=str), flush=True)


if __name__ == "__main__":
    main()
