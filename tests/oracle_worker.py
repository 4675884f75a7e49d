"""pydicom's answers, pickled one file each.

usage: oracle_worker.py values|pixels|decoded        with lines of `path TAB answer` on standard input
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


def decoded(path: str) -> dict[str, Any]:
    """Facts of compressed frames, shown and raw, by each of pydicom's plugins that takes them and by libjpeg-turbo."""
    data_set = read(path)
    syntax = data_set.file_meta.get("TransferSyntaxUID", "")
    if "PixelData" not in data_set or not getattr(syntax, "is_encapsulated", False):
        return {"none": True}
    answer: dict[str, Any] = {"syntax": str(syntax), "shown": {}, "raw": {}}
    try:
        plugins = pydicom.pixels.get_decoder(syntax).available_plugins
    except NotImplementedError:
        plugins = ()
    for plugin in plugins:
        for name, raw in (("shown", False), ("raw", True)):
            try:
                array = pydicom.pixels.pixel_array(read(path), raw=raw, decoding_plugin=plugin)
                answer[name][plugin] = pixel_facts(array)
            except Exception as error:
                answer[name][plugin] = f"{type(error).__name__}: {error}"[:300]
    for name, raw in (("shown", False), ("raw", True)):
        try:
            answer[name]["libjpeg-turbo"] = libjpeg_turbo(data_set, raw)
        except Exception as error:
            answer[name]["libjpeg-turbo"] = f"{type(error).__name__}: {error}"[:300]
    return answer


def libjpeg_turbo(data_set: Any, raw: bool) -> tuple[tuple[int, ...], str, str]:
    """Facts of what libjpeg-turbo makes of JPEG frames: its exact inverse DCT (islow), its own colour conversion."""
    import imagecodecs
    import numpy as np

    count = int(data_set.get("NumberOfFrames", 1) or 1)
    color: dict[str, Any] = {"outcolorspace": "YCbCr"} if raw and data_set.SamplesPerPixel == 3 else {}
    frames = pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=count)
    stack = np.stack([imagecodecs.jpeg8_decode(frame, **color) for frame in frames])
    return pixel_facts(stack if count > 1 else stack[0])


def main() -> None:
    answer_of: Callable[[str], dict[str, Any]] = {"values": values, "pixels": pixels, "decoded": decoded}[sys.argv[1]]
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
