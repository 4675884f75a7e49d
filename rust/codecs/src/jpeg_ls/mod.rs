//! JPEG-LS: ITU-T T.87.
//!
//! Every interleave mode, near-lossless, preset coding parameters, restart intervals, 2 to 16 bits, 1 to 4 components. What is left
//! out, with words: mapping tables, point transforms, components of different sampling factors.
//!
//! | module | what |
//! |---|---|
//! | `segments` | the marker segments |
//! | `parameters` | the coding parameters, and what follows from them |
//! | `scan` | the lines of a scan |
//! | `gradient`, `context`, `golomb`, `bits` | what a sample is decoded with |
//! | `image` | the caller's memory |

mod bits;
mod context;
#[cfg(test)]
mod encoder;
mod golomb;
mod gradient;
mod image;
mod parameters;
mod scan;
mod segments;
#[cfg(test)]
mod tests;

use crate::decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;
use crate::marker::Segments;
use image::Image;
use parameters::Parameters;
use scan::{Broken, Line, Scan};
use segments::{Frame, ScanHeader};

/// JPEG-LS: ITU-T T.87.
#[derive(Clone, Copy, Debug)]
pub struct JpegLs;

impl Decoder for JpegLs {
    fn header(&self, code_stream: &[u8], _layout: &FrameLayout) -> Result<StreamHeader> {
        let (frame, scan, _) = Frame::read(code_stream)?;
        Ok(StreamHeader {
            rows: frame.rows,
            columns: frame.columns,
            components: frame.header.components.len() as u16,
            precision: u16::from(frame.header.precision),
            signed: None,
            color: frame.color(),
            lossless: scan.near == 0,
        })
    }

    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        _options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded> {
        let (frame, scan, segments) = Frame::read(code_stream)?;
        let cell = frame.check(layout)?;
        let components = frame.header.components.len();
        let expected = layout.decoded_frame_bytes()?;
        if out.len() as u64 != expected {
            let detail = format!("out has {} bytes, expected {expected}", out.len());
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let image = Image::new(out, frame.columns as usize, components, cell);
        let mut decoding = Decoding {
            bytes: code_stream,
            rows: vec![None; components],
            frame,
            image,
        };
        let broken = decoding.scans(scan, segments).err();
        let rows = decoding.rows.iter().map(|rows| rows.unwrap_or(0)).min();
        let color = decoding.frame.color();
        match (broken, rows.unwrap_or(0)) {
            (None, _) => Ok(Decoded::whole(color)),
            (Some(error), 0) => Err(error),
            (Some(error), rows) => {
                decoding.image.clear_from(rows);
                Ok(Decoded {
                    color,
                    incomplete: Some(Incomplete { rows, error }),
                })
            }
        }
    }
}

impl Frame {
    /// JPEG-LS says nothing of colour, but HP's transforms are of red, green and blue.
    fn color(&self) -> StreamColor {
        match self.transform {
            0 => StreamColor::AsDeclared,
            _ => StreamColor::Rgb,
        }
    }

    /// Compares with the data set; gives the bytes of a sample.
    fn check(&self, layout: &FrameLayout) -> Result<usize> {
        let found = (self.rows, self.columns, self.header.components.len());
        let expected = (
            layout.rows,
            layout.columns,
            usize::from(layout.samples_per_pixel),
        );
        let mismatch = |detail| Err(PixelError::new(PixelErrorKind::Mismatch, detail));
        if found != expected {
            return mismatch(format!(
                "the code stream has {} rows, {} columns, {} components; the data set {}, {}, {}",
                found.0, found.1, found.2, expected.0, expected.1, expected.2
            ));
        }
        let cell = layout.sample_type()?.size();
        let precision = self.header.precision;
        if !(2..=16).contains(&precision) || usize::from(precision) > 8 * cell {
            return mismatch(format!(
                "the code stream has samples of {precision} bits, expected 2 to {}",
                (8 * cell).min(16)
            ));
        }
        if !(1..=4).contains(&found.2) {
            return mismatch(format!("{} components, expected 1 to 4", found.2));
        }
        if self.transform != 0 && (found.2 != 3 || !matches!(precision, 8 | 16)) {
            let detail = format!(
                "HP's colour transform of {} components of {precision} bits, expected 3 of 8 or 16",
                found.2
            );
            return Err(PixelError::new(PixelErrorKind::Unsupported, detail));
        }
        Ok(cell)
    }
}

/// A frame that is being decoded.
struct Decoding<'a> {
    bytes: &'a [u8],
    frame: Frame,
    image: Image<'a>,
    /// For each component the rows that are decoded; none before its scan.
    rows: Vec<Option<u32>>,
}

impl<'a> Decoding<'a> {
    /// All scans, until every component has had its own.
    fn scans(&mut self, mut header: ScanHeader, mut segments: Segments<'a>) -> Result<()> {
        loop {
            let end = self.scan(&header, segments.at)?;
            if self.rows.iter().all(Option::is_some) {
                return Ok(());
            }
            segments = Segments::from(self.bytes, end);
            header = loop {
                match segments.next() {
                    Some(segment) if segment.marker == segments::SOS => {
                        break ScanHeader::read(&segment)?;
                    }
                    Some(segment) if segment.marker != segments::EOI => {
                        self.frame.take(&segment)?
                    }
                    _ => {
                        let done = self.rows.iter().flatten().count();
                        let detail = format!(
                            "the code stream ends after {done} of {} components",
                            self.rows.len()
                        );
                        return Err(PixelError::new(PixelErrorKind::Stored, detail).at(end as u64));
                    }
                }
            };
        }
    }

    /// One scan, whose entropy-coded data begin at `at`; gives where they end.
    fn scan(&mut self, header: &ScanHeader, at: usize) -> Result<usize> {
        let broken = |detail| PixelError::new(PixelErrorKind::Stored, detail).at(at as u64);
        let precision = self.frame.header.precision;
        let parameters =
            Parameters::new(self.frame.preset, precision, header.near).map_err(broken)?;
        let components = self.components(header).ok_or_else(|| {
            broken(
                "the scan has components that the frame has not, or that were there before".into(),
            )
        })?;
        if self.frame.transform != 0 && components.len() != 3 {
            let detail = "HP's colour transform of components that are not interleaved";
            return Err(PixelError::new(PixelErrorKind::Unsupported, detail).at(at as u64));
        }
        let scan = Scan::new(parameters, self.bytes, at);
        match (components.as_slice(), header.interleave) {
            (&[a, b], 2) => self.lines(scan, &[[a, b]]),
            (&[a, b, c], 2) => self.lines(scan, &[[a, b, c]]),
            (&[a, b, c, d], 2) => self.lines(scan, &[[a, b, c, d]]),
            (all, _) => self.lines(scan, all.as_chunks::<1>().0),
        }
    }

    /// Which components of the frame the scan has: those with its identifiers, or (encoders differ in where they count from) those
    /// that are next.
    fn components(&mut self, header: &ScanHeader) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        for &id in &header.components {
            let frame = &self.frame.header.components;
            let mut open = (0..self.rows.len()).filter(|&n| self.rows.get(n) == Some(&None));
            let of_id = open
                .clone()
                .find(|&n| frame.get(n).is_some_and(|component| component.id == id));
            let component = of_id.or_else(|| open.next())?;
            *self.rows.get_mut(component)? = Some(0);
            found.push(component);
        }
        (!found.is_empty()).then_some(found)
    }

    /// The lines of a scan: `planes` are interleaved by line, the components in each of them by sample.
    fn lines<const N: usize>(
        &mut self,
        mut scan: Scan<'a>,
        planes: &[[usize; N]],
    ) -> Result<usize> {
        let empty: Line<N> = vec![[0; N]; self.frame.columns as usize + 2];
        let mut memory: Vec<_> = planes
            .iter()
            .map(|&plane| (plane, 0, empty.clone(), empty.clone()))
            .collect();
        let interval = self.frame.restart_interval;
        for row in 0..self.frame.rows {
            if row != 0 && interval != 0 && row.is_multiple_of(interval) {
                self.restart(&mut scan, row, row / interval - 1)?;
                for (_, run_index, above, _) in &mut memory {
                    *run_index = 0;
                    above.fill([0; N]);
                }
            }
            for (plane, run_index, above, line) in &mut memory {
                scan.line(run_index, above, line)
                    .map_err(|Broken| self.broken(&scan, row))?;
                let samples = line.get(1..=self.frame.columns as usize);
                self.image.put(row, *plane, samples.unwrap_or_default());
                std::mem::swap(above, line);
            }
            if self.frame.transform != 0 {
                let range = 1 << self.frame.header.precision;
                self.image.undo_transform(row, self.frame.transform, range);
            }
            for &component in planes.as_flattened() {
                if let Some(rows) = self.rows.get_mut(component) {
                    *rows = Some(row + 1);
                }
            }
        }
        Ok(scan.end())
    }

    /// Steps over the restart marker before this row, which is the `number`th (they count modulo 8).
    fn restart(&self, scan: &mut Scan<'a>, row: u32, number: u32) -> Result<()> {
        let at = scan.end();
        let marker = self.bytes.get(at..at.saturating_add(2));
        if marker != Some(&[0xFF, 0xD0 | (number & 7) as u8]) {
            return Err(self.broken(scan, row));
        }
        scan.restart(self.bytes, at + 2);
        Ok(())
    }

    #[cold]
    fn broken(&self, scan: &Scan<'a>, row: u32) -> PixelError {
        let what = if scan.end() >= self.bytes.len() {
            "the code stream ends"
        } else {
            "the entropy-coded data break"
        };
        let detail = format!("{what} in row {row} of {}", self.frame.rows);
        PixelError::new(PixelErrorKind::Stored, detail).at(scan.position() as u64)
    }
}
