"""Native pixels of the real files against recorded hashes and pydicom; encapsulated frames as bytes against pydicom."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
import rapidicom as rd
from canonical import pixel_facts
from conftest import manifest

NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}
BIG = "1.2.840.10008.1.2.2"
# Where pydicom's own answer is not followed: file name → the reason, which docs/differences.md explains.
EXCEPTIONS: dict[str, str] = {}

Figure = Callable[[str, object], None]


def read(path: Path) -> Any:
    try:
        return rd.dcmread(path)
    except rd.InvalidDicomError:
        return rd.dcmread(path, force=True)


def digests(array: np.ndarray) -> set[str]:
    """Of the samples in either byte order: the manifest has big-endian files' as they lie."""
    return {
        hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder(order)).tobytes()).hexdigest()
        for order in "<>"
    }


def finish(name: str, right: int, wrong: list[str], figure: Figure) -> None:
    figure(f"native pixels, {name}: right", f"{right} of {right + len(wrong)}")
    assert right
    assert not wrong, "\n".join(wrong)


@pytest.mark.figure
def test_the_shared_corpus(shared_corpus: Path, figure: Figure) -> None:
    right, wrong = 0, []
    rows = [row for row in manifest() if row["transfer_syntax"] in NATIVE and row["pydicom_pixels_sha256"]]
    for row in rows:
        path = shared_corpus / row["path"]
        if path.name in EXCEPTIONS:
            continue
        try:
            ds = read(path)
            shown, raw = ds.pixel_array, ds.frames.decode(raw=True)
        except Exception as error:
            wrong.append(f"{row['path']}: {type(error).__name__}: {error}")
            continue
        shape = "x".join(map(str, shown.shape))
        facts = {
            "shape": (shape, row["pixels_shape"]),
            "dtype": (shown.dtype.name, np.dtype(row["pixels_dtype"]).name),
            "pixels": (row["pydicom_pixels_sha256"] in digests(shown), True),
            "raw pixels": (row["pydicom_raw_pixels_sha256"] in digests(raw), True),
        }
        bad = {name: pair for name, pair in facts.items() if pair[0] != pair[1]}
        right += not bad
        wrong += [f"{row['path']}: {bad}"] if bad else []
    finish("shared corpus", right, wrong, figure)


def check_against_pydicom(files: list[Path], name: str, figure: Figure) -> None:
    right, wrong, only_ours = 0, [], 0
    for path, answer in oracle.ask("pixels", files):
        if "shown" not in answer or path.name in EXCEPTIONS:
            continue
        ours: dict[str, Any] = {}
        for kind, call in (("shown", lambda ds: ds.pixel_array), ("raw", lambda ds: ds.frames.decode(raw=True))):
            try:
                ours[kind] = pixel_facts(call(read(path)))
            except Exception as error:
                ours[kind] = f"{type(error).__name__}: {error}"
        for kind, facts in ours.items():
            if isinstance(answer[kind], str):  # pydicom refuses
                only_ours += not isinstance(facts, str)
            elif facts[kind == "raw" :] == answer[kind][kind == "raw" :]:  # `decode` keeps the axis of frames
                right += 1
            else:
                wrong.append(f"{path.name} {kind}: ours {facts}, pydicom {answer[kind]}")
    figure(f"native pixels, {name}: arrays that only rapidicom gives", only_ours)
    finish(name, right, wrong, figure)


@pytest.mark.figure
def test_the_files_of_pydicom(pydicom_files: list[Path], figure: Figure) -> None:
    check_against_pydicom(pydicom_files, "pydicom's files", figure)


@pytest.mark.figure
def test_the_files_of_pydicom_data(pydicom_data_files: list[Path], figure: Figure) -> None:
    check_against_pydicom(pydicom_data_files, "pydicom-data's files", figure)


def check_encapsulated(files: list[Path], name: str, figure: Figure) -> None:
    frames, wrong = 0, []
    for path, answer in oracle.ask("pixels", files):
        if "encoded" not in answer:
            continue
        ds, data = read(path), path.read_bytes()
        ours = [bytes(ds.frames.encoded(index)) for index in range(len(ds.frames))]
        frames += len(ours)
        if [unpadded(frame) for frame in ours] != [unpadded(frame) for frame in answer["encoded"]]:
            sizes = [len(frame) for frame in ours][:5], [len(frame) for frame in answer["encoded"]][:5]
            wrong.append(f"{path.name}: {len(ours)} frames for pydicom's {len(answer['encoded'])}, of {sizes} bytes")
        ranges = ds.frames.byte_ranges
        assert ranges.dtype == np.int64
        assert ranges.shape == (len(ours), 2)
        for (offset, length), frame in zip(ranges.tolist(), ours, strict=True):
            if length == len(frame) and data[offset : offset + length] != frame:  # one fragment: as it lies
                wrong.append(f"{path.name}: byte range {offset}+{length} is not the frame")
    figure(f"encapsulated frames, {name}: compared", frames)
    assert frames
    assert not wrong, "\n".join(wrong)


def unpadded(frame: bytes) -> bytes:
    """PS3.5 §A.4: a fragment is padded to even length."""
    return frame.rstrip(b"\0")


@pytest.mark.figure
def test_encapsulated_frames_of_the_shared_corpus(shared_corpus: Path, figure: Figure) -> None:
    check_encapsulated([shared_corpus / row["path"] for row in manifest()], "shared corpus", figure)


@pytest.mark.figure
def test_encapsulated_frames_of_the_packages(
    pydicom_files: list[Path], pydicom_data_files: list[Path], figure: Figure
) -> None:
    check_encapsulated(pydicom_files + pydicom_data_files, "packages", figure)
