//! JPEG with DCT: ITU-T T.81, baseline, extended sequential and progressive, 8 and 12 bits.
//!
//! libjpeg-turbo does the decoding; what it is told of colour is decided here. What the code stream says of its components holds
//! over Photometric Interpretation, which holds where the code stream says nothing: PS3.5 §8.2.1, PS3.3 C.7.6.3.1.2.
//! Where libjpeg would take another decision, or would stumble over what real files have (no EOI, no number of lines, junk
//! between the segments), it is given a copy of the code stream with a head that leaves no choice: `head`.

mod head;
mod rows;
mod turbo;

use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;
use crate::marker::{FrameHeader, end_of_image};
use crate::photometric::PhotometricInterpretation;
use std::borrow::Cow;

/// JPEG with DCT: ITU-T T.81.
#[derive(Clone, Copy, Debug)]
pub struct Jpeg;

impl Decoder for Jpeg {
    fn header(&self, code_stream: &[u8], layout: &FrameLayout) -> Result<StreamHeader> {
        let header = FrameHeader::read(code_stream)?;
        let image = Image::of(&header, layout)?;
        plausible(&header, &image, code_stream.len())?;
        Ok(StreamHeader {
            rows: image.rows,
            columns: image.columns,
            components: image.components as u16,
            precision: u16::from(header.precision),
            signed: None,
            color: header.color(),
            lossless: false,
        })
    }

    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded> {
        if options.reduce != 0 {
            let detail = "JPEG has no smaller resolutions inside; reduce must be 0";
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let header = FrameHeader::read(code_stream)?;
        let image = Image::of(&header, layout)?;
        let cell = cell_size(&image, layout, out)?;
        let stored = stored_color(&header, layout);
        let to_rgb = stored == StreamColor::Ybr && !options.raw;
        let has_end = end_of_image(code_stream).is_some();
        let mut stream = head::cut(code_stream);
        if head::libjpeg_guess(&header) != head::Components::of(stored, to_rgb)
            || header.rows == 0
            || !has_end
            || !head::scan_parameters_are_sound(&stream, &header)
        {
            stream = Cow::Owned(head::rewrite(code_stream, &header, &image, to_rgb));
        }
        // Samples of the code stream's own size at the end of `out`; they are brought to cells below.
        let size = image.sample_size();
        let first = out.len() - image.samples() * size;
        let samples = out.get_mut(first..).unwrap_or_default();
        let mut incomplete = None;
        match turbo::decode(&stream, &image, false, samples) {
            Ok(None) if has_end => {}
            // libjpeg sees no fault in a code stream that ends between two scans.
            Ok(None) => incomplete = rows::missing_scan(code_stream, &header),
            Err(fatal) => return Err(PixelError::new(PixelErrorKind::Stored, fatal)),
            Ok(Some(_)) => {
                let clean = head::rewrite(code_stream, &header, &image, to_rgb);
                incomplete = rows::decode_what_is_there(&clean, &image, samples)?;
            }
        }
        widen(out, first, size, cell);
        Ok(Decoded {
            color: if to_rgb { StreamColor::Rgb } else { stored },
            incomplete,
        })
    }
}

/// The size of an image, as its frame header has it.
#[derive(Clone, Copy, Debug)]
struct Image {
    rows: u32,
    columns: u32,
    components: usize,
    precision: u8,
}

impl Image {
    /// Of a frame that libjpeg can decode.
    fn of(header: &FrameHeader, layout: &FrameLayout) -> Result<Image> {
        let unsupported =
            |detail: String| Err(PixelError::new(PixelErrorKind::Unsupported, detail));
        let process = header.marker;
        // SOF0, 1, 2 with Huffman codes, SOF9, 10 with arithmetic ones: T.81 table B.1.
        if !matches!(process, 0xC0..=0xC2 | 0xC9 | 0xCA) {
            return unsupported(format!(
                "the frame header is FF {process:02X}: no sequential or progressive JPEG with DCT"
            ));
        }
        if !matches!(header.precision, 8 | 12) {
            let found = header.precision;
            return unsupported(format!("JPEG with DCT of {found} bits, expected 8 or 12"));
        }
        let components = header.components.len();
        if !matches!(components, 1 | 3 | 4) {
            return unsupported(format!(
                "JPEG of {components} components, expected 1, 3 or 4"
            ));
        }
        if header.columns == 0 {
            let detail = "the frame header says 0 columns";
            return Err(PixelError::new(PixelErrorKind::Stored, detail));
        }
        Ok(Image {
            // T.81 B.2.5: the number of lines may follow the first scan. The data set has it already.
            rows: match header.rows {
                0 => layout.rows.min(u32::from(u16::MAX)),
                rows => u32::from(rows),
            },
            columns: u32::from(header.columns),
            components,
            precision: header.precision,
        })
    }

    /// Samples of a row: at most 4 × 65,535.
    fn row_samples(&self) -> usize {
        self.columns as usize * self.components
    }

    fn samples(&self) -> usize {
        self.rows as usize * self.row_samples()
    }

    /// Bytes of a sample as libjpeg gives it.
    fn sample_size(&self) -> usize {
        if self.precision > 8 { 2 } else { 1 }
    }
}

/// What the components are: the code stream's word, else Photometric Interpretation's, else what every encoder writes.
fn stored_color(header: &FrameHeader, layout: &FrameLayout) -> StreamColor {
    use PhotometricInterpretation as P;
    match (header.color(), header.components.len()) {
        (StreamColor::AsDeclared, 3) => match layout.photometric_interpretation {
            P::Rgb => StreamColor::Rgb,
            P::Hsv | P::Argb | P::Cmyk | P::Xyb => StreamColor::AsDeclared,
            _ => StreamColor::Ybr,
        },
        (said, _) => said,
    }
}

/// A block of 8 × 8 takes a bit at least (a DC difference of 0), two with the end of block that sequential frames need: a code
/// stream that is too short for its frame holds none. Arithmetic codes have no such bound.
fn plausible(header: &FrameHeader, image: &Image, length: usize) -> Result<()> {
    let factor = |of: fn(&crate::marker::FrameComponent) -> u8| {
        let all = header.components.iter().map(of);
        u64::from(all.max().unwrap_or(1).max(1))
    };
    let (h, v) = (factor(|c| c.horizontal), factor(|c| c.vertical));
    let units = u64::from(image.columns).div_ceil(8 * h) * u64::from(image.rows).div_ceil(8 * v);
    let bits = match header.marker {
        0xC0 | 0xC1 => 2,
        0xC2 => 1,
        _ => return Ok(()),
    };
    let least = units * bits * image.components as u64 / 8;
    if least <= length as u64 {
        return Ok(());
    }
    let (rows, columns) = (image.rows, image.columns);
    let detail = format!(
        "{length} bytes can't hold a JPEG of {rows} x {columns} pixels, which takes {least} at least"
    );
    Err(PixelError::new(PixelErrorKind::Implausible, detail))
}

/// Bytes of a cell of `out`, which must be as long as layout and frame header both say.
fn cell_size(image: &Image, layout: &FrameLayout, out: &[u8]) -> Result<usize> {
    let cell = layout.sample_type()?.size();
    if cell < image.sample_size() {
        let (found, bits) = (image.precision, layout.bits_allocated);
        let detail = format!("the code stream has {found} bits, Bits Allocated is {bits}");
        return Err(PixelError::new(PixelErrorKind::Mismatch, detail));
    }
    let expected = image.samples().checked_mul(cell);
    if expected != Some(out.len()) {
        let detail = format!(
            "the code stream has {} samples of {cell} bytes, out has {} bytes",
            image.samples(),
            out.len()
        );
        return Err(PixelError::new(PixelErrorKind::Argument, detail));
    }
    Ok(cell)
}

/// Brings samples of `size` bytes, which lie from byte `first` to the end of `out`, to cells of `cell` bytes.
fn widen(out: &mut [u8], first: usize, size: usize, cell: usize) {
    if size == cell {
        return;
    }
    // Sample n is read at first + n·size, which is never before its cell's end n·cell + cell - 1 has been passed by the reads.
    for n in 0..out.len() / cell {
        let mut value = [0; 2];
        if let (Some(from), Some(to)) = (out.get(first + n * size..), value.get_mut(..size)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        let wide = match size {
            1 => u64::from(value[0]),
            _ => u64::from(u16::from_ne_bytes(value)),
        };
        let Some(to) = out.get_mut(n * cell..n * cell + cell) else {
            return;
        };
        match cell {
            2 => to.copy_from_slice(&(wide as u16).to_ne_bytes()),
            4 => to.copy_from_slice(&(wide as u32).to_ne_bytes()),
            _ => to.copy_from_slice(&wide.to_ne_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
