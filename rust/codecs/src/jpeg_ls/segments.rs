//! What the marker segments of JPEG-LS say: T.87 Annex C.

use super::bits::next_ff;
use super::parameters::Preset;
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::marker::{FrameHeader, Segment, Segments};

/// SOF55: a JPEG-LS frame.
const SOF55: u8 = 0xF7;
/// Start of scan.
pub(super) const SOS: u8 = 0xDA;
/// End of image.
pub(super) const EOI: u8 = 0xD9;

/// The frame, and what holds for the scans that follow.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) preset: Preset,
    /// Lines between restart markers, 0 for no such markers.
    pub(super) restart_interval: u32,
    /// The transform of colour that HP's encoder applied, 1 to 3; 0 for none.
    pub(super) transform: u8,
}

/// What a scan is: T.87 C.2.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScanHeader {
    /// Identifiers of the components.
    pub(super) components: Vec<u8>,
    pub(super) near: u8,
    /// 0 one component, 1 interleaved by line, 2 by sample.
    pub(super) interleave: u8,
}

impl Frame {
    /// Reads all that comes before the first scan's entropy-coded data; gives the rest of the segments too.
    pub(super) fn read(bytes: &[u8]) -> Result<(Frame, ScanHeader, Segments<'_>)> {
        let header = FrameHeader::read(bytes)?;
        if header.marker != SOF55 {
            let detail = format!(
                "the frame header is SOF{}, expected SOF55 of JPEG-LS",
                header.marker.wrapping_sub(0xC0)
            );
            return Err(PixelError::new(PixelErrorKind::Mismatch, detail));
        }
        if let [first, rest @ ..] = header.components.as_slice()
            && rest.iter().any(|other| {
                (other.horizontal, other.vertical) != (first.horizontal, first.vertical)
            })
        {
            return Err(PixelError::new(
                PixelErrorKind::Unsupported,
                "the components of the JPEG-LS frame have different sampling factors",
            ));
        }
        let mut frame = Frame {
            rows: u32::from(header.rows),
            columns: u32::from(header.columns),
            preset: Preset::default(),
            restart_interval: 0,
            transform: 0,
            header,
        };
        let mut segments = Segments::new(bytes).ok_or_else(no_scan)?;
        while let Some(segment) = segments.next() {
            match segment.marker {
                SOS => {
                    let scan = ScanHeader::read(&segment)?;
                    frame.find_number_of_lines(bytes.get(segments.at..).unwrap_or_default());
                    return Ok((frame, scan, segments));
                }
                EOI => break,
                _ => frame.take(&segment)?,
            }
        }
        Err(no_scan())
    }

    /// Takes what a segment between the scans, or before them, says.
    pub(super) fn take(&mut self, segment: &Segment<'_>) -> Result<()> {
        match (segment.marker, segment.parameters) {
            (0xF8, [1, rest @ ..]) => {
                let (words, _) = rest.as_chunks::<2>();
                let &[maxval, t1, t2, t3, reset, ..] = words else {
                    return Err(short("LSE", segment));
                };
                let [maxval, t1, t2, t3, reset] =
                    [maxval, t1, t2, t3, reset].map(u16::from_be_bytes);
                self.preset = Preset {
                    maxval,
                    t1,
                    t2,
                    t3,
                    reset,
                };
            }
            // C.2.4.1.4: sizes that the frame header has no room for.
            (0xF8, [4, width, rest @ ..]) => {
                let width = usize::from(*width);
                let (Some(rows), Some(columns)) = (
                    rest.get(..width).and_then(number),
                    rest.get(width..2 * width).and_then(number),
                ) else {
                    return Err(short("LSE", segment));
                };
                if self.header.rows == 0 {
                    self.rows = rows;
                }
                if self.header.columns == 0 {
                    self.columns = columns;
                }
            }
            (0xDD, interval) => {
                self.restart_interval = number(interval).ok_or_else(|| short("DRI", segment))?;
            }
            (0xE8, [b'm', b'r', b'f', b'x', transform, ..]) => {
                if *transform > 3 {
                    let detail =
                        format!("the colour transform of HP is {transform}, expected 0 to 3");
                    return Err(PixelError::new(PixelErrorKind::Unsupported, detail)
                        .at(segment.offset as u64));
                }
                self.transform = *transform;
            }
            _ => {}
        }
        Ok(())
    }

    /// The DNL segment behind the first scan (T.81 B.2.5), where the frame header leaves the number of lines to it.
    fn find_number_of_lines(&mut self, scans: &[u8]) {
        if self.rows != 0 {
            return;
        }
        // A stuffed byte is never DC: it can't be mistaken.
        let mut at = next_ff(scans, 0);
        let found = loop {
            match scans.get(at..).unwrap_or_default() {
                &[0xFF, 0xDC, 0, 4, high, low, ..] => break Some(u16::from_be_bytes([high, low])),
                [] => break None,
                _ => at = next_ff(scans, at + 1),
            }
        };
        self.rows = u32::from(found.unwrap_or(0));
    }
}

impl ScanHeader {
    pub(super) fn read(segment: &Segment<'_>) -> Result<ScanHeader> {
        let Some((&count, rest)) = segment.parameters.split_first() else {
            return Err(short("SOS", segment));
        };
        let (selectors, rest) = rest
            .split_at_checked(2 * usize::from(count))
            .ok_or_else(|| short("SOS", segment))?;
        let &[near, interleave, point_transform, ..] = rest else {
            return Err(short("SOS", segment));
        };
        let (selectors, _) = selectors.as_chunks::<2>();
        let unsupported = |detail: &'static str| {
            Err(PixelError::new(PixelErrorKind::Unsupported, detail).at(segment.offset as u64))
        };
        if selectors.iter().any(|&[_, table]| table != 0) {
            return unsupported("samples of the JPEG-LS scan are indices into a mapping table");
        }
        if point_transform != 0 {
            return unsupported("the JPEG-LS scan has a point transform");
        }
        if interleave > 2 || (interleave == 0) != (count == 1) && count != 1 {
            let detail = format!("interleave mode {interleave} in a scan of {count} components");
            return Err(PixelError::new(PixelErrorKind::Stored, detail).at(segment.offset as u64));
        }
        Ok(ScanHeader {
            components: selectors.iter().map(|&[id, _]| id).collect(),
            near,
            interleave,
        })
    }
}

/// A number of 1 to 4 bytes.
fn number(bytes: &[u8]) -> Option<u32> {
    let fits = (1..=4).contains(&bytes.len());
    fits.then(|| {
        bytes
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte))
    })
}

fn short(name: &str, segment: &Segment<'_>) -> PixelError {
    let found = segment.parameters.len();
    let detail = format!("the {name} segment has {found} bytes, which are not what it needs");
    PixelError::new(PixelErrorKind::Stored, detail).at(segment.offset as u64)
}

fn no_scan() -> PixelError {
    PixelError::new(PixelErrorKind::Stored, "the code stream has no scan (SOS)")
}
