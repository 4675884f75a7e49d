//! Cells of whole bytes: byte order, and the bits of a cell that belong to no sample.
//!
//! Each loop is a plain walk over `[u8; N]`; the compiler makes vector code of it (`examples/throughput.rs` shows how fast).

use crate::layout::{FrameLayout, SampleType};

/// Copies cells of `size` bytes from `stored` to `out`, reversing each one's bytes if `swap`. As many as both have.
pub fn copy_cells(stored: &[u8], size: usize, swap: bool, out: &mut [u8]) {
    match (swap, size) {
        (true, 2) => copy_swapped::<2>(stored, out),
        (true, 4) => copy_swapped::<4>(stored, out),
        (true, 8) => copy_swapped::<8>(stored, out),
        _ => {
            let length = stored.len().min(out.len());
            if let (Some(to), Some(from)) = (out.get_mut(..length), stored.get(..length)) {
                to.copy_from_slice(from);
            }
        }
    }
}

fn copy_swapped<const N: usize>(stored: &[u8], out: &mut [u8]) {
    for (to, from) in out
        .as_chunks_mut::<N>()
        .0
        .iter_mut()
        .zip(stored.as_chunks::<N>().0)
    {
        *to = *from;
        to.reverse();
    }
}

macro_rules! for_each_cell {
    ($out:expr, $type:ty, $cell:ident => $new:expr) => {
        for bytes in $out.as_chunks_mut::<{ size_of::<$type>() }>().0 {
            let $cell = <$type>::from_ne_bytes(*bytes);
            *bytes = <$type>::to_ne_bytes($new);
        }
    };
}

macro_rules! all_cells {
    ($bytes:expr, $type:ty, $mask:expr, $cell:ident => $gathered:expr) => {{
        // Bits are gathered over a block and looked at after it, so that the loop has no exit and becomes vector code.
        let mask: $type = $mask;
        $bytes.chunks(4096).all(|block| {
            let bits = block.as_chunks::<{ size_of::<$type>() }>().0.iter().fold(0, |bits, bytes| {
                let $cell = <$type>::from_ne_bytes(*bytes);
                bits | $gathered
            });
            bits & mask == 0
        })
    }};
}

/// Unsigned: no unused bit is set.
macro_rules! all_unsigned {
    ($bytes:expr, $type:ty, $shift:ident) => {
        all_cells!($bytes, $type, !<$type>::MAX.wrapping_shr($shift), v => v)
    };
}

/// Signed: raised by the magnitude of the least number that the used bits hold, the sample has no bit beyond them.
macro_rules! all_signed {
    ($bytes:expr, $type:ty, $shift:ident) => {{
        let raise = (<$type>::MAX / 2 + 1).wrapping_shr($shift);
        all_cells!($bytes, $type, !<$type>::MAX.wrapping_shr($shift), v => v.wrapping_add(raise))
    }};
}

/// Fills the unused high bits of each decoded sample: with the sign for signed samples, with zeros for unsigned ones.
///
/// PS3.5 §8.1.1 leaves those bits to whoever wrote them. The sample is taken to be the low Bits Stored bits, whatever High Bit says,
/// as pydicom does: files whose High Bit is wrong are common, files whose samples lie higher are of before 2004.
pub fn fill_unused_bits(layout: &FrameLayout, sample_type: SampleType, samples: &mut [u8]) {
    let Some(shift) = unused_shift(layout, sample_type) else {
        return;
    };
    match sample_type {
        SampleType::U8 => {
            let mask = u8::MAX.wrapping_shr(shift);
            for_each_cell!(samples, u8, v => v & mask)
        }
        SampleType::U16 => {
            let mask = u16::MAX.wrapping_shr(shift);
            for_each_cell!(samples, u16, v => v & mask)
        }
        SampleType::U32 => {
            let mask = u32::MAX.wrapping_shr(shift);
            for_each_cell!(samples, u32, v => v & mask)
        }
        SampleType::U64 => {
            let mask = u64::MAX.wrapping_shr(shift);
            for_each_cell!(samples, u64, v => v & mask)
        }
        SampleType::I8 => {
            for_each_cell!(samples, i8, v => v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::I16 => {
            for_each_cell!(samples, i16, v => v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::I32 => {
            for_each_cell!(samples, i32, v => v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::I64 => {
            for_each_cell!(samples, i64, v => v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::F32 | SampleType::F64 => {}
    }
}

/// Whether [`fill_unused_bits`] would change nothing. Reads at the speed of memory, writes nothing.
pub fn unused_bits_are_filled(
    layout: &FrameLayout,
    sample_type: SampleType,
    samples: &[u8],
) -> bool {
    let Some(shift) = unused_shift(layout, sample_type) else {
        return true;
    };
    match sample_type {
        SampleType::U8 => all_unsigned!(samples, u8, shift),
        SampleType::U16 => all_unsigned!(samples, u16, shift),
        SampleType::U32 => all_unsigned!(samples, u32, shift),
        SampleType::U64 => all_unsigned!(samples, u64, shift),
        SampleType::I8 => all_signed!(samples, u8, shift),
        SampleType::I16 => all_signed!(samples, u16, shift),
        SampleType::I32 => all_signed!(samples, u32, shift),
        SampleType::I64 => all_signed!(samples, u64, shift),
        SampleType::F32 | SampleType::F64 => true,
    }
}

/// Whether a decoded sample has bits that [`fill_unused_bits`] fills: those of a wider type (12 and 24 Bits Allocated) too.
pub fn has_unused_bits(layout: &FrameLayout, sample_type: SampleType) -> bool {
    unused_shift(layout, sample_type).is_some()
}

/// Bits of the decoded sample above Bits Stored; `None` where there are none to fill (1 Bits Allocated is unpacked to 0 and 1).
fn unused_shift(layout: &FrameLayout, sample_type: SampleType) -> Option<u32> {
    let bits = (sample_type.size() * 8) as u32;
    let shift = bits.checked_sub(u32::from(layout.bits_stored))?;
    let float = matches!(sample_type, SampleType::F32 | SampleType::F64);
    (!float && layout.bits_allocated != 1 && (1..bits).contains(&shift)).then_some(shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{PlanarConfiguration, SampleFormat};
    use crate::photometric::PhotometricInterpretation;

    fn layout(bits_allocated: u16, bits_stored: u16, sample_format: SampleFormat) -> FrameLayout {
        FrameLayout {
            rows: 1,
            columns: 1,
            samples_per_pixel: 1,
            bits_allocated,
            bits_stored,
            high_bit: bits_stored - 1,
            sample_format,
            planar_configuration: PlanarConfiguration::ByPixel,
            photometric_interpretation: PhotometricInterpretation::Monochrome2,
        }
    }

    #[test]
    fn what_filling_would_change_is_not_filled() {
        let formats = [SampleFormat::Unsigned, SampleFormat::Signed];
        for (bits, sample_format) in [8u16, 16, 32, 64].into_iter().zip([formats; 4]) {
            for (format, stored) in sample_format
                .into_iter()
                .flat_map(|f| (1..=bits).map(move |s| (f, s)))
            {
                let layout = layout(bits, stored, format);
                let sample_type = layout.sample_type().expect("an image");
                // At the top of a cell and at its bottom; around it cells that are filled.
                let edges = (0..16).flat_map(|bit| [1u16 << bit, (1 << bit) - 1, !0 << bit]);
                for value in (0..=u16::MAX).step_by(61).chain(edges) {
                    for shift in [0, bits.saturating_sub(16)] {
                        let cell = (u64::from(value) << shift).to_le_bytes();
                        let size = usize::from(bits / 8);
                        let mut samples = vec![0; size * 3];
                        samples[size..2 * size].copy_from_slice(&cell[..size]);
                        let judged = unused_bits_are_filled(&layout, sample_type, &samples);
                        let before = samples.clone();
                        fill_unused_bits(&layout, sample_type, &mut samples);
                        assert_eq!(
                            judged,
                            samples == before,
                            "{value:#x} << {shift} of {stored}/{bits} {format:?}"
                        );
                    }
                }
            }
        }
    }
}
