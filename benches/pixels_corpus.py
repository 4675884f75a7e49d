"""The files of `make bench-pixels`: one a picture and transfer syntax, under CORPUS/pixels, with a manifest.

    python pixels_corpus.py [--out DIR] [--frames N] [--side N]

ct512     512 x 512, 12 bits: the real CT slice of pydicom-data
mr1024    1024 x 1024, 12 bits: its real MR slice
us480     640 x 480 RGB: its real ultrasound image
rgb2048   2048 x 2048 RGB: texture like that of a stained section, with a sensor's noise
mf100     100 frames of ct512, each turned, mirrored and rolled in another way; mf100u8: windowed, for 8-bit JPEG

Bits Stored is the precision that the code stream declares.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from corpus_files import Array, as_unsigned, many_frames, real_ct, write
from corpus_headers import file_meta
from corpus_pixels import LOSSY, PHOTOMETRIC, TRANSFER_SYNTAX, histology, image_data_set
from pydicom.encaps import encapsulate

FOLDER = "pixels"
EFFORTS = {"jxl_e1": 1, "jxl_e3": 3}  # JPEG XL, lossless
NATIVE = {"ev": "ev", "planar": "ev", "ybr": "ev", "deflated": "deflated"}
FRAMES = ("rle", "jpeg_ext12", "jpeg_ll_sv1", "jpegls", "j2k", "j2k_lossy", "htj2k", "jxl_e1", "deflated_frame")
FILES: dict[str, tuple[str, ...]] = {
    "ct512": (*FRAMES, "jpeg_ll_p14", "jpegls_near", "htj2k_lossy", "jxl_e3", "jxl_lossy"),
    "mr1024": ("rle", "jpeg_ll_sv1", "jpegls", "j2k", "htj2k"),
    "us480": ("jpegls", "j2k", "j2k_lossy", "htj2k", "jxl_e1", "jxl_e3", "jxl_lossy"),
    "rgb2048": ("jpeg_baseline", "deflated_frame", *NATIVE),
    "mf100": ("ev", *FRAMES),
    "mf100u8": ("jpeg_baseline",),
}


@dataclass(frozen=True)
class File:
    """One file and what is known of it."""

    name: str
    image: str
    syntax: str
    uid: str
    shape: tuple[int, ...]
    dtype: str
    frames: int
    lossless: bool
    encoded: int  # bytes


def _package_image(name: str) -> Array:
    import data_store

    path = next(Path(data_store.__file__).parent.rglob(name))
    image: Array = pydicom.dcmread(path).pixel_array
    return image


@cache
def _image(name: str, frames: int, side: int) -> Array:
    if name == "ct512":
        return as_unsigned(real_ct())
    if name == "mr1024":
        return _package_image("MR2_UNCR.dcm")
    if name == "us480":
        return _package_image("US1_UNCR.dcm")
    if name == "rgb2048":
        return histology(side)
    many = many_frames(as_unsigned(real_ct()), frames)
    if name == "mf100":
        return many
    return np.clip((many.astype(np.int32) - 824) * 255 // 800, 0, 255).astype(np.uint8)


def _rle(frame: Array) -> bytes:
    encoder = pydicom.pixels.get_encoder(TRANSFER_SYNTAX["rle"])
    rows, columns = frame.shape
    return encoder.encode(  # type: ignore[no-any-return]
        frame, encoding_plugin="pylibjpeg", rows=rows, columns=columns, samples_per_pixel=1, bits_allocated=16,
        bits_stored=12, pixel_representation=0, photometric_interpretation="MONOCHROME2", number_of_frames=1,
    )  # fmt: skip


def _jpeg_ls(frame: Array, near: int) -> bytes:
    import jpeg_ls

    samples, bits = (3, 8) if frame.ndim == 3 else (1, 12)
    rows, columns = frame.shape[:2]
    by_pixel = 2 if samples == 3 else 0
    return bytes(jpeg_ls.encode_buffer(frame.tobytes(), rows, columns, samples, bits, near, by_pixel))


def encoder(syntax: str, frame: Array) -> Callable[[Array], bytes]:
    """The encoder of a transfer syntax for frames of this shape and type."""
    import imagecodecs

    ic: Any = imagecodecs
    rgb, bits = frame.ndim == 3, 8 if frame.dtype == np.uint8 else 12
    ht: dict[str, Any] = {"rgb": True} if rgb else {}
    j2k: dict[str, Any] = {"codecformat": "j2k", "mct": rgb, "bitspersample": bits}
    level = 42 if bits == 8 else 96  # dB
    known: dict[str, Callable[[Array], bytes]] = {
        "rle": _rle,
        "jpeg_baseline": lambda x: ic.jpeg8_encode(x, level=90, **({"subsampling": "422"} if rgb else {})),
        "jpeg_ext12": lambda x: ic.jpeg8_encode(x, level=95, bitspersample=12),
        "jpeg_ll_sv1": lambda x: ic.jpeg8_encode(x, lossless=True, predictor=1, bitspersample=bits),
        "jpeg_ll_p14": lambda x: ic.jpeg8_encode(x, lossless=True, predictor=4, bitspersample=bits),
        "jpegls": lambda x: _jpeg_ls(x, 0),
        "jpegls_near": lambda x: _jpeg_ls(x, 2),
        "j2k": lambda x: ic.jpeg2k_encode(x, level=0, reversible=True, **j2k),
        "j2k_lossy": lambda x: ic.jpeg2k_encode(x, level=level, reversible=False, **j2k),
        "htj2k": lambda x: ic.htj2k_encode(x, reversible=True, **ht),
        "htj2k_lossy": lambda x: ic.htj2k_encode(x, reversible=False, level=0.00005, **ht),
        "jxl_e1": lambda x: ic.jpegxl_encode(x, lossless=True, effort=1, bitspersample=bits),
        "jxl_e3": lambda x: ic.jpegxl_encode(x, lossless=True, effort=3, bitspersample=bits),
        "jxl_lossy": lambda x: ic.jpegxl_encode(x, distance=1.0, effort=4, bitspersample=bits),
        "deflated_frame": lambda x: ic.deflate_encode(x.tobytes(), 6, raw=True),
    }
    return known[syntax]


def _transfer_syntax(syntax: str) -> str:
    return TRANSFER_SYNTAX["jxl" if syntax in EFFORTS else NATIVE.get(syntax, syntax)]


def _ybr_full(rgb: Array) -> Array:
    ybr: Array = pydicom.pixels.convert_color_space(rgb, "RGB", "YBR_FULL")
    return ybr


def _write(path: Path, image: str, syntax: str, a: Array) -> File:
    many = image.startswith("mf")
    frames = list(a) if many else [a]
    ds = image_data_set(image, a, many)
    if a.dtype == np.uint16 and syntax.startswith("htj2k"):
        ds.BitsStored, ds.HighBit = 16, 15  # the encoder declares no less
    if frames[0].ndim == 3:
        ds.PhotometricInterpretation = "YBR_FULL" if syntax == "ybr" else PHOTOMETRIC.get(syntax, "RGB")
    if syntax in NATIVE:
        if syntax == "planar":
            ds.PlanarConfiguration = 1
        stored = a.transpose(2, 0, 1) if syntax == "planar" else _ybr_full(a) if syntax == "ybr" else a
        ds.PixelData = np.ascontiguousarray(stored).tobytes()
        ds["PixelData"].VR = "OW" if a.dtype.itemsize == 2 else "OB"
        encoded = len(ds.PixelData)
    else:
        encode = encoder(syntax, frames[0])
        streams = [bytes(encode(np.ascontiguousarray(frame))) for frame in frames]
        encoded = sum(map(len, streams))
        ds.PixelData = encapsulate(streams)
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    uid = _transfer_syntax(syntax)
    write(path, ds, file_meta(ds.SOPClassUID, ds.SOPInstanceUID, uid))
    lossless = syntax not in LOSSY and syntax != "ybr"
    return File(path.name, image, syntax, uid, a.shape, str(a.dtype), len(frames), lossless, encoded)


def make(out: Path, frames: int, side: int) -> None:
    """Write every file, then the manifest."""
    warnings.simplefilter("ignore")
    pydicom.config.settings.writing_validation_mode = 0
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    manifest = []
    for image, syntaxes in FILES.items():
        start = time.monotonic()
        for syntax in syntaxes:
            samples = _image(image, frames, side)
            manifest.append(asdict(_write(folder / f"{image}__{syntax}.dcm", image, syntax, samples)))
        print(f"{image}: {time.monotonic() - start:.1f} s", flush=True)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def files(out: Path) -> dict[tuple[str, str], File]:
    """The files that are there, by image and syntax."""
    manifest = json.loads((out / FOLDER / "manifest.json").read_text())
    found = [File(**{**entry, "shape": tuple(entry["shape"])}) for entry in manifest]
    return {(file.image, file.syntax): file for file in found}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "corpus")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--side", type=int, default=2048, help="of rgb2048")
    arguments = parser.parse_args()
    make(arguments.out, arguments.frames, arguments.side)
    return 0


if __name__ == "__main__":
    sys.exit(main())
