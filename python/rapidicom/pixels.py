"""From samples to what is shown: Modality LUT, VOI LUT, window, palettes, P-values, colour spaces, overlays, ICC.

Pure functions of an array and of a data set (``Dataset``, or anything with pydicom's attribute names), named as
pydicom's ``pydicom.pixels`` and giving its shapes, dtypes and values. Where it raises or wraps around because an index
does not fit the table's own type, the first or last entry is given here, as PS3.3 has it. The loops run without the
interpreter's lock.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import _rapidicom
from .errors import SampleRangeWarning
from .uid import UID

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Buffer

    _Array = npt.NDArray[Any]

__all__ = [
    "apply_color_lut",
    "apply_icc_profile",
    "apply_modality_lut",
    "apply_presentation_lut",
    "apply_rescale",
    "apply_voi",
    "apply_voi_lut",
    "apply_windowing",
    "convert_color_space",
    "decode_frame",
    "icc_profile",
    "overlay_array",
    "window_8_bit",
]

_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_TO_YBR = ("RGB", "YBR_FULL"), ("RGB", "YBR_FULL_422")
_TO_RGB = ("YBR_FULL", "RGB"), ("YBR_FULL_422", "RGB")


def apply_modality_lut(arr: _Array, ds: Any) -> _Array:
    """The values of the modality. PS3.3 C.11.1

    Modality LUT Sequence: uint8 or uint16 of ``arr``'s shape, by the bits of LUT Descriptor. Rescale Slope and
    Intercept: float64. Neither: ``arr`` itself. ``ValueError`` where the table is empty or ``arr`` holds no numbers.
    """
    if ds.get("ModalityLUTSequence"):
        return _look_up(arr, ds, ds.ModalityLUTSequence[0])
    if "RescaleSlope" in ds and "RescaleIntercept" in ds:
        samples, kind = _samples(arr)
        out = np.empty(arr.shape, np.float64)
        _rapidicom._rescale(samples, kind, (float(ds.RescaleSlope), float(ds.RescaleIntercept)), out)
        return out
    return arr


apply_rescale = apply_modality_lut


def apply_voi_lut(arr: _Array, ds: Any, index: int = 0, prefer_lut: bool = True) -> _Array:
    """``apply_voi`` or, where there is no VOI LUT or ``prefer_lut`` is false, ``apply_windowing``. PS3.3 C.11.2

    Neither in ``ds``: ``arr`` itself. ``index`` is that of the view, where there are several.
    """
    sequence = ds.get("VOILUTSequence")
    has_lut = bool(sequence) and None not in (sequence[0].get("LUTDescriptor"), sequence[0].get("LUTData"))
    has_window = None not in (ds.get("WindowCenter"), ds.get("WindowWidth"))
    if has_lut and (prefer_lut or not has_window):
        return apply_voi(arr, ds, index)
    return apply_windowing(arr, ds, index) if has_window else arr


def apply_voi(arr: _Array, ds: Any, index: int = 0) -> _Array:
    """The VOI LUT: uint8 for 8 bits an entry, uint16 for 10 to 16; ``arr`` itself where there is none. PS3.3 C.11.2.1.1

    Floats are cut to integers. ``NotImplementedError`` for other bits, ``IndexError`` where there is no such view.
    """
    if not ds.get("VOILUTSequence"):
        return arr
    item = ds.VOILUTSequence[index]
    bits = item.LUTDescriptor[2]
    if bits != 8 and bits not in range(10, 17):
        raise NotImplementedError(f"'{bits}' bits per LUT entry is not supported")
    return _look_up(arr, ds, item)


def apply_windowing(arr: _Array, ds: Any, index: int = 0) -> _Array:
    """Window Center and Width as float64 over the range of what ``arr`` can hold; ``arr`` itself where there are none.

    PS3.3 C.11.2.1.2, C.11.2.1.3. Where there is a Modality LUT or rescale, ``arr`` is what it gave. ``ValueError`` for
    a width of nothing, an unknown VOI LUT Function, or another Photometric Interpretation than MONOCHROME1 and
    MONOCHROME2.
    """
    if "WindowWidth" not in ds and "WindowCenter" not in ds:
        return arr
    function, center, width = _window(ds, index)
    samples, kind = _samples(arr)
    out = np.empty(arr.shape, np.float64)
    _rapidicom._window(samples, kind, (function, center, width, *_output_range(ds)), out)
    return out


def window_8_bit(arr: _Array, ds: Any, index: int = 0) -> npt.NDArray[np.uint8]:
    """Stored values to uint8 for a screen: rescaled and windowed to 0–255 in one pass, halves rounded up.

    What ``apply_windowing(apply_modality_lut(arr, ds), ds)`` gives, stretched from the range of its output to 0–255.
    Without a window, the range of the stored values is the window. Raises what those raise.
    """
    if ds.get("ModalityLUTSequence"):
        arr, rescale = apply_modality_lut(arr, ds), (1.0, 0.0)
    else:
        has_rescale = _has(ds, "RescaleSlope", "RescaleIntercept")
        rescale = (float(ds.RescaleSlope), float(ds.RescaleIntercept)) if has_rescale else (1.0, 0.0)
    if _has(ds, "WindowWidth", "WindowCenter"):
        function, center, width = _window(ds, index)
    else:
        y_min, y_max = sorted(_output_range(ds))
        function, center, width = "LINEAR_EXACT", (y_min + y_max) / 2, y_max - y_min
    samples, kind = _samples(arr)
    out = np.empty(arr.shape, np.uint8)
    _rapidicom._window_8_bit(samples, kind, rescale, (function, center, width, 0.0, 255.0), out)
    return out


def apply_color_lut(arr: _Array, ds: Any = None, palette: str | None = None) -> _Array:
    """The colours of a palette: a last axis of 3 or, with an alpha table, 4; uint8 or uint16 as the entries are.

    PS3.3 C.7.9. ``palette``: a well-known one (PS3.6 Annex B) by name (``"HOT_IRON"``) or SOP Instance UID, instead of
    ``ds``'s own tables, plain or segmented. Supplemental ones (Pixel Presentation MIXED or COLOR: PS3.3 C.8.16.2.1.1.1)
    colour values from the first one mapped on, those below are grey as ``window_8_bit`` has them. ``ValueError`` where
    there is none, where it is damaged or where red, green and blue differ in length.
    """
    if palette:
        first, tables = 0, _well_known(palette)
    elif ds is None or not ds:
        raise ValueError("Either 'ds' or 'palette' is required")
    else:
        first, tables = _palette_of(ds)
    samples, kind = _samples(arr)
    out = np.empty((*arr.shape, len(tables)), tables[0].dtype)
    _rapidicom._palette(samples, kind, (first, tables[0].itemsize, tables), out)
    if not palette and ds.get("PixelPresentation") in ("MIXED", "COLOR"):
        grey = arr < first
        shades = window_8_bit(arr[grey], ds).astype(out.dtype)
        out[grey] = np.iinfo(out.dtype).max  # opaque, where there is an alpha table
        out[grey, :3] = (shades * 257 if out.itemsize == 2 else shades)[:, None]
    return out


def apply_presentation_lut(arr: _Array, ds: Any) -> _Array:
    """P-values: through Presentation LUT Sequence (uint8 or uint16), or by Presentation LUT Shape, else ``arr``.

    PS3.3 C.11.6. INVERSE is ``arr.max() - arr``. ``NotImplementedError`` for a shape other than IDENTITY and INVERSE.
    """
    if "PresentationLUTSequence" in ds:
        item = ds.PresentationLUTSequence[0]
        entries, _, bits = item.LUTDescriptor
        entries = entries or 65536
        data = item["LUTData"].value
        if isinstance(data, bytes):
            cell = 1 if bits <= 8 else 2
            table = np.frombuffer(data[: entries * cell], _entry_type(ds, cell)).astype(f"u{cell}")
        else:
            cell = 1 if bits <= 8 else 2
            table = np.asarray(data, np.uint16)
        unused = max(8 * cell - bits, 0)
        table = table << unused >> unused
        scaled = arr.astype(np.float32)
        scaled -= scaled.min()
        scaled /= scaled.max() / (entries - 1)
        return cast("_Array", table[scaled.astype(np.uint16)])
    if "PresentationLUTShape" in ds:
        shape = ds.PresentationLUTShape.strip().upper()
        if shape == "INVERSE":
            return cast("_Array", arr.max() - arr)
        if shape != "IDENTITY":
            raise NotImplementedError(
                f"A (2050,0020) 'Presentation LUT Shape' value of '{ds.PresentationLUTShape}' is not supported"
            )
    return arr


def convert_color_space(arr: _Array, current: str, desired: str, per_frame: bool = False) -> _Array:
    """uint8 of last axis 3 from one Photometric Interpretation to another, RGB, YBR_FULL or YBR_FULL_422.

    PS3.3 C.7.6.3.1.2. A new array, or ``arr`` itself where nothing changes (YBR_FULL_422 is taken as brought to full
    resolution). With ``per_frame`` and four axes ``arr`` is changed in place. ``ValueError`` for another dtype,
    ``NotImplementedError`` for another pair.
    """
    if arr.dtype != np.uint8:
        raise ValueError(
            f"Invalid ndarray.dtype '{arr.dtype}' for color space conversion, must be 'uint8' or an equivalent"
        )
    pair = (current, desired)
    known = ("RGB", "YBR_FULL", "YBR_FULL_422")
    if current not in known or desired not in known:
        raise NotImplementedError(f"Conversion from {current} to {desired} is not supported.")
    if pair not in _TO_RGB and pair not in _TO_YBR:
        return arr
    if arr.shape[-1:] != (3,):
        raise ValueError(f"Invalid ndarray.shape {arr.shape} for color space conversion, the last axis must be 3")
    in_place = per_frame and arr.ndim == 4
    out = arr if in_place and arr.flags.c_contiguous else np.array(arr, order="C")
    _rapidicom._convert_ybr_full(out, pair in _TO_RGB)
    if in_place and out is not arr:
        arr[...] = out
        return arr
    return out


def decode_frame(
    code_stream: Buffer,
    *,
    transfer_syntax: str,
    rows: int,
    columns: int,
    samples_per_pixel: int = 1,
    bits_allocated: int,
    bits_stored: int | None = None,
    pixel_representation: int = 0,
    photometric_interpretation: str = "MONOCHROME2",
    planar_configuration: int = 0,
    raw: bool = False,
    out: _Array | None = None,
) -> _Array:
    """One frame's bytes, without a data set around them, to samples. PS3.5 §8, Annex A.4; PS3.3 C.7.6.3

    ``code_stream``: the frame, its fragments joined; ``transfer_syntax``: the UID that says what it is, also one of
    native frames (whole bytes, in order). The others are the attributes of the Image Pixel Module; ``bits_stored`` is
    ``bits_allocated`` unless given.

    Shape ``(R, C)``, or ``(R, C, S)`` of more than one sample a pixel, interleaved by pixel, C-contiguous; dtype u1,
    i1, u2, i2, u4, i4, u8 or i8 by Bits Allocated (1 gives u1, 12 two bytes, 24 four) and Pixel Representation. Unused
    bits are filled; YBR becomes RGB, by the code stream's own word where it has one, unless ``raw``. ``out``, if given,
    is filled and returned. The interpreter's lock is released; any thread may call at any time.

    ``ValueError``: what is said of the frame is no image, or ``out`` has another shape, dtype or layout or can't be
    written. ``PixelDecodeError``: the code stream is damaged, ends early, or is another image than was said; ``offset``
    counts in it. ``LimitError``: more than the default :class:`Limits` of a frame, or than the code stream can hold.
    ``UnsupportedTransferSyntaxError``: video, JPIP and what is not known. Samples that need more than ``bits_stored``
    come with a ``SampleRangeWarning``.
    """
    stored = bits_allocated if bits_stored is None else bits_stored
    layout = (rows, columns, samples_per_pixel, bits_allocated, stored, pixel_representation)
    color = (planar_configuration, photometric_interpretation)
    array, _, beyond = _rapidicom._decode_frame(code_stream, transfer_syntax, (*layout, *color), raw, out)
    if beyond:
        warnings.warn(SampleRangeWarning.of(stored), stacklevel=2)
    return array


def icc_profile(ds: Any) -> bytes | None:
    """ICC Profile (0028,2000): of the data set, else of its first Optical Path; None where there is none.

    PS3.3 C.11.15
    """
    profile = ds.get("ICCProfile")
    if not profile and ds.get("OpticalPathSequence"):
        profile = ds.OpticalPathSequence[0].get("ICCProfile")
    return bytes(profile) if profile else None


def apply_icc_profile(arr: _Array, ds: Any, intent: int | None = None, color_space: str | None = None) -> _Array:
    """uint8 RGB of three or four axes through the data set's ICC profile, in place, by Pillow's ImageCms. PS3.3 C.11.15

    ``intent``: 0 to 3, else the profile's own. ``color_space``: of the output, else Color Space (0028,2002), else sRGB.
    ``ImportError`` without Pillow, ``ValueError`` for another shape or where there is no profile.
    """
    try:
        from PIL import Image, ImageCms
    except ImportError:
        raise ImportError("an ICC profile is applied by Pillow: pip install pillow") from None
    import io

    if arr.ndim not in (3, 4) or arr.shape[-1] != 3:
        raise ValueError(f"arr has shape {arr.shape}, expected (rows, columns, 3) or (frames, rows, columns, 3)")
    data = icc_profile(ds)
    if data is None:
        raise ValueError("No (0028,2000) 'ICC Profile' element was found in 'ds'")
    spaces = {"SRGB": "sRGB", "XYZ": "XYZ", "LAB": "LAB"}
    space = color_space or ds.get("ColorSpace") or "sRGB"
    if space.upper() not in spaces:
        raise ValueError(f"the colour space {space!r} is not supported by Pillow, expected sRGB, LAB or XYZ")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
    output = ImageCms.createProfile(cast("Any", spaces[space.upper()]))
    chosen = ImageCms.Intent(ImageCms.getDefaultIntent(profile) if intent is None else intent)
    transform = ImageCms.buildTransform(profile, output, "RGB", "RGB", chosen)
    for frame in arr if arr.ndim == 4 else [arr]:
        image = Image.fromarray(frame)
        ImageCms.applyTransform(image, transform, inPlace=True)
        frame[...] = np.asarray(image)
    return arr


def overlay_array(ds: Any, group: int) -> npt.NDArray[np.uint8]:
    """The overlay plane of group 0x6000 to 0x60FF: 0 and 1 of shape ``(R, C)``, or ``(F, R, C)`` of several frames.

    PS3.3 C.9.2. Where there is no Overlay Data, but Overlay Bit Position says that the plane lies in unused bits of
    native Pixel Data (retired 2004), it is taken from there. ``AttributeError`` where elements are missing,
    ``ValueError`` for another group or too little data.
    """
    if not 0x6000 <= group <= 0x60FF:
        raise ValueError(f"the overlay's group is {group:#06x}, expected 0x6000 to 0x60FF")
    found = {name: ds.get((group, element)) for name, element in _OVERLAY.items()}
    values: dict[str, Any] = {name: None if element is None else element.value for name, element in found.items()}
    in_pixels = values["OverlayData"] is None and values["OverlayBitPosition"] and "PixelData" in ds
    in_pixels = in_pixels and not _is_encapsulated(ds)
    missing = [
        name
        for name in ("OverlayData", "OverlayBitsAllocated", "OverlayRows", "OverlayColumns")
        if values[name] is None and not (in_pixels and name == "OverlayData")
    ]
    if missing:
        raise AttributeError(
            "Unable to convert the overlay data as the following required elements are missing from the dataset: "
            + ", ".join(missing)
        )
    frames = 1 if values["NumberOfFramesInOverlay"] is None else int(values["NumberOfFramesInOverlay"])
    shape = (frames, int(values["OverlayRows"]), int(values["OverlayColumns"]))
    data = ds.PixelData if in_pixels else values["OverlayData"]
    cell_bits = int(ds.BitsAllocated) if in_pixels else 1
    expected = (frames * shape[1] * shape[2] * cell_bits + 7) // 8
    if frames < 1 or len(data) < expected:
        raise ValueError(
            f"The length of the overlay data in the dataset ({len(data)} bytes) doesn't match the expected length "
            f"({expected} bytes): {frames} frames of {shape[1]} x {shape[2]} cells of {cell_bits} bits"
        )
    out = np.empty(shape if frames > 1 else shape[1:], np.uint8)
    if in_pixels:
        position = int(values["OverlayBitPosition"])
        if cell_bits % 8 or cell_bits != values["OverlayBitsAllocated"]:
            raise ValueError(f"Overlay Bits Allocated is {values['OverlayBitsAllocated']}, Bits Allocated {cell_bits}")
        if not _is_little_endian(ds):
            position ^= cell_bits - 8
        _rapidicom._overlay_of_cells(data, cell_bits // 8, position, out)
    else:
        _rapidicom._unpack_overlay(data, out)
    return out


_OVERLAY = {
    "OverlayRows": 0x0010,
    "OverlayColumns": 0x0011,
    "NumberOfFramesInOverlay": 0x0015,
    "OverlayBitsAllocated": 0x0100,
    "OverlayBitPosition": 0x0102,
    "OverlayData": 0x3000,
}


def _samples(arr: _Array) -> tuple[_Array, str]:
    """The array as the kernels take it: C-contiguous, native byte order; and what its samples are."""
    if arr.dtype.kind == "b":
        arr = arr.view(np.uint8)
    elif arr.dtype.kind == "f" and arr.dtype.itemsize not in (4, 8):
        arr = arr.astype(np.float64)
    elif not arr.dtype.isnative:
        arr = arr.astype(arr.dtype.newbyteorder("="))
    return np.ascontiguousarray(arr), f"{arr.dtype.kind}{arr.dtype.itemsize}"


def _transfer_syntax(ds: Any) -> str:
    return str(getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None) or "")


def _is_little_endian(ds: Any) -> bool:
    if syntax := _transfer_syntax(ds):
        return syntax != _BIG_ENDIAN
    encoding = getattr(ds, "original_encoding", (None, None))
    return encoding[1] is not False


def _is_encapsulated(ds: Any) -> bool:
    syntax = UID(_transfer_syntax(ds))
    return syntax.is_transfer_syntax and syntax.is_encapsulated


def _entry_type(ds: Any, entry_bytes: int) -> str:
    return f"{'<' if _is_little_endian(ds) else '>'}u{entry_bytes}"


def _look_up(arr: _Array, ds: Any, item: Any) -> _Array:
    """Through the LUT Data of an item of Modality or VOI LUT Sequence. PS3.3 C.11.1.1"""
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries & 0xFFFF or 65536
    kind = np.uint8 if bits <= 8 else np.uint16
    data = item["LUTData"].value
    if isinstance(data, bytes):
        words = np.frombuffer(data + b"\0" * (len(data) % 2), _entry_type(ds, 2))
    else:
        element = item["LUTData"]
        words = np.atleast_1d(np.asarray(element.to_numpy() if hasattr(element, "to_numpy") else data))
    if bits <= 8 and 2 * len(words) in (entries, entries + 1):
        words = words.astype("<u2").view("u1")  # two entries a word, the first one in its low byte
    table = np.ascontiguousarray(words[:entries].astype(kind))
    samples, sample_type = _samples(arr)
    out = np.empty(arr.shape, kind)
    _rapidicom._look_up(samples, sample_type, (first, table.itemsize, table), out)
    return out


def _has(ds: Any, *keywords: str) -> bool:
    """Whether all of them are there, and not empty."""
    return all(ds.get(keyword) not in (None, "") for keyword in keywords)


def _nth(ds: Any, keyword: str, index: int) -> float:
    value = ds[keyword].value
    return float(value[index] if ds[keyword].VM > 1 else value)


def _window(ds: Any, index: int) -> tuple[str, float, float]:
    if ds.PhotometricInterpretation not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(
            "When performing a windowing operation only 'MONOCHROME1' and 'MONOCHROME2' are allowed for (0028,0004) "
            "Photometric Interpretation"
        )
    function = (ds.get("VOILUTFunction") or "LINEAR").upper()
    return function, _nth(ds, "WindowCenter", index), _nth(ds, "WindowWidth", index)


def _output_range(ds: Any) -> tuple[float, float]:
    """The least and greatest value that the modality's values can have. PS3.3 C.11.1.1.1"""
    if ds.get("ModalityLUTSequence"):
        low, high = 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    elif ds.PixelRepresentation == 0:
        low, high = 0, 2**ds.BitsStored - 1
    else:
        low, high = -(2 ** (ds.BitsStored - 1)), 2 ** (ds.BitsStored - 1) - 1
    slope, intercept = ds.get("RescaleSlope"), ds.get("RescaleIntercept")
    if slope is None or intercept is None:
        return float(low), float(high)
    return low * float(slope) + float(intercept), high * float(slope) + float(intercept)


def _palette_of(ds: Any) -> tuple[int, list[_Array]]:
    """First value mapped and tables of the Palette Color Lookup Table Module. PS3.3 C.7.6.3.1.5"""
    if "RedPaletteColorLookupTableDescriptor" not in ds:
        raise ValueError("No suitable Palette Color Lookup Table Module found")
    entries, first, bits = (int(number) for number in ds.RedPaletteColorLookupTableDescriptor)
    entries = entries & 0xFFFF or 65536
    for prefix, read in (("", _plain_table), ("Segmented", _segmented_table)):
        if f"{prefix}RedPaletteColorLookupTableData" not in ds:
            continue
        keywords = [f"{prefix}{color}PaletteColorLookupTableData" for color in ("Red", "Green", "Blue", "Alpha")]
        data = [ds.get(keyword) for keyword in keywords]
        present = [value for value in data if value]
        if len(present) < 3 or len({len(value) for value in present if not prefix}) > 1:
            raise ValueError("LUT data must be the same length")
        tables = [np.ascontiguousarray(read(ds, value, entries, bits)[:entries]) for value in present]
        if len({len(table) for table in tables}) > 1:
            raise ValueError("LUT data must be the same length")
        return first, tables
    raise ValueError("No suitable Palette Color Lookup Table Module found")


def _plain_table(ds: Any, data: bytes, entries: int, bits: int) -> _Array:
    """Entries of 16 bits where the data is long enough, also where the descriptor says 8; else of 8.

    PS3.3 C.7.6.3.1.6
    """
    if len(data) >= 2 * entries:
        return np.frombuffer(data, _entry_type(ds, 2), count=entries).astype(np.uint16)
    if len(data) >= entries:
        return np.frombuffer(data, np.uint8)
    raise ValueError(
        f"a table of the palette has {len(data)} bytes, expected {entries} or {2 * entries} (of {bits} bits an entry)"
    )


def _segmented_table(ds: Any, data: bytes, entries: int, bits: int) -> _Array:
    if bits not in (8, 16):
        raise ValueError(f"the palette has {bits} bits an entry, expected 8 or 16")
    words = np.frombuffer(data, _entry_type(ds, bits // 8), count=len(data) // (bits // 8)).tolist()
    return np.array(_rapidicom._expand_segments(words, bits, _is_little_endian(ds), entries), f"u{bits // 8}")


def _well_known(palette: str) -> list[_Array]:
    from ._palettes import WELL_KNOWN

    for uid, (name, channels) in WELL_KNOWN.items():
        if palette in (uid, name):
            return [_steps(text) for text in channels]
    raise ValueError(f"Unknown palette '{palette}'")


def _steps(text: str) -> _Array:
    start, *runs = text.split()
    steps = [int(step) for run in runs for count, step in [run.split("*")] for _ in range(int(count))]
    return np.cumsum([int(start), *steps]).astype(np.uint8)
