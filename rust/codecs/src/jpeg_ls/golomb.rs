//! Limited-length Golomb codes: T.87 §A.5.3.

use super::bits::{Source, Window};

/// Bits that the table looks at. With 8 the decoder is as fast on quiet images and slower on noisy ones; with 12 it is slower on all,
/// as the table leaves the first cache.
pub(super) const WIDTH: u32 = 10;

/// Codes of one k.
const ROW: usize = 1 << WIDTH;

/// Rows of the table: k = 0 with errors mapped the other way round (§A.5.2), then k = 0, 1, … as long as a code can fit.
const ROWS: usize = WIDTH as usize + 1;

/// For each row, and each pattern of the next bits, the whole code that it begins with: the error · 16 + the length of the code; 0
/// if the code is longer.
static CODES: [i16; ROWS * ROW] = codes();

const fn codes() -> [i16; ROWS * ROW] {
    let mut table = [0; ROWS * ROW];
    let mut row = 0;
    while row < ROWS {
        let k = row.saturating_sub(1) as u32;
        let mut pattern: u32 = 1;
        while pattern < 1 << WIDTH {
            let zeros = pattern.leading_zeros() - (32 - WIDTH);
            let length = zeros + 1 + k;
            if length <= WIDTH {
                let low = (pattern >> (WIDTH - length)) & ((1 << k) - 1);
                let error = error_of((zeros << k) | low);
                let error = if row == 0 { !error } else { error };
                table[row * ROW + pattern as usize] = ((error << 4) | length as i32) as i16;
            }
            pattern += 1;
        }
        row += 1;
    }
    table
}

/// Where the table's row for k begins; behind its end if there is none.
#[inline(always)]
pub(super) fn row(k: u8, other_way: bool) -> u16 {
    if other_way {
        return 0;
    }
    (u16::from(k) + 1) << WIDTH
}

/// The error that is mapped to this number: 0, -1, 1, -2, … (T.87 §A.5.2, the regular mapping).
#[inline(always)]
pub(super) const fn error_of(mapped: u32) -> i32 {
    (mapped >> 1) as i32 ^ -((mapped & 1) as i32)
}

/// What ends codes that are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// So many zeros, and a 1: the number, less 1, follows as it is.
    pub(super) zeros: u32,
    /// In so many bits.
    pub(super) bits: u32,
}

impl Limit {
    /// The next error, mapped as `row` says for this k; none if no code begins like this.
    #[inline(always)]
    pub(super) fn error<'a>(
        self,
        window: &mut Window<'a>,
        source: &mut Source<'a>,
        row: u16,
        k: u8,
    ) -> Option<i32> {
        window.need::<WIDTH>(source);
        let code = CODES.get(usize::from(row) + window.peek::<WIDTH>());
        if let Some(&code) = code
            && code != 0
        {
            let code = i32::from(code);
            window.skip((code & 15) as u32);
            return Some(code >> 4);
        }
        let error = error_of(self.number(window, source, k)?);
        Some(if row == 0 { !error } else { error })
    }

    /// The next number that is coded with k; none if no code begins like this.
    #[inline(always)]
    pub(super) fn number<'a>(
        self,
        window: &mut Window<'a>,
        source: &mut Source<'a>,
        k: u8,
    ) -> Option<u32> {
        window.refill(source);
        let zeros = window.zeros();
        if zeros > self.zeros {
            return None;
        }
        window.skip(zeros + 1);
        window.refill(source);
        if zeros == self.zeros {
            return Some(window.take(self.bits).wrapping_add(1));
        }
        let k = u32::from(k & 15);
        let number = (zeros << k) | window.take(k);
        // A number of a valid stream is less than 2^17.
        (number < 1 << 17).then_some(number)
    }
}
