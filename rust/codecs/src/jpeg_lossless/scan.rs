//! Scans: ITU-T T.81 §B.2.3, §H.1.1, §H.2.

use super::bits::{Bits, unstuff};
use super::huffman::{Definitions, Table};
use super::predict::{self, Row};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::marker::{FrameHeader, Segment};
use std::array;

fn stored(detail: impl Into<std::borrow::Cow<'static, str>>) -> PixelError {
    PixelError::new(PixelErrorKind::Stored, detail)
}

/// The samples of a frame, and which rows of them are real.
pub(super) struct Image<'a> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Components of the frame.
    pub(super) components: usize,
    pub(super) precision: u8,
    /// Bytes of a sample.
    pub(super) size: usize,
    pub(super) out: &'a mut [u8],
    /// The first row that is not real, and why.
    pub(super) broken: Option<(usize, PixelError)>,
}

impl Image<'_> {
    fn row_bytes(&self) -> usize {
        self.columns * self.components * self.size
    }

    /// These rows are not real; the first of all such rows is remembered.
    fn lose(&mut self, rows: std::ops::Range<usize>, error: PixelError) {
        let row_bytes = self.row_bytes();
        if let Some(lost) = self
            .out
            .get_mut(rows.start * row_bytes..rows.end * row_bytes)
        {
            lost.fill(0);
        }
        if self
            .broken
            .as_ref()
            .is_none_or(|(first, _)| rows.start < *first)
        {
            self.broken = Some((rows.start, error));
        }
    }

    /// Writes a row of these components, in cells of `size` bytes.
    fn store<const N: usize>(
        &mut self,
        number: usize,
        components: &[usize; N],
        shift: u8,
        row: &Row<N>,
    ) {
        let row_bytes = self.row_bytes();
        let Some(out) = self
            .out
            .get_mut(number * row_bytes..(number + 1) * row_bytes)
        else {
            return;
        };
        match self.size {
            1 => place::<1, N>(self.components, components, shift, row, out),
            2 => place::<2, N>(self.components, components, shift, row, out),
            4 => place::<4, N>(self.components, components, shift, row, out),
            _ => place::<8, N>(self.components, components, shift, row, out),
        }
    }
}

fn place<const SIZE: usize, const N: usize>(
    all: usize,
    components: &[usize; N],
    shift: u8,
    row: &Row<N>,
    out: &mut [u8],
) {
    let cells = out.as_chunks_mut::<SIZE>().0;
    if *components == array::from_fn(|n| n) && all == N {
        for (cell, sample) in cells.iter_mut().zip(row.as_flattened()) {
            *cell = to_cell(sample << shift);
        }
        return;
    }
    for (n, &component) in components.iter().enumerate() {
        let cells = cells.iter_mut().skip(component).step_by(all);
        for (cell, pixel) in cells.zip(row) {
            *cell = to_cell(pixel[n] << shift);
        }
    }
}

/// The sample in so many bytes, in native order.
#[inline(always)]
fn to_cell<const SIZE: usize>(sample: u16) -> [u8; SIZE] {
    if cfg!(target_endian = "little") {
        let bytes = u64::from(sample).to_le_bytes();
        array::from_fn(|n| bytes[n])
    } else {
        let bytes = u64::from(sample).to_be_bytes();
        array::from_fn(|n| bytes[8 - SIZE + n])
    }
}

/// A scan header, T.81 §B.2.3, with the restart interval that holds for it.
pub(super) struct Scan {
    /// Each component's place in the frame, and its table.
    pub(super) components: Vec<(usize, Table)>,
    predictor: u8,
    point_transform: u8,
    /// Rows of a restart interval; none: the whole scan is one.
    restart_rows: Option<usize>,
}

impl Scan {
    pub(super) fn read(
        segment: &Segment,
        header: &FrameHeader,
        tables: &Definitions,
        restart_interval: usize,
    ) -> Result<Scan> {
        let short = || stored("the scan header (SOS) is too short");
        let (&count, rest) = segment.parameters.split_first().ok_or_else(short)?;
        let (named, rest) = rest
            .split_at_checked(2 * usize::from(count))
            .ok_or_else(short)?;
        let &[predictor, _, approximation] = rest.first_chunk().ok_or_else(short)?;
        let point_transform = approximation & 15;
        if !(1..=7).contains(&predictor) || point_transform >= header.precision {
            return Err(stored(format!(
                "predictor {predictor}, point transform {point_transform}; expected 1 to 7, less than the precision, {}",
                header.precision
            )));
        }
        let mut components: Vec<(usize, Table)> = Vec::with_capacity(4);
        for &[id, table] in named.as_chunks::<2>().0 {
            let place = header
                .components
                .iter()
                .position(|component| component.id == id);
            let place = place.filter(|place| components.iter().all(|(other, _)| other != place));
            let place = place.ok_or_else(|| {
                stored(format!(
                    "a scan has component {id} twice, or the frame has it not"
                ))
            })?;
            components.push((place, tables.table(table >> 4)?));
        }
        let columns = usize::from(header.columns).max(1);
        if !restart_interval.is_multiple_of(columns) {
            return Err(stored(format!(
                "the restart interval is {restart_interval}, expected a multiple of the columns, {columns}"
            )));
        }
        Ok(Scan {
            components,
            predictor,
            point_transform,
            restart_rows: Some(restart_interval / columns).filter(|&rows| rows > 0),
        })
    }

    /// Whether it has the component at this place of the frame.
    pub(super) fn has(&self, component: usize) -> bool {
        self.components.iter().any(|&(place, _)| place == component)
    }

    /// Decodes the entropy-coded segments from `at` on; returns where the last of them ends.
    pub(super) fn decode(&self, bytes: &[u8], at: usize, image: &mut Image) -> Result<usize> {
        let all: Vec<_> = self
            .components
            .iter()
            .map(|(place, table)| (*place, table))
            .collect();
        match *all.as_slice() {
            [a] => self.decode_components(bytes, at, [a], image),
            [a, b] => self.decode_components(bytes, at, [a, b], image),
            [a, b, c] => self.decode_components(bytes, at, [a, b, c], image),
            [a, b, c, d] => self.decode_components(bytes, at, [a, b, c, d], image),
            _ => Err(stored("a scan has no component, or more than four")),
        }
    }

    fn decode_components<const N: usize>(
        &self,
        bytes: &[u8],
        mut at: usize,
        components: [(usize, &Table); N],
        image: &mut Image,
    ) -> Result<usize> {
        let interval = self.restart_rows.unwrap_or(image.rows);
        let mut segment = Vec::new();
        let mut rows = [vec![[0; N]; image.columns], vec![[0; N]; image.columns]];
        for (number, first) in (0..image.rows).step_by(interval.max(1)).enumerate() {
            if let Some(expected) = number.checked_sub(1) {
                match restart(bytes, at, expected) {
                    Some(after) => at = after,
                    None => {
                        let error =
                            stored(format!("restart marker {expected} is missing")).at(at as u64);
                        image.lose(first..image.rows, error);
                        break;
                    }
                }
            }
            at = unstuff(bytes, at, &mut segment);
            let end = first.saturating_add(interval).min(image.rows);
            let mut bits = Bits::new(&segment);
            if let Err((row, error)) =
                self.decode_interval(&mut bits, components, first..end, &mut rows, image)
            {
                image.lose(row..end, error.at(at as u64));
            }
        }
        Ok(at)
    }

    /// The rows of one restart interval; the first that is not real, and why.
    fn decode_interval<const N: usize>(
        &self,
        bits: &mut Bits,
        components: [(usize, &Table); N],
        rows: std::ops::Range<usize>,
        [above, row]: &mut [Vec<[u16; N]>; 2],
        image: &mut Image,
    ) -> std::result::Result<(), (usize, PixelError)> {
        let (places, tables) = (
            components.map(|(place, _)| place),
            components.map(|(_, table)| table),
        );
        let precision = image.precision - self.point_transform;
        for number in rows.clone() {
            if number == rows.start {
                predict::first_row(bits, tables, 1 << (precision - 1), row);
            } else {
                predict::row(self.predictor, bits, tables, above, row);
            }
            if bits.overrun() {
                return Err((
                    number,
                    stored(format!(
                        "the entropy-coded data ends, or is no code, in row {number}"
                    )),
                ));
            }
            let used = row
                .as_flattened()
                .iter()
                .fold(0, |used, sample| used | sample);
            if u32::from(used) >> precision != 0 {
                return Err((
                    number,
                    stored(format!(
                        "row {number} has a sample of more than {precision} bits"
                    )),
                ));
            }
            image.store(number, &places, self.point_transform, row);
            std::mem::swap(above, row);
        }
        Ok(())
    }
}

/// Where the data after the restart marker at `at` begins, if it is the expected one: T.81 §B.1.1.3, RST0 to RST7 in turn.
fn restart(bytes: &[u8], at: usize, number: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
    let marker = *rest.get(fill)?;
    (fill > 0 && usize::from(marker) == 0xD0 + number % 8).then_some(at + fill + 1)
}
