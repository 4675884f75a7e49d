"""DICOM bytes from readable calls: the files of the tests are built, not pasted.

`Encoding` writes Data Elements of one transfer syntax; `file` puts a preamble and File Meta Information before them.
Every length may be overridden, so that each good file has its lying twin.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UNDEFINED = 0xFFFFFFFF

IMPLICIT_LITTLE_UID = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_UID = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_UID = "1.2.840.10008.1.2.2"
DEFLATED_UID = "1.2.840.10008.1.2.1.99"
JPEG_BASELINE_UID = "1.2.840.10008.1.2.4.50"
RLE_UID = "1.2.840.10008.1.2.5"

# PS3.5 §7.1.2: these have two reserved bytes and a 32-bit Value Length.
LONG_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}

Value = str | bytes | int | float | Sequence[int] | Sequence[float] | Sequence[str]


@dataclass(frozen=True)
class Encoding:
    """How Data Elements are written: VR explicit or not, byte order."""

    explicit: bool = True
    big: bool = False

    @property
    def order(self) -> str:
        """The struct prefix of the byte order."""
        return ">" if self.big else "<"

    def header(self, tag: int, vr: str, length: int) -> bytes:
        """Tag, VR where explicit, and Value Length (PS3.5 §7.1)."""
        start = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit or tag >> 16 == 0xFFFE:
            return start + struct.pack(self.order + "I", length)
        if vr in LONG_VRS:
            return start + vr.encode() + b"\0\0" + struct.pack(self.order + "I", length)
        return start + vr.encode() + struct.pack(self.order + "H", length)

    def value(self, vr: str, value: Value) -> bytes:
        """The Value Field, padded to even length."""
        if vr == "AT":
            tags: list[int] = [value] if isinstance(value, int) else list(value)  # type: ignore[arg-type]
            return b"".join(struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF) for tag in tags)
        if vr in NUMBERS and not isinstance(value, bytes | str):
            numbers = [value] if isinstance(value, int | float) else list(value)
            return struct.pack(f"{self.order}{len(numbers)}{NUMBERS[vr]}", *numbers)
        if isinstance(value, int | float):
            value = str(value)
        elif not isinstance(value, str | bytes):
            value = "\\".join(str(part) for part in value)
        field = value if isinstance(value, bytes) else value.encode("latin-1")
        return field + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(field) % 2)

    def element(self, tag: int, vr: str, value: Value = b"", *, length: int | None = None) -> bytes:
        """One Data Element; `length` overrides the Value Length."""
        field = self.value(vr, value)
        return self.header(tag, vr, len(field) if length is None else length) + field

    def item(self, content: bytes, *, undefined: bool = False, length: int | None = None) -> bytes:
        """One Item (PS3.5 §7.5.1)."""
        if undefined:
            return self.header(0xFFFEE000, "", UNDEFINED) + content + self.header(0xFFFEE00D, "", 0)
        return self.header(0xFFFEE000, "", len(content) if length is None else length) + content

    def sequence(self, tag: int, *items: bytes, undefined: bool = False, length: int | None = None) -> bytes:
        """A Sequence of the given Items, each made by `item`."""
        content = b"".join(items)
        if undefined:
            return self.header(tag, "SQ", UNDEFINED) + content + self.header(0xFFFEE0DD, "", 0)
        return self.header(tag, "SQ", len(content) if length is None else length) + content

    def encapsulated(self, fragments: Iterable[bytes], offsets: Sequence[int] = ()) -> bytes:
        """Encapsulated Pixel Data with a Basic Offset Table (PS3.5 annex A.4)."""
        table = self.item(struct.pack(f"<{len(offsets)}I", *offsets))
        items = b"".join(self.item(fragment) for fragment in fragments)
        return self.header(0x7FE00010, "OB", UNDEFINED) + table + items + self.header(0xFFFEE0DD, "", 0)

    def patient(self, name: str | bytes = "Doe^John", *, character_set: str | None = None) -> bytes:
        """SOP Common, Patient, Study and Series in eight elements or nine."""
        e = self.element
        parts = [e(0x00080005, "CS", character_set)] if character_set is not None else []
        parts += [
            e(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
            e(0x00080018, "UI", "1.2.3.4"),
            e(0x00080020, "DA", "20200102"),
            e(0x00080060, "CS", "OT"),
            e(0x00100010, "PN", name),
            e(0x00100020, "LO", "ID1"),
            e(0x0020000D, "UI", "1.2.3"),
            e(0x0020000E, "UI", "1.2.3.1"),
        ]
        return b"".join(parts)

    def image(
        self,
        rows: int = 4,
        columns: int = 4,
        *,
        bits: int = 8,
        stored: int | None = None,
        high_bit: int | None = None,
        signed: bool = False,
        samples: int = 1,
        photometric: str = "MONOCHROME2",
        planar: int | None = None,
        frames: int | str | None = None,
        extra: bytes = b"",
    ) -> bytes:
        """The Image Pixel module (PS3.3 C.7.6.3) without the pixels; `extra` goes behind it, group 0028 or later."""
        e = self.element
        stored = bits if stored is None else stored
        parts = [e(0x00280002, "US", samples), e(0x00280004, "CS", photometric)]
        parts += [e(0x00280006, "US", planar)] if planar is not None else []
        parts += [e(0x00280008, "IS", frames)] if frames is not None else []
        parts += [e(0x00280010, "US", rows), e(0x00280011, "US", columns), e(0x00280100, "US", bits)]
        parts += [e(0x00280101, "US", stored), e(0x00280102, "US", stored - 1 if high_bit is None else high_bit)]
        parts += [e(0x00280103, "US", int(signed)), extra]
        return b"".join(parts)

    def pixels(self, data: bytes, vr: str = "OW") -> bytes:
        """Native Pixel Data; the bytes are taken as they are."""
        return self.element(0x7FE00010, vr, data)


IMPLICIT = Encoding(explicit=False)
EXPLICIT = Encoding()
BIG = Encoding(big=True)


def file(data_set: bytes, transfer_syntax: str = EXPLICIT_LITTLE_UID, *, preamble: bytes = bytes(128)) -> bytes:
    """A DICOM File: preamble, prefix, File Meta Information (PS3.10 §7.1), and the data set, deflated where it must."""
    e = EXPLICIT.element
    meta = e(0x00020001, "OB", b"\0\1") + e(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.7")
    meta += e(0x00020003, "UI", "1.2.3.4") + e(0x00020010, "UI", transfer_syntax) + e(0x00020012, "UI", "1.2.3.9")
    if transfer_syntax == DEFLATED_UID:
        data_set = deflate(data_set)
    return preamble + b"DICM" + e(0x00020000, "UL", len(meta)) + meta + data_set


def deflate(data: bytes) -> bytes:
    """RFC 1951 without a zlib header, to even length (PS3.5 §A.5)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)


def small(transfer_syntax: str = EXPLICIT_LITTLE_UID, **image: int | str | bytes | bool | None) -> bytes:
    """A whole image of 4 x 4 samples of 8 bits, 0 to 15, in any native transfer syntax."""
    encoding = {IMPLICIT_LITTLE_UID: IMPLICIT, EXPLICIT_BIG_UID: BIG}.get(transfer_syntax, EXPLICIT)
    data_set = encoding.patient() + encoding.image(**image) + encoding.pixels(bytes(range(16)), "OB")  # type: ignore[arg-type]
    return file(data_set, transfer_syntax)


def rle_frame(*segments: bytes) -> bytes:
    """A frame of RLE segments (PS3.5 annex G)."""
    padded = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [64 + sum(map(len, padded[:n])) for n in range(len(padded))]
    return struct.pack("<16I", len(padded), *offsets, *[0] * (15 - len(padded))) + b"".join(padded)


def nested(depth: int, *, undefined: bool = True) -> bytes:
    """A Sequence within a Sequence, `depth` times, with one element at the bottom; built without recursion."""
    e = EXPLICIT
    bottom = e.element(0x00081150, "UI", "1.2")
    if undefined:
        opening = e.header(0x00081140, "SQ", UNDEFINED) + e.header(0xFFFEE000, "", UNDEFINED)
        closing = e.header(0xFFFEE00D, "", 0) + e.header(0xFFFEE0DD, "", 0)
        return opening * depth + bottom + closing * depth
    headers = []
    length = len(bottom)
    for _ in range(depth):
        headers.append(e.header(0x00081140, "SQ", length + 8) + e.header(0xFFFEE000, "", length))
        length += 20
    return b"".join(reversed(headers)) + bottom


def every_vr(encoding: Encoding = EXPLICIT) -> bytes:
    """One private element of each VR that is no Sequence, with more than one value where that is allowed."""
    e = encoding.element
    texts = {"AE": "A\\B", "AS": "001Y", "CS": "A\\B", "DA": "20200101\\20200102", "DS": "1.5\\-2e3", "DT": "2020"}
    texts |= {"IS": "1\\-2", "LO": "a\\b", "LT": "l\\t", "PN": "A^B=C\\D", "SH": "s\\h", "ST": "s\\t", "TM": "1230\\12"}
    texts |= {"UC": "u\\c", "UI": "1.2\\3.4", "UR": "http://x", "UT": "u\\t"}
    parts = [e(0x00210010, "LO", "TEST")]
    element = 0x00211000
    for vr in sorted(texts):
        parts.append(e(element, vr, texts[vr]))
        element += 1
    for vr in sorted(NUMBERS):
        parts.append(e(element, vr, [1, 2]))
        element += 1
    parts.append(e(element, "AT", [0x00181063, 0x00280009]))
    for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN"):
        element += 1
        parts.append(e(element, vr, bytes(range(16))))
    return b"".join(parts)


def seeds() -> dict[str, bytes]:
    """Small valid files, one for every way a data set can be put together; the mutants are made of these."""
    e = EXPLICIT
    bit_stream = e.pixels(bytes(range(6)), "OB")
    icon = e.item(e.image(2, 2) + e.pixels(bytes(4), "OB"))
    reference = e.element(0x00081150, "UI", "1.2") + e.element(0x00081155, "UI", "1.2.3")
    numbers = e.element(0x00200013, "IS", "7") + e.element(0x00200032, "DS", "-1.5\\2e1\\ 3 ")
    deep = e.sequence(0x00209113, e.item(e.sequence(0x00081140, e.item(reference), undefined=True), undefined=True))
    frame = rle_frame(b"\xf1\x07")
    table = e.element(0x7FE00001, "OV", struct.pack("<2Q", 0, len(frame) + 8))
    table += e.element(0x7FE00002, "OV", struct.pack("<2Q", len(frame), len(frame)))
    overlay = e.element(0x60000010, "US", 4) + e.element(0x60000011, "US", 4) + e.element(0x60003000, "OW", b"\xa5\x5a")
    palette = b"".join(e.element(0x00281101 + i, "US", [4, 0, 16]) for i in range(3))
    palette += b"".join(e.element(0x00281201 + i, "OW", bytes(range(8))) for i in range(3))
    unknown = e.element(0x00209113, "UN", IMPLICIT.item(IMPLICIT.element(0x00081150, "UI", "1.2")))
    unknown += (
        e.element(0x00210010, "LO", "TEST")
        + e.header(0x00211010, "UN", UNDEFINED)
        + IMPLICIT.item(IMPLICIT.element(0x00081150, "UI", "1.2"))
    )
    unknown += e.header(0xFFFEE0DD, "", 0)
    japanese = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
    implicit = IMPLICIT.patient() + IMPLICIT.sequence(
        0x00209113, IMPLICIT.item(IMPLICIT.element(0x00081150, "UI", "1"))
    )
    return {
        "implicit": file(
            implicit
            + IMPLICIT.image(signed=True, extra=IMPLICIT.element(0x00280106, "US", 5))
            + IMPLICIT.pixels(bytes(16)),
            IMPLICIT_LITTLE_UID,
        ),
        "explicit": small(),
        "big": file(
            BIG.patient()
            + numbers_in(BIG)
            + BIG.image(bits=16, extra=BIG.element(0x00280106, "US", 3))
            + BIG.pixels(bytes(32)),
            EXPLICIT_BIG_UID,
        ),
        "deflated": small(DEFLATED_UID),
        "sequences": file(
            e.patient() + numbers + deep + e.image() + e.sequence(0x00880200, icon) + e.pixels(bytes(16))
        ),
        "fragments": file(
            e.patient()
            + e.image(frames=2)
            + e.encapsulated([b"\xff\xd8abcd", b"efgh\xff\xd9", b"\xff\xd8\xff\xd9"], [0, 28]),
            JPEG_BASELINE_UID,
        ),
        "extended_offsets": file(e.patient() + e.image(frames=2) + table + e.encapsulated([frame, frame]), RLE_UID),
        "japanese": file(e.patient(japanese, character_set="\\ISO 2022 IR 87") + e.image() + e.pixels(bytes(16))),
        "utf8": file(
            e.patient("Wang^XiaoDong=王^小東".encode(), character_set="ISO_IR 192") + e.element(0x00204000, "LT", "x")
        ),
        "every_vr": file(e.patient() + every_vr()),
        "unknown": file(e.patient() + unknown + e.image() + overlay + e.pixels(bytes(16))),
        "palette": file(e.patient() + e.image(photometric="PALETTE COLOR", extra=palette) + e.pixels(bytes(16), "OB")),
        "bits": file(e.patient() + e.image(3, 5, bits=1, frames=3) + bit_stream),
        "bare": IMPLICIT.patient() + IMPLICIT.image() + IMPLICIT.pixels(bytes(16)),
    }


def numbers_in(encoding: Encoding) -> bytes:
    """Numbers as text, as floating point, as tags."""
    e = encoding.element
    return e(0x00201041, "DS", "1.25") + e(0x00209165, "AT", 0x00181063) + e(0x00209252, "FD", 1.5)
