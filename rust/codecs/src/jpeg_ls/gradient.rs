//! Quantised local gradients: T.87 §A.3.3.

use super::parameters::Parameters;

/// All gradients that two samples can have, modulo 2^17.
const GRADIENTS: usize = 1 << 17;

/// Each gradient's region, -4 to 4. Only the pages of gradients that occur are ever touched.
#[derive(Debug)]
pub(super) struct Quantizer(Box<[i8; GRADIENTS]>);

impl Quantizer {
    pub(super) fn new(parameters: &Parameters) -> Quantizer {
        let mut regions = vec![0i8; GRADIENTS];
        let [t1, t2, t3] = parameters.thresholds;
        let edges = [parameters.near + 1, t1, t2, t3, parameters.maxval + 1];
        for (region, edge) in (1i8..).zip(edges.windows(2)) {
            let (from, to) = (edge[0] as usize, edge[1] as usize);
            if let Some(positive) = regions.get_mut(from..to) {
                positive.fill(region);
            }
            if let Some(negative) = regions.get_mut(GRADIENTS + 1 - to..GRADIENTS + 1 - from) {
                negative.fill(-region);
            }
        }
        let regions = regions.into_boxed_slice().try_into();
        Quantizer(regions.unwrap_or_else(|_| Box::new([0; GRADIENTS])))
    }

    /// The regions of the gradients `high - low` of N components.
    #[inline(always)]
    pub(super) fn all<const N: usize>(&self, high: [u16; N], low: [u16; N]) -> [i32; N] {
        let mut regions = [0; N];
        for i in 0..N {
            let gradient = i32::from(high[i]) - i32::from(low[i]);
            regions[i] = i32::from(self.0[gradient as usize & (GRADIENTS - 1)]);
        }
        regions
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::jpeg_ls::parameters::Preset;

    #[test]
    fn regions_are_those_of_the_thresholds() {
        for (precision, near) in [(8, 0), (8, 3), (12, 2), (16, 0), (2, 1)] {
            let parameters = Parameters::new(Preset::default(), precision, near).unwrap();
            let quantizer = Quantizer::new(&parameters);
            let [t1, t2, t3] = parameters.thresholds;
            for gradient in 0..=parameters.maxval {
                let region = match gradient {
                    d if d <= parameters.near => 0,
                    d if d < t1 => 1,
                    d if d < t2 => 2,
                    d if d < t3 => 3,
                    _ => 4,
                };
                let high = [gradient as u16, 0];
                assert_eq!(quantizer.all(high, [0, gradient as u16]), [region, -region]);
            }
        }
    }
}
