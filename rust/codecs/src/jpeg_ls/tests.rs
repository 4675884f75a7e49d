//! The decoder against the encoder of the tests, and on what is broken.
#![allow(clippy::unwrap_used)]

use super::JpegLs;
use super::encoder::Encoder;
use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamColor};
use crate::error::{PixelErrorKind, Result};
use crate::layout::{FrameLayout, PlanarConfiguration, SampleFormat};
use crate::photometric::PhotometricInterpretation;

/// Seeded numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

/// Samples with edges, noise and runs in turn.
fn image(of: &Encoder, seed: u64) -> Vec<u16> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let maxval = match of.preset[0] {
        0 => (1 << of.precision) - 1,
        maxval => usize::from(maxval),
    };
    let (mut samples, mut level, mut noise) = (Vec::new(), vec![0; of.components], 1);
    for _ in 0..of.rows * of.columns {
        if random.below(20) == 0 {
            noise = [1, 1, 2, 4, 16, maxval + 1][random.below(6)].min(maxval + 1);
        }
        if random.below(30) == 0 {
            level.fill_with(|| random.below(maxval + 1));
        }
        samples.extend(
            level
                .iter()
                .map(|level| (level + random.below(noise)).min(maxval) as u16),
        );
    }
    samples
}

fn layout(of: &Encoder) -> FrameLayout {
    let bits_allocated = if of.precision > 8 { 16 } else { 8 };
    FrameLayout {
        rows: of.rows as u32,
        columns: of.columns as u32,
        samples_per_pixel: of.components as u16,
        bits_allocated,
        bits_stored: of.precision as u16,
        high_bit: of.precision as u16 - 1,
        sample_format: SampleFormat::Unsigned,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: PhotometricInterpretation::Monochrome2,
    }
}

fn decode(code_stream: &[u8], of: &Encoder) -> Result<(Decoded, Vec<u16>)> {
    let layout = layout(of);
    let mut out = vec![0xA5; layout.decoded_frame_bytes()? as usize];
    JpegLs.header(code_stream, &layout)?;
    let decoded = JpegLs.decode(code_stream, &layout, &DecodeOptions::default(), &mut out)?;
    let samples = if layout.bits_allocated == 8 {
        out.iter().map(|&byte| u16::from(byte)).collect()
    } else {
        out.chunks_exact(2)
            .map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
            .collect()
    };
    Ok((decoded, samples))
}

fn assert_round_trip(of: &Encoder, seed: u64) {
    let samples = image(of, seed);
    let (code_stream, expected) = of.encode(&samples);
    if of.near == 0 {
        assert_eq!(samples, expected);
    }
    let (decoded, found) = decode(&code_stream, of).unwrap();
    assert_eq!(decoded, Decoded::whole(StreamColor::AsDeclared), "{of:?}");
    assert!(found == expected, "{of:?}, seed {seed}");
}

#[test]
fn every_precision_and_interleave_mode() {
    for precision in 2..=16 {
        for (components, interleave) in [
            (1, 0),
            (3, 0),
            (3, 1),
            (3, 2),
            (2, 1),
            (2, 2),
            (4, 0),
            (4, 1),
            (4, 2),
        ] {
            for near in [0, 1, 3] {
                let mut of = Encoder::new(19, 23, components, precision);
                (of.interleave, of.near) = (interleave, near.min((1 << precision) / 2 - 1));
                assert_round_trip(&of, u64::from(precision));
            }
        }
    }
}

#[test]
fn every_small_size() {
    for rows in 1..6 {
        for columns in 1..6 {
            for (components, interleave) in [(1, 0), (3, 0), (3, 1), (3, 2)] {
                for seed in 0..4 {
                    let mut of = Encoder::new(rows, columns, components, 8);
                    of.interleave = interleave;
                    assert_round_trip(&of, seed);
                }
            }
        }
    }
}

#[test]
fn long_lines_have_long_runs() {
    let of = Encoder::new(3, 65_535, 1, 12);
    let (code_stream, _) = of.encode(&vec![7; 3 * 65_535]);
    let (_, found) = decode(&code_stream, &of).unwrap();
    assert!(found == vec![7; 3 * 65_535]);
    assert_round_trip(&Encoder::new(3, 4097, 3, 16), 1);
}

#[test]
fn preset_parameters_and_restart_intervals() {
    for seed in 0..40 {
        let mut random = Random(seed + 1);
        let mut of = Encoder::new(
            40,
            17,
            1 + 2 * random.below(2),
            8 + 4 * random.below(3) as u32,
        );
        of.interleave = if of.components == 1 {
            0
        } else {
            random.below(3) as u8
        };
        of.near = random.below(4) as i32;
        of.restart = random.below(9);
        of.preset = [
            [0, 200, 255, (1 << of.precision) - 1][random.below(4)] as u16,
            9,
            [9, 20][random.below(2)],
            30,
            [3, 31, 64, 255][random.below(4)],
        ];
        assert_round_trip(&of, seed);
    }
}

/// T.87 H.3: an image of 4 × 4 samples, and its code.
#[test]
fn the_example_of_annex_h() {
    let samples = [
        0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145,
    ];
    let code = [
        0xC0, 0x00, 0x00, 0x6C, 0x80, 0x20, 0x8E, 0x01, 0xC0, 0x00, 0x00, 0x57, 0x40, 0x00, 0x00,
        0x6E, 0xE6, 0x00, 0x00, 0x01, 0xBC, 0x18, 0x00, 0x00, 0x05, 0xD8, 0x00, 0x00, 0x91, 0x60,
    ];
    let of = Encoder::new(4, 4, 1, 8);
    let (code_stream, _) = of.encode(&samples);
    assert_eq!(
        code_stream[code_stream.len() - 2 - code.len()..code_stream.len() - 2],
        code
    );
    assert_eq!(decode(&code_stream, &of).unwrap().1, samples);
}

/// The stream with other bytes instead of the first `from` in it.
fn replaced(code_stream: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = code_stream
        .windows(from.len())
        .position(|found| found == from)
        .unwrap();
    [&code_stream[..at], to, &code_stream[at + from.len()..]].concat()
}

#[test]
fn padding_junk_and_no_end() {
    let of = Encoder::new(9, 11, 3, 8);
    let samples = image(&of, 5);
    for interleave in 0..3 {
        let of = Encoder { interleave, ..of };
        let (code_stream, _) = of.encode(&samples);
        let end = code_stream.len() - 2;
        let padded = [
            &code_stream[..end],
            &[0; 3],
            &[0xFF, 0xD9, 1, 2, 0xFF, 0xDA],
        ]
        .concat();
        let junk = [&[0, 1], &code_stream[..end]].concat();
        for stream in [padded, junk] {
            assert_eq!(decode(&stream, &of).unwrap().1, samples);
        }
    }
    let of = Encoder {
        interleave: 0,
        ..of
    };
    let (code_stream, _) = of.encode(&samples);
    let padded = replaced(
        &code_stream,
        &[0xFF, 0xDA, 0, 8, 1, 2],
        &[0, 0, 0xFF, 0xDA, 0, 8, 1, 2],
    );
    assert_eq!(decode(&padded, &of).unwrap().1, samples);
}

#[test]
fn sizes_may_be_elsewhere() {
    let of = Encoder::new(9, 11, 1, 8);
    let samples = image(&of, 5);
    let (code_stream, _) = of.encode(&samples);
    let sof = [0xFF, 0xF7, 0, 11, 8, 0, 9, 0, 11, 1, 1, 0x11, 0];
    let none = [0xFF, 0xF7, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0];
    for width in 1..=4usize {
        let lse = [
            &[0xFF, 0xF8, 0, 4 + 2 * width as u8, 4, width as u8],
            &[0, 0, 0, 9][4 - width..],
            &[0, 0, 0, 11][4 - width..],
        ]
        .concat();
        let stream = replaced(&code_stream, &sof, &[&none[..], &lse].concat());
        assert_eq!(decode(&stream, &of).unwrap().1, samples);
    }
    let mut stream = replaced(&code_stream, &sof[..7], &none[..7]);
    assert_eq!(
        decode(&stream, &of).unwrap_err().kind,
        PixelErrorKind::Mismatch
    );
    let end = stream.len() - 2;
    stream.splice(end..end, [0xFF, 0xDC, 0, 4, 0, 9]);
    assert_eq!(decode(&stream, &of).unwrap().1, samples);
}

#[test]
fn restart_intervals_of_three_and_four_bytes() {
    let of = Encoder {
        restart: 2,
        ..Encoder::new(9, 11, 1, 8)
    };
    let samples = image(&of, 5);
    let (code_stream, _) = of.encode(&samples);
    for dri in [
        &[0xFF, 0xDD, 0, 5, 0, 0, 2][..],
        &[0xFF, 0xDD, 0, 6, 0, 0, 0, 2],
    ] {
        let stream = replaced(&code_stream, &[0xFF, 0xDD, 0, 4, 0, 2], dri);
        assert_eq!(decode(&stream, &of).unwrap().1, samples);
    }
    let stream = replaced(&code_stream, &[0xFF, 0xD2], &[0xFF, 0xD3]);
    let (decoded, found) = decode(&stream, &of).unwrap();
    assert_eq!(decoded.incomplete.unwrap().rows, 6);
    assert_eq!(found[..66], samples[..66]);
}

/// HP's transforms, by the formulas of their inverse.
#[test]
fn colour_transforms_are_undone() {
    let of = Encoder::new(8, 8, 3, 8);
    let rgb = image(&of, 9);
    for transform in 1..=3u8 {
        let coded: Vec<u16> = rgb
            .as_chunks::<3>()
            .0
            .iter()
            .flat_map(|pixel| {
                let [r, g, b] = pixel.map(i32::from);
                let v = match transform {
                    1 => [r - g + 128, g, b - g + 128],
                    2 => [r - g + 128, g, b - ((r + g) >> 1) + 128],
                    _ => {
                        let (v2, v3) = ((b - g + 128) & 255, (r - g + 128) & 255);
                        [g + ((v2 + v3) >> 2) - 64, v2, v3]
                    }
                };
                v.map(|value| (value & 255) as u16)
            })
            .collect();
        for interleave in [1, 2] {
            let of = Encoder { interleave, ..of };
            let (code_stream, _) = of.encode(&coded);
            let app8 = [
                0xFF, 0xD8, 0xFF, 0xE8, 0, 7, b'm', b'r', b'f', b'x', transform,
            ];
            let (decoded, found) =
                decode(&replaced(&code_stream, &[0xFF, 0xD8], &app8), &of).unwrap();
            assert_eq!((decoded.color, found), (StreamColor::Rgb, rgb.clone()));
        }
    }
}

#[test]
fn what_is_not_done_is_said() {
    let of = Encoder::new(4, 4, 1, 8);
    let (code_stream, _) = of.encode(&image(&of, 1));
    let kind = |stream: &[u8]| decode(stream, &of).unwrap_err().kind;
    let sos = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0];
    let table = replaced(&code_stream, &sos, &[0xFF, 0xDA, 0, 8, 1, 1, 1, 0, 0, 0]);
    assert_eq!(kind(&table), PixelErrorKind::Unsupported);
    let point = replaced(&code_stream, &sos, &[0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 2]);
    assert_eq!(kind(&point), PixelErrorKind::Unsupported);
    let jpeg = replaced(&code_stream, &[0xFF, 0xF7], &[0xFF, 0xC3]);
    assert_eq!(kind(&jpeg), PixelErrorKind::Mismatch);
    let other = Encoder::new(4, 5, 1, 8);
    assert_eq!(
        decode(&code_stream, &other).unwrap_err().kind,
        PixelErrorKind::Mismatch
    );
    let wide = replaced(&code_stream, &[0, 11, 8], &[0, 11, 9]);
    assert_eq!(kind(&wide), PixelErrorKind::Mismatch);
}

#[test]
fn every_prefix_gives_its_rows() {
    for interleave in 0..3 {
        let of = Encoder {
            interleave,
            ..Encoder::new(12, 14, 3, 8)
        };
        let samples = image(&of, 3);
        let (code_stream, _) = of.encode(&samples);
        let mut least = 0;
        for end in 0..code_stream.len() - 3 {
            let Ok((decoded, found)) = decode(&code_stream[..end], &of) else {
                assert_eq!(least, 0, "rows that a shorter prefix had");
                continue;
            };
            // The last bits may be padding.
            let rows = decoded
                .incomplete
                .map_or(12, |incomplete| incomplete.rows as usize);
            assert!(rows >= least && (rows < 12 || end + 8 > code_stream.len()));
            let real = rows * 14 * 3;
            assert!(found[..real] == samples[..real], "{end} bytes, {rows} rows");
            assert!(found[real..].iter().all(|&sample| sample == 0));
            least = rows;
        }
        assert!(least > 8);
    }
}

#[test]
fn mutants_end() {
    let mut random = Random(77);
    let mut whole = 0;
    for n in 0..4000 {
        let mut of = Encoder::new(8, 9, [1, 3, 4][n % 3], [8, 12, 16, 5][n % 4]);
        of.interleave = if of.components == 1 {
            0
        } else {
            (n / 5 % 3) as u8
        };
        of.near = (n / 7 % 3) as i32;
        of.restart = n / 11 % 4;
        let (mut code_stream, _) = of.encode(&image(&of, n as u64 % 50));
        for _ in 0..1 + random.below(4) {
            let at = random.below(code_stream.len());
            match random.below(4) {
                0 => code_stream[at] = random.below(256) as u8,
                1 => code_stream[at] ^= 1 << random.below(8),
                2 => code_stream.insert(at, [0, 0xFF][random.below(2)]),
                _ => {
                    code_stream.remove(at);
                }
            }
        }
        if let Ok((decoded, samples)) = decode(&code_stream, &of) {
            let maxval = ((1u32 << of.precision) - 1) as u16;
            assert!(of.precision < 8 || samples.iter().all(|&sample| sample <= maxval.max(255)));
            whole += usize::from(decoded.incomplete.is_none());
        }
    }
    assert!(whole > 0);
}
