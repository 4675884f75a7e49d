//! YBR_FULL and YBR_FULL_422 → RGB: PS3.3 C.7.6.3.1.2, ITU-T T.871 §7.
//!
//! ```text
//! R = Y                                       + 1.402 (Cr - 128)
//! G = Y - 0.114·1.772/0.587 (Cb - 128) - 0.299·1.402/0.587 (Cr - 128)
//! B = Y + 1.772 (Cb - 128)
//! ```
//! rounded to the nearest, halves up, and clipped to 0…255. Here in integers: the constants below give exactly that for every one of
//! the 2^24 triples (`tests/native.rs` walks them all). What pydicom gives differs from it in one place, see `TIE`.

use multiversion::multiversion;

/// Pixels converted at a time; their samples are held as three arrays, long enough for the loops over them to become vector code.
const LANES: usize = 256;

/// 1.402 - 1 and 1.772 - 2 in 1/2^(8 + shift), with their rounding: found by search over all 256 chroma values.
const R_CR: i16 = 26_346;
const R_HALF: i16 = 128;
const R_SHIFT: u32 = 8;
const B_CB: i16 = -29_886;
const B_HALF: i16 = 258;
const B_SHIFT: u32 = 9;

/// -0.344136… and -0.714136… in 1/2^20, with their rounding: found by search over all 2^16 pairs of chroma values (no fewer bits
/// do). Each is 32 times the first plus the second number, the rounding 2^19 plus this.
const G_CB: (i16, i16) = (-11_277, 10);
const G_CR: (i16, i16) = (-23_401, 5);
const G_HALF: i16 = 12;

/// (Cb, Cr) = (78, 178) makes G = Y - 18.5 exactly. Rounded up that is Y - 18; the single precision sums of pydicom (its matrix
/// product with fused multiply-add) give Y - 19 as long as Y < 47. We give what pydicom gives.
const TIE: (u8, u8, u8) = (78, 178, 47);

/// YBR_FULL → RGB in place: three bytes a pixel.
pub fn ybr_full_to_rgb(pixels: &mut [u8]) {
    let (eights, rest) = pixels.as_chunks_mut::<24>();
    for block in eights.chunks_mut(LANES / 8) {
        convert_block(block);
    }
    if !rest.is_empty() {
        let mut last = [[0; 24]];
        last.as_flattened_mut()
            .iter_mut()
            .zip(rest.iter())
            .for_each(|(to, from)| *to = *from);
        convert_block(&mut last);
        rest.iter_mut()
            .zip(last.as_flattened())
            .for_each(|(to, from)| *to = *from);
    }
}

/// Up to [`LANES`] pixels, eight by eight.
fn convert_block(eights: &mut [[u8; 24]]) {
    let (mut planes, mut colors) = ([[0; LANES]; 3], [[0; LANES]; 3]);
    let [y, cb, cr] = planes.each_mut().map(|plane| plane.as_chunks_mut::<8>().0);
    for (((eight, y), cb), cr) in eights.iter().zip(y).zip(cb).zip(cr) {
        [*y, *cb, *cr] = split(eight);
    }
    convert_planes(&planes, &mut colors);
    let [r, g, b] = colors.each_ref().map(|plane| plane.as_chunks::<8>().0);
    for (((eight, r), g), b) in eights.iter_mut().zip(r).zip(g).zip(b) {
        *eight = join([*r, *g, *b]);
    }
}

/// Bytes 0, 3, 6; 1, 4, 7; and 2, 5 of eight.
const THIRDS: [u64; 3] = [
    0x00ff_0000_ff00_00ff,
    0xff00_00ff_0000_ff00,
    0x0000_ff00_00ff_0000,
];

/// Eight interleaved pixels as three times eight samples, in the order of pixels 0, 3, 6, 1, 4, 7, 2, 5.
///
/// A third of each of the three words belongs to one component, and the thirds do not overlap: three masks gather it.
#[inline(always)]
fn split(pixels: &[u8; 24]) -> [[u8; 8]; 3] {
    let mut words = [0; 3];
    words
        .iter_mut()
        .zip(pixels.as_chunks::<8>().0)
        .for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
    let [a, b, c] = words;
    let [first, second, third] = THIRDS;
    let y = a & first | b & second | c & third;
    let cb = a & second | b & third | c & first;
    let cr = a & third | b & first | c & second;
    [y, cb.rotate_right(8), cr.rotate_right(16)].map(u64::to_le_bytes)
}

/// What [`split`] undoes.
#[inline(always)]
fn join(planes: [[u8; 8]; 3]) -> [u8; 24] {
    let [r, g, b] = planes.map(u64::from_le_bytes);
    let (g, b) = (g.rotate_left(8), b.rotate_left(16));
    let [first, second, third] = THIRDS;
    let words = [
        r & first | g & second | b & third,
        r & second | g & third | b & first,
        r & third | g & first | b & second,
    ];
    let mut pixels = [0; 24];
    pixels
        .as_chunks_mut::<8>()
        .0
        .iter_mut()
        .zip(words)
        .for_each(|(bytes, word)| *bytes = word.to_le_bytes());
    pixels
}

/// [`lanes`] with the vectors that the processor has: 16 lanes of AVX2, or the 8 of SSE2 that any x86-64 has.
///
/// Measured (`examples/throughput.rs`, YBR_FULL to RGB): 4.0 GB/s with AVX2, 2.4 without.
#[multiversion(targets("x86_64+avx2+bmi1+bmi2"))]
fn convert_planes(planes: &[[u8; LANES]; 3], colors: &mut [[u8; LANES]; 3]) {
    lanes(planes, colors);
}

/// The arithmetic, lane by lane, in 16 bits throughout: no 32-bit products. (An earlier one of 32-bit sums: 0.7 of the speed; all
/// inlined into the loop over blocks: 0.8.)
#[inline(always)]
fn lanes([ys, cbs, crs]: &[[u8; LANES]; 3], [reds, greens, blues]: &mut [[u8; LANES]; 3]) {
    for i in 0..LANES {
        let (luma, b, r) = (
            i16::from(ys[i]),
            i16::from(cbs[i]).wrapping_sub(128),
            i16::from(crs[i]).wrapping_sub(128),
        );
        let tie =
            i16::from(cbs[i] == TIE.0) & i16::from(crs[i] == TIE.1) & i16::from(ys[i] < TIE.2);
        let red = high(r.wrapping_shl(8), R_CR).wrapping_add(R_HALF) >> R_SHIFT;
        let blue = high(b.wrapping_shl(8), B_CB).wrapping_add(B_HALF) >> B_SHIFT;
        reds[i] = clip(luma.wrapping_add(r).wrapping_add(red));
        greens[i] = clip(luma.wrapping_add(green(b, r)).wrapping_sub(tie));
        blues[i] = clip(luma.wrapping_add(b).wrapping_add(b).wrapping_add(blue));
    }
}

/// (32 (G_CB.0 b + G_CR.0 r) + G_CB.1 b + G_CR.1 r + G_HALF) >> 20, of which the first products have more than 16 bits: their upper
/// halves are added as they are, and whether the lower halves carry (no, once or twice) is seen by comparing.
#[inline(always)]
fn green(b: i16, r: i16) -> i16 {
    let (b2, r2) = (b.wrapping_add(b), r.wrapping_add(r));
    let upper = high(b2, G_CB.0).wrapping_add(high(r2, G_CR.0));
    // Lower halves are even, as b2 and r2 are: without that bit their sum less 2^15 is an i16.
    let lower = half(b2.wrapping_mul(G_CB.0))
        .wrapping_add(half(r2.wrapping_mul(G_CR.0)))
        .wrapping_sub(i16::MIN);
    let small = G_CB
        .1
        .wrapping_mul(b)
        .wrapping_add(G_CR.1.wrapping_mul(r))
        .wrapping_add(G_HALF)
        >> 5;
    let once = i16::from(lower >= (-16_384_i16).wrapping_sub(small));
    let twice = i16::from(lower >= 16_384_i16.wrapping_sub(small));
    upper.wrapping_add(once).wrapping_add(twice)
}

/// The upper half of a product.
#[inline(always)]
fn high(a: i16, b: i16) -> i16 {
    (i32::from(a).wrapping_mul(i32::from(b)) >> 16) as i16
}

/// The bits of a lower half but the last.
#[inline(always)]
fn half(lower: i16) -> i16 {
    (lower as u16 >> 1) as i16
}

#[inline(always)]
fn clip(sum: i16) -> u8 {
    let positive = if sum < 0 { 0 } else { sum };
    (if positive > 255 { 255 } else { positive }) as u8
}

/// Y1 Y2 Cb Cr → Y1 Cb Cr Y2 Cb Cr: `out` has 3/2 of the bytes of `stored`, `N` a sample.
pub fn upsample_422<const N: usize>(stored: &[u8], out: &mut [u8]) {
    let pairs = stored.as_chunks::<N>().0.as_chunks::<4>().0;
    let out = out.as_chunks_mut::<N>().0.as_chunks_mut::<6>().0;
    for (to, &[y1, y2, cb, cr]) in out.iter_mut().zip(pairs) {
        *to = [y1, cb, cr, y2, cb, cr];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// pydicom's way: f32 with fused multiply-add, Cb before Cr.
    fn twin([y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
        let g_cb = (-0.114_f64 * 1.772 / 0.587) as f32;
        let g_cr = (-0.299_f64 * 1.402 / 0.587) as f32;
        let rgb = [
            cr.mul_add(1.402, y),
            cr.mul_add(g_cr, cb.mul_add(g_cb, y)),
            cb.mul_add(1.772, y),
        ];
        rgb.map(|v| (v + 0.5).floor().clamp(0.0, 255.0) as u8)
    }

    #[test]
    fn triples_are_those_of_the_twin() {
        let mut plane = Vec::with_capacity(3 << 16);
        for y in (0..=255u8).step_by(15).chain([18, 19, 46, 47]) {
            plane.clear();
            plane.extend((0..=255).flat_map(|cb| (0..=255).flat_map(move |cr| [y, cb, cr])));
            let stored = plane.clone();
            ybr_full_to_rgb(&mut plane);
            for (rgb, ybr) in plane
                .as_chunks::<3>()
                .0
                .iter()
                .zip(stored.as_chunks::<3>().0)
            {
                assert_eq!(*rgb, twin(*ybr), "{ybr:?}");
            }
        }
    }

    #[test]
    fn lanes_are_the_same_with_any_vectors() {
        let planes = [[0, 1, 2], [7, 101, 53], [3, 17, 211]].map(|[first, step, turn]| {
            std::array::from_fn(|i| (first + step * i + turn * (i >> 4)) as u8)
        });
        let (mut here, mut anywhere) = ([[0; LANES]; 3], [[0; LANES]; 3]);
        convert_planes(&planes, &mut here);
        lanes(&planes, &mut anywhere);
        assert_eq!(here, anywhere);
    }

    #[test]
    fn the_last_pixels_are_converted_too() {
        for pixels in 0..50 {
            let stored: Vec<u8> = (0..3 * pixels)
                .map(|i: u32| (i.wrapping_mul(37)) as u8)
                .collect();
            let mut out = stored.clone();
            ybr_full_to_rgb(&mut out);
            let expected: Vec<u8> = stored
                .as_chunks::<3>()
                .0
                .iter()
                .flat_map(|&ybr| twin(ybr))
                .collect();
            assert_eq!(out, expected);
        }
    }
}
