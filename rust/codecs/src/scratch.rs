//! Memory that decoders take for a frame and give back: it is to be there for the next one.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of a sample: the 32-bit planes of a decoder, and what it transforms them in.
const BYTES_A_SAMPLE: u64 = 8;

/// glibc learns nothing from blocks of more than 32 MiB, with what it adds to them and the rest of their last page.
const MOST: u64 = (32 << 20) - (64 << 10);

/// Has the allocator keep what a frame of so many samples takes. Does something for the largest frame so far alone.
///
/// glibc gives the free end of its heap back to the system once that is twice as large as the largest block that it had mapped
/// apart and saw freed (mallopt(3): `M_TRIM_THRESHOLD`, `M_MMAP_THRESHOLD`, both dynamic). Whether what a frame takes lies above that
/// is chance; if it does, each frame has its pages mapped and zeroed anew: 640 x 480 HTJ2K in colour, 1,021 page faults and 5.1 ms
/// instead of none and 3.6. So one block of that size is taken once, and freed untouched. Other allocators lose nothing by it.
pub(crate) fn keep(samples: u64) {
    static KEPT: AtomicU64 = AtomicU64::new(0);
    let bytes = samples.saturating_mul(BYTES_A_SAMPLE).min(MOST);
    if KEPT.fetch_max(bytes, Ordering::Relaxed) >= bytes {
        return;
    }
    let mut block = Vec::<u8>::new();
    // Where it is refused, there is nothing to keep.
    let _ = block.try_reserve_exact(usize::try_from(bytes).unwrap_or(0));
    drop(black_box(block));
}
