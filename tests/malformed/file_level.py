"""PS3.10: preamble, File Meta Information, transfer syntax, trailing bytes."""

import struct
import zlib

from elements import B_, DEFL, EVBE, EVLE, I_, IVLE, P16, G, H, base, case, ex, head, im, img, meta, px, us

case("a01_ok_evle", "conform", "PS3.10 7.1", "ok", base)
case("a02_ok_ivle", "conform", "PS3.5 A.1", "ok", meta(IVLE) + head(I_) + img(I_) + im(0x7FE0, 0x10, P16))
case(
    "a03_ok_evbe", "conform", "PS3.5 A.3", "ok", meta(EVBE) + head(B_) + img(B_) + ex(0x7FE0, 0x10, "OB", P16, be=True)
)
co = zlib.compressobj(9, zlib.DEFLATED, -15)
z = co.compress(H + G + px(P16)) + co.flush()
case("a04_ok_deflated", "conform", "PS3.5 A.5", "ok", meta(DEFL) + z + (b"\0" if len(z) % 2 else b""))
case("a05_deflated_zlib_header", "quirk", "PS3.5 A.5", "tolerate", meta(DEFL) + zlib.compress(H + G + px(P16)))
case("a06_deflated_truncated", "invalid", "PS3.5 A.5", "error/partial", meta(DEFL) + z[: len(z) // 2])
case("a07_no_preamble_dicm_at_0", "quirk", "PS3.10 7.1", "tolerate", base[128:])
case(
    "a08_no_preamble_no_meta_ivle",
    "quirk",
    "PS3.10 7.1 (ACR-NEMA style)",
    "tolerate",
    head(I_) + img(I_) + im(0x7FE0, 0x10, P16),
)
case("a09_no_preamble_no_meta_evle", "quirk", "PS3.10 7.1", "tolerate", H + G + px(P16))
case(
    "a10_no_preamble_no_meta_evbe",
    "quirk",
    "PS3.10 7.1",
    "tolerate",
    head(B_) + img(B_) + ex(0x7FE0, 0x10, "OB", P16, be=True),
)
case("a11_preamble_dicm_no_meta", "quirk", "PS3.10 7.1", "tolerate", b"\0" * 128 + b"DICM" + H + G + px(P16))
case("a12_meta_no_ts", "quirk", "PS3.10 7.1 (0002,0010) type 1", "tolerate", meta(None) + H + G + px(P16))
case("a13_meta_unknown_ts", "quirk", "PS3.10", "tolerate/err on pixels", meta("1.2.3.99.88") + H + G + px(P16))
case("a14_meta_no_group_length", "quirk", "PS3.10 (0002,0000)", "tolerate", meta(EVLE, glen="none") + H + G + px(P16))
case("a15_meta_glen_zero", "quirk", "PS3.10 (0002,0000)", "tolerate", meta(EVLE, glen="zero") + H + G + px(P16))
case("a16_meta_glen_too_big", "quirk", "PS3.10 (0002,0000)", "tolerate", meta(EVLE, glen="big") + H + G + px(P16))
case("a17_meta_glen_too_small", "quirk", "PS3.10 (0002,0000)", "tolerate", meta(EVLE, glen="small") + H + G + px(P16))
case("a18_meta_glen_huge", "invalid", "PS3.10 (0002,0000)", "tolerate", meta(EVLE, glen="huge") + H + G + px(P16))
mi = im(2, 2, "1.2.840.10008.5.1.4.1.1.7", vr="UI") + im(2, 3, "1.2.3.4", vr="UI") + im(2, 0x10, IVLE, vr="UI")
case(
    "a19_meta_implicit_vr",
    "invalid",
    "PS3.10 7.1 (meta always EVLE)",
    "tolerate",
    b"\0" * 128
    + b"DICM"
    + im(2, 0, struct.pack("<I", len(mi)), vr="UL")
    + mi
    + head(I_)
    + img(I_)
    + im(0x7FE0, 0x10, P16),
)
case(
    "a20_declared_evle_is_ivle",
    "quirk",
    "PS3.5 7.1",
    "tolerate",
    meta(EVLE) + head(I_) + img(I_) + im(0x7FE0, 0x10, P16),
)
case("a21_declared_ivle_is_evle", "quirk", "PS3.5 7.1", "tolerate", meta(IVLE) + H + G + px(P16))
case(
    "a22_declared_evle_is_evbe",
    "quirk",
    "PS3.5 7.3",
    "tolerate/error",
    meta(EVLE) + head(B_) + img(B_) + ex(0x7FE0, 0x10, "OB", P16, be=True),
)
case("a23_declared_deflated_not", "quirk", "PS3.5 A.5", "tolerate/error", meta(DEFL) + H + G + px(P16))
case("a24_ts_uid_trailing_space", "quirk", "PS3.5 9.1", "tolerate", meta(EVLE + " ") + H + G + px(P16))
case("a25_empty_file", "invalid", "-", "error", b"")
case("a26_131_bytes", "invalid", "-", "error", b"\0" * 128 + b"DIC")
case("a27_132_bytes_only", "invalid", "-", "error/empty", b"\0" * 128 + b"DICM")
case("a28_meta_only", "quirk", "-", "empty dataset", meta(EVLE))
case("a29_truncated_meta", "invalid", "PS3.10", "error/partial", meta(EVLE)[:170])
case("a30_trailing_zeros", "quirk", "PS3.10 7.2/PS3.5", "tolerate", base + b"\0" * 512)
case(
    "a31_trailing_padding_fffc", "conform", "PS3.10 7.2 (FFFC,FFFC)", "ok", base + ex(0xFFFC, 0xFFFC, "OB", b"\0" * 64)
)
case("a32_trailing_garbage", "quirk", "-", "tolerate", base + b"\xde\xad\xbe\xef\x01")
case(
    "a33_preamble_tiff",
    "conform",
    "PS3.10 7.1",
    "ok",
    meta(EVLE, preamble=b"II*\0" + b"\x08\0\0\0" + b"\0" * 120) + H + G + px(P16),
)
case(
    "a34_preamble_pe",
    "hostile",
    "PS3.10 7.5 (CVE-2019-11687)",
    "ok+flag",
    meta(EVLE, preamble=b"MZ" + b"\x90\0\x03\0" + b"\0" * 54 + b"\x80\0\0\0" + b"\0" * 64) + H + G + px(P16),
)
case(
    "a35_preamble_elf",
    "hostile",
    "PS3.10 7.5",
    "ok+flag",
    meta(EVLE, preamble=b"\x7fELF\x02\x01\x01" + b"\0" * 121) + H + G + px(P16),
)
case("a36_two_concatenated_files", "hostile", "-", "first only/flag", base + base)
case("a37_group2_in_dataset", "quirk", "PS3.10 7.1", "tolerate", meta(EVLE) + H + ex(2, 0x10, "UI", IVLE) + G + px(P16))
case(
    "a38_group0_in_file",
    "quirk",
    "PS3.7 / PS3.10",
    "tolerate",
    meta(EVLE) + ex(0, 0x100, "US", us(1)) + H + G + px(P16),
)
