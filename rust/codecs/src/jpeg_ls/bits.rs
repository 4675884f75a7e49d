//! The bits of entropy-coded data: after a byte FF, the next one has 7 bits (T.87 §A.1). A marker ends them.

/// The next bits. Few numbers, handed on by themselves: so they live in registers (as one value with [`Source`] they did not, which
/// made the decoder three times slower).
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    /// The next bits, from the most significant one down; below them zeros, or bits of the next byte.
    cache: u64,
    /// How many of them are there: at most 63.
    count: u32,
    /// The next bytes up to an FF: what needs no look at each byte.
    clear: &'a [u8],
}

/// The bytes of the entropy-coded data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    /// Where in them the window's bytes end.
    clear_end: usize,
    /// Zeros in the window, and read from it, that no byte stands for.
    made_up: u32,
    /// The next byte follows an FF.
    stuffed: bool,
}

impl<'a> Source<'a> {
    /// From this byte on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> (Source<'a>, Window<'a>) {
        let mut source = Source {
            bytes,
            clear_end: at,
            made_up: 0,
            stuffed: false,
        };
        let clear = source.clear_from(at);
        let (cache, count) = (0, 0);
        (
            source,
            Window {
                cache,
                count,
                clear,
            },
        )
    }

    /// The bytes from `at` up to the next FF.
    fn clear_from(&mut self, at: usize) -> &'a [u8] {
        self.clear_end = next_ff(self.bytes, at);
        self.bytes.get(at..self.clear_end).unwrap_or_default()
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, mut window: Window<'a>) -> Window<'a> {
        let mut at = self.position(window);
        while window.count < 56 {
            let byte = match self.bytes.get(at..) {
                Some(&[0xFF, 0..=0x7F, ..]) => 0xFF,
                Some(&[byte, ..]) if byte != 0xFF => byte,
                // A marker, or the end.
                _ => {
                    self.made_up = self.made_up.saturating_add(63 - window.count);
                    window.count = 63;
                    break;
                }
            };
            // The highest bit of a stuffed byte is 0, or it would be a marker's.
            let taken = 8 - u32::from(self.stuffed);
            window.cache |= u64::from(byte) << (64 - taken - window.count);
            window.count += taken;
            at += 1;
            self.stuffed = byte == 0xFF;
        }
        if self.stuffed {
            // Not one of them can be taken without a look.
            self.clear_end = at;
            window.clear = &[];
        } else if at >= self.clear_end {
            window.clear = self.clear_from(at);
        } else {
            window.clear = self.bytes.get(at..self.clear_end).unwrap_or_default();
        }
        window
    }

    /// Whether more bits were read than there were.
    pub(super) fn overrun(&self, window: Window<'a>) -> bool {
        self.made_up > window.count
    }

    /// About where the next bit is.
    pub(super) fn position(&self, window: Window<'a>) -> usize {
        self.clear_end - window.clear.len().min(self.clear_end)
    }

    /// Where the marker stands that ends this entropy-coded data (padding may come first), or where the bytes end.
    pub(super) fn end(&self, window: Window<'a>) -> usize {
        let mut at = self.position(window);
        loop {
            at = next_ff(self.bytes, at);
            match self.bytes.get(at.saturating_add(1)) {
                Some(0..=0x7F) => at += 1,
                Some(_) => return at,
                None => return self.bytes.len(),
            }
        }
    }
}

impl<'a> Window<'a> {
    /// Makes at least 56 bits available: real ones, and zeros after the last.
    #[inline(always)]
    pub(super) fn refill(&mut self, source: &mut Source<'a>) {
        if let Some(&next) = self.clear.first_chunk::<8>() {
            self.cache |= u64::from_be_bytes(next) >> (self.count & 63);
            let taken = (63 ^ self.count) as usize >> 3;
            self.clear = self.clear.get(taken & 7..).unwrap_or_default();
            self.count |= 56;
        } else {
            *self = source.refill(*self);
        }
    }

    /// Makes at least `WIDTH` bits available.
    #[inline(always)]
    pub(super) fn need<const WIDTH: u32>(&mut self, source: &mut Source<'a>) {
        if self.count < WIDTH {
            self.refill(source);
        }
    }

    /// The next `WIDTH` bits: refill first.
    #[inline(always)]
    pub(super) fn peek<const WIDTH: u32>(&self) -> usize {
        (self.cache >> (64 - WIDTH)) as usize
    }

    /// Passes over `n` bits, at most 63, that are there.
    #[inline(always)]
    pub(super) fn skip(&mut self, n: u32) {
        self.cache <<= n & 63;
        self.count = self.count.wrapping_sub(n);
    }

    /// How many zeros come before the next 1: refill first; 56 or more may be too few.
    #[inline(always)]
    pub(super) fn zeros(&self) -> u32 {
        self.cache.leading_zeros()
    }

    /// The next `n` bits as a number, n ≤ 32: refill first.
    #[inline(always)]
    pub(super) fn take(&mut self, n: u32) -> u32 {
        let value = (self.cache >> 1) >> ((63 - n) & 63);
        self.skip(n);
        value as u32
    }
}

/// Where the first FF at or after `at` is, or where the bytes end.
pub(super) fn next_ff(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let (words, _) = rest.as_chunks::<8>();
    // A byte of the word is FF if its complement is 0.
    let clear = words.iter().take_while(|word| {
        let word = !u64::from_ne_bytes(**word);
        word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 == 0
    });
    let from = at.saturating_add(8 * clear.count());
    let rest = bytes.get(from..).unwrap_or_default();
    let found = rest.iter().position(|&byte| byte == 0xFF);
    found.map_or(bytes.len(), |found| from + found)
}

#[cfg(test)]
mod tests {
    use super::Source;

    /// All bits, n at a time.
    fn all(bytes: &[u8], n: u32, count: usize) -> Vec<u32> {
        let (mut source, mut window) = Source::new(bytes, 0);
        let mut next = |n| {
            window.refill(&mut source);
            (window.take(n), source.overrun(window))
        };
        let values = (0..count).map(|_| next(n));
        let values = values.map(|(value, overrun)| {
            assert!(!overrun);
            value
        });
        let values = values.collect();
        next(31);
        assert!(next(31).1);
        values
    }

    #[test]
    fn a_byte_after_ff_has_seven_bits() {
        assert_eq!(
            all(&[0xFF, 0x7F, 0xA5, 0xFF, 0xD9], 1, 23)[15..],
            [1, 0, 1, 0, 0, 1, 0, 1]
        );
        assert_eq!(all(&[0xFF, 0x00, 0xFF, 0x01], 15, 2), [0x7F80, 0x7F81]);
    }

    #[test]
    fn a_marker_and_the_end_are_ends() {
        let mut bytes: Vec<u8> = (0..100).collect();
        assert_eq!(all(&bytes, 8, 100), (0..100).collect::<Vec<_>>());
        bytes.extend([0, 0, 0xFF, 0xD9, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(all(&bytes, 8, 102)[..100], (0..100).collect::<Vec<_>>());
        let end = |bytes: &[u8], at| {
            let (source, window) = Source::new(bytes, at);
            source.end(window)
        };
        assert_eq!(end(&bytes, 3), 102);
        assert_eq!(end(&[0xFF, 0x7F, 0xFF], 0), 3);
    }
}
