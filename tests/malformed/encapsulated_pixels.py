"""PS3.5 annexes A.4 and G: fragments, offset tables, code streams, bombs."""

import struct
import zlib

from elements import (
    DEFL,
    DFRM,
    E_,
    ENCU,
    EVLE,
    J2K,
    JPG,
    P16,
    RLE,
    SQEND,
    G,
    H,
    U,
    case,
    enc,
    ex,
    img,
    item,
    meta,
    px,
    rle_frame,
    tag,
)

# encapsulated
r16 = rle_frame(b"\xf1\x07")
case("e01_rle_ok", "conform", "PS3.5 G", "ok", meta(RLE) + H + G + enc([item(r16)]))
case(
    "e02_rle_zero_segments", "invalid", "PS3.5 G.5", "error", meta(RLE) + H + G + enc([item(rle_frame(b"\xf1\x07", 0))])
)
case(
    "e03_rle_bad_offset",
    "hostile",
    "PS3.5 G.5 (DCMTK 45469f3)",
    "error",
    meta(RLE) + H + G + enc([item(rle_frame(b"\xf1\x07", 1, [0xFFFFFF00]))]),
)
case("e04_rle_overrun", "hostile", "PS3.5 G.3", "error", meta(RLE) + H + G + enc([item(rle_frame(b"\x81\x07" * 64))]))
case("e05_rle_short", "invalid", "PS3.5 G.3", "error/partial", meta(RLE) + H + G + enc([item(rle_frame(b"\xfd\x07"))]))
case(
    "e06_rle_literal_past_end",
    "hostile",
    "PS3.5 G.3",
    "error",
    meta(RLE) + H + G + enc([item(rle_frame(b"\x7f\x01\x02\x03"))]),
)
case(
    "e07_rle_header_only_10b",
    "hostile",
    "PS3.5 G.5",
    "error",
    meta(RLE) + H + G + enc([item(b"\x01\0\0\0\x40\0\0\0\0\0")]),
)
case(
    "e08_rle_huge_dims",
    "hostile",
    "bomb",
    "error/limit",
    meta(RLE)
    + H
    + img(E_, 65535, 65535, 16, spp=3, photo="RGB", planar=0)
    + enc([item(rle_frame(b"\x81\x07" * 50, 6, [64, 64, 64, 64, 64, 64]))]),
)
case("e09_no_seq_delim", "quirk", "PS3.5 A.4", "tolerate", meta(RLE) + H + G + enc([item(r16)], end=False))
case(
    "e10_bot_bad_offsets",
    "quirk",
    "PS3.5 A.4",
    "tolerate",
    meta(RLE) + H + img(E_, frames=2) + enc([item(r16), item(r16)], bot=struct.pack("<2I", 0, 99999)),
)
case(
    "e11_bot_not_multiple_4",
    "invalid",
    "PS3.5 A.4",
    "tolerate/err",
    meta(RLE) + H + img(E_, frames=2) + enc([item(r16), item(r16)], bot=b"\0\0\0\0\x01\x02"),
)
case(
    "e12_bot_decreasing",
    "invalid",
    "PS3.5 A.4",
    "tolerate/err",
    meta(RLE) + H + img(E_, frames=2) + enc([item(r16), item(r16)], bot=struct.pack("<2I", 74, 0)),
)
case(
    "e13_no_bot_item",
    "invalid",
    "PS3.5 A.4",
    "tolerate/err",
    meta(RLE) + H + G + struct.pack("<HH", 0x7FE0, 0x10) + b"OB\0\0" + struct.pack("<I", U) + SQEND,
)
case("e14_bot_only", "invalid", "PS3.5 A.4", "error at pixels", meta(RLE) + H + G + enc([]))
case(
    "e15_fragments_2_for_1_frame_rle",
    "quirk",
    "PS3.5 A.4.2 (1 frag/frame)",
    "tolerate",
    meta(RLE) + H + G + enc([item(r16[:40]), item(r16[40:])]),
)
case(
    "e16_frames_lt_fragments",
    "invalid",
    "PS3.5 A.4",
    "error/guess",
    meta(RLE) + H + img(E_, frames=2) + enc([item(r16)] * 3),
)
case(
    "e17_eot_ok",
    "conform",
    "PS3.3 C.7.6.3 / PS3.5 A.4",
    "ok",
    meta(RLE)
    + H
    + img(E_, frames=2)
    + ex(0x7FE0, 1, "OV", struct.pack("<2Q", 0, len(item(r16))))
    + ex(0x7FE0, 2, "OV", struct.pack("<2Q", len(r16), len(r16)))
    + enc([item(r16), item(r16)]),
)
case(
    "e18_eot_bad",
    "hostile",
    "PS3.3 C.7.6.3",
    "error/fallback",
    meta(RLE)
    + H
    + img(E_, frames=2)
    + ex(0x7FE0, 1, "OV", struct.pack("<2Q", 0, 2**63))
    + ex(0x7FE0, 2, "OV", struct.pack("<2Q", 2**64 - 1, 9))
    + enc([item(r16), item(r16)]),
)
case(
    "e19_odd_fragment",
    "quirk",
    "PS3.5 A.4 (even)",
    "tolerate",
    meta(RLE)
    + H
    + G
    + struct.pack("<HH", 0x7FE0, 0x10)
    + b"OB\0\0"
    + struct.pack("<I", U)
    + item(b"")
    + tag(0xFFFE, 0xE000, 67)
    + rle_frame(b"\xf1\x07\0")
    + SQEND,
)
case(
    "e20_fragment_len_past_eof",
    "invalid",
    "PS3.5 A.4",
    "error",
    meta(RLE)
    + H
    + G
    + struct.pack("<HH", 0x7FE0, 0x10)
    + b"OB\0\0"
    + struct.pack("<I", U)
    + item(b"")
    + tag(0xFFFE, 0xE000, 0x7FFFFFFF)
    + r16,
)
case(
    "e21_fragment_len_undefined",
    "invalid",
    "PS3.5 A.4",
    "error",
    meta(RLE)
    + H
    + G
    + struct.pack("<HH", 0x7FE0, 0x10)
    + b"OB\0\0"
    + struct.pack("<I", U)
    + item(b"")
    + tag(0xFFFE, 0xE000, U)
    + r16
    + SQEND,
)
case(
    "e22_garbage_between_fragments",
    "invalid",
    "PS3.5 A.4",
    "error/tolerate",
    meta(RLE) + H + G + enc([item(r16), b"\x01\x02\x03\x04\x05\x06\x07\x08"]),
)
case(
    "e23_encaps_defined_length",
    "invalid",
    "PS3.5 A.4 (undefined)",
    "error/tolerate",
    meta(RLE) + H + G + enc([item(r16)], ln=8 + len(item(r16)) + 8),
)
case("e24_encaps_ow", "quirk", "PS3.5 A.4 (OB)", "tolerate", meta(RLE) + H + G + enc([item(r16)], vr="OW"))
case("e25_native_ts_undefined_len", "invalid", "PS3.5 8.2", "tolerate/err", meta(EVLE) + H + G + enc([item(P16)]))
case("e26_encaps_ts_native_data", "invalid", "PS3.5 8.2", "error/tolerate", meta(JPG) + H + G + px(P16))
case(
    "e27_jpeg_garbage",
    "invalid",
    "PS3.5 8.2.1",
    "error",
    meta(JPG) + H + G + enc([item(b"\xff\xd8\xff\xe0garbage!!\xff\xd9")]),
)
case("e28_jpeg_empty_fragment", "invalid", "PS3.5 A.4", "error", meta(JPG) + H + G + enc([item(b"")]))
sof = (
    b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\xff\xd9"
)
case(
    "e29_jpeg_sof_65535",
    "hostile",
    "bomb: SOF != Rows/Columns",
    "error/limit",
    meta(JPG) + H + G + enc([item(sof + b"\0")]),
)
case(
    "e30_j2k_soc_huge",
    "hostile",
    "bomb: SIZ 2^32-1",
    "error/limit",
    meta(J2K)
    + H
    + G
    + enc(
        [
            item(
                b"\xff\x4f\xff\x51\x00\x29\x00\x00"
                + struct.pack(">IIIIIIII", 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0)
                + struct.pack(">H", 1)
                + b"\x07\x01\x01"
                + b"\xff\xd9"
            )
        ]
    ),
)
case("e31_encaps_uncompressed", "conform", "PS3.5 A.4.9", "ok", meta(ENCU) + H + G + enc([item(P16)]))
co = zlib.compressobj(9, zlib.DEFLATED, -15)
zf = co.compress(P16) + co.flush()
zf += b"\0" * (len(zf) % 2)
case("e32_deflated_frame", "conform", "PS3.5 A.4 (Sup 244)", "ok", meta(DFRM) + H + G + enc([item(zf)]))
co = zlib.compressobj(9, zlib.DEFLATED, -15)
bomb = co.compress(b"\0" * (64 << 20)) + co.flush()
bomb += b"\0" * (len(bomb) % 2)
case("e33_deflated_frame_bomb_64M", "hostile", "bomb", "limit", meta(DFRM) + H + G + enc([item(bomb)]))
co = zlib.compressobj(9, zlib.DEFLATED, -15)
zb = (
    b"".join(
        co.compress(x)
        for x in [H + G + struct.pack("<HH", 0x7FE0, 0x10) + b"OB\0\0" + struct.pack("<I", 1 << 30)]
        + [b"\0" * (1 << 20)] * 1024
    )
    + co.flush()
)
case("e34_deflate_dataset_bomb_1G", "hostile", "bomb", "limit", meta(DEFL) + zb, "1 GiB inflated from ~1 MiB")
