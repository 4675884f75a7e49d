"""Decodes published conformance streams and compares with the published samples.

usage: run.py DIR [WORD]        the rows of streams.csv whose file is DIR/SOURCE/STREAM and has WORD in that name

streams.csv has a row a stream: what decode_frame is told; the references, of a component or of all, with the largest
error and mean squared error that the publisher allows. Where there are none, other projects' decoders are asked, in a
process of their own, as some end theirs. `shipped` is the folder here where the file lies too. `outcome` is what came
of it: right, or refused, wrong or unjudged with the reason.
"""

import csv
import io
import math
import re
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import rapidicom as rd

HERE = Path(__file__).parent
Samples = npt.NDArray[Any]
Pair = tuple[int, int]

SYNTAX = {
    "JPEG": "1.2.840.10008.1.2.4.51",
    "JPEG lossless": "1.2.840.10008.1.2.4.57",
    "JPEG-LS": "1.2.840.10008.1.2.4.81",
    "JPEG 2000": "1.2.840.10008.1.2.4.91",
    "HTJ2K": "1.2.840.10008.1.2.4.203",
    "JPEG XL": "1.2.840.10008.1.2.4.112",
}
DECODERS = {
    "JPEG": ("libjpeg-turbo", "libjpeg"),
    "JPEG lossless": ("libjpeg-turbo", "libjpeg"),
    "JPEG-LS": ("CharLS", "libjpeg"),
    "JPEG 2000": ("OpenJPEG", "pylibjpeg-openjpeg"),
    "HTJ2K": ("OpenJPH", "OpenJPEG", "pylibjpeg-openjpeg"),
    "JPEG XL": ("libjxl",),
}
WAVELETS = ("JPEG 2000", "HTJ2K")


@dataclass(frozen=True)
class Stream:
    """A row of streams.csv."""

    family: str
    source: str
    stream: str
    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool
    photometric: str
    references: tuple[str, ...]
    peaks: tuple[float, ...]
    errors: tuple[float, ...]
    shipped: str
    outcome: str

    def path(self, folder: Path | None) -> Path:
        """Below the folder of sources or, without one, among the shipped files."""
        if folder is None:
            return HERE / self.shipped / Path(self.stream).name
        return folder / self.source / self.stream

    def reference(self, name: str, folder: Path | None) -> Path:
        path = self.path(folder).parent
        return path / Path(name).name if folder is None else path / name

    def __str__(self) -> str:
        return f"{self.source}/{self.stream}"


def streams() -> Iterator[Stream]:
    with (HERE / "streams.csv").open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            yield Stream(
                row["family"],
                row["source"],
                row["stream"],
                int(row["rows"]),
                int(row["columns"]),
                int(row["samples"]),
                int(row["bits"]),
                row["signed"] == "1",
                row["photometric"],
                tuple(row["reference"].split()),
                tuple(float(word) for word in row["peak"].split()),
                tuple(float(word) for word in row["mse"].split()),
                row["shipped"],
                row["outcome"],
            )


def judged(stream: Stream, folder: Path | None) -> str:
    """`right`, `refused: ` with the error, or `wrong: ` with what differs."""
    data = stream.path(folder).read_bytes()
    try:
        found = decode(stream, data)
    except (rd.DicomError, ValueError) as error:
        return f"refused: {error}"
    if stream.references:
        expected = [image(stream.reference(name, folder), stream) for name in stream.references]
        wrong = "; ".join(differences(stream, data, found, expected))
    else:
        wrong = against_decoders(stream, data, found, stream.path(folder))
    return f"wrong: {wrong}" if wrong else "right"


def decode(stream: Stream, data: bytes) -> Samples:
    """(R, C, S): what rapidicom makes of it; components as they are, but YBR_FULL to RGB."""
    samples = rd.pixels.decode_frame(
        data,
        transfer_syntax=SYNTAX[stream.family],
        rows=stream.rows,
        columns=stream.columns,
        samples_per_pixel=stream.samples,
        bits_allocated=8 if stream.bits <= 8 else 16 if stream.bits <= 16 else 32,
        bits_stored=stream.bits,
        pixel_representation=int(stream.signed),
        photometric_interpretation=stream.photometric,
        raw=stream.photometric != "YBR_FULL",
    )
    return samples.reshape(stream.rows, stream.columns, stream.samples)


def differences(stream: Stream, data: bytes, found: Samples, expected: list[Samples]) -> Iterator[str]:
    """What differs by more than the publisher allows."""
    for n, (plane, reference) in enumerate(pairs(stream, data, found, expected)):
        peak, error = (allowed[min(n, len(allowed) - 1)] for allowed in (stream.peaks, stream.errors))
        if plane.shape != reference.shape:
            yield f"component {n} is of {plane.shape}, the reference of {reference.shape}"
            continue
        difference = plane.astype(np.int64) - reference.astype(np.int64)
        largest, squared = int(np.abs(difference).max()), float((difference**2).mean())
        # The allowed ones are rounded where they are published.
        if largest > peak or squared > error * 1.001:
            yield f"component {n}: peak {largest} of {peak:g}, mean squared error {squared:.4g} of {error:g}"


def pairs(stream: Stream, data: bytes, found: Samples, expected: list[Samples]) -> Iterator[tuple[Samples, Samples]]:
    """Components and their references, of JPEG 2000 at the component's own size: T.800 §A.5.1, §B.2.

    A reference may have the size of the reference grid instead, or be a file of bytes without a header.
    """
    if len(expected) == 1 and expected[0].ndim == 3:
        expected = list(np.moveaxis(expected[0], 2, 0))
    planes = np.moveaxis(found, 2, 0)
    if stream.family not in WAVELETS or stream.photometric == "YBR_FULL":
        yield from zip(planes, expected, strict=False)
        return
    main = data[data.index(b"\xff\x4f\xff\x51") :]
    right, bottom, left, top = struct.unpack(">IIII", main[8:24])
    edges = ((top, bottom), (left, right))
    steps = [(main[44 + 3 * n], main[43 + 3 * n]) for n in range(stream.samples)]
    least = (min(down for down, _ in steps), min(across for _, across in steps))
    for plane, step, reference in zip(planes, steps, expected, strict=False):
        own = plane[places(step, least, edges)]
        if reference.shape == (bottom - top, right - left):
            reference = reference[places(step, (1, 1), edges)]
        yield own, reference.reshape(own.shape) if reference.ndim == 1 else reference


def places(step: Pair, grid: Pair, edges: tuple[Pair, Pair]) -> tuple[Samples, ...]:
    """Where in an image that has a pixel every `grid` a component lies that has a sample every `step`."""
    return np.ix_(*(along(step[axis], grid[axis], edges[axis]) for axis in (0, 1)))


def along(step: int, grid: int, edges: Pair) -> Samples:
    """For each multiple of `step` between the edges the pixel there, or the first one behind it."""
    begin, end = edges
    samples = np.arange(math.ceil(begin / step), math.ceil(end / step))
    return np.ceil(samples * step / grid).astype(int) - math.ceil(begin / grid)


def image(path: Path, stream: Stream) -> Samples:
    """The samples of a reference: (R, C), (R, C, S), or bytes without a shape."""
    data = path.read_bytes()
    if data[:2] == b"PG":
        head = re.match(rb"PG +(ML|LM) *([+-]?) *(\d+) +(\d+) +(\d+)\s", data)
        assert head, path
        order, sign, bits, columns, rows = head.groups()
        kind = np.dtype(f"{'>' if order == b'ML' else '<'}{'i' if sign == b'-' else 'u'}{(int(bits) + 7) // 8}")
        return np.frombuffer(data[head.end() :], kind, int(rows) * int(columns)).reshape(int(rows), int(columns))
    if data[:2] in (b"P5", b"P6"):
        head = re.match(rb"P[56]" + rb"(?:\s+#[^\n]*)*\s+(\d+)" * 3 + rb"\s", data)
        assert head, path
        columns, rows, top = (int(word) for word in head.groups())
        shape = (rows, columns, 3) if data[:2] == b"P6" else (rows, columns)
        values = np.frombuffer(data[head.end() :], ">u2" if top > 255 else "u1", int(np.prod(shape)))
        return values.reshape(shape)
    if data[:2] == b"P2":
        columns, rows, _, *cells = map(int, re.sub(rb"#[^\n]*", b"", data[2:]).split())
        return np.array(cells).reshape(rows, columns)
    if path.suffix == ".raw":
        return np.frombuffer(data, "u1")
    import imagecodecs

    samples = np.asarray(imagecodecs.imread(path))
    samples = np.atleast_3d(samples[0] if samples.ndim == 4 else samples)[..., : stream.samples]
    # PNG has 8 or 16 bits.
    scale = (2**stream.bits - 1) / (2 ** (8 * samples.itemsize) - 1)
    return np.asarray(samples if scale == 1 else np.rint(samples * scale).astype("u2"))


def against_decoders(stream: Stream, data: bytes, found: Samples, path: Path) -> str:
    """Nothing where one of them has the same samples; of JPEG 2000 and JPEG XL, where rounding is open, to ±1."""
    near = 0 if stream.family in ("JPEG", "JPEG lossless", "JPEG-LS") else 1
    words = []
    for library in DECODERS[stream.family]:
        command = [sys.executable, __file__, "--decode", library, str(stream.samples), str(path)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            words.append(f"{library} gives none ({done.returncode}: {said})")
            continue
        samples = np.load(io.BytesIO(done.stdout))
        expected = np.atleast_3d(samples[0] if samples.ndim == 4 else samples)
        both = list(pairs(stream, data, found, [expected]))
        if any(plane.shape != reference.shape for plane, reference in both):
            words.append(f"{library} has {expected.shape}")
            continue
        largest = max(int(np.abs(plane.astype(np.int64) - other).max()) for plane, other in both)
        if largest <= near:
            return ""
        words.append(f"{library}: peak {largest}")
    return ", ".join(words)


def by_library(library: str, samples: int, data: bytes) -> Samples:
    import imagecodecs

    if library == "libjpeg":
        import libjpeg

        return np.asarray(libjpeg.decode(data))  # type: ignore[attr-defined, unused-ignore]
    if library == "pylibjpeg-openjpeg":
        import openjpeg

        return np.asarray(openjpeg.decode(data))  # type: ignore[attr-defined, unused-ignore]
    if library == "libjpeg-turbo":
        # Components as they are: the same colour space in and out.
        space = {1: "GRAYSCALE", 3: "RGB", 4: "CMYK"}[samples]
        return np.asarray(imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space))
    name = {"CharLS": "jpegls", "OpenJPEG": "jpeg2k", "OpenJPH": "htj2k", "libjxl": "jpegxl"}[library]
    return np.asarray(getattr(imagecodecs, f"{name}_decode")(data))


def is_as_listed(stream: Stream, outcome: str) -> bool:
    """Whether it is what streams.csv has: the same word, or samples that nobody can judge."""
    listed, found = (words.partition(":")[0] for words in (stream.outcome, outcome))
    return listed == found or (listed == "unjudged" and found in ("right", "wrong"))


def main(folder: Path, word: str) -> int:
    counts, others = Counter[tuple[str, str, str]](), 0
    for stream in streams():
        if word not in str(stream) or not stream.path(folder).is_file():
            continue
        outcome = judged(stream, folder)
        mark = "" if is_as_listed(stream, outcome) else "NOT AS LISTED: "
        print(f"{mark}{stream.family}, {stream}: {outcome}", flush=True)
        others += bool(mark)
        counts[stream.family, stream.source, stream.outcome.partition(":")[0]] += 1
    for (family, source, outcome), count in sorted(counts.items()):
        print(f"{family}, {source}: {count} {outcome}")
    return int(others > 0)


if __name__ == "__main__":
    if sys.argv[1] == "--decode":
        made = io.BytesIO()  # a pipe has no position, which numpy asks for
        np.save(made, by_library(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]).read_bytes()))
        sys.stdout.buffer.write(made.getvalue())
    else:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
