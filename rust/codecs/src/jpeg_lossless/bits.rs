//! Entropy-coded segments as bits: ITU-T T.81 §B.1.1.5, §F.2.2.5.

use super::huffman::{Code, Table};

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
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to take up.
    at: usize,
    /// Bits taken up, the next one topmost; below the first `count` are bits of the byte at `at`, which is taken up again.
    bits: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Those of a segment that [`unstuff`] made.
    pub(super) fn new(segment: &'a [u8]) -> Bits<'a> {
        Bits {
            bytes: segment,
            at: 0,
            bits: 0,
            count: 0,
        }
    }

    /// Whether bits were taken that the segment does not have, or that are no code.
    pub(super) fn overrun(&self) -> bool {
        let taken = (self.at as u64 * 8).saturating_sub(u64::from(self.count));
        taken > (self.bytes.len().saturating_sub(PAD) as u64) * 8
    }

    /// The next difference: T.81 §H.2.1, tables H.2, F.12 (EXTEND).
    #[inline(always)]
    pub(super) fn difference(&mut self, table: &Table) -> u16 {
        // A code and what follows it have at most 16 + 15 bits.
        if self.count < 32 {
            self.take_up();
        }
        let mut code = table.short(self.bits);
        if code.total == 0 {
            code = match table.any(self.bits) {
                Some(code) => code,
                None => return self.no_code(),
            };
            if code.category == 16 {
                self.skip(code);
                return 1 << 15;
            }
        }
        let following = self.bits << code.length;
        self.skip(code);
        // The topmost bit is that of a positive difference; a negative one is the complement of its amount.
        let negative = !((following as i64) >> 63);
        let amount = ((following ^ negative as u64) >> 1) >> (63 - code.category);
        ((amount as i64 ^ negative) - negative) as u16
    }

    #[inline(always)]
    fn take_up(&mut self) {
        let next = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        self.bits |= next.map_or(0, |&bytes| u64::from_be_bytes(bytes)) >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
    }

    #[inline(always)]
    fn skip(&mut self, code: Code) {
        self.bits <<= code.total;
        self.count -= u32::from(code.total);
    }

    /// Leaves the segment for good.
    #[cold]
    fn no_code(&mut self) -> u16 {
        self.at = self.bytes.len() + PAD;
        (self.bits, self.count) = (0, 0);
        0
    }
}
