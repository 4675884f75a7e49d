//! Quantised local gradients: T.87 §A.3.3.

use super::parameters::Parameters;

/// The place of gradient 0.
const ZERO: i32 = 1 << 16;

/// All gradients that two samples can have.
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
            for (from, to, region) in [
                (ZERO + edge[0], ZERO + edge[1], region),
                (ZERO + 1 - edge[1], ZERO + 1 - edge[0], -region),
            ] {
                if let Some(place) = regions.get_mut(from as usize..to as usize) {
                    place.fill(region);
                }
            }
        }
        let regions = regions.into_boxed_slice().try_into();
        Quantizer(regions.unwrap_or_else(|_| Box::new([0; GRADIENTS])))
    }

    /// The regions of the gradients `high - low` of N components.
    #[inline(always)]
    pub(super) fn all<const N: usize>(&self, high: [i32; N], low: [i32; N]) -> [i32; N] {
        let mut regions = [0; N];
        for i in 0..N {
            let gradient = high[i].wrapping_add(ZERO).wrapping_sub(low[i]);
            regions[i] = self
                .0
                .get(gradient as u32 as usize)
                .copied()
                .map_or(0, i32::from);
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
                let high = [gradient, 0];
                assert_eq!(quantizer.all(high, [0, gradient]), [region, -region]);
            }
        }
    }
}
