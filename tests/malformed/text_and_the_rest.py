"""PS3.3 C.12.1.1.2: character sets; PS3.10 section 8: DICOMDIR; and what is no DICOM at all."""

import random
import struct

from elements import E_, EVLE, T, case, ex, head, item, meta, tag, us


def cs(name: str, charset: str | None, val: bytes, exp: str = "ok", cls: str = "conform", note: str = "") -> None:
    case(
        name,
        cls,
        "PS3.5 6.1 / PS3.3 C.12.1.1.2",
        exp,
        meta(EVLE) + head(E_, charset) + ex(0x10, 0x4000, "LT", val) + T,
        note,
    )


cs("f01_utf8", "ISO_IR 192", "\u5c71\u7530".encode())
cs("f02_utf8_invalid", "ISO_IR 192", b"\xff\xfe abc", "replace", cls="quirk")
cs("f03_latin1_undeclared", None, b"M\xfcller", "tolerate", cls="quirk")
cs("f04_unknown_charset", "ISO_IR 999", b"abc", "tolerate", cls="quirk")
cs("f05_charset_typos", "ISO IR 100", b"M\xfcller", "tolerate", cls="quirk")
cs("f06_charset_utf8_name", "UTF-8", "\u5c71".encode(), "tolerate", cls="quirk")
cs("f07_iso2022_jp", "\\ISO 2022 IR 87", b"Yamada \x1b$B;3ED\x1b(B")
cs("f08_iso2022_no_switch_back", "\\ISO 2022 IR 87", b"\x1b$B;3ED", "tolerate", cls="quirk")
cs("f09_iso2022_bad_escape", "\\ISO 2022 IR 87", b"a\x1b$Zxyz\x1b", "tolerate", cls="quirk")
cs("f10_korean", "\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8\xc8\xf1")
cs("f11_gb18030_backslash", "GB18030", "\u4e2d\u56fd".encode("gb18030"))
case(
    "f12_gbk_5c_trail_lo",
    "conform",
    "PS3.5 6.1.2.5.4",
    "ok (no split)",
    meta(EVLE) + head(E_, "GBK") + ex(0x10, 0x1000, "LO", b"\x81\x5c\x81\x5c") + T,
)
cs("f13_mixed_utf8_with_ext", "ISO_IR 192\\ISO 2022 IR 87", "\u5c71".encode(), "tolerate", cls="quirk")
cs("f14_latin9", "ISO_IR 203", b"\xa4")
cs("f15_control_chars", "ISO_IR 192", b"a\x00b\x08c", "tolerate", cls="quirk")


def dicomdir(fid: str, offs: tuple[int, int] = (0, 0)) -> bytes:
    rec = (
        ex(4, 0x1400, "UL", struct.pack("<I", offs[0]))
        + ex(4, 0x1410, "US", us(0xFFFF))
        + ex(4, 0x1420, "UL", struct.pack("<I", offs[1]))
        + ex(4, 0x1430, "CS", "IMAGE")
        + ex(4, 0x1500, "CS", fid)
        + ex(4, 0x1510, "UI", "1.2.840.10008.5.1.4.1.1.7")
        + ex(4, 0x1511, "UI", "1.2.3.4")
        + ex(4, 0x1512, "UI", EVLE)
    )
    return (
        meta(EVLE, sop="1.2.840.10008.1.3.10")
        + ex(4, 0x1130, "CS", "X")
        + ex(4, 0x1200, "UL", struct.pack("<I", offs[0] or 400))
        + ex(4, 0x1202, "UL", struct.pack("<I", offs[1]))
        + ex(4, 0x1212, "US", us(0))
        + ex(4, 0x1220, "SQ", item(rec), nopad=True)
    )


case(
    "g01_dicomdir_traversal",
    "hostile",
    "PS3.10 8 / PS3.3 F (CVE-2026-32711)",
    "refuse path",
    dicomdir("..\\..\\ETC\\PASSWD"),
)
case("g02_dicomdir_absolute", "hostile", "CVE-2026-32711", "refuse path", dicomdir("/etc/passwd"))
d = dicomdir("A\\B")
off = d.index(tag(0xFFFE, 0xE000, len(d) - d.index(b"\xfe\xff\x00\xe0") - 8)[:4])
case("g03_dicomdir_offset_cycle", "hostile", "PS3.3 F.3.2.2", "no infinite loop", dicomdir("A\\B", (off, off)))
rnd = random.Random(1)
case("h01_random_4k", "hostile", "-", "error", bytes(rnd.randrange(256) for _ in range(4096)))
case(
    "h02_magic_random", "hostile", "-", "error", b"\0" * 128 + b"DICM" + bytes(rnd.randrange(256) for _ in range(4096))
)
case("h03_meta_random", "hostile", "-", "error/partial", meta(EVLE) + bytes(rnd.randrange(256) for _ in range(4096)))
case("h04_text_file", "invalid", "-", "error", b"This is a text file, not DICOM.\n" * 50)
case("h05_zip_magic", "invalid", "-", "error", b"PK\x03\x04" + b"\0" * 500)
case("h06_all_ff", "hostile", "-", "error", b"\xff" * 4096)
case("h07_all_zero", "hostile", "-", "error", b"\0" * 4096)
case("h08_zeros_with_meta", "quirk", "-", "tolerate", meta(EVLE) + b"\0" * 4096)
