//! Entropy-coded segments as bits: ITU-T T.81 §B.1.1.5, §F.2.2.5.

use super::huffman::{Table, extend};

/// Bytes of zeros behind the real ones, so that bits are always taken up eight bytes at a time.
const PAD: usize = 8;

/// Takes the stuffed zeros out of the entropy-coded segment that begins at `from`; returns where the marker that ends it is (or the end
/// of the bytes).
///
/// A pass of its own, at the speed of memory, costs less than looking at every byte while bits are taken.
pub(super) fn unstuff(bytes: &[u8], from: usize, segment: &mut Vec<u8>) -> usize {
    segment.clear();
    let mut at = from.min(bytes.len());
    while let Some(rest) = bytes.get(at..) {
        let plain = rest.get(..before_ff(rest)).unwrap_or(rest);
        segment.extend_from_slice(plain);
        at += plain.len();
        if !matches!(bytes.get(at..), Some([0xFF, 0, ..])) {
            break;
        }
        segment.push(0xFF);
        at += 2;
    }
    segment.extend([0; PAD]);
    at
}

/// Bytes before the first FF.
fn before_ff(bytes: &[u8]) -> usize {
    let mut chunks = bytes.as_chunks::<16>().0.iter();
    let plain = 16
        * chunks
            .by_ref()
            .take_while(|chunk| !chunk.iter().fold(false, |any, &byte| any | (byte == 0xFF)))
            .count();
    let rest = bytes.get(plain..).unwrap_or_default();
    plain
        + rest
            .iter()
            .position(|&byte| byte == 0xFF)
            .unwrap_or(rest.len())
}

/// The bits of an unstuffed segment.
///
/// Shifts and differences below wrap where they can't overflow anyway, which spares the checks that a release build has.
///
/// Tried, and no faster: a table of code lengths and categories with the difference worked out without a branch (slower by a quarter than
/// the table of whole differences); taking up bits at each difference only when there are few.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    /// Bytes that are not taken up yet.
    rest: &'a [u8],
    /// Bytes of zeros that were taken up behind the last of all.
    beyond: usize,
    /// Bits taken up, the next one topmost; below the first `count` are bits of the next byte, which is taken up again.
    bits: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Those of a segment that [`unstuff`] made.
    pub(super) fn new(segment: &'a [u8]) -> Bits<'a> {
        Bits {
            rest: segment,
            beyond: 0,
            bits: 0,
            count: 0,
        }
    }

    /// Whether bits were taken that the segment does not have, or that are no code.
    pub(super) fn overrun(&self) -> bool {
        // Bits that are neither the segment's own nor taken yet.
        let left = self.rest.len() as u64 * 8 + u64::from(self.count);
        left < (self.beyond as u64 + PAD as u64) * 8
    }

    /// The next difference: T.81 §H.2.1, tables H.2, F.12 (EXTEND).
    #[inline(always)]
    pub(super) fn difference(&mut self, table: &Table) -> u16 {
        // A code and what follows it have at most 16 + 15 bits.
        if self.count < 32 {
            self.take_up();
        }
        let mut entry = table.short(self.bits);
        if let Some((difference, total)) = entry.whole() {
            self.skip(total);
            return difference;
        }
        if entry.length() == 0 {
            entry = match table.any(self.bits) {
                Some(entry) => entry,
                None => return self.no_code(),
            };
        }
        self.skip(entry.length());
        if entry.category() == 16 {
            return 1 << 15;
        }
        let difference = extend(self.bits, entry.category());
        self.skip(entry.category());
        difference
    }

    /// Takes up the bytes that there is room for: at least 56 bits are there then.
    #[inline(always)]
    pub(super) fn take_up(&mut self) {
        let bytes = (63_u32.wrapping_sub(self.count) >> 3) as usize;
        match self.rest.first_chunk() {
            Some(&next) => {
                self.bits |= u64::from_be_bytes(next).wrapping_shr(self.count);
                self.rest = self.rest.get(bytes..).unwrap_or_default();
            }
            None => self.beyond += bytes,
        }
        self.count |= 56;
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.bits = self.bits.wrapping_shl(bits);
        self.count = self.count.wrapping_sub(bits);
    }

    /// Leaves the segment for good.
    #[inline(always)]
    fn no_code(&mut self) -> u16 {
        (self.rest, self.bits, self.count) = (&[], 0, 0);
        self.beyond += PAD;
        0
    }
}
