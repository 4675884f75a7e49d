"""PS3.5 section 8.1 and PS3.3 C.7.6.3: Native Pixel Data and its description."""

import struct

from elements import E_, EVLE, P16, G, H, base, case, ex, img, meta, px, us

case("d01_pixel_short", "invalid", "PS3.5 8.1", "error at pixels", meta(EVLE) + H + G + px(P16[:10]))
case("d02_pixel_long_pad", "quirk", "PS3.5 8.1.1", "tolerate", meta(EVLE) + H + G + px(P16 + b"\0" * 6))
case("d03_pixel_truncated_file", "invalid", "PS3.5 8.1", "error/partial", base[:-7])
case(
    "d04_frames_mismatch_more",
    "invalid",
    "PS3.3 C.7.6.6",
    "error at pixels",
    meta(EVLE) + H + img(E_, frames=5) + px(P16),
)
case("d05_frames_zero", "invalid", "PS3.3 C.7.6.6", "tolerate/err", meta(EVLE) + H + img(E_, frames=0) + px(P16))
case("d06_frames_negative", "invalid", "PS3.3 C.7.6.6", "error", meta(EVLE) + H + img(E_, frames=-3) + px(P16))
case("d07_frames_text", "invalid", "PS3.3 C.7.6.6", "error", meta(EVLE) + H + img(E_, frames="abc") + px(P16))
case("d08_frames_2g", "hostile", "-", "error, no alloc", meta(EVLE) + H + img(E_, frames=2147483647) + px(P16))
case(
    "d09_dims_65535_native",
    "hostile",
    "-",
    "error, no alloc",
    meta(EVLE) + H + img(E_, 65535, 65535, 16) + px(P16, "OW"),
)
case(
    "d10_dims_65535_x_2g_frames",
    "hostile",
    "-",
    "error, no overflow",
    meta(EVLE) + H + img(E_, 65535, 65535, 16, spp=3, photo="RGB", planar=0, frames=2147483647) + px(P16, "OW"),
)
case("d11_rows_zero", "invalid", "PS3.3 C.7.6.3", "error", meta(EVLE) + H + img(E_, 0, 4) + px(P16))
case("d12_rows_missing", "invalid", "PS3.3 C.7.6.3", "error", meta(EVLE) + H + img(E_, skip=("rows",)) + px(P16))
case("d13_bits_allocated_0", "invalid", "PS3.5 8.1.1", "error", meta(EVLE) + H + img(E_, ba=0, bs=8) + px(P16))
case(
    "d14_bits_stored_gt_alloc",
    "invalid",
    "PS3.5 8.1.1",
    "error/tolerate",
    meta(EVLE) + H + img(E_, ba=8, bs=12) + px(P16),
)
case(
    "d15_high_bit_wrong",
    "quirk",
    "PS3.5 8.1.1",
    "tolerate",
    meta(EVLE) + H + img(E_, ba=16, bs=12, hb=15) + px(P16 * 2, "OW"),
)
case("d16_bits_alloc_1", "conform", "PS3.5 8.1.1", "ok", meta(EVLE) + H + img(E_, 4, 4, 1) + px(b"\xa5\x5a"))
case(
    "d17_bits_alloc_12_packed",
    "conform(retired)",
    "PS3.5 8.1.1/annex D",
    "ok/unsupported",
    meta(EVLE) + H + img(E_, 4, 4, 12) + px(bytes(24), "OW"),
)
case("d18_bits_alloc_24", "invalid", "PS3.5 8.1.1", "error", meta(EVLE) + H + img(E_, 4, 4, 24) + px(bytes(48), "OW"))
case("d19_bits_alloc_32", "conform", "PS3.5 8.1.1", "ok", meta(EVLE) + H + img(E_, 4, 4, 32) + px(bytes(64), "OW"))
case(
    "d20_bits_alloc_64",
    "conform",
    "PS3.5 8.1.1 (8 multiple)",
    "ok/unsupported",
    meta(EVLE) + H + img(E_, 4, 4, 64) + ex(0x7FE0, 0x10, "OV", bytes(128)),
)
case(
    "d21_float_pixel",
    "conform",
    "PS3.3 C.7.6.24",
    "ok",
    meta(EVLE) + H + img(E_, 4, 4, 32) + ex(0x7FE0, 8, "OF", bytes(64)),
)
case(
    "d22_double_pixel",
    "conform",
    "PS3.3 C.7.6.25",
    "ok",
    meta(EVLE) + H + img(E_, 4, 4, 64) + ex(0x7FE0, 9, "OD", bytes(128)),
)
case(
    "d23_ybr_full_422_native",
    "conform",
    "PS3.3 C.7.6.3.1.2",
    "ok",
    meta(EVLE) + H + img(E_, spp=3, photo="YBR_FULL_422", planar=0) + px(bytes(32)),
)
case(
    "d24_ybr_full_422_native_as_444",
    "quirk",
    "PS3.3 C.7.6.3.1.2",
    "tolerate",
    meta(EVLE) + H + img(E_, spp=3, photo="YBR_FULL_422", planar=0) + px(bytes(48)),
)
case(
    "d25_rgb_planar1",
    "conform",
    "PS3.3 C.7.6.3.1.3",
    "ok",
    meta(EVLE) + H + img(E_, spp=3, photo="RGB", planar=1) + px(bytes(range(48))),
)
case(
    "d26_rgb_no_planar",
    "quirk",
    "PS3.3 C.7.6.3",
    "tolerate/err",
    meta(EVLE) + H + img(E_, spp=3, photo="RGB") + px(bytes(48)),
)
case(
    "d27_spp_4_argb",
    "conform(retired)",
    "PS3.3 C.7.6.3.1.2",
    "unsupported",
    meta(EVLE) + H + img(E_, spp=4, photo="ARGB", planar=0) + px(bytes(64)),
)
case("d28_spp_0", "invalid", "PS3.3 C.7.6.3", "error", meta(EVLE) + H + img(E_, spp=0) + px(P16))
case("d29_photometric_empty", "invalid", "PS3.3 C.7.6.3", "tolerate/err", meta(EVLE) + H + img(E_, photo="") + px(P16))
case(
    "d30_palette_idx_oob",
    "hostile",
    "PS3.3 C.7.6.3.1.5 (CVE-2026-5445)",
    "error/clamp",
    meta(EVLE)
    + H
    + img(
        E_,
        photo="PALETTE COLOR",
        extra=b"".join(ex(0x28, 0x1101 + i, "US", us(4, 0, 16)) for i in range(3))
        + b"".join(ex(0x28, 0x1201 + i, "OW", us(1, 2, 3, 4)) for i in range(3)),
    )
    + px(b"\xff" * 16),
)
case(
    "d31_palette_short_lut",
    "invalid",
    "PS3.3 C.7.6.3.1.5",
    "error",
    meta(EVLE)
    + H
    + img(
        E_,
        photo="PALETTE COLOR",
        extra=b"".join(ex(0x28, 0x1101 + i, "US", us(0, 0, 16)) for i in range(3))
        + b"".join(ex(0x28, 0x1201 + i, "OW", us(1, 2)) for i in range(3)),
    )
    + px(P16),
)
seg = us(0, 2, 10, 20) + us(1, 4, 100) + us(2, 1) + struct.pack("<I", 0)
case(
    "d32_segmented_palette_loop",
    "hostile",
    "PS3.3 C.7.9.2",
    "error, bounded",
    meta(EVLE)
    + H
    + img(
        E_,
        photo="PALETTE COLOR",
        extra=b"".join(ex(0x28, 0x1101 + i, "US", us(256, 0, 16)) for i in range(3))
        + b"".join(ex(0x28, 0x1221 + i, "OW", us(2, 65535) + struct.pack("<I", 0)) for i in range(3)),
    )
    + px(P16),
)
case(
    "d33_overlay_embedded_bits",
    "conform(retired)",
    "PS3.3 C.9.2 (2004 ed.)",
    "ok",
    meta(EVLE)
    + H
    + img(
        E_,
        ba=16,
        bs=12,
        extra=ex(0x6000, 0x10, "US", us(4))
        + ex(0x6000, 0x11, "US", us(4))
        + ex(0x6000, 0x40, "CS", "G")
        + ex(0x6000, 0x50, "SS", us(1, 1))
        + ex(0x6000, 0x100, "US", us(16))
        + ex(0x6000, 0x102, "US", us(12)),
    )
    + px(bytes(32), "OW"),
)
case(
    "d34_overlay_embedded_bitpos_oob",
    "hostile",
    "CVE-2025-52582",
    "error",
    meta(EVLE)
    + H
    + img(
        E_,
        ba=8,
        extra=ex(0x6000, 0x10, "US", us(4000))
        + ex(0x6000, 0x11, "US", us(4000))
        + ex(0x6000, 0x40, "CS", "G")
        + ex(0x6000, 0x50, "SS", us(1, 1))
        + ex(0x6000, 0x100, "US", us(16))
        + ex(0x6000, 0x102, "US", us(15)),
    )
    + px(P16),
)
