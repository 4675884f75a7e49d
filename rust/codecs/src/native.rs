//! Native (uncompressed) frames → samples: PS3.5 §8.2, and exactly the values of pydicom's `pixel_array`.
//!
//! A frame is walked once, in blocks that stay in the first cache: cells are read, planes interleaved, Cb and Cr repeated, unused
//! bits filled, colours converted, each a plain loop of its own over the block.

use crate::cells::{copy_cells, fill_unused_bits, has_unused_bits, unused_bits_are_filled};
use crate::color::{upsample_422, ybr_full_to_rgb};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::{FrameLayout, PlanarConfiguration, SampleType, StoredRange};
use crate::packed::{unpack_1, unpack_12, widen_24};
use crate::planar::interleave;

/// Pixels of a block: a multiple of 8, so that a block of packed cells begins where a byte of the frame does.
const BLOCK: usize = 1024;

/// How the value of native Pixel Data is encoded, and what is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Native {
    /// Whether the Transfer Syntax is one of Little Endian.
    pub little_endian: bool,
    /// Whether the VR is OW: in big endian, cells of 8 bits then lie pairwise swapped (PS3.5 §7.3, Annex A.3).
    pub ow: bool,
    /// Leave YBR_FULL and YBR_FULL_422 as they are; the latter is brought to three samples a pixel all the same.
    pub raw: bool,
}

impl Native {
    /// The bytes of the value that [`Native::decode`] needs for frame `index` of `number_of_frames`.
    ///
    /// Where bytes are swapped in words, whole words; their last byte may be the padding of the value.
    pub fn frame_range(
        &self,
        layout: &FrameLayout,
        index: u64,
        number_of_frames: u64,
    ) -> Result<StoredRange> {
        let mut range = layout.frame_range(index, number_of_frames)?;
        if self.swaps_words(layout) {
            range.first_bit += (range.bytes.start % 2 * 8) as u8;
            range.bytes = range.bytes.start & !1
                ..range
                    .bytes
                    .end
                    .checked_next_multiple_of(2)
                    .unwrap_or(range.bytes.end);
        }
        Ok(range)
    }

    /// Whether the stored bytes of every such frame are its samples already: no byte has to move or change, a view will do.
    pub fn is_identity(&self, layout: &FrameLayout) -> bool {
        self.is_in_place(layout) && layout.unused_bits() == 0
    }

    /// As [`Native::is_identity`], but for this frame: also where its unused bits are filled as they should be (most CT and MR).
    /// Reads the frame once if it depends on that.
    pub fn is_identity_for(&self, layout: &FrameLayout, stored: &[u8]) -> bool {
        self.is_in_place(layout)
            && layout
                .sample_type()
                .is_ok_and(|sample_type| unused_bits_are_filled(layout, sample_type, stored))
    }

    /// Fills the unused bits of a frame whose stored bytes were copied to `samples`, see [`Native::is_in_place`]. Memory that
    /// needs no change is only read.
    pub fn mend_in_place(&self, layout: &FrameLayout, samples: &mut [u8]) -> Result<()> {
        let sample_type = layout.sample_type()?;
        for block in samples.chunks_mut(BLOCK * 16) {
            if !unused_bits_are_filled(layout, sample_type, block) {
                fill_unused_bits(layout, sample_type, block);
            }
        }
        Ok(())
    }

    /// Decodes one frame: `stored` are the bytes of [`Native::frame_range`] (a longer slice is no error), `first_bit` is its bit;
    /// `out` gets [`FrameLayout::decoded_frame_bytes`] bytes, samples in native byte order, interleaved by pixel.
    pub fn decode(
        &self,
        stored: &[u8],
        first_bit: u8,
        layout: &FrameLayout,
        out: &mut [u8],
    ) -> Result<()> {
        layout.validate()?;
        let sample_type = layout.sample_type()?;
        let decoded = layout.decoded_frame_bytes()?;
        if out.len() as u64 != decoded {
            let detail = format!(
                "out has {} bytes, the frame decodes to {decoded}",
                out.len()
            );
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        self.check_color(layout, sample_type)?;
        if self.swaps_words(layout) {
            let unswapped = swapped_words(stored)?;
            let bytes = unswapped
                .get(usize::from(first_bit / 8)..)
                .unwrap_or_default();
            return Native {
                little_endian: true,
                ..*self
            }
            .decode(bytes, first_bit % 8, layout, out);
        }
        let needed = layout
            .stored_frame_bits()?
            .saturating_add(u64::from(first_bit))
            .div_ceil(8);
        if (stored.len() as u64) < needed {
            let detail = format!(
                "the frame has {} stored bytes, expected {needed}",
                stored.len()
            );
            return Err(PixelError::new(PixelErrorKind::Stored, detail).at(stored.len() as u64));
        }
        let first_bit = u64::from(first_bit);
        Frame {
            stored,
            first_bit,
            layout,
            sample_type,
            swap: self.swaps_cells(),
            to_rgb: self.converts(layout),
        }
        .decode(out);
        Ok(())
    }

    fn swaps_cells(&self) -> bool {
        self.little_endian != cfg!(target_endian = "little")
    }

    /// Cells of 12 bits can only be OW. Cells of 1 bit in OW should be swapped too, but are not where they were seen, nor by pydicom.
    pub fn swaps_words(&self, layout: &FrameLayout) -> bool {
        !self.little_endian
            && (layout.bits_allocated == 12 || self.ow && layout.bits_allocated == 8)
    }

    fn converts(&self, layout: &FrameLayout) -> bool {
        !self.raw && layout.photometric_interpretation.becomes_rgb()
    }

    /// Whether the stored bytes are the samples, but for unused bits: [`Native::mend_in_place`] fills those.
    pub fn is_in_place(&self, layout: &FrameLayout) -> bool {
        let by_pixel = layout.samples_per_pixel == 1
            || layout.planar_configuration == PlanarConfiguration::ByPixel;
        by_pixel
            && matches!(layout.bits_allocated, 8 | 16 | 32 | 64)
            && (layout.bits_allocated == 8 || !self.swaps_cells())
            && !self.swaps_words(layout)
            && !layout.is_subsampled()
            && !self.converts(layout)
    }

    /// The equations of PS3.3 C.7.6.3.1.2 are for three unsigned samples of 8 bits.
    fn check_color(&self, layout: &FrameLayout, sample_type: SampleType) -> Result<()> {
        if !self.converts(layout)
            || (layout.samples_per_pixel == 3
                && layout.bits_allocated == 8
                && sample_type == SampleType::U8)
        {
            return Ok(());
        }
        let detail = format!(
            "{} has {} samples of {} bits ({sample_type:?}), its conversion to RGB needs 3 of 8 (U8); raw=True gives them as stored",
            layout.photometric_interpretation.term(),
            layout.samples_per_pixel,
            layout.bits_allocated
        );
        Err(PixelError::new(PixelErrorKind::Unsupported, detail))
    }
}

/// One frame, judged: its numbers are those of an image and its bytes are there.
struct Frame<'a> {
    stored: &'a [u8],
    first_bit: u64,
    layout: &'a FrameLayout,
    sample_type: SampleType,
    swap: bool,
    to_rgb: bool,
}

impl Frame<'_> {
    fn decode(&self, out: &mut [u8]) {
        let samples = usize::from(self.layout.samples_per_pixel);
        let size = self.sample_type.size();
        if self.layout.is_subsampled() {
            self.in_blocks(out, |frame, first, block| frame.read_422(first, block));
        } else if samples > 1 && self.layout.planar_configuration == PlanarConfiguration::ByPlane {
            let mut scratch = vec![
                0;
                if self.is_plain() {
                    0
                } else {
                    samples * size * BLOCK
                }
            ];
            self.in_blocks(out, |frame, first, block| {
                frame.read_planes(first, &mut scratch, block)
            });
        } else if self.to_rgb || has_unused_bits(self.layout, self.sample_type) {
            self.in_blocks(out, |frame, first, block| {
                frame.read(first * samples as u64, block)
            });
        } else {
            self.read(0, out);
        }
    }

    /// `read` is given the first pixel of a block and the block; what is left is done to the samples in place.
    fn in_blocks(&self, out: &mut [u8], mut read: impl FnMut(&Self, u64, &mut [u8])) {
        let pixel = usize::from(self.layout.samples_per_pixel) * self.sample_type.size();
        for (index, block) in out.chunks_mut(BLOCK * pixel).enumerate() {
            read(self, (index * BLOCK) as u64, block);
            fill_unused_bits(self.layout, self.sample_type, block);
            if self.to_rgb {
                ybr_full_to_rgb(block);
            }
        }
    }

    /// Cells that need no more than copying.
    fn is_plain(&self) -> bool {
        let size = self.sample_type.size();
        usize::from(self.layout.bits_allocated) == 8 * size && (size == 1 || !self.swap)
    }

    /// The stored bytes from that of sample `first` on (whole bytes a cell).
    fn stored_from(&self, first: u64) -> &[u8] {
        let byte = first.saturating_mul(u64::from(self.layout.bits_allocated)) / 8;
        usize::try_from(byte)
            .ok()
            .and_then(|byte| self.stored.get(byte..))
            .unwrap_or_default()
    }

    /// As many stored samples as `out` holds, from sample `first` on.
    fn read(&self, first: u64, out: &mut [u8]) {
        let bits = u64::from(self.layout.bits_allocated);
        let first_bit = first.saturating_mul(bits).saturating_add(self.first_bit);
        match bits {
            1 => unpack_1(self.stored, first_bit, out),
            12 => unpack_12(self.stored, first_bit, out),
            24 => widen_24(
                self.stored_from(first),
                self.swap != cfg!(target_endian = "little"),
                out,
            ),
            _ => copy_cells(
                self.stored_from(first),
                self.sample_type.size(),
                self.swap,
                out,
            ),
        }
    }

    fn read_planes(&self, first: u64, scratch: &mut [u8], block: &mut [u8]) {
        let samples = usize::from(self.layout.samples_per_pixel);
        let plane_samples = self.layout.pixels_per_frame();
        let starts = (0..u64::from(self.layout.samples_per_pixel))
            .map(|s| plane_samples.saturating_mul(s).saturating_add(first));
        let mut planes: [&[u8]; 4] = [&[]; 4];
        if scratch.is_empty() {
            planes
                .iter_mut()
                .zip(starts)
                .for_each(|(plane, start)| *plane = self.stored_from(start));
        } else {
            let length = block.len() / samples;
            for ((plane, start), part) in planes
                .iter_mut()
                .zip(starts)
                .zip(scratch.chunks_mut(length.max(1)))
            {
                self.read(start, part);
                *plane = part;
            }
        }
        interleave(
            planes.get(..samples).unwrap_or(&planes),
            self.sample_type.size(),
            block,
        );
    }

    fn read_422(&self, first_pixel: u64, block: &mut [u8]) {
        let size = self.sample_type.size();
        let stored = self.stored_from(first_pixel.saturating_mul(2));
        match (size, self.layout.bits_allocated) {
            (1, _) => upsample_422::<1>(stored, block),
            (2, _) => self.swapped_422::<2>(stored, block),
            (4, 24) => {
                let mut cells = vec![0; block.len() / 3 * 2];
                self.read(first_pixel.saturating_mul(2), &mut cells);
                upsample_422::<4>(&cells, block);
            }
            (4, _) => self.swapped_422::<4>(stored, block),
            _ => self.swapped_422::<8>(stored, block),
        }
    }

    fn swapped_422<const N: usize>(&self, stored: &[u8], block: &mut [u8]) {
        upsample_422::<N>(stored, block);
        if self.swap {
            block
                .as_chunks_mut::<N>()
                .0
                .iter_mut()
                .for_each(|cell| cell.reverse());
        }
    }
}

/// The bytes with every pair of them exchanged; a last one without partner stays. Explicit VR Big Endian is retired: no haste.
fn swapped_words(stored: &[u8]) -> Result<Vec<u8>> {
    let mut swapped = Vec::new();
    if swapped.try_reserve_exact(stored.len()).is_err() {
        let detail = format!("no memory for {} bytes", stored.len());
        return Err(PixelError::new(PixelErrorKind::Argument, detail));
    }
    let (words, rest) = stored.as_chunks::<2>();
    swapped.extend(words.iter().flat_map(|&[a, b]| [b, a]));
    swapped.extend(rest);
    Ok(swapped)
}
