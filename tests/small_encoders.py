"""Small encoders of this project's own, for what those of others never write: RLE in every style, JPEG's lossless
processes with point transforms, restart intervals and foreign Huffman tables."""

import itertools
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[Any]


def rle_frame(segments: list[bytes]) -> bytes:
    """Header and segments, each padded to even length: PS3.5 §G.3, §G.5."""
    padded = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = list(itertools.accumulate((len(segment) for segment in padded), initial=64))[:-1]
    return struct.pack("<16I", len(padded), *offsets, *[0] * (15 - len(padded))) + b"".join(padded)


def rle(samples: Samples, style: str) -> bytes:
    """A frame, most significant bytes first, sample by sample: PS3.5 §G.2."""
    planes = samples.reshape(samples.shape[0] * samples.shape[1], -1)
    segments = []
    for sample in range(planes.shape[1]):
        octets = planes[:, sample].astype(samples.dtype.newbyteorder(">")).view("u1").reshape(len(planes), -1)
        segments += [rle_segment(octets[:, n].tobytes(), samples.shape[1], style) for n in range(octets.shape[1])]
    return rle_frame(segments)


def rle_segment(data: bytes, columns: int, style: str) -> bytes:
    """One byte plane in PackBits: PS3.5 §G.3.1."""
    if style == "literal":  # rows are never compressed
        rows = (data[at : at + columns] for at in range(0, len(data), columns))
        return b"".join(literals(row) for row in rows)
    if style == "no-op":  # -128 says nothing
        return b"\x80" + b"\x80".join(bytes([0, octet]) for octet in data) + b"\x80\x80"
    if style == "replicate":  # also runs of two
        return b"".join(runs(data))
    return literals(data)  # "crossing": runs go on over the ends of rows


def literals(data: bytes) -> bytes:
    pieces = (data[at : at + 128] for at in range(0, len(data), 128))
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def runs(data: bytes) -> list[bytes]:
    packed = []
    for octet, group in itertools.groupby(data):
        left = len(list(group))
        while left:
            run = min(left, 128)
            packed.append(bytes([257 - run, octet]) if run > 1 else bytes([0, octet]))
            left -= run
    return packed


class Bits:
    """Writes bits, most significant first, with a zero stuffed behind each FF: ITU-T T.81 F.1.2.3."""

    def __init__(self) -> None:
        self.out, self.word, self.count = bytearray(), 0, 0

    def put(self, value: int, count: int) -> None:
        self.word = self.word << count | value
        self.count += count
        while self.count >= 8:
            self.count -= 8
            octet = self.word >> self.count & 0xFF
            self.out += b"\xff\0" if octet == 0xFF else bytes([octet])
        self.word &= (1 << self.count) - 1

    def align(self) -> bytes:
        if self.count:
            self.put((1 << 8 - self.count) - 1, 8 - self.count)
        done, self.out = bytes(self.out), bytearray()
        return done


def marker(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def jpeg_lossless(
    samples: Samples, bits: int, predictor: int, point_transform: int, restart_rows: int, by_component: bool
) -> bytes:
    """SOF3: ITU-T T.81 Annex H. A table of seventeen codes of five bits, SSSS in reverse order."""
    rows, columns = samples.shape[:2]
    planes = samples.reshape(rows, columns, -1).astype(np.int64) >> point_transform
    components = range(1, planes.shape[2] + 1)
    frame = struct.pack(">BHHB", bits, rows, columns, len(components))
    frame += b"".join(bytes([component, 0x11, 0]) for component in components)
    table = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(16, -1, -1)])
    interval = restart_rows * columns
    parts = [b"\xff\xd8", marker(0xC4, table), marker(0xC3, frame), marker(0xDD, struct.pack(">H", interval))]
    for scan in [[c] for c in components] if by_component else [list(components)]:
        header = bytes([len(scan), *itertools.chain(*[(c, 0) for c in scan]), predictor, 0, point_transform])
        parts += [
            marker(0xDA, header),
            scan_of(planes[..., [c - 1 for c in scan]], bits, predictor, point_transform, restart_rows),
        ]
    return b"".join(parts) + b"\xff\xd9"


def scan_of(planes: Samples, bits: int, predictor: int, point_transform: int, restart_rows: int) -> bytes:
    """The entropy-coded segments: T.81 H.1.2."""
    rows, columns, count = planes.shape
    writer, parts = Bits(), []
    for row in range(rows):
        first = row == 0 or bool(restart_rows and row % restart_rows == 0)
        if first and row:
            parts += [writer.align(), bytes([0xFF, 0xD0 + (row // restart_rows - 1) % 8])]
        for column in range(columns):
            for c in range(count):
                if column == 0:
                    expected = 1 << bits - point_transform - 1 if first else planes[row - 1, 0, c]
                elif first:
                    expected = planes[row, column - 1, c]
                else:
                    a, b, d = planes[row, column - 1, c], planes[row - 1, column, c], planes[row - 1, column - 1, c]
                    expected = (a, b, d, a + b - d, a + (b - d >> 1), b + (a - d >> 1), a + b >> 1)[predictor - 1]
                put_difference(writer, int(planes[row, column, c] - expected))
    return b"".join(parts) + writer.align()


def put_difference(writer: Bits, difference: int) -> None:
    """SSSS and the bits that follow, modulo 2^16: T.81 H.1.2.2, table H.2."""
    difference = (difference + 32767) % 65536 - 32767  # -32767 to 32768
    size = abs(difference).bit_length() if difference != 32768 else 16
    writer.put(16 - size, 5)
    if 0 < size < 16:
        writer.put(difference if difference > 0 else difference + (1 << size) - 1, size)
