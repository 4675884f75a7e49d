//! Native frames against pydicom (`golden/native.txt`, written by `tests/golden/make_native.py`), and, where pydicom decodes
//! nothing (12 and 24 Bits Allocated), against cells worked out by hand from PS3.5 §8.1.1.
#![allow(clippy::unwrap_used, clippy::panic)]

use rapidicom_codecs::color::ybr_full_to_rgb;
use rapidicom_codecs::{
    FrameLayout, Native, PhotometricInterpretation, PixelErrorKind, PlanarConfiguration,
    SampleFormat,
};
use std::collections::HashMap;

const GOLDEN: &str = include_str!("golden/native.txt");

fn hex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn digit(character: u8) -> u8 {
    (character as char).to_digit(16).unwrap() as u8
}

struct Case {
    native: Native,
    layout: FrameLayout,
    frames: u64,
    value: Vec<u8>,
    samples: Vec<u8>,
}

impl Case {
    fn from_line(line: &str) -> Case {
        let fields: HashMap<&str, &str> = line
            .split(' ')
            .skip(1)
            .filter_map(|field| field.split_once('='))
            .collect();
        let number = |name: &str| fields[name].parse::<u32>().unwrap();
        let short = |name: &str| u16::try_from(number(name)).unwrap();
        let sample_format = match (number("float"), number("pixel_representation")) {
            (1, _) => SampleFormat::Float,
            (_, 0) => SampleFormat::Unsigned,
            _ => SampleFormat::Signed,
        };
        let planar_configuration = match number("planar_configuration") {
            0 => PlanarConfiguration::ByPixel,
            _ => PlanarConfiguration::ByPlane,
        };
        let layout = FrameLayout {
            rows: number("rows"),
            columns: number("columns"),
            samples_per_pixel: short("samples_per_pixel"),
            bits_allocated: short("bits_allocated"),
            bits_stored: short("bits_stored"),
            high_bit: short("high_bit"),
            sample_format,
            planar_configuration,
            photometric_interpretation: PhotometricInterpretation::from_term(
                fields["photometric_interpretation"],
            ),
        };
        let native = Native {
            little_endian: number("little") == 1,
            ow: number("ow") == 1,
            raw: number("raw") == 1,
        };
        let frames = u64::from(number("number_of_frames"));
        Case {
            native,
            layout,
            frames,
            value: hex(fields["in"]),
            samples: hex(fields["out"]),
        }
    }

    /// All frames one after the other, each from its own range of the value.
    fn decode(&self) -> Vec<u8> {
        let size = self.layout.decoded_frame_bytes().unwrap() as usize;
        let mut out = vec![0xaa; size * self.frames as usize];
        for (index, frame) in out.chunks_mut(size).enumerate() {
            let range = self
                .native
                .frame_range(&self.layout, index as u64, self.frames)
                .unwrap();
            let stored = &self.value[range.bytes.start as usize..range.bytes.end as usize];
            self.native
                .decode(stored, range.first_bit, &self.layout, frame)
                .unwrap();
            assert!(
                !self.native.is_identity(&self.layout) || stored == frame,
                "an identity that moves bytes"
            );
            let same = stored == frame && self.layout.bits_allocated != 1;
            assert_eq!(self.native.is_identity_for(&self.layout, stored), same);
        }
        out
    }
}

#[test]
fn every_sample_is_pydicoms() {
    let mut cases = 0;
    for line in GOLDEN.lines().filter(|line| line.contains(" in=")) {
        let case = Case::from_line(line);
        let little_endian_samples = case.decode();
        assert!(little_endian_samples == case.samples, "{line}");
        cases += 1;
    }
    assert!(cases > 400, "{cases} cases");
    println!("{cases} values of Pixel Data decode to pydicom's samples");
}

#[test]
fn every_ybr_triple_is_pydicoms() {
    let expected: u64 = GOLDEN
        .lines()
        .find_map(|line| line.strip_prefix("ybr-checksum "))
        .unwrap()
        .parse()
        .unwrap();
    let (mut sum, mut index, mut plane) = (0u64, 0u64, Vec::new());
    for y in 0..=255u8 {
        plane.clear();
        plane.extend((0..=255u8).flat_map(|cb| (0..=255u8).flat_map(move |cr| [y, cb, cr])));
        ybr_full_to_rgb(&mut plane);
        for value in &plane {
            sum = sum.wrapping_add(
                u64::from(*value).wrapping_mul(index.wrapping_mul(2_654_435_761).wrapping_add(1)),
            );
            index += 1;
        }
    }
    assert_eq!(sum, expected);
}

fn grey(
    rows: u32,
    columns: u32,
    bits_allocated: u16,
    bits_stored: u16,
    sample_format: SampleFormat,
) -> FrameLayout {
    FrameLayout {
        rows,
        columns,
        samples_per_pixel: 1,
        bits_allocated,
        bits_stored,
        high_bit: bits_stored - 1,
        sample_format,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: PhotometricInterpretation::Monochrome2,
    }
}

const LITTLE: Native = Native {
    little_endian: true,
    ow: true,
    raw: false,
};
const BIG: Native = Native {
    little_endian: false,
    ow: true,
    raw: false,
};

fn decode(native: Native, layout: &FrameLayout, value: &[u8], index: u64, frames: u64) -> Vec<u8> {
    let range = native.frame_range(layout, index, frames).unwrap();
    let stored = &value[range.bytes.start as usize..range.bytes.end as usize];
    let mut out = vec![0xaa; layout.decoded_frame_bytes().unwrap() as usize];
    native
        .decode(stored, range.first_bit, layout, &mut out)
        .unwrap();
    out
}

fn of<const N: usize>(cells: &[[u8; N]]) -> Vec<u8> {
    cells.concat()
}

#[test]
fn twelve_bits_allocated_two_samples_in_three_bytes() {
    // Samples 123, 456, 789 | ABC, DEF, 012 (hexadecimal): two frames of three, the second from half a byte on.
    let value = [0x23, 0x61, 0x45, 0x89, 0xc7, 0xab, 0xef, 0x2d, 0x01, 0x00];
    let layout = grey(1, 3, 12, 12, SampleFormat::Unsigned);
    let first = of(&[0x123u16, 0x456, 0x789].map(u16::to_ne_bytes));
    let second = of(&[0xabcu16, 0xdef, 0x012].map(u16::to_ne_bytes));
    assert_eq!(decode(LITTLE, &layout, &value, 0, 2), first);
    assert_eq!(decode(LITTLE, &layout, &value, 1, 2), second);
    let words: Vec<u8> = value
        .as_chunks::<2>()
        .0
        .iter()
        .flat_map(|&[a, b]| [b, a])
        .collect();
    assert_eq!(decode(BIG, &layout, &words, 0, 2), first);
    assert_eq!(decode(BIG, &layout, &words, 1, 2), second);
    let signed = FrameLayout {
        sample_format: SampleFormat::Signed,
        ..layout
    };
    assert_eq!(
        decode(LITTLE, &signed, &value, 1, 2),
        of(&[-0x544i16, -0x211, 0x012].map(i16::to_ne_bytes))
    );
}

#[test]
fn twenty_four_bits_allocated_in_four_bytes() {
    let value = [0x56, 0x34, 0x12, 0xff, 0xff, 0xff];
    let layout = grey(1, 2, 24, 24, SampleFormat::Unsigned);
    assert_eq!(
        decode(LITTLE, &layout, &value, 0, 1),
        of(&[0x12_34_56u32, 0xff_ff_ff].map(u32::to_ne_bytes))
    );
    assert_eq!(
        decode(BIG, &layout, &value, 0, 1),
        of(&[0x56_34_12u32, 0xff_ff_ff].map(u32::to_ne_bytes))
    );
    let signed = FrameLayout {
        sample_format: SampleFormat::Signed,
        bits_stored: 21,
        ..layout
    };
    assert_eq!(
        decode(LITTLE, &signed, &value, 0, 1),
        of(&[0x12_34_56i32 - 0x20_00_00, -1].map(i32::to_ne_bytes))
    );
}

#[test]
fn what_cannot_be_decoded_is_said() {
    let layout = grey(4, 4, 16, 16, SampleFormat::Unsigned);
    let mut out = [0; 32];
    let short = LITTLE.decode(&[0; 31], 0, &layout, &mut out).unwrap_err();
    assert_eq!(
        (short.kind, short.offset),
        (PixelErrorKind::Stored, Some(31))
    );
    assert_eq!(short.detail, "the frame has 31 stored bytes, expected 32");
    let narrow = LITTLE
        .decode(&[0; 32], 0, &layout, &mut out[..30])
        .unwrap_err();
    assert_eq!(narrow.kind, PixelErrorKind::Argument);
    assert_eq!(narrow.detail, "out has 30 bytes, the frame decodes to 32");
    let deep = FrameLayout {
        samples_per_pixel: 3,
        photometric_interpretation: PhotometricInterpretation::YbrFull,
        ..layout
    };
    let unsupported = LITTLE.decode(&[0; 96], 0, &deep, &mut [0; 96]).unwrap_err();
    assert_eq!(unsupported.kind, PixelErrorKind::Unsupported);
    Native {
        raw: true,
        ..LITTLE
    }
    .decode(&[0; 96], 0, &deep, &mut [0; 96])
    .unwrap();
}

#[test]
fn no_layout_and_no_length_panics() {
    let formats = [
        SampleFormat::Unsigned,
        SampleFormat::Signed,
        SampleFormat::Float,
    ];
    let kinds = ["MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422"]
        .map(PhotometricInterpretation::from_term);
    let value: Vec<u8> = (0..200).collect();
    let mut decoded = 0;
    for bits_allocated in [0, 1, 7, 8, 12, 16, 24, 32, 64, u16::MAX] {
        for (format, kind) in formats
            .iter()
            .flat_map(|format| kinds.map(|kind| (*format, kind)))
        {
            for (samples, flags) in
                (0..6).flat_map(|samples| (0..16).map(move |flags| (samples, flags)))
            {
                let mut layout = grey(2, 3, bits_allocated, bits_allocated.max(1), format);
                layout.samples_per_pixel = samples;
                layout.photometric_interpretation = kind;
                if flags & 1 == 1 {
                    layout.planar_configuration = PlanarConfiguration::ByPlane;
                }
                let native = Native {
                    little_endian: flags & 2 == 0,
                    ow: flags & 4 == 0,
                    raw: flags & 8 == 0,
                };
                let mut out = vec![0; layout.decoded_frame_bytes().unwrap_or(7).min(1000) as usize];
                for (length, first_bit) in (0..value.len())
                    .step_by(3)
                    .flat_map(|length| [0, 4, 8, 255].map(|bit| (length, bit)))
                {
                    decoded += u32::from(
                        native
                            .decode(&value[..length], first_bit, &layout, &mut out)
                            .is_ok(),
                    );
                }
            }
        }
    }
    assert!(decoded > 1000);
}
