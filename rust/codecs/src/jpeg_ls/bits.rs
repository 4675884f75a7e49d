//! The bits of entropy-coded data: after a byte FF, the next one has 7 bits (T.87 §A.1). A marker ends them.

/// A place in the entropy-coded data. It is a value: whoever reads takes it and gives it back, so that it lives in registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// `bytes` up to the next FF: what needs no look at each byte.
    clear: &'a [u8],
    /// The next byte.
    at: usize,
    /// The next bits, from the most significant one down; below them zeros, or bits of `bytes[at]`.
    cache: u64,
    /// How many of them are there: at most 63.
    count: u32,
    /// Zeros in the cache, and read from it, that no byte stands for.
    made_up: u32,
    /// `bytes[at]` follows an FF.
    stuffed: bool,
}

impl<'a> Bits<'a> {
    /// From this byte on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Bits<'a> {
        Bits {
            bytes,
            clear: clear_of_ff(bytes, at),
            at,
            cache: 0,
            count: 0,
            made_up: 0,
            stuffed: false,
        }
    }

    /// Makes at least 56 bits available: real ones, and zeros after the last.
    #[inline(always)]
    pub(super) fn refill(mut self) -> Bits<'a> {
        let next = self.clear.get(self.at..).and_then(<[u8]>::first_chunk::<8>);
        let Some(&next) = next else {
            return self.refill_slowly();
        };
        self.cache |= u64::from_be_bytes(next) >> (self.count & 63);
        self.at = self.at.wrapping_add((63 ^ self.count) as usize >> 3);
        self.count |= 56;
        self
    }

    #[cold]
    #[inline(never)]
    fn refill_slowly(mut self) -> Bits<'a> {
        while self.count < 56 {
            let byte = match self.bytes.get(self.at..) {
                Some(&[0xFF, 0..=0x7F, ..]) => 0xFF,
                Some(&[byte, ..]) if byte != 0xFF => byte,
                // A marker, or the end.
                _ => {
                    self.made_up = self.made_up.saturating_add(63 - self.count);
                    self.count = 63;
                    return self;
                }
            };
            // The highest bit of a stuffed byte is 0, or it would be a marker's.
            let taken = 8 - u32::from(self.stuffed);
            self.cache |= u64::from(byte) << (64 - taken - self.count);
            self.count += taken;
            self.at += 1;
            self.stuffed = byte == 0xFF;
        }
        if !self.stuffed && self.at >= self.clear.len() {
            self.clear = clear_of_ff(self.bytes, self.at);
        }
        self
    }

    /// The next 10 bits, or so many as a table of `2^WIDTH` wants: refill first.
    #[inline(always)]
    pub(super) fn peek<const WIDTH: u32>(self) -> usize {
        (self.cache >> (64 - WIDTH)) as usize
    }

    /// Passes over `n` bits, at most 63, that are there.
    #[inline(always)]
    pub(super) fn skip(mut self, n: u32) -> Bits<'a> {
        self.cache <<= n & 63;
        self.count = self.count.wrapping_sub(n);
        self
    }

    /// How many zeros come before the next 1: refill first; 56 or more may be too few.
    #[inline(always)]
    pub(super) fn zeros(self) -> u32 {
        self.cache.leading_zeros()
    }

    /// The next `n` bits as a number, n ≤ 32: refill first.
    #[inline(always)]
    pub(super) fn take(self, n: u32) -> (u32, Bits<'a>) {
        let value = (self.cache >> 1) >> ((63 - n) & 63);
        (value as u32, self.skip(n))
    }

    /// Whether more bits were read than there were.
    pub(super) fn overrun(&self) -> bool {
        self.made_up > self.count
    }

    /// About where the next bit is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Where the marker stands that ends this entropy-coded data (padding may come first), or where the bytes end.
    pub(super) fn end(&self) -> usize {
        let mut at = self.at;
        loop {
            at = clear_of_ff(self.bytes, at).len();
            match self.bytes.get(at + 1) {
                Some(0..=0x7F) => at += 1,
                Some(_) => return at,
                None => return self.bytes.len(),
            }
        }
    }
}

/// The bytes before the first FF at or after `at`.
fn clear_of_ff(bytes: &[u8], at: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    let (words, _) = rest.as_chunks::<8>();
    // A byte of the word is FF if its complement is 0.
    let clear = words.iter().take_while(|word| {
        let word = !u64::from_ne_bytes(**word);
        word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 == 0
    });
    let from = at + 8 * clear.count();
    let rest = bytes.get(from..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte == 0xFF);
    let end = end.map_or(bytes.len(), |found| from + found);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Bits;

    /// All bits, n at a time.
    fn all(bytes: &[u8], n: u32, count: usize) -> Vec<u32> {
        let mut bits = Bits::new(bytes, 0);
        let mut values = Vec::new();
        for _ in 0..count {
            let (value, rest) = bits.refill().take(n);
            values.push(value);
            bits = rest;
        }
        assert!(!bits.overrun());
        assert!(bits.refill().take(n).1.refill().skip(30).overrun());
        values
    }

    #[test]
    fn a_byte_after_ff_has_seven_bits() {
        assert_eq!(all(&[0xFF, 0x7F, 0xA5, 0xFF, 0xD9], 1, 23)[15..], [1, 0, 1, 0, 0, 1, 0, 1]);
        assert_eq!(all(&[0xFF, 0x00, 0xFF, 0x01], 15, 2), [0x7F80, 0x7F81]);
    }

    #[test]
    fn a_marker_and_the_end_are_ends() {
        let mut bytes: Vec<u8> = (0..100).collect();
        assert_eq!(all(&bytes, 8, 100), (0..100).collect::<Vec<_>>());
        bytes.extend([0, 0, 0xFF, 0xD9, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(all(&bytes, 8, 102)[..100], (0..100).collect::<Vec<_>>());
        assert_eq!(Bits::new(&bytes, 3).end(), 102);
        assert_eq!(Bits::new(&[0xFF, 0x7F, 0xFF], 0).end(), 3);
    }
}
