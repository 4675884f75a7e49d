"""A small image in every compressed transfer syntax: tests/golden/code_streams.txt, and files built around them."""

import random
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import builders
import mutants
from builders import EXPLICIT


@dataclass(frozen=True)
class CodeStream:
    """A frame, the attributes of its image, and its samples."""

    syntax: str
    rows: int
    columns: int
    samples: int
    bits: int
    stored: int
    signed: bool
    photometric: str
    data: bytes
    decoded: bytes
    frames: int | None = None

    @property
    def expected(self) -> npt.NDArray[Any]:
        """(R, C) or (R, C, S)."""
        shape = (self.rows, self.columns, self.samples)[: 2 + (self.samples > 1)]
        return np.frombuffer(self.decoded, f"<{'i' if self.signed else 'u'}{self.bits // 8}").reshape(shape)

    def image(self) -> bytes:
        """Everything before the Pixel Data."""
        planar = 0 if self.samples > 1 else None
        return EXPLICIT.patient() + EXPLICIT.image(
            self.rows,
            self.columns,
            bits=self.bits,
            stored=self.stored,
            signed=self.signed,
            samples=self.samples,
            photometric=self.photometric,
            planar=planar,
            frames=self.frames,
        )

    def file(self, data: bytes | None = None, **changes: Any) -> bytes:
        """A file of one frame and one fragment: this code stream, padded, or `data` as it is; `changes` are lies."""
        told = replace(self, **changes)
        fragment = even(self.data) if data is None else data
        return builders.file(told.image() + EXPLICIT.encapsulated([fragment]), told.syntax)

    def file_of(self, fragments: list[bytes], frames: int, offsets: tuple[int, ...] = (), extra: bytes = b"") -> bytes:
        """A file of these fragments; the Extended Offset Table, or whatever goes before the Pixel Data, is `extra`."""
        content = replace(self, frames=frames).image() + extra
        return builders.file(content + EXPLICIT.encapsulated(fragments, offsets), self.syntax)


def even(data: bytes) -> bytes:
    """PS3.5 §A.4: fragments have an even length."""
    return data + b"\0" * (len(data) % 2)


def read() -> dict[str, CodeStream]:
    streams = {}
    for line in (Path(__file__).parent / "golden" / "code_streams.txt").read_text().splitlines():
        name, *pairs = line.split(" ")
        field = dict(pair.split("=", 1) for pair in pairs)
        rows, columns, samples, bits, stored = (int(field[k]) for k in ("rows", "columns", "samples", "bits", "stored"))
        data, decoded = bytes.fromhex(field["in"]), bytes.fromhex(field["out"])
        sign = field["signed"] == "1"
        streams[name] = CodeStream(
            field["syntax"], rows, columns, samples, bits, stored, sign, field["photometric"], data, decoded
        )
    return streams


STREAMS = read()
NAMES = tuple(STREAMS)
STREAM_DAMAGES = (mutants.flip, mutants.flip, mutants.overwrite, mutants.cut, mutants.remove, mutants.repeat)
SYNTAXES = tuple(dict.fromkeys(stream.syntax for stream in STREAMS.values()))


def mutant(number: int) -> tuple[str, bytes]:
    """The name of the seed, and a file whose code stream is damaged or whose attributes lie; the same for a number."""
    rnd = random.Random(number)
    name = NAMES[number % len(NAMES)]
    stream = STREAMS[name]
    data = bytearray(stream.data)
    for _ in range(rnd.choice((0, 1, 1, 1, 2, 3, 5))):
        data = rnd.choice(STREAM_DAMAGES)(rnd, data) or bytearray(b"\0")
    if rnd.random() < 0.15:  # a number of the header, in either byte order
        at = rnd.randrange(min(len(data), 80))
        value = rnd.choice((0, 1, 2, 0x7FFF, 0xFFFF))
        data[at : at + 2] = struct.pack(rnd.choice(("<H", ">H")), value)
    file = stream.file(bytes(data), **lies(rnd, stream))
    if rnd.random() < 0.15:
        file = bytes(rnd.choice(mutants.DAMAGES)(rnd, bytearray(file)) or b"\0")
    return name, file


def lies(rnd: random.Random, stream: CodeStream) -> dict[str, Any]:
    """Attributes that are not those of the code stream."""
    if rnd.random() < 0.7:
        return {}
    attributes: tuple[dict[str, Any], ...] = (
        {"rows": rnd.choice((0, 1, stream.rows - 1, stream.rows + 1, 4000, 65535))},
        {"columns": rnd.choice((0, 1, stream.columns - 1, stream.columns + 1, 4000, 65535))},
        {"samples": rnd.choice((0, 1, 2, 3, 4))},
        {"bits": rnd.choice((1, 8, 12, 16, 24, 32, 64))},
        {"stored": rnd.choice((1, 7, stream.bits, 65535))},
        {"signed": not stream.signed},
        {"photometric": rnd.choice(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "PALETTE COLOR", "CMYK"))},
        {"syntax": rnd.choice(SYNTAXES)},
        {"frames": rnd.choice((0, 2, 3, 2147483647))},
    )
    return rnd.choice(attributes)
