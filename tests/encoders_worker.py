"""Makes compressed images with the encoders of other projects, and asks their decoders what the samples are.

usage: encoders_worker.py SHARD SHARDS START ANSWERS

Runs in a process of its own, as some of those libraries end it: standard output is the record that survives, the
position of each case before it begins. ANSWERS gets one pickle a case: position, code stream or None, samples of each
decoder. tests/test_compressed_generated.py reads it, and has `cases` in the same order.
"""

import itertools
import os
import pickle
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import builders
import small_encoders
from builders import EXPLICIT

Samples = npt.NDArray[Any]

RLE, JPEG_BASELINE, JPEG_EXTENDED = "5", "4.50", "4.51"
JPEG_PROGRESSIVE, JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = "4.55", "4.57", "4.70"
JPEG_LS, JPEG_LS_NEAR, JPEG_2000_LOSSLESS, JPEG_2000 = "4.80", "4.81", "4.90", "4.91"
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = "4.201", "4.202", "4.203"
JPEG_XL_LOSSLESS, JPEG_XL_JPEG, JPEG_XL, DEFLATE = "4.110", "4.111", "4.112", "8.1"
PREFIX = "1.2.840.10008.1.2."
"""Transfer syntaxes by what follows the prefix."""

SIZES = ((1, 1), (1, 2), (2, 1), (3, 5), (8, 8), (9, 7), (17, 16), (33, 31), (1, 4097))
LONG = ((4097, 3), (3, 4097))
"""Rows and columns; the long ones are for one of many."""


@dataclass(frozen=True)
class Case:
    """An image and how it is encoded."""

    syntax: str
    encoder: str
    rows: int
    columns: int
    samples: int = 1
    bits: int = 8
    signed: bool = False
    pattern: str = "smooth"
    options: dict[str, Any] = field(default_factory=dict)
    photometric: str = ""
    lossless: bool = True

    @property
    def allocated(self) -> int:
        return 8 if self.bits <= 8 else 16 if self.bits <= 16 else 32

    def __str__(self) -> str:
        what = f"{self.rows}x{self.columns}x{self.samples} {'s' if self.signed else 'u'}{self.bits} {self.pattern}"
        return f"{self.syntax} {self.encoder} {what} {self.options}"


def image(case: Case) -> Samples:
    """The samples: (R, C) or (R, C, S), in the least type that holds Bits Allocated."""
    seed = zlib.crc32(f"{case.rows} {case.columns} {case.samples} {case.bits} {case.pattern}".encode())
    rnd = np.random.default_rng(seed)
    shape = (case.rows, case.columns) if case.samples == 1 else (case.rows, case.columns, case.samples)
    top = 2**case.bits - 1
    if case.pattern == "noise":
        wide = rnd.integers(0, top, shape, dtype=np.int64, endpoint=True)
    elif case.pattern == "extremes":
        wide = rnd.integers(0, 1, shape, dtype=np.int64, endpoint=True) * top
    elif case.pattern == "flat":
        wide = np.full(shape, rnd.integers(0, top, dtype=np.int64, endpoint=True))
    else:
        slope = np.linspace(0, top, case.rows)[:, None] * 0.6 + np.linspace(0, top, case.columns) * 0.4
        grain = rnd.integers(-(top >> 5) - 1, (top >> 5) + 1, shape, dtype=np.int64)
        wide = np.clip((slope if case.samples == 1 else slope[..., None]).astype(np.int64) + grain, 0, top)
    if case.signed:
        wide = wide - 2 ** (case.bits - 1)
    return np.asarray(wide, f"{'i' if case.signed else 'u'}{case.allocated // 8}")


def dicom(case: Case, stream: bytes) -> bytes:
    """The code stream as the only frame of a file."""
    photometric = case.photometric or ("RGB" if case.samples == 3 else "MONOCHROME2")
    e = EXPLICIT
    attributes = e.image(
        case.rows,
        case.columns,
        bits=case.allocated,
        stored=case.bits,
        signed=case.signed,
        samples=case.samples,
        photometric=photometric,
        planar=0 if case.samples > 1 else None,
    )
    even = stream + b"\0" * (len(stream) % 2)
    return builders.file(e.patient() + attributes + e.encapsulated([even]), PREFIX + case.syntax)


def cells(samples: Samples, case: Case) -> Samples:
    """Unsigned samples of Bits Stored bits, as code streams that know no sign have them."""
    unsigned = samples.astype(np.int64) & (2**case.bits - 1)
    return np.asarray(unsigned, f"u{case.allocated // 8}")


# Encoders: the image and the case in, a code stream out.


def rle_pylibjpeg(samples: Samples, case: Case) -> bytes:
    from rle.rle import encode_frame

    raw = cells(samples, case)
    return bytes(encode_frame(raw.tobytes(), case.rows, case.columns, case.samples, case.allocated, "<"))


def rle_pydicom(samples: Samples, case: Case) -> bytes:
    from pydicom.pixels.encoders.native import _encode_segment

    planes = cells(samples, case).reshape(case.rows * case.columns, case.samples)
    segments = []
    for sample in range(case.samples):
        octets = planes[:, sample].astype(f">u{case.allocated // 8}").view("u1").reshape(case.rows, case.columns, -1)
        segments += [bytes(_encode_segment(octets[..., n].tobytes(), case.columns)) for n in range(octets.shape[-1])]
    return small_encoders.rle_frame(segments)


def rle_own(samples: Samples, case: Case) -> bytes:
    return small_encoders.rle(cells(samples, case), **case.options)


def jpeg(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpeg8_encode(samples, bitspersample=case.bits, **case.options))


def jpeg_lossless(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    color: dict[str, Any] = {"colorspace": "RGB", "outcolorspace": "RGB"} if case.samples == 3 else {}
    raw = cells(samples, case)
    return bytes(imagecodecs.jpeg8_encode(raw, lossless=True, bitspersample=case.bits, **color, **case.options))


def jpeg_lossless_liblj92(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.ljpeg_encode(cells(samples, case), bitspersample=case.bits))


def jpeg_lossless_own(samples: Samples, case: Case) -> bytes:
    return small_encoders.jpeg_lossless(cells(samples, case), case.bits, **case.options)


def jpeg_pillow(samples: Samples, case: Case) -> bytes:
    return pillow(samples, "JPEG", **case.options)


def pillow(samples: Samples, kind: str, **options: Any) -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, kind, **options)
    return stream.getvalue()


def jpeg_ls(samples: Samples, case: Case) -> bytes:
    from jpeg_ls import encode_buffer

    raw = cells(samples, case)
    mode = case.options.get("interleave")
    raw = np.moveaxis(raw, -1, 0) if mode == 0 and case.samples > 1 else raw
    near = case.options.get("near", 0)
    return bytes(encode_buffer(raw.tobytes(), case.rows, case.columns, case.samples, case.bits, near, mode))


def jpeg_ls_imagecodecs(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpegls_encode(cells(samples, case), level=case.options.get("near", 0)))


def jpeg_2000(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpeg2k_encode(samples, bitspersample=case.bits, **case.options))


def jpeg_2000_pylibjpeg(samples: Samples, case: Case) -> bytes:
    from openjpeg.utils import encode_array

    color = 1 if case.samples == 3 else 2
    return bytes(encode_array(samples, bits_stored=case.bits, photometric_interpretation=color, **case.options))


def jpeg_2000_pillow(samples: Samples, case: Case) -> bytes:
    return pillow(samples, "JPEG2000", **case.options)


def htj2k(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.htj2k_encode(samples, **case.options))


def jpeg_xl(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpegxl_encode(samples, bitspersample=case.bits, **case.options))


def jpeg_xl_of_jpeg(samples: Samples, case: Case) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpegxl_encode_jpeg(jpeg(samples, case)))


def deflate(samples: Samples, case: Case) -> bytes:
    packer = zlib.compressobj(case.options["level"], zlib.DEFLATED, case.options["window"])
    data = samples.tobytes()
    half = len(data) // 2 if case.options.get("flush") else 0
    return (
        packer.compress(data[:half])
        + (packer.flush(zlib.Z_FULL_FLUSH) if half else b"")
        + (packer.compress(data[half:]) + packer.flush())
    )


# Decoders: the code stream, the case and its file in, samples out. Each is a library of its own.


def by_gdcm(stream: bytes, case: Case, path: Path) -> Samples:
    import gdcm

    if case.syntax in (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1) and case.bits < 8:
        raise ValueError("gdcm would end the process")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError("refused")
    text = reader.GetImage().GetBuffer()
    if text is None:
        raise ValueError("refused")
    raw = text.encode("utf-8", "surrogateescape")
    kind = f"{'i' if case.signed else 'u'}{case.allocated // 8}"
    samples: Samples = np.frombuffer(raw, kind)
    if case.samples > 1 and reader.GetImage().GetPlanarConfiguration() == 1:
        return np.moveaxis(samples.reshape(case.samples, case.rows, case.columns), 0, -1)
    return samples


def by_pylibjpeg_rle(stream: bytes, case: Case, path: Path) -> Samples:
    from rle.rle import decode_frame

    raw = np.frombuffer(decode_frame(stream, case.rows * case.columns, case.allocated, "<"), f"<u{case.allocated // 8}")
    return np.moveaxis(raw.reshape(case.samples, case.rows, case.columns), 0, -1)


def by_dicomrle(stream: bytes, case: Case, path: Path) -> Samples:
    import imagecodecs

    raw = np.frombuffer(imagecodecs.dicomrle_decode(stream, f"<u{case.allocated // 8}"), f"<u{case.allocated // 8}")
    return np.moveaxis(raw.reshape(case.samples, case.rows, case.columns), 0, -1)


def by_libjpeg(stream: bytes, case: Case, path: Path) -> Samples:
    import libjpeg

    return np.asarray(libjpeg.decode(stream))  # type: ignore[attr-defined, unused-ignore]


def by_libjpeg_turbo_raw(stream: bytes) -> Samples:
    """Y, Cb, Cr at full resolution."""
    import imagecodecs

    return np.asarray(imagecodecs.jpeg8_decode(stream, outcolorspace="YCbCr"))


def by_pillow(stream: bytes, case: Case, path: Path) -> Samples:
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(stream)))


def by_charls(stream: bytes, case: Case, path: Path) -> Samples:
    from jpeg_ls import decode

    return np.asarray(decode(np.frombuffer(stream, np.uint8)))


def by_openjpeg(stream: bytes, case: Case, path: Path) -> Samples:
    import openjpeg

    return np.asarray(openjpeg.decode(stream))  # type: ignore[attr-defined, unused-ignore]


def by_zlib(stream: bytes, case: Case, path: Path) -> Samples:
    raw = zlib.decompress(stream, case.options["window"])
    return np.frombuffer(raw, f"{'i' if case.signed else 'u'}{case.allocated // 8}")


def by_libdeflate(stream: bytes, case: Case, path: Path) -> Samples:
    import imagecodecs

    size = case.rows * case.columns * case.samples * case.allocated // 8
    raw = imagecodecs.deflate_decode(stream, raw=case.options["window"] < 0, out=size)
    return np.frombuffer(raw, f"{'i' if case.signed else 'u'}{case.allocated // 8}")


def by_imagecodecs(name: str) -> Callable[[bytes, Case, Path], Samples]:
    def decode(stream: bytes, case: Case, path: Path) -> Samples:
        import imagecodecs

        return np.asarray(getattr(imagecodecs, f"{name}_decode")(stream))

    return decode


Decoders = dict[str, Callable[[bytes, Case, Path], Samples]]
LIBJPEG_TURBO: Decoders = {"libjpeg-turbo": by_imagecodecs("jpeg8")}
LOSSLESS: Decoders = {
    **LIBJPEG_TURBO,
    "jpegsof3": by_imagecodecs("jpegsof3"),
    "libjpeg": by_libjpeg,
    "gdcm": by_gdcm,
}
CHARLS: Decoders = {"CharLS": by_imagecodecs("jpegls"), "libjpeg": by_libjpeg, "gdcm": by_gdcm}
OPENJPEG: Decoders = {"OpenJPEG": by_imagecodecs("jpeg2k"), "pylibjpeg-openjpeg": by_openjpeg, "gdcm": by_gdcm}
HIGH_THROUGHPUT: Decoders = {"OpenJPEG": by_imagecodecs("jpeg2k"), "OpenJPH": by_imagecodecs("htj2k")}
LIBJXL: Decoders = {"libjxl": by_imagecodecs("jpegxl")}
DECODERS: dict[str, Decoders] = {
    RLE: {"imagecodecs": by_dicomrle, "pylibjpeg-rle": by_pylibjpeg_rle, "gdcm": by_gdcm},
    JPEG_BASELINE: {**LIBJPEG_TURBO, "Pillow": by_pillow},
    JPEG_EXTENDED: {**LIBJPEG_TURBO, "gdcm": by_gdcm},
    JPEG_PROGRESSIVE: {**LIBJPEG_TURBO, "Pillow": by_pillow},
    JPEG_LOSSLESS: LOSSLESS,
    JPEG_LOSSLESS_SV1: LOSSLESS,
    JPEG_LS: CHARLS,
    JPEG_LS_NEAR: CHARLS,
    JPEG_2000_LOSSLESS: OPENJPEG,
    JPEG_2000: OPENJPEG,
    HTJ2K_LOSSLESS: HIGH_THROUGHPUT,
    HTJ2K_RPCL: HIGH_THROUGHPUT,
    HTJ2K: HIGH_THROUGHPUT,
    JPEG_XL_LOSSLESS: LIBJXL,
    JPEG_XL_JPEG: LIBJXL,
    JPEG_XL: LIBJXL,
    DEFLATE: {"zlib": by_zlib, "libdeflate": by_libdeflate},
}
"""In order of rank: the first that answers is the reference of what is lossy."""


# Which cases there are.


def sizes(every: int) -> Iterator[tuple[int, int]]:
    """The sizes, and one long one where `every` says so."""
    yield from SIZES
    if every % 7 == 0:
        yield LONG[every // 7 % 2]


def rle_cases() -> Iterator[Case]:
    number = itertools.count()
    for bits, samples, pattern in itertools.product((8, 12, 16, 32), (1, 3), ("smooth", "noise", "flat")):
        for rows, columns in sizes(next(number)):
            signed = bits != 8 and samples == 1 and rows % 2 == 0
            yield Case(RLE, "rle_pylibjpeg", rows, columns, samples, bits, signed, pattern)
            yield Case(RLE, "rle_pydicom", rows, columns, samples, bits, signed, pattern)
            for style in ("literal", "replicate", "no-op", "crossing"):
                yield Case(RLE, "rle_own", rows, columns, samples, bits, signed, pattern, {"style": style})


def jpeg_cases() -> Iterator[Case]:
    ybr = "YBR_FULL_422"
    for level, (rows, columns), pattern in itertools.product((30, 75, 98), SIZES, ("smooth", "noise", "extremes")):
        yield Case(JPEG_BASELINE, "jpeg", rows, columns, 1, 8, False, pattern, {"level": level}, lossless=False)
        options: dict[str, Any] = {"level": level, "colorspace": "RGB", "outcolorspace": "RGB"}
        yield Case(JPEG_BASELINE, "jpeg", rows, columns, 3, 8, False, pattern, options, lossless=False)
        for subsampling in ("444", "422", "420", "440", "411"):
            options = {"level": level, "colorspace": "RGB", "outcolorspace": "YCbCr", "subsampling": subsampling}
            yield Case(JPEG_BASELINE, "jpeg", rows, columns, 3, 8, False, pattern, options, ybr, lossless=False)
        options = {"level": level}
        yield Case(JPEG_EXTENDED, "jpeg", rows, columns, 1, 12, False, pattern, options, lossless=False)
        options = {"level": level, "colorspace": "RGB", "outcolorspace": "RGB"}
        yield Case(JPEG_EXTENDED, "jpeg", rows, columns, 3, 12, False, pattern, options, lossless=False)
    extras = ("restart_marker_blocks", "restart_marker_rows", "optimize", "progressive")
    for extra, (rows, columns), samples, chroma in itertools.product(extras, SIZES, (1, 3), (0, 1, 2)):
        if samples == 1 and chroma:
            continue
        syntax = JPEG_PROGRESSIVE if extra == "progressive" else JPEG_BASELINE
        options = {"quality": 80, "subsampling": chroma, extra: 1}
        photometric = ybr if samples == 3 else ""
        yield Case(syntax, "jpeg_pillow", rows, columns, samples, 8, False, "smooth", options, photometric, False)


def jpeg_lossless_cases() -> Iterator[Case]:
    number = itertools.count()
    for predictor, bits, samples in itertools.product(range(1, 8), (2, 5, 8, 10, 12, 16), (1, 3)):
        for rows, columns in sizes(next(number)):
            signed = bits in (12, 16) and samples == 1 and rows % 2 == 0
            pattern = ("smooth", "noise", "extremes")[(rows + columns + predictor) % 3]
            syntax = JPEG_LOSSLESS_SV1 if predictor == 1 else JPEG_LOSSLESS
            options = {"predictor": predictor}
            yield Case(syntax, "jpeg_lossless", rows, columns, samples, bits, signed, pattern, options)
    for bits, (rows, columns) in itertools.product((8, 12, 16), SIZES):
        yield Case(JPEG_LOSSLESS, "jpeg_lossless_liblj92", rows, columns, 1, bits)
    shifts, restarts, samples_ = (0, 1, 3), (0, 1, 2), (1, 3)
    for predictor, bits, shift, restart, samples in itertools.product(
        range(1, 8), (8, 12, 16), shifts, restarts, samples_
    ):
        for rows, columns in SIZES[:6]:
            pattern = ("smooth", "noise", "extremes")[(rows + columns + predictor + shift) % 3]
            options = {"predictor": predictor, "point_transform": shift, "restart_rows": restart}
            options["by_component"] = samples == 3 and restart == 1
            lossless = shift == 0
            case = Case(JPEG_LOSSLESS, "jpeg_lossless_own", rows, columns, samples, bits, False, pattern, options)
            yield case if lossless else Case(**{**vars(case), "lossless": False})


def jpeg_ls_cases() -> Iterator[Case]:
    number = itertools.count()
    for bits, near, samples in itertools.product((2, 4, 7, 8, 9, 10, 12, 14, 16), (0, 1, 2, 3, 5, 7), (1, 3)):
        if near >= 2 ** (bits - 1):
            continue
        for mode in (0, 1, 2) if samples == 3 else (None,):
            for rows, columns in (*sizes(next(number)), (16, 40), (24, 25)):
                signed = near == 0 and samples == 1 and bits in (12, 16) and rows % 2 == 1
                pattern = ("smooth", "noise", "flat", "extremes")[(rows + columns + bits) % 4]
                options = {"near": near, "interleave": mode}
                syntax = JPEG_LS_NEAR if near else JPEG_LS
                yield Case(syntax, "jpeg_ls", rows, columns, samples, bits, signed, pattern, options, "", near == 0)
        if bits in (8, 16):
            for rows, columns in SIZES:
                syntax, options = JPEG_LS_NEAR if near else JPEG_LS, {"near": near}
                encoder = "jpeg_ls_imagecodecs"
                yield Case(syntax, encoder, rows, columns, samples, bits, False, "smooth", options, "", near == 0)


def jpeg_2000_cases() -> Iterator[Case]:
    number = itertools.count()
    for bits, signed, samples in itertools.product((2, 5, 8, 10, 12, 16, 20, 24), (False, True), (1, 3)):
        photometric = "YBR_RCT" if samples == 3 else ""
        for rows, columns in sizes(next(number)):
            pattern = ("smooth", "noise", "extremes")[(rows + columns) % 3]
            shape = (rows, columns, samples, bits, signed, pattern)
            options: dict[str, Any] = {"reversible": True, "codecformat": "j2k", "resolutions": 1 + rows % 2}
            yield Case(JPEG_2000_LOSSLESS, "jpeg_2000", *shape, options, photometric)
            options = {"reversible": True, "codecformat": "jp2", "resolutions": 1, "mct": False}
            yield Case(JPEG_2000_LOSSLESS, "jpeg_2000", *shape, options, "RGB" if samples == 3 else "")
            if bits <= 16:
                options = {"level": 40, "reversible": False, "codecformat": "j2k", "resolutions": 2}
                photometric_lossy = "YBR_ICT" if samples == 3 else ""
                yield Case(JPEG_2000, "jpeg_2000", *shape, options, photometric_lossy, False)
        for tlm, plt in ((False, False), (True, True)):
            options = {"add_tlm": tlm, "add_plt": plt}
            shape = (33, 47, samples, bits, signed, "smooth")
            yield Case(JPEG_2000_LOSSLESS, "jpeg_2000_pylibjpeg", *shape, options, photometric)
            if bits in (8, 12, 16):
                options["compression_ratios"] = [10.0, 3.0]
                lossy = "YBR_ICT" if samples == 3 else ""
                yield Case(JPEG_2000, "jpeg_2000_pylibjpeg", *shape, options, lossy, False)
    progressions, precincts, tiles = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"), (0, 16, 32), (0, 8, 16)
    for progression, precinct, tile, irreversible in itertools.product(progressions, precincts, tiles, (False, True)):
        for (rows, columns), samples in itertools.product(((9, 7), (17, 16), (33, 31)), (1, 3)):
            options = {"no_jp2": True, "progression": progression, "codeblock_size": (8, 8), "num_resolutions": 2}
            options |= {"irreversible": irreversible, "mct": int(samples == 3)}
            options |= {"precinct_size": (precinct, precinct)} if precinct else {}
            options |= {"tile_size": (tile, tile)} if tile else {}
            syntax = JPEG_2000 if irreversible else JPEG_2000_LOSSLESS
            color = ("YBR_ICT" if irreversible else "YBR_RCT") if samples == 3 else ""
            shape = (rows, columns, samples, 8, False, "smooth")
            yield Case(syntax, "jpeg_2000_pillow", *shape, options, color, not irreversible)


def htj2k_cases() -> Iterator[Case]:
    number = itertools.count()
    for bits, signed, samples in itertools.product((8, 16, 32), (False, True), (1, 3)):
        photometric = "YBR_RCT" if samples == 3 else ""
        for rows, columns in sizes(next(number)):
            for pattern, resolutions, tile in itertools.product(("smooth", "noise"), (1, 3), (None, (16, 8))):
                if bits == 32 and (resolutions > 1 or tile):
                    continue
                shape = (rows, columns, samples, bits, signed, pattern)
                options: dict[str, Any] = {"reversible": True, "resolutions": resolutions, "tile": tile}
                yield Case(HTJ2K_LOSSLESS, "htj2k", *shape, options, photometric)
                if bits < 32:  # OpenJPH writes RPCL unless told otherwise
                    yield Case(HTJ2K_RPCL, "htj2k", *shape, {**options, "tlm": True}, photometric)
            if bits < 32:
                for level in (0.001, 0.01, 0.1):
                    shape = (rows, columns, samples, bits, signed, "smooth")
                    options = {"reversible": False, "level": level, "resolutions": 2}
                    lossy = "YBR_ICT" if samples == 3 else ""
                    yield Case(HTJ2K, "htj2k", *shape, options, lossy, False)


def jpeg_xl_cases() -> Iterator[Case]:
    for bits, samples, effort, (rows, columns) in itertools.product((8, 10, 12, 16), (1, 3), (1, 3, 7), SIZES):
        pattern = ("smooth", "noise", "flat")[(rows + columns + effort) % 3]
        shape = (rows, columns, samples, bits, False, pattern)
        yield Case(JPEG_XL_LOSSLESS, "jpeg_xl", *shape, {"lossless": True, "effort": effort})
        if effort == 3:
            yield Case(JPEG_XL, "jpeg_xl", *shape, {"lossless": False, "distance": 1.0, "effort": 3}, "", False)
    for subsampling, (rows, columns), samples in itertools.product(("444", "422", "420"), SIZES, (1, 3)):
        options: dict[str, Any] = {"level": 85}
        if samples == 3:
            options |= {"colorspace": "RGB", "outcolorspace": "YCbCr", "subsampling": subsampling}
        yield Case(JPEG_XL_JPEG, "jpeg_xl_of_jpeg", rows, columns, samples, 8, False, "smooth", options, "", False)


def deflate_cases() -> Iterator[Case]:
    for bits, samples, level, window in itertools.product((8, 12, 16, 32), (1, 3), (0, 1, 9), (-15, -9, 15)):
        for rows, columns in SIZES:
            pattern = ("smooth", "noise", "flat")[(rows + columns + level) % 3]
            options = {"level": level, "window": window, "flush": level == 1}
            yield Case(DEFLATE, "deflate", rows, columns, samples, bits, bits == 16 and samples == 1, pattern, options)


def cases() -> Iterator[Case]:
    """All of them, in an order that never changes."""
    return itertools.chain(
        rle_cases(),
        jpeg_cases(),
        jpeg_lossless_cases(),
        jpeg_ls_cases(),
        jpeg_2000_cases(),
        htj2k_cases(),
        jpeg_xl_cases(),
        deflate_cases(),
    )


Answer = tuple[int, bytes | None, dict[str, Samples | str]]


def answer(position: int, case: Case, path: Path) -> Answer:
    """The code stream and what each decoder makes of it."""
    try:
        stream = globals()[case.encoder](image(case), case)
    except Exception as error:
        return position, None, {"encoder": f"{type(error).__name__}: {error}"[:200]}
    path.write_bytes(dicom(case, stream))
    found: dict[str, Samples | str] = {}
    for name, decode in DECODERS[case.syntax].items():
        try:
            found[name] = np.ascontiguousarray(decode(stream, case, path))
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"[:200]
    if case.photometric == "YBR_FULL_422":
        found["raw"] = np.asarray(by_libjpeg_turbo_raw(stream))
    return position, stream, found


def main() -> None:
    shard, shards, start = (int(argument) for argument in sys.argv[1:4])
    warnings.simplefilter("ignore")
    with Path(sys.argv[4]).open("ab") as answers, tempfile.TemporaryDirectory() as folder:
        for position, case in enumerate(cases()):
            if position % shards == shard and position >= start:
                os.write(1, b"%d\n" % position)
                pickle.dump(answer(position, case, Path(folder) / "case.dcm"), answers, pickle.HIGHEST_PROTOCOL)
                answers.flush()


if __name__ == "__main__":
    main()
