#![allow(clippy::unwrap_used)]
use super::Rle;
use crate::photometric::PhotometricInterpretation;
use crate::{
    DecodeOptions, Decoded, Decoder, FrameLayout, PixelErrorKind, PlanarConfiguration, Result,
    SampleFormat,
};

fn layout(rows: u32, columns: u32, samples_per_pixel: u16, bits_allocated: u16) -> FrameLayout {
    FrameLayout {
        rows,
        columns,
        samples_per_pixel,
        bits_allocated,
        bits_stored: bits_allocated,
        high_bit: bits_allocated - 1,
        sample_format: SampleFormat::Unsigned,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: PhotometricInterpretation::Monochrome2,
    }
}

fn decode(code_stream: &[u8], layout: &FrameLayout) -> Result<(Decoded, Vec<u8>)> {
    let mut out = vec![0xEE; layout.decoded_frame_bytes().unwrap() as usize];
    Rle.header(code_stream, layout)?;
    let decoded = Rle.decode(code_stream, layout, &DecodeOptions::default(), &mut out)?;
    Ok((decoded, out))
}

fn kind(code_stream: &[u8], layout: &FrameLayout) -> PixelErrorKind {
    decode(code_stream, layout).unwrap_err().kind
}

/// The header for these segments, and they.
fn frame(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut header = vec![segments.len() as u32];
    let mut at = 64;
    for segment in segments {
        header.push(at);
        at += segment.len() as u32;
    }
    header.resize(16, 0);
    let header = header.into_iter().flat_map(u32::to_le_bytes);
    header.chain(segments.concat()).collect()
}

/// A plane as runs where three or more bytes are equal, as literals of at most `longest` elsewhere; of even length.
fn segment(plane: &[u8], longest: usize) -> Vec<u8> {
    let (mut encoded, mut literal) = (Vec::new(), Vec::new());
    for equal in plane
        .chunk_by(|a, b| a == b)
        .flat_map(|run| run.chunks(128))
    {
        if equal.len() < 3 {
            literal.extend(equal);
            continue;
        }
        flush(&mut literal, longest, &mut encoded);
        encoded.extend([(257 - equal.len()) as u8, equal[0]]);
    }
    flush(&mut literal, longest, &mut encoded);
    if encoded.len() % 2 == 1 {
        encoded.push(0);
    }
    encoded
}

fn flush(literal: &mut Vec<u8>, longest: usize, encoded: &mut Vec<u8>) {
    for bytes in literal.chunks(longest) {
        encoded.push(bytes.len() as u8 - 1);
        encoded.extend(bytes);
    }
    literal.clear();
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

    /// Bytes in runs of 1 to `longest`.
    fn plane(&mut self, length: usize, longest: u64) -> Vec<u8> {
        let mut plane = Vec::new();
        while plane.len() < length {
            let value = self.below(256) as u8;
            plane.extend(vec![value; self.below(longest) as usize + 1]);
        }
        plane.truncate(length);
        plane
    }
}

#[test]
fn every_byte_of_every_plane_finds_its_sample() {
    let mut random = Random(1);
    for (samples, bits, cell) in [
        (1, 8, 1),
        (3, 8, 1),
        (4, 8, 1),
        (1, 16, 2),
        (3, 16, 2),
        (1, 24, 4),
        (1, 32, 4),
        (3, 32, 4),
        (1, 64, 8),
    ] {
        for (rows, columns) in [(1, 1), (3, 5), (64, 64), (67, 129), (4099, 3)] {
            let layout = layout(rows, columns, samples, bits);
            let (samples, planes) = (usize::from(samples), usize::from(bits / 8));
            let pixels = (rows * columns) as usize;
            let stored: Vec<Vec<u8>> = (0..samples * planes)
                .map(|n| random.plane(pixels, [1, 4, 300][n % 3]))
                .collect();
            let longest = [1, 31, 32, 33, 128][(pixels + planes) % 5];
            let segments: Vec<_> = stored.iter().map(|plane| segment(plane, longest)).collect();
            let (decoded, out) = decode(&frame(&segments), &layout).unwrap();
            assert_eq!(decoded.incomplete, None);
            for (at, cell) in out.chunks(cell).enumerate() {
                let (pixel, sample) = (at / samples, at % samples);
                let mut value = [0; 8];
                value[..cell.len()].copy_from_slice(cell);
                let planes = &stored[sample * planes..][..planes];
                let twin = planes
                    .iter()
                    .fold(0, |sum, plane| sum << 8 | u64::from(plane[pixel]));
                // Native order: on a big-endian machine the cell is at the other end.
                let found = if cfg!(target_endian = "little") {
                    u64::from_le_bytes(value)
                } else {
                    u64::from_be_bytes(value) >> (64 - 8 * cell.len())
                };
                assert_eq!(found, twin, "{layout:?} {at}");
            }
        }
    }
}

#[test]
fn bits_share_bytes() {
    let (decoded, out) = decode(&frame(&[vec![1, 0b1010_0001, 0b1]]), &layout(3, 3, 1, 1)).unwrap();
    assert_eq!(
        (decoded.incomplete, out),
        (None, vec![1, 0, 0, 0, 0, 1, 0, 1, 1])
    );
    assert_eq!(
        kind(&frame(&[vec![0, 0]]), &layout(1, 1, 3, 1)),
        PixelErrorKind::Unsupported
    );
}

#[test]
fn no_operation_and_surplus_change_nothing() {
    // -128, a literal of 2, a run of 3 of which one byte is too many, more.
    let segment = vec![0x80, 1, 7, 8, 0xFE, 9, 0xFE, 10];
    let (decoded, out) = decode(&frame(&[segment]), &layout(2, 2, 1, 8)).unwrap();
    assert_eq!((decoded.incomplete, out), (None, vec![7, 8, 9, 9]));
}

#[test]
fn a_header_that_lies_is_replaced_where_the_segments_say_how() {
    let planes = [vec![1, 2, 3, 3, 3, 3, 3, 4], vec![5, 5, 5, 5, 5, 5, 6, 7]];
    let good = frame(&planes.map(|plane| segment(&plane, 128)));
    let layout = layout(2, 4, 1, 16);
    let truth = decode(&good, &layout).unwrap();
    for (at, lie) in [
        (0, 1),
        (0, 3),
        (0, 99),
        (0, 0),
        (4, 63),
        (4, 0),
        (8, 64),
        (8, 67),
        (8, 70),
        (8, 1 << 30),
        (8, u32::MAX),
    ] {
        let mut lying = good.clone();
        lying[at..at + 4].copy_from_slice(&u32::to_le_bytes(lie));
        assert_eq!(decode(&lying, &layout).unwrap(), truth, "{lie} at {at}");
        // Nothing shows where the segments end.
        lying.extend([9, 9]);
        assert!(!decode(&lying, &layout).is_ok_and(|(decoded, _)| decoded.incomplete.is_none()));
    }
    // Segments may lie in any order.
    let mut swapped = frame(&[
        segment(&[5, 5, 5, 5, 5, 5, 6, 7], 128),
        segment(&[1, 2, 3, 3, 3, 3, 3, 4], 128),
    ]);
    let (first, second) = (swapped[4..8].to_vec(), swapped[8..12].to_vec());
    swapped[4..8].copy_from_slice(&second);
    swapped[8..12].copy_from_slice(&first);
    assert_eq!(decode(&swapped, &layout).unwrap(), truth);
}

#[test]
fn a_segment_that_ends_early_leaves_the_rows_before() {
    let high = segment(&[1; 12], 128);
    let low = vec![4, 10, 11, 12, 13, 14];
    let (decoded, out) = decode(&frame(&[high, low]), &layout(3, 4, 1, 16)).unwrap();
    assert_eq!(decoded.incomplete.unwrap().rows, 1);
    let samples: Vec<u16> = out
        .as_chunks()
        .0
        .iter()
        .map(|&cell| u16::from_ne_bytes(cell))
        .collect();
    assert_eq!(samples, [266, 267, 268, 269, 0, 0, 0, 0, 0, 0, 0, 0]);
    let none = frame(&[vec![2, 1, 2, 3]]);
    assert_eq!(kind(&none, &layout(3, 4, 1, 8)), PixelErrorKind::Stored);
}

#[test]
fn what_can_not_be_is_refused() {
    let stream = frame(&[vec![0x81, 0]]);
    assert!(decode(&stream, &layout(1, 128, 1, 8)).is_ok());
    assert_eq!(
        kind(&stream, &layout(1, 129, 1, 8)),
        PixelErrorKind::Implausible
    );
    assert_eq!(
        kind(&stream, &layout(1, 128, 1, 16)),
        PixelErrorKind::Mismatch
    );
    assert_eq!(
        kind(&stream, &layout(1, 128, 1, 12)),
        PixelErrorKind::Unsupported
    );
    assert_eq!(
        kind(&stream, &layout(1, 128, 2, 64)),
        PixelErrorKind::Unsupported
    );
    assert_eq!(
        kind(&stream[..63], &layout(1, 128, 1, 8)),
        PixelErrorKind::Stored
    );
    let out = &mut [0; 127];
    let wrong = Rle.decode(
        &stream,
        &layout(1, 128, 1, 8),
        &DecodeOptions::default(),
        out,
    );
    assert_eq!(wrong.unwrap_err().kind, PixelErrorKind::Argument);
}

#[test]
fn prefixes_and_mutants_end() {
    let mut random = Random(2);
    let layout = layout(40, 50, 1, 16);
    let planes = [random.plane(2000, 9), random.plane(2000, 2)];
    let whole = frame(&planes.map(|plane| segment(&plane, 40)));
    let (_, truth) = decode(&whole, &layout).unwrap();
    for end in 0..whole.len() {
        if let Ok((decoded, out)) = decode(&whole[..end], &layout) {
            let rows = decoded
                .incomplete
                .map_or(40, |incomplete| incomplete.rows as usize);
            assert_eq!(out[..rows * 100], truth[..rows * 100]);
            assert!(out[rows * 100..].iter().all(|&byte| byte == 0));
        }
    }
    for _ in 0..3000 {
        let mut mutant = whole.clone();
        for _ in 0..=random.below(4) {
            let length = mutant.len() as u64;
            // Half of them in the header.
            let bound = if random.below(2) == 0 { 64 } else { length };
            mutant[random.below(bound) as usize] = random.below(256) as u8;
        }
        let _ = decode(&mutant, &layout);
    }
}
