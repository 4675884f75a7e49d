//! Numbers: binary ones in their byte order, and those written as text (DS, IS). PS3.5 §6.2

use crate::vr::Vr;

/// A power of ten that a double holds exactly.
pub(super) const EXACT_POWERS: [f64; 23] = [
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
pub(super) fn plain_decimal(rest: &mut &[u8]) -> Option<f64> {
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
pub(super) fn any_decimal(text: &[u8]) -> Option<f64> {
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

/// The number that is `chunk`, as long as one of that VR is.
#[inline]
pub fn number(vr: Vr, chunk: &[u8], little: bool) -> Number {
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
