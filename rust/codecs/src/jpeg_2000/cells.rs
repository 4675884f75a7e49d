//! Planes of 32-bit integers → interleaved cells.

use crate::error::{PixelError, PixelErrorKind, Result};

/// The samples of one component, as the decoder has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<'a> {
    pub(super) samples: &'a [i32],
    pub(super) columns: u32,
    pub(super) rows: u32,
    /// Where its first sample lies on the reference grid of the (smaller) image, and the step from one to the next.
    pub(super) from: [u32; 2],
    pub(super) step: [u32; 2],
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
        let step = plane.step.get(axis)?.max(&1);
        // `from` is where the image begins, the component's first sample is the next multiple of its step.
        let place = plane.from.get(axis)?.checked_add(n)? / step;
        let first = plane.from.get(axis)?.div_ceil(*step);
        Some(place.saturating_sub(first).min(count - 1) as usize)
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
