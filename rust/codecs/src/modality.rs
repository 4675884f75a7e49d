//! Stored values → the values of the modality: PS3.3 C.11.1. A Modality LUT is a [`crate::lookup_table::LookupTable`].

use crate::error::Result;
use crate::layout::SampleType;
use crate::lookup_table::{check_length, with_samples};

/// Rescale Slope and Rescale Intercept: PS3.3 C.11.1.1.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rescale {
    /// m in output = m × stored value + b.
    pub slope: f64,
    /// b.
    pub intercept: f64,
}

impl Rescale {
    /// One f64 for each sample: the product is rounded, then the sum.
    #[allow(clippy::unnecessary_cast, reason = "one of the sample types is f64")]
    pub fn apply(&self, samples: &[u8], sample_type: SampleType, out: &mut [u8]) -> Result<()> {
        check_length(samples, sample_type, 8, out)?;
        let out = out.as_chunks_mut::<8>().0;
        with_samples!(sample_type, samples, |values| {
            for (cell, value) in out.iter_mut().zip(values) {
                *cell = self.of(value as f64).to_ne_bytes();
            }
        });
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn of(&self, value: f64) -> f64 {
        value * self.slope + self.intercept
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_type_of_sample() {
        let rescale = Rescale {
            slope: 0.1,
            intercept: -1024.0,
        };
        let expected = (7.0 * 0.1 - 1024.0_f64).to_ne_bytes();
        let mut out = [0; 8];
        let mut check = |sample_type, samples: &[u8]| {
            rescale.apply(samples, sample_type, &mut out).unwrap();
            assert_eq!(out, expected);
        };
        check(SampleType::U8, &[7]);
        check(SampleType::I16, &7_i16.to_ne_bytes());
        check(SampleType::U32, &7_u32.to_ne_bytes());
        check(SampleType::I64, &7_i64.to_ne_bytes());
        check(SampleType::F32, &7_f32.to_ne_bytes());
        assert!(rescale.apply(&[1, 2], SampleType::U8, &mut [0; 8]).is_err());
    }
}
