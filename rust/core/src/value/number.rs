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
#[inline]
pub fn decimals(bytes: &[u8], mut each: impl FnMut(f64)) -> Option<Decimal<'_>> {
    let mut rest = bytes;
    // While a component and its backslash lie within the next 17 bytes: all that are written as they should be.
    while let Some((token, tail)) = short_token(rest) {
        match token.decimal() {
            Some(number) => each(number),
            None => match Decimals::new(rest).next() {
                Some(Decimal::Number(number)) => each(number),
                odd => return odd,
            },
        }
        rest = tail;
    }
    for value in Decimals::new(rest) {
        match value {
            Decimal::Number(number) => each(number),
            odd => return Some(odd),
        }
    }
    None
}

/// Up to 16 characters, all at once: the first in the lowest byte.
struct Token {
    text: u128,
    length: u32,
}

/// Each byte 1.
const ONES: u128 = u128::MAX / 0xFF;
/// The high bit of each byte.
const HIGH: u128 = ONES << 7;

/// Bit 7 of the lowest byte that equals `byte`, and of no lower one; 0 if none does. Bytes above it may be wrong.
#[inline]
fn first_equal(word: u128, byte: u8) -> u128 {
    let differs = word ^ (ONES * byte as u128);
    differs.wrapping_sub(ONES) & !differs & HIGH
}

/// The characters before the next backslash, and what follows it; none if it lies more than 16 bytes on, or the end is near.
#[inline]
fn short_token(bytes: &[u8]) -> Option<(Token, &[u8])> {
    let text = u128::from_le_bytes(*bytes.first_chunk::<16>()?);
    let length = first_equal(text, b'\\').trailing_zeros() / 8;
    if length == 16 {
        return None;
    }
    let tail = bytes.get(length as usize + 1..)?;
    Some((Token { text, length }, tail))
}

impl Token {
    /// The number, if it is written as `[-+]digits[.digits]`, of at most 2^53 without the point: then a division by a power of
    /// ten rounds once, and correctly.
    #[inline]
    fn decimal(&self) -> Option<f64> {
        let Token { text, length } = *self;
        if length == 0 {
            return None;
        }
        // The last character in the highest byte, so that its weight is 1; zeros below the first.
        let free = 8 * (16 - length);
        let mut text = text << free;
        let first = 0xFFu128 << free;
        let sign = (text >> free) as u8;
        let signed = sign == b'-' || sign == b'+';
        let mut used = u128::MAX << free;
        if signed {
            text &= !first;
            used &= !first;
        }
        let mut fraction = 0;
        let point = first_equal(text, b'.');
        if point != 0 {
            let at = point.trailing_zeros() & !7;
            fraction = 15 - at / 8;
            // The digits before the point move up over it.
            let before = (1u128 << at) - 1;
            text = (text & !(before << 8 | 0xFF)) | (text & before) << 8;
            used <<= 8;
        }
        let digits = text ^ (used & (ONES * b'0' as u128));
        // Every byte that is used is 0 to 9, and there is one.
        if used == 0 || (digits.wrapping_add(ONES * 0x76) | digits) & HIGH != 0 {
            return None;
        }
        let mantissa =
            eight_digits(digits as u64) * 100_000_000 + eight_digits((digits >> 64) as u64);
        let power = EXACT_POWERS.get(fraction as usize)?;
        if mantissa > 1 << 53 {
            return None;
        }
        let value = mantissa as f64 / power;
        Some(if sign == b'-' { -value } else { value })
    }
}

/// The number that eight bytes of 0 to 9 are, the lowest byte first.
#[inline]
fn eight_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF
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
