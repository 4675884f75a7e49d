#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::layout::{PlanarConfiguration, SampleFormat};

/// A frame of blocks that are flat: only DC coefficients are coded, as codes of four bits for their categories.
struct Encoder<'a> {
    rows: u16,
    columns: u16,
    precision: u8,
    /// Identifier and sampling factors.
    components: &'a [(u8, u8, u8)],
    /// Before SOF.
    segments: &'a [u8],
    restart_interval: u16,
}

impl Encoder<'_> {
    /// `flat(component, block's column, block's row)` is the value of a block.
    fn encode(&self, flat: impl Fn(usize, u32, u32) -> i32) -> Vec<u8> {
        let mut out = b"\xFF\xD8".to_vec();
        out.extend(self.segments);
        // A DC coefficient is 8 times the mean.
        out.extend([0xFF, 0xDB, 0, 67, 0]);
        out.extend([8; 64]);
        let process = if self.precision == 8 { 0xC0 } else { 0xC1 };
        let count = self.components.len() as u8;
        out.extend([0xFF, process, 0, 8 + 3 * count, self.precision]);
        out.extend(self.rows.to_be_bytes());
        out.extend(self.columns.to_be_bytes());
        out.push(count);
        for &(id, h, v) in self.components {
            out.extend([id, h << 4 | v, 0]);
        }
        // DC: 13 categories of 4 bits each. AC: end of block is 0.
        out.extend([0xFF, 0xC4, 0, 19 + 13, 0, 0, 0, 0, 13]);
        out.extend([0; 12]);
        out.extend(0..13);
        out.extend([0xFF, 0xC4, 0, 20, 0x10, 1]);
        out.extend([0; 16]);
        out.extend([0xFF, 0xDD, 0, 4]);
        out.extend(self.restart_interval.to_be_bytes());
        out.extend([0xFF, 0xDA, 0, 6 + 2 * count, count]);
        for &(id, ..) in self.components {
            out.extend([id, 0]);
        }
        out.extend([0, 63, 0]);
        self.scan(flat, &mut out);
        out.extend([0xFF, 0xD9]);
        out
    }

    fn scan(&self, flat: impl Fn(usize, u32, u32) -> i32, out: &mut Vec<u8>) {
        let most = |of: fn(&(u8, u8, u8)) -> u8| self.components.iter().map(of).max().unwrap();
        let (h, v) = (u32::from(most(|c| c.1)), u32::from(most(|c| c.2)));
        let (across, down) = (
            u32::from(self.columns).div_ceil(8 * h),
            u32::from(self.rows).div_ceil(8 * v),
        );
        let mut bits = Bits::default();
        let mut before = vec![0; self.components.len()];
        for mcu in 0..across * down {
            let interval = u32::from(self.restart_interval);
            if interval > 0 && mcu > 0 && mcu % interval == 0 {
                bits.flush(out);
                out.extend([0xFF, 0xD0 + (mcu / interval - 1) as u8 % 8]);
                before.fill(0);
            }
            for (index, &(_, h, v)) in self.components.iter().enumerate() {
                let (h, v) = (u32::from(h), u32::from(v));
                for block in 0..h * v {
                    let (x, y) = (mcu % across * h + block % h, mcu / across * v + block / h);
                    let value = flat(index, x, y) - (1 << (self.precision - 1));
                    bits.difference(value - before[index], out);
                    before[index] = value;
                    bits.put(0, 1, out);
                }
            }
        }
        bits.flush(out);
    }
}

#[derive(Default)]
struct Bits {
    held: u32,
    count: u32,
}

impl Bits {
    fn difference(&mut self, value: i32, out: &mut Vec<u8>) {
        let category = 32 - value.unsigned_abs().leading_zeros();
        self.put(category, 4, out);
        let low = if value < 0 { value - 1 } else { value };
        self.put(low as u32 & ((1 << category) - 1), category, out);
    }

    fn put(&mut self, value: u32, count: u32, out: &mut Vec<u8>) {
        for bit in (0..count).rev() {
            self.held = self.held << 1 | value >> bit & 1;
            self.count += 1;
            if self.count == 8 {
                out.push(self.held as u8);
                // T.81 F.1.2.3: a zero is stuffed behind FF.
                if self.held as u8 == 0xFF {
                    out.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        while self.count > 0 {
            self.put(1, 1, out);
        }
    }
}

fn layout(rows: u32, columns: u32, samples: u16, bits_stored: u16, color: &str) -> FrameLayout {
    let bits_allocated = if bits_stored > 8 { 16 } else { 8 };
    FrameLayout {
        rows,
        columns,
        samples_per_pixel: samples,
        bits_allocated,
        bits_stored,
        high_bit: bits_stored - 1,
        sample_format: SampleFormat::Unsigned,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: PhotometricInterpretation::from_term(color),
    }
}

fn decode(stream: &[u8], layout: &FrameLayout, raw: bool) -> Result<(Vec<u8>, Decoded)> {
    let mut out = vec![0xAA; layout.decoded_frame_bytes().unwrap() as usize];
    let options = DecodeOptions {
        raw,
        ..DecodeOptions::default()
    };
    Jpeg.header(stream, layout)?;
    let decoded = Jpeg.decode(stream, layout, &options, &mut out)?;
    Ok((out, decoded))
}

const GREY: &[(u8, u8, u8)] = &[(1, 1, 1)];

fn grey(rows: u16, columns: u16, restart_interval: u16) -> Encoder<'static> {
    Encoder {
        rows,
        columns,
        precision: 8,
        components: GREY,
        segments: &[],
        restart_interval,
    }
}

fn of_block(_: usize, x: u32, y: u32) -> i32 {
    (x * 40 + y * 17) as i32 % 256
}

fn expected(rows: u32, columns: u32) -> Vec<u8> {
    let pixels = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
    pixels
        .map(|(r, c)| of_block(0, c / 8, r / 8) as u8)
        .collect()
}

#[test]
fn a_grey_frame_with_and_without_restart_intervals_junk_and_eoi() {
    let (rows, columns) = (27, 35);
    let layout = layout(rows, columns, 1, 8, "MONOCHROME2");
    for interval in [0, 1, 3, 5] {
        let stream = grey(27, 35, interval).encode(of_block);
        let without_eoi = &stream[..stream.len() - 2];
        for variant in [
            stream.clone(),
            [b"junk\0", stream.as_slice(), b"\0"].concat(),
            without_eoi.to_vec(),
            [without_eoi, b"\xFF\xFF\0"].concat(),
        ] {
            let (out, decoded) = decode(&variant, &layout, false).unwrap();
            assert_eq!(decoded, Decoded::whole(StreamColor::AsDeclared));
            assert_eq!(out, expected(rows, columns));
        }
    }
}

#[test]
fn the_number_of_lines_may_be_the_data_sets_and_scan_parameters_nonsense() {
    let mut stream = grey(27, 35, 0).encode(of_block);
    let sof = stream.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    stream[sof + 5..sof + 7].fill(0);
    let sos = stream.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
    stream[sos + 8] = 0;
    let (out, decoded) = decode(&stream, &layout(27, 35, 1, 8, "MONOCHROME2"), false).unwrap();
    assert_eq!((out, decoded.incomplete), (expected(27, 35), None));
}

#[test]
fn cells_are_wider_than_samples_where_the_layout_says_so() {
    let stream = grey(9, 9, 0).encode(of_block);
    let mut layout = layout(9, 9, 1, 8, "MONOCHROME2");
    for bits in [16, 32, 64] {
        layout.bits_allocated = bits;
        let (out, _) = decode(&stream, &layout, false).unwrap();
        let cells = out.chunks(usize::from(bits) / 8);
        let low: Vec<u8> = cells.clone().map(|cell| cell[0]).collect();
        assert_eq!(low, expected(9, 9));
        assert!(
            cells
                .into_iter()
                .all(|cell| cell[1..].iter().all(|&b| b == 0))
        );
    }
}

#[test]
fn twelve_bits_need_cells_of_sixteen() {
    let encoder = Encoder {
        precision: 12,
        ..grey(10, 17, 0)
    };
    let stream = encoder.encode(|_, x, y| (x * 1000 + y * 300) as i32);
    let (out, _) = decode(&stream, &layout(10, 17, 1, 12, "MONOCHROME2"), false).unwrap();
    let samples = out
        .as_chunks::<2>()
        .0
        .iter()
        .map(|c| u16::from_ne_bytes(*c));
    let twin = (0..170u16).map(|n| n % 17 / 8 * 1000 + n / 17 / 8 * 300);
    assert!(samples.eq(twin));
    let refused = decode(&stream, &layout(10, 17, 1, 8, "MONOCHROME2"), false).unwrap_err();
    assert_eq!(refused.kind, PixelErrorKind::Mismatch);
}

const JFIF: &[u8] = b"\xFF\xE0\x00\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0";
const ADOBE_RGB: &[u8] = b"\xFF\xEE\x00\x0EAdobe\0\x64\0\0\0\0\x00";

/// The first pixel of an image of three flat components.
fn color(segments: &[u8], ids: [u8; 3], declared: &str, raw: bool) -> ([u8; 3], StreamColor) {
    let components = ids.map(|id| (id, 1, 1));
    let encoder = Encoder {
        components: &components,
        segments,
        ..grey(8, 8, 0)
    };
    let stream = encoder.encode(|component, _, _| [76, 85, 255][component]);
    let (out, decoded) = decode(&stream, &layout(8, 8, 3, 8, declared), raw).unwrap();
    ([out[0], out[1], out[2]], decoded.color)
}

#[test]
fn the_code_streams_word_on_colour_holds_over_the_declared_one() {
    use StreamColor::{Rgb, Ybr};
    const RED: [u8; 3] = [254, 0, 0];
    const STORED: [u8; 3] = [76, 85, 255];
    let ids = [1, 2, 3];
    for (segments, ids, declared, to_rgb, stored) in [
        (&[][..], ids, "YBR_FULL_422", RED, Ybr),
        (&[], ids, "RGB", STORED, Rgb),
        (&[], ids, "", RED, Ybr),
        (&[], *b"RGB", "YBR_FULL", STORED, Rgb),
        (JFIF, ids, "RGB", RED, Ybr),
        (ADOBE_RGB, ids, "YBR_FULL_422", STORED, Rgb),
        (&[JFIF, ADOBE_RGB].concat(), ids, "YBR_FULL", STORED, Rgb),
    ] {
        let case = (segments, ids, declared);
        assert_eq!(
            color(segments, ids, declared, false),
            (to_rgb, Rgb),
            "{case:?}"
        );
        assert_eq!(
            color(segments, ids, declared, true),
            (STORED, stored),
            "{case:?}"
        );
    }
}

#[test]
fn four_components_stay_as_they_are() {
    let ycck = [ADOBE_RGB.split_last().unwrap().1, &[2]].concat();
    for segments in [&[][..], ADOBE_RGB, &ycck] {
        let encoder = Encoder {
            components: &[(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 1)],
            segments,
            ..grey(8, 8, 0)
        };
        let stream = encoder.encode(|component, _, _| [10, 90, 170, 250][component]);
        let (out, decoded) = decode(&stream, &layout(8, 8, 4, 8, "CMYK"), false).unwrap();
        assert_eq!(
            (&out[..4], decoded.color),
            (&[10, 90, 170, 250][..], StreamColor::Four)
        );
    }
}

#[test]
fn subsampled_components_are_brought_to_full_size() {
    for (h, v) in [(1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (1, 4), (4, 2)] {
        let encoder = Encoder {
            components: &[(1, h, v), (2, 1, 1), (3, 1, 1)],
            ..grey(21, 35, 0)
        };
        let stream = encoder.encode(|component, _, _| [50, 100, 150][component]);
        let (out, _) = decode(&stream, &layout(21, 35, 3, 8, "YBR_FULL"), true).unwrap();
        assert!(out.chunks(3).all(|pixel| pixel == [50, 100, 150]));
    }
}

#[test]
fn of_a_code_stream_that_breaks_off_the_rows_before_are_real() {
    let (rows, columns) = (64, 64);
    let layout = layout(rows, columns, 1, 8, "MONOCHROME2");
    let stream = grey(64, 64, 0).encode(of_block);
    let whole = expected(rows, columns);
    let mut seen = std::collections::BTreeSet::new();
    for end in 0..=stream.len() - 2 {
        let Ok((out, decoded)) = decode(&stream[..end], &layout, false) else {
            continue;
        };
        let real = decoded
            .incomplete
            .map_or(rows, |incomplete| incomplete.rows);
        let bytes = (real * columns) as usize;
        assert!(real > 0 && out[..bytes] == whole[..bytes], "cut at {end}");
        assert!(out[bytes..].iter().all(|&byte| byte == 0), "cut at {end}");
        seen.insert(real);
    }
    assert!(seen.len() >= 7 && seen.contains(&rows), "{seen:?}");
}

#[test]
fn what_is_too_short_or_no_jpeg_with_dct_is_refused_from_the_header() {
    let kind = |stream: &[u8], rows| {
        let layout = layout(rows, 35, 1, 8, "MONOCHROME2");
        Jpeg.header(stream, &layout).unwrap_err().kind
    };
    let stream = grey(27, 35, 0).encode(of_block);
    let sof = stream.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut stream = stream.clone();
        stream[sof + at..sof + at + bytes.len()].copy_from_slice(bytes);
        stream
    };
    assert_eq!(kind(&with(5, &[255; 4]), 27), PixelErrorKind::Implausible);
    assert_eq!(kind(&with(1, &[0xC3]), 27), PixelErrorKind::Unsupported);
    assert_eq!(kind(&with(4, &[10]), 27), PixelErrorKind::Unsupported);
    assert_eq!(kind(&with(7, &[0, 0]), 27), PixelErrorKind::Stored);
    assert_eq!(kind(&stream[..sof], 27), PixelErrorKind::Stored);
}

#[test]
fn mutants_end_with_words_or_samples() {
    let components = [(1, 2, 2), (2, 1, 1), (3, 1, 1)];
    let encoder = Encoder {
        components: &components,
        segments: JFIF,
        ..grey(40, 40, 2)
    };
    let stream = encoder.encode(|_, x, y| of_block(0, x, y));
    let layout = layout(40, 40, 3, 8, "YBR_FULL_422");
    let mut state = 1u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let begun = std::time::Instant::now();
    for _ in 0..4000 {
        let mut mutant = stream.clone();
        for _ in 0..=random(4) {
            let at = random(mutant.len());
            mutant[at] = random(256) as u8;
        }
        mutant.truncate(stream.len() - random(2) * random(stream.len()));
        let _ = decode(&mutant, &layout, random(2) == 0);
    }
    assert!(begun.elapsed().as_secs() < 60);
}
