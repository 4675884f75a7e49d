"""Writes tests/golden/code_streams.txt: a small image in every compressed transfer syntax, and its samples.

    python tests/golden/make_code_streams.py > tests/golden/code_streams.txt

One image a line, fields separated by blanks: a name; `key=value` of the Image Pixel Module; `in=` the code stream in
hex; `out=` the samples in hex, little endian, interleaved by pixel: those that were encoded where the syntax is
lossless, else those of the first decoder of `encoders_worker.DECODERS`. tests/code_streams.py reads it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import encoders_worker as encoders
from encoders_worker import Case

ROWS, COLUMNS = 12, 10
COLOR = {"colorspace": "RGB", "outcolorspace": "YCbCr", "subsampling": "420"}
ADOBE = {"colorspace": "RGB", "outcolorspace": "RGB"}
POINT = {"predictor": 4, "point_transform": 0, "restart_rows": 3, "by_component": False}
YBR = "YBR_FULL_422"


def case(syntax: str, encoder: str, samples: int, bits: int, options: dict[str, Any], **more: Any) -> Case:
    return Case(syntax, encoder, ROWS, COLUMNS, samples, bits, options=options, **more)


CASES = {
    "rle": case(encoders.RLE, "rle_pylibjpeg", 1, 8, {}),
    "rle-16": case(encoders.RLE, "rle_own", 1, 16, {"style": "replicate"}, signed=True),
    "rle-color": case(encoders.RLE, "rle_own", 3, 8, {"style": "crossing"}),
    "jpeg": case(encoders.JPEG_BASELINE, "jpeg", 1, 8, {"level": 75}, lossless=False),
    "jpeg-color": case(encoders.JPEG_BASELINE, "jpeg", 3, 8, {"level": 80, **COLOR}, photometric=YBR, lossless=False),
    "jpeg-rgb": case(encoders.JPEG_BASELINE, "jpeg", 3, 8, {"level": 80, **ADOBE}, lossless=False),
    "jpeg-12": case(encoders.JPEG_EXTENDED, "jpeg", 1, 12, {"level": 90}, lossless=False),
    "jpeg-progressive": case(
        *(encoders.JPEG_PROGRESSIVE, "jpeg_pillow", 1, 8), {"quality": 80, "progressive": True}, lossless=False
    ),
    "jpeg-lossless": case(encoders.JPEG_LOSSLESS_SV1, "jpeg_lossless", 1, 16, {"predictor": 1}),
    "jpeg-lossless-color": case(encoders.JPEG_LOSSLESS, "jpeg_lossless", 3, 8, {"predictor": 6}),
    "jpeg-lossless-restarts": case(encoders.JPEG_LOSSLESS, "jpeg_lossless_own", 1, 12, POINT),
    "jpeg-ls": case(encoders.JPEG_LS, "jpeg_ls", 1, 12, {}),
    "jpeg-ls-color": case(encoders.JPEG_LS, "jpeg_ls", 3, 8, {"interleave": 1}),
    "jpeg-ls-near": case(encoders.JPEG_LS_NEAR, "jpeg_ls", 1, 12, {"near": 3}, lossless=False),
    "jpeg-2000": case(encoders.JPEG_2000_LOSSLESS, "jpeg_2000", 1, 12, {"codecformat": "j2k", "resolutions": 2}),
    "jpeg-2000-signed": case(
        *(encoders.JPEG_2000_LOSSLESS, "jpeg_2000", 1, 16), {"codecformat": "jp2", "resolutions": 1}, signed=True
    ),
    "jpeg-2000-lossy": case(
        *(encoders.JPEG_2000, "jpeg_2000", 3, 8),
        {"codecformat": "j2k", "resolutions": 2, "reversible": False, "level": 40},
        photometric="YBR_ICT",
        lossless=False,
    ),
    "htj2k": case(encoders.HTJ2K_LOSSLESS, "htj2k", 1, 16, {"reversible": True, "resolutions": 2}),
    "htj2k-lossy": case(
        *(encoders.HTJ2K, "htj2k", 3, 8), {"reversible": False, "level": 0.01}, photometric="YBR_ICT", lossless=False
    ),
    "jpeg-xl": case(encoders.JPEG_XL_LOSSLESS, "jpeg_xl", 1, 16, {"lossless": True, "effort": 3}),
    "jpeg-xl-lossy": case(encoders.JPEG_XL, "jpeg_xl", 3, 8, {"distance": 1.0, "effort": 3}, lossless=False),
    "jpeg-xl-jpeg": case(encoders.JPEG_XL_JPEG, "jpeg_xl_of_jpeg", 3, 8, {"level": 80, **COLOR}, lossless=False),
    "deflate": case(encoders.DEFLATE, "deflate", 1, 16, {"level": 9, "window": -15}),
}


def line(name: str, image: Case) -> str:
    stream: bytes = getattr(encoders, image.encoder)(encoders.image(image), image)
    if image.lossless:
        samples = encoders.image(image)
    else:
        decode = next(iter(encoders.DECODERS[image.syntax].values()))
        samples = np.asarray(decode(stream, image, Path()))
    fields = {
        "syntax": encoders.PREFIX + image.syntax,
        "rows": image.rows,
        "columns": image.columns,
        "samples": image.samples,
        "bits": image.allocated,
        "stored": image.bits,
        "signed": int(image.signed),
        "photometric": image.photometric or ("RGB" if image.samples == 3 else "MONOCHROME2"),
        "in": stream.hex(),
        "out": samples.astype(samples.dtype.newbyteorder("<")).tobytes().hex(),
    }
    return " ".join([name, *(f"{key}={value}" for key, value in fields.items())])


if __name__ == "__main__":
    print("\n".join(line(name, image) for name, image in CASES.items()))
