//! How far a broken code stream was decoded.
//!
//! libjpeg goes on after a warning and makes up what is missing; turbojpeg's interface does not say from which row on. So the code
//! stream is decoded again, twice, stopping at the first warning: once over zeros, once over ones. A row that libjpeg wrote can't
//! be all of what lay there before in both cases. The rows are then those of the whole lines of MCUs before the fault.

use super::{Image, turbo};
use crate::decoder::Incomplete;
use crate::error::{PixelError, PixelErrorKind, Result};

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
