"""PS3.5 section 7.5: Sequences, Items and their delimiters."""

import struct

from elements import (
    E_,
    EVLE,
    I_,
    IVLE,
    JPG,
    P16,
    SQ,
    SQEND,
    G,
    H,
    T,
    U,
    case,
    enc,
    ex,
    head,
    im,
    img,
    it,
    item,
    meta,
    tag,
)

case("c01_sq_defined", "conform", "PS3.5 7.5.1", "ok", meta(EVLE) + H + SQ(item(it) + item(it)) + T)
case(
    "c02_sq_undefined", "conform", "PS3.5 7.5.2", "ok", meta(EVLE) + H + SQ(item(it, True) + item(it) + SQEND, ln=U) + T
)
case("c03_sq_empty", "conform", "PS3.5 7.5", "ok", meta(EVLE) + H + SQ(b"") + SQ(SQEND, ln=U, t=(8, 0x1115)) + T)
case(
    "c04_sq_undef_no_delim_eof", "invalid", "PS3.5 7.5.2", "tolerate/partial", meta(EVLE) + H + SQ(item(it, True), ln=U)
)
case(
    "c05_item_undef_no_delim",
    "invalid",
    "PS3.5 7.5.2",
    "tolerate/error",
    meta(EVLE) + H + SQ(tag(0xFFFE, 0xE000, U, it) + SQEND, ln=U) + T,
)
case("c06_sq_len_too_long", "invalid", "PS3.5 7.5.1", "error/partial", meta(EVLE) + H + SQ(item(it), ln=100000) + T)
case(
    "c07_sq_len_too_short",
    "invalid",
    "PS3.5 7.5.1",
    "tolerate/error",
    meta(EVLE) + H + SQ(item(it), ln=len(item(it)) - 6) + T,
)
case(
    "c08_item_len_past_sq",
    "invalid",
    "PS3.5 7.5.1",
    "tolerate/error",
    meta(EVLE) + H + SQ(item(it, ln=len(it) + 40)) + T,
)
case("c09_stray_item_delim_top", "quirk", "PS3.5 7.5", "tolerate", meta(EVLE) + H + tag(0xFFFE, 0xE00D, 0) + T)
case("c10_stray_sq_delim_top", "quirk", "PS3.5 7.5", "tolerate", meta(EVLE) + H + SQEND + T)
case(
    "c11_delim_nonzero_length",
    "invalid",
    "PS3.5 7.5 (length 0)",
    "tolerate",
    meta(EVLE) + H + SQ(item(it) + tag(0xFFFE, 0xE0DD, 8), ln=U) + T,
)
case(
    "c12_un_undefined_ivle_inside",
    "conform",
    "PS3.5 6.2.2 note 2 (CP-246)",
    "ok",
    meta(EVLE)
    + H
    + ex(0x11, 0x10, "LO", "TEST")
    + ex(0x11, 0x1010, "UN", item(im(8, 0x1150, "1.2", vr="UI")) + SQEND, ln=U, nopad=True)
    + T,
)
case(
    "c13_un_undefined_evle_inside",
    "quirk",
    "PS3.5 6.2.2 (non-conformant variant)",
    "tolerate",
    meta(EVLE)
    + H
    + ex(0x11, 0x10, "LO", "TEST")
    + ex(0x11, 0x1010, "UN", item(ex(8, 0x1150, "UI", "1.2")) + SQEND, ln=U, nopad=True)
    + T,
)
case(
    "c14_un_defined_len_is_sq",
    "conform",
    "PS3.5 6.2.2",
    "ok as bytes or SQ",
    meta(EVLE) + H + ex(8, 0x1140, "UN", item(im(8, 0x1150, "1.2", vr="UI"))) + T,
)
case(
    "c15_ob_private_undefined_is_sq",
    "quirk",
    "PS3.5 7.5 (Philips/GE)",
    "tolerate",
    meta(EVLE)
    + H
    + ex(0x11, 0x10, "LO", "TEST")
    + ex(0x11, 0x1010, "OB", item(ex(8, 0x1150, "UI", "1.2")) + SQEND, ln=U, nopad=True)
    + T,
)
case(
    "c16_ivle_private_undefined",
    "conform",
    "PS3.5 A.1",
    "ok",
    meta(IVLE)
    + head(I_)
    + im(0x11, 0x10, "TEST")
    + tag(0x11, 0x1010, U, item(im(8, 0x1150, "1.2", vr="UI")) + SQEND)
    + img(I_)
    + im(0x7FE0, 0x10, P16),
)
case(
    "c17_ivle_private_defined_sq",
    "conform",
    "PS3.5 A.1",
    "ok",
    meta(IVLE)
    + head(I_)
    + im(0x11, 0x10, "TEST")
    + im(0x11, 0x1010, item(im(8, 0x1150, "1.2", vr="UI")))
    + img(I_)
    + im(0x7FE0, 0x10, P16),
)


def nest(n: int, undef: bool = True) -> bytes:
    v = it
    for _ in range(n):
        v = SQ(item(v, undef) + (SQEND if undef else b""), ln=U if undef else None)
    return v


def nest_u(n: int) -> bytes:
    return (
        b"".join([struct.pack("<HH", 8, 0x1140) + b"SQ\0\0" + struct.pack("<I", U) + tag(0xFFFE, 0xE000, U)] * n)
        + it
        + (tag(0xFFFE, 0xE00D, 0) + SQEND) * n
    )


case("c18_nest_60", "conform", "PS3.5 7.5", "ok", meta(EVLE) + H + nest_u(60) + T)
case("c19_nest_500", "hostile", "-", "error or ok, no crash", meta(EVLE) + H + nest_u(500) + T)
case("c20_nest_10k", "hostile", "-", "error, no crash", meta(EVLE) + H + nest_u(10000) + T)
case("c21_nest_500k", "hostile", "-", "error, no crash", meta(EVLE) + H + nest_u(500000) + T)
case(
    "c22_nest_unclosed_100k",
    "hostile",
    "-",
    "error, no crash",
    meta(EVLE)
    + H
    + b"".join([struct.pack("<HH", 8, 0x1140) + b"SQ\0\0" + struct.pack("<I", U) + tag(0xFFFE, 0xE000, U)] * 100000),
)
case("c23_million_empty_items", "hostile", "-", "bounded memory/time", meta(EVLE) + H + SQ(item(b"") * 1000000) + T)
case(
    "c24_million_stray_delims",
    "hostile",
    "-",
    "no recursion (dicom-rs LOOP_1)",
    meta(EVLE) + H + tag(0xFFFE, 0xE00D, 0) * 1000000 + T,
)
case(
    "c25_million_tiny_elements",
    "hostile",
    "-",
    "bounded",
    meta(EVLE) + H + b"".join(ex(0x11, 0x1000 + i % 0xEFFF, "LO", b"") for i in range(300000)) + T,
)
case(
    "c26_explicit_sq_in_ivle_item_mix",
    "quirk",
    "PS3.5 7.5",
    "tolerate",
    meta(EVLE) + H + SQ(item(im(8, 0x1150, "1.2", vr="UI") + im(8, 0x1155, "1.2.3", vr="UI"))) + T,
)
case(
    "c27_encaps_icon_in_defined_item",
    "quirk",
    "PS3.5 A.4 (pydicom #2324)",
    "tolerate",
    meta(JPG)
    + H
    + ex(
        0x88,
        0x200,
        "SQ",
        item(img(E_, 2, 2) + enc([item(b"\xff\xd8\xff\xd9")]), ln=len(img(E_, 2, 2)) + 20),
        nopad=True,
    )
    + G
    + enc([item(b"\xff\xd8\xff\xd9")]),
)
