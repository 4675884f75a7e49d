//! YBR_FULL and YBR_FULL_422 → RGB: PS3.3 C.7.6.3.1.2, ITU-T T.871 §7.
//!
//! ```text
//! R = Y                                       + 1.402 (Cr - 128)
//! G = Y - 0.114·1.772/0.587 (Cb - 128) - 0.299·1.402/0.587 (Cr - 128)
//! B = Y + 1.772 (Cb - 128)
//! ```
//! rounded to the nearest, halves up, and clipped to 0…255. Here in integers: the constants below give exactly that for every one of
//! the 2^24 triples (`tests/native.rs` walks them all). What pydicom gives differs from it in one place, see [`TIE`].

/// Pixels converted at a time; their samples are held as three arrays.
const LANES: usize = 16;

/// 1.402 and 1.772 in 1/2^14, with their rounding: found by search over all 256 chroma values.
const R_CR: i32 = 22_971;
const R_HALF: i32 = 8_192;
const B_CB: i32 = 29_032;
const B_HALF: i32 = 8_256;

/// -0.344136… and -0.714136… in 1/2^20, with their rounding: found by search over all 2^16 pairs of chroma values.
const G_CB: i32 = -360_854;
const G_CR: i32 = -748_827;
const G_HALF: i32 = 524_300;

/// (Cb, Cr) = (78, 178) makes G = Y - 18.5 exactly. Rounded up that is Y - 18; the single precision sums of pydicom (its matrix
/// product with fused multiply-add) give Y - 19 as long as Y < 47. We give what pydicom gives.
const TIE: (u8, u8, u8) = (78, 178, 47);

/// YBR_FULL → RGB in place: three bytes a pixel.
pub fn ybr_full_to_rgb(pixels: &mut [u8]) {
    let (blocks, rest) = pixels.as_chunks_mut::<{ 3 * LANES }>();
    for block in blocks {
        convert_block(block);
    }
    if !rest.is_empty() {
        let mut block = [0; 3 * LANES];
        block
            .iter_mut()
            .zip(rest.iter())
            .for_each(|(to, from)| *to = *from);
        convert_block(&mut block);
        rest.iter_mut().zip(block).for_each(|(to, from)| *to = from);
    }
}

fn convert_block(block: &mut [u8; 3 * LANES]) {
    let mut planes = [[0; LANES]; 3];
    for (pixel, &[y, cb, cr]) in block.as_chunks::<3>().0.iter().enumerate() {
        (planes[0][pixel], planes[1][pixel], planes[2][pixel]) = (y, cb, cr);
    }
    convert_planes(&mut planes);
    for (pixel, to) in block.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *to = [planes[0][pixel], planes[1][pixel], planes[2][pixel]];
    }
}

/// The arithmetic: lane by lane, so that it becomes vector code; 16-bit constants where they suffice, as SSE2 multiplies those.
#[inline(always)]
fn convert_planes(planes: &mut [[u8; LANES]; 3]) {
    let [ys, cbs, crs] = *planes;
    for lane in 0..LANES {
        let (y, cb, cr) = (ys[lane], cbs[lane], crs[lane]);
        let (luma, b, r) = (
            i32::from(y),
            i32::from(cb).wrapping_sub(128),
            i32::from(cr).wrapping_sub(128),
        );
        let tie = i32::from((cb == TIE.0) & (cr == TIE.1) & (y < TIE.2));
        let green = G_CB
            .wrapping_mul(b)
            .wrapping_add(G_CR.wrapping_mul(r))
            .wrapping_add(G_HALF)
            >> 20;
        let red = R_CR.wrapping_mul(r).wrapping_add(R_HALF) >> 14;
        let blue = B_CB.wrapping_mul(b).wrapping_add(B_HALF) >> 14;
        planes[0][lane] = luma.wrapping_add(red).clamp(0, 255) as u8;
        planes[1][lane] = luma.wrapping_add(green).wrapping_sub(tie).clamp(0, 255) as u8;
        planes[2][lane] = luma.wrapping_add(blue).clamp(0, 255) as u8;
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
