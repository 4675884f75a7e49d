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
            let detail =
                "no JPEG 2000 code stream: neither SOC and SIZ (FF 4F FF 51) nor a JP2 box jp2c";
            PixelError::new(PixelErrorKind::Stored, detail).at(0)
        })
}

fn in_boxes(bytes: &[u8]) -> Option<&[u8]> {
    let stream = find(bytes, *b"jp2c")?;
    stream.starts_with(&SOC_SIZ).then_some(stream)
}

/// Which component each colour is, by the channel definitions (I.5.3.6) in the JP2 header; none where nothing says, or not all.
///
/// Encoders are free to store green first. What the colours are is not asked: PS3.5 §A.4.4 leaves that to the data set.
pub(super) fn component_of_color(bytes: &[u8], components: usize) -> Option<Vec<usize>> {
    if bytes.starts_with(&SOC_SIZ) {
        return None;
    }
    let (_, definitions) = find(find(bytes, *b"jp2h")?, *b"cdef")?.split_first_chunk::<2>()?;
    let color = |wanted: usize| {
        let mut all = definitions.as_chunks::<6>().0.iter();
        all.find_map(|&[c0, c1, t0, t1, a0, a1]| {
            let [channel, kind, color] = [[c0, c1], [t0, t1], [a0, a1]].map(u16::from_be_bytes);
            (kind == 0 && usize::from(color) == wanted).then_some(usize::from(channel))
        })
    };
    let order: Option<Vec<usize>> = (1..=components).map(color).collect();
    order.filter(|order| (0..components).all(|component| order.contains(&component)))
}

/// The contents of the first box of this kind. I.4: LBox, TBox, and XLBox where LBox is 1; LBox 0 reaches to the end. A box that is
/// longer than the bytes is clipped.
fn find(mut bytes: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
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
        if kind == wanted {
            return rest.get(..contents);
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
            boxed(
                1,
                b"jp2c",
                &[26u64.to_be_bytes().as_slice(), STREAM].concat(),
            ),
        ] {
            assert_eq!(code_stream(&[&signature[..], &last].concat()), Ok(STREAM));
        }
        assert_eq!(code_stream(STREAM), Ok(STREAM));
        assert_eq!(code_stream(&[b"junk", STREAM].concat()), Ok(STREAM));
        for none in [
            b"".as_slice(),
            b"\0\0\0\x0CjP  \r\n\x87\n",
            &boxed(3, b"jp2c", STREAM)[..8],
        ] {
            assert!(code_stream(none).is_err());
        }
    }

    #[test]
    fn colours_are_found_where_the_channel_definitions_say() {
        let cdef = b"\0\x03\0\0\0\0\0\x02\0\x01\0\0\0\x03\0\x02\0\0\0\x01";
        let file = |count: usize| {
            let cdef = boxed(8 + count as u32, b"cdef", &cdef[..count]);
            let header = boxed(8 + cdef.len() as u32, b"jp2h", &cdef);
            [header, boxed(0, b"jp2c", STREAM)].concat()
        };
        // Green, blue, red: red is component 2.
        assert_eq!(component_of_color(&file(20), 3), Some(vec![2, 0, 1]));
        assert_eq!(component_of_color(&file(19), 3), None);
        assert_eq!(component_of_color(&file(20), 2), None);
        assert_eq!(component_of_color(STREAM, 3), None);
    }
}
