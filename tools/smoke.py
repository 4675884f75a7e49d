"""A minute's proof that an installed rapidicom works, with nothing but itself and numpy: CPython 3.11 or newer."""

from __future__ import annotations

import struct
import sys
import tempfile
from pathlib import Path

import numpy as np

import rapidicom as rd


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """Return an element in Explicit VR Little Endian (PS3.5 §7.1.2), of an even length."""
    value += b"\0" * (len(value) % 2)
    long_form = vr in (b"OB", b"OW", b"UN", b"SQ", b"UT")
    length = struct.pack("<2xI" if long_form else "<H", len(value))
    return struct.pack("<HH", group, number) + vr + length + value


def image(rows: int, columns: int) -> tuple[bytes, np.ndarray]:
    """Return a DICOM file of one 16-bit image, and the image."""
    pixels = np.arange(rows * columns, dtype="<u2").reshape(rows, columns)
    meta = element(0x0002, 0x0010, b"UI", b"1.2.840.10008.1.2.1")
    meta = element(0x0002, 0x0000, b"UL", struct.pack("<I", len(meta))) + meta
    short = [(0x0002, 1), (0x0010, rows), (0x0011, columns), (0x0100, 16), (0x0101, 16), (0x0102, 15), (0x0103, 0)]
    parts = [element(0x0008, 0x0060, b"CS", b"OT"), element(0x0010, 0x0010, b"PN", b"Smoke^Test")]
    parts += [element(0x0028, 0x0002, b"US", struct.pack("<H", 1)), element(0x0028, 0x0004, b"CS", b"MONOCHROME2 ")]
    parts += [element(0x0028, number, b"US", struct.pack("<H", value)) for number, value in short[1:]]
    parts += [element(0x7FE0, 0x0010, b"OW", pixels.tobytes())]
    return b"\0" * 128 + b"DICM" + meta + b"".join(parts), pixels


def main() -> int:
    """Read from bytes and from a file, index a folder, meet a file that is none."""
    data, pixels = image(8, 12)
    ds = rd.dcmread(data)
    assert ds.PatientName == "Smoke^Test", ds.PatientName
    assert ds["Modality"].value == "OT"
    assert np.array_equal(ds.pixel_array, pixels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.dcm")
        path.write_bytes(data)
        assert np.array_equal(rd.pixel_array(path), pixels)
        index = rd.index(folder)
        assert len(index) == 1, len(index)
        path.write_bytes(data[:200])
        _ = list(rd.dcmread(path))
    try:
        rd.dcmread(b"no DICOM at all" * 20)
    except rd.DicomError:
        pass
    else:
        raise AssertionError("what is no DICOM was read")
    python = f"{sys.implementation.name} {sys.version.split()[0]}"
    print(f"rapidicom {rd.__version__} works on {python} with numpy {np.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
