//! Limited-length Golomb codes: T.87 §A.5.3.

use super::bits::Bits;

/// Bits that the table looks at. Of 8 to 12, this is where what is saved on codes longer than the table is lost to the cache.
pub(super) const WIDTH: u32 = 10;

/// For each k, and each pattern of the next bits, the whole code that it begins with: the error · 16 + the length of the code; 0
/// if the code is longer.
static CODES: [[i16; 1 << WIDTH]; 16] = codes();

const fn codes() -> [[i16; 1 << WIDTH]; 16] {
    let mut table = [[0; 1 << WIDTH]; 16];
    let mut k = 0;
    while k < WIDTH {
        let mut pattern: u32 = 1;
        while pattern < 1 << WIDTH {
            let zeros = pattern.leading_zeros() - (32 - WIDTH);
            let length = zeros + 1 + k;
            if length <= WIDTH {
                let low = (pattern >> (WIDTH - length)) & ((1 << k) - 1);
                let error = error_of((zeros << k) | low);
                table[k as usize][pattern as usize] = ((error << 4) | length as i32) as i16;
            }
            pattern += 1;
        }
        k += 1;
    }
    table
}

/// The error that is mapped to this number: 0, -1, 1, -2, … (T.87 §A.5.2, the regular mapping).
#[inline(always)]
pub(super) const fn error_of(mapped: u32) -> i32 {
    (mapped >> 1) as i32 ^ -((mapped & 1) as i32)
}

/// What ends codes that are too long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// So many zeros, and a 1: the number, less 1, follows as it is.
    pub(super) zeros: u32,
    /// In so many bits.
    pub(super) bits: u32,
}

/// The next error, by the regular mapping; none if no code begins like this.
#[inline(always)]
pub(super) fn error(bits: Bits<'_>, k: u8, limit: Limit) -> Option<(i32, Bits<'_>)> {
    let bits = bits.refill();
    let code = i32::from(CODES[usize::from(k & 15)][bits.peek::<WIDTH>()]);
    if code != 0 {
        return Some((code >> 4, bits.skip((code & 15) as u32)));
    }
    let (mapped, bits) = number(bits, k, limit)?;
    Some((error_of(mapped), bits))
}

/// The next number that is coded with k; none if no code begins like this.
#[inline(always)]
pub(super) fn number(bits: Bits<'_>, k: u8, limit: Limit) -> Option<(u32, Bits<'_>)> {
    let bits = bits.refill();
    let zeros = bits.zeros();
    if zeros < limit.zeros {
        let k = u32::from(k & 15);
        let (low, bits) = bits.skip(zeros + 1).refill().take(k);
        // A number of a valid stream is less than 2^17.
        let number = (zeros << k) | low;
        return (number < 1 << 17).then_some((number, bits));
    }
    if zeros > limit.zeros {
        return None;
    }
    let (less_1, bits) = bits.skip(zeros + 1).refill().take(limit.bits);
    Some((less_1.wrapping_add(1), bits))
}
