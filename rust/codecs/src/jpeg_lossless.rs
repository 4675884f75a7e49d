//! JPEG's lossless processes: ITU-T T.81 Annex H.
//!
//! Huffman coding (SOF3) alone; arithmetic coding and hierarchical frames are in no DICOM Transfer Syntax.

mod bits;
mod huffman;
mod predict;
mod scan;
#[cfg(test)]
mod tests;

use crate::decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::{FrameLayout, SampleFormat};
use crate::marker::{FrameHeader, Segments};
use huffman::Definitions;
use scan::{Image, Scan};

/// JPEG's lossless processes: ITU-T T.81 Annex H.
#[derive(Clone, Copy, Debug)]
pub struct JpegLossless;

impl Decoder for JpegLossless {
    fn header(&self, code_stream: &[u8], layout: &FrameLayout) -> Result<StreamHeader> {
        let header = frame_header(code_stream)?;
        let rows = match header.rows {
            0 => number_of_lines(code_stream).map_or(layout.rows, u32::from),
            rows => u32::from(rows),
        };
        let columns = u32::from(header.columns);
        let components = header.components.len() as u16;
        let samples = u64::from(rows) * u64::from(columns) * u64::from(components);
        let length = code_stream.len() as u64;
        if samples > length * MOST_SAMPLES_PER_BYTE {
            let detail = format!("a code stream of {length} bytes can't hold {samples} samples");
            return Err(PixelError::new(PixelErrorKind::Implausible, detail));
        }
        Ok(StreamHeader {
            rows,
            columns,
            components,
            precision: u16::from(header.precision),
            signed: None,
            color: color(&header),
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
        let header = frame_header(code_stream)?;
        let mut image = image(&header, layout, out)?;
        decode_scans(code_stream, &header, &mut image)?;
        let incomplete = match image.broken {
            None => None,
            Some((0, error)) => return Err(error),
            Some((rows, error)) => Some(Incomplete {
                rows: rows as u32,
                error,
            }),
        };
        Ok(Decoded {
            color: color(&header),
            incomplete,
        })
    }
}

/// Every code has at least one bit.
const MOST_SAMPLES_PER_BYTE: u64 = 8;

/// The frame header, if it is of a kind that is decoded here.
fn frame_header(code_stream: &[u8]) -> Result<FrameHeader> {
    let unsupported = |detail: String| Err(PixelError::new(PixelErrorKind::Unsupported, detail));
    let header = FrameHeader::read(code_stream)?;
    if header.marker != 0xC3 {
        return unsupported(format!(
            "frame header SOF{}, expected SOF3",
            header.marker & 15
        ));
    }
    if !(2..=16).contains(&header.precision) {
        let detail = format!("the precision is {}, expected 2 to 16", header.precision);
        return Err(PixelError::new(PixelErrorKind::Stored, detail));
    }
    // Sampling factors of a lone component mean nothing (T.81 §A.2.2).
    let subsampled = header
        .components
        .iter()
        .any(|c| (c.horizontal, c.vertical) != (1, 1));
    if header.components.len() > 1 && subsampled {
        return unsupported("lossless JPEG with sampling factors other than 1".to_owned());
    }
    if header.components.len() > 4 {
        return unsupported(format!(
            "{} components, expected 1 to 4",
            header.components.len()
        ));
    }
    Ok(header)
}

/// An Adobe segment tells; without it encoders that keep every bit leave components as they are, whatever JFIF says.
fn color(header: &FrameHeader) -> StreamColor {
    match (header.components.len(), header.adobe_transform) {
        (3, Some(0)) => StreamColor::Rgb,
        (3, Some(_)) => StreamColor::Ybr,
        (4, _) => StreamColor::Four,
        _ => StreamColor::AsDeclared,
    }
}

/// The number of lines by the DNL segment behind the first scan: T.81 §B.2.5.
fn number_of_lines(code_stream: &[u8]) -> Option<u16> {
    let found = code_stream.windows(6).find_map(|bytes| match *bytes {
        [0xFF, 0xDC, 0, 4, high, low] => Some(u16::from_be_bytes([high, low])),
        _ => None,
    });
    found.filter(|&rows| rows > 0)
}

/// The image as the data set has it, which the frame header must not contradict.
fn image<'a>(header: &FrameHeader, layout: &FrameLayout, out: &'a mut [u8]) -> Result<Image<'a>> {
    let size = layout.sample_type()?.size();
    if layout.decoded_frame_bytes()? != out.len() as u64 {
        let detail = format!(
            "out has {} bytes, expected {}",
            out.len(),
            layout.decoded_frame_bytes()?
        );
        return Err(PixelError::new(PixelErrorKind::Argument, detail));
    }
    let (rows, columns) = (u32::from(header.rows), u32::from(header.columns));
    if (rows != layout.rows && rows != 0)
        || columns != layout.columns
        || header.components.len() != usize::from(layout.samples_per_pixel)
        || usize::from(header.precision) > 8 * size
        || layout.sample_format == SampleFormat::Float
    {
        let detail = format!(
            "the code stream has {rows} rows, {columns} columns, {} components of {} bits; the data set {}, {}, {} of {}",
            header.components.len(),
            header.precision,
            layout.rows,
            layout.columns,
            layout.samples_per_pixel,
            layout.bits_allocated
        );
        return Err(PixelError::new(PixelErrorKind::Mismatch, detail));
    }
    Ok(Image {
        rows: layout.rows as usize,
        columns: layout.columns as usize,
        components: header.components.len(),
        precision: header.precision,
        size,
        out,
        broken: None,
    })
}

/// All scans, each with the tables and the restart interval that hold for it, until every component is decoded.
fn decode_scans(code_stream: &[u8], header: &FrameHeader, image: &mut Image) -> Result<()> {
    let stored = |detail: String| PixelError::new(PixelErrorKind::Stored, detail);
    let mut tables = Definitions::default();
    let mut restart_interval = 0;
    let mut missing: Vec<usize> = (0..image.components).collect();
    let start = Segments::new(code_stream).map_or(0, |segments| segments.at);
    let mut segments = Segments::from(code_stream, start);
    while let Some(segment) = segments.next() {
        match (segment.marker, segment.parameters) {
            (0xC4, parameters) => tables.define(parameters),
            (0xDD, &[high, low, ..]) => {
                restart_interval = usize::from(u16::from_be_bytes([high, low]))
            }
            (0xDA, _) => {
                let scan = Scan::read(&segment, header, &tables, restart_interval)
                    .map_err(|error| error.at(segment.offset as u64))?;
                let before = missing.len();
                missing.retain(|&component| !scan.has(component));
                if missing.len() + scan.components.len() != before {
                    let detail = "a component has a second scan".to_owned();
                    return Err(stored(detail).at(segment.offset as u64));
                }
                segments.at = scan.decode(code_stream, segments.at, image)?;
            }
            (0xD9, _) => break,
            _ => {}
        }
        if missing.is_empty() {
            return Ok(());
        }
    }
    let component = missing.first().unwrap_or(&0);
    Err(stored(format!("component {component} (from 0) has no scan")).at(code_stream.len() as u64))
}
