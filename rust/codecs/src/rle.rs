//! RLE Lossless: PS3.5 Annex G.
//!
//! A frame is cut into byte planes, most significant byte first, and each plane is one segment of literals and runs. All segments are
//! decoded side by side, a block of pixels at a time, so that their bytes are still in the first cache when they become samples.

mod segment;
#[cfg(test)]
mod tests;

use crate::decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;
use crate::packed::unpack_1;
use crate::planar::interleave;
use segment::{BLOCK, Segment, encoded_length};
use std::ops::Range;

/// RLE Lossless: PS3.5 Annex G.
#[derive(Clone, Copy, Debug)]
pub struct Rle;

impl Decoder for Rle {
    fn header(&self, code_stream: &[u8], layout: &FrameLayout) -> Result<StreamHeader> {
        segments(code_stream, layout)?;
        Ok(StreamHeader {
            rows: layout.rows,
            columns: layout.columns,
            components: layout.samples_per_pixel,
            precision: layout.bits_stored,
            signed: None,
            color: StreamColor::AsDeclared,
            lossless: true,
        })
    }

    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        _options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded> {
        if layout.decoded_frame_bytes()? != out.len() as u64 {
            let (found, expected) = (out.len(), layout.decoded_frame_bytes()?);
            let detail = format!("out has {found} bytes, expected {expected}");
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let whole = byte_plane(layout)?;
        let segments = segments(code_stream, layout)?;
        let mut decoded = decode_segments(code_stream, &segments, layout, out)?;
        if decoded != whole
            && let Some(walked) = walked_segments(code_stream, segments.len(), whole)
        {
            decoded = decode_segments(code_stream, &walked, layout, out)?;
        }
        if decoded == whole {
            return Ok(Decoded::whole(StreamColor::AsDeclared));
        }
        ends_early(decoded, whole, code_stream.len(), layout, out)
    }
}

/// Decodes as far as all segments go; returns how many bytes that is of each.
fn decode_segments(
    code_stream: &[u8],
    segments: &[Range<usize>],
    layout: &FrameLayout,
    out: &mut [u8],
) -> Result<usize> {
    let encoded = |range: &Range<usize>| code_stream.get(range.clone()).unwrap_or_default();
    let mut segments: Vec<Segment> = segments.iter().map(|r| Segment::new(encoded(r))).collect();
    match layout.bits_allocated {
        1 => Ok(decode_bits(&mut segments, out)),
        _ => decode_bytes(&mut segments, layout, out),
    }
}

/// The rows before the first pixel that some segment lacks are real; where there is none, there is no image.
#[cold]
fn ends_early(
    decoded: usize,
    whole: usize,
    length: usize,
    layout: &FrameLayout,
    out: &mut [u8],
) -> Result<Decoded> {
    let error = PixelError::new(
        PixelErrorKind::Stored,
        format!("an RLE segment decodes to {decoded} bytes, expected {whole}"),
    )
    .at(length as u64);
    let pixels = if layout.bits_allocated == 1 {
        decoded * 8
    } else {
        decoded
    };
    let rows = pixels / (layout.columns as usize).max(1);
    if rows == 0 {
        return Err(error);
    }
    let row_bytes = out.len() / (layout.rows as usize).max(1);
    if let Some(rest) = out.get_mut(rows * row_bytes..) {
        rest.fill(0);
    }
    Ok(Decoded {
        color: StreamColor::AsDeclared,
        incomplete: Some(Incomplete {
            rows: rows as u32,
            error,
        }),
    })
}

/// Bytes that each segment decodes to: one a pixel; of 1-bit pixels eight share one, as in native data (PS3.5 §8.1.1).
fn byte_plane(layout: &FrameLayout) -> Result<usize> {
    let pixels = layout.pixels_per_frame();
    let bytes = if layout.bits_allocated == 1 {
        pixels.div_ceil(8)
    } else {
        pixels
    };
    usize::try_from(bytes)
        .map_err(|_| PixelError::new(PixelErrorKind::Layout, "the frame does not fit in memory"))
}

/// Byte planes of one sample: PS3.5 §G.2.
fn planes_per_sample(layout: &FrameLayout) -> Result<usize> {
    match layout.bits_allocated {
        // More samples of one bit would share their bytes in ways that the standard does not define.
        1 if layout.samples_per_pixel == 1 => Ok(1),
        bits if bits.is_multiple_of(8) && bits > 0 => Ok(usize::from(bits / 8)),
        bits => Err(PixelError::new(
            PixelErrorKind::Unsupported,
            format!(
                "RLE with {bits} bits allocated; expected 1 (one sample per pixel) or whole bytes"
            ),
        )),
    }
}

/// Where the segments lie, in the order of their planes: PS3.5 §G.5. Each may hold what is promised of it.
fn segments(code_stream: &[u8], layout: &FrameLayout) -> Result<Vec<Range<usize>>> {
    let expected = usize::from(layout.samples_per_pixel) * planes_per_sample(layout)?;
    if !(1..=15).contains(&expected) {
        let detail = format!("the layout needs {expected} RLE segments, expected 1 to 15");
        return Err(PixelError::new(PixelErrorKind::Unsupported, detail));
    }
    let plane = byte_plane(layout)?;
    // A table that can't be right is replaced where the segments themselves say, to the byte, where each ends.
    declared_segments(code_stream, expected)
        .and_then(|segments| plausible(segments, plane))
        .or_else(|error| walked_segments(code_stream, expected, plane).ok_or(error))
}

fn plausible(segments: Vec<Range<usize>>, plane: usize) -> Result<Vec<Range<usize>>> {
    let bound = |segment: &Range<usize>| segment.len() as u64 * MOST_BYTES_PER_BYTE;
    match segments
        .iter()
        .find(|segment| plane as u64 > bound(segment))
    {
        None => Ok(segments),
        Some(segment) => {
            let found = segment.len();
            let detail = format!("an RLE segment of {found} bytes can't decode to {plane}");
            let error = PixelError::new(PixelErrorKind::Implausible, detail);
            Err(error.at(segment.start as u64))
        }
    }
}

/// A run of two bytes decodes to at most 128: PS3.5 §G.3.1.
const MOST_BYTES_PER_BYTE: u64 = 64;

/// The header: the number of segments and the offset of each, sixteen 32-bit words (PS3.5 §G.5).
const HEADER: usize = 64;

/// The segments by the header, in whatever order they lie.
fn declared_segments(code_stream: &[u8], expected: usize) -> Result<Vec<Range<usize>>> {
    let stored = |detail: String| PixelError::new(PixelErrorKind::Stored, detail);
    let header = code_stream.first_chunk::<HEADER>().ok_or_else(|| {
        let length = code_stream.len();
        stored(format!(
            "the RLE header has {length} bytes, expected {HEADER}"
        ))
        .at(0)
    })?;
    let mut words = header
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word));
    let found = words.next().unwrap_or(0);
    if found as usize != expected {
        let detail =
            format!("the RLE header counts {found} segments, the data set needs {expected}");
        return Err(PixelError::new(PixelErrorKind::Mismatch, detail).at(0));
    }
    let starts: Vec<usize> = words.take(expected).map(|offset| offset as usize).collect();
    starts
        .iter()
        .enumerate()
        .map(|(n, &start)| {
            let at = 4 + 4 * n as u64;
            if !(HEADER..code_stream.len()).contains(&start) {
                let end = code_stream.len();
                let detail =
                    format!("RLE segment {n} begins at {start}, expected {HEADER} to {end}");
                return Err(stored(detail).at(at));
            }
            if starts.iter().filter(|&&other| other == start).count() > 1 {
                let detail = format!("RLE segment {n} begins at {start}, as another does");
                return Err(stored(detail).at(at));
            }
            let end = starts.iter().copied().filter(|&other| other > start).min();
            Ok(start..end.unwrap_or(code_stream.len()))
        })
        .collect()
}

/// The segments by their own runs, if these fill the code stream exactly: each decodes to a whole plane, is padded to an even length
/// (or is not), and begins where the last ended.
fn walked_segments(code_stream: &[u8], expected: usize, plane: usize) -> Option<Vec<Range<usize>>> {
    let mut at = HEADER;
    let mut segments = Vec::with_capacity(expected);
    for _ in 0..expected {
        let length = encoded_length(code_stream.get(at..)?, plane)?;
        let end = (at + length.next_multiple_of(2)).min(code_stream.len());
        segments.push(at..end);
        at = end;
    }
    (at == code_stream.len()).then_some(segments)
}

/// Decodes until all is decoded or a segment ends; returns the pixels that every segment has.
fn decode_bytes(segments: &mut [Segment], layout: &FrameLayout, out: &mut [u8]) -> Result<usize> {
    let planes = planes_per_sample(layout)?.max(1);
    let size = layout.sample_type()?.size();
    let pixel_bytes = usize::from(layout.samples_per_pixel) * size;
    let mut decoded = 0;
    for to in out.chunks_mut(BLOCK * pixel_bytes) {
        let wanted = to.len() / pixel_bytes;
        let got = fill_all(segments, wanted);
        to_samples(segments, planes, size, to);
        decoded += got;
        if got < wanted {
            break;
        }
    }
    Ok(decoded)
}

/// Decodes until all is decoded or the segment ends; returns the bytes that it has.
fn decode_bits(segments: &mut [Segment], out: &mut [u8]) -> usize {
    let mut decoded = 0;
    for to in out.chunks_mut(BLOCK * 8) {
        let wanted = to.len().div_ceil(8);
        let got = fill_all(segments, wanted);
        if let Some(segment) = segments.first() {
            unpack_1(segment.block(), 0, to);
        }
        decoded += got;
        if got < wanted {
            break;
        }
    }
    decoded
}

/// The next block of every segment; the bytes that the shortest has of it.
fn fill_all(segments: &mut [Segment], wanted: usize) -> usize {
    let filled = segments
        .iter_mut()
        .map(|segment| segment.next_block(wanted));
    filled.min().unwrap_or(0)
}

/// A block of every byte plane → interleaved samples of `size` bytes, each of so many planes, in native byte order.
fn to_samples(segments: &[Segment], planes: usize, size: usize, out: &mut [u8]) {
    match (segments, size) {
        ([only], 1) => {
            let block = only.block();
            out.iter_mut().zip(block).for_each(|(to, from)| *to = *from);
        }
        ([high, low], 2) if planes == 2 => {
            let bytes = high.block().iter().zip(low.block());
            for (to, (&high, &low)) in out.as_chunks_mut().0.iter_mut().zip(bytes) {
                *to = u16::from_be_bytes([high, low]).to_ne_bytes();
            }
        }
        (_, 1) => {
            let blocks: Vec<&[u8]> = segments.iter().map(|s| s.block().as_slice()).collect();
            interleave(&blocks, 1, out);
        }
        _ => place_bytes(segments, planes, size, out),
    }
}

/// The same for any number of planes and samples, byte by byte.
fn place_bytes(segments: &[Segment], planes: usize, size: usize, out: &mut [u8]) {
    if planes < size {
        out.fill(0);
    }
    let pixel_bytes = segments.len() / planes * size;
    for (n, segment) in segments.iter().enumerate() {
        let significance = planes - 1 - n % planes;
        let byte = if cfg!(target_endian = "little") {
            significance
        } else {
            size - 1 - significance
        };
        let places = out
            .iter_mut()
            .skip(n / planes * size + byte)
            .step_by(pixel_bytes);
        places
            .zip(segment.block())
            .for_each(|(to, from)| *to = *from);
    }
}
