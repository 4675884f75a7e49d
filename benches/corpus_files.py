"""What all of the benchmark corpus is made of: the real image, and how a file is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

Array = np.ndarray[Any, Any]
Log = Callable[[str], None]

# Transfer syntaxes that pydicom 3.0.2 can't name: they are written with forced encoding.
UNKNOWN_TO_PYDICOM = {
    "1.2.840.10008.1.2.4.110",
    "1.2.840.10008.1.2.4.111",
    "1.2.840.10008.1.2.4.112",
    "1.2.840.10008.1.2.8.1",
}


def real_ct() -> Array:
    """The real CT slice of pydicom-data: 512 x 512 int16."""
    import data_store

    path = next(Path(data_store.__file__).parent.rglob("693_UNCR.dcm"))
    return np.ascontiguousarray(pydicom.dcmread(path).pixel_array.astype(np.int16))


def as_unsigned(image: Array) -> Array:
    """The slice with 12 bits, uint16."""
    return np.clip(image.astype(np.int32) + 1024, 0, 4095).astype(np.uint16)


def many_frames(image: Array, n: int = 100) -> Array:
    """Different frames: turned, mirrored, rolled."""
    out = np.empty((n, *image.shape), image.dtype)
    for k in range(n):
        frame = np.rot90(image, k % 4)
        if (k // 4) % 2:
            frame = frame[:, ::-1]
        out[k] = np.roll(frame, (k * 3, k * 5), (0, 1))
    return out


def write(path: Path, ds: Dataset, meta: FileMetaDataset, implicit: bool = False, little: bool = True) -> None:
    """Write one file, its folder included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileDataset(str(path), ds, file_meta=meta, preamble=b"\0" * 128)
    if meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        pydicom.dcmwrite(str(path), file, enforce_file_format=True)
        return
    known = meta.TransferSyntaxUID not in UNKNOWN_TO_PYDICOM
    if not known:
        meta.FileMetaInformationGroupLength = 0  # written with its real value
    how = {"enforce_file_format": True} if known else {"force_encoding": True}
    pydicom.dcmwrite(str(path), file, implicit_vr=implicit, little_endian=little, **how)
