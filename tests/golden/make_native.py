"""Writes rust/codecs/tests/golden/native.txt: native Pixel Data and the samples that pydicom makes of it.

    python tests/golden/make_native.py > rust/codecs/tests/golden/native.txt

One case a line, fields separated by blanks: a name; `key=value` pairs of the layout; `in=` the whole value of Pixel
Data in hex; `out=` the samples of all frames in hex, little endian, interleaved by pixel. The values are pydicom's
(`Decoder.as_array`, whole and frame by frame, except frames of bits, of which it may read a byte too few); a last line
holds a checksum of its conversion of all 2^24 YBR_FULL triples.
"""

import itertools
import sys
import warnings
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

RNG = np.random.default_rng(20)
GREY = "MONOCHROME2"
FLOAT_KEYWORDS = {32: "FloatPixelData", 64: "DoubleFloatPixelData"}


def stored_length(options: dict[str, Any]) -> int:
    """The bytes of a conforming value: padded to an even length (PS3.5 §8.1.1)."""
    samples = options["rows"] * options["columns"] * options["samples_per_pixel"] * options["number_of_frames"]
    if options["photometric_interpretation"] == "YBR_FULL_422":
        samples = samples // 3 * 2
    length: int = -(-samples * options["bits_allocated"] // 8)
    return length + length % 2


def case(
    name: str, *, little: bool = True, vr: str = "OW", floats: bool = False, raw: bool = False, **given: int | str
) -> str:
    """One line: a random value of Pixel Data, decoded whole and by frame, which must agree."""
    options: dict[str, Any] = {
        "rows": 3,
        "columns": 5,
        "samples_per_pixel": 1,
        "bits_allocated": 16,
        "bits_stored": given.get("bits_allocated", 16),
        "pixel_representation": 0,
        "planar_configuration": 0,
        "photometric_interpretation": GREY,
        "number_of_frames": 1,
    } | given
    high_bit = options.pop("high_bit", options["bits_stored"] - 1)
    value = RNG.bytes(stored_length(options))
    uid = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    keyword = FLOAT_KEYWORDS[options["bits_allocated"]] if floats else "PixelData"
    decoder = get_decoder(uid)
    arguments = options | {"pixel_keyword": keyword, "pixel_vr": vr, "raw": raw}
    whole, _ = decoder.as_array(value, **arguments)
    out = as_bytes(whole)
    if options["bits_allocated"] != 1:
        frames = [decoder.as_array(value, index=i, **arguments)[0] for i in range(options["number_of_frames"])]
        assert out == b"".join(map(as_bytes, frames)), name
    fields = options | {"high_bit": high_bit, "little": int(little), "ow": int(vr == "OW"), "float": int(floats)}
    pairs = [f"{key}={str(number).replace(' ', '-')}" for key, number in (fields | {"raw": int(raw)}).items()]
    return " ".join([name, *pairs, f"in={value.hex()}", f"out={out.hex()}"])


def as_bytes(arr: NDArray[Any]) -> bytes:
    """The samples in C order, little endian."""
    return arr.astype(arr.dtype.newbyteorder("<")).tobytes()


def grey() -> list[str]:
    """Every Bits Allocated and sign, both byte orders, unused bits, odd High Bits, one and three frames."""
    lines = []
    for bits, signed, little, frames in itertools.product((8, 16, 32, 64), (0, 1), (True, False), (1, 3)):
        for unused in sorted({0, 1, 4, bits // 2, bits - 1}):
            given: dict[str, Any] = {
                "bits_allocated": bits,
                "bits_stored": bits - unused,
                "pixel_representation": signed,
            }
            lines.append(case("grey", little=little, vr="OB" if bits == 8 else "OW", number_of_frames=frames, **given))
    for signed, high_bit in itertools.product((0, 1), (15, 13, 3, 0)):
        lines.append(case("high-bit", bits_stored=12, high_bit=high_bit, pixel_representation=signed))
    sizes = ((1, 1, 1), (3, 3, 1), (3, 5, 3), (2, 4, 2), (1, 7, 9), (8, 1, 5), (5, 29, 4))
    for (rows, columns, frames), little, signed in itertools.product(sizes, (True, False), (0, 1)):
        size: dict[str, Any] = {
            "rows": rows,
            "columns": columns,
            "number_of_frames": frames,
            "pixel_representation": signed,
        }
        lines.append(case("bits", little=little, bits_allocated=1, **size))
        lines.append(case("words-of-bytes", little=little, bits_allocated=8, bits_stored=7, **size))
    for bits, little, frames in itertools.product((32, 64), (True, False), (1, 3)):
        lines.append(case("float", little=little, vr="OF", floats=True, bits_allocated=bits, number_of_frames=frames))
    lines.append(
        case("larger-than-a-block", rows=23, columns=97, bits_stored=12, pixel_representation=1, number_of_frames=2)
    )
    lines.append(case("larger-than-a-block", rows=23, columns=97, bits_allocated=1))
    return lines


def colour() -> list[str]:
    """Both Planar Configurations, subsampled or not, converted or raw."""
    lines = []
    for bits, planar, little, frames in itertools.product((1, 8, 16, 32, 64), (0, 1), (True, False), (1, 3)):
        given = three_samples(bits, planar_configuration=planar, number_of_frames=frames)
        lines.append(case("colour", little=little, **given | {"photometric_interpretation": "RGB"}))
    for kind, planar, signed in itertools.product(("RGB", "YBR_ICT", "YBR_RCT", "HSV"), (0, 1), (0, 1)):
        given = three_samples(16, bits_stored=10, planar_configuration=planar, pixel_representation=signed)
        lines.append(case("kinds", **given | {"photometric_interpretation": kind}))
    sizes = ((0, 2, 2, 1), (0, 3, 6, 3), (1, 3, 6, 1), (1, 3, 5, 3), (0, 2, 3, 2))
    for stored, raw, little, vr in itertools.product((8, 6), (True, False), (True, False), ("OB", "OW")):
        for planar, rows, columns, frames in sizes:
            size = {"rows": rows, "columns": columns, "number_of_frames": frames, "planar_configuration": planar}
            given = three_samples(8, bits_stored=stored, photometric_interpretation="YBR_FULL") | size
            lines.append(case("ybr", little=little, vr=vr, raw=raw, **given))
            if not planar:  # pydicom reads the upsampled pixels as planes; the standard has no planes here
                given["photometric_interpretation"] = "YBR_FULL_422"
                lines.append(case("ybr-422", little=little, vr=vr, raw=raw, **given))
    for bits, signed, little in itertools.product((16, 32, 64), (0, 1), (True, False)):
        given = three_samples(bits, bits_stored=bits - 5, pixel_representation=signed, columns=6)
        lines.append(
            case("deep-422", little=little, raw=True, **given | {"photometric_interpretation": "YBR_FULL_422"})
        )
    for planar, kind in ((1, "YBR_FULL"), (0, "YBR_FULL_422")):
        given = three_samples(8, rows=23, columns=98, planar_configuration=planar, photometric_interpretation=kind)
        lines.append(case("larger-than-a-block", **given))
    return lines


def three_samples(bits_allocated: int, **given: int | str) -> dict[str, Any]:
    """The layout of a colour image."""
    return {"samples_per_pixel": 3, "bits_allocated": bits_allocated} | given


def ybr_checksum() -> str:
    """Of the RGB of all (Y, Cb, Cr) in ascending order: the sum of value * (2654435761 * index + 1), modulo 2^64."""
    total = np.uint64(0)
    plane = np.stack(np.meshgrid(np.arange(256), np.arange(256), indexing="ij"), -1)
    for y in range(256):
        ybr = np.concatenate([np.full((256, 256, 1), y), plane], -1).astype(np.uint8)
        rgb = convert_color_space(ybr, "YBR_FULL", "RGB").ravel().astype(np.uint64)
        index = np.arange(rgb.size, dtype=np.uint64) + np.uint64(y * rgb.size)
        with np.errstate(over="ignore"):
            total += np.sum(rgb * (index * np.uint64(2654435761) + np.uint64(1)), dtype=np.uint64)
    return f"ybr-checksum {int(total)}"


def main() -> None:
    """All lines to standard output."""
    warnings.simplefilter("ignore")
    sys.stdout.write(f"# pydicom {pydicom.__version__}: python tests/golden/make_native.py\n")
    sys.stdout.write("\n".join([*grey(), *colour(), ybr_checksum()]) + "\n")


if __name__ == "__main__":
    main()
