"""The images of the benchmark corpus: one file per image and transfer syntax.

ct512    512 x 512 unsigned 16 bit allocated, 12 bits of content (the real CT, +1024)
ct512s   512 x 512 signed 16 bit (the real CT)
rgb2048  2048 x 2048 8-bit RGB (synthetic texture like that of an H&E stain)
mf100    100 x 512 x 512 unsigned 16 bit (turned and rolled copies of the real CT)
mf100u8  100 x 512 x 512 8 bit (mf100 through a window), for JPEG baseline
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from corpus_files import Array, Log, as_unsigned, many_frames, real_ct, write
from corpus_headers import CT_IMAGE, ROOT, ct_header, file_meta
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import ExplicitVRLittleEndian

Encoder = Callable[[Array], bytes]

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTI_FRAME_BYTE = "1.2.840.10008.5.1.4.1.1.7.2"
MULTI_FRAME_WORD = "1.2.840.10008.5.1.4.1.1.7.3"
MULTI_FRAME_TRUE_COLOR = "1.2.840.10008.5.1.4.1.1.7.4"

TRANSFER_SYNTAX = {
    "ev": "1.2.840.10008.1.2.1",
    "iv": "1.2.840.10008.1.2",
    "evbe": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg_baseline": "1.2.840.10008.1.2.4.50",
    "jpeg_ext12": "1.2.840.10008.1.2.4.51",
    "jpeg_ll_p14": "1.2.840.10008.1.2.4.57",
    "jpeg_ll_sv1": "1.2.840.10008.1.2.4.70",
    "jpegls": "1.2.840.10008.1.2.4.80",
    "jpegls_near": "1.2.840.10008.1.2.4.81",
    "j2k": "1.2.840.10008.1.2.4.90",
    "j2k_lossy": "1.2.840.10008.1.2.4.91",
    "htj2k": "1.2.840.10008.1.2.4.201",
    "htj2k_rpcl": "1.2.840.10008.1.2.4.202",
    "htj2k_lossy": "1.2.840.10008.1.2.4.203",
    "jxl": "1.2.840.10008.1.2.4.110",
    "jxl_recomp": "1.2.840.10008.1.2.4.111",
    "jxl_lossy": "1.2.840.10008.1.2.4.112",
    "deflated_frame": "1.2.840.10008.1.2.8.1",
}
LOSSY = {"jpeg_baseline", "jpeg_ext12", "jpegls_near", "j2k_lossy", "htj2k_lossy", "jxl_recomp", "jxl_lossy"}
PHOTOMETRIC = {
    "jpeg_baseline": "YBR_FULL_422",
    "j2k": "YBR_RCT",
    "j2k_lossy": "YBR_ICT",
    "htj2k": "YBR_RCT",
    "htj2k_rpcl": "YBR_RCT",
    "htj2k_lossy": "YBR_ICT",
    "jxl_recomp": "YBR_FULL_422",
}
MULTI_FRAME_SYNTAXES = {
    "mf100u8": {"jpeg_baseline"},
    "mf100": {"rle", "jpeg_ll_sv1", "jpegls", "j2k", "htj2k", "jxl", "jpeg_ext12", "deflated_frame"},
}
NATIVE_SYNTAXES = {"ct512": ["ev", "iv", "deflated", "evbe"], "rgb2048": ["ev", "iv", "deflated"]}


def pink_noise(shape: tuple[int, int], beta: float, rng: np.random.Generator) -> Array:
    """Noise whose spectrum falls as 1 / f^beta."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    f = np.sqrt(fy * fy + fx * fx)
    f[0, 0] = 1
    half = (shape[0], shape[1] // 2 + 1)
    z = rng.standard_normal(half) + 1j * rng.standard_normal(half)
    a = np.fft.irfft2(z / f**beta, s=shape)
    scaled: Array = (a - a.mean()) / a.std()
    return scaled


def histology(n: int = 2048, seed: int = 7) -> Array:
    """Pink stroma, purple nuclei, white gaps, sensor noise; lossless JPEG 2000 makes a third of it."""
    rng = np.random.default_rng(seed)
    t1, t2, t3 = (pink_noise((n, n), beta, rng) for beta in (1.6, 1.2, 1.9))
    eosin = np.clip(0.55 + 0.22 * t1 + 0.08 * t2, 0, 1.4)
    eosin *= 1 / (1 + np.exp(-4 * (t3 + 0.9)))
    haematoxylin = np.zeros((n, n), np.float64)
    for _ in range(5200):
        y, x = rng.integers(0, n, 2)
        a, b, angle = rng.uniform(6, 14), rng.uniform(5, 10), rng.uniform(0, np.pi)
        y0, y1, x0, x1 = max(0, y - 20), min(n, y + 20), max(0, x - 20), min(n, x + 20)
        yy, xx = np.mgrid[y0:y1, x0:x1]
        u = (xx - x) * np.cos(angle) + (yy - y) * np.sin(angle)
        v = -(xx - x) * np.sin(angle) + (yy - y) * np.cos(angle)
        d = np.sqrt((u / a) ** 2 + (v / b) ** 2)
        haematoxylin[y0:y1, x0:x1] = np.maximum(haematoxylin[y0:y1, x0:x1], 1.15 / (1 + np.exp((d - 1) * 7)))
    haematoxylin *= 1 + 0.18 * t2
    density = eosin[..., None] * np.array([0.10, 0.55, 0.22]) + haematoxylin[..., None] * np.array([0.70, 0.75, 0.35])
    rgb = 243 * np.exp(-density) + rng.normal(0, 1.6, (n, n, 3)) + rng.normal(0, 0.8, (n, n, 1))
    image: Array = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return image


def _pack_bits(row: Array) -> bytes:
    """PackBits of one row (PS3.5 §G.3.1)."""
    row = np.ascontiguousarray(row)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(row)) + 1))
    lengths = np.diff(np.concatenate((starts, [row.size])))
    out, raw = bytearray(), row.tobytes()

    def literal(start: int, end: int) -> None:
        while start < end:
            k = min(128, end - start)
            out.append(k - 1)
            out.extend(raw[start : start + k])
            start += k

    literal_start = 0
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        if length < 3:
            continue
        literal(literal_start, start)
        left = length
        while left >= 2:
            m = min(128, left)
            out.append(257 - m)
            out.append(raw[start])
            left -= m
            start += m
        literal_start = start  # one that is left over goes to the next literal
    literal(literal_start, row.size)
    return bytes(out)


def rle_encode(frame: Array) -> bytes:
    """RLE (PS3.5 Annex G): byte planes, the most significant first."""
    frame = np.ascontiguousarray(frame)
    planes = [frame] if frame.ndim == 2 else [np.ascontiguousarray(frame[..., c]) for c in range(frame.shape[-1])]
    segments = []
    for plane in planes:
        octets = plane.view(np.uint8).reshape((*plane.shape, plane.dtype.itemsize))
        for k in range(plane.dtype.itemsize - 1, -1, -1):
            segment = b"".join(_pack_bits(octets[r, :, k]) for r in range(plane.shape[0]))
            segments.append(segment + b"\0" * (len(segment) % 2))
    offsets, offset = [], 64
    for segment in segments:
        offsets.append(offset)
        offset += len(segment)
    return struct.pack("<16I", len(segments), *(offsets + [0] * (15 - len(offsets)))) + b"".join(segments)


def _deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    out = compressor.compress(data) + compressor.flush()
    return out + b"\0" * (len(out) % 2)


def encoders(a: Array) -> dict[str, Encoder]:
    """The encoders that fit a frame's type, by name of the transfer syntax."""
    import imagecodecs as ic

    rgb = a.ndim == 3 and a.shape[-1] == 3
    u8, signed = a.dtype == np.uint8, a.dtype == np.int16
    colour = {"colorspace": "rgb", "outcolorspace": "rgb"} if rgb else {}
    ht = {"rgb": True} if rgb else {}

    def stored(x: Array) -> Array:
        return x.view(np.uint16) if signed else x

    def lossless_jpeg(x: Array, predictor: int) -> bytes:
        bits = 8 if u8 else 16
        return bytes(ic.jpeg8_encode(stored(x), lossless=True, predictor=predictor, bitspersample=bits, **colour))

    known: dict[str, Encoder] = {
        "rle": rle_encode,
        "jpeg_ll_sv1": lambda x: lossless_jpeg(x, 1),
        "jpeg_ll_p14": lambda x: lossless_jpeg(x, 4),
        "jpegls": lambda x: ic.jpegls_encode(stored(x), level=0),
        "j2k": lambda x: ic.jpeg2k_encode(x, level=0, reversible=True, codecformat="j2k", mct=rgb),
        "htj2k": lambda x: ic.htj2k_encode(x, reversible=True, **ht),
        "htj2k_rpcl": lambda x: ic.htj2k_encode(x, reversible=True, tlm=True, **ht),
    }
    if not signed:
        known |= {
            "jpegls_near": lambda x: ic.jpegls_encode(x, level=2),
            "j2k_lossy": lambda x: ic.jpeg2k_encode(
                x, level=42 if u8 else 96, reversible=False, codecformat="j2k", mct=rgb
            ),
            "htj2k_lossy": lambda x: ic.htj2k_encode(x, reversible=False, level=0.01 if u8 else 0.00005, **ht),
            "jxl": lambda x: ic.jpegxl_encode(x, lossless=True, effort=3),
            "jxl_lossy": lambda x: ic.jpegxl_encode(x, distance=1.0, effort=4),
            "deflated_frame": lambda x: _deflate(x.tobytes()),
        }
    if u8:
        sub = {"subsampling": "422"} if rgb else {}
        known["jpeg_baseline"] = lambda x: ic.jpeg8_encode(x, level=90, **sub)
        known["jxl_recomp"] = lambda x: ic.jpegxl_encode_jpeg(ic.jpeg8_encode(x, level=90, **sub))
    elif not signed:
        known["jpeg_ext12"] = lambda x: ic.jpeg8_encode(np.minimum(x, 4095), level=95, bitspersample=12)
    return known


def image_data_set(name: str, a: Array, multi_frame: bool) -> Dataset:
    """The data set of an image without its Pixel Data."""
    ds = ct_header(1, 1, 1, np.random.default_rng(3))
    frame = a[0] if multi_frame else a
    rgb = frame.ndim == 3
    if multi_frame:
        one_byte = MULTI_FRAME_TRUE_COLOR if rgb else MULTI_FRAME_BYTE
        ds.SOPClassUID = MULTI_FRAME_WORD if a.dtype.itemsize == 2 else one_byte
        ds.NumberOfFrames = len(a)
    else:
        ds.SOPClassUID = SECONDARY_CAPTURE if rgb else CT_IMAGE
    ds.SOPInstanceUID = f"{ROOT}.7.{sum(map(ord, name))}"
    ds.InstanceNumber = 1
    ds.ImagePositionPatient = ["-189.6289", "-352.1289", "-700.5"]
    ds.Rows, ds.Columns = frame.shape[:2]
    ds.SamplesPerPixel = 3 if rgb else 1
    ds.PhotometricInterpretation = "RGB" if rgb else "MONOCHROME2"
    ds.BitsAllocated = a.dtype.itemsize * 8
    ds.BitsStored = 12 if a.dtype == np.uint16 else ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(a.dtype == np.int16)
    gone = ["SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"]
    if rgb:
        ds.PlanarConfiguration = 0
        gone += ["RescaleIntercept", "RescaleSlope", "RescaleType"]
        gone += ["WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"]
    for keyword in gone:
        delattr(ds, keyword)
    return ds


def write_image(path: Path, name: str, a: Array, syntax: str, encoded: bytes | list[bytes]) -> dict[str, Any]:
    """Write an image, native or as one fragment a frame -> its entry in the manifest."""
    multi_frame = name.startswith("mf")
    ds = image_data_set(name, a, multi_frame)
    if isinstance(encoded, bytes):
        size = a.nbytes
        ds.PixelData = encoded
        ds["PixelData"].VR = "OW" if a.dtype.itemsize == 2 or syntax == "iv" else "OB"
    else:
        size = sum(map(len, encoded))
        if a.ndim >= 3 and not (multi_frame and a.ndim == 3):
            ds.PhotometricInterpretation = PHOTOMETRIC.get(syntax, "RGB")
        if syntax in LOSSY:
            ds.LossyImageCompression = "01"
            ds.LossyImageCompressionRatio = f"{a.nbytes / size:.3f}"
            ds.LossyImageCompressionMethod = "ISO_10918_1"
        ds.PixelData = encapsulate(encoded)
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    uid = TRANSFER_SYNTAX[syntax]
    meta = file_meta(ds.SOPClassUID, ds.SOPInstanceUID, uid)
    write(path, ds, meta, implicit=syntax == "iv", little=syntax != "evbe")
    return {
        "image": name,
        "syntax": syntax,
        "uid": uid,
        "lossy": syntax in LOSSY,
        "shape": list(a.shape),
        "dtype": str(a.dtype),
        "frames": len(a) if multi_frame else 1,
        "decoded_bytes": int(a.nbytes),
        "encoded_bytes": int(size),
    }


def _images() -> dict[str, Array]:
    signed = real_ct()
    unsigned = as_unsigned(signed)
    frames = many_frames(unsigned)
    windowed = np.clip((frames.astype(np.int32) - 824) * 255 // 800, 0, 255).astype(np.uint8)
    return {"ct512": unsigned, "ct512s": signed, "rgb2048": histology(), "mf100": frames, "mf100u8": windowed}


def _planar(out: Path, a: Array, manifest: dict[str, Any]) -> None:
    """Planar Configuration 1, native."""
    ds = image_data_set("rgb2048", a, False)
    ds.PlanarConfiguration = 1
    ds.PixelData = np.ascontiguousarray(a.transpose(2, 0, 1)).tobytes()
    ds["PixelData"].VR = "OB"
    path = out / "pix" / "rgb2048__ev_planar1.dcm"
    write(path, ds, file_meta(ds.SOPClassUID, ds.SOPInstanceUID, ExplicitVRLittleEndian))
    manifest[path.name] = {**manifest["rgb2048__ev.dcm"], "syntax": "ev_planar1"}


def _extended_offsets(out: Path, manifest: dict[str, Any]) -> None:
    """An Extended Offset Table beside an empty Basic one (PS3.3 §C.7.6.3.1.8)."""
    ds = pydicom.dcmread(out / "pix" / "mf100__j2k.dcm")
    frames = list(generate_frames(ds.PixelData, number_of_frames=100))
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.save_as(out / "pix" / "mf100__j2k_eot.dcm")
    manifest["mf100__j2k_eot.dcm"] = {**manifest["mf100__j2k.dcm"], "syntax": "j2k_eot"}


def make_pixels(out: Path, log: Log) -> dict[str, Any]:
    """Write pix/ and src/ -> the manifest."""
    for folder in ("pix", "src"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    manifest: dict[str, Any] = {}
    images = _images()
    for name, a in images.items():
        np.save(out / "src" / f"{name}.npy", a)
        frames = list(a) if name.startswith("mf") else [a]
        for syntax in NATIVE_SYNTAXES.get(name, ["ev"]):
            raw = (a.byteswap() if syntax == "evbe" else a).tobytes()
            path = out / "pix" / f"{name}__{syntax}.dcm"
            manifest[path.name] = write_image(path, name, a, syntax, raw)
        for syntax, encode in encoders(frames[0]).items():
            if syntax not in MULTI_FRAME_SYNTAXES.get(name, {syntax}):
                continue
            start = time.monotonic()
            try:
                encoded = [bytes(encode(np.ascontiguousarray(frame))) for frame in frames]
            except Exception as error:  # an encoder that this build of imagecodecs lacks
                log(f"  {name}__{syntax}: encoder failed: {error!r}")
                continue
            log(f"  {name}__{syntax}: ratio {a.nbytes / sum(map(len, encoded)):.2f}, {time.monotonic() - start:.2f} s")
            path = out / "pix" / f"{name}__{syntax}.dcm"
            manifest[path.name] = write_image(path, name, a, syntax, encoded)
    _planar(out, images["rgb2048"], manifest)
    _extended_offsets(out, manifest)
    return manifest
