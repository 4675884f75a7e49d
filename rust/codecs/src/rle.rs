//! RLE Lossless: PS3.5 Annex G.

use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;

/// RLE Lossless: PS3.5 Annex G.
#[derive(Clone, Copy, Debug)]
pub struct Rle;

impl Decoder for Rle {
    fn header(&self, _code_stream: &[u8], _layout: &FrameLayout) -> Result<StreamHeader> {
        Err(PixelError::new(PixelErrorKind::Unsupported, "not yet"))
    }

    fn decode(
        &self,
        _code_stream: &[u8],
        _layout: &FrameLayout,
        _options: &DecodeOptions,
        _out: &mut [u8],
    ) -> Result<Decoded> {
        Err(PixelError::new(PixelErrorKind::Unsupported, "not yet"))
    }
}
