//! Deflated Image Frame: PS3.5 §A.4.13.

use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;

/// Deflated Image Frame: PS3.5 §A.4.13.
#[derive(Clone, Copy, Debug)]
pub struct Deflate;

impl Decoder for Deflate {
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
