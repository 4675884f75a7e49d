//! JP2 boxes, T.800 Annex I: only that which holds the code stream is of interest.

use crate::error::{PixelError, PixelErrorKind, Result};

/// SOC and the marker of SIZ, which must follow it.
const SOC_SIZ: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];

/// Bytes looked through for a code stream where neither SOC nor a box is the first thing.
const MAX_JUNK: usize = 4096;

/// The code stream: the bytes themselves, the contents of the first `jp2c` box, or what follows some junk.
pub(super) fn code_stream(bytes: &[u8]) -> Result<&[u8]> {
    if bytes.starts_with(&SOC_SIZ) {
        return Ok(bytes);
    }
    in_boxes(bytes)
        .or_else(|| {
            let heads = bytes.windows(4).take(MAX_JUNK);
            bytes.get(heads.into_iter().position(|head| head == SOC_SIZ)?..)
        })
        .ok_or_else(|| {
            let detail = "no JPEG 2000 code stream: neither SOC and SIZ (FF 4F FF 51) nor a JP2 box jp2c";
            PixelError::new(PixelErrorKind::Stored, detail).at(0)
        })
}

/// I.4: LBox, TBox, and XLBox where LBox is 1; LBox 0 reaches to the end. One that lies is clipped.
fn in_boxes(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let [l0, l1, l2, l3, kind @ ..] = *head;
        let (length, header, rest) = match u32::from_be_bytes([l0, l1, l2, l3]) {
            0 => (usize::MAX, 8, rest),
            1 => {
                let (long, rest) = rest.split_first_chunk::<8>()?;
                let long = usize::try_from(u64::from_be_bytes(*long));
                (long.unwrap_or(usize::MAX), 16, rest)
            }
            short => (short as usize, 8, rest),
        };
        let contents = length.checked_sub(header)?.min(rest.len());
        if kind == *b"jp2c" {
            return rest.get(..contents).filter(|s| s.starts_with(&SOC_SIZ));
        }
        bytes = rest.get(contents..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"\xFF\x4F\xFF\x51stream";

    fn boxed(length: u32, kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
        [&length.to_be_bytes(), kind.as_slice(), contents].concat()
    }

    #[test]
    fn the_code_stream_is_found_in_boxes_and_behind_junk() {
        let signature = boxed(12, b"jP  ", b"\r\n\x87\n");
        for last in [
            boxed(18, b"jp2c", STREAM),
            boxed(0, b"jp2c", STREAM),
            boxed(99, b"jp2c", STREAM),
            boxed(1, b"jp2c", &[26u64.to_be_bytes().as_slice(), STREAM].concat()),
        ] {
            assert_eq!(code_stream(&[&signature[..], &last].concat()), Ok(STREAM));
        }
        assert_eq!(code_stream(STREAM), Ok(STREAM));
        assert_eq!(code_stream(&[b"junk", STREAM].concat()), Ok(STREAM));
        for none in [b"".as_slice(), b"\0\0\0\x0CjP  \r\n\x87\n", &boxed(3, b"jp2c", STREAM)[..8]] {
            assert!(code_stream(none).is_err());
        }
    }
}
