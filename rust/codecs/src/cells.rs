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
    ($bytes:expr, $type:ty, $cell:ident => $difference:expr) => {{
        // Differences are gathered over a block, so that the loop has no exit and becomes vector code.
        $bytes.chunks(4096).all(|block| {
            let difference = block.as_chunks::<{ size_of::<$type>() }>().0.iter().fold(0, |sum, bytes| {
                let $cell = <$type>::from_ne_bytes(*bytes);
                sum | $difference
            });
            difference == 0
        })
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
        SampleType::U8 => all_cells!(samples, u8, v => v & !u8::MAX.wrapping_shr(shift)),
        SampleType::U16 => all_cells!(samples, u16, v => v & !u16::MAX.wrapping_shr(shift)),
        SampleType::U32 => all_cells!(samples, u32, v => v & !u32::MAX.wrapping_shr(shift)),
        SampleType::U64 => all_cells!(samples, u64, v => v & !u64::MAX.wrapping_shr(shift)),
        SampleType::I8 => {
            all_cells!(samples, i8, v => v ^ v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::I16 => {
            all_cells!(samples, i16, v => v ^ v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::I32 => {
            all_cells!(samples, i32, v => v ^ v.wrapping_shl(shift).wrapping_shr(shift))
        }
        SampleType::I64 => {
            all_cells!(samples, i64, v => v ^ v.wrapping_shl(shift).wrapping_shr(shift))
        }
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
