//! The coding parameters of a scan, and the variables that follow from them: ITU-T T.87 §A.2.1, C.2.4.1.1.

use super::golomb::Limit;

/// MAXVAL, T1, T2, T3 and RESET as an LSE segment gives them; 0 where the default holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Preset {
    pub(super) maxval: u16,
    pub(super) t1: u16,
    pub(super) t2: u16,
    pub(super) t3: u16,
    pub(super) reset: u16,
}

/// What a scan is coded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// The greatest sample.
    pub(super) maxval: i32,
    /// The thresholds of local gradients.
    pub(super) thresholds: [i32; 3],
    /// The count at which a context's sums are halved.
    pub(super) reset: u16,
    /// How far a decoded sample may be from the encoded one.
    pub(super) near: i32,
    /// How many values a prediction error can have.
    pub(super) range: i32,
    /// What bounds the length of codes: qbpp and LIMIT.
    pub(super) codes: Limit,
}

impl Parameters {
    /// Those of a scan of samples with `precision` bits (2 to 16); what is wrong with them, in words, if they contradict T.87.
    pub(super) fn new(preset: Preset, precision: u8, near: u8) -> Result<Parameters, String> {
        let greatest = (1i32 << precision.min(16)) - 1;
        let maxval = given(preset.maxval, greatest);
        let near = i32::from(near);
        if maxval > greatest {
            return Err(format!("MAXVAL is {maxval} in samples of {precision} bits"));
        }
        if near > (maxval / 2).min(255) {
            return Err(format!("NEAR is {near} where MAXVAL is {maxval}"));
        }
        let default = default_thresholds(maxval, near);
        let t1 = given(preset.t1, default[0]);
        let t2 = given(preset.t2, default[1].max(t1));
        let t3 = given(preset.t3, default[2].max(t2));
        if !(near < t1 && t1 <= t2 && t2 <= t3 && t3 <= maxval) {
            return Err(format!(
                "thresholds {t1}, {t2}, {t3} do not rise from NEAR {near} to MAXVAL {maxval}"
            ));
        }
        let reset = given(preset.reset, 64);
        if !(3..=maxval.max(255)).contains(&reset) {
            return Err(format!(
                "RESET is {reset}, expected 3 to {}",
                maxval.max(255)
            ));
        }
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let bpp = bits_of(maxval + 1).max(2);
        let (qbpp, limit) = (bits_of(range), 2 * (bpp + bpp.max(8)));
        Ok(Parameters {
            maxval,
            thresholds: [t1, t2, t3],
            reset: reset as u16,
            near,
            range,
            codes: Limit {
                zeros: limit.saturating_sub(qbpp + 1),
                bits: qbpp,
            },
        })
    }

    /// The sample that was predicted so and has this error: §A.4.4, §A.4.5.
    #[inline(always)]
    pub(super) fn reconstruct(&self, predicted: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let span = self.range.wrapping_mul(step);
        let mut value = predicted.wrapping_add(error.wrapping_mul(step));
        if value < -self.near {
            value = value.wrapping_add(span);
        } else if value > self.maxval + self.near {
            value = value.wrapping_sub(span);
        }
        value.max(0).min(self.maxval)
    }

    /// Whether an error wraps at a power of two and is not quantised: what nearly every scan is.
    pub(super) fn plain(&self) -> bool {
        self.near == 0 && self.range.count_ones() == 1
    }
}

/// The parameter, or its default.
fn given(parameter: u16, default: i32) -> i32 {
    match parameter {
        0 => default,
        found => i32::from(found),
    }
}

/// ⌈log2 n⌉, n > 0.
fn bits_of(n: i32) -> u32 {
    (n - 1).checked_ilog2().map_or(0, |floor| floor + 1)
}

/// T.87 C.2.4.1.1.1.
fn default_thresholds(maxval: i32, near: i32) -> [i32; 3] {
    let [t1, t2, t3] = if maxval >= 128 {
        let factor = (maxval.min(4095) + 128) >> 8;
        [factor + 2, factor * 4 + 3, factor * 17 + 4]
    } else {
        let factor = 256 / (maxval + 1);
        [3 / factor, 7 / factor, 21 / factor]
    };
    let least = if maxval >= 128 { [0; 3] } else { [2, 3, 4] };
    let clamp = |threshold: i32, low: i32| {
        if (low..=maxval).contains(&threshold) {
            threshold
        } else {
            low
        }
    };
    let t1 = clamp((t1 + 3 * near).max(least[0]), near + 1);
    let t2 = clamp((t2 + 5 * near).max(least[1]), t1);
    [t1, t2, clamp((t3 + 7 * near).max(least[2]), t2)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn defaults_are_those_of_table_c_3() {
        let of = |precision, near| Parameters::new(Preset::default(), precision, near).unwrap();
        assert_eq!(of(8, 0).thresholds, [3, 7, 21]);
        assert_eq!(of(12, 0).thresholds, [18, 67, 276]);
        assert_eq!(of(16, 0).thresholds, [18, 67, 276]);
        assert_eq!(of(8, 3).thresholds, [12, 22, 42]);
        let zeros = |precision| of(precision, 0).codes.zeros;
        assert_eq!((zeros(8), zeros(12), zeros(16)), (23, 35, 47));
        assert_eq!((of(8, 3).range, of(8, 3).codes.bits), (38, 6));
        assert!(of(8, 0).plain() && !of(8, 3).plain());
    }

    #[test]
    fn what_contradicts_is_refused() {
        let preset = |maxval, t1, t2, t3, reset| Preset {
            maxval,
            t1,
            t2,
            t3,
            reset,
        };
        assert!(Parameters::new(preset(256, 0, 0, 0, 0), 8, 0).is_err());
        assert!(Parameters::new(preset(0, 9, 8, 20, 0), 8, 0).is_err());
        assert!(Parameters::new(preset(0, 0, 0, 0, 2), 8, 0).is_err());
        assert!(Parameters::new(Preset::default(), 8, 128).is_err());
        assert!(Parameters::new(preset(200, 5, 9, 30, 31), 8, 2).is_ok());
    }
}
