//! Lookups in open-addressing tables of `u16` that `tools/dictionary/generate.py` wrote; the hashes are its twins.
//!
//! A third of the slots or fewer are taken, so most answers come from the first; the generator asserts that none needs
//! more than twelve probes, and an empty slot ends every search.

const EMPTY: u16 = 0xFFFF;

/// The index of the tag that `matches`.
#[inline]
pub(super) fn find_tag<const N: usize>(
    table: &[u16; N],
    tag: u32,
    matches: impl Fn(usize) -> bool,
) -> Option<usize> {
    probe(table, tag.wrapping_mul(0x9E37_79B1), matches)
}

/// The index of the text that `matches`.
#[inline]
pub(crate) fn find_text<const N: usize>(
    table: &[u16; N],
    text: &str,
    matches: impl Fn(usize) -> bool,
) -> Option<usize> {
    probe(table, hash_text(text.as_bytes()), matches)
}

#[inline]
fn probe<const N: usize>(
    table: &[u16; N],
    hash: u32,
    matches: impl Fn(usize) -> bool,
) -> Option<usize> {
    const { assert!(N.is_power_of_two() && N >= 2) }
    let first = (hash >> (32 - N.trailing_zeros())) as usize;
    for slot in first..first + N {
        let index = table[slot & (N - 1)];
        if index == EMPTY {
            return None;
        }
        if matches(index as usize) {
            return Some(index as usize);
        }
    }
    None
}

/// Of the length and the first, middle and last eight bytes: three loads, three multiplications, no loop.
#[inline]
fn hash_text(bytes: &[u8]) -> u32 {
    let middle_at = bytes.len().saturating_sub(8) / 2;
    let middle = bytes
        .get(middle_at..)
        .and_then(|rest| rest.first_chunk::<8>());
    let words = match (bytes.first_chunk::<8>(), middle, bytes.last_chunk::<8>()) {
        (Some(first), Some(middle), Some(last)) => {
            [first, middle, last].map(|word| u64::from_le_bytes(*word))
        }
        _ => [short_word(bytes), 0, 0],
    };
    let mixed = (words[0] ^ bytes.len() as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(words[1].wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
        .wrapping_add(words[2].wrapping_mul(0xD6E8_FEB8_6659_FD93));
    (mixed >> 32) as u32
}

/// All bytes of a text of fewer than eight, as one word.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => match bytes {
            [] => 0,
            [one] => u64::from(*one) * 0x1_0101,
            [first, .., last] => {
                u64::from(*first) | u64::from(bytes[bytes.len() / 2]) << 8 | u64::from(*last) << 16
            }
        },
    }
}
