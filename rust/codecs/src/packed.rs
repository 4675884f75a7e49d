//! Cells that are no whole power of two of bytes: 1 and 12 Bits Allocated (packed) and 24.
//!
//! PS3.5 §8.1.1: cells are concatenated, the least significant bit of each following the most significant bit of the last, and the
//! stream is cut into bytes from the least significant bit on. For 12 bits (retired) the first of three bytes holds bits 7-0 of
//! sample 1, the second bits 3-0 of sample 2 above bits 11-8 of sample 1, the third bits 11-4 of sample 2.

/// For every byte its eight bits as eight bytes, the least significant first.
static BITS: [[u8; 8]; 256] = bits();

const fn bits() -> [[u8; 8]; 256] {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte][bit] = (byte >> bit & 1) as u8;
            bit += 1;
        }
        byte += 1;
    }
    table
}

/// The bits of `stored` from `first_bit` on, one a byte of `out`: 0 or 1. What `stored` does not have, stays.
pub fn unpack_1(stored: &[u8], first_bit: u64, out: &mut [u8]) {
    let stored = from_byte_of(stored, first_bit);
    let shift = (first_bit % 8) as u32;
    if shift == 0 {
        return spread(stored.iter().copied(), out);
    }
    let following = stored.iter().skip(1).copied().chain([0]);
    spread(
        stored
            .iter()
            .zip(following)
            .map(|(&low, high)| low >> shift | high << (8 - shift)),
        out,
    );
}

fn spread(mut bytes: impl Iterator<Item = u8>, out: &mut [u8]) {
    let (eights, rest) = out.as_chunks_mut::<8>();
    for (to, byte) in eights.iter_mut().zip(&mut bytes) {
        *to = BITS[usize::from(byte)];
    }
    if let (false, Some(byte)) = (rest.is_empty(), bytes.next()) {
        rest.iter_mut()
            .zip(BITS[usize::from(byte)])
            .for_each(|(to, bit)| *to = bit);
    }
}

/// The 12-bit cells of `stored` from `first_bit` (a multiple of 4) on, each in two bytes of `out`, the upper four bits zero.
pub fn unpack_12(stored: &[u8], first_bit: u64, out: &mut [u8]) {
    let mut stored = from_byte_of(stored, first_bit);
    // A cell that begins at half a byte stands alone; the others are pairs.
    let alone = usize::from(first_bit % 8 == 4);
    let (first, cells) = out.split_at_mut((2 * alone).min(out.len()));
    if let (1, [low, high, ..]) = (alone, stored) {
        first
            .as_chunks_mut::<2>()
            .0
            .fill((u16::from(low >> 4) | u16::from(*high) << 4).to_ne_bytes());
        stored = stored.get(2..).unwrap_or_default();
    }
    let cells = cells.as_chunks_mut::<2>().0;
    let (threes, tail) = stored.as_chunks::<3>();
    let (pairs, last) = cells.as_chunks_mut::<2>();
    let mut from = threes.iter();
    for ([one, two], [a, b, c]) in pairs.iter_mut().zip(&mut from) {
        *one = (u16::from(*a) | u16::from(b & 15) << 8).to_ne_bytes();
        *two = (u16::from(b >> 4) | u16::from(*c) << 4).to_ne_bytes();
    }
    let rest = from.next().map_or(tail, |three| three.as_slice());
    if let ([cell], [a, b, ..]) = (last, rest) {
        *cell = (u16::from(*a) | u16::from(b & 15) << 8).to_ne_bytes();
    }
}

/// Cells of three bytes, each in four bytes of `out` with the upper one zero.
pub fn widen_24(stored: &[u8], little_endian: bool, out: &mut [u8]) {
    for (to, &[a, b, c]) in out
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(stored.as_chunks::<3>().0)
    {
        let value = if little_endian {
            u32::from_le_bytes([a, b, c, 0])
        } else {
            u32::from_be_bytes([0, a, b, c])
        };
        *to = value.to_ne_bytes();
    }
}

fn from_byte_of(stored: &[u8], first_bit: u64) -> &[u8] {
    usize::try_from(first_bit / 8)
        .ok()
        .and_then(|first| stored.get(first..))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit(stored: &[u8], at: usize) -> u8 {
        stored[at / 8] >> (at % 8) & 1
    }

    #[test]
    fn bits_from_any_bit_on_are_those_of_the_twin() {
        let stored: Vec<u8> = (0..40u32)
            .map(|i| (i.wrapping_mul(167) ^ i >> 2) as u8)
            .collect();
        for first in 0..24usize {
            for count in 0..200 {
                let mut out = vec![9; count];
                unpack_1(&stored, first as u64, &mut out);
                let twin: Vec<u8> = (first..first + count).map(|at| bit(&stored, at)).collect();
                assert_eq!(out, twin, "{first} {count}");
            }
        }
    }

    #[test]
    fn twelve_bit_cells_from_any_nibble_on_are_those_of_the_twin() {
        let stored: Vec<u8> = (0..64u32)
            .map(|i| (i.wrapping_mul(91) ^ 0x5a) as u8)
            .collect();
        for first in (0..24usize).step_by(4) {
            for count in 0..40 {
                let mut out = vec![9; 2 * count];
                unpack_12(&stored, first as u64, &mut out);
                let cells = (0..count).map(|i| {
                    (0..12)
                        .map(|b| u16::from(bit(&stored, first + 12 * i + b)) << b)
                        .sum::<u16>()
                });
                let twin: Vec<u8> = cells.flat_map(u16::to_ne_bytes).collect();
                assert_eq!(out, twin, "{first} {count}");
            }
        }
    }
}
