//! The head of a code stream, SOI to the first SOS, as libjpeg is to see it.

use super::Image;
use crate::decoder::StreamColor;
use crate::marker::{FrameHeader, Segments, end_of_image};
use std::borrow::Cow;

/// What libjpeg takes the components for: whether it converts them to RGB (or YCCK to CMYK).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Components {
    Converted,
    AsTheyAre,
}

impl Components {
    pub(super) fn of(stored: StreamColor, to_rgb: bool) -> Components {
        match stored {
            StreamColor::Ybr if to_rgb => Components::Converted,
            _ => Components::AsTheyAre,
        }
    }
}

/// What libjpeg makes of three or four components: JFIF, else Adobe, else their identifiers, else YCbCr.
///
/// (It asks JFIF before Adobe; we, as most others do, the other way: a writer of both knew what it said with the second.)
pub(super) fn libjpeg_guess(header: &FrameHeader) -> Components {
    use Components::{AsTheyAre, Converted};
    match (header.components.as_slice(), header.adobe_transform) {
        ([_, _, _], _) if header.jfif => Converted,
        ([_, _, _], Some(0)) => AsTheyAre,
        ([_, _, _], Some(_)) => Converted,
        ([r, g, b], None) if [r.id, g.id, b.id] == *b"RGB" => AsTheyAre,
        ([_, _, _], None) => Converted,
        ([_, _, _, _], Some(transform)) if transform != 0 => Converted,
        _ => AsTheyAre,
    }
}

/// The code stream from its SOI on.
pub(super) fn cut(code_stream: &[u8]) -> Cow<'_, [u8]> {
    let soi = Segments::new(code_stream).map_or(0, |segments| segments.at.saturating_sub(2));
    Cow::Borrowed(code_stream.get(soi..).unwrap_or_default())
}

/// Without the zeros at the end, which would be decoded as blocks: 00 belongs to the code behind FF alone. T.81 F.1.2.3
fn without_padding(mut scans: &[u8]) -> &[u8] {
    while let [before @ .., 0] = scans
        && before.last() != Some(&0xFF)
    {
        scans = before;
    }
    scans
}

/// A copy with a head of its own: nothing before, between and after its segments; no application data but an Adobe segment, which
/// alone decides (T.872 §6.5.3) what three or four components are; the number of lines; an EOI at the end in any case.
pub(super) fn rewrite(
    code_stream: &[u8],
    header: &FrameHeader,
    image: &Image,
    to_rgb: bool,
) -> Vec<u8> {
    let mut copy = Vec::with_capacity(code_stream.len() + 32);
    copy.extend([0xFF, 0xD8]);
    if header.components.len() > 1 {
        copy.extend(b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00");
        copy.push(u8::from(to_rgb));
    }
    let Some(mut segments) = Segments::new(code_stream) else {
        return copy;
    };
    for segment in segments.by_ref() {
        // APPn and COM stay out.
        if matches!(segment.marker, 0xE0..=0xEF | 0xFE) {
            continue;
        }
        let length = (segment.parameters.len() + 2) as u16;
        copy.extend([0xFF, segment.marker]);
        copy.extend(length.to_be_bytes());
        let first = copy.len();
        copy.extend(segment.parameters);
        if segment.marker == header.marker && header.rows == 0 {
            // T.81 B.2.2: P, then Y.
            if let Some(lines) = copy.get_mut(first + 1..first + 3) {
                lines.copy_from_slice(&(image.rows as u16).to_be_bytes());
            }
        }
        if segment.marker == 0xDA {
            break;
        }
    }
    let scans = code_stream.get(segments.at..).unwrap_or_default();
    copy.extend(match end_of_image(code_stream) {
        Some(_) => scans,
        None => without_padding(scans),
    });
    copy.extend([0xFF, 0xD9]);
    if is_sequential(header) {
        set_scan_parameters(&mut copy);
    }
    copy
}

fn is_sequential(header: &FrameHeader) -> bool {
    matches!(header.marker, 0xC0 | 0xC1 | 0xC9)
}

/// Ss, Se, Ah and Al of sequential frames, which can't be anything else: T.81 table B.3.
const SEQUENTIAL: [u8; 3] = [0, 63, 0];

/// Whether the first scan has them; some encoders of 12-bit images write zeros.
pub(super) fn scan_parameters_are_sound(stream: &[u8], header: &FrameHeader) -> bool {
    let scan = Segments::new(stream).and_then(|mut all| all.find(|s| s.marker == 0xDA));
    !is_sequential(header) || scan.is_none_or(|scan| scan.parameters.ends_with(&SEQUENTIAL))
}

/// Writes them into every scan header; FF DA is nothing else behind the first of them.
fn set_scan_parameters(stream: &mut [u8]) {
    let Some(first) = Segments::new(stream).and_then(|mut all| all.find(|s| s.marker == 0xDA))
    else {
        return;
    };
    let mut rest = stream.get_mut(first.offset - 4..).unwrap_or_default();
    while let Some(at) = rest.windows(2).position(|pair| pair == [0xFF, 0xDA]) {
        rest = rest.get_mut(at + 4..).unwrap_or_default();
        let count = usize::from(rest.first().copied().unwrap_or(0));
        if let Some(parameters) = rest.get_mut(1 + 2 * count..4 + 2 * count) {
            parameters.copy_from_slice(&SEQUENTIAL);
        }
    }
}
