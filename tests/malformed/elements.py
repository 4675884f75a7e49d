"""The vocabulary of this corpus: short names, because a case is one expression.

ex: explicit VR element. im: implicit VR element. meta: preamble, prefix and File Meta Information. head: patient and
study elements. img: image description. enc: encapsulated Pixel Data. Own work, no third-party bytes.
"""

import struct
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

Encode = Callable[..., bytes]

IVLE = "1.2.840.10008.1.2"
EVLE = "1.2.840.10008.1.2.1"
EVBE = "1.2.840.10008.1.2.2"
DEFL = "1.2.840.10008.1.2.1.99"
JPG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"
J2K = "1.2.840.10008.1.2.4.90"
ENCU = "1.2.840.10008.1.2.1.98"
DFRM = "1.2.840.10008.1.2.8.1"
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
U = 0xFFFFFFFF


class Case(NamedTuple):
    name: str
    cls: str
    section: str
    expected: str
    data: bytes
    note: str


CASES: list[Case] = []


def case(name: str, cls: str, section: str, expected: str, data: bytes, note: str = "") -> None:
    """One more file of the corpus."""
    CASES.append(Case(name, cls, section, expected, data, note))


def pad(vr: str, v: str | bytes) -> bytes:
    if isinstance(v, str):
        v = v.encode("latin-1")
    if len(v) % 2:
        v += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return v


def ex(
    g: int, e: int, vr: str, v: str | bytes = b"", ln: int | None = None, be: bool = False, nopad: bool = False
) -> bytes:
    if not nopad:
        v = pad(vr, v)
    elif isinstance(v, str):
        v = v.encode("latin-1")
    assert isinstance(v, bytes)
    n = len(v) if ln is None else ln
    c = ">" if be else "<"
    if vr in LONG:
        return struct.pack(c + "HH", g, e) + vr.encode() + b"\0\0" + struct.pack(c + "I", n) + v
    return struct.pack(c + "HH", g, e) + vr.encode() + struct.pack(c + "H", n) + v


def im(g: int, e: int, v: str | bytes = b"", ln: int | None = None, vr: str = "LO") -> bytes:
    v = pad(vr, v)
    return struct.pack("<HHI", g, e, len(v) if ln is None else ln) + v


def tag(g: int, e: int, n: int, v: bytes = b"") -> bytes:
    return struct.pack("<HHI", g, e, n) + v


def item(v: bytes, undef: bool = False, ln: int | None = None) -> bytes:
    if undef:
        return tag(0xFFFE, 0xE000, U, v) + tag(0xFFFE, 0xE00D, 0)
    return tag(0xFFFE, 0xE000, len(v) if ln is None else ln, v)


SQEND = tag(0xFFFE, 0xE0DD, 0)


def us(*a: int) -> bytes:
    return struct.pack(f"<{len(a)}H", *a)


def meta(
    ts: str | None,
    glen: str = "ok",
    sop: str = "1.2.840.10008.5.1.4.1.1.7",
    preamble: bytes = b"\0" * 128,
) -> bytes:
    b = ex(2, 1, "OB", b"\0\1")
    b += ex(2, 2, "UI", sop) + ex(2, 3, "UI", "1.2.3.4")
    if ts is not None:
        b += ex(2, 0x10, "UI", ts)
    b += ex(2, 0x12, "UI", "1.2.3.9")
    g = {"ok": len(b), "zero": 0, "big": len(b) + 400, "small": max(0, len(b) - 20), "huge": 0xFFFFFFF0}.get(glen)
    return preamble + b"DICM" + (ex(2, 0, "UL", struct.pack("<I", g)) if g is not None else b"") + b


def head(f: Encode, charset: str | None = None) -> bytes:
    b = b""
    if charset is not None:
        b += f(8, 5, "CS", charset)
    b += f(8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.7") + f(8, 0x18, "UI", "1.2.3.4") + f(8, 0x60, "CS", "OT")
    b += f(0x10, 0x10, "PN", "Doe^John") + f(0x10, 0x20, "LO", "ID1")
    return b + f(0x20, 0xD, "UI", "1.2.3") + f(0x20, 0xE, "UI", "1.2.3.1")


def img(
    f: Encode,
    rows: int = 4,
    cols: int = 4,
    ba: int = 8,
    bs: int | None = None,
    hb: int | None = None,
    pr: int = 0,
    spp: int = 1,
    photo: str = "MONOCHROME2",
    planar: int | None = None,
    frames: int | str | None = None,
    extra: bytes = b"",
    skip: Collection[str] = (),
) -> bytes:
    bs = bs or ba
    hb = hb if hb is not None else bs - 1
    b = f(0x28, 2, "US", us(spp)) + f(0x28, 4, "CS", photo)
    if planar is not None:
        b += f(0x28, 6, "US", us(planar))
    if frames is not None:
        b += f(0x28, 8, "IS", str(frames))
    if "rows" not in skip:
        b += f(0x28, 0x10, "US", us(rows))
    b += f(0x28, 0x11, "US", us(cols))
    b += f(0x28, 0x100, "US", us(ba))
    b += f(0x28, 0x101, "US", us(bs)) + f(0x28, 0x102, "US", us(hb))
    if "pr" not in skip:
        b += f(0x28, 0x103, "US", us(pr))
    return b + extra


def E_(g: int, e: int, vr: str, v: str | bytes = b"") -> bytes:
    """Explicit VR Little Endian."""
    return ex(g, e, vr, v)


def I_(g: int, e: int, vr: str, v: str | bytes = b"") -> bytes:
    """Implicit VR Little Endian."""
    return im(g, e, v, vr=vr)


def B_(g: int, e: int, vr: str, v: str | bytes = b"") -> bytes:
    """Explicit VR Big Endian, of texts and of single US values in little endian."""
    return ex(g, e, vr, v[::-1] if vr == "US" and len(v) == 2 else v, be=True)


def px(v: bytes, vr: str = "OB") -> bytes:
    return ex(0x7FE0, 0x10, vr, v)


def enc(frags: Sequence[bytes], bot: bytes = b"", end: bool = True, vr: str = "OB", ln: int = U) -> bytes:
    header = struct.pack("<HH", 0x7FE0, 0x10) + vr.encode() + b"\0\0" + struct.pack("<I", ln)
    return header + item(bot) + b"".join(frags) + (SQEND if end else b"")


def rle_frame(seg: bytes, n: int = 1, offs: list[int] | None = None) -> bytes:
    offs = offs or [64]
    return struct.pack("<16I", n, *(offs + [0] * (15 - len(offs)))) + seg


def SQ(v: bytes, ln: int | None = None, t: tuple[int, int] = (8, 0x1140)) -> bytes:
    return ex(t[0], t[1], "SQ", v, ln=ln, nopad=True)


H = head(E_)
G = img(E_)
P16 = bytes(range(16))
base = meta(EVLE) + H + G + px(P16)
T = G + px(P16)
it = ex(8, 0x1150, "UI", "1.2") + ex(8, 0x1155, "UI", "1.2.3")
