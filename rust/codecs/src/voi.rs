//! Values of interest: window, and what follows it. PS3.3 C.11.2, C.11.4, C.11.6. A VOI LUT is a [`crate::lookup_table::LookupTable`].

use crate::error::Result;
use crate::layout::SampleType;
use crate::lookup_table::{all_values, argument, check_length, gather_16, with_samples};
use crate::modality::Rescale;

/// VOI LUT Function (0028,1056): PS3.3 C.11.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiLutFunction {
    /// LINEAR, the default: PS3.3 C.11.2.1.2.1.
    Linear,
    /// LINEAR_EXACT: PS3.3 C.11.2.1.3.2.
    LinearExact,
    /// SIGMOID: PS3.3 C.11.2.1.3.1.
    Sigmoid,
}

/// Window Center and Window Width, and the range of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// VOI LUT Function.
    pub function: VoiLutFunction,
    /// Window Center.
    pub center: f64,
    /// Window Width: at least 1 for LINEAR, more than 0 otherwise.
    pub width: f64,
    /// The least output.
    pub y_min: f64,
    /// The greatest output.
    pub y_max: f64,
}

/// Samples from which on the sigmoid is evaluated for every value of 16 bits first.
const LARGE: usize = 1 << 17;

/// The same for output of 8 bits: its table is soon made, see [`bytes_of`].
const LARGE_8_BIT: usize = 1 << 13;

/// Numbers of a window that do not depend on the sample.
#[derive(Clone, Copy)]
struct Ramp {
    sigmoid: bool,
    low: f64,
    high: f64,
    center: f64,
    width: f64,
    range: f64,
    y_min: f64,
    y_max: f64,
}

impl Ramp {
    #[inline(always)]
    fn linear(&self, x: f64) -> f64 {
        let y = ((x - self.center) / self.width + 0.5) * self.range + self.y_min;
        let y = if x > self.high { self.y_max } else { y };
        if x <= self.low { self.y_min } else { y }
    }

    #[inline(always)]
    fn sigmoid(&self, x: f64) -> f64 {
        self.range / (1.0 + (-4.0 * (x - self.center) / self.width).exp()) + self.y_min
    }

    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        if self.sigmoid {
            self.sigmoid(x)
        } else {
            self.linear(x)
        }
    }

    /// Rounded to the nearest, halves up, for an output range of 0 to 255.
    #[inline(always)]
    fn byte(&self, x: f64) -> u8 {
        (self.of(x) + 0.5) as u8
    }
}

impl Window {
    /// One f64 for each sample.
    #[allow(clippy::unnecessary_cast, reason = "one of the sample types is f64")]
    pub fn apply(&self, samples: &[u8], sample_type: SampleType, out: &mut [u8]) -> Result<()> {
        check_length(samples, sample_type, 8, out)?;
        let ramp = self.ramp()?;
        let out = out.as_chunks_mut::<8>().0;
        if ramp.sigmoid {
            if let Some(table) = table_of(sample_type, out.len(), |x| ramp.sigmoid(x).to_ne_bytes())
            {
                gather_16(samples, &table, out);
                return Ok(());
            }
            with_samples!(sample_type, samples, |values| {
                for (cell, value) in out.iter_mut().zip(values) {
                    *cell = ramp.sigmoid(value as f64).to_ne_bytes();
                }
            });
            return Ok(());
        }
        with_samples!(sample_type, samples, |values| {
            for (cell, value) in out.iter_mut().zip(values) {
                *cell = ramp.linear(value as f64).to_ne_bytes();
            }
        });
        Ok(())
    }

    /// One byte for each stored value: rescaled, windowed to 0…255 (whatever the range of this window's output is), rounded to the
    /// nearest, halves up.
    #[allow(clippy::unnecessary_cast, reason = "one of the sample types is f64")]
    pub fn apply_8_bit(
        &self,
        rescale: Rescale,
        samples: &[u8],
        sample_type: SampleType,
        out: &mut [u8],
    ) -> Result<()> {
        check_length(samples, sample_type, 1, out)?;
        let ramp = Window {
            y_min: 0.0,
            y_max: 255.0,
            ..*self
        }
        .ramp()?;
        let of = |x: f64| ramp.byte(rescale.of(x));
        let first = match sample_type {
            SampleType::U16 => Some(0),
            SampleType::I16 => Some(i32::from(i16::MIN)),
            _ => None,
        };
        if let (Some(first), true) = (first, out.len() >= LARGE_8_BIT) {
            let table = bytes_of(first, |value| of(f64::from(value)));
            gather_16(samples, &table, out.as_chunks_mut::<1>().0);
            return Ok(());
        }
        with_samples!(sample_type, samples, |values| {
            for (byte, value) in out.iter_mut().zip(values) {
                *byte = of(value as f64);
            }
        });
        Ok(())
    }

    fn ramp(&self) -> Result<Ramp> {
        let Window { function, .. } = *self;
        let (mut center, mut width) = (self.center, self.width);
        let linear = function == VoiLutFunction::Linear;
        if linear && width < 1.0 || !linear && width <= 0.0 {
            return Err(argument(format!(
                "Window Width is {width}, expected {} for {function:?}",
                if linear { "at least 1" } else { "more than 0" }
            )));
        }
        if linear {
            center -= 0.5;
            width -= 1.0;
        }
        Ok(Ramp {
            sigmoid: function == VoiLutFunction::Sigmoid,
            low: center - width / 2.0,
            high: center + width / 2.0,
            center,
            width,
            range: self.y_max - self.y_min,
            y_min: self.y_min,
            y_max: self.y_max,
        })
    }
}

/// The table for large images of 16 bits.
fn table_of<T>(sample_type: SampleType, samples: usize, of: impl Fn(f64) -> T) -> Option<Vec<T>> {
    if samples < LARGE {
        return None;
    }
    match sample_type {
        SampleType::U16 => Some(all_values(|value| of(f64::from(value)))),
        SampleType::I16 => Some(all_values(|value| of(f64::from(value.cast_signed())))),
        _ => None,
    }
}

/// The table of a monotonous function of the 65,536 values from `first` on, by their bits: it is evaluated between the two ends
/// where it does not change, which a bisection finds, only. A window is a small part of all values.
fn bytes_of(first: i32, of: impl Fn(i32) -> u8) -> Vec<[u8; 1]> {
    let (lowest, highest) = (of(first), of(first + 0xFFFF));
    let bisect = |changed: &dyn Fn(i32) -> bool| {
        let (mut low, mut high) = (0, 0x1_0000);
        while low < high {
            let middle = (low + high) / 2;
            match changed(first + middle) {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        low
    };
    let begin = bisect(&|value| of(value) != lowest);
    let end = bisect(&|value| of(value) == highest).max(begin);
    let mut table = vec![[lowest]; begin as usize];
    table.extend((begin..end).map(|n| [of(first + n)]));
    table.resize(0x1_0000, [highest]);
    if first < 0 {
        table.rotate_left(0x8000);
    }
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WINDOW: Window = Window {
        function: VoiLutFunction::Linear,
        center: 2048.0,
        width: 4096.0,
        y_min: 0.0,
        y_max: 255.0,
    };

    fn of(window: Window, value: f64) -> f64 {
        let mut out = [0; 8];
        let samples = value.to_ne_bytes();
        window.apply(&samples, SampleType::F64, &mut out).unwrap();
        f64::from_ne_bytes(out)
    }

    /// The examples of PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2.
    #[test]
    fn the_examples_of_the_standard() {
        assert_eq!((of(WINDOW, 0.0), of(WINDOW, 4095.0)), (0.0, 255.0));
        assert_eq!(of(WINDOW, 2047.5), 127.5);
        let exact = Window {
            function: VoiLutFunction::LinearExact,
            ..WINDOW
        };
        assert_eq!((of(exact, 0.0), of(exact, 4096.0)), (0.0, 255.0));
        assert_eq!(of(exact, 2048.0), 127.5);
        let sigmoid = Window {
            function: VoiLutFunction::Sigmoid,
            ..WINDOW
        };
        assert_eq!(of(sigmoid, 2048.0), 127.5);
        let step = Window {
            center: 0.0,
            width: 1.0,
            ..WINDOW
        };
        assert_eq!((of(step, -1.0), of(step, 0.0)), (0.0, 255.0));
        assert!(of(WINDOW, f64::NAN).is_nan());
    }

    #[test]
    fn bytes_are_rounded_doubles() {
        let rescale = Rescale {
            slope: 1.5,
            intercept: -100.0,
        };
        let samples: Vec<u8> = (0..LARGE)
            .flat_map(|n| ((n * 31) as u16).to_ne_bytes())
            .collect();
        for (function, slope) in [
            (VoiLutFunction::Linear, 1.5),
            (VoiLutFunction::LinearExact, -0.25),
            (VoiLutFunction::Sigmoid, 0.0),
            (VoiLutFunction::Sigmoid, -3.0),
        ] {
            let window = Window { function, ..WINDOW };
            let rescale = Rescale { slope, ..rescale };
            for sample_type in [SampleType::U16, SampleType::I16] {
                let (mut rescaled, mut doubles) = (vec![0; LARGE * 8], vec![0; LARGE * 8]);
                let mut bytes = vec![0; LARGE];
                rescale.apply(&samples, sample_type, &mut rescaled).unwrap();
                window
                    .apply(&rescaled, SampleType::F64, &mut doubles)
                    .unwrap();
                window
                    .apply_8_bit(rescale, &samples, sample_type, &mut bytes)
                    .unwrap();
                let rounded = doubles.as_chunks::<8>().0.iter();
                let rounded = rounded.map(|&cell| (f64::from_ne_bytes(cell) + 0.5) as u8);
                assert!(bytes.iter().copied().eq(rounded), "{function:?}");
            }
        }
    }

    #[test]
    fn widths_of_nothing_are_refused() {
        for (function, width) in [
            (VoiLutFunction::Linear, 0.5),
            (VoiLutFunction::LinearExact, 0.0),
            (VoiLutFunction::Sigmoid, -1.0),
        ] {
            let window = Window {
                function,
                width,
                ..WINDOW
            };
            assert!(window.apply(&[], SampleType::U8, &mut []).is_err());
        }
    }
}
