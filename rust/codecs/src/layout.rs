//! The attributes of the Image Pixel Module that say how a frame lies in memory: PS3.3 C.7.6.3, PS3.5 §8.
//!
//! All size arithmetic is here, on `u64` and checked: every one of these numbers comes from a file.

use crate::error::{PixelError, PixelErrorKind, Result};
use crate::photometric::PhotometricInterpretation;
use std::ops::Range;

/// What the bits of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// Pixel Data, Pixel Representation 0.
    Unsigned,
    /// Pixel Data, Pixel Representation 1: two's complement.
    Signed,
    /// Float Pixel Data (32 bits) or Double Float Pixel Data (64 bits): PS3.3 C.7.6.24, C.7.6.25.
    Float,
}

/// Planar Configuration (0028,0006): PS3.3 C.7.6.3.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlanarConfiguration {
    /// 0: R1, G1, B1, R2, G2, B2, …
    ByPixel,
    /// 1: R1, R2, R3, …, G1, G2, G3, …, B1, B2, B3, …
    ByPlane,
}

/// The type of a decoded sample.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl SampleType {
    /// Bytes of one sample.
    pub fn size(self) -> usize {
        match self {
            SampleType::U8 | SampleType::I8 => 1,
            SampleType::U16 | SampleType::I16 => 2,
            SampleType::U32 | SampleType::I32 | SampleType::F32 => 4,
            SampleType::U64 | SampleType::I64 | SampleType::F64 => 8,
        }
    }
}

/// Where a native frame lies in the value of Pixel Data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRange {
    /// The bytes that hold the frame, counted from the first byte of the value.
    pub bytes: Range<u64>,
    /// The bit of them at which the frame begins, counted from the least significant bit of the first byte: frames of 1 and of
    /// 12 Bits Allocated follow each other without padding.
    pub first_bit: u8,
}

/// How one frame is stored, and so what it decodes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLayout {
    /// Rows (0028,0010).
    pub rows: u32,
    /// Columns (0028,0011).
    pub columns: u32,
    /// Samples per Pixel (0028,0002).
    pub samples_per_pixel: u16,
    /// Bits Allocated (0028,0100).
    pub bits_allocated: u16,
    /// Bits Stored (0028,0101); for [`SampleFormat::Float`] without meaning.
    pub bits_stored: u16,
    /// High Bit (0028,0102); for [`SampleFormat::Float`] without meaning.
    pub high_bit: u16,
    /// Pixel Representation (0028,0103), or that the samples are floats.
    pub sample_format: SampleFormat,
    /// Planar Configuration (0028,0006).
    pub planar_configuration: PlanarConfiguration,
    /// Photometric Interpretation (0028,0004).
    pub photometric_interpretation: PhotometricInterpretation,
}

fn layout_error(detail: String) -> PixelError {
    PixelError::new(PixelErrorKind::Layout, detail)
}

impl FrameLayout {
    /// Whether these numbers describe an image at all; each function below says so by itself where it depends on it.
    ///
    /// High Bit is not judged: as in pydicom the low Bits Stored bits are the sample, see [`FrameLayout::high_bit_is_usual`].
    pub fn validate(&self) -> Result<()> {
        for (name, found) in [("Rows", self.rows), ("Columns", self.columns)] {
            if !(1..=65_535).contains(&found) {
                return Err(layout_error(format!(
                    "{name} is {found}, expected 1 to 65535"
                )));
            }
        }
        if !(1..=4).contains(&self.samples_per_pixel) {
            return Err(layout_error(format!(
                "Samples per Pixel is {}, expected 1 to 4",
                self.samples_per_pixel
            )));
        }
        self.sample_type()?;
        if self.sample_format != SampleFormat::Float
            && !(1..=self.bits_allocated).contains(&self.bits_stored)
        {
            let (stored, allocated) = (self.bits_stored, self.bits_allocated);
            return Err(layout_error(format!(
                "Bits Stored is {stored}, expected 1 to Bits Allocated, {allocated}"
            )));
        }
        Ok(())
    }

    /// The type that holds a decoded sample: the least that has Bits Allocated bits.
    pub fn sample_type(&self) -> Result<SampleType> {
        use SampleFormat as F;
        Ok(match (self.bits_allocated, self.sample_format) {
            (1, F::Unsigned | F::Signed) | (8, F::Unsigned) => SampleType::U8,
            (8, F::Signed) => SampleType::I8,
            (12 | 16, F::Unsigned) => SampleType::U16,
            (12 | 16, F::Signed) => SampleType::I16,
            (24 | 32, F::Unsigned) => SampleType::U32,
            (24 | 32, F::Signed) => SampleType::I32,
            (64, F::Unsigned) => SampleType::U64,
            (64, F::Signed) => SampleType::I64,
            (32, F::Float) => SampleType::F32,
            (64, F::Float) => SampleType::F64,
            (found, F::Float) => {
                return Err(layout_error(format!(
                    "Bits Allocated is {found}, expected 32 or 64 for float pixels"
                )));
            }
            (found, _) => {
                return Err(layout_error(format!(
                    "Bits Allocated is {found}, expected 1, 8, 12, 16, 24, 32 or 64"
                )));
            }
        })
    }

    /// The layout of the image without its `reduce` highest resolutions.
    #[must_use]
    pub fn reduced(&self, reduce: u8) -> FrameLayout {
        let divisor = 1u32.checked_shl(reduce.into()).unwrap_or(u32::MAX);
        FrameLayout {
            rows: self.rows.div_ceil(divisor),
            columns: self.columns.div_ceil(divisor),
            ..*self
        }
    }

    /// Rows × Columns.
    pub fn pixels_per_frame(&self) -> u64 {
        u64::from(self.rows).saturating_mul(u64::from(self.columns))
    }

    /// Rows × Columns × Samples per Pixel.
    pub fn samples_per_frame(&self) -> Result<u64> {
        let samples = self
            .pixels_per_frame()
            .checked_mul(u64::from(self.samples_per_pixel));
        samples.ok_or_else(|| self.too_large(1))
    }

    /// Bytes of one frame once decoded.
    pub fn decoded_frame_bytes(&self) -> Result<u64> {
        let size = self.sample_type()?.size() as u64;
        self.samples_per_frame()?
            .checked_mul(size)
            .ok_or_else(|| self.too_large(1))
    }

    /// Bits of one frame in native Pixel Data: PS3.5 §8.1.1, PS3.5 §8.2 for YBR_FULL_422, where a pixel has two samples.
    pub fn stored_frame_bits(&self) -> Result<u64> {
        let samples = if self.is_subsampled() {
            self.subsampled_samples()?
        } else {
            self.samples_per_frame()?
        };
        samples
            .checked_mul(u64::from(self.bits_allocated))
            .ok_or_else(|| self.too_large(1))
    }

    /// Rows from the top of which all samples lie within the first `bits` of a native frame.
    pub fn rows_in(&self, bits: u64) -> Result<u32> {
        let planes = match self.planar_configuration {
            PlanarConfiguration::ByPlane if self.samples_per_pixel > 1 => self.samples_per_pixel,
            _ => 1,
        };
        let plane = self.stored_frame_bits()? / u64::from(planes);
        let last = bits.saturating_sub(plane.saturating_mul(u64::from(planes) - 1));
        let row = (plane / u64::from(self.rows.max(1))).max(1);
        // Of YBR_FULL_422 the Cb and Cr that two pixels share come last: Y Y Cb Cr.
        let together = if self.is_subsampled() { 4 } else { 1 };
        let last = last - last % (together * u64::from(self.bits_allocated.max(1)));
        Ok((last / row).min(u64::from(self.rows)) as u32)
    }

    /// Bytes of `number_of_frames` frames in native Pixel Data, without the padding to an even length.
    pub fn stored_bytes(&self, number_of_frames: u64) -> Result<u64> {
        let bits = self.stored_frame_bits()?.checked_mul(number_of_frames);
        Ok(bits
            .ok_or_else(|| self.too_large(number_of_frames))?
            .div_ceil(8))
    }

    /// Where frame `index` (from 0) of `number_of_frames` lies in the value of native Pixel Data.
    ///
    /// Big endian data of VR OW needs whole words around it: [`crate::Native::frame_range`].
    pub fn frame_range(&self, index: u64, number_of_frames: u64) -> Result<StoredRange> {
        if index >= number_of_frames {
            let detail = format!("frame {index} asked for, the image has {number_of_frames}");
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let bits = self.stored_frame_bits()?;
        let first = bits
            .checked_mul(index)
            .ok_or_else(|| self.too_large(number_of_frames))?;
        let end = first
            .checked_add(bits)
            .ok_or_else(|| self.too_large(number_of_frames))?;
        Ok(StoredRange {
            bytes: first / 8..end.div_ceil(8),
            first_bit: (first % 8) as u8,
        })
    }

    /// This layout as the length of native Pixel Data shows it to be; `true` where that is another than declared.
    ///
    /// YBR_FULL_422 whose value has 3/2 of the length is YBR_FULL that was never subsampled.
    pub fn as_found(
        &self,
        value_length: u64,
        number_of_frames: u64,
    ) -> Result<(FrameLayout, bool)> {
        if self.is_subsampled() {
            let full = FrameLayout {
                photometric_interpretation: PhotometricInterpretation::YbrFull,
                ..*self
            };
            let length = full.stored_bytes(number_of_frames)?;
            if value_length == length || value_length == length.next_multiple_of(2) {
                return Ok((full, true));
            }
        }
        Ok((*self, false))
    }

    /// Whether native data has Cb and Cr for every second pixel only.
    pub fn is_subsampled(&self) -> bool {
        self.photometric_interpretation == PhotometricInterpretation::YbrFull422
    }

    /// Whether High Bit is Bits Stored - 1, the only value that the standard leaves since 2004 (PS3.5 §8.1.1).
    pub fn high_bit_is_usual(&self) -> bool {
        self.sample_format == SampleFormat::Float
            || self.high_bit.checked_add(1) == Some(self.bits_stored)
    }

    /// Bits of a cell that belong to no sample: 0 for floats.
    pub fn unused_bits(&self) -> u16 {
        match self.sample_format {
            SampleFormat::Float => 0,
            _ => self.bits_allocated.saturating_sub(self.bits_stored),
        }
    }

    /// PS3.3 C.7.6.3.1.2: Y1 Y2 Cb Cr, Samples per Pixel 3, an even number of columns. Pairs that cross rows (odd Columns, even
    /// Rows) are accepted, as the stream of pairs is well defined; half a pair is not.
    fn subsampled_samples(&self) -> Result<u64> {
        let pixels = self.pixels_per_frame();
        if self.samples_per_pixel != 3
            || !pixels.is_multiple_of(2)
            || !self.bits_allocated.is_multiple_of(8)
        {
            return Err(layout_error(format!(
                "native YBR_FULL_422 has {} samples per pixel, {pixels} pixels, {} bits allocated; \
                 expected 3, an even number, whole bytes",
                self.samples_per_pixel, self.bits_allocated
            )));
        }
        pixels.checked_mul(2).ok_or_else(|| self.too_large(1))
    }

    #[cold]
    fn too_large(&self, frames: u64) -> PixelError {
        let (r, c, s) = (self.rows, self.columns, self.samples_per_pixel);
        layout_error(format!(
            "{frames} frames of {r} x {c} pixels x {s} samples do not fit 64 bits"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn grey(rows: u32, columns: u32, bits_allocated: u16) -> FrameLayout {
        FrameLayout {
            rows,
            columns,
            samples_per_pixel: 1,
            bits_allocated,
            bits_stored: bits_allocated,
            high_bit: bits_allocated.wrapping_sub(1),
            sample_format: SampleFormat::Unsigned,
            planar_configuration: PlanarConfiguration::ByPixel,
            photometric_interpretation: PhotometricInterpretation::Monochrome2,
        }
    }

    #[test]
    fn frames_of_one_bit_share_bytes() {
        let layout = grey(3, 5, 1);
        assert_eq!(layout.stored_bytes(3).unwrap(), 6);
        assert_eq!(
            layout.frame_range(1, 3).unwrap(),
            StoredRange {
                bytes: 1..4,
                first_bit: 7
            }
        );
        assert_eq!(
            layout.frame_range(2, 3).unwrap(),
            StoredRange {
                bytes: 3..6,
                first_bit: 6
            }
        );
        assert!(layout.frame_range(3, 3).is_err());
        assert_eq!(layout.decoded_frame_bytes().unwrap(), 15);
    }

    #[test]
    fn frames_of_twelve_bits_begin_at_half_bytes() {
        let layout = grey(3, 1, 12);
        assert_eq!(
            layout.frame_range(1, 2).unwrap(),
            StoredRange {
                bytes: 4..9,
                first_bit: 4
            }
        );
        assert_eq!(layout.decoded_frame_bytes().unwrap(), 6);
    }

    #[test]
    fn the_largest_numbers_of_a_file_overflow_nothing() {
        let mut layout = grey(65_535, 65_535, 64);
        layout.samples_per_pixel = 3;
        layout.photometric_interpretation = PhotometricInterpretation::Rgb;
        layout.validate().unwrap();
        assert_eq!(layout.decoded_frame_bytes().unwrap(), 65_535 * 65_535 * 24);
        assert!(layout.stored_bytes(u64::MAX).is_err());
        assert!(layout.frame_range(u64::MAX - 1, u64::MAX).is_err());
        assert_eq!(
            layout.frame_range(1 << 20, 1 << 21).unwrap().bytes.start,
            (65_535 * 65_535 * 24) << 20
        );
        layout.rows = u32::MAX;
        layout.columns = u32::MAX;
        layout.samples_per_pixel = u16::MAX;
        layout.bits_allocated = u16::MAX;
        assert!(layout.validate().is_err() && layout.samples_per_frame().is_err());
        assert!(layout.stored_frame_bits().is_err() && layout.stored_bytes(u64::MAX).is_err());
    }

    #[test]
    fn what_is_no_image_is_refused_with_both_values() {
        let say = |change: fn(&mut FrameLayout)| {
            let mut layout = grey(2, 2, 16);
            change(&mut layout);
            layout.validate().unwrap_err().detail.into_owned()
        };
        assert_eq!(say(|l| l.rows = 0), "Rows is 0, expected 1 to 65535");
        assert_eq!(
            say(|l| l.columns = 65_536),
            "Columns is 65536, expected 1 to 65535"
        );
        assert_eq!(
            say(|l| l.samples_per_pixel = 0),
            "Samples per Pixel is 0, expected 1 to 4"
        );
        assert_eq!(
            say(|l| l.bits_stored = 17),
            "Bits Stored is 17, expected 1 to Bits Allocated, 16"
        );
        assert_eq!(
            say(|l| l.bits_stored = 0),
            "Bits Stored is 0, expected 1 to Bits Allocated, 16"
        );
        assert!(say(|l| l.bits_allocated = 10).starts_with("Bits Allocated is 10"));
        assert!(say(|l| l.sample_format = SampleFormat::Float).contains("float"));
    }

    #[test]
    fn subsampled_or_not_is_shown_by_the_length() {
        let mut layout = grey(3, 2, 8);
        layout.samples_per_pixel = 3;
        layout.photometric_interpretation = PhotometricInterpretation::YbrFull422;
        assert_eq!(layout.stored_bytes(2).unwrap(), 24);
        assert!(!layout.as_found(24, 2).unwrap().1);
        let (found, changed) = layout.as_found(36, 2).unwrap();
        assert!(changed && !found.is_subsampled());
        layout.columns = 1;
        assert!(layout.stored_frame_bits().is_err(), "half a pair");
    }
}
