//! The caller's memory: rows of cells, interleaved by pixel.

/// The samples of the frame as they are decoded.
#[derive(Debug)]
pub(super) struct Image<'a> {
    out: &'a mut [u8],
    columns: usize,
    components: usize,
    /// Bytes of a sample.
    cell: usize,
}

impl<'a> Image<'a> {
    /// `out` has the length that the others make.
    pub(super) fn new(
        out: &'a mut [u8],
        columns: usize,
        components: usize,
        cell: usize,
    ) -> Image<'a> {
        Image {
            out,
            columns,
            components,
            cell,
        }
    }

    fn row_bytes(&self) -> usize {
        self.columns * self.components * self.cell
    }

    fn row(&mut self, row: u32) -> &mut [u8] {
        let bytes = self.row_bytes();
        let from = bytes.saturating_mul(row as usize);
        self.out
            .get_mut(from..from.saturating_add(bytes))
            .unwrap_or_default()
    }

    /// Writes N components of a row.
    pub(super) fn put<const N: usize>(&mut self, row: u32, of: [usize; N], samples: &[[u16; N]]) {
        match self.cell {
            1 => self.put_cells::<N, 1>(row, of, samples),
            2 => self.put_cells::<N, 2>(row, of, samples),
            4 => self.put_cells::<N, 4>(row, of, samples),
            _ => self.put_cells::<N, 8>(row, of, samples),
        }
    }

    fn put_cells<const N: usize, const B: usize>(
        &mut self,
        row: u32,
        of: [usize; N],
        samples: &[[u16; N]],
    ) {
        let components = self.components;
        let (cells, _) = self.row(row).as_chunks_mut::<B>();
        if N == components && of.is_sorted() {
            for (out, &sample) in cells.iter_mut().zip(samples.as_flattened()) {
                *out = cell(sample);
            }
            return;
        }
        for (pixel, samples) in cells.chunks_exact_mut(components).zip(samples) {
            for (&component, &sample) in of.iter().zip(samples) {
                if let Some(out) = pixel.get_mut(component) {
                    *out = cell(sample);
                }
            }
        }
    }

    /// Undoes HP's transform of colour on a row of three components: `range` is how many values a sample has.
    pub(super) fn undo_transform(&mut self, row: u32, transform: u8, range: i32) {
        match self.cell {
            1 => undo_in_cells::<1>(self.row(row), transform, range),
            2 => undo_in_cells::<2>(self.row(row), transform, range),
            4 => undo_in_cells::<4>(self.row(row), transform, range),
            _ => undo_in_cells::<8>(self.row(row), transform, range),
        }
    }

    /// Makes zeros of this row and all below it.
    pub(super) fn clear_from(&mut self, row: u32) {
        let from = self.row_bytes().saturating_mul(row as usize);
        self.out.get_mut(from..).unwrap_or_default().fill(0);
    }
}

fn undo_in_cells<const B: usize>(row: &mut [u8], transform: u8, range: i32) {
    let (cells, _) = row.as_chunks_mut::<B>();
    let (pixels, _) = cells.as_chunks_mut::<3>();
    for pixel in pixels {
        let rgb = rgb_of(pixel.map(sample), transform, range);
        *pixel = rgb.map(|value| cell((value & (range - 1)) as u16));
    }
}

/// Red, green and blue, modulo `range`.
fn rgb_of([v1, v2, v3]: [i32; 3], transform: u8, range: i32) -> [i32; 3] {
    let half = range / 2;
    match transform {
        1 => [v1 + v2 - half, v2, v3 + v2 - half],
        2 => {
            let red = (v1 + v2 - half) & (range - 1);
            [red, v2, v3 + ((red + v2) >> 1) - half]
        }
        _ => {
            let green = v1 - ((v3 + v2) >> 2) + range / 4;
            [v3 + green - half, green, v2 + green - half]
        }
    }
}

/// A sample's cell, in the order of bytes of this machine.
fn cell<const B: usize>(sample: u16) -> [u8; B] {
    let sample = u64::from(sample);
    let bytes = if cfg!(target_endian = "big") {
        sample.to_be_bytes().last_chunk::<B>().copied()
    } else {
        sample.to_le_bytes().first_chunk::<B>().copied()
    };
    bytes.unwrap_or([0; B])
}

/// The sample in a cell.
fn sample<const B: usize>(cell: [u8; B]) -> i32 {
    let value = |sum, &byte: &u8| sum << 8 | i32::from(byte);
    if cfg!(target_endian = "big") {
        cell.iter().skip(B.saturating_sub(2)).fold(0, value)
    } else {
        cell.iter().take(2).rev().fold(0, value)
    }
}
