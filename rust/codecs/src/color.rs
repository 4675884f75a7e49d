//! YBR_FULL and YBR_FULL_422 → RGB: PS3.3 C.7.6.3.1.2, ITU-T T.871 §7.
//!
//! ```text
//! R = Y                                       + 1.402 (Cr - 128)
//! G = Y - 0.114·1.772/0.587 (Cb - 128) - 0.299·1.402/0.587 (Cr - 128)
//! B = Y + 1.772 (Cb - 128)
//! ```
//! rounded to the nearest, halves up, and clipped to 0…255. Here in integers: the constants below give exactly that for every one of
//! the 2^24 triples (`tests/native.rs` walks them all). What pydicom gives differs from it in one place, see [`TIE`].

/// Pixels converted at a time; their samples are held as three arrays, long enough for the loops over them to become vector code.
const LANES: usize = 256;

/// 1.402 and 1.772 in 1/2^14, with their rounding: found by search over all 256 chroma values.
const R_CR: i32 = 22_971;
const R_HALF: i32 = 8_192;
const B_CB: i32 = 29_032;
const B_HALF: i32 = 8_256;

/// -0.344136… and -0.714136… in 1/2^20, with their rounding: found by search over all 2^16 pairs of chroma values (no fewer bits
/// do). Each is 32 times the first plus the second number, so that every product is one of 16-bit numbers, as SSE2 has them.
const G_CB: (i32, i16) = (-11_277, 10);
const G_CR: (i32, i16) = (-23_401, 5);
const G_HALF: i32 = 524_300;

/// (Cb, Cr) = (78, 178) makes G = Y - 18.5 exactly. Rounded up that is Y - 18; the single precision sums of pydicom (its matrix
/// product with fused multiply-add) give Y - 19 as long as Y < 47. We give what pydicom gives.
const TIE: (u8, u8, u8) = (78, 178, 47);

/// YBR_FULL → RGB in place: three bytes a pixel.
pub fn ybr_full_to_rgb(pixels: &mut [u8]) {
    let mut planes = [[0; LANES]; 3];
    for block in pixels.chunks_mut(3 * LANES) {
        let (eights, rest) = block.as_chunks_mut::<24>();
        let mut last = [0; 24];
        last.iter_mut()
            .zip(rest.iter())
            .for_each(|(to, from)| *to = *from);
        for (at, eight) in eights.iter().chain([&last]).enumerate().take(LANES / 8) {
            for (plane, samples) in planes.iter_mut().zip(split(eight)) {
                plane
                    .as_chunks_mut::<8>()
                    .0
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|to| *to = samples);
            }
        }
        convert_planes(&mut planes);
        let [r, g, b] = planes.each_ref().map(|plane| plane.as_chunks::<8>().0);
        let mut converted = r.iter().zip(g).zip(b).map(|((r, g), b)| join([*r, *g, *b]));
        eights
            .iter_mut()
            .zip(&mut converted)
            .for_each(|(to, eight)| *to = eight);
        if let (false, Some(eight)) = (rest.is_empty(), converted.next()) {
            rest.iter_mut().zip(eight).for_each(|(to, from)| *to = from);
        }
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

/// The arithmetic, lane by lane.
fn convert_planes([ys, cbs, crs]: &mut [[u8; LANES]; 3]) {
    let clip = |sum: i16| sum.clamp(0, 255) as u8;
    for ((y, cb), cr) in ys.iter_mut().zip(cbs).zip(crs) {
        let luma = i16::from(*y);
        let (b, r) = (
            i16::from(*cb).wrapping_sub(128),
            i16::from(*cr).wrapping_sub(128),
        );
        let red = R_CR.wrapping_mul(r.into()).wrapping_add(R_HALF) >> 14;
        let blue = B_CB.wrapping_mul(b.into()).wrapping_add(B_HALF) >> 14;
        let high = G_CB
            .0
            .wrapping_mul(b.into())
            .wrapping_add(G_CR.0.wrapping_mul(r.into()));
        let low = G_CB.1.wrapping_mul(b).wrapping_add(G_CR.1.wrapping_mul(r));
        let green = high
            .wrapping_shl(5)
            .wrapping_add(low.into())
            .wrapping_add(G_HALF)
            >> 20;
        let tie = i16::from((*cb == TIE.0) & (*cr == TIE.1) & (*y < TIE.2));
        *y = clip(luma.wrapping_add(red as i16));
        *cb = clip(luma.wrapping_add(green as i16).wrapping_sub(tie));
        *cr = clip(luma.wrapping_add(blue as i16));
    }
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
