"""``rapidicom.pixels`` against pydicom's functions of the same names: same dtype, shape and values."""

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.pixels.processing as theirs
import pytest
from pydicom.dataset import Dataset as PydicomDataset
from pydicom.dataset import FileMetaDataset

import builders
import rapidicom as rd
from rapidicom import pixels as ours

pytestmark = pytest.mark.filterwarnings("ignore")

Figure = Callable[[str, object], None]
FUNCTIONS = (
    "apply_modality_lut",
    "apply_voi_lut",
    "apply_voi",
    "apply_windowing",
    "apply_color_lut",
    "apply_presentation_lut",
)
INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64)


def outcome(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What it returns, or the exception."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **options)
        except Exception as error:
            return error


def check_equal(found: Any, expected: Any, ulp: int = 0) -> None:
    assert not isinstance(found, Exception), repr(found)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if ulp:
        np.testing.assert_array_max_ulp(found, expected, ulp)
    else:
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")


def images(files: list[Path]) -> list[tuple[Path, PydicomDataset, np.ndarray]]:
    """The files whose native pixels pydicom gives, and those."""
    found = []
    for path in files:
        ds = outcome(pydicom.dcmread, path, force=True)
        if isinstance(ds, Exception) or "PixelData" not in ds or ds.get("Rows", 0) * ds.get("Columns", 0) > 2_000_000:
            continue
        arr = outcome(lambda ds=ds: ds.pixel_array)
        if isinstance(arr, np.ndarray):
            found.append((path, ds, arr))
    return found


def test_every_file(pydicom_files: list[Path], pydicom_data_files: list[Path], figure: Figure) -> None:
    counts: Counter[str] = Counter()
    failures = []
    for path, theirs_ds, arr in images(pydicom_files + pydicom_data_files):
        ours_ds = outcome(rd.dcmread, path, force=True)
        if isinstance(ours_ds, Exception):
            continue
        for name in FUNCTIONS:
            expected = outcome(getattr(theirs, name), arr, theirs_ds)
            if isinstance(expected, Exception):
                continue
            if name == "apply_color_lut" and theirs_ds.original_encoding[1] is False and expected.itemsize == 2:
                # pydicom 3.0.2 reads these tables in little endian whatever the data set's byte order.
                expected = expected.byteswap()
            for ds in (ours_ds, theirs_ds):
                try:
                    check_equal(outcome(getattr(ours, name), arr, ds), expected)
                    counts[name] += 1
                    counts[name + ", of them other than the samples"] += expected is not arr
                except AssertionError as error:
                    failures.append((path.name, name, type(ds).__module__, str(error)[:200]))
    for name, count in sorted(counts.items()):
        figure(f"{name} equal to pydicom's", count)
    assert failures == []
    assert all(counts[name] > 100 for name in FUNCTIONS if name != "apply_color_lut")
    assert counts["apply_color_lut"] > 4


def samples(dtype: Any, rng: np.random.Generator, shape: tuple[int, ...] = (37, 41)) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return (rng.normal(0, 3000, shape)).astype(dtype)
    limits = np.iinfo(dtype)
    native = np.dtype(dtype).newbyteorder("=")
    found = rng.integers(max(limits.min, -40_000), min(limits.max, 70_000), shape, dtype=native, endpoint=True)
    return found.astype(dtype)


def image(**elements: Any) -> PydicomDataset:
    ds = PydicomDataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsStored, ds.PixelRepresentation = 12, 0
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def lut(entries: int, first: int, bits: int, data: Any, vr: str) -> PydicomDataset:
    item = PydicomDataset()
    item.LUTDescriptor = [entries, first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.LUTData = data
    item["LUTData"].VR = vr
    return item


@pytest.mark.parametrize("dtype", [*INTEGERS, np.float32, np.float64, ">u2", ">i4", ">f8"])
def test_rescale(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    for slope, intercept in ((1, -1024), (0.1, 0.3), (-2.5e-3, 1e6), (0, 7)):
        ds = image(RescaleSlope=slope, RescaleIntercept=intercept)
        for arr in (samples(dtype, rng), samples(dtype, rng, (2, 5, 7))[:, ::2, ::-1], samples(dtype, rng, (0, 3))):
            check_equal(ours.apply_rescale(arr, ds), theirs.apply_rescale(arr, ds))


@pytest.mark.parametrize("dtype", [*INTEGERS, np.float32])
def test_windows(dtype: Any) -> None:
    rng = np.random.default_rng(2)
    arr = samples(dtype, rng, (401, 400))
    for function in (None, "LINEAR", "LINEAR_EXACT", "SIGMOID"):
        for center, width in ((40, 400), (2048, 4096), (-1000.5, 1), (127.5, 0.25), ([7, 50], [80, 1000.25])):
            for extra in ({}, {"RescaleSlope": -0.5, "RescaleIntercept": 10}, {"PixelRepresentation": 1}):
                ds = image(WindowCenter=center, WindowWidth=width, **extra)
                if function:
                    ds.VOILUTFunction = function
                for index in range(1 if isinstance(center, (int, float)) else 2):
                    expected = outcome(theirs.apply_windowing, arr, ds, index)
                    found = outcome(ours.apply_windowing, arr, ds, index)
                    if isinstance(expected, Exception):
                        assert isinstance(found, ValueError)
                    elif function == "SIGMOID":
                        # Two exponential functions may differ in their last bit; y_min is added to the quotient.
                        assert found.dtype == expected.dtype
                        scale = np.abs(ours._output_range(ds)).max()
                        assert np.abs(found - expected).max() <= 2 * np.spacing(scale)
                    else:
                        check_equal(found, expected)


def test_voi_and_modality_luts() -> None:
    rng = np.random.default_rng(3)
    cases = 0
    for keyword, name in (("ModalityLUTSequence", "apply_modality_lut"), ("VOILUTSequence", "apply_voi_lut")):
        for bits in (8, 10, 12, 16):
            for entries, first in ((256, 0), (256, -12), (4096, 100), (65536, -32768), (1, 5)):
                table = rng.integers(0, 2**bits, entries, dtype=np.uint16)
                for vr, data in (("US", table.tolist()), ("OW", table.tobytes())):
                    ds = image(**{keyword: [lut(entries % 65536, first, bits, data, vr)]})
                    for dtype in (*INTEGERS, np.float32):
                        arr = samples(dtype, rng)
                        found = outcome(getattr(ours, name), arr, ds)
                        assert found.dtype == (np.uint8 if bits == 8 else np.uint16)
                        wide = arr - arr.dtype.type(first) if arr.dtype.kind == "f" else arr.astype(np.int64) - first
                        wide = np.clip(np.trunc(wide), 0, entries - 1).astype(int)
                        assert np.array_equal(found, table[wide])
                        expected = outcome(getattr(theirs, name), arr, ds)
                        # pydicom's index has the samples' or the entries' type, and wraps around where it does not fit.
                        kinds = [
                            np.uint8 if bits == 8 else np.uint16,
                            dtype if np.dtype(dtype).kind != "f" else np.int64,
                        ]
                        fits = arr.astype(np.float64).max() - first <= min(np.iinfo(kind).max for kind in kinds)
                        if isinstance(expected, np.ndarray) and fits:
                            check_equal(found, expected)
                            cases += 1
    assert cases > 100


def palette(entries: int, first: int, bits: int, tables: list[bytes], prefix: str = "") -> PydicomDataset:
    ds = image(PhotometricInterpretation="PALETTE COLOR")
    for color, data in zip(("Red", "Green", "Blue", "Alpha"), tables, strict=False):
        setattr(ds, f"{color}PaletteColorLookupTableDescriptor", [entries % 65536, first, bits])
        setattr(ds, f"{prefix}{color}PaletteColorLookupTableData", data)
    return ds


@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("cell", [1, 2])
def test_palettes(number: int, cell: int) -> None:
    rng = np.random.default_rng(4)
    compared = 0
    for entries, first in ((256, 0), (200, 10), (4096, -5), (65536, 0)):
        for bits in (8, 16) if cell == 2 else (8,):
            tables = [rng.bytes(entries * cell) for _ in range(number)]
            ds = palette(entries, first, bits, tables)
            for dtype in INTEGERS:
                arr = samples(dtype, rng, (400, 401) if dtype is np.uint16 else (37, 41))
                found = ours.apply_color_lut(arr, ds)
                index = np.clip(arr.astype(np.int64) - first, 0, entries - 1)
                columns = [np.frombuffer(table, f"<u{cell}")[index] for table in tables]
                assert found.dtype == f"u{cell}"
                assert np.array_equal(found, np.stack(columns, -1))
                expected = outcome(theirs.apply_color_lut, arr, ds)
                if isinstance(expected, np.ndarray) and arr.astype(np.int64).max() - first < 256**cell:
                    check_equal(found, expected)
                    compared += 1
    assert compared > 4


def test_segmented_palettes() -> None:
    rng = np.random.default_rng(5)
    for bits in (8, 16):
        cell, top = bits // 8, 2**bits
        for _ in range(60):
            words: list[int] = [0, 2, *rng.integers(0, top, 2).tolist()]
            direct = [0]
            for _ in range(int(rng.integers(1, 6))):
                kind = int(rng.integers(0, 3))
                length = int(rng.integers(1, 40))
                if kind == 0:
                    direct.append(len(words))
                    words += [0, length, *rng.integers(0, top, length).tolist()]
                elif kind == 1:
                    direct.append(len(words))
                    words += [1, length, int(rng.integers(0, top))]
                else:
                    offset = int(rng.choice(direct))
                    words += [2, 1, *(offset.to_bytes(4, "little") if cell == 1 else (offset, 0))]
            data = np.array(words, f"<u{cell}").tobytes()
            length = len(theirs._expand_segmented_lut(tuple(words), "<B" if cell == 1 else "<H"))
            ds = palette(length, 0, bits, [data] * 3, "Segmented")
            arr = rng.integers(0, min(length, 256), (9, 9), dtype=np.uint8)
            check_equal(ours.apply_color_lut(arr, ds), theirs.apply_color_lut(arr, ds))


@pytest.mark.parametrize("words", [[1, 4, 9], [2, 1, 0, 0], [9, 1, 0], [0, 1, 5, 2, 1, 3, 0], [0, 1, 5, 1, 3]])
def test_damaged_segments_are_refused(words: list[int]) -> None:
    ds = palette(256, 0, 16, [np.array(words, "<u2").tobytes()] * 3, "Segmented")
    with pytest.raises(ValueError, match="segmented palette"):
        ours.apply_color_lut(np.zeros((2, 2), np.uint8), ds)


def test_short_and_unequal_tables_are_refused() -> None:
    arr = np.zeros((2, 2), np.uint8)
    for tables in ([b"12"] * 3, [bytes(256), bytes(256), bytes(128)], [bytes(256)] * 2):
        with pytest.raises(ValueError, match=r"palette|same length"):
            ours.apply_color_lut(arr, palette(256, 0, 8, tables))
    with pytest.raises(ValueError, match="'ds' or 'palette'"):
        ours.apply_color_lut(arr)
    with pytest.raises(ValueError, match="Unknown palette"):
        ours.apply_color_lut(arr, palette="NONE")


def test_well_known_palettes() -> None:
    arr = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number in range(1, 9):
        uid = f"1.2.840.10008.1.5.{number}"
        check_equal(ours.apply_color_lut(arr, palette=uid), theirs.apply_color_lut(arr, palette=uid))
    # pydicom 3.0.2 has these two names exchanged: PS3.6 Table B.1-1.
    fall = ours.apply_color_lut(arr, palette="FALL")
    assert np.array_equal(fall, ours.apply_color_lut(arr, palette="1.2.840.10008.1.5.7"))
    assert np.array_equal(fall, theirs.apply_color_lut(arr, palette="WINTER"))


def test_supplemental_palettes_colour_what_they_map() -> None:
    ds = palette(16, 240, 8, [bytes(range(16)), bytes(16), bytes([9] * 16)])
    ds.PhotometricInterpretation, ds.PixelPresentation = "MONOCHROME2", "MIXED"
    ds.BitsStored, ds.WindowCenter, ds.WindowWidth = 8, 128, 256
    found = ours.apply_color_lut(np.array([[0, 100, 239, 240, 255]], np.uint8), ds)
    assert found.tolist() == [[[0, 0, 0], [100, 100, 100], [239, 239, 239], [0, 0, 9], [15, 0, 9]]]
    with_alpha = palette(16, 240, 8, [bytes(range(16)), bytes(16), bytes([9] * 16), bytes([7] * 16)])
    for keyword in ("PhotometricInterpretation", "PixelPresentation", "BitsStored", "WindowCenter", "WindowWidth"):
        setattr(with_alpha, keyword, ds[keyword].value)
    found = ours.apply_color_lut(np.array([0, 100, 255], np.uint8), with_alpha)
    assert found.tolist() == [[0, 0, 0, 255], [100, 100, 100, 255], [15, 0, 9, 7]]  # what is grey is opaque


@pytest.mark.parametrize(
    "encoding", [builders.IMPLICIT, builders.EXPLICIT, builders.BIG], ids=["implicit", "little", "big"]
)
@pytest.mark.parametrize("vr", ["US", "OW"])
@pytest.mark.parametrize("entries", [256, 255])
def test_entries_of_eight_bits_two_a_word(encoding: builders.Encoding, vr: str, entries: int) -> None:
    """The first one in the low byte. PS3.3 C.11.1.1.1, PS3.5 §7.3"""
    table = np.arange(256, dtype=np.uint8)[::-1].copy()
    words = table.view("<u2").astype(f"{encoding.order}u2").tobytes()
    e = encoding.element
    lut = e(0x00283002, "US", [entries, 0, 8]) + e(0x00283006, vr, words)
    uids = {"<": builders.EXPLICIT_LITTLE_UID, ">": builders.EXPLICIT_BIG_UID}
    uid = builders.IMPLICIT_LITTLE_UID if encoding is builders.IMPLICIT else uids[encoding.order]
    ds = rd.dcmread(builders.file(encoding.sequence(0x00283000, encoding.item(lut)), uid))
    values = np.array([0, 1, 2, 100, 200, entries - 1], np.uint8)
    found = ours.apply_modality_lut(values, ds)
    assert (found.dtype, found.tolist()) == (np.uint8, (255 - values).tolist())


def test_presentation_luts() -> None:
    rng = np.random.default_rng(6)
    for dtype in (np.uint8, np.uint16, np.int16, np.float64):
        arr = samples(dtype, rng)
        for shape in ("IDENTITY", "INVERSE", "inverse "):
            ds = image(PresentationLUTShape=shape)
            check_equal(ours.apply_presentation_lut(arr, ds), theirs.apply_presentation_lut(arr, ds))
        for bits in (8, 10, 12, 16):
            table = rng.integers(0, 2**bits, 256, dtype=np.uint16)
            data = table.astype(np.uint8).tobytes() if bits == 8 else table.tobytes()
            for vr, value in (("US", table.tolist()), ("OW", data)):
                ds = image(PresentationLUTSequence=[lut(256, 0, bits, value, vr)])
                expected = outcome(theirs.apply_presentation_lut, arr, ds)
                if isinstance(expected, np.ndarray):
                    check_equal(ours.apply_presentation_lut(arr, ds), expected)
    with pytest.raises(NotImplementedError):
        ours.apply_presentation_lut(arr, image(PresentationLUTShape="LOG"))


@pytest.mark.parametrize(("current", "desired"), [("RGB", "YBR_FULL"), ("YBR_FULL", "RGB"), ("YBR_FULL_422", "RGB")])
def test_colour_spaces_of_every_triple(current: str, desired: str) -> None:
    second, third = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    for first in range(256):
        arr = np.stack([np.full_like(second, first), second, third], -1)
        kept = arr.copy()
        found = ours.convert_color_space(arr, current, desired)
        check_equal(found, theirs.convert_color_space(arr, current, desired))
        assert np.array_equal(arr, kept)


def test_colour_spaces_per_frame_and_refusals() -> None:
    rng = np.random.default_rng(7)
    arr = rng.integers(0, 256, (3, 8, 9, 3), dtype=np.uint8)
    expected = theirs.convert_color_space(arr.copy(), "RGB", "YBR_FULL", per_frame=True)
    mutable = arr.copy()
    assert ours.convert_color_space(mutable, "RGB", "YBR_FULL", per_frame=True) is mutable
    check_equal(mutable, expected)
    strided = arr.copy().transpose(0, 2, 1, 3)
    ours.convert_color_space(strided, "RGB", "YBR_FULL", per_frame=True)
    check_equal(strided, expected.transpose(0, 2, 1, 3))
    assert ours.convert_color_space(arr, "YBR_FULL", "YBR_FULL_422") is arr
    with pytest.raises(NotImplementedError):
        ours.convert_color_space(arr, "RGB", "HSV")
    with pytest.raises(ValueError, match="dtype"):
        ours.convert_color_space(arr.astype(np.uint16), "RGB", "YBR_FULL")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_window_8_bit(dtype: Any) -> None:
    arr = samples(dtype, np.random.default_rng(8), (401, 400))
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        ds = image(WindowCenter=40.5, WindowWidth=300, VOILUTFunction=function, RescaleSlope=0.5, RescaleIntercept=-30)
        found = ours.window_8_bit(arr, ds)
        y_min, y_max = ours._output_range(ds)
        doubles = theirs.apply_windowing(theirs.apply_modality_lut(arr, ds), ds)
        scaled = (doubles - y_min) / (y_max - y_min) * 255
        assert found.dtype == np.uint8
        # Where the double lies within its own error of a half, either is right.
        assert np.abs(found - scaled).max() <= 0.5 + 1e-9


def test_window_8_bit_takes_what_is_empty_for_absent() -> None:
    ds = PydicomDataset()
    ds.PhotometricInterpretation, ds.PixelRepresentation, ds.BitsStored = "MONOCHROME2", 0, 8
    values = np.array([0, 50, 100, 255], np.uint8)
    for keyword in ("WindowWidth", "WindowCenter", "RescaleSlope", "RescaleIntercept"):
        setattr(ds, keyword, None)
        assert ours.window_8_bit(values, ds).tolist() == values.tolist()


def test_icc_profiles() -> None:
    assert ours.icc_profile(image()) is None
    assert ours.icc_profile(image(ICCProfile=b"1234")) == b"1234"
    path = PydicomDataset()
    path.ICCProfile = b"5678"
    assert ours.icc_profile(image(OpticalPathSequence=[path])) == b"5678"
    cms = pytest.importorskip("PIL.ImageCms")
    profile = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    ds = image(ICCProfile=profile)
    arr = np.random.default_rng(9).integers(0, 256, (2, 5, 6, 3), dtype=np.uint8)
    expected = theirs.apply_icc_profile(arr.copy(), ds)
    assert np.array_equal(ours.apply_icc_profile(arr, ds), expected)
    with pytest.raises(ValueError, match="ICC Profile"):
        ours.apply_icc_profile(arr, image())
    with pytest.raises(ValueError, match="shape"):
        ours.apply_icc_profile(arr[..., 0][0], ds)


def test_what_is_no_number_is_refused() -> None:
    ds = image(RescaleSlope=1, RescaleIntercept=0)
    for arr in (np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises(ValueError, match="expected integers or floats"):
            ours.apply_rescale(arr, ds)
