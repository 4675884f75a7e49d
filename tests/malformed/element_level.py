"""PS3.5 sections 6 and 7: tags, VRs, lengths and values."""

import struct

from elements import E_, EVLE, I_, IVLE, P16, G, H, U, case, ex, head, im, img, meta, px, tag, us

# --- B element level
case(
    "b01_odd_length_string",
    "quirk",
    "PS3.5 7.1.1",
    "tolerate",
    meta(EVLE) + H + ex(0x10, 0x30, "DA", "2020010", nopad=True) + G + px(P16),
)
case(
    "b02_odd_length_pixel",
    "quirk",
    "PS3.5 7.1.1",
    "tolerate",
    meta(EVLE) + H + img(E_, 3, 3) + ex(0x7FE0, 0x10, "OB", bytes(9), nopad=True),
)
case("b03_out_of_order_tags", "quirk", "PS3.5 7.1", "tolerate", meta(EVLE) + G + H + px(P16))
case(
    "b04_duplicate_tags",
    "quirk",
    "PS3.5 7.1",
    "tolerate (first|last)",
    meta(EVLE) + H + ex(0x10, 0x20, "LO", "ID2") + G + px(P16),
)
case(
    "b05_group_length_elements",
    "conform",
    "PS3.5 7.2",
    "ok",
    meta(EVLE) + ex(8, 0, "UL", struct.pack("<I", 999)) + H + ex(0x28, 0, "UL", struct.pack("<I", 3)) + G + px(P16),
)
case(
    "b06_unknown_vr_xx_16bit",
    "quirk",
    "PS3.5 7.1.2",
    "tolerate",
    meta(EVLE) + H + struct.pack("<HH", 0x11, 0x10) + b"ZZ" + struct.pack("<H", 4) + b"abcd" + G + px(P16),
)
case(
    "b07_unknown_vr_xx_32bit",
    "conform",
    "PS3.5 7.1.2 (future VRs use 32-bit)",
    "tolerate",
    meta(EVLE) + H + struct.pack("<HH", 0x11, 0x10) + b"ZZ\0\0" + struct.pack("<I", 4) + b"abcd" + G + px(P16),
)
case(
    "b08_vr_nulls",
    "quirk",
    "PS3.5 7.1.2",
    "tolerate",
    meta(EVLE) + H + struct.pack("<HH", 0x11, 0x10) + b"\0\0" + struct.pack("<H", 4) + b"abcd" + G + px(P16),
)
case(
    "b09_vr_spaces",
    "quirk",
    "PS3.5 7.1.2",
    "tolerate",
    meta(EVLE) + H + struct.pack("<HH", 0x11, 0x10) + b"  " + struct.pack("<H", 4) + b"abcd" + G + px(P16),
)
case(
    "b10_vr_question",
    "quirk",
    "PS3.5 7.1.2",
    "tolerate",
    meta(EVLE) + H + struct.pack("<HH", 0x11, 0x10) + b"??" + struct.pack("<H", 4) + b"abcd" + G + px(P16),
)
case(
    "b11_reserved_bytes_nonzero",
    "quirk",
    "PS3.5 7.1.2",
    "tolerate",
    meta(EVLE) + H + G + struct.pack("<HH", 0x7FE0, 0x10) + b"OB\x12\x34" + struct.pack("<I", 16) + P16,
)
case(
    "b12_length_past_eof",
    "invalid",
    "PS3.5 7.1",
    "error/partial",
    meta(EVLE) + H + ex(0x10, 0x4000, "LT", b"abcd", ln=60000),
)
case(
    "b13_length_4g_ob",
    "hostile",
    "PS3.5 7.1",
    "error, no alloc",
    meta(EVLE) + H + G + ex(0x7FE0, 0x10, "OB", P16, ln=0xFFFFFFF0),
)
case(
    "b14_length_ffffffff_lt",
    "invalid",
    "PS3.5 7.1.1",
    "error/tolerate",
    meta(IVLE) + head(I_) + tag(0x10, 0x4000, U, b"abcd"),
)
case(
    "b15_wrong_vr_in_file",
    "quirk",
    "PS3.5 6.2",
    "tolerate",
    meta(EVLE) + H + ex(0x28, 0x10, "UL", struct.pack("<I", 4)) + img(E_, skip=("rows",)) + px(P16),
    "Rows as UL: CVE-2026-5442 class",
)
case(
    "b16_us_with_4_bytes",
    "quirk",
    "PS3.5 6.4",
    "tolerate",
    meta(EVLE) + H + img(E_, extra=ex(0x28, 0x106, "US", us(1, 2))) + px(P16),
)
case(
    "b17_us_with_1_byte",
    "invalid",
    "PS3.5 6.2",
    "error at value",
    meta(EVLE) + H + ex(0x28, 0x14, "US", b"\x01", nopad=True) + G + px(P16),
)
case(
    "b18_fd_with_7_bytes",
    "invalid",
    "PS3.5 6.2",
    "error at value",
    meta(EVLE) + H + ex(0x18, 0x9087, "FD", b"\0" * 7, nopad=True) + G + px(P16),
)
case(
    "b19_ds_garbage",
    "quirk",
    "PS3.5 6.2 DS",
    "error at value only",
    meta(EVLE) + H + ex(0x18, 0x50, "DS", "1.5mm ") + G + px(P16),
)
case(
    "b20_ds_comma_decimal",
    "quirk",
    "PS3.5 6.2 DS",
    "error at value only",
    meta(EVLE) + H + ex(0x18, 0x50, "DS", "1,5") + G + px(P16),
)
case(
    "b21_ds_nan_inf_long",
    "quirk",
    "PS3.5 6.2 DS",
    "tolerate",
    meta(EVLE) + H + ex(0x18, 0x50, "DS", "nan\\inf\\1.23456789012345678901234567890") + G + px(P16),
)
case(
    "b22_is_float_overflow",
    "quirk",
    "PS3.5 6.2 IS",
    "tolerate",
    meta(EVLE) + H + ex(0x20, 0x13, "IS", "99999999999999999999\\1.0\\+5\\ 7 ") + G + px(P16),
)
case(
    "b23_da_formats",
    "quirk",
    "PS3.5 6.2 DA",
    "tolerate raw",
    meta(EVLE)
    + H
    + ex(8, 0x20, "DA", "2020.01.02")
    + ex(8, 0x30, "TM", "12:30:00")
    + ex(8, 0x2A, "DT", "20200230246000")
    + G
    + px(P16),
)
case(
    "b24_ui_invalid", "quirk", "PS3.5 9.1", "tolerate", meta(EVLE) + H + ex(8, 0x58, "UI", "1.2.003..4 x") + G + px(P16)
)
case(
    "b25_ui_space_padded", "quirk", "PS3.5 9.1", "tolerate", meta(EVLE) + H + ex(8, 0x58, "UI", b"1.2.3 ") + G + px(P16)
)
case(
    "b26_cs_lower_long",
    "quirk",
    "PS3.5 6.2 CS",
    "tolerate",
    meta(EVLE) + H + ex(8, 8, "CS", "original\\a very long code string value here") + G + px(P16),
)
case(
    "b27_pn_groups",
    "conform",
    "PS3.5 6.2.1",
    "ok",
    meta(EVLE) + head(E_, "ISO_IR 192") + ex(0x10, 0x1005, "PN", "A^B=\xe5\xb1\xb1=x".encode("latin-1")) + G + px(P16),
)
case(
    "b28_pn_6_components_4_groups",
    "quirk",
    "PS3.5 6.2.1",
    "tolerate",
    meta(EVLE) + H + ex(0x10, 0x1005, "PN", "A^B^C^D^E^F=G=H=I") + G + px(P16),
)
case(
    "b29_at_sv_uv_ov_vrs",
    "conform",
    "PS3.5 6.2",
    "ok",
    meta(EVLE)
    + H
    + ex(0x28, 9, "AT", us(0x18, 0x1063))
    + ex(0x11, 0x10, "LO", "TEST")
    + ex(0x11, 0x1001, "SV", struct.pack("<q", -1))
    + ex(0x11, 0x1002, "UV", struct.pack("<Q", 2**64 - 1))
    + ex(0x11, 0x1003, "OV", bytes(16))
    + ex(0x11, 0x1004, "UC", "x\\y")
    + ex(0x11, 0x1005, "UR", "http://x")
    + ex(0x11, 0x1006, "UT", "t\\u")
    + ex(0x11, 0x1007, "OL", bytes(8))
    + ex(0x11, 0x1008, "OD", bytes(8))
    + ex(0x11, 0x1009, "OF", bytes(8))
    + G
    + px(P16),
)
case(
    "b30_16bit_vr_overflow_un",
    "conform",
    "PS3.5 6.2.2 note (UN for >64k)",
    "ok",
    meta(EVLE) + H + ex(0x20, 0x4000, "UN", b"x" * 70000) + G + px(P16),
)
case(
    "b31_private_no_creator",
    "quirk",
    "PS3.5 7.8.1",
    "tolerate",
    meta(EVLE) + H + ex(0x11, 0x1001, "LO", "x") + G + px(P16),
)
case(
    "b32_private_creator_ivle",
    "conform",
    "PS3.5 7.8.1",
    "ok",
    meta(IVLE)
    + head(I_)
    + im(0x29, 0x10, "SIEMENS CSA HEADER")
    + im(0x29, 0x1010, b"\0" * 64)
    + img(I_)
    + im(0x7FE0, 0x10, P16),
)
case(
    "b33_private_group_odd_low",
    "quirk",
    "PS3.5 7.8.1 (0001,0003..FFFF illegal)",
    "tolerate",
    meta(EVLE) + ex(1, 0x10, "LO", "x") + H + G + px(P16),
)
case(
    "b34_ivle_us_or_ss",
    "conform",
    "PS3.5 A.1 / 3.3",
    "ok",
    meta(IVLE)
    + head(I_)
    + img(I_, pr=1, extra=im(0x28, 0x106, us(0xFFFE), vr="US") + im(0x28, 0x107, us(5), vr="US"))
    + im(0x7FE0, 0x10, P16),
)
case(
    "b35_ivle_us_or_ss_no_pr",
    "quirk",
    "PS3.5 A.1",
    "tolerate",
    meta(IVLE) + head(I_) + img(I_, skip=("pr",), extra=im(0x28, 0x106, us(0xFFFE), vr="US")) + im(0x7FE0, 0x10, P16),
)
case("b36_explicit_as_ambiguous_text", "quirk", "PS3.5", "tolerate", meta(EVLE) + H + G + px(P16, "OW"))
case(
    "b37_zero_length_everything",
    "conform",
    "PS3.5 7.1",
    "ok",
    meta(EVLE)
    + H
    + b"".join(ex(0x10, e, v, b"") for e, v in ((0x30, "DA"), (0x40, "CS"), (0x1010, "AS"), (0x1030, "DS")))
    + ex(0x28, 0x301, "US", b"")
    + G
    + ex(0x7FE0, 0x10, "OW", b""),
)
case("b38_un_pixel_data", "quirk", "PS3.5 6.2.2", "tolerate", meta(EVLE) + H + G + px(P16, "UN"))
case(
    "b39_retired_repeating_overlay",
    "conform",
    "PS3.3 C.9.2 / PS3.5 7.6",
    "ok",
    meta(EVLE)
    + H
    + G
    + ex(0x6000, 0x10, "US", us(4))
    + ex(0x6000, 0x11, "US", us(4))
    + ex(0x6000, 0x40, "CS", "G")
    + ex(0x6000, 0x50, "SS", us(1, 1))
    + ex(0x6000, 0x100, "US", us(1))
    + ex(0x6000, 0x102, "US", us(0))
    + ex(0x6000, 0x3000, "OW", b"\xa5\x5a")
    + px(P16),
)
