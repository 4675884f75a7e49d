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
    /// Zeros the rows of `out` (samples) that are not real. One of native planes has none that are.
    fn incomplete(self, layout: &FrameLayout, out: &mut [u8]) -> Option<Incomplete> {
        let Inflated::Part(bytes, error) = self else {
            return None;
        };
        let row_bits = layout.stored_frame_bits().unwrap_or(u64::MAX) / u64::from(layout.rows);
        let by_plane = layout.samples_per_pixel > 1
            && layout.planar_configuration == crate::layout::PlanarConfiguration::ByPlane;
        let rows = match bytes as u64 * 8 / row_bits.max(1) {
            rows if !by_plane => rows.min(u64::from(layout.rows)) as u32,
            _ => 0,
        };
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
