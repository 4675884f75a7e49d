"""Native pixels in every layout, against arrays made here and against pydicom."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT

E = EXPLICIT
Write = Callable[..., Path]
RNG = np.random.default_rng(7)
ENCODINGS = [
    (EXPLICIT, builders.EXPLICIT_LITTLE_UID),
    (IMPLICIT, builders.IMPLICIT_LITTLE_UID),
    (BIG, builders.EXPLICIT_BIG_UID),
    (EXPLICIT, builders.DEFLATED_UID),
]


def image(
    pixels: bytes, *, vr: str = "OW", encoding: Any = EXPLICIT, uid: str = builders.EXPLICIT_LITTLE_UID, **facts: Any
) -> bytes:
    return builders.file(encoding.patient() + encoding.image(**facts) + encoding.pixels(pixels, vr), uid)


@pytest.mark.parametrize(("encoding", "uid"), ENCODINGS, ids=["explicit", "implicit", "big", "deflated"])
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("frames", [None, 3])
def test_integers(encoding: Any, uid: str, bits: int, signed: bool, frames: int | None) -> None:
    dtype = np.dtype(f"{encoding.order}{'i' if signed else 'u'}{bits // 8}")
    info = np.iinfo(dtype)
    shape = (5, 7) if frames is None else (frames, 5, 7)
    array = RNG.integers(info.min, info.max, shape, dtype=dtype.newbyteorder("="), endpoint=True)
    # PS3.5 §A.3: 8-bit samples in OW are byte-swapped in big endian; as OB they are not.
    data = image(
        array.astype(dtype).tobytes() + b"\0" * (array.nbytes % 2),
        vr="OB" if bits == 8 else "OW",
        encoding=encoding,
        uid=uid,
        rows=5,
        columns=7,
        bits=bits,
        signed=signed,
        frames=frames,
    )
    got = rd.dcmread(data).pixel_array
    assert got.dtype == array.dtype
    assert got.dtype.isnative
    assert got.flags.writeable
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got, array)
    if frames is not None:
        np.testing.assert_array_equal(rd.pixel_array(data, index=1), array[1])
        np.testing.assert_array_equal(np.stack(list(rd.iter_pixels(data))), array)


def test_big_endian_bytes_in_words() -> None:
    swapped = np.arange(16, dtype=np.uint8).reshape(8, 2)[:, ::-1].tobytes()
    data = image(swapped, vr="OW", encoding=BIG, uid=builders.EXPLICIT_BIG_UID)
    theirs = pydicom.dcmread(io.BytesIO(data)).pixel_array
    np.testing.assert_array_equal(rd.dcmread(data).pixel_array, theirs)


@pytest.mark.parametrize("frames", [1, 3])
def test_single_bits_are_packed_across_frames(frames: int) -> None:
    bits = RNG.integers(0, 2, (frames, 3, 5), dtype=np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    data = image(packed + b"\0" * (len(packed) % 2), vr="OB", rows=3, columns=5, bits=1, frames=frames)
    ds = rd.dcmread(data)
    np.testing.assert_array_equal(ds.pixel_array, bits if frames > 1 else bits[0])
    for index in range(frames):
        np.testing.assert_array_equal(ds.frames[index], bits[index])
    theirs = pydicom.dcmread(io.BytesIO(data)).pixel_array
    np.testing.assert_array_equal(ds.pixel_array, theirs)


def test_twelve_bits_packed() -> None:
    """PS3.5 §8.1.1, retired: two samples in three bytes, from the least significant bit on."""
    samples = RNG.integers(0, 4096, (4, 6), dtype=np.uint16)
    pairs = samples.reshape(-1, 2).astype(np.uint32)
    words = pairs[:, 0] | pairs[:, 1] << 12
    packed = b"".join(int(word).to_bytes(3, "little") for word in words)
    got = rd.dcmread(image(packed, rows=4, columns=6, bits=12)).pixel_array
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, samples)


def test_twenty_four_bits() -> None:
    samples = RNG.integers(0, 1 << 24, (4, 6), dtype=np.uint32)
    packed = b"".join(int(sample).to_bytes(3, "little") for sample in samples.reshape(-1))
    got = rd.dcmread(image(packed, rows=4, columns=6, bits=24)).pixel_array
    assert got.dtype == np.uint32
    np.testing.assert_array_equal(got, samples)


def test_sixty_four_bits() -> None:
    samples = RNG.integers(0, 1 << 63, (4, 6), dtype=np.uint64)
    got = rd.dcmread(image(samples.tobytes(), vr="OV", rows=4, columns=6, bits=64)).pixel_array
    np.testing.assert_array_equal(got, samples)


@pytest.mark.parametrize(("tag", "vr", "dtype"), [(0x7FE00008, "OF", "f4"), (0x7FE00009, "OD", "f8")])
@pytest.mark.parametrize(("encoding", "uid"), ENCODINGS[:3], ids=["explicit", "implicit", "big"])
def test_floats(tag: int, vr: str, dtype: str, encoding: Any, uid: str) -> None:
    samples = RNG.normal(size=(3, 4)).astype(dtype)
    bits = 8 * samples.itemsize
    content = encoding.image(3, 4, bits=bits) + encoding.element(
        tag, vr, samples.astype(encoding.order + dtype).tobytes()
    )
    got = rd.dcmread(builders.file(encoding.patient() + content, uid)).pixel_array
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, samples)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("frames", [None, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_colours(planar: int, frames: int | None, bits: int) -> None:
    shape = ((frames,) if frames else ()) + (4, 6, 3)
    colours = RNG.integers(0, 255, shape, dtype=f"u{bits // 8}")
    planes = np.moveaxis(colours, -1, -3) if planar else colours
    data = image(
        np.ascontiguousarray(planes).tobytes(),
        rows=4,
        columns=6,
        bits=bits,
        samples=3,
        photometric="RGB",
        planar=planar,
        frames=frames,
    )
    np.testing.assert_array_equal(rd.dcmread(data).pixel_array, colours)


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"])
def test_other_colour_spaces_as_pydicom(photometric: str) -> None:
    samples = 1 if photometric == "PALETTE COLOR" else 3
    size = {"YBR_FULL": 72, "YBR_FULL_422": 48, "PALETTE COLOR": 24}[photometric]
    facts = {"samples": samples, "photometric": photometric} | ({"planar": 0} if samples == 3 else {})
    data = image(RNG.integers(0, 255, size, dtype=np.uint8).tobytes(), rows=4, columns=6, **facts)
    theirs = pydicom.dcmread(io.BytesIO(data))
    np.testing.assert_array_equal(rd.dcmread(data).pixel_array, theirs.pixel_array)
    raw = pydicom.pixels.pixel_array(theirs, raw=True)
    np.testing.assert_array_equal(rd.pixel_array(data, raw=True), raw)


def test_high_bit_below_the_top() -> None:
    stored = RNG.integers(-2048, 2047, (4, 6), dtype=np.int16)
    data = image(stored.tobytes(), rows=4, columns=6, bits=16, stored=12, signed=True)
    np.testing.assert_array_equal(rd.dcmread(data).pixel_array, pydicom.dcmread(io.BytesIO(data)).pixel_array)


def test_a_mapped_frame_is_a_private_view(write: Write) -> None:
    samples = RNG.integers(0, 65535, (512, 512), dtype=np.uint16)
    path = write(image(samples.tobytes(), rows=512, columns=512, bits=16))
    before = path.read_bytes()
    ds = rd.dcmread(path, access="mmap")
    array = ds.pixel_array
    array += 1
    np.testing.assert_array_equal(ds.pixel_array, samples)
    np.testing.assert_array_equal(rd.dcmread(path).pixel_array, samples)
    assert path.read_bytes() == before
    del ds
    np.testing.assert_array_equal(array, samples + 1)


def test_path_to_array(write: Write) -> None:
    samples = RNG.integers(0, 65535, (4, 8, 8), dtype=np.uint16)
    path = write(image(samples.tobytes(), rows=8, columns=8, bits=16, frames=4))
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(rd.pixel_array(source), samples)
    np.testing.assert_array_equal(rd.pixel_array(path, index=3), samples[3])
    out = np.empty((8, 8), np.uint16)
    rd.pixel_array(path, index=2, out=out)
    np.testing.assert_array_equal(out, samples[2])
    picked = list(rd.iter_pixels(path, indices=[3, 1]))
    np.testing.assert_array_equal(np.stack(picked), samples[[3, 1]])
    with pytest.raises(IndexError):
        rd.pixel_array(path, index=4)
    with pytest.raises(ValueError):
        rd.pixel_array(path, out=np.empty((3, 8, 8), np.uint16))


def test_too_few_samples_are_an_error_and_too_many_are_ignored() -> None:
    with pytest.raises(rd.DicomError):
        _ = rd.dcmread(image(bytes(10))).pixel_array
    assert rd.dcmread(image(bytes(range(24)))).pixel_array.tolist() == np.arange(16).reshape(4, 4).tolist()


def test_samples_longer_than_422_are_444() -> None:
    data = image(RNG.integers(0, 255, 48, dtype=np.uint8).tobytes(), samples=3, photometric="YBR_FULL_422", planar=0)
    ds = rd.dcmread(data)
    assert ds.pixel_array.shape == (4, 4, 3)
    assert ds.warnings


@pytest.mark.parametrize("facts", [{"rows": 0}, {"bits": 0, "stored": 8}, {"bits": 7}, {"samples": 0}], ids=str)
def test_what_cannot_be_an_image(facts: dict[str, int]) -> None:
    with pytest.raises(rd.DicomError):
        _ = rd.dcmread(image(bytes(16), **facts)).pixel_array


def test_pixels_by_options(write: Write) -> None:
    path = write(builders.small())
    expected = np.arange(16, dtype=np.uint8).reshape(4, 4)
    for access in ("mmap", "read"):
        np.testing.assert_array_equal(rd.dcmread(path, access=access).pixel_array, expected)
    with pytest.raises((AttributeError, rd.PixelDecodeError)):
        _ = rd.dcmread(path, stop_before_pixels=True).pixel_array


def test_lower_resolutions_of_jpeg_2000(pydicom_files: list[Path]) -> None:
    files = {path.name: path for path in pydicom_files}
    path = files["JPEG2000.dcm"]
    whole = rd.pixel_array(path)
    for reduce in (1, 2, 3):
        small = rd.pixel_array(path, reduce=reduce)
        assert small.dtype == whole.dtype
        assert small.shape == tuple(-(-extent // 2**reduce) for extent in whole.shape)
        # The lowest band of a wavelet is near the mean of what it stands for.
        assert abs(float(small.mean()) - float(whole.mean())) < 0.02 * float(np.ptp(whole))
    with pytest.raises(rd.ValueDecodeError):
        rd.pixel_array(path, reduce=31)
    with pytest.raises(rd.ValueDecodeError):
        rd.pixel_array(files["SC_rgb_jpeg_dcmtk.dcm"], reduce=1)


def test_what_describes_the_image_may_lie_behind_it(write: Write) -> None:
    pixels = np.arange(16, dtype="<u2").reshape(4, 4)
    facts = E.image(rows=4, columns=4, bits=16)
    path = write(builders.file(E.patient() + E.pixels(pixels.tobytes(), "OW") + facts, builders.EXPLICIT_LITTLE_UID))
    assert np.array_equal(rd.pixel_array(path), pixels)
    with path.open("rb") as file:
        assert np.array_equal(rd.pixel_array(file), pixels)


def test_limits_hold_for_a_data_set_too() -> None:
    ds = rd.dcmread(builders.small())
    few = rd.Limits(max_frame_pixels=10)
    for look in (
        lambda source: rd.pixel_array(source, limits=few),
        lambda source: next(iter(rd.iter_pixels(source, limits=few))),
    ):
        for source in (builders.small(), ds):
            with pytest.raises(rd.LimitError, match="max_frame_pixels"):
                look(source)
    assert rd.pixel_array(ds).shape == (4, 4)


@pytest.mark.parametrize("planar", [None, 0, 1])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_salvage_of_native_frames(bits: int, planar: int | None) -> None:
    samples = 1 if planar is None else 3
    if bits == 1 and samples == 3:
        pytest.skip("no such images")
    photometric = "MONOCHROME2" if samples == 1 else "RGB"
    image = EXPLICIT.image(
        16, 8, bits=bits, samples=samples, planar=planar, photometric=photometric, frames=3, extra=b""
    )
    stored = np.random.default_rng(3).integers(0, 256, 3 * 16 * 8 * samples * bits // 8, np.uint8).tobytes()
    whole = builders.file(EXPLICIT.patient() + image + EXPLICIT.pixels(stored))
    cut = whole[: -7 * bits // 8 * samples - 1]
    expected = rd.pixel_array(whole)
    with pytest.raises(rd.PixelDecodeError):
        rd.pixel_array(cut)
    with pytest.warns(rd.IncompleteFrameWarning, match="frame 2") as told:
        array = rd.pixel_array(cut, on_error="salvage")
    rows = told[0].message.rows  # type: ignore[union-attr]
    assert 0 < rows < 16
    np.testing.assert_array_equal(array[:2], expected[:2])
    np.testing.assert_array_equal(array[2, :rows], expected[2, :rows])
    assert not array[2, rows:].any()
    np.testing.assert_array_equal(rd.pixel_array(cut, index=1, on_error="salvage"), expected[1])
    with pytest.raises(rd.PixelDecodeError):
        rd.pixel_array(cut[: -16 * 8 * samples * bits // 8], on_error="salvage")  # nothing of the last frame


@pytest.mark.parametrize("encoding", [builders.IMPLICIT, EXPLICIT, builders.BIG], ids=["implicit", "little", "big"])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_the_last_byte_is_not_that_of_the_next_element(encoding: builders.Encoding, bits: int) -> None:
    uids = {"<": builders.EXPLICIT_LITTLE_UID, ">": builders.EXPLICIT_BIG_UID}
    uid = builders.IMPLICIT_LITTLE_UID if encoding is builders.IMPLICIT else uids[encoding.order]
    stored = np.arange(1, 9, dtype=np.uint8).tobytes() * (bits // 8)
    image = encoding.patient() + encoding.image(4, 2, bits=bits, stored=bits)
    behind = encoding.element(0xFFFCFFFC, "OB", bytes(8))
    short = builders.file(image + encoding.element(0x7FE00010, "OW", stored[:-1], length=len(stored) - 1) + behind, uid)
    with pytest.raises(rd.PixelDecodeError, match="ends at byte"):
        rd.pixel_array(short)
    with pytest.warns(rd.IncompleteFrameWarning, match="frame 0: 3 of 4 rows are real: frame 0 of 1 ends"):
        salvaged = rd.pixel_array(short, on_error="salvage")
    whole = builders.file(image + encoding.element(0x7FE00010, "OW", stored), uid)
    np.testing.assert_array_equal(salvaged[:3], rd.pixel_array(whole)[:3])


@pytest.mark.parametrize("there", range(1, 12))
@pytest.mark.parametrize("layout", ["big endian", "YBR_FULL_422"])
def test_rows_of_an_odd_length_are_real_or_not(layout: str, there: int) -> None:
    """Bytes lie pairwise exchanged, and two pixels share Cb and Cr, also where one of them is of the next row."""
    stored = bytes(range(10, 22))
    if layout == "big endian":
        uid, e, image = builders.EXPLICIT_BIG_UID, builders.BIG, builders.BIG.image(4, 3)
    else:
        uid, e = builders.EXPLICIT_LITTLE_UID, EXPLICIT
        image = EXPLICIT.image(2, 3, samples=3, planar=0, photometric=layout)
    whole = builders.file(e.patient() + image + e.element(0x7FE00010, "OW", stored), uid)
    expected = rd.pixel_array(whole, raw=True)
    cut = whole[: whole.index(stored) + there]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            salvaged = rd.pixel_array(cut, raw=True, on_error="salvage")
        except rd.PixelDecodeError:
            assert there < 8
            return
    [rows] = [told.message.rows for told in caught if isinstance(told.message, rd.IncompleteFrameWarning)]
    assert 0 < rows < len(expected)
    np.testing.assert_array_equal(salvaged[:rows], expected[:rows])
    assert not salvaged[rows:].any()
