//! RGB → YBR_FULL: PS3.3 C.7.6.3.1.2, ITU-T T.871 §7. The other direction is [`crate::color`].
//!
//! Exactly pydicom's values for every one of the 2^24 triples. Cb and Cr are those of the exact equations, rounded to the nearest,
//! halves up, here in integers. Where Y is a half and some thousandths, single precision decides: pydicom's matrix product is
//! a product, then two fused multiply-adds, each rounded to single precision, which doubles give without such an instruction.

/// 0.587 / 1.772 and its like, in 1/2^20.
const CB: [i32; 3] = [-176_932, -347_356, 524_288];
const CR: [i32; 3] = [524_288, -439_026, -85_262];
/// 128.5 in 1/2^20.
const HALF: i32 = 257 << 19;
const Y: [f32; 3] = [0.299, 0.587, 0.114];

/// RGB → YBR_FULL in place: three bytes a pixel.
pub fn rgb_to_ybr_full(pixels: &mut [u8]) {
    for pixel in pixels.as_chunks_mut::<3>().0 {
        *pixel = convert(*pixel);
    }
}

#[inline(always)]
fn convert(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let chroma = |[cr, cg, cb]: [i32; 3]| {
        let sum = cr
            .wrapping_mul(r)
            .wrapping_add(cg.wrapping_mul(g))
            .wrapping_add(cb.wrapping_mul(b))
            .wrapping_add(HALF);
        (sum >> 20).clamp(0, 255) as u8
    };
    let fused = |sample: i32, factor: f32, sum: f32| {
        (f64::from(sample) * f64::from(factor) + f64::from(sum)) as f32
    };
    let y = fused(b, Y[2], fused(g, Y[1], r as f32 * Y[0]));
    let y = (f64::from(y) + 0.5) as f32;
    [y as u8, chroma(CB), chroma(CR)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries() {
        let of = |rgb: [u8; 3]| {
            let mut pixel = rgb;
            rgb_to_ybr_full(&mut pixel);
            pixel
        };
        assert_eq!(of([0, 0, 0]), [0, 128, 128]);
        assert_eq!(of([255, 255, 255]), [255, 128, 128]);
        assert_eq!(of([255, 0, 0]), [76, 85, 255]);
        assert_eq!(of([0, 255, 0]), [150, 44, 21]);
        assert_eq!(of([0, 0, 255]), [29, 255, 107]);
        // 0.299·0 + 0.587·36 + 0.114·12 is 22.5: single precision lies above it.
        assert_eq!(of([0, 36, 12])[0], 23);
    }
}
