"""pydicom's answers, pickled one file each.

usage: oracle_worker.py values|pixels        with lines of `path TAB answer` on standard input
"""

import logging
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom

from canonical import pixel_facts, walk


def read(path: str) -> Any:
    """As pydicom reads by default; `force` only where it would refuse."""
    try:
        return pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError:
        return pydicom.dcmread(path, force=True)


def values(path: str) -> dict[str, Any]:
    """All elements, or how it failed; `forced` where pydicom found no sign of DICOM."""
    try:
        data_set, forced = pydicom.dcmread(path), False
    except pydicom.errors.InvalidDicomError:
        data_set, forced = pydicom.dcmread(path, force=True), True
    return {"elements": walk(data_set), "forced": forced}


def pixels(path: str) -> dict[str, Any]:
    """Facts of the array, as shown and raw; of each frame's encoded bytes where the data are encapsulated."""
    data_set = read(path)
    if "PixelData" not in data_set and "FloatPixelData" not in data_set and "DoubleFloatPixelData" not in data_set:
        return {"none": True}
    syntax = data_set.file_meta.get("TransferSyntaxUID", "")
    answer: dict[str, Any] = {"syntax": str(syntax)}
    if getattr(syntax, "is_encapsulated", False):
        frames = int(data_set.get("NumberOfFrames", 1) or 1)
        table = (
            {"extended_offsets": (data_set.ExtendedOffsetTable, data_set.ExtendedOffsetTableLengths)}
            if ("ExtendedOffsetTable" in data_set)
            else {}
        )
        encoded = pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=frames, **table)
        answer["encoded"] = [bytes(frame) for frame in encoded]
        return answer
    for name, raw in (("shown", False), ("raw", True)):
        try:
            answer[name] = pixel_facts(pydicom.pixels.pixel_array(data_set, raw=raw))
        except Exception as error:
            answer[name] = f"{type(error).__name__}: {error}"[:300]
    return answer


def main() -> None:
    answer_of: Callable[[str], dict[str, Any]] = {"values": values, "pixels": pixels}[sys.argv[1]]
    warnings.simplefilter("ignore")
    logging.disable()
    for line in sys.stdin.read().splitlines():
        path, _, where = line.partition("\t")
        try:
            answer = answer_of(path)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        part = Path(where + ".part")
        part.write_bytes(pickle.dumps(answer))
        part.rename(where)


if __name__ == "__main__":
    main()
