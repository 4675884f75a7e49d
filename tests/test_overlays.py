"""Overlay planes: separate ones against pydicom, those in the pixels by their bits."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset as PydicomDataset
from pydicom.dataset import FileMetaDataset

import builders
import rapidicom as rd
from rapidicom import pixels

pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_file(
    pydicom_files: list[Path], pydicom_data_files: list[Path], figure: Callable[[str, object], None]
) -> None:
    planes = 0
    for path in pydicom_files + pydicom_data_files:
        try:
            theirs = pydicom.dcmread(path, force=True)
            tags = list(theirs.keys())
            groups = {tag.group for tag in tags if tag.element == 0x3000 and 0x6000 <= tag.group <= 0x60FF}
            ours = rd.dcmread(path, force=True) if groups else None
        except Exception:
            continue
        for group in groups:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = theirs.overlay_array(group)
            for ds in (ours, theirs):
                found = pixels.overlay_array(ds, group)
                assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
                assert np.array_equal(found, expected)
                planes += 1
    figure("overlay planes equal to pydicom's", planes)
    assert planes >= 2


def overlay(rows: int, columns: int, data: bytes | None, frames: int | None = None, **elements: Any) -> PydicomDataset:
    ds = PydicomDataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    ds.add_new(0x60020010, "US", rows)
    ds.add_new(0x60020011, "US", columns)
    ds.add_new(0x60020100, "US", elements.pop("bits", 1))
    ds.add_new(0x60020102, "US", elements.pop("position", 0))
    if frames is not None:
        ds.add_new(0x60020015, "IS", frames)
    if data is not None:
        ds.add_new(0x60023000, "OW", data)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("rows", "columns", "frames"), [(1, 1, None), (3, 5, 1), (7, 9, 4), (64, 64, 2), (501, 3, None)]
)
def test_generated_planes(rows: int, columns: int, frames: int | None) -> None:
    rng = np.random.default_rng(rows)
    shape = (frames, rows, columns) if frames and frames > 1 else (rows, columns)
    expected = rng.integers(0, 2, shape, dtype=np.uint8)
    data = np.packbits(expected.ravel(), bitorder="little").tobytes()
    for pad in (b"", b"\0", b"\xff" * 9):
        ds = overlay(rows, columns, data + pad, frames)
        assert np.array_equal(pixels.overlay_array(ds, 0x6002), expected)
        if pad:
            assert np.array_equal(ds.overlay_array(0x6002) if len(data + pad) % 2 == 0 else expected, expected)
    with pytest.raises(ValueError, match="length of the overlay data"):
        pixels.overlay_array(overlay(rows, columns, data[:-1], frames), 0x6002)


@pytest.mark.parametrize("syntax", [pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ExplicitVRBigEndian])
@pytest.mark.parametrize("position", [0, 7, 8, 12, 15])
def test_planes_in_the_pixels(position: int, syntax: str) -> None:
    cells = np.random.default_rng(position).integers(0, 65536, (6, 7), dtype=np.uint16)
    stored = cells.astype("<u2" if syntax == pydicom.uid.ExplicitVRLittleEndian else ">u2").tobytes()
    ds = overlay(6, 7, None, bits=16, position=position, BitsAllocated=16, PixelData=stored)
    ds.file_meta.TransferSyntaxUID = syntax
    if position:
        assert np.array_equal(pixels.overlay_array(ds, 0x6002), cells >> position & 1)
    else:
        with pytest.raises(AttributeError, match="OverlayData"):
            pixels.overlay_array(ds, 0x6002)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="0x6000 to 0x60FF"):
        pixels.overlay_array(overlay(1, 1, b"\0\0"), 0x5FFE)
    with pytest.raises(AttributeError, match="OverlayData"):
        pixels.overlay_array(overlay(1, 1, None), 0x6002)
    with pytest.raises(ValueError, match="length"):
        pixels.overlay_array(overlay(1, 1, b"\0\0", 0), 0x6002)
    with pytest.raises(ValueError, match="Bits Allocated"):
        ds = overlay(1, 1, None, bits=8, position=4, BitsAllocated=16, PixelData=b"\0\0")
        pixels.overlay_array(ds, 0x6002)


def test_compressed_pixels_hold_no_overlay() -> None:
    e = builders.EXPLICIT
    image = e.image(4, 4, bits=16, stored=12)
    plane = e.element(0x60000010, "US", [4]) + e.element(0x60000011, "US", [4])
    plane += e.element(0x60000100, "US", [16]) + e.element(0x60000102, "US", [15])
    cells = np.full((4, 4), 0x8000, "<u2")
    native = rd.dcmread(builders.file(e.patient() + image + plane + e.element(0x7FE00010, "OW", cells.tobytes())))
    assert pixels.overlay_array(native, 0x6000).all()
    frame = builders.rle_frame(bytes([15] + [0x80] * 16), bytes([15] + [0] * 16))
    encoded = builders.file(e.patient() + image + plane + e.encapsulated([frame]), builders.RLE_UID)
    for ds in (rd.dcmread(encoded), pydicom.dcmread(io.BytesIO(encoded))):
        with pytest.raises(AttributeError, match="OverlayData"):
            pixels.overlay_array(ds, 0x6000)
