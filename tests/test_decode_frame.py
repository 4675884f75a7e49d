"""rd.pixels.decode_frame: one frame's bytes without a data set around them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
import rapidicom as rd
from code_streams import STREAMS

VIDEO = "1.2.840.10008.1.2.4.102"
RAMP = np.arange(6 * 7, dtype="<u2").reshape(6, 7)
JPEG_2000 = "J2K_pixelrep_mismatch.dcm"


def layout(ds: Any) -> dict[str, Any]:
    """What decode_frame is told, from a data set."""
    return {
        "transfer_syntax": ds.transfer_syntax,
        "rows": ds.Rows,
        "columns": ds.Columns,
        "samples_per_pixel": ds.SamplesPerPixel,
        "bits_allocated": ds.BitsAllocated,
        "bits_stored": ds.BitsStored,
        "pixel_representation": ds.PixelRepresentation,
        "photometric_interpretation": ds.PhotometricInterpretation,
        "planar_configuration": ds.get("PlanarConfiguration", 0) or 0,
    }


def named(files: list[Path], name: str) -> Any:
    return rd.dcmread(next(path for path in files if path.name == name))


def test_every_file_decodes_as_its_frames(pydicom_files: list[Path], pydicom_data_files: list[Path]) -> None:
    syntaxes, frames = set(), 0
    for path in (*pydicom_files, *pydicom_data_files):
        if not rd.is_dicom(path):
            continue
        ds = rd.dcmread(path)
        packed = ds.get("BitsAllocated") == 1 and not (ds.transfer_syntax and ds.transfer_syntax.is_encapsulated)
        swapped = ds.get("BitsAllocated") == 8 and not ds.is_little_endian
        if "PixelData" not in ds or packed or swapped or ds.transfer_syntax is None:
            continue
        try:
            expected = ds.frames[-1]
        except (rd.DicomError, ValueError):
            continue
        found = rd.pixels.decode_frame(ds.frames.encoded(-1), **layout(ds))
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), path.name
        np.testing.assert_array_equal(found, expected, err_msg=path.name)
        syntaxes.add(str(ds.transfer_syntax))
        frames += 1
    assert frames > 80
    assert len(syntaxes) >= 12, syntaxes


def test_raw_leaves_ybr(pydicom_files: list[Path]) -> None:
    ds = named(pydicom_files, "examples_ybr_color.dcm")
    raw = rd.pixels.decode_frame(ds.frames.encoded(0), raw=True, **layout(ds))
    np.testing.assert_array_equal(raw, ds.frames.decode([0], raw=True)[0])
    assert not np.array_equal(raw, ds.frames[0])


def test_native_frames() -> None:
    facts: dict[str, Any] = {"rows": 6, "columns": 7, "bits_allocated": 16}
    for uid, stored in (
        (builders.EXPLICIT_LITTLE_UID, RAMP.tobytes()),
        (builders.EXPLICIT_BIG_UID, RAMP.astype(">u2").tobytes()),
        (builders.DEFLATED_UID, RAMP.tobytes()),
    ):
        found = rd.pixels.decode_frame(stored, transfer_syntax=uid, **facts)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, RAMP)
    signed = rd.pixels.decode_frame(
        b"\xff\x0f\x00\x08", transfer_syntax=builders.EXPLICIT_LITTLE_UID, rows=1, columns=2,
        bits_allocated=16, bits_stored=12, pixel_representation=1,
    )  # fmt: skip
    assert signed.tolist() == [[-1, -2048]]
    with pytest.raises(rd.PixelDecodeError, match="expected 84"):
        rd.pixels.decode_frame(bytes(80), transfer_syntax=builders.EXPLICIT_LITTLE_UID, **facts)


def test_out_is_filled_and_given_back() -> None:
    facts: dict[str, Any] = {
        "transfer_syntax": builders.EXPLICIT_LITTLE_UID,
        "rows": 6,
        "columns": 7,
        "bits_allocated": 16,
    }
    out = np.empty((6, 7), np.uint16)
    assert rd.pixels.decode_frame(RAMP.tobytes(), out=out, **facts) is out
    np.testing.assert_array_equal(out, RAMP)
    locked = np.empty((6, 7), np.uint16)
    locked.flags.writeable = False
    for wrong, word in (
        (np.empty((7, 6), np.uint16), "shape"),
        (np.empty((6, 7), np.int16), "dtype"),
        (np.empty((7, 6), np.uint16).T, "C-contiguous"),
        (locked, "writable"),
        (bytearray(84), "ndarray"),
    ):
        with pytest.raises(ValueError, match=word):
            rd.pixels.decode_frame(RAMP.tobytes(), out=wrong, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rows": 0}, "Rows is 0"),
        ({"rows": -1}, "rows is -1"),
        ({"columns": 70_000}, "Columns is 70000"),
        ({"samples_per_pixel": 5}, "Samples per Pixel is 5"),
        ({"bits_allocated": 7, "bits_stored": 7}, "Bits Allocated is 7"),
        ({"bits_stored": 17}, "Bits Stored is 17"),
        ({"pixel_representation": 2}, "pixel_representation is 2"),
        ({"planar_configuration": 2}, "planar_configuration is 2"),
    ],
)
def test_what_is_no_image_is_a_value_error(change: dict[str, int], word: str) -> None:
    facts: dict[str, Any] = {"transfer_syntax": builders.RLE_UID, "rows": 6, "columns": 7, "bits_allocated": 16}
    with pytest.raises(ValueError, match=word):
        rd.pixels.decode_frame(b"", **{**facts, **change})


def test_damaged_code_streams(pydicom_files: list[Path]) -> None:
    ds = named(pydicom_files, JPEG_2000)
    stored, facts = bytes(ds.frames.encoded(0)), layout(ds)
    with pytest.raises(rd.PixelDecodeError):
        rd.pixels.decode_frame(stored[:40], **facts)
    with pytest.raises(rd.PixelDecodeError, match="of 512 rows are there"):
        rd.pixels.decode_frame(stored[: len(stored) // 2], **facts)
    with pytest.raises(rd.PixelDecodeError, match="512 rows, the data set says 511"):
        rd.pixels.decode_frame(stored, **{**facts, "rows": 511})
    with pytest.raises(rd.PixelDecodeError):
        rd.pixels.decode_frame(b"", **facts)


def test_bombs_are_refused_before_memory_is_asked_for(pydicom_files: list[Path]) -> None:
    facts: dict[str, Any] = {"transfer_syntax": builders.RLE_UID, "bits_allocated": 16}
    with pytest.raises(rd.LimitError) as caught:
        rd.pixels.decode_frame(bytes(64), rows=65_535, columns=65_535, **facts)
    assert caught.value.name == "max_frame_pixels"
    with pytest.raises((rd.LimitError, rd.PixelDecodeError)):
        rd.pixels.decode_frame(builders.rle_frame(b"\x81\x00"), rows=16_000, columns=16_000, **facts)


@pytest.mark.parametrize("uid", [VIDEO, "1.2.840.10008.1.2.4.94", "1.2.3.4", ""])
def test_syntaxes_that_hold_no_frames(uid: str) -> None:
    with pytest.raises(rd.UnsupportedTransferSyntaxError, match="can't be decoded as a frame"):
        rd.pixels.decode_frame(b"\0\0\0\1", transfer_syntax=uid, rows=1, columns=1, bits_allocated=8)


@pytest.mark.parametrize("stored", [12, 5])
def test_samples_beyond_bits_stored_are_told_of(stored: int) -> None:
    stream = STREAMS["jpeg-ls"]
    asked = {**layout(rd.dcmread(stream.file())), "bits_stored": stored}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shown = rd.pixels.decode_frame(stream.data, **asked)
    np.testing.assert_array_equal(shown, rd.pixel_array(stream.file()))
    told = [(w.filename, w.message.path) for w in caught if isinstance(w.message, rd.SampleRangeWarning)]
    assert told == [(__file__, None)] * (stored == 5)
