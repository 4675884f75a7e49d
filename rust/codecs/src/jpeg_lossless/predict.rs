//! Rows of samples from differences: ITU-T T.81 §H.1.2.1, table H.1. All arithmetic is modulo 2^16.

use super::bits::Bits;
use super::huffman::Table;

/// A row of the components of one scan.
pub(super) type Row<const N: usize> = [[u16; N]];

/// The first row of a scan or restart interval: the sample to the left, before the first `start`.
pub(super) fn first_row<const N: usize>(
    bits: &mut Bits,
    tables: [&Table; N],
    start: u16,
    row: &mut Row<N>,
) {
    let mut taken = *bits;
    let mut left = [start; N];
    for pixel in row {
        for (left, table) in left.iter_mut().zip(tables) {
            *left = left.wrapping_add(taken.difference(table));
        }
        *pixel = left;
    }
    *bits = taken;
}

/// Any other row, by the predictor with this selection value (1 to 7).
pub(super) fn row<const N: usize>(
    predictor: u8,
    bits: &mut Bits,
    tables: [&Table; N],
    above: &Row<N>,
    row: &mut Row<N>,
) {
    match predictor {
        1 => predicted(bits, tables, above, row, |left, _, _| left),
        2 => predicted(bits, tables, above, row, |_, above, _| above),
        3 => predicted(bits, tables, above, row, |_, _, corner| corner),
        4 => predicted(bits, tables, above, row, |left, above, corner| {
            left.wrapping_add(above).wrapping_sub(corner)
        }),
        5 => predicted(bits, tables, above, row, |left, above, corner| {
            left.wrapping_add(above.wrapping_sub(corner) >> 1)
        }),
        6 => predicted(bits, tables, above, row, |left, above, corner| {
            above.wrapping_add(left.wrapping_sub(corner) >> 1)
        }),
        _ => predicted(bits, tables, above, row, |left, above, _| {
            left.wrapping_add(above) >> 1
        }),
    }
}

/// One loop a predictor: `predict` gets the samples to the left (Ra), above (Rb) and above left (Rc).
///
/// Bits are taken up before every four pixels, wanted or not: then the test before each difference is one that the processor
/// guesses.
#[inline(always)]
fn predicted<const N: usize>(
    bits: &mut Bits,
    tables: [&Table; N],
    above: &Row<N>,
    row: &mut Row<N>,
    predict: impl Fn(i32, i32, i32) -> i32,
) {
    let (Some((first, row)), Some((&first_above, above))) =
        (row.split_first_mut(), above.split_first())
    else {
        return;
    };
    let mut taken = *bits;
    let (mut left, mut corner) = (first_above, first_above);
    for (left, table) in left.iter_mut().zip(tables) {
        *left = left.wrapping_add(taken.difference(table));
    }
    *first = left;
    let (fours, rest) = row.as_chunks_mut::<4>();
    let (fours_above, rest_above) = above.as_chunks::<4>();
    for (pixels, above) in fours.iter_mut().zip(fours_above) {
        taken.take_up();
        for n in 0..4 {
            left = next(&mut taken, tables, [left, above[n], corner], &predict);
            (pixels[n], corner) = (left, above[n]);
        }
    }
    for (pixel, &above) in rest.iter_mut().zip(rest_above) {
        left = next(&mut taken, tables, [left, above, corner], &predict);
        (*pixel, corner) = (left, above);
    }
    *bits = taken;
}

#[inline(always)]
fn next<const N: usize>(
    bits: &mut Bits,
    tables: [&Table; N],
    [mut left, above, corner]: [[u16; N]; 3],
    predict: &impl Fn(i32, i32, i32) -> i32,
) -> [u16; N] {
    for n in 0..N {
        let prediction = predict(left[n].into(), above[n].into(), corner[n].into());
        left[n] = (prediction as u16).wrapping_add(bits.difference(tables[n]));
    }
    left
}
