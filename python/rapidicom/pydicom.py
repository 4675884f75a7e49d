"""pydicom with our decoders, and our data sets as pydicom's. pydicom itself is imported when a function needs it.

The same module is the plugin that pydicom loads: ``is_available``, ``DECODER_DEPENDENCIES`` and ``_decode_frame`` are
the names that its ``Decoder.add_plugin`` asks for.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import _rapidicom

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pydicom

    from ._rapidicom import DataElement, Dataset

__all__ = ["LABEL", "decoders", "register_decoders", "to_pydicom", "unregister_decoders"]

LABEL = "rapidicom"
"""What the plugin is called in pydicom, as ``decoding_plugin=`` takes it."""

_TRANSFER_SYNTAXES = {
    "JPEGBaseline8Bit": "1.2.840.10008.1.2.4.50",
    "JPEGExtended12Bit": "1.2.840.10008.1.2.4.51",
    "JPEGLossless": "1.2.840.10008.1.2.4.57",
    "JPEGLosslessSV1": "1.2.840.10008.1.2.4.70",
    "JPEGLSLossless": "1.2.840.10008.1.2.4.80",
    "JPEGLSNearLossless": "1.2.840.10008.1.2.4.81",
    "JPEG2000Lossless": "1.2.840.10008.1.2.4.90",
    "JPEG2000": "1.2.840.10008.1.2.4.91",
    "HTJ2KLossless": "1.2.840.10008.1.2.4.201",
    "HTJ2KLosslessRPCL": "1.2.840.10008.1.2.4.202",
    "HTJ2K": "1.2.840.10008.1.2.4.203",
    "RLELossless": "1.2.840.10008.1.2.5",
}
# Of later versions of pydicom, where it has them.
_MORE = {
    "DeflatedImageFrameCompression": "1.2.840.10008.1.2.8.1",
    "JPEGXLLossless": "1.2.840.10008.1.2.4.110",
    "JPEGXLJPEGRecompression": "1.2.840.10008.1.2.4.111",
    "JPEGXL": "1.2.840.10008.1.2.4.112",
}
_UIDS = (*_TRANSFER_SYNTAXES.values(), *_MORE.values())
DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = dict.fromkeys(_UIDS, ("rapidicom",))

_RLE = _TRANSFER_SYNTAXES["RLELossless"]
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = tuple(uid for name, uid in _TRANSFER_SYNTAXES.items() if "2K" in name or "2000" in name)
_BY_COMPONENT_TRANSFORMATION = ("YBR_ICT", "YBR_RCT")

_registering = threading.Lock()


def register_decoders(first: bool = True) -> None:
    """Makes pydicom decode compressed frames by this package, in every Transfer Syntax that it has a ``Decoder`` for.

    ``first``: before the plugins that are there; else after them. Either way ``decoding_plugin="rapidicom"`` asks for
    it alone. May be called again, from any thread; the last call's ``first`` holds. A frame that we refuse is then
    tried by the other plugins, as pydicom does. ``ImportError`` where there is no pydicom, or none with decoders
    (before 3.0).
    """
    with _registering:
        for decoder in _decoders():
            _register(decoder, first)


def unregister_decoders() -> None:
    """Takes the plugin away from every ``Decoder`` of pydicom that has it. ``ImportError`` as ``register_decoders``."""
    with _registering:
        for decoder in _decoders():
            _unregister(decoder)


@contextmanager
def decoders(first: bool = True) -> Iterator[None]:
    """``register_decoders`` for the time of a ``with`` block; the plugin's place is then what it was before.

    The decoders are pydicom's, one for the process: other threads decode by the plugin during the block, too.
    """
    with _registering:
        found = _decoders()
        was_first = [next(iter(decoder._available), None) == LABEL for decoder in found]
        was_there = [LABEL in decoder.available_plugins for decoder in found]
        for decoder in found:
            _register(decoder, first)
    try:
        yield
    finally:
        with _registering:
            for decoder, there, at_front in zip(found, was_there, was_first, strict=True):
                if there:
                    _register(decoder, at_front)
                else:
                    _unregister(decoder)


def _decoders() -> list[Any]:
    """Every ``Decoder`` of pydicom for a Transfer Syntax that we decode."""
    try:
        from pydicom.pixels import get_decoder
    except ImportError:
        raise ImportError("decoders are plugins of pydicom 3.0 or later: pip install pydicom") from None
    found = []
    for uid in DECODER_DEPENDENCIES:
        try:
            found.append(get_decoder(uid))
        except NotImplementedError:
            continue
    return found


def _register(decoder: Any, first: bool) -> None:
    """Adds the plugin by pydicom's own function, then puts it where it belongs.

    pydicom tries plugins in the order of the dict ``Decoder._available``, of which each decoding takes a copy, and has
    no function to order them. A new dict replaces the old one in a single assignment: no thread sees half of it.
    """
    if LABEL not in decoder.available_plugins:
        decoder.add_plugin(LABEL, (__name__, "_decode_frame"))
    others = {label: function for label, function in decoder._available.items() if label != LABEL}
    ours = {LABEL: _decode_frame} if is_available(decoder.UID) else {}
    decoder._available = {**ours, **others} if first else {**others, **ours}


def _unregister(decoder: Any) -> None:
    if LABEL in decoder.available_plugins:
        decoder.remove_plugin(LABEL)


def is_available(uid: str) -> bool:
    """Whether frames of this Transfer Syntax are decoded."""
    return uid in DECODER_DEPENDENCIES


def _decode_frame(src: bytes, runner: Any) -> bytearray:
    """One frame as pydicom's own plugins give it: colours and signs as the code stream has them, RLE by plane.

    pydicom then corrects signs, fills unused bits and makes RGB of YBR as its options ask. What the frame is now, is
    said by options of ``runner``, which belongs to this one decoding.
    """
    options = _FrameOptions(runner)
    uid, bits_allocated, photometric = str(runner.transfer_syntax), options.bits_allocated, options.photometric
    signed, bits = 0, bits_allocated
    if uid in _JPEG_2000:
        bits = _container(options.get("j2k_precision", runner.bits_stored), bits_allocated)
        signed = int(options.get("j2k_is_signed", runner.pixel_representation))
    elif uid in _JPEG_LS:
        bits = _container(options.get("jls_precision", runner.bits_stored), bits_allocated)
    elif bits_allocated == 1:
        bits = 8
    layout = (runner.rows, runner.columns, runner.samples_per_pixel, bits, bits, signed, 0, photometric)
    frame, color, _ = _rapidicom._decode_frame(src, uid, layout, True, None)
    options.set("decoding_plugin", LABEL)
    options.set("planar_configuration", 0)
    if bits != bits_allocated or bits != runner.bits_allocated:
        options.set("bits_allocated", bits)
    if color == "RGB" or (uid in _JPEG_2000 and photometric in _BY_COMPONENT_TRANSFORMATION):
        options.set("photometric_interpretation", "RGB")
    elif color == "YBR_FULL" and not photometric.startswith("YBR_FULL"):
        options.set("photometric_interpretation", "YBR_FULL")
    if uid == _RLE:
        if "<" in (options.get("rle_segment_order", ">"), options.get("byteorder", ">")):
            frame = frame.byteswap()
        if frame.ndim == 3:  # as RLE stores it, and every plugin of pydicom gives it
            frame = frame.transpose(2, 0, 1).copy()
            options.set("planar_configuration", 1)
    return bytearray(frame.reshape(-1).view("u1").data)


def _container(precision: int, bits_allocated: int) -> int:
    """The bits of the cells that pydicom expects of JPEG-LS and JPEG 2000: the least that hold the precision.

    Not more than Bits Allocated: a code stream of more bits is refused, where pydicom would cut them off.
    """
    least = next(bits for bits in (8, 16, 32) if precision <= bits or bits == 32)
    return min(least, bits_allocated) if bits_allocated >= 8 else 8


class _FrameOptions:
    """The options of the frame that is being decoded: its own in pydicom after 3.0, those of all frames in 3.0."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._per_frame = hasattr(runner, "set_frame_option")

    @property
    def photometric(self) -> str:
        """Photometric Interpretation, as pydicom has found it to be."""
        return str(self.get("photometric_interpretation", self._runner.photometric_interpretation))

    @property
    def bits_allocated(self) -> int:
        """Bits Allocated of the image: kept aside, as in 3.0 that of the frame before is in its place."""
        name = f"{LABEL}_bits_allocated"
        if self._runner.get_option(name) is None:
            self._runner.set_option(name, self._runner.bits_allocated)
        return int(self._runner.get_option(name))

    def get(self, name: str, default: Any) -> Any:
        if self._per_frame:
            return self._runner.get_frame_option(self._runner.index, name, default)
        return self._runner.get_option(name, default)

    def set(self, name: str, value: Any) -> None:
        if self._per_frame:
            self._runner.set_frame_option(self._runner.index, name, value)
        elif name != "decoding_plugin":
            self._runner.set_option(name, value)


def to_pydicom(ds: Dataset) -> pydicom.Dataset:
    """The same data set as pydicom's ``FileDataset``: raw elements that pydicom converts when they are asked for.

    Each element's bytes are copied out of the file once; nothing is converted. Sequences stay bytes until pydicom reads
    them. File Meta Information, preamble, encoding and character set are those of ``ds``, and so is ``filename``. What
    was recovered of a damaged file is given as it was recovered. ``ImportError`` where there is no pydicom.
    """
    from pydicom.charset import convert_encodings, default_encoding
    from pydicom.dataset import FileDataset, FileMetaDataset

    implicit, little = ds.is_implicit_VR, ds.is_little_endian
    meta = FileMetaDataset(_raw_elements(ds.file_meta))
    filename: Any = ds.filename
    made = FileDataset(filename, _raw_elements(ds), ds.preamble, meta, implicit, little)
    named = "SpecificCharacterSet" in made
    encodings = convert_encodings(made.SpecificCharacterSet) if named else default_encoding
    made.set_original_encoding(implicit, little, encodings)
    return made


def _raw_elements(ds: Dataset) -> dict[Any, Any]:
    """The elements of one level as pydicom's reader leaves them."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import BaseTag

    undefined_length = 0xFFFFFFFF
    implicit, little = ds.is_implicit_VR, ds.is_little_endian
    raw = {}
    for element in ds.elements():
        tag, value = BaseTag(element.tag), bytes(element.raw)
        length = undefined_length if element.is_undefined_length else len(value)
        of_items = _is_in_implicit_VR(element) if element.VR == "SQ" and not implicit else implicit
        vr = None if implicit and element.VR != "SQ" else element.VR  # pydicom, too, tells sequences by their items
        raw[tag] = RawDataElement(tag, vr, length, value, element.value_offset, of_items, little)
    return raw


def _is_in_implicit_VR(sequence: DataElement) -> bool:
    """Whether the items of a sequence in Explicit VR are not: those of UN with undefined length. PS3.5 §6.2.2 note 4"""
    return any(item.is_implicit_VR for item in sequence.value[:1])
