#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! Streams of libjxl (`golden.txt`: name, rows, columns, components, bits, then hex) of one image, see [`Golden::expected`].

use super::JpegXl;
use crate::decoder::{DecodeOptions, Decoder, StreamColor};
use crate::layout::{FrameLayout, PlanarConfiguration, SampleFormat};
use crate::{PhotometricInterpretation, PixelErrorKind};

struct Golden {
    name: &'static str,
    layout: FrameLayout,
    code_stream: Vec<u8>,
}

fn golden() -> Vec<Golden> {
    let parts = include_str!("golden.txt").split("\n\n");
    parts.map(Golden::parse).collect()
}

fn named(name: &str) -> Golden {
    golden().into_iter().find(|g| g.name == name).unwrap()
}

fn layout(rows: u32, columns: u32, samples_per_pixel: u16, bits_stored: u16) -> FrameLayout {
    FrameLayout {
        rows,
        columns,
        samples_per_pixel,
        bits_allocated: bits_stored.next_multiple_of(8),
        bits_stored,
        high_bit: bits_stored - 1,
        sample_format: SampleFormat::Unsigned,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: if samples_per_pixel == 1 {
            PhotometricInterpretation::Monochrome2
        } else {
            PhotometricInterpretation::Rgb
        },
    }
}

impl Golden {
    fn parse(text: &'static str) -> Golden {
        let mut lines = text.lines();
        let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let number = |n: usize| words[n].parse::<u32>().unwrap();
        let hex: Vec<u8> = lines.flat_map(str::bytes).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
        Golden {
            name: words[0],
            layout: layout(number(1), number(2), number(3) as u16, number(4) as u16),
            code_stream: hex
                .chunks(2)
                .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
                .collect(),
        }
    }

    /// (5 x + 3 y + 40 component) of the bits there are, in cells of so many bytes.
    fn expected(&self, cell: usize) -> Vec<u8> {
        let layout = &self.layout;
        let mut bytes = Vec::new();
        for y in 0..layout.rows {
            for x in 0..layout.columns {
                for component in 0..u32::from(layout.samples_per_pixel) {
                    let sample = (5 * x + 3 * y + 40 * component) & ((1 << layout.bits_stored) - 1);
                    bytes.extend(&u64::from(sample).to_le_bytes()[..cell]);
                }
            }
        }
        bytes
    }

    fn decode(&self, code_stream: &[u8], out: &mut [u8]) -> crate::Result<crate::Decoded> {
        JpegXl.decode(code_stream, &self.layout, &DecodeOptions::default(), out)
    }

    fn out(&self) -> Vec<u8> {
        vec![0xA5; self.layout.decoded_frame_bytes().unwrap() as usize]
    }
}

#[cfg(target_endian = "little")]
#[test]
fn lossless_is_exact() {
    let names = [
        "grey_8", "grey_12", "grey_16", "rgb_8", "rgb_16", "boxes_16",
    ];
    for case in names.map(named) {
        let mut out = case.out();
        let done = case.decode(&case.code_stream, &mut out).unwrap();
        assert_eq!(done.incomplete, None, "{}", case.name);
        let cell = usize::from(case.layout.bits_allocated / 8);
        assert!(out == case.expected(cell), "{}", case.name);
    }
}

#[cfg(target_endian = "little")]
#[test]
fn wider_cells_and_odd_addresses() {
    let mut case = named("grey_12");
    for (bits_allocated, cell) in [(16, 2), (32, 4), (64, 8)] {
        case.layout.bits_allocated = bits_allocated;
        let length = case.out().len();
        for first in 0..2 {
            let mut memory = vec![0; length + 1];
            let out = &mut memory[first..first + length];
            case.decode(&case.code_stream, out).unwrap();
            assert!(out == case.expected(cell), "{bits_allocated} {first}");
        }
    }
}

#[test]
fn headers_without_decoding() {
    for case in golden() {
        let header = JpegXl.header(&case.code_stream, &case.layout).unwrap();
        let FrameLayout { rows, columns, .. } = case.layout;
        assert_eq!((header.rows, header.columns), (rows, columns));
        assert_eq!(header.components, case.layout.samples_per_pixel);
        assert_eq!(header.precision, case.layout.bits_stored, "{}", case.name);
        let lossy = case.name.starts_with("lossy") || case.name.starts_with("jpeg");
        assert_eq!(header.lossless, !lossy, "{}", case.name);
        let color = match header.components {
            1 => StreamColor::AsDeclared,
            _ => StreamColor::Rgb,
        };
        assert_eq!(header.color, color);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = named("grey_12");
    let mut other = named("grey_12");
    other.layout.rows += 1;
    let kind = |case: &Golden, code_stream: &[u8]| {
        let done = case.decode(code_stream, &mut case.out());
        done.unwrap_err().kind
    };
    assert_eq!(kind(&other, &case.code_stream), PixelErrorKind::Mismatch);
    other.layout = layout(1, 1, 1, 16);
    assert_eq!(
        kind(&other, &named("grey_16").code_stream),
        PixelErrorKind::Mismatch
    );
    other.layout = layout(21, 300, 1, 8);
    assert_eq!(kind(&other, &case.code_stream), PixelErrorKind::Mismatch);
    assert_eq!(kind(&case, b""), PixelErrorKind::Stored);
    assert_eq!(kind(&case, b"\xFF\xD8\xFF\xC3"), PixelErrorKind::Stored);
}

/// Rows said to be real are those of the whole image, and no prefix is taken for a whole.
#[test]
fn every_prefix_says_so() {
    for case in golden() {
        let mut whole = case.out();
        case.decode(&case.code_stream, &mut whole).unwrap();
        let row_bytes = whole.len() / case.layout.rows as usize;
        let step = (case.code_stream.len() / 150).max(1);
        let mut partial = 0;
        for length in (0..case.code_stream.len()).step_by(step) {
            let mut out = case.out();
            let Ok(done) = case.decode(&case.code_stream[..length], &mut out) else {
                continue;
            };
            match done.incomplete {
                Some(found) => {
                    let real = found.rows as usize * row_bytes;
                    assert!(out[..real] == whole[..real], "{} {length}", case.name);
                    partial += 1;
                }
                None => assert!(out == whole, "{} {length}", case.name),
            }
        }
        assert!(case.name != "grey_16" || partial > 0, "rows of a prefix");
    }
}

#[test]
fn mutants_end_with_a_result() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for case in golden() {
        // The large ones are few: without optimisation each takes a tenth of a second.
        let small = case.layout.samples_per_frame().unwrap() < 5000;
        for _ in 0..if small { 300 } else { 20 } {
            let mut code_stream = case.code_stream.clone();
            for _ in 0..=next(3) {
                let at = next(code_stream.len());
                code_stream[at] = next(256) as u8;
            }
            let _ = JpegXl.header(&code_stream, &case.layout);
            let _ = case.decode(&code_stream, &mut case.out());
        }
    }
    let _ = std::panic::take_hook();
}
