//! What every family of compressed frames offers: the code stream's own header, and its samples.
//!
//! No type of a third party crosses [`Decoder`]: a family's decoder can be replaced without anyone noticing.

use crate::error::{PixelError, Result};
use crate::layout::FrameLayout;

/// What a code stream says of the image inside it, before anything is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamHeader {
    /// Lines.
    pub rows: u32,
    /// Samples a line.
    pub columns: u32,
    /// Components, as Samples per Pixel counts them.
    pub components: u16,
    /// Bits of a sample.
    pub precision: u16,
    /// Whether samples are two's complement; none where the family can't say (only JPEG 2000 and native-like families can).
    pub signed: Option<bool>,
    /// What the components are.
    pub color: StreamColor,
    /// Whether decoded samples are those that were encoded, bit for bit.
    pub lossless: bool,
}

/// What the components of a code stream, or the samples decoded from it, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamColor {
    /// The code stream does not say: Photometric Interpretation holds.
    AsDeclared,
    /// Red, green, blue.
    Rgb,
    /// Y, Cb, Cr of full range (ITU-T T.871).
    Ybr,
    /// Four components that no one converts: CMYK, YCCK.
    Four,
}

/// What is wanted of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Leave Y, Cb, Cr as they are (brought to full resolution).
    pub raw: bool,
    /// Leave out this many of the highest resolutions: rows and columns are divided by 2^reduce, rounded up. JPEG 2000 only.
    pub reduce: u8,
    /// Threads that may decode the frame, where it is worth them; the caller's alone unless more than 1. JPEG 2000 and JPEG XL.
    pub threads: u16,
}

impl DecodeOptions {
    /// How many of them decode a frame that so many are worth.
    #[cfg(any(feature = "jpeg_2000", feature = "jpeg_xl"))]
    pub(crate) fn threads_for(&self, worth: u64) -> u16 {
        const MOST: u16 = 64;
        let allowed = self.threads.clamp(1, MOST);
        worth.clamp(1, allowed.into()) as u16
    }
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What the samples in `out` are now.
    pub color: StreamColor,
    /// Why not all rows are real, and how many are (counted from the top); the others are zeros, or what the decoder made up.
    pub incomplete: Option<Incomplete>,
}

/// A code stream that ended, or broke, before its last row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Rows from the top that were decoded.
    pub rows: u32,
    /// What broke.
    pub error: PixelError,
}

impl Decoded {
    /// Every row is real.
    pub fn whole(color: StreamColor) -> Decoded {
        Decoded {
            color,
            incomplete: None,
        }
    }
}

/// Decodes the frames of one family of transfer syntaxes. Stateless: any thread may call it at any time.
pub trait Decoder: Send + Sync {
    /// Reads the code stream's header. Allocates nothing by what it declares; ends in microseconds on any input.
    ///
    /// `layout` is what the data set says: a family without a header of its own (RLE, deflate) echoes it.
    fn header(&self, code_stream: &[u8], layout: &FrameLayout) -> Result<StreamHeader>;

    /// Decodes one frame: `out` gets [`FrameLayout::decoded_frame_bytes`] bytes (with `reduce`, those of the smaller image):
    /// samples of [`FrameLayout::sample_type`] in native byte order, interleaved by pixel.
    ///
    /// The caller has compared the header with `layout`: rows, columns and components agree, and `precision` fits the sample type.
    /// Unsigned samples are extended with zeros, signed ones (of a code stream that says so) with their sign.
    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded>;
}
