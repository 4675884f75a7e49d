#![allow(clippy::unwrap_used)]
use super::JpegLossless;
use crate::photometric::PhotometricInterpretation;
use crate::{
    DecodeOptions, Decoded, Decoder, FrameLayout, PixelErrorKind, PlanarConfiguration, Result,
    SampleFormat, StreamColor,
};

/// A frame and how it is encoded.
#[derive(Clone)]
struct Image {
    rows: usize,
    columns: usize,
    components: usize,
    precision: u8,
    predictor: u8,
    point_transform: u8,
    restart_rows: usize,
    scan_per_component: bool,
    /// Interleaved.
    samples: Vec<u16>,
}

/// Codes of 1 to 15 bits, and two of 16, of which the last is all ones: categories 0 to 16, the most frequent last.
const UNARY: [u8; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2];

/// Codes of five bits.
const FLAT: [u8; 16] = [0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl Image {
    fn random(
        random: &mut Random,
        rows: usize,
        columns: usize,
        components: usize,
        precision: u8,
    ) -> Image {
        let noise = 1 << random.below(u64::from(precision) + 1);
        let base = random.below(1 << precision);
        let samples = (0..rows * columns * components)
            .map(|at| ((base + at as u64 / 3 + random.below(noise)) % (1 << precision)) as u16)
            .collect();
        Image {
            rows,
            columns,
            components,
            precision,
            predictor: 1 + random.below(7) as u8,
            point_transform: 0,
            restart_rows: 0,
            scan_per_component: false,
            samples,
        }
    }

    fn layout(&self, bits_allocated: u16) -> FrameLayout {
        FrameLayout {
            rows: self.rows as u32,
            columns: self.columns as u32,
            samples_per_pixel: self.components as u16,
            bits_allocated,
            bits_stored: u16::from(self.precision),
            high_bit: u16::from(self.precision) - 1,
            sample_format: SampleFormat::Unsigned,
            planar_configuration: PlanarConfiguration::ByPixel,
            photometric_interpretation: PhotometricInterpretation::Monochrome2,
        }
    }

    /// What decodes from it: the lowest bits are gone.
    fn truth(&self) -> Vec<u16> {
        let shift = self.point_transform;
        self.samples
            .iter()
            .map(|sample| sample >> shift << shift)
            .collect()
    }

    fn sample(&self, row: usize, column: usize, component: usize) -> i32 {
        let at = (row * self.columns + column) * self.components + component;
        i32::from(self.samples[at] >> self.point_transform)
    }

    /// T.81 table H.1.
    fn prediction(&self, row: usize, column: usize, component: usize) -> i32 {
        let restarted = row.is_multiple_of(self.restart_rows);
        let left = |row| self.sample(row, column - 1, component);
        match (restarted, column) {
            (true, 0) => 1 << (self.precision - self.point_transform - 1),
            (true, _) => left(row),
            (false, 0) => self.sample(row - 1, 0, component),
            _ => {
                let (a, b, c) = (
                    left(row),
                    self.sample(row - 1, column, component),
                    left(row - 1),
                );
                [
                    a,
                    b,
                    c,
                    a + b - c,
                    a + ((b - c) >> 1),
                    b + ((a - c) >> 1),
                    (a + b) >> 1,
                ][usize::from(self.predictor) - 1]
            }
        }
    }

    fn encode(&self, bits: &[u8; 16]) -> Vec<u8> {
        let mut to = vec![
            0xFF,
            0xD8,
            0xFF,
            0xC3,
            0,
            8 + 3 * self.components as u8,
            self.precision,
        ];
        to.extend((self.rows as u16).to_be_bytes());
        to.extend((self.columns as u16).to_be_bytes());
        to.push(self.components as u8);
        (0..self.components as u8).for_each(|id| to.extend([id, 0x11, 0]));
        to.extend([0xFF, 0xC4, 0, 36, 0]);
        to.extend(bits);
        to.extend(0..17);
        if self.restart_rows > 0 {
            to.extend([0xFF, 0xDD, 0, 4]);
            to.extend(((self.restart_rows * self.columns) as u16).to_be_bytes());
        }
        let all: Vec<usize> = (0..self.components).collect();
        for scan in all.chunks(if self.scan_per_component {
            1
        } else {
            self.components
        }) {
            to.extend([0xFF, 0xDA, 0, 6 + 2 * scan.len() as u8, scan.len() as u8]);
            scan.iter()
                .for_each(|&component| to.extend([component as u8, 0]));
            to.extend([self.predictor, 0, self.point_transform]);
            self.encode_scan(scan, &codes(bits), &mut to);
        }
        to.extend([0xFF, 0xD9]);
        to
    }

    fn encode_scan(&self, components: &[usize], codes: &[(u32, u32)], to: &mut Vec<u8>) {
        let rows: Vec<usize> = (0..self.rows).collect();
        let interval = if self.restart_rows > 0 {
            self.restart_rows
        } else {
            self.rows
        };
        for (number, rows) in rows.chunks(interval).enumerate() {
            if number > 0 {
                to.extend([0xFF, 0xD0 + (number as u8 - 1) % 8]);
            }
            let mut bits = BitsOut::default();
            for &row in rows {
                for (column, &component) in
                    (0..self.columns).flat_map(|column| components.iter().map(move |c| (column, c)))
                {
                    let difference = self.sample(row, column, component)
                        - self.prediction(row, column, component);
                    bits.difference(difference as u16, codes);
                }
            }
            bits.finish(to);
        }
    }
}

/// Each category's code and its length.
fn codes(bits: &[u8; 16]) -> Vec<(u32, u32)> {
    let (mut codes, mut code) = (Vec::new(), 0);
    for (length, &count) in (1..).zip(bits) {
        for _ in 0..count {
            codes.push((code, length));
            code += 1;
        }
        code <<= 1;
    }
    codes
}

#[derive(Default)]
struct BitsOut {
    bits: Vec<bool>,
}

impl BitsOut {
    fn put(&mut self, value: u32, length: u32) {
        self.bits
            .extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn difference(&mut self, difference: u16, codes: &[(u32, u32)]) {
        let difference = i32::from(difference as i16);
        let category = 32 - difference.unsigned_abs().leading_zeros();
        let (code, length) = codes[category as usize];
        self.put(code, length);
        if category < 16 {
            let following = if difference < 0 {
                difference - 1
            } else {
                difference
            };
            self.put(following as u32, category);
        }
    }

    /// Pads with ones, stuffs.
    fn finish(self, to: &mut Vec<u8>) {
        for bits in self.bits.chunks(8) {
            let byte = (0..8).fold(0, |byte, bit| {
                byte << 1 | u8::from(*bits.get(bit).unwrap_or(&true))
            });
            to.push(byte);
            if byte == 0xFF {
                to.push(0);
            }
        }
    }
}

/// The same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

fn decode(code_stream: &[u8], layout: &FrameLayout) -> Result<(Decoded, Vec<u8>)> {
    let header = JpegLossless.header(code_stream, layout)?;
    assert!(header.lossless);
    let mut out = vec![0xEE; layout.decoded_frame_bytes().unwrap() as usize];
    let decoded = JpegLossless.decode(code_stream, layout, &DecodeOptions::default(), &mut out)?;
    Ok((decoded, out))
}

/// The samples of a whole image in cells of two bytes.
fn samples(code_stream: &[u8], image: &Image) -> Vec<u16> {
    let (decoded, out) = decode(code_stream, &image.layout(16)).unwrap();
    assert_eq!(decoded.incomplete, None);
    out.as_chunks()
        .0
        .iter()
        .map(|&cell| u16::from_ne_bytes(cell))
        .collect()
}

#[test]
fn every_predictor_precision_and_point_transform() {
    let mut random = Random(1);
    for precision in 2..=16 {
        for predictor in 1..=7 {
            for point_transform in [0, 1, precision / 2, precision - 1] {
                let components = 1 + random.below(4) as usize;
                let (rows, columns) =
                    [(1, 1), (1, 9), (9, 1), (7, 5), (16, 33)][random.below(5) as usize];
                let mut image = Image::random(&mut random, rows, columns, components, precision);
                (image.predictor, image.point_transform) = (predictor, point_transform);
                image.restart_rows = [0, 0, 1, 3][random.below(4) as usize];
                image.scan_per_component = random.below(2) == 0;
                let bits = [&UNARY, &FLAT][random.below(2) as usize];
                assert_eq!(
                    samples(&image.encode(bits), &image),
                    image.truth(),
                    "{precision} {predictor} {point_transform}"
                );
            }
        }
    }
}

#[test]
fn the_greatest_difference_has_no_further_bits() {
    let mut image = Image::random(&mut Random(2), 8, 9, 1, 16);
    image.samples = (0..72)
        .map(|at| [0, 0x8000, 0, 0x7FFF, 0xFFFF][at % 5])
        .collect();
    for predictor in 1..=7 {
        image.predictor = predictor;
        assert_eq!(samples(&image.encode(&UNARY), &image), image.samples);
        assert_eq!(samples(&image.encode(&FLAT), &image), image.samples);
    }
}

#[test]
fn cells_are_as_wide_as_the_layout_says() {
    let image = Image::random(&mut Random(3), 3, 5, 3, 8);
    let stream = image.encode(&FLAT);
    for (bits, size) in [(8, 1), (16, 2), (32, 4), (64, 8)] {
        let (_, out) = decode(&stream, &image.layout(bits)).unwrap();
        let twin: Vec<u8> = image
            .samples
            .iter()
            .flat_map(|&sample| {
                let cell = u64::from(sample).to_ne_bytes();
                let first = if cfg!(target_endian = "little") {
                    0
                } else {
                    8 - size
                };
                cell[first..first + size].to_vec()
            })
            .collect();
        assert_eq!(out, twin);
    }
    let wide = Image::random(&mut Random(3), 3, 5, 1, 9);
    assert_eq!(
        decode(&wide.encode(&FLAT), &wide.layout(8))
            .unwrap_err()
            .kind,
        PixelErrorKind::Mismatch
    );
}

#[test]
fn what_stands_around_the_image_changes_nothing() {
    let image = Image::random(&mut Random(4), 6, 7, 1, 12);
    let stream = image.encode(&FLAT);
    let truth = image.truth();
    assert_eq!(
        samples(&stream[..stream.len() - 2], &image),
        truth,
        "no EOI"
    );
    assert_eq!(
        samples(&[&[0, 1, 2], stream.as_slice(), &[0; 99]].concat(), &image),
        truth,
        "junk"
    );
    let mut counted_later = stream.clone();
    counted_later[7..9].fill(0);
    let end = counted_later.len() - 2;
    counted_later.splice(end.., [0xFF, 0xDC, 0, 4, 0, 6, 0xFF, 0xD9]);
    assert_eq!(samples(&counted_later, &image), truth, "DNL");
    assert_eq!(
        JpegLossless
            .header(&counted_later, &image.layout(16))
            .unwrap()
            .rows,
        6
    );
    let mut adobe = stream.clone();
    adobe.splice(2..2, *b"\xFF\xEE\x00\x0EAdobe\0\x64\0\0\0\0\x00");
    assert_eq!(samples(&adobe, &image), truth, "a segment of no concern");
    assert_eq!(
        JpegLossless
            .header(&adobe, &image.layout(16))
            .unwrap()
            .color,
        StreamColor::AsDeclared
    );
}

#[test]
fn what_ends_early_says_which_rows_are_real() {
    let mut image = Image::random(&mut Random(5), 20, 10, 1, 12);
    let stream = image.encode(&FLAT);
    let (decoded, out) = decode(&stream[..stream.len() * 3 / 4], &image.layout(16)).unwrap();
    let rows = decoded.incomplete.unwrap().rows as usize;
    assert!((10..20).contains(&rows));
    let found: Vec<u16> = out
        .as_chunks()
        .0
        .iter()
        .map(|&cell| u16::from_ne_bytes(cell))
        .collect();
    assert_eq!(found[..rows * 10], image.samples[..rows * 10]);
    assert!(found[rows * 10..].iter().all(|&sample| sample == 0));

    // A lost restart interval.
    image.restart_rows = 5;
    let mut stream = image.encode(&FLAT);
    let second = stream
        .windows(2)
        .position(|pair| pair == [0xFF, 0xD1])
        .unwrap();
    stream[second + 1] = 0xD2;
    assert_eq!(
        decode(&stream, &image.layout(16))
            .unwrap()
            .0
            .incomplete
            .unwrap()
            .rows,
        10
    );
}

#[test]
fn a_second_scan_of_a_component_is_refused() {
    let mut image = Image::random(&mut Random(8), 4, 4, 2, 8);
    image.scan_per_component = true;
    let mut stream = image.encode(&FLAT);
    let second = stream
        .windows(2)
        .rposition(|pair| pair == [0xFF, 0xDA])
        .unwrap();
    stream[second + 5] = 0;
    assert_eq!(
        decode(&stream, &image.layout(8)).unwrap_err().kind,
        PixelErrorKind::Stored
    );
}

#[test]
fn what_can_not_be_is_refused() {
    let image = Image::random(&mut Random(6), 4, 4, 1, 8);
    let stream = image.encode(&FLAT);
    let kind = |at: usize, bytes: &[u8]| {
        let mut stream = stream.clone();
        stream[at..at + bytes.len()].copy_from_slice(bytes);
        decode(&stream, &image.layout(8)).unwrap_err().kind
    };
    assert_eq!(kind(3, &[0xC7]), PixelErrorKind::Unsupported);
    assert_eq!(kind(6, &[17]), PixelErrorKind::Stored);
    assert_eq!(
        kind(7, &[0xFF, 0xFF, 0xFF, 0xFF]),
        PixelErrorKind::Implausible
    );
    assert_eq!(kind(7, &[0, 5]), PixelErrorKind::Mismatch);
    // More codes than five bits have.
    assert_eq!(kind(15 + 9, &[255]), PixelErrorKind::Stored);
    let predictor = stream
        .windows(2)
        .position(|pair| pair == [0xFF, 0xDA])
        .unwrap()
        + 7;
    assert_eq!(kind(predictor, &[0]), PixelErrorKind::Stored);
    assert_eq!(kind(predictor, &[8]), PixelErrorKind::Stored);
    assert_eq!(kind(predictor + 2, &[8]), PixelErrorKind::Stored);
}

#[test]
fn prefixes_and_mutants_end() {
    let mut random = Random(7);
    let mut image = Image::random(&mut random, 30, 11, 3, 10);
    image.restart_rows = 4;
    let whole = image.encode(&UNARY);
    let layout = image.layout(16);
    let truth = decode(&whole, &layout).unwrap().1;
    for end in 0..whole.len() {
        if let Ok((decoded, out)) = decode(&whole[..end], &layout) {
            let rows = decoded
                .incomplete
                .map_or(30, |incomplete| incomplete.rows as usize);
            assert_eq!(out[..rows * 66], truth[..rows * 66]);
            assert!(out[rows * 66..].iter().all(|&byte| byte == 0));
        }
    }
    for _ in 0..3000 {
        let mut mutant = whole.clone();
        for _ in 0..=random.below(4) {
            let bound = if random.below(2) == 0 {
                90
            } else {
                mutant.len() as u64
            };
            mutant[random.below(bound) as usize] = random.below(256) as u8;
        }
        let _ = decode(&mutant, &layout);
    }
}
