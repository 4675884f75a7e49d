//! The values of a DS Value Field, which may be many thousands: Contour Data (3006,0050), lookup tables. PS3.5 §6.2

#[cfg(target_arch = "x86_64")]
mod vector;

use super::number::{any_decimal, plain_decimal, trim_ascii};
use multiversion::multiversion;
use multiversion::target::match_target;

/// Gives each number of a DS Value Field, until one component is none: that one.
#[inline]
pub fn decimals(bytes: &[u8], mut each: impl FnMut(f64)) -> Option<Decimal<'_>> {
    let mut values = Decimals::new(bytes);
    loop {
        if let Some(rest) = values.rest.filter(|rest| rest.len() >= LANE) {
            values.rest = Some(usual_ones(rest, &mut each));
        }
        match values.next()? {
            Decimal::Number(number) => each(number),
            odd => return Some(odd),
        }
    }
}

/// Bytes of a number and the backslash behind it, or of a number: a DS has no more than sixteen. PS3.5 §6.2
const LANE: usize = 16;

/// Gives the numbers at the front of `bytes` as long as they have the usual form, up to the last one; what follows.
///
/// 4.4 ns a number, whatever the numbers are, 5.8 for those of 16 bytes; 7.6 for those of the last 80 bytes, where not four can be looked at
/// together. A loop over characters guesses wrong where numbers differ in length, and takes 16.5 and 20. What was tried: the last ones copied
/// into a buffer and filled up with zeros (the copy stalls what reads it: 14); the places of the digits computed and not looked up (1 ns
/// more); words of 64 bits and no vectors (12.8 and more).
#[multiversion(targets("x86_64+avx2+bmi1+bmi2"))]
fn usual_ones<'a, F: FnMut(f64)>(bytes: &'a [u8], each: &mut F) -> &'a [u8] {
    match_target! {
        "x86_64+avx2+bmi1+bmi2" => {
            let mut rest = bytes;
            while let Some(ahead) = rest.first_chunk()
                && let Some(four) = vector::four(ahead)
                && let Some(after) = rest.get(four.length..)
            {
                four.numbers.iter().take(four.count).for_each(|&number| each(number));
                rest = after;
            }
            while let Some(ahead) = rest.first_chunk()
                && let Some((number, length)) = vector::one(ahead)
                && let Some(after) = rest.get(length..)
            {
                each(number);
                rest = after;
            }
            rest
        },
        _ => {
            let _ = each;
            bytes
        },
    }
}

/// How many values there are in `bytes`, which backslashes separate.
#[multiversion(targets("x86_64+avx2"))]
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

#[cfg(test)]
mod tests {
    use super::super::number::decimal;
    use super::*;

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
        for _ in 0..30_000 {
            // Mostly well-formed, of every length, sometimes with a byte that does not belong there.
            let tokens: Vec<Vec<u8>> = (0..=random(24))
                .map(|_| {
                    let length = random(18) as usize;
                    let mut token: Vec<u8> = (0..length).map(|_| b'0' + random(10) as u8).collect();
                    for (chance, from) in
                        [(2, b".".as_slice()), (3, b"---+"), (60, b" .-e,:/\0\xB0")]
                    {
                        if random(chance) == 0 && length > 0 {
                            let at = if from == b"---+" {
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
            assert_eq!(odd.is_some(), first.len() < tokens.len());
            for (token, bits) in tokens.iter().zip(&found) {
                let text = std::str::from_utf8(token).unwrap().trim_matches(' ');
                assert_eq!(text.parse::<f64>().unwrap().to_bits(), *bits, "{text}");
            }
        }
    }

    #[test]
    fn numbers_at_every_length_and_point() {
        let mut text = Vec::new();
        let mut expected = Vec::new();
        for length in 1..=17usize {
            for point in 0..=length {
                for sign in ["", "-"] {
                    let digits: String = (0..length)
                        .map(|i| char::from(b'1' + (i * 7 % 9) as u8))
                        .collect();
                    let number = match point {
                        0 => format!("{sign}{digits}"),
                        _ => format!(
                            "{sign}{}.{}",
                            &digits[..length - point],
                            &digits[length - point..]
                        ),
                    };
                    expected.push(number.parse::<f64>().unwrap().to_bits());
                    text.extend_from_slice(number.as_bytes());
                    text.push(b'\\');
                }
            }
        }
        text.extend_from_slice(b"0");
        expected.push(0);
        let mut found = Vec::new();
        assert_eq!(decimals(&text, |number| found.push(number.to_bits())), None);
        assert_eq!(found, expected);
    }
}
