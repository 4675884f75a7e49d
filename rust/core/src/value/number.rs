//! Numbers: binary ones in their byte order, and those written as text (DS, IS). PS3.5 §6.2

use crate::vr::Vr;

/// A power of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// One Decimal String, correctly rounded; none if it is no number. Spaces around it do not count.
pub fn decimal(text: &[u8]) -> Option<f64> {
    let mut rest = text;
    let value = plain_decimal(&mut rest);
    match (value, rest) {
        (Some(value), []) => Some(value),
        _ => any_decimal(text),
    }
}

/// Reads a number of the usual form (sign, digits, a point) off the front of `rest`. Exact: a mantissa below 2^53 and a
/// power of ten up to 22 round once. Leaves `rest` at the first byte that is not part of it, trailing spaces skipped.
#[inline]
fn plain_decimal(rest: &mut &[u8]) -> Option<f64> {
    let mut bytes = *rest;
    while let [b' ', tail @ ..] = bytes {
        bytes = tail;
    }
    let negative = matches!(bytes, [b'-', ..]);
    if let [b'-' | b'+', tail @ ..] = bytes {
        bytes = tail;
    }
    let (mut mantissa, mut digits, mut fraction) = (0u64, 0u32, 0usize);
    while let [digit @ b'0'..=b'9', tail @ ..] = bytes {
        mantissa = mantissa
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit - b'0'));
        digits += 1;
        bytes = tail;
    }
    if let [b'.', tail @ ..] = bytes {
        bytes = tail;
        let before = bytes.len();
        while let [digit @ b'0'..=b'9', tail @ ..] = bytes {
            mantissa = mantissa
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            bytes = tail;
        }
        fraction = before - bytes.len();
        digits = digits.saturating_add(u32::try_from(fraction).unwrap_or(u32::MAX));
    }
    while let [b' ', tail @ ..] = bytes {
        bytes = tail;
    }
    let power = EXACT_POWERS.get(fraction)?;
    if digits == 0 || digits > 19 || mantissa > 1 << 53 || matches!(bytes, [b'e' | b'E', ..]) {
        return None;
    }
    *rest = bytes;
    let value = mantissa as f64 / power;
    Some(if negative { -value } else { value })
}

/// What the plain form does not cover: exponents, long mantissas, nan and inf, as Python's `float` reads them.
#[cold]
fn any_decimal(text: &[u8]) -> Option<f64> {
    fast_float2::parse(trim_ascii(text)).ok()
}

/// White space as Python's `str.strip` takes it, as far as it is ASCII.
pub fn trim_ascii(text: &[u8]) -> &[u8] {
    let white = |b: &u8| matches!(b, b' ' | 0x09..=0x0D | 0x1C..=0x1F);
    let start = text.iter().position(|b| !white(b)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|b| !white(b))
        .map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// One Integer String; none if it is no integer or does not fit.
pub fn integer(text: &[u8]) -> Option<i64> {
    let text = trim_ascii(text);
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for digit in digits {
        let digit = i64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -value } else { value })
}

/// Gives each number of a DS Value Field, until one component is none: that one.
///
/// Reading eight characters at once (the backslash and the point found in a word, the digits folded by three multiplications)
/// was tried: 150 instructions a number without one branch to guess, 12.8 ns; the loop over characters takes 10.6.
#[inline]
pub fn decimals(bytes: &[u8], mut each: impl FnMut(f64)) -> Option<Decimal<'_>> {
    for value in Decimals::new(bytes) {
        match value {
            Decimal::Number(number) => each(number),
            odd => return Some(odd),
        }
    }
    None
}

/// How many values there are in `bytes`, which backslashes separate.
pub fn count_values(bytes: &[u8]) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    // Counted in bytes, as many as cannot overflow one, so that the loop becomes vector code.
    let in_block = |block: &[u8]| {
        let one = |count: u8, byte: &u8| count.wrapping_add(u8::from(*byte == b'\\'));
        usize::from(block.iter().fold(0, one))
    };
    bytes.chunks(128).map(in_block).sum::<usize>() + 1
}

/// A component of a multi-valued DS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decimal<'a> {
    /// A number.
    Number(f64),
    /// Nothing, or spaces.
    Empty,
    /// No number: the text.
    Invalid(&'a [u8]),
}

/// The values of a DS Value Field, one pass over its bytes.
#[derive(Clone, Debug)]
pub struct Decimals<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Decimals<'a> {
    /// The values in `bytes`, which backslashes separate.
    pub fn new(bytes: &'a [u8]) -> Decimals<'a> {
        Decimals { rest: Some(bytes) }
    }
}

impl<'a> Iterator for Decimals<'a> {
    type Item = Decimal<'a>;

    #[inline]
    fn next(&mut self) -> Option<Decimal<'a>> {
        let mut rest = self.rest?;
        if let Some(value) = plain_decimal(&mut rest) {
            match rest {
                [] => {
                    self.rest = None;
                    return Some(Decimal::Number(value));
                }
                [b'\\', tail @ ..] => {
                    self.rest = Some(tail);
                    return Some(Decimal::Number(value));
                }
                _ => {}
            }
        }
        self.next_unusual()
    }
}

impl<'a> Decimals<'a> {
    #[cold]
    fn next_unusual(&mut self) -> Option<Decimal<'a>> {
        let rest = self.rest?;
        let (text, tail) = match rest.iter().position(|&b| b == b'\\') {
            Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
            None => (rest, None),
        };
        self.rest = tail;
        Some(if trim_ascii(text).is_empty() {
            Decimal::Empty
        } else {
            any_decimal(text).map_or(Decimal::Invalid(text), Decimal::Number)
        })
    }
}

/// A binary number of a Value Field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// SS, SL, SV
    Signed(i64),
    /// US, UL, UV
    Unsigned(u64),
    /// FL, FD
    Float(f64),
}

/// The numbers of a binary numeric VR; bytes that do not fill one are left over.
pub fn numbers(vr: Vr, bytes: &[u8], little: bool) -> impl Iterator<Item = Number> + '_ {
    bytes
        .chunks_exact(vr.unit())
        .map(move |chunk| number(vr, chunk, little))
}

#[inline]
fn number(vr: Vr, chunk: &[u8], little: bool) -> Number {
    match *chunk {
        [a, b] => {
            let bits = if little {
                u16::from_le_bytes([a, b])
            } else {
                u16::from_be_bytes([a, b])
            };
            if vr == Vr::SS {
                Number::Signed(i64::from(bits as i16))
            } else {
                Number::Unsigned(u64::from(bits))
            }
        }
        [a, b, c, d] => {
            let bytes = [a, b, c, d];
            let bits = if little {
                u32::from_le_bytes(bytes)
            } else {
                u32::from_be_bytes(bytes)
            };
            match vr {
                Vr::SL => Number::Signed(i64::from(bits as i32)),
                Vr::FL | Vr::OF => Number::Float(f64::from(f32::from_bits(bits))),
                _ => Number::Unsigned(u64::from(bits)),
            }
        }
        [a, b, c, d, e, f, g, h] => {
            let bytes = [a, b, c, d, e, f, g, h];
            let bits = if little {
                u64::from_le_bytes(bytes)
            } else {
                u64::from_be_bytes(bytes)
            };
            match vr {
                Vr::SV => Number::Signed(bits as i64),
                Vr::FD | Vr::OD => Number::Float(f64::from_bits(bits)),
                _ => Number::Unsigned(bits),
            }
        }
        _ => Number::Unsigned(chunk.first().copied().map_or(0, u64::from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_as_the_standard_library_does() {
        let mut state = 1u64;
        for _ in 0..200_000 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let digits = (state >> 60) as usize % 17 + 1;
            let mantissa = (state >> 4) % 10u64.pow(digits as u32);
            let text = match state % 4 {
                0 => format!("{mantissa}"),
                1 => format!("-{}.{:03}", mantissa % 100_000, state % 1000),
                2 => format!("{}e{}", mantissa, (state >> 33) as i32 % 300),
                _ => format!("0.{mantissa:016}"),
            };
            assert_eq!(decimal(text.as_bytes()), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn decimals_that_are_none() {
        for text in ["", " ", "1.5mm", "1,5", ".", "-", "+-1", "1 2", "e5"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decimal(b" +1.50 "), Some(1.5));
        assert_eq!(decimal(b"-0"), Some(-0.0));
        assert!(decimal(b"nan").is_some_and(f64::is_nan));
    }

    #[test]
    fn many_decimals_are_the_single_ones() {
        let text: &[u8] = b"1\\-2.5 \\\\ 3e2\\x\\123456789012345678901.5";
        let found: Vec<_> = Decimals::new(text).collect();
        let expected: Vec<_> = text
            .split(|&b| b == b'\\')
            .map(|t| match decimal(t) {
                Some(value) => Decimal::Number(value),
                None if t.is_empty() => Decimal::Empty,
                None => Decimal::Invalid(t),
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn decimals_together_are_decimals_one_by_one() {
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for _ in 0..40_000 {
            // Mostly well-formed, of every length, sometimes with a byte that does not belong there.
            let tokens: Vec<Vec<u8>> = (0..4)
                .map(|_| {
                    let length = random(18) as usize;
                    let mut token: Vec<u8> = (0..length).map(|_| b'0' + random(10) as u8).collect();
                    for (chance, from) in [(2, b".".as_slice()), (3, b"-+"), (9, b" .-e,:/\0\xB0")]
                    {
                        if random(chance) == 0 && length > 0 {
                            let at = if from == b"-+" {
                                0
                            } else {
                                random(length as u64) as usize
                            };
                            token[at] = from[random(from.len() as u64) as usize];
                        }
                    }
                    token
                })
                .collect();
            let text = tokens.join(&b'\\');
            let mut found = Vec::new();
            let odd = decimals(&text, |number| found.push(number.to_bits()));
            let mut expected = Decimals::new(&text);
            let first: Vec<_> = expected
                .by_ref()
                .map_while(|value| match value {
                    Decimal::Number(number) => Some(number.to_bits()),
                    _ => None,
                })
                .collect();
            assert_eq!(found, first, "{:?}", String::from_utf8_lossy(&text));
            assert_eq!(odd.is_some(), first.len() < 4);
            for (token, bits) in tokens.iter().zip(&found) {
                let text = std::str::from_utf8(token).unwrap().trim_matches(' ');
                assert_eq!(text.parse::<f64>().unwrap().to_bits(), *bits, "{text}");
            }
        }
    }

    #[test]
    fn integers() {
        assert_eq!(integer(b" +5 "), Some(5));
        assert_eq!(integer(b"-2147483648"), Some(-2147483648));
        for text in ["", "1.0", "99999999999999999999", "-", "5x"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn both_byte_orders() {
        assert_eq!(
            numbers(Vr::SS, &[0xFE, 0xFF, 1], true).collect::<Vec<_>>(),
            [Number::Signed(-2)]
        );
        assert_eq!(
            numbers(Vr::UL, &[0, 0, 1, 2], false).collect::<Vec<_>>(),
            [Number::Unsigned(258)]
        );
        assert_eq!(
            numbers(Vr::FD, &1.5f64.to_be_bytes(), false).collect::<Vec<_>>(),
            [Number::Float(1.5)]
        );
    }
}
