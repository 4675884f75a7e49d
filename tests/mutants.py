"""Damaged files, each from a number alone: what a bit flip, a lying length, a cut or a splice makes of a good one."""

import random
import re
import struct
import zlib

import builders
from builders import EXPLICIT

SEEDS = builders.seeds()
NAMES = tuple(SEEDS)
PREFIXED = NAMES[:10]
BOUNDARY_LENGTHS = (
    *(0, 1, 2, 3, 7, 8, 255, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0),
    *(0xFFFFFFFE, 0xFFFFFFFF),
)
SHORT_VRS = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US ZZ".split()
VRS = [*sorted(vr.encode() for vr in builders.LONG_VRS), *SHORT_VRS]
TAGS = (
    *(0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x7FE00010, 0x7FE00001, 0x00080005, 0x00020010, 0x00280010, 0x00280008),
    *(0x00000000, 0xFFFCFFFC, 0x00081140, 0x00280103, 0x00281101, 0x00110010, 0xFFFFFFFF),
)
HEADER = re.compile(rb"(?s)(?=(....)(?:" + b"|".join(VRS) + rb"))|(?=(\xfe\xff[\x00\x0d\xdd]\xe0))")
DATA_SET = 132


def mutant(number: int) -> tuple[str, bytes]:
    """The name of the seed, and the damaged file; the same for the same number, on any machine."""
    rnd = random.Random(number)
    name = NAMES[number % len(NAMES)]
    data = bytearray(SEEDS[name])
    inside = name == "deflated" and rnd.random() < 0.6
    start = len(builders.file(b"", builders.DEFLATED_UID)) - len(builders.deflate(b""))
    if inside:  # damage what was deflated, then deflate the damage
        data = bytearray(zlib.decompress(bytes(data[start:]), -15))
    for _ in range(rnd.choice((1, 1, 1, 2, 2, 3, 5))):
        damage = rnd.choice(DAMAGES)
        data = damage(rnd, data) or bytearray(b"\0")
    if inside:
        return name, SEEDS[name][:start] + builders.deflate(bytes(data))
    return name, bytes(data)


def headers(data: bytearray) -> list[int]:
    """Where Data Elements seem to begin."""
    found = [match.start() for match in HEADER.finditer(bytes(data)) if match.start() + 12 <= len(data)]
    if len(found) < 6:  # implicit VR: walk by lengths
        at = DATA_SET if data[128:132] == b"DICM" else 0
        while at + 8 <= len(data):
            found.append(at)
            at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    return found or [0]


def flip(rnd: random.Random, data: bytearray) -> bytearray:
    for _ in range(rnd.choice((1, 1, 2, 8))):
        data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
    return data


def overwrite(rnd: random.Random, data: bytearray) -> bytearray:
    at = rnd.randrange(len(data))
    size = rnd.choice((1, 2, 4, 8, 16))
    data[at : at + size] = rnd.choice((bytes(size), b"\xff" * size, b"\x5c" * size, rnd.randbytes(size)))
    return data


def cut(rnd: random.Random, data: bytearray) -> bytearray:
    return data[: rnd.randrange(len(data))]


def remove(rnd: random.Random, data: bytearray) -> bytearray:
    at = rnd.randrange(len(data))
    del data[at : at + rnd.choice((1, 2, 4, 8, 30))]
    return data


def repeat(rnd: random.Random, data: bytearray) -> bytearray:
    at, size = rnd.randrange(len(data)), rnd.choice((1, 8, 20, 60))
    return data[:at] + data[at : at + size] * rnd.choice((2, 3, 40)) + data[at + size :]


def splice(rnd: random.Random, data: bytearray) -> bytearray:
    other = bytearray(SEEDS[rnd.choice(NAMES)])
    return data[: rnd.choice(headers(data))] + other[rnd.choice(headers(other)) :]


def lie_about_length(rnd: random.Random, data: bytearray) -> bytearray:
    at = rnd.choice(headers(data))
    length = rnd.choice((*BOUNDARY_LENGTHS, len(data), len(data) - at, rnd.randrange(64)))
    if rnd.random() < 0.5:
        data[at + 6 : at + 8] = struct.pack("<H", length & 0xFFFF)
    else:
        where = at + rnd.choice((4, 8))
        data[where : where + 4] = struct.pack("<I", length)
    return data


def change_vr(rnd: random.Random, data: bytearray) -> bytearray:
    at = rnd.choice(headers(data))
    data[at + 4 : at + 6] = rnd.choice((rnd.choice(VRS), b"\0\0", b"??", rnd.randbytes(2)))
    return data


def change_tag(rnd: random.Random, data: bytearray) -> bytearray:
    at, other = rnd.choice(headers(data)), rnd.choice(headers(data))
    if rnd.random() < 0.5:
        data[at : at + 4], data[other : other + 4] = bytes(data[other : other + 4]), bytes(data[at : at + 4])
    else:
        tag = rnd.choice(TAGS)
        data[at : at + 4] = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return data


def change_value(rnd: random.Random, data: bytearray) -> bytearray:
    at = rnd.choice(headers(data)) + rnd.choice((8, 12))
    new = rnd.choice((b"\xff\xff", b"\0\0", b"\1\0", b"\0\x80", b"\x1b$", b"\\\\", b"  ", b"-1", b"99999999", b"nan "))
    data[at : at + len(new)] = new
    return data


def move_element(rnd: random.Random, data: bytearray) -> bytearray:
    found = headers(data)
    index = rnd.randrange(len(found))
    begin, end = found[index], found[index + 1] if index + 1 < len(found) else len(data)
    element = data[begin:end]
    if rnd.random() < 0.5:
        del data[begin:end]
    at = rnd.choice(headers(data)) if data else 0
    return data[:at] + element + data[at:]


def insert_delimiter(rnd: random.Random, data: bytearray) -> bytearray:
    at = rnd.choice(headers(data))
    tag = rnd.choice((0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD))
    return data[:at] + EXPLICIT.header(tag, "", rnd.choice((0, 8, 0xFFFFFFFF))) + data[at:]


DAMAGES = (
    flip,
    overwrite,
    cut,
    remove,
    repeat,
    splice,
    lie_about_length,
    lie_about_length,
    lie_about_length,
    change_vr,
    change_vr,
    change_tag,
    change_value,
    change_value,
    move_element,
    insert_delimiter,
)
