//! How far a broken code stream was decoded.
//!
//! libjpeg goes on after a warning and makes up what is missing; turbojpeg's interface does not say from which row on. So the code
//! stream is decoded again, twice, stopping at the first warning: once over zeros, once over ones. A row that libjpeg wrote can't
//! be all of what lay there before in both cases. The rows are then those of the whole lines of MCUs before the fault.

use super::{Image, turbo};
use crate::decoder::Incomplete;
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::marker::{FrameHeader, Segments};

/// Decodes as many rows as are sound, the others become zeros; none where it turns out that nothing is missing.
///
/// A frame of several scans (progressive ones have them) that breaks off shows the whole image with less detail: that stays, and no
/// row counts as real. `stream` has a head without faults, and an EOI.
pub(super) fn decode_what_is_there(
    stream: &[u8],
    image: &Image,
    samples: &mut [u8],
) -> Result<Option<Incomplete>> {
    let (rows, fault) = written_rows(stream, image, true, samples);
    if rows == image.rows {
        return Ok(None);
    }
    let error = PixelError::new(PixelErrorKind::Stored, fault);
    if rows > 0 {
        zero_after(samples, image, rows);
        return Ok(Some(Incomplete { rows, error }));
    }
    let (made_up, _) = written_rows(stream, image, false, samples);
    if made_up == 0 || !has_several_scans(stream) {
        return Err(error);
    }
    zero_after(samples, image, made_up);
    Ok(Some(Incomplete { rows: 0, error }))
}

/// Whether a code stream without EOI ends before its last scan: then the whole image is there with less detail, and no row is real.
///
/// Progressive: each component's 64 coefficients must have come down to their last bit (T.81 G.1.1.1). Sequential: each component
/// must have had its scan.
pub(super) fn missing_scan(stream: &[u8], header: &FrameHeader) -> Option<Incomplete> {
    let progressive = matches!(header.marker, 0xC2 | 0xCA);
    let mut seen = [0u64; 4];
    let scans = Segments::new(stream)?.filter(|segment| segment.marker == 0xDA);
    for scan in scans {
        let Some((&count, rest)) = scan.parameters.split_first() else {
            continue;
        };
        let Some((selectors, spectral)) = rest.split_at_checked(2 * usize::from(count)) else {
            continue;
        };
        let coefficients = match (progressive, spectral) {
            (false, _) => u64::MAX,
            (true, &[first, last @ ..=63, bits, ..]) if first <= last && bits & 15 == 0 => {
                (u64::MAX << first) & (u64::MAX >> (63 - last))
            }
            _ => 0,
        };
        for selector in selectors.as_chunks::<2>().0 {
            let place = header.components.iter().position(|c| c.id == selector[0]);
            if let Some(component) = place.and_then(|place| seen.get_mut(place)) {
                *component |= coefficients;
            }
        }
    }
    let all = seen
        .iter()
        .take(header.components.len())
        .all(|&component| component == u64::MAX);
    if all {
        return None;
    }
    let detail = "the code stream ends before its last scan, without EOI";
    let error = PixelError::new(PixelErrorKind::Stored, detail).at(stream.len() as u64);
    Some(Incomplete { rows: 0, error })
}

/// Rows that libjpeg writes, and what it says.
fn written_rows(stream: &[u8], image: &Image, stop: bool, samples: &mut [u8]) -> (u32, String) {
    let row = image.row_samples() * image.sample_size();
    let (mut most, mut words) = (0, String::new());
    for ground in [0x00, 0xFF] {
        samples.fill(ground);
        words = match turbo::decode(stream, image, stop, samples) {
            Ok(None) => return (image.rows, words),
            Ok(Some(words)) | Err(words) => words,
        };
        let untouched = samples
            .rchunks_exact(row)
            .take_while(|row| row.iter().all(|&byte| byte == ground));
        most = most.max(image.rows.saturating_sub(untouched.count() as u32));
    }
    (most, words)
}

fn zero_after(samples: &mut [u8], image: &Image, rows: u32) {
    let row = image.row_samples() * image.sample_size();
    let rest = samples.get_mut(rows as usize * row..);
    rest.unwrap_or_default().fill(0);
}

/// Whether the first scan leaves something to others: T.81 B.2.3.
fn has_several_scans(stream: &[u8]) -> bool {
    let Some(segments) = crate::marker::Segments::new(stream) else {
        return false;
    };
    let mut of_frame = 0;
    for segment in segments {
        match (segment.marker, segment.parameters) {
            (0xC2 | 0xCA, _) => return true,
            (0xC0..=0xC1 | 0xC9, [_, _, _, _, _, count, ..]) => of_frame = *count,
            (0xDA, [of_scan, ..]) => return *of_scan < of_frame,
            _ => {}
        }
    }
    false
}
