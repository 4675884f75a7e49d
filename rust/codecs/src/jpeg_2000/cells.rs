//! Planes of 32-bit integers → interleaved cells.

use crate::error::{PixelError, PixelErrorKind, Result};

/// The samples of one component, as the decoder has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<'a> {
    pub(super) samples: &'a [i32],
    pub(super) columns: u32,
    pub(super) rows: u32,
    /// Its first sample among those that its step allows, horizontally and vertically; so too the first one of the (smaller) image.
    pub(super) first: [u32; 2],
    pub(super) image_first: [u32; 2],
    /// Places of the reference grid from one sample to the next; so too from one pixel to the next.
    pub(super) step: [u32; 2],
    pub(super) image_step: [u32; 2],
}

/// Writes cells of `size` bytes: the low bytes of the samples, which fit (the caller has compared precision and cell).
pub(super) fn interleave(
    planes: &[Plane<'_>],
    size: usize,
    image: (u32, u32),
    out: &mut [u8],
) -> Result<()> {
    let (rows, columns) = image;
    if planes.iter().any(|p| p.rows == 0 || p.columns == 0) {
        return Err(mismatch(planes, image));
    }
    let whole = planes.iter().all(|p| (p.rows, p.columns) == image);
    match (planes, whole) {
        (_, false) => {
            let full = planes.iter().map(|plane| replicate(plane, rows, columns));
            let full: Option<Vec<Vec<i32>>> = full.collect();
            let full = full.ok_or_else(|| mismatch(planes, image))?;
            let slices: Vec<&[i32]> = full.iter().map(Vec::as_slice).collect();
            narrow_all(&slices, size, out);
        }
        _ => {
            let slices: Vec<&[i32]> = planes.iter().map(|plane| plane.samples).collect();
            narrow_all(&slices, size, out);
        }
    }
    Ok(())
}

#[cold]
fn mismatch(planes: &[Plane<'_>], image: (u32, u32)) -> PixelError {
    let sizes: Vec<_> = planes.iter().map(|p| (p.rows, p.columns)).collect();
    let detail = format!("components of {sizes:?} rows and columns in an image of {image:?}");
    PixelError::new(PixelErrorKind::Unsupported, detail)
}

/// Brings a subsampled component to the size of the image: each sample stands for all up to the next.
fn replicate(plane: &Plane<'_>, rows: u32, columns: u32) -> Option<Vec<i32>> {
    let mut full = Vec::new();
    full.try_reserve_exact((rows as usize).checked_mul(columns as usize)?)
        .ok()?;
    let nearest = |n: u32, axis: usize, count: u32| -> Option<usize> {
        let pixel = u64::from(*plane.image_first.get(axis)?) + u64::from(n);
        let place = pixel.checked_mul(u64::from(*plane.image_step.get(axis)?))?;
        let sample = place / u64::from((*plane.step.get(axis)?).max(1));
        let sample = sample.saturating_sub(u64::from(*plane.first.get(axis)?));
        Some(sample.min(u64::from(count) - 1) as usize)
    };
    let across: Option<Vec<usize>> = (0..columns).map(|c| nearest(c, 0, plane.columns)).collect();
    let across = across?;
    for row in 0..rows {
        let line = nearest(row, 1, plane.rows)? * plane.columns as usize;
        let line = plane.samples.get(line..line + plane.columns as usize)?;
        for &at in &across {
            full.push(*line.get(at)?);
        }
    }
    Some(full)
}

fn narrow_all(planes: &[&[i32]], size: usize, out: &mut [u8]) {
    match size {
        1 => narrow::<1>(planes, out, |v| [v as u8]),
        2 => narrow::<2>(planes, out, |v| (v as u16).to_ne_bytes()),
        4 => narrow::<4>(planes, out, i32::to_ne_bytes),
        _ => narrow::<8>(planes, out, |v| i64::from(v).to_ne_bytes()),
    }
}

fn narrow<const N: usize>(planes: &[&[i32]], out: &mut [u8], cell: impl Fn(i32) -> [u8; N] + Copy) {
    let cells = out.as_chunks_mut::<N>().0;
    match planes {
        [grey] => cells
            .iter_mut()
            .zip(*grey)
            .for_each(|(to, from)| *to = cell(*from)),
        [r, g, b] => {
            let pixels = cells.as_chunks_mut::<3>().0.iter_mut();
            for (((pixel, r), g), b) in pixels.zip(*r).zip(*g).zip(*b) {
                *pixel = [*r, *g, *b].map(cell);
            }
        }
        _ => {
            for (index, plane) in planes.iter().enumerate() {
                let places = cells.iter_mut().skip(index).step_by(planes.len());
                places.zip(*plane).for_each(|(to, from)| *to = cell(*from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plane(samples: &[i32], first: u32, step: u32) -> Plane<'_> {
        Plane {
            samples,
            columns: samples.len() as u32,
            rows: 1,
            first: [first, 0],
            image_first: [2, 0],
            step: [step, 1],
            image_step: [2, 1],
        }
    }

    /// Pixels at the places 4, 6, 8, 10 and 12 of the reference grid, samples at the multiples of 2, 3 and 4.
    #[test]
    fn each_sample_stands_for_all_up_to_the_next() {
        let planes = [
            plane(&[20, 21, 22, 23, 24], 2, 2),
            plane(&[30, 31, 32], 2, 3),
            plane(&[40, 41, 42], 1, 4),
        ];
        let mut out = [0; 15];
        interleave(&planes, 1, (1, 5), &mut out).unwrap();
        let columns = [
            [20, 21, 22, 23, 24],
            [30, 30, 30, 31, 32],
            [40, 40, 41, 41, 42],
        ];
        for (at, cell) in out.iter().enumerate() {
            assert_eq!(*cell, columns[at % 3][at / 3], "{at}");
        }
    }
}
