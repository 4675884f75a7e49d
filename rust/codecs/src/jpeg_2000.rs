//! JPEG 2000 and HTJ2K: ITU-T T.800, T.814.
//!
//! OpenJPEG does the decoding, behind our own reading of the code stream: `header` (what the image is), `bounds` (what
//! decoding may cost) and `tile_parts` (what is there). JP2 boxes, which DICOM forbids (PS3.5 §A.4.4) and some write, are passed:
//! `boxes`. The multiple component transformation is undone by the decoder, so its result is RGB whatever else is declared.

mod bounds;
mod boxes;
mod cells;
mod header;
mod openjpeg;
mod tile_parts;

use crate::decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;
use header::MainHeader;
use openjpeg::How;
use tile_parts::TileParts;

/// JPEG 2000 and HTJ2K: ITU-T T.800, T.814.
#[derive(Clone, Copy, Debug)]
pub struct Jpeg2000;

impl Decoder for Jpeg2000 {
    fn header(&self, code_stream: &[u8], _layout: &FrameLayout) -> Result<StreamHeader> {
        let header = MainHeader::read(boxes::code_stream(code_stream)?)?;
        let (rows, columns) = header.size(0);
        Ok(StreamHeader {
            rows,
            columns,
            components: header.components.len() as u16,
            precision: header.precision(),
            signed: Some(header.is_signed()),
            color: header.color(),
            lossless: header.is_reversible(),
        })
    }

    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded> {
        let stream = boxes::code_stream(code_stream)?;
        let header = MainHeader::read(stream)?;
        let cell = cell_size(&header, layout, options.reduce, out)?;
        let parts = TileParts::read(stream, &header)?;
        bounds::check(&header, &parts, stream.len())?;
        let stream = parts.corrected(stream, &header);
        let how = How {
            reduce: options.reduce,
            threads: options.threads_for(threads_worth(&header, stream.len())),
            strict: true,
        };
        let (image, incomplete) = match openjpeg::decode(&stream, &header, how) {
            Ok(image) => (image, parts.missing(&header)),
            Err(fault) => {
                // Again, with what is there, and without stopping at the first packet that does not fit.
                let rest = parts.repaired(stream.into_owned());
                let how = How {
                    threads: 1,
                    strict: false,
                    ..how
                };
                let image =
                    openjpeg::decode(&rest, &header, how).map_err(|_| refused(&header, &fault))?;
                let rows = parts.missing(&header).map_or(0, |missing| missing.rows);
                let error = PixelError::new(PixelErrorKind::Stored, fault);
                (image, Some(Incomplete { rows, error }))
            }
        };
        let mut planes = image.planes();
        if let Some(order) = boxes::component_of_color(code_stream, planes.len()) {
            planes = order
                .iter()
                .filter_map(|&of| planes.get(of).copied())
                .collect();
        }
        cells::interleave(&planes, cell, header.size(options.reduce), out)?;
        Ok(Decoded {
            color: header.color(),
            incomplete: incomplete.map(|incomplete| Incomplete {
                rows: incomplete.rows >> options.reduce.min(31),
                ..incomplete
            }),
        })
    }
}

/// Threads among which OpenJPEG divides code-blocks with a gain: 1.7 to 1.9 times as fast with two. Blocks of HTJ2K are decoded in less
/// time than it takes to hand them out: 9.1 ms for 1024 x 1024, 9.4 with two threads.
fn threads_worth(header: &MainHeader, length: usize) -> u64 {
    /// They take some 3 ms, a thread a tenth of one to start. Inputs of a fuzzer are short.
    const BYTES_A_THREAD: usize = if cfg!(fuzzing) { 64 } else { 32 << 10 };
    match header.style.high_throughput {
        true => 1,
        false => (length / BYTES_A_THREAD) as u64,
    }
}

/// What OpenJPEG complained of.
fn refused(header: &MainHeader, fault: &str) -> PixelError {
    if header.is_layered_htj2k() {
        let layers = header.layers;
        let detail =
            format!("HTJ2K of {layers} quality layers, which OpenJPEG can't decode: {fault}");
        return PixelError::new(PixelErrorKind::Unsupported, detail);
    }
    PixelError::new(PixelErrorKind::Stored, fault.to_owned())
}

/// Bytes of a cell of `out`, which must be as long as layout and code stream both say.
fn cell_size(header: &MainHeader, layout: &FrameLayout, reduce: u8, out: &[u8]) -> Result<usize> {
    if reduce > header.style.levels {
        let levels = header.style.levels;
        let detail =
            format!("reduce is {reduce}, the code stream has {levels} smaller resolutions");
        return Err(PixelError::new(PixelErrorKind::Argument, detail));
    }
    let ((rows, columns), shown) = (header.size(reduce), layout.reduced(reduce));
    if (rows, columns) != (shown.rows, shown.columns) {
        let detail = "reduce of an image area that does not begin where its reference grid does";
        return Err(PixelError::new(PixelErrorKind::Unsupported, detail));
    }
    let cell = layout.sample_type()?.size();
    if usize::from(header.precision()) > 8 * cell {
        let (found, bits) = (header.precision(), layout.bits_allocated);
        let detail = format!("the code stream has {found} bits, Bits Allocated is {bits}");
        return Err(PixelError::new(PixelErrorKind::Mismatch, detail));
    }
    let samples = u64::from(rows) * u64::from(columns) * header.components.len() as u64;
    if samples.checked_mul(cell as u64) != Some(out.len() as u64) {
        let detail = format!(
            "the code stream has {samples} samples of {cell} bytes, out has {} bytes",
            out.len()
        );
        return Err(PixelError::new(PixelErrorKind::Argument, detail));
    }
    Ok(cell)
}

#[cfg(test)]
mod tests;
