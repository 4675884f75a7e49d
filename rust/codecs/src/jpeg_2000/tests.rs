#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::decoder::StreamColor;
use crate::layout::{PlanarConfiguration, SampleFormat};
use crate::photometric::PhotometricInterpretation;

/// A code stream without decomposition levels, whose packets are all empty: every sample has the value in the middle.
#[derive(Clone)]
struct Encoder {
    size: [u32; 2],
    origin: [u32; 2],
    tile: [u32; 2],
    /// Ssiz, XRsiz, YRsiz.
    components: Vec<[u8; 3]>,
    mct: u8,
    layers: u16,
    /// SPcod from the levels on.
    style: Vec<u8>,
}

impl Encoder {
    fn grey(rows: u32, columns: u32, precision: u8) -> Encoder {
        Encoder {
            size: [columns, rows],
            origin: [0, 0],
            tile: [columns, rows],
            components: vec![[precision - 1, 1, 1]],
            mct: 0,
            layers: 1,
            style: vec![0, 4, 4, 0, 1],
        }
    }

    fn main_header(&self) -> Vec<u8> {
        let mut out = vec![
            0xFF,
            0x4F,
            0xFF,
            0x51,
            0,
            38 + 3 * self.components.len() as u8,
            0,
            0,
        ];
        let [w, h] = self.size;
        let [x, y] = self.origin;
        for word in [w + x, h + y, x, y, self.tile[0], self.tile[1], 0, 0] {
            out.extend(word.to_be_bytes());
        }
        out.extend((self.components.len() as u16).to_be_bytes());
        out.extend(self.components.as_flattened());
        out.extend([0xFF, 0x52, 0, 7 + self.style.len() as u8]);
        out.extend([u8::from(self.style.len() > 5), 0]);
        out.extend(self.layers.to_be_bytes());
        out.push(self.mct);
        out.extend(&self.style);
        // QCD: no quantization, 2 guard bits, an exponent a subband.
        let subbands = 3 * self.style[0] + 1;
        out.extend([0xFF, 0x5C, 0, 3 + subbands, 0x40]);
        out.extend(vec![0x48; usize::from(subbands)]);
        out
    }

    /// Where each tile-part begins, and the code stream.
    fn encode(&self) -> (Vec<usize>, Vec<u8>) {
        let mut out = self.main_header();
        let tiles = |axis: usize| (self.size[axis] + self.origin[axis]).div_ceil(self.tile[axis]);
        let packets = self.components.len() * usize::from(self.layers);
        let mut places = Vec::new();
        for tile in 0..tiles(0) * tiles(1) {
            places.push(out.len());
            out.extend([0xFF, 0x90, 0, 10]);
            out.extend((tile as u16).to_be_bytes());
            out.extend((14 + packets as u32).to_be_bytes());
            out.extend([0, 1, 0xFF, 0x93]);
            out.extend(vec![0; packets]);
        }
        out.extend([0xFF, 0xD9]);
        (places, out)
    }
}

fn layout(rows: u32, columns: u32, samples: u16, bits_allocated: u16) -> FrameLayout {
    FrameLayout {
        rows,
        columns,
        samples_per_pixel: samples,
        bits_allocated,
        bits_stored: bits_allocated,
        high_bit: bits_allocated - 1,
        sample_format: SampleFormat::Unsigned,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: PhotometricInterpretation::Rgb,
    }
}

fn decode(stream: &[u8], layout: &FrameLayout) -> Result<(Vec<u8>, Decoded)> {
    let mut out = vec![0xAA; layout.decoded_frame_bytes().unwrap() as usize];
    Jpeg2000.header(stream, layout)?;
    let options = DecodeOptions::default();
    let decoded = Jpeg2000.decode(stream, layout, &options, &mut out)?;
    Ok((out, decoded))
}

/// 12 × 16 samples of 12 bits, 4 tiles of 3 tile-parts, 5/3 wavelet: written by OpenJPEG, checked by its formula.
fn golden() -> Vec<u8> {
    let digits: Vec<u8> = include_str!("golden/tiles_5_3.hex")
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .collect();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_chunks::<2>().0.iter().map(byte).collect()
}

fn golden_samples(out: &[u8]) -> Vec<u32> {
    let cells = out.as_chunks::<2>().0.iter();
    cells
        .map(|cell| u32::from(u16::from_ne_bytes(*cell)))
        .collect()
}

fn golden_expected() -> Vec<u32> {
    let places = (0..12).flat_map(|y| (0..16).map(move |x| (x, y)));
    places
        .map(|(x, y)| (x * x * 7 + y * y * 13 + x * y * 5) % 4096)
        .collect()
}

#[test]
fn samples_are_those_that_were_encoded() {
    let layout = layout(12, 16, 1, 16);
    let header = Jpeg2000.header(&golden(), &layout).unwrap();
    assert_eq!(
        (header.rows, header.columns, header.precision),
        (12, 16, 12)
    );
    assert!(header.lossless && header.signed == Some(false));
    let (out, decoded) = decode(&golden(), &layout).unwrap();
    assert_eq!(golden_samples(&out), golden_expected());
    assert_eq!(decoded, Decoded::whole(StreamColor::AsDeclared));
}

#[test]
fn of_a_code_stream_that_breaks_off_the_tiles_before_are_real() {
    let (layout, stream) = (layout(12, 16, 1, 16), golden());
    let mut seen = std::collections::BTreeSet::new();
    for end in 0..stream.len() - 2 {
        let Ok((out, decoded)) = decode(&stream[..end], &layout) else {
            continue;
        };
        let rows = decoded.incomplete.unwrap().rows as usize;
        assert_eq!(
            golden_samples(&out)[..rows * 16],
            golden_expected()[..rows * 16]
        );
        seen.insert(rows);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 8]);
    // EOC alone is no loss.
    let (_, decoded) = decode(&stream[..stream.len() - 2], &layout).unwrap();
    assert_eq!(decoded.incomplete, None);
}

#[test]
fn no_tile_part_of_a_repaired_code_stream_declares_more_than_there_is() {
    let (places, mut stream) = Encoder::grey(8, 8, 8).encode();
    let first = places[0];
    stream[first + 6..first + 10].copy_from_slice(&0x0001_0400u32.to_be_bytes());
    // What comes before SOD is no SOT to us, but is one to OpenJPEG.
    let sot = [0xFF, 0x90, 0, 10, 0, 0, 0x34, 0, 0, 0xC9, 0, 1, 0xFF, 0x93];
    stream.splice(first + 12..first + 12, sot);
    let parts = TileParts::read(&stream, &MainHeader::read(&stream).unwrap()).unwrap();
    let repaired = parts.repaired(stream.clone());
    for at in [first, first + 12] {
        let psot = repaired[at + 6..].first_chunk().unwrap();
        assert_eq!(u32::from_be_bytes(*psot) as usize, stream.len() - at);
    }
    assert!(repaired.ends_with(&[0xFF, 0xD9]));
    let _ = decode(&stream, &layout(8, 8, 1, 8));
}

#[test]
fn a_missing_tile_is_no_black_tile() {
    let encoder = Encoder {
        tile: [16, 8],
        ..Encoder::grey(32, 32, 8)
    };
    let (places, stream) = encoder.encode();
    let layout = layout(32, 32, 1, 8);
    assert_eq!(decode(&stream, &layout).unwrap().1.incomplete, None);
    let without = [&stream[..places[5]], &stream[places[6]..]].concat();
    let (out, decoded) = decode(&without, &layout).unwrap();
    assert_eq!(decoded.incomplete.unwrap().rows, 16);
    assert!(out[..16 * 32].iter().all(|&sample| sample == 128));
}

#[test]
fn tile_parts_that_are_one_more_than_they_say_are_all_decoded() {
    let mut stream = golden();
    let mut at = stream.windows(2).position(|w| w == [0xFF, 0x90]).unwrap();
    while stream[at..].starts_with(&[0xFF, 0x90]) {
        let length = u32::from_be_bytes(*stream[at + 6..].first_chunk().unwrap());
        stream[at + 11] = 2;
        at += length as usize;
    }
    let (out, decoded) = decode(&stream, &layout(12, 16, 1, 16)).unwrap();
    assert_eq!(golden_samples(&out), golden_expected());
    assert_eq!(decoded.incomplete, None);
}

/// The main header and the tile-parts of a code stream.
fn taken_apart(stream: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut at = MainHeader::read(stream).unwrap().end;
    let (head, mut parts) = (stream[..at].to_vec(), Vec::new());
    while stream[at + 1] == 0x90 {
        let length = u32::from_be_bytes(*stream[at + 6..].first_chunk().unwrap()) as usize;
        parts.push(stream[at..at + length].to_vec());
        at += length;
    }
    (head, parts)
}

#[test]
fn tile_parts_of_several_tiles_in_turn() {
    let (head, mut parts) = taken_apart(&golden());
    // By number, then by tile; how many there are is said by nobody, by the last of a tile, by all.
    parts.sort_by_key(|part| (part[10], part[5]));
    for said in [0, 1, 3] {
        for part in &mut parts {
            part[11] = if part[10] + said >= 3 { 3 } else { 0 };
        }
        let stream = [head.clone(), parts.concat(), vec![0xFF, 0xD9]].concat();
        let (out, decoded) = decode(&stream, &layout(12, 16, 1, 16)).unwrap();
        assert_eq!(golden_samples(&out), golden_expected(), "{said}");
        assert_eq!(decoded, Decoded::whole(StreamColor::AsDeclared));
    }
}

#[test]
fn openjpeg_sees_no_lengths_of_tile_parts_and_no_unknown_segment() {
    let (head, mut parts) = taken_apart(&golden());
    for part in &mut parts {
        part[11] = 0;
    }
    // TLM, which lists one tile-part of twelve; a segment that nobody knows, with TLM inside; PLM; a marker without parameters.
    let one = [0xFF, 0x55, 0, 10, 0, 0x60, 0, 0, 0, 0, 0, 14];
    let unknown = [[0xFF, 0x6A, 0, 14].as_slice(), &one].concat();
    let lengths = [0xFF, 0x57, 0, 4, 0, 0];
    for foreign in [&one[..], &unknown, &lengths, &[0xFF, 0x30], &one.repeat(3)] {
        let stream = [head.as_slice(), foreign, &parts.concat(), &[0xFF, 0xD9]].concat();
        let (out, decoded) = decode(&stream, &layout(12, 16, 1, 16)).unwrap();
        assert_eq!(golden_samples(&out), golden_expected());
        assert_eq!(decoded, Decoded::whole(StreamColor::AsDeclared));
        let header = MainHeader::read(&stream).unwrap();
        let corrected = TileParts::read(&stream, &header).unwrap();
        let corrected = corrected.corrected(&stream, &header).into_owned();
        let mut at = 2;
        while let Some(segment) = header::segment(&corrected, at).filter(|s| s.marker != 0xFF90) {
            assert!(!matches!(segment.marker, 0xFF55 | 0xFF57 | 0xFF6A));
            at = segment.next;
        }
        assert_eq!(at, header.end);
    }
}

#[test]
fn the_middle_value_of_every_precision_sign_and_cell() {
    for precision in 1..=31 {
        for (signed, bits_allocated) in [(0, 8), (0x80, 8), (0, 16), (0x80, 32), (0, 64)] {
            let mut encoder = Encoder::grey(3, 5, precision);
            encoder.components[0][0] |= signed;
            let layout = layout(3, 5, 1, bits_allocated);
            let decoded = decode(&encoder.encode().1, &layout);
            if u16::from(precision) > bits_allocated {
                assert_eq!(decoded.unwrap_err().kind, PixelErrorKind::Mismatch);
                continue;
            }
            let middle = if signed == 0 {
                1u64 << (precision - 1)
            } else {
                0
            };
            let cell = &middle.to_le_bytes()[..usize::from(bits_allocated) / 8];
            let cells = decoded.unwrap().0;
            assert!(cells.chunks(cell.len()).all(|found| found == cell));
        }
    }
}

#[test]
fn components_transformed_together_are_rgb() {
    for (count, mct, color) in [
        (3, 1, StreamColor::Rgb),
        (3, 0, StreamColor::AsDeclared),
        (4, 1, StreamColor::Four),
        (1, 1, StreamColor::AsDeclared),
    ] {
        let encoder = Encoder {
            components: vec![[7, 1, 1]; count],
            mct,
            ..Encoder::grey(4, 4, 8)
        };
        let (_, stream) = encoder.encode();
        let header = Jpeg2000.header(&stream, &layout(4, 4, 3, 8)).unwrap();
        assert_eq!(header.color, color);
    }
}

#[test]
fn subsampled_components_and_an_image_off_the_origin() {
    let encoder = Encoder {
        origin: [3, 5],
        tile: [64, 64],
        components: vec![[7, 1, 1], [7, 2, 2], [7, 2, 1]],
        ..Encoder::grey(9, 13, 8)
    };
    let (out, decoded) = decode(&encoder.encode().1, &layout(9, 13, 3, 8)).unwrap();
    assert_eq!(decoded.incomplete, None);
    assert!(out.iter().all(|&sample| sample == 128));
}

#[test]
fn what_divides_the_image_too_finely_is_refused_at_once() {
    let grey = || Encoder::grey(2000, 2000, 8);
    // Parameters are levels, code-block's exponents - 2, style, wavelet, precincts.
    for (encoder, words) in [
        (
            Encoder {
                tile: [1, 200],
                ..grey()
            },
            "tiles",
        ),
        (
            Encoder {
                style: vec![0, 4, 4, 0, 1, 0x11],
                ..grey()
            },
            "packets",
        ),
        (
            Encoder {
                layers: 65_535,
                style: vec![1, 4, 4, 0, 1],
                ..grey()
            },
            "packets",
        ),
        (
            Encoder {
                layers: 1000,
                style: vec![0, 0, 0, 0, 1],
                ..grey()
            },
            "code-blocks",
        ),
    ] {
        let mut stream = encoder.main_header();
        stream.extend([
            0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93, 0, 0xFF, 0xD9,
        ]);
        let begun = std::time::Instant::now();
        let error = decode(&stream, &layout(2000, 2000, 1, 8)).unwrap_err();
        assert!(begun.elapsed().as_millis() < 500);
        assert_eq!(error.kind, PixelErrorKind::Implausible);
        assert!(error.detail.contains(words), "{error}");
    }
}

#[test]
fn a_smaller_resolution_is_half_as_large() {
    let encoder = Encoder {
        style: vec![2, 4, 4, 0, 1],
        ..Encoder::grey(9, 13, 8)
    };
    let mut stream = encoder.main_header();
    stream.extend([
        0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 17, 0, 1, 0xFF, 0x93, 0, 0, 0, 0xFF, 0xD9,
    ]);
    let layout = layout(9, 13, 1, 8);
    for (reduce, samples) in [(0, 117), (1, 35), (2, 12)] {
        let options = DecodeOptions {
            reduce,
            ..DecodeOptions::default()
        };
        let mut out = vec![0; samples];
        Jpeg2000
            .decode(&stream, &layout, &options, &mut out)
            .unwrap();
        assert!(out.iter().all(|&sample| sample == 128));
        let longer = &mut vec![0; samples + 1];
        let refused = Jpeg2000
            .decode(&stream, &layout, &options, longer)
            .unwrap_err();
        assert_eq!(refused.kind, PixelErrorKind::Argument);
    }
    let options = DecodeOptions {
        reduce: 3,
        ..DecodeOptions::default()
    };
    let refused = Jpeg2000
        .decode(&stream, &layout, &options, &mut [0; 4])
        .unwrap_err();
    assert_eq!(refused.kind, PixelErrorKind::Argument);
}

#[test]
fn mutants_end_with_words_or_samples() {
    let (stream, layout) = (golden(), layout(12, 16, 1, 16));
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
        let _ = decode(&mutant, &layout);
    }
    assert!(begun.elapsed().as_secs() < 60);
}
