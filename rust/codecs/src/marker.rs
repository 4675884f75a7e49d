//! Marker segments, which JPEG (ITU-T T.81 Annex B) and JPEG-LS (ITU-T T.87 Annex C) share.

use crate::decoder::StreamColor;
use crate::error::{PixelError, PixelErrorKind, Result};

/// A marker segment: its marker's second byte, the offset of its first parameter, its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) offset: usize,
    pub(crate) parameters: &'a [u8],
}

/// The marker segments from SOI to the end of the bytes, one after the other; entropy-coded data is not stepped over.
///
/// Junk before SOI and between segments is passed (real files have both); fill bytes are (B.1.1.2). A segment that is longer than the
/// bytes is clipped to them.
#[derive(Clone, Debug)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    /// Where the next marker is looked for.
    pub(crate) at: usize,
}

impl<'a> Segments<'a> {
    /// Those after the first SOI, none if there is no SOI.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Segments<'a>> {
        let soi = bytes
            .windows(2)
            .take(MAX_JUNK)
            .position(|pair| pair == [0xFF, 0xD8])?;
        Some(Segments { bytes, at: soi + 2 })
    }

    /// Those from `at` on, a place where a marker is expected.
    pub(crate) fn from(bytes: &'a [u8], at: usize) -> Segments<'a> {
        Segments { bytes, at }
    }
}

/// Bytes before SOI that are looked through.
const MAX_JUNK: usize = 4096;

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            let found = rest
                .windows(2)
                .position(|pair| matches!(pair, [0xFF, 0x01..=0xFE]))?;
            let &marker = rest.get(found + 1)?;
            self.at += found + 2;
            // TEM, RSTn, SOI and EOI stand alone.
            if matches!(marker, 0x01 | 0xD0..=0xD8) {
                continue;
            }
            if marker == 0xD9 {
                return Some(Segment {
                    marker,
                    offset: self.at,
                    parameters: &[],
                });
            }
            let offset = self.at + 2;
            let &[high, low] = self.bytes.get(self.at..offset)?.first_chunk()?;
            let length = usize::from(u16::from_be_bytes([high, low])).max(2);
            let end = (self.at + length).min(self.bytes.len());
            let parameters = self.bytes.get(offset.min(end)..end)?;
            self.at = end;
            return Some(Segment {
                marker,
                offset,
                parameters,
            });
        }
    }
}

/// The second byte of the first SOF marker before the first scan: SOF0 to SOF15 without DHT, JPG and DAC, and SOF55 of JPEG-LS.
pub(crate) fn first_frame_marker(bytes: &[u8]) -> Option<u8> {
    Segments::new(bytes)?
        .map(|segment| segment.marker)
        .take_while(|&marker| !matches!(marker, 0xDA | 0xD9))
        .find(|&marker| is_frame(marker))
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF | 0xF7) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// The frame header, T.81 B.2.2, and what the Adobe and JFIF segments before it say of colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) marker: u8,
    pub(crate) precision: u8,
    /// 0: the number of lines follows in a DNL segment.
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) components: Vec<FrameComponent>,
    /// APP14 "Adobe": 0 RGB or CMYK, 1 YCbCr, 2 YCCK.
    pub(crate) adobe_transform: Option<u8>,
    /// APP0 "JFIF": three components are YCbCr (T.871).
    pub(crate) jfif: bool,
}

/// A component of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameComponent {
    pub(crate) id: u8,
    /// Horizontal sampling factor.
    pub(crate) horizontal: u8,
    /// Vertical sampling factor.
    pub(crate) vertical: u8,
}

impl FrameHeader {
    /// Reads it; an error where the bytes have none before the first scan.
    pub(crate) fn read(bytes: &[u8]) -> Result<FrameHeader> {
        let missing = |what: &'static str| PixelError::new(PixelErrorKind::Stored, what);
        let segments = Segments::new(bytes)
            .ok_or_else(|| missing("the code stream has no SOI marker (FF D8)"))?;
        let (mut adobe_transform, mut jfif) = (None, false);
        for segment in segments {
            match (segment.marker, segment.parameters) {
                (
                    0xEE,
                    [
                        b'A',
                        b'd',
                        b'o',
                        b'b',
                        b'e',
                        _,
                        _,
                        _,
                        _,
                        _,
                        _,
                        transform,
                        ..,
                    ],
                ) => {
                    adobe_transform = Some(*transform);
                }
                (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => jfif = true,
                (0xDA | 0xD9, _) => break,
                (marker, [precision, r1, r2, c1, c2, count, rest @ ..]) if is_frame(marker) => {
                    let components: Vec<_> = rest
                        .as_chunks::<3>()
                        .0
                        .iter()
                        .take(usize::from(*count))
                        .map(|&[id, factors, _]| FrameComponent {
                            id,
                            horizontal: factors >> 4,
                            vertical: factors & 15,
                        })
                        .collect();
                    if components.len() != usize::from(*count) || components.is_empty() {
                        let detail = format!(
                            "the frame header names {} of {count} components",
                            components.len()
                        );
                        return Err(PixelError::new(PixelErrorKind::Stored, detail)
                            .at(segment.offset as u64));
                    }
                    return Ok(FrameHeader {
                        marker,
                        precision: *precision,
                        rows: u16::from_be_bytes([*r1, *r2]),
                        columns: u16::from_be_bytes([*c1, *c2]),
                        components,
                        adobe_transform,
                        jfif,
                    });
                }
                _ => {}
            }
        }
        Err(missing(
            "the code stream has no frame header (SOF) before its first scan",
        ))
    }

    /// What the components of a DCT-based frame are, by the code stream alone, as libjpeg guesses it: Adobe, else JFIF, else the
    /// components' identifiers.
    pub(crate) fn color(&self) -> StreamColor {
        match (self.components.as_slice(), self.adobe_transform) {
            ([_, _, _], Some(0)) => StreamColor::Rgb,
            ([_, _, _], Some(_)) => StreamColor::Ybr,
            ([r, g, b], None) if !self.jfif && [r.id, g.id, b.id] == *b"RGB" => StreamColor::Rgb,
            ([_, _, _], None) if self.jfif => StreamColor::Ybr,
            ([_, _, _, _], _) => StreamColor::Four,
            _ => StreamColor::AsDeclared,
        }
    }
}

/// Where padding begins behind the EOI, or EOC, at the end; none without one. PS3.5 §A.4 pads fragments to an even length with 00,
/// some pad with FF.
pub(crate) fn end_of_image(stream: &[u8]) -> Option<usize> {
    let padding = stream.iter().rev().take_while(|b| matches!(b, 0 | 0xFF));
    let end = stream.len() - padding.count();
    let before = stream.get(..end)?;
    before.ends_with(&[0xFF, 0xD9]).then_some(end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// SOF0 of 8 bits, 2 rows, 3 columns, of components with these identifiers.
    fn frame(ids: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xC0, 0, 8 + 3 * ids.len() as u8, 8, 0, 2, 0, 3];
        bytes.push(ids.len() as u8);
        ids.iter().for_each(|&id| bytes.extend([id, 0x21, 0]));
        bytes
    }

    fn stream(before: &[u8], ids: &[u8]) -> Vec<u8> {
        [&[0, 9, 0xFF, 0xD8], before, &frame(ids)].concat()
    }

    #[test]
    fn a_frame_header_is_found_behind_junk_and_segments() {
        let adobe = b"\xFF\xEE\x00\x0EAdobe\0\x64\0\0\0\0\x01";
        let header = FrameHeader::read(&stream(adobe, &[1, 2, 3])).unwrap();
        assert_eq!((header.rows, header.columns, header.precision), (2, 3, 8));
        assert_eq!(header.components[1].horizontal, 2);
        assert_eq!(header.color(), StreamColor::Ybr);
    }

    #[test]
    fn colour_is_what_the_code_stream_says() {
        let of =
            |before: &[u8], ids: &[u8]| FrameHeader::read(&stream(before, ids)).unwrap().color();
        assert_eq!(of(&[], b"RGB"), StreamColor::Rgb);
        assert_eq!(of(&[], &[1, 2, 3]), StreamColor::AsDeclared);
        assert_eq!(of(b"\xFF\xE0\x00\x07JFIF\0", &[1, 2, 3]), StreamColor::Ybr);
        assert_eq!(of(&[], &[1]), StreamColor::AsDeclared);
        assert_eq!(of(&[], &[1, 2, 3, 4]), StreamColor::Four);
    }

    #[test]
    fn every_prefix_ends_with_words() {
        let whole = stream(b"\xFF\xFE\x00\x02", &[1, 2, 3]);
        for end in 0..whole.len() {
            assert!(FrameHeader::read(&whole[..end]).is_err());
        }
        assert!(FrameHeader::read(&whole).is_ok());
    }
}
