//! Sample → entry of a table: what Modality LUT, VOI LUT and Palette Color LUT have in common. PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5.
//!
//! Samples up to the first value mapped get the first entry, those beyond the last value mapped the last one.
//!
//! Measured (one core of Zen 4, 16-bit samples of a CT): a table for all 65,536 values costs some 30 µs and then spares the clamp
//! and the bounds check of each sample; below `LARGE` samples that does not pay.

use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::SampleType;

/// Samples from which on a table for every value of 16 bits is made first.
const LARGE: usize = 1 << 17;

/// `$body` with `$values`, an iterator over samples of their own type, for each type there is.
macro_rules! with_samples {
    ($sample_type:expr, $samples:expr, |$values:ident| $body:expr) => {
        with_samples!(@ $sample_type, $samples, $values, $body,
            U8 u8 1, I8 i8 1, U16 u16 2, I16 i16 2, U32 u32 4, I32 i32 4, U64 u64 8, I64 i64 8, F32 f32 4, F64 f64 8)
    };
    (@ $sample_type:expr, $samples:expr, $values:ident, $body:expr, $($name:ident $type:ident $size:literal),*) => {
        match $sample_type {
            $($crate::layout::SampleType::$name => {
                let cells = $samples.as_chunks::<$size>().0;
                let $values = cells.iter().map(|&cell| $type::from_ne_bytes(cell));
                $body
            })*
        }
    };
}
pub(crate) use with_samples;

/// A table of entries of 8 or of 16 bits, in native byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupTable<'a> {
    /// The first value mapped, second value of LUT Descriptor.
    pub first: i64,
    /// Bytes of an entry: 1 or 2.
    pub entry_bytes: usize,
    /// The entries; those that LUT Descriptor does not count are left out by the caller.
    pub entries: &'a [u8],
}

impl LookupTable<'_> {
    /// The entry of each sample: as many of [`LookupTable::entry_bytes`] as there are samples. Floats are cut to integers.
    pub fn apply(&self, samples: &[u8], sample_type: SampleType, out: &mut [u8]) -> Result<()> {
        match self.entry_bytes {
            1 => gather::<1>(
                samples,
                sample_type,
                self.first,
                self.entries.as_chunks().0,
                out,
            ),
            2 => gather::<2>(
                samples,
                sample_type,
                self.first,
                self.entries.as_chunks().0,
                out,
            ),
            found => Err(argument(format!(
                "entries of {found} bytes, expected 1 or 2"
            ))),
        }
    }
}

#[cold]
pub(crate) fn argument(detail: String) -> PixelError {
    PixelError::new(PixelErrorKind::Argument, detail)
}

/// That `out` holds one cell of so many bytes for each sample.
pub(crate) fn check_length(
    samples: &[u8],
    sample_type: SampleType,
    cell: usize,
    out: &[u8],
) -> Result<()> {
    let expected = (samples.len() / sample_type.size()).checked_mul(cell);
    if expected == Some(out.len()) {
        return Ok(());
    }
    Err(argument(format!(
        "out has {} bytes, expected {cell} for each of {} samples",
        out.len(),
        samples.len() / sample_type.size()
    )))
}

/// The cell of each sample.
pub(crate) fn gather<const CELL: usize>(
    samples: &[u8],
    sample_type: SampleType,
    first: i64,
    cells: &[[u8; CELL]],
    out: &mut [u8],
) -> Result<()> {
    check_length(samples, sample_type, CELL, out)?;
    let Some(&lowest) = cells.first() else {
        return Err(argument("the lookup table has no entries".to_owned()));
    };
    let out = out.as_chunks_mut::<CELL>().0;
    let of = |value: i128| {
        cells
            .get(index(value, first, cells.len()))
            .unwrap_or(&lowest)
    };
    // Towards zero, as numpy's conversion does; what is no number gets the first entry.
    let cut = |difference: f64| of((difference as i64).saturating_add(first).into());
    match sample_type {
        SampleType::U8 | SampleType::I8 => {
            let mut table = [lowest; 256];
            for (byte, cell) in (0..=u8::MAX).zip(&mut table) {
                *cell = *of(match sample_type {
                    SampleType::I8 => i128::from(byte.cast_signed()),
                    _ => i128::from(byte),
                });
            }
            for (cell, &byte) in out.iter_mut().zip(samples) {
                *cell = table[usize::from(byte)];
            }
        }
        SampleType::U16 | SampleType::I16 if out.len() >= LARGE => {
            let signed = sample_type == SampleType::I16;
            let table = all_values(|value| {
                *of(match signed {
                    true => i128::from(value.cast_signed()),
                    false => i128::from(value),
                })
            });
            gather_16(samples, &table, out);
        }
        // numpy subtracts in the samples' own type.
        SampleType::F32 => {
            for (cell, &bytes) in out.iter_mut().zip(samples.as_chunks::<4>().0) {
                *cell = *cut(f64::from(f32::from_ne_bytes(bytes) - first as f32));
            }
        }
        SampleType::F64 => {
            for (cell, &bytes) in out.iter_mut().zip(samples.as_chunks::<8>().0) {
                *cell = *cut(f64::from_ne_bytes(bytes) - first as f64);
            }
        }
        _ => with_samples!(sample_type, samples, |values| {
            for (cell, value) in out.iter_mut().zip(values) {
                *cell = *of(value as i128);
            }
        }),
    }
    Ok(())
}

#[inline(always)]
fn index(value: i128, first: i64, entries: usize) -> usize {
    let last = entries.saturating_sub(1) as i128;
    value.wrapping_sub(i128::from(first)).clamp(0, last) as usize
}

/// A table for every value of 16 bits, by its bits.
pub(crate) fn all_values<T>(of: impl Fn(u16) -> T) -> Vec<T> {
    (0..=u16::MAX).map(of).collect()
}

/// `table` has an entry for every value of 16 bits.
pub(crate) fn gather_16<const CELL: usize>(
    samples: &[u8],
    table: &[[u8; CELL]],
    out: &mut [[u8; CELL]],
) {
    let Some(table) = table.first_chunk::<65_536>() else {
        return;
    };
    for (cell, &value) in out.iter_mut().zip(samples.as_chunks::<2>().0) {
        *cell = table[usize::from(u16::from_ne_bytes(value))];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bytes(values: impl IntoIterator<Item = i16>) -> Vec<u8> {
        values.into_iter().flat_map(i16::to_ne_bytes).collect()
    }

    #[test]
    fn indices_are_clamped() {
        let table = LookupTable {
            first: -2,
            entry_bytes: 1,
            entries: &[10, 11, 12],
        };
        let mut out = [0; 7];
        let samples = bytes([i16::MIN, -3, -2, -1, 0, 1, i16::MAX]);
        table.apply(&samples, SampleType::I16, &mut out).unwrap();
        assert_eq!(out, [10, 10, 10, 11, 12, 12, 12]);
        let floats: Vec<u8> = [f32::NAN, -9.5, -1.5, -0.5, 0.0, 9.0, f32::INFINITY]
            .into_iter()
            .flat_map(f32::to_ne_bytes)
            .collect();
        table.apply(&floats, SampleType::F32, &mut out).unwrap();
        assert_eq!(out, [10, 10, 10, 11, 12, 12, 12]);
        let samples = [0x80, 0xFD, 0xFE, 0xFF, 0, 1, 0x7F];
        table.apply(&samples, SampleType::I8, &mut out).unwrap();
        assert_eq!(out, [10, 10, 10, 11, 12, 12, 12]);
    }

    #[test]
    fn large_images_are_as_small_ones() {
        let values: Vec<i16> = (0..LARGE).map(|n| (n * 7919) as u16 as i16).collect();
        let samples = bytes(values);
        let entries = bytes((0..4000).map(|n| n * 3));
        let table = LookupTable {
            first: 100,
            entry_bytes: 2,
            entries: &entries,
        };
        for sample_type in [SampleType::U16, SampleType::I16] {
            let mut large = vec![0; samples.len()];
            table.apply(&samples, sample_type, &mut large).unwrap();
            for (samples, large) in samples.chunks(1000).zip(large.chunks(1000)) {
                let mut small = vec![0; samples.len()];
                table.apply(samples, sample_type, &mut small).unwrap();
                assert!(small == large);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut table = LookupTable {
            first: 0,
            entry_bytes: 2,
            entries: &[],
        };
        assert!(table.apply(&[0], SampleType::U8, &mut [0; 2]).is_err());
        table.entries = &[1, 2];
        assert!(table.apply(&[0], SampleType::U8, &mut [0; 3]).is_err());
        table.entry_bytes = 3;
        assert!(table.apply(&[0], SampleType::U8, &mut [0; 3]).is_err());
    }
}
