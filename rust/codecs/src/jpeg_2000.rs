//! JPEG 2000 and HTJ2K: ITU-T T.800, T.814.

use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;

/// JPEG 2000 and HTJ2K: ITU-T T.800, T.814.
#[derive(Clone, Copy, Debug)]
pub struct Jpeg2000;

impl Decoder for Jpeg2000 {
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
