//! Deflated Image Frame Compression: PS3.5 §A.4.13. Each frame is one deflated stream (RFC 1951) of the frame's native bytes,
//! little endian; what they hold is the business of [`Native`].
//!
//! A zlib header (RFC 1950) is accepted, bytes after the stream's end (the pad to an even length, a checksum) are ignored.

use crate::cells::fill_unused_bits;
use crate::decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::{FrameLayout, SampleFormat};
use crate::native::Native;
use libdeflater::{DecompressionError, Decompressor};

/// No stream is shorter than its content by more: a match of 258 bytes takes two bits.
const GREATEST_RATIO: u64 = 1032;

/// Beyond the end of its input the library reads zeros, up to 64 bits, before it notices: so many matches may be made up, and the
/// copy of the last one may overshoot.
const MADE_UP: usize = 64 * 258 + 64;

/// Few images are deflated to less than this part.
const USUAL_RATIO: usize = 64;

/// How much more than a frame a stream may hold before it is no longer asked how much.
const SURPLUS: usize = 4096;

/// Deflated Image Frame: PS3.5 §A.4.13.
#[derive(Clone, Copy, Debug)]
pub struct Deflate;

impl Decoder for Deflate {
    fn header(&self, _code_stream: &[u8], layout: &FrameLayout) -> Result<StreamHeader> {
        layout.validate()?;
        Ok(StreamHeader {
            rows: layout.rows,
            columns: layout.columns,
            components: layout.samples_per_pixel,
            precision: match layout.sample_format {
                SampleFormat::Float => layout.bits_allocated,
                _ => layout.bits_stored,
            },
            signed: Some(layout.sample_format == SampleFormat::Signed),
            color: StreamColor::AsDeclared,
            lossless: true,
        })
    }

    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded> {
        layout.validate()?;
        if out.len() as u64 != layout.decoded_frame_bytes()? {
            let detail = format!("out has {} bytes, the frame decodes to others", out.len());
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let native = Native {
            little_endian: true,
            ow: false,
            raw: options.raw,
        };
        let stored_bytes = plausible(code_stream, layout)?;
        let incomplete = if is_in_place(native, layout) {
            let found = inflate(code_stream, layout, out)?;
            fill_unused_bits(layout, layout.sample_type()?, out);
            found.incomplete(layout, out)
        } else {
            let mut stored = zeros(stored_bytes)?;
            let found = inflate(code_stream, layout, &mut stored)?;
            match &found {
                // Of YBR_FULL_422 that was never subsampled (3/2 of the length).
                Inflated::Longer(bytes, full) => native.decode(bytes, 0, full, out)?,
                _ => native.decode(&stored, 0, layout, out)?,
            }
            found.incomplete(layout, out)
        };
        let converted = !options.raw && layout.photometric_interpretation.becomes_rgb();
        Ok(Decoded {
            color: if converted {
                StreamColor::Rgb
            } else {
                StreamColor::AsDeclared
            },
            incomplete,
        })
    }
}

#[cold]
fn stored_error(detail: String) -> PixelError {
    PixelError::new(PixelErrorKind::Stored, detail)
}

/// Bytes of the native frame, if so short a stream can hold them.
fn plausible(code_stream: &[u8], layout: &FrameLayout) -> Result<usize> {
    let needed = layout.stored_bytes(1)?;
    let length = code_stream.len() as u64;
    match usize::try_from(needed) {
        Ok(bytes) if needed <= length.saturating_mul(GREATEST_RATIO) => Ok(bytes),
        _ => {
            let detail = format!(
                "a deflated frame of {length} bytes can't hold {needed}: at most {GREATEST_RATIO} times its length"
            );
            Err(PixelError::new(PixelErrorKind::Implausible, detail))
        }
    }
}

/// Whether the native bytes become the samples where they lie, but for unused bits.
fn is_in_place(native: Native, layout: &FrameLayout) -> bool {
    native.is_identity(&FrameLayout {
        bits_stored: layout.bits_allocated,
        ..*layout
    })
}

/// What came out of a stream.
enum Inflated {
    /// All of the frame.
    Whole,
    /// So many bytes of it, the others are zeros.
    Part(usize, PixelError),
    /// The bytes of a frame of another layout than declared.
    Longer(Vec<u8>, FrameLayout),
}

impl Inflated {
    /// Zeros the rows of `out` (samples) that are not real.
    fn incomplete(self, layout: &FrameLayout, out: &mut [u8]) -> Option<Incomplete> {
        let Inflated::Part(bytes, error) = self else {
            return None;
        };
        let rows = layout.rows_in(bytes as u64 * 8).unwrap_or(0);
        let row_bytes = out.len() / layout.rows as usize;
        if let Some(rest) = out.get_mut(rows as usize * row_bytes..) {
            rest.fill(0);
        }
        Some(Incomplete { rows, error })
    }
}

/// Inflates a frame into `stored`, which has its native length.
fn inflate(code_stream: &[u8], layout: &FrameLayout, stored: &mut [u8]) -> Result<Inflated> {
    let mut decompressor = Decompressor::new();
    let mut deflated = code_stream;
    let mut done = decompressor.deflate_decompress(deflated, stored);
    if done == Err(DecompressionError::BadData)
        && let Some(rest) = after_zlib_header(code_stream)
    {
        deflated = rest;
        done = decompressor.deflate_decompress(deflated, stored);
    }
    match done {
        Ok(length) if length == stored.len() => Ok(Inflated::Whole),
        Ok(length) => {
            let detail = format!(
                "the deflated frame holds {length} bytes, expected {}",
                stored.len()
            );
            part(length, stored, stored_error(detail))
        }
        Err(DecompressionError::InsufficientSpace) => longer(deflated, layout, stored),
        Err(DecompressionError::BadData) => {
            let real = real_bytes(deflated, stored)?;
            let error = stored_error("the deflated frame ends early or is damaged".to_owned());
            part(real, stored, error)
        }
    }
}

fn part(length: usize, stored: &mut [u8], error: PixelError) -> Result<Inflated> {
    if length == 0 {
        return Err(error);
    }
    if let Some(rest) = stored.get_mut(length..) {
        rest.fill(0);
    }
    Ok(Inflated::Part(length, error))
}

/// All that a deflated data set holds, or a zlib stream, if it is whole and holds at most `most` bytes: at once, several
/// times as fast as stretch by stretch. PS3.5 §A.5
///
/// Nothing is tried where `most` is out of proportion to the stream: it is what a file declares.
pub fn inflate_at_once(stream: &[u8], zlib: bool, most: u64) -> Option<Vec<u8>> {
    let most = usize::try_from(most).ok()?;
    if most > stream.len().saturating_mul(USUAL_RATIO) {
        return None;
    }
    let mut content = zeros(most).ok()?;
    let mut decompressor = Decompressor::new();
    let done = match zlib {
        true => decompressor.zlib_decompress(stream, &mut content),
        false => decompressor.deflate_decompress(stream, &mut content),
    };
    content.truncate(done.ok()?);
    Some(content)
}

/// RFC 1950: method 8, a window of at most 32 KiB, no preset dictionary, the check bits.
fn after_zlib_header(code_stream: &[u8]) -> Option<&[u8]> {
    let (&[method, flags], rest) = code_stream.split_first_chunk::<2>()?;
    let header = u16::from_be_bytes([method, flags]);
    (method & 0x0F == 8 && method >> 4 <= 7 && flags & 0x20 == 0 && header.is_multiple_of(31))
        .then_some(rest)
}

/// A stream that holds more than the frame: its pad to an even length, or Cb and Cr that were never subsampled.
fn longer(deflated: &[u8], layout: &FrameLayout, stored: &mut [u8]) -> Result<Inflated> {
    let full = match layout.is_subsampled() {
        true => stored.len() / 2,
        false => 0,
    };
    let mut bytes = zeros(stored.len().saturating_add(full).saturating_add(SURPLUS))?;
    match Decompressor::new().deflate_decompress(deflated, &mut bytes) {
        Ok(length) => {
            bytes.truncate(length);
            if let (full, true) = layout.as_found(length as u64, 1)? {
                return Ok(Inflated::Longer(bytes, full));
            }
        }
        // No match is longer than 258 bytes, so all before them is there.
        Err(DecompressionError::InsufficientSpace) => {}
        Err(DecompressionError::BadData) => {
            return Err(stored_error(
                "the deflated frame is longer than the frame, and damaged".to_owned(),
            ));
        }
    }
    if let Some(bytes) = bytes.get(..stored.len()) {
        stored.copy_from_slice(bytes);
    }
    Ok(Inflated::Whole)
}

/// How many bytes a damaged stream surely gives: those that come out the same over zeros and over ones. The library does not say.
fn real_bytes(deflated: &[u8], stored: &mut [u8]) -> Result<usize> {
    let mut again = zeros(stored.len())?;
    again.fill(0xFF);
    stored.fill(0);
    let mut decompressor = Decompressor::new();
    let _ = decompressor.deflate_decompress(deflated, stored);
    let _ = decompressor.deflate_decompress(deflated, &mut again);
    let same = stored.iter().zip(&again).take_while(|(a, b)| a == b);
    Ok(same.count().saturating_sub(MADE_UP))
}

fn zeros(length: usize) -> Result<Vec<u8>> {
    let mut zeros = Vec::new();
    if zeros.try_reserve_exact(length).is_err() {
        let detail = format!("no memory for {length} bytes");
        return Err(PixelError::new(PixelErrorKind::Argument, detail));
    }
    zeros.resize(length, 0);
    Ok(zeros)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::layout::PlanarConfiguration;
    use crate::photometric::PhotometricInterpretation;
    use libdeflater::{CompressionLvl, Compressor};

    fn deflated(bytes: &[u8], zlib: bool) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
        let length = match zlib {
            true => compressor.zlib_compress(bytes, &mut out),
            false => compressor.deflate_compress(bytes, &mut out),
        };
        out.truncate(length.unwrap());
        out
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
            photometric_interpretation: match samples_per_pixel {
                1 => PhotometricInterpretation::Monochrome2,
                _ => PhotometricInterpretation::Rgb,
            },
        }
    }

    /// Neither all alike nor without order.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|n| (n / 7) as u8 ^ next() & 3).collect()
    }

    fn decode(code_stream: &[u8], layout: &FrameLayout) -> Result<(Vec<u8>, Decoded)> {
        let mut out = vec![0xA5; layout.decoded_frame_bytes()? as usize];
        let options = DecodeOptions::default();
        let done = Deflate.decode(code_stream, layout, &options, &mut out)?;
        Ok((out, done))
    }

    #[test]
    fn a_whole_stream_at_once() {
        let content: Vec<u8> = (0..40_000u32).map(|n| ((n * n) >> 7) as u8).collect();
        for zlib in [false, true] {
            let stream = deflated(&content, zlib);
            let most = content.len() as u64;
            for room in [most, most + 4096] {
                assert_eq!(
                    inflate_at_once(&stream, zlib, room).as_ref(),
                    Some(&content)
                );
            }
            assert_eq!(inflate_at_once(&stream, zlib, most - 1), None);
            assert_eq!(
                inflate_at_once(&stream[..stream.len() / 2], zlib, most),
                None
            );
            // What a file declares is not allocated for a stream that can hardly hold it.
            assert_eq!(inflate_at_once(&stream, zlib, 1 << 40), None);
        }
    }

    #[test]
    fn raw_streams_zlib_headers_and_pads() {
        let layout = layout(31, 17, 3, 8);
        let native = noise(31 * 17 * 3);
        for zlib in [false, true] {
            let mut code_stream = deflated(&native, zlib);
            for _ in 0..2 {
                let (out, done) = decode(&code_stream, &layout).unwrap();
                assert!(out == native && done.incomplete.is_none());
                code_stream.push(0);
            }
        }
    }

    #[test]
    fn native_pads_are_no_samples() {
        let layout = layout(3, 5, 1, 8);
        let mut native = noise(15);
        let expected = native.clone();
        native.push(0);
        assert_eq!(
            decode(&deflated(&native, false), &layout).unwrap().0,
            expected
        );
        native.resize(100_000, 7);
        assert_eq!(
            decode(&deflated(&native, false), &layout).unwrap().0,
            expected
        );
    }

    #[test]
    fn planes_bits_and_colours_as_native() {
        let planes = FrameLayout {
            planar_configuration: PlanarConfiguration::ByPlane,
            ..layout(1, 2, 3, 8)
        };
        let (out, _) = decode(&deflated(&[1, 2, 3, 4, 5, 6], false), &planes).unwrap();
        assert_eq!(out, [1, 3, 5, 2, 4, 6]);
        let bits = FrameLayout {
            bits_allocated: 1,
            ..layout(1, 9, 1, 1)
        };
        let (out, _) = decode(&deflated(&[0b1010_0001, 1], false), &bits).unwrap();
        assert_eq!(out, [1, 0, 0, 0, 0, 1, 0, 1, 1]);
        let signed = FrameLayout {
            sample_format: SampleFormat::Signed,
            ..layout(1, 2, 1, 12)
        };
        let (out, _) = decode(&deflated(&[0xFF, 0x0F, 0xFF, 0x07], false), &signed).unwrap();
        let expected: Vec<u8> = [-1_i16, 2047].map(i16::to_ne_bytes).concat();
        assert_eq!(out, expected);
        let ybr = FrameLayout {
            photometric_interpretation: PhotometricInterpretation::YbrFull422,
            ..layout(1, 2, 3, 8)
        };
        for native in [&[100, 200, 128, 128][..], &[100, 128, 128, 200, 128, 128]] {
            let (out, done) = decode(&deflated(native, false), &ybr).unwrap();
            assert_eq!(out, [100, 100, 100, 200, 200, 200]);
            assert_eq!(done.color, StreamColor::Rgb);
        }
    }

    #[test]
    fn bombs_are_implausible() {
        let error = decode(&[3, 0], &layout(65_535, 655, 1, 8)).unwrap_err();
        assert_eq!(error.kind, PixelErrorKind::Implausible);
    }

    /// Rows said to be real are, the others are zeros, and no prefix is taken for a whole.
    #[test]
    fn every_prefix_says_so() {
        let layout = layout(300, 128, 1, 8);
        let native = noise(300 * 128);
        let code_stream = deflated(&native, false);
        let mut most = 0;
        for length in (0..code_stream.len()).step_by(13) {
            let Ok((out, done)) = decode(&code_stream[..length], &layout) else {
                continue;
            };
            let real = done.incomplete.unwrap().rows as usize * 128;
            assert!(out[..real] == native[..real] && out[real..].iter().all(|&b| b == 0));
            most = most.max(real);
        }
        assert!(most > 128 * 100, "{most}");
        let (out, done) = decode(&deflated(&native[..1000], false), &layout).unwrap();
        assert_eq!(done.incomplete.unwrap().rows, 7);
        assert!(out[..7 * 128] == native[..7 * 128] && out[7 * 128..].iter().all(|&b| b == 0));
    }

    #[test]
    fn mutants_end_with_a_result() {
        let layout = layout(20, 33, 1, 16);
        let whole = deflated(&noise(20 * 33 * 2), false);
        let mut state = 7_usize;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2500 {
            let mut code_stream = whole.clone();
            for _ in 0..=next(3) {
                let at = next(code_stream.len());
                code_stream[at] = next(256) as u8;
            }
            let _ = decode(&code_stream, &layout);
        }
    }
}
