"""The table of transfer syntaxes in docs/conformance.md is that of this file, and each of its rows happens.

python tests/test_compressed_conformance.py        prints the table, to be put between the marks of the document
"""

from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT
from code_streams import STREAMS
from conftest import CHECKOUT

ROOT = "1.2.840.10008.1.2"
BEGIN, END = "<!-- transfer syntaxes: begin -->", "<!-- transfer syntaxes: end -->"


class Family(NamedTuple):
    """Who decodes it, what is taken, and a code stream of it."""

    name: str
    decoder: str
    takes: str
    example: str


RLE = Family(
    "RLE",
    "ours",
    "1 to 15 segments; 1, 8, 16, 32 Bits Allocated; by sample or by plane; lying offsets, short and long output",
    "rle",
)
JPEG = Family(
    "JPEG with DCT",
    "libjpeg-turbo 3",
    "8 and 12 bits, sequential and progressive, Huffman and arithmetic codes, every subsampling, restart intervals, "
    "1, 3, 4 components (4: as stored), no EOI, junk around; hierarchical ones are refused",
    "jpeg",
)
JPEG_LOSSLESS = Family(
    "JPEG lossless",
    "ours",
    "predictors 1 to 7, point transform, 2 to 16 bits, 1 to 4 components in one scan or several, restart intervals, "
    "any Huffman table; hierarchical ones are refused",
    "jpeg-lossless",
)
JPEG_LS = Family(
    "JPEG-LS", "ours", "2 to 16 bits, near-lossless, every interleave mode, presets (LSE), restart intervals", "jpeg-ls"
)
JPEG_2000 = Family(
    "JPEG 2000",
    "OpenJPEG, behind our own reading of the headers",
    "code streams and JP2, signed and unsigned, 1 to 31 bits, tiles, precincts, every progression, MCT, subsampled "
    "components; Part 2 where Part 1 suffices",
    "jpeg-2000",
)
HTJ2K = Family(
    "HTJ2K",
    "OpenJPEG, behind our own reading of the headers",
    "as JPEG 2000, mostly of one quality layer; 32 bits, a region of interest and other code-blocks beside those of HT "
    "are refused",
    "htj2k",
)
JPEG_XL = Family(
    "JPEG XL", "jxl", "grey and RGB, 8 to 16 bits, lossless, lossy, recompressed JPEG (its pixels)", "jpeg-xl"
)
DEFLATE = Family(
    "deflated frames", "libdeflate", "deflated and zlib-wrapped frames of any native kind, odd pads", "deflate"
)
NATIVE_FRAMES = Family("native", "ours", "1, 8, 12, 16, 24, 32, 64 bits, float, double float; in fragments too", "")
BYTES = {
    "video": "not frame by frame: `frames.stream()` gives the stream, `rd.video.frames` decodes it through PyAV",
    "reference": "not decoded: the pixels are elsewhere, the data set has the URL",
    "no image file": "not decoded",
}

FAMILIES = {
    "5": RLE,
    **dict.fromkeys([f"4.{last}" for last in range(50, 65)], JPEG),
    **dict.fromkeys(["4.57", "4.58", "4.65", "4.66", "4.70"], JPEG_LOSSLESS),
    **dict.fromkeys(["4.80", "4.81"], JPEG_LS),
    **dict.fromkeys(["4.90", "4.91", "4.92", "4.93"], JPEG_2000),
    **dict.fromkeys(["4.201", "4.202", "4.203"], HTJ2K),
    **dict.fromkeys(["4.110", "4.111", "4.112"], JPEG_XL),
    "8.1": DEFLATE,
}
NATIVE = {"", "1", "1.98", "1.99", "2"}


@cache
def known() -> tuple[str, ...]:
    """What follows the root in every Transfer Syntax that the package knows."""
    numbers = [f"{group}.{last}" for group in (1, 2, 3, 4, 5, 6, 7, 8) for last in range(256)]
    tails = ["", *map(str, range(1, 30)), *numbers, *(f"{number}.1" for number in numbers)]
    return tuple(tail for tail in tails if rd.UID(uid(tail)).is_transfer_syntax)


def uid(tail: str) -> str:
    return f"{ROOT}.{tail}" if tail else ROOT


def kind(tail: str) -> str:
    """Of what is not decoded frame by frame."""
    if "JPIP" in rd.UID(uid(tail)).name:
        return "reference"
    return "video" if tail.startswith("4.10") else "no image file"


@cache
def proof() -> dict[str, str]:
    """How many generated images there are of each, and which decoders are asked."""
    encoders = pytest.importorskip("encoders_worker")
    images = Counter(case.syntax for case in encoders.cases())
    exact = {case.syntax for case in encoders.cases() if case.lossless}
    words = {}
    for tail, count in images.items():
        near = {"4.91": "±1", "4.203": "±1", "4.111": "±1", "4.112": "±1"}.get(tail, "equal")
        how = "bit-exact" if tail in exact else near
        words[tail] = f"{count:,} generated images {how}: {', '.join(encoders.DECODERS[tail])}"
    return words


def table() -> str:
    families = [NATIVE_FRAMES, *dict.fromkeys(FAMILIES.values())]
    lines = ["| family | decoder | what is taken |", "|---|---|---|"]
    lines += [f"| {family.name} | {family.decoder} | {family.takes} |" for family in families]
    lines += ["", "| transfer syntax | family | held against |", "|---|---|---|"]
    for tail in known():
        if tail in NATIVE:
            family, held = NATIVE_FRAMES.name, "the files of the figures"
        elif tail in FAMILIES:
            family, held = FAMILIES[tail].name, proof().get(tail, "a code stream of the family")
        else:
            family, held = kind(tail), BYTES[kind(tail)]
        lines.append(f"| {rd.UID(uid(tail)).name} `{uid(tail)}` | {family} | {held} |")
    return "\n".join(lines)


def test_the_document_has_this_table() -> None:
    text = (CHECKOUT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table()


@pytest.mark.parametrize("tail", known())
def test_each_row_happens(tail: str) -> None:
    if tail in NATIVE:
        if tail == "1.98":
            data = EXPLICIT.patient() + EXPLICIT.image() + EXPLICIT.encapsulated([bytes(range(16))])
            file = builders.file(data, uid(tail))
        else:
            file = builders.small(uid(tail))
        assert rd.pixel_array(file).reshape(-1).tolist() == list(range(16))
    elif tail in FAMILIES:
        stream = STREAMS[FAMILIES[tail].example]
        np.testing.assert_array_equal(rd.pixel_array(stream.file(syntax=uid(tail))), stream.expected)
        own = [stream for stream in STREAMS.values() if stream.syntax == uid(tail)]
        assert own or tail not in set(proof()) - {"4.202"}
        for stream in own:
            assert rd.pixel_array(stream.file()).shape == stream.expected.shape
    else:
        ds = rd.dcmread(STREAMS["rle"].file(syntax=uid(tail)))
        with pytest.raises(rd.UnsupportedTransferSyntaxError):
            _ = ds.pixel_array
        assert bytes(ds.frames.encoded(0)) == STREAMS["rle"].data


def test_every_decoder_has_a_row() -> None:
    assert set(FAMILIES) | NATIVE <= set(known())
    assert {stream.syntax for stream in STREAMS.values()} <= {uid(tail) for tail in FAMILIES}


if __name__ == "__main__":
    print(table())
