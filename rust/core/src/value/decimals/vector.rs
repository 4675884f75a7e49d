//! Four Decimal Strings at once, in two registers of 256 bits: sixteen bytes of each.

use super::super::number::EXACT_POWERS;
use super::LANE;
use core::arch::x86_64::{
    __m128i, __m256d, __m256i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_madd_epi16,
    _mm_maddubs_epi16, _mm_min_epu8, _mm_movemask_epi8, _mm_packus_epi32, _mm_set_epi64x,
    _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_shuffle_epi8, _mm_sub_epi8, _mm256_add_pd,
    _mm256_and_si256, _mm256_castpd_si256, _mm256_castsi256_pd, _mm256_castsi256_si128,
    _mm256_cmpeq_epi8, _mm256_cvtepi32_pd, _mm256_div_pd, _mm256_extract_epi64,
    _mm256_extracti128_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_mul_pd, _mm256_or_pd, _mm256_packus_epi32,
    _mm256_permutevar8x32_epi32, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_setr_epi32, _mm256_setr_epi64x,
    _mm256_setr_pd, _mm256_shuffle_epi8, _mm256_sllv_epi64, _mm256_sub_epi8,
};

/// Bytes in which the backslashes are looked for.
const REACH: usize = 64;
/// Bytes that are looked at together: the last number may begin where the reach ends.
const AHEAD: usize = REACH + LANE;

/// Numbers at the front.
pub(super) struct Four {
    pub(super) numbers: [f64; 4],
    /// How many there are: four, or three long ones.
    pub(super) count: usize,
    /// Their bytes, the backslash behind each among them.
    pub(super) length: usize,
}

/// For a number of so many bytes with its point at such a place (none: the last one) where each of sixteen digits lies, the last digit
/// at the end; bytes of 128 give zeros.
static PLACES: [[[u8; LANE]; LANE]; LANE + 1] = places();

const fn places() -> [[[u8; LANE]; LANE]; LANE + 1] {
    let mut places = [[[128; LANE]; LANE]; LANE + 1];
    let mut length = 0;
    while length <= LANE {
        let mut point = 0;
        while point < LANE {
            let (mut from, mut to) = (length, LANE);
            while from > 0 {
                from -= 1;
                if from != point {
                    to -= 1;
                    places[length][point][to] = from as u8;
                }
            }
            point += 1;
        }
        length += 1;
    }
    places
}

// What neighbours are multiplied with before they are added: the first and the second.
const TENS: i16 = i16::from_le_bytes([10, 1]);
const HUNDREDS: i32 = 100 | 1 << 16;
const TEN_THOUSANDS: i32 = 10_000 | 1 << 16;

// Masks have a bit for each byte of the four numbers, sixteen for each.
/// The first byte of each.
const FIRST: u64 = 0x0001_0001_0001_0001;
/// The last byte of each.
const LAST: u64 = FIRST << 15;
/// All but the last: added to any of them, it carries into the last.
const OTHERS: u64 = !LAST;

/// One number of the usual form, a sign or none, digits, a point among them or none, then a backslash; and the bytes of all that.
///
/// Fifteen digits are below 2^53, so that the division rounds once.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(super) fn one(ahead: &[u8; LANE]) -> Option<(f64, usize)> {
    let bytes = register(ahead);
    let all = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let bits = |mask: __m128i| _mm_movemask_epi8(mask).cast_unsigned();
    let length = bits(_mm_cmpeq_epi8(bytes, all(b'\\'))).trailing_zeros();
    let inside = !u32::MAX.checked_shl(length)?;
    let values = _mm_sub_epi8(bytes, all(b'0'));
    let is_digit = _mm_cmpeq_epi8(_mm_min_epu8(values, all(9)), values);
    let digits = bits(is_digit) & inside;
    let negative = ahead[0] == b'-';
    let points = !digits & inside & !u32::from(negative);
    if points & points.wrapping_sub(1) != 0 || digits == 0 {
        return None;
    }
    let length = length as usize;
    let point = (points | 1 << (LANE - 1)).trailing_zeros() as usize;
    if points != 0 && ahead.get(point) != Some(&b'.') {
        return None;
    }
    let places = register(PLACES.get(length)?.get(point)?);
    let aligned = _mm_shuffle_epi8(_mm_and_si128(values, is_digit), places);
    let pairs = _mm_maddubs_epi16(aligned, _mm_set1_epi16(TENS));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(HUNDREDS));
    let fours = _mm_packus_epi32(fours, fours);
    let eights = _mm_madd_epi16(fours, _mm_set1_epi32(TEN_THOUSANDS));
    let eights = _mm_cvtsi128_si64(eights).cast_unsigned();
    let mantissa = (eights & 0xFFFF_FFFF) * 100_000_000 + (eights >> 32);
    let fraction = length.saturating_sub(point + 1);
    let value = mantissa.cast_signed() as f64 / EXACT_POWERS.get(fraction)?;
    // No branch: signs are what no processor guesses.
    let sign = u64::from(negative) << 63;
    Some((f64::from_bits(value.to_bits() | sign), length + 1))
}

/// The first four numbers, or three, if all are of that form.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(super) fn four(ahead: &[u8; AHEAD]) -> Option<Four> {
    let at = |start: usize| ahead.get(start..)?.first_chunk::<LANE>();
    let reach = [pair(at(0)?, at(16)?), pair(at(32)?, at(48)?)];
    let ends = mask(is(reach[0], b'\\'), is(reach[1], b'\\'));
    let after_first = ends & ends.wrapping_sub(1);
    let after_second = after_first & after_first.wrapping_sub(1);
    let after_third = after_second & after_second.wrapping_sub(1);
    if after_second == 0 {
        return None;
    }
    let ends = [ends, after_first, after_second, after_third].map(u64::trailing_zeros);
    let ends = ends.map(|end| end as usize);
    let mut starts = [0, ends[0] + 1, ends[1] + 1, ends[2] + 1];
    let mut lengths = [ends[0], ends[1] - starts[1], ends[2] - starts[2], 0];
    // Long numbers come by threes: the first of them stands in for the fourth.
    let count = if after_third == 0 {
        (starts[3], lengths[3]) = (0, lengths[0]);
        3
    } else {
        lengths[3] = ends[3] - starts[3];
        4
    };
    let length = ends[count - 1] + 1;
    if lengths.iter().any(|&length| length > LANE) {
        return None;
    }
    let bytes = [
        pair(at(starts[0])?, at(starts[1])?),
        pair(at(starts[2])?, at(starts[3])?),
    ];
    let digit_values = [values(bytes[0]), values(bytes[1])];
    let is_digit = [below_ten(digit_values[0]), below_ten(digit_values[1])];

    let inside = (0..4).fold(0, |inside, i| {
        inside | u64::from(!(u32::MAX << lengths[i])) << (LANE * i)
    });
    let digits = mask(is_digit[0], is_digit[1]) & inside;
    let points = mask(is(bytes[0], b'.'), is(bytes[1], b'.')) & inside;
    let minus = mask(is(bytes[0], b'-'), is(bytes[1], b'-')) & inside & FIRST;
    // Each number's lowest bit is where its point stands, or the last where none does.
    let point = points | LAST;
    let other = inside & !(digits | points | minus);
    let two_points = point & point.wrapping_sub(FIRST) & OTHERS;
    let point_at_the_end = points & LAST;
    let no_digit = LAST & !(digits | (digits & OTHERS).wrapping_add(OTHERS));
    let sixteen_digits = LAST & inside & !points.wrapping_add(OTHERS);
    if other | two_points | point_at_the_end | no_digit | sixteen_digits != 0 {
        return None;
    }

    let points = [0, 16, 32, 48].map(|shift| (point >> shift).trailing_zeros() as usize % LANE);
    let places = |i: usize| PLACES.get(lengths[i])?.get(points[i]);
    let places = [pair(places(0)?, places(1)?), pair(places(2)?, places(3)?)];
    let fours = [
        fours(_mm256_and_si256(digit_values[0], is_digit[0]), places[0]),
        fours(_mm256_and_si256(digit_values[1], is_digit[1]), places[1]),
    ];
    let eights = _mm256_madd_epi16(
        _mm256_packus_epi32(fours[0], fours[1]),
        _mm256_set1_epi32(TEN_THOUSANDS),
    );
    // The upper eight digits of all, then the lower.
    let order = _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7);
    let eights = _mm256_permutevar8x32_epi32(eights, order);
    let upper = _mm256_cvtepi32_pd(_mm256_castsi256_si128(eights));
    let lower = _mm256_cvtepi32_pd(_mm256_extracti128_si256::<1>(eights));
    let mantissas = _mm256_add_pd(_mm256_mul_pd(upper, _mm256_set1_pd(1e8)), lower);

    let power = |i: usize| EXACT_POWERS.get(lengths[i].saturating_sub(points[i] + 1));
    let powers = _mm256_setr_pd(*power(0)?, *power(1)?, *power(2)?, *power(3)?);
    // Each number's sign to its highest bit.
    let signs = _mm256_sllv_epi64(
        _mm256_set1_epi64x(minus.cast_signed()),
        _mm256_setr_epi64x(63, 47, 31, 15),
    );
    let signs = _mm256_and_si256(signs, _mm256_set1_epi64x(i64::MIN));
    let numbers = _mm256_or_pd(_mm256_div_pd(mantissas, powers), _mm256_castsi256_pd(signs));
    Some(Four {
        numbers: doubles(numbers),
        count,
        length,
    })
}

/// Two numbers' bytes, or half the reach.
#[inline]
#[target_feature(enable = "avx2")]
fn pair(low: &[u8; LANE], high: &[u8; LANE]) -> __m256i {
    _mm256_set_m128i(register(high), register(low))
}

#[inline]
#[target_feature(enable = "avx2")]
fn register(bytes: &[u8; LANE]) -> __m128i {
    let word = u128::from_le_bytes(*bytes);
    _mm_set_epi64x((word >> 64) as i64, word as i64)
}

#[inline]
#[target_feature(enable = "avx2")]
fn all(byte: u8) -> __m256i {
    _mm256_set1_epi8(byte.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn is(bytes: __m256i, byte: u8) -> __m256i {
    _mm256_cmpeq_epi8(bytes, all(byte))
}

/// What each digit stands for; whatever other bytes give.
#[inline]
#[target_feature(enable = "avx2")]
fn values(bytes: __m256i) -> __m256i {
    _mm256_sub_epi8(bytes, all(b'0'))
}

#[inline]
#[target_feature(enable = "avx2")]
fn below_ten(values: __m256i) -> __m256i {
    _mm256_cmpeq_epi8(_mm256_min_epu8(values, all(9)), values)
}

/// A bit for each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn mask(low: __m256i, high: __m256i) -> u64 {
    let bits = |half| u64::from(_mm256_movemask_epi8(half).cast_unsigned());
    bits(low) | bits(high) << 32
}

/// Digits as they stand and where each belongs -> numbers of four digits, in 32 bits each.
#[inline]
#[target_feature(enable = "avx2")]
fn fours(digits: __m256i, places: __m256i) -> __m256i {
    let aligned = _mm256_shuffle_epi8(digits, places);
    let pairs = _mm256_maddubs_epi16(aligned, _mm256_set1_epi16(TENS));
    _mm256_madd_epi16(pairs, _mm256_set1_epi32(HUNDREDS))
}

#[inline]
#[target_feature(enable = "avx2")]
fn doubles(register: __m256d) -> [f64; 4] {
    let bits = _mm256_castpd_si256(register);
    [
        _mm256_extract_epi64::<0>(bits),
        _mm256_extract_epi64::<1>(bits),
        _mm256_extract_epi64::<2>(bits),
        _mm256_extract_epi64::<3>(bits),
    ]
    .map(|bits| f64::from_bits(bits.cast_unsigned()))
}
