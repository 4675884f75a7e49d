//! The deflated data set: raw RFC 1951, PS3.5 §A.5; the zlib-wrapped ones of the field too.

use super::leniency::{Deviations, Leniency};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::tag::Tag;
use zlib_rs::{Inflate, InflateFlush, Status};

const FIRST: usize = 64 << 10;

/// Inflates `bytes`, which begin at byte `offset` of the file. What came out before damage is kept.
///
/// `at_once` sees the first stretch that came out, and says whether the limits forbid what it declares; it may give all of the
/// content, told whether the stream has a zlib header, and then nothing more is inflated here.
pub fn inflate(
    bytes: &[u8],
    offset: u64,
    limits: &Limits,
    notes: &mut Deviations,
    at_once: impl FnOnce(&[u8], bool) -> Result<Option<Vec<u8>>>,
) -> Result<Vec<u8>> {
    let zlib = matches!(bytes, [a, b, ..] if a & 0x0F == 8 && a >> 4 <= 7 && (u16::from(*a) << 8 | u16::from(*b)).is_multiple_of(31));
    if zlib {
        notes.note(
            Leniency::DeflatedWithZlibHeader,
            Tag::default(),
            offset,
            || "zlib header".into(),
        );
    }
    let mut stream = Inflate::new(zlib, 15);
    let mut out: Vec<u8> = Vec::new();
    let mut filled = 0usize;
    let mut at_once = Some(at_once);
    loop {
        if filled == out.len() {
            grow(&mut out, limits, offset)?;
        }
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let input = bytes.get(consumed..).unwrap_or_default();
        let room = out.get_mut(filled..).unwrap_or_default();
        let (before, asked) = (stream.total_out(), room.len());
        let status = stream.decompress(input, room, InflateFlush::NoFlush);
        let made = usize::try_from(stream.total_out() - before).unwrap_or(asked);
        filled += made;
        if filled > 0
            && let Some(at_once) = at_once.take()
            && let Some(all) = at_once(out.get(..filled).unwrap_or_default(), zlib)?
        {
            return Ok(all);
        }
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(_) if made > 0 || stream.total_in() as usize > consumed => {}
            Ok(_) | Err(_) => {
                if filled == 0 {
                    let error = Error::new(
                        ErrorKind::Truncated,
                        "nothing could be inflated; expected an RFC 1951 stream",
                    );
                    return Err(error.at(offset));
                }
                notes.note(Leniency::DeflatedTruncated, Tag::default(), offset, || {
                    format!("{filled} bytes came out")
                });
                break;
            }
        }
    }
    out.truncate(filled);
    Ok(out)
}

/// More room, up to the limit; never more than what came out so far asks for.
fn grow(out: &mut Vec<u8>, limits: &Limits, offset: u64) -> Result<()> {
    let limit = usize::try_from(limits.max_inflated_bytes).unwrap_or(usize::MAX);
    if out.len() >= limit {
        return Err(Error::limit(
            "max_inflated_bytes",
            limits.max_inflated_bytes,
            out.len() as u64 + 1,
        )
        .at(offset));
    }
    let size = out
        .len()
        .saturating_mul(2)
        .clamp(FIRST, limit.max(1))
        .min(limit.max(1));
    out.try_reserve_exact(size - out.len()).map_err(|_| {
        Error::limit("max_inflated_bytes", out.len() as u64, size as u64).at(offset)
    })?;
    out.resize(size, 0);
    Ok(())
}
