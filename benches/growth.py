"""Files that grow along one dimension, to see that the time to read them grows no faster.

Each shape is a function of n that gives the bytes of one file; `SHAPES` names them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
UNDEFINED = 0xFFFFFFFF


def element(group: int, number: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One element, Explicit VR LE (PS3.5 §7.1.2); `length` may lie."""
    declared = len(value) if length is None else length
    head = struct.pack("<HH2s", group, number, vr.encode())
    if vr in ("OB", "OW", "SQ", "UN", "UT"):
        return head + struct.pack("<HI", 0, declared) + value
    return head + struct.pack("<H", declared) + value


def tag(number: int, length: int = 0) -> bytes:
    """An Item, Item Delimitation or Sequence Delimitation tag (PS3.5 §7.5)."""
    return struct.pack("<HHI", 0xFFFE, number, length)


ITEM, ITEM_END, SEQUENCE_END = 0xE000, 0xE00D, 0xE0DD


def file(body: bytes, transfer_syntax: str = EXPLICIT_VR_LITTLE_ENDIAN) -> bytes:
    """A whole file: preamble, prefix, File Meta Information, a few elements, then `body`."""
    uid = transfer_syntax.encode()
    meta = element(0x0002, 0x0010, "UI", uid + b"\0" * (len(uid) % 2))
    length = element(0x0002, 0x0000, "UL", struct.pack("<I", len(meta)))
    modality = element(0x0008, 0x0060, "CS", b"OT")
    return b"\0" * 128 + b"DICM" + length + meta + modality + body


def _open_sequence() -> bytes:
    return element(0x0008, 0x1140, "SQ", b"", UNDEFINED) + tag(ITEM, UNDEFINED)


def items(n: int) -> bytes:
    """Build one sequence of n items of one element."""
    inner = element(0x0008, 0x0060, "CS", b"CT")
    item = tag(ITEM, len(inner)) + inner
    return file(element(0x0008, 0x1140, "SQ", b"", UNDEFINED) + item * n + tag(SEQUENCE_END))


def elements(n: int) -> bytes:
    """Build n elements at the top level."""
    return file(b"".join(element(0x0011 + 2 * (i // 0xE000), 0x1000 + i % 0xE000, "LO", b"ab") for i in range(n)))


def warnings(n: int) -> bytes:
    """Build n elements of odd length (PS3.5 §7.1.1)."""
    return file(b"".join(element(0x0011 + 2 * (i // 0xE000), 0x1000 + i % 0xE000, "LO", b"abc") for i in range(n)))


def nesting(n: int) -> bytes:
    """Build n sequences, each in an item of the one before."""
    return file(_open_sequence() * n + (tag(ITEM_END) + tag(SEQUENCE_END)) * n)


def unterminated(n: int) -> bytes:
    """Build n nested sequences without their delimiters."""
    return file(_open_sequence() * n)


def fragments(n: int) -> bytes:
    """Build n frames of one fragment each, without offset table (PS3.5 §A.4)."""
    image = b"".join(
        element(0x0028, number, "US", struct.pack("<H", value))
        for number, value in ((0x0010, 1), (0x0011, 1), (0x0100, 8), (0x0101, 8), (0x0102, 7), (0x0103, 0))
    )
    text = str(n).encode()
    frames = element(0x0028, 0x0008, "IS", text + b" " * (len(text) % 2))
    samples = element(0x0028, 0x0002, "US", struct.pack("<H", 1)) + element(0x0028, 0x0004, "CS", b"MONOCHROME2 ")
    pixels = tag(ITEM) + (tag(ITEM, 2) + b"\1\2") * n + tag(SEQUENCE_END)
    return file(samples + frames + image + element(0x7FE0, 0x0010, "OB", b"", UNDEFINED) + pixels, JPEG_LS_LOSSLESS)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "items": items,
    "elements": elements,
    "warnings": warnings,
    "nesting": nesting,
    "fragments": fragments,
    "unterminated": unterminated,
}


def lying(size: int = 1 << 20) -> dict[str, bytes]:
    """Files of about `size` bytes whose declared lengths, or whose number of parts, ask for far more memory."""
    filler = b"\0" * size
    empty_items = tag(ITEM) * (size // 8)
    return {
        "OB of 4 GiB": file(element(0x0009, 0x1000, "OB", filler, 0xFFFFFFFE)),
        "UT of 4 GiB": file(element(0x0009, 0x1000, "UT", b"a" * size, 0xFFFFFFFE)),
        "SQ of 4 GiB of empty items": file(element(0x0008, 0x1140, "SQ", empty_items, 0xFFFFFFF0)),
        "empty items": file(element(0x0008, 0x1140, "SQ", empty_items, len(empty_items))),
        "item of 4 GiB": file(element(0x0008, 0x1140, "SQ", tag(ITEM, 0xFFFFFFF0) + filler, UNDEFINED)),
        "unterminated sequences": unterminated(size // 20),
        "fragments": fragments(size // 10),
    }
