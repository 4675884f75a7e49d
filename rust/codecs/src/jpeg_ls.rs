//! JPEG-LS: ITU-T T.87.

use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;

/// JPEG-LS: ITU-T T.87.
#[derive(Clone, Copy, Debug)]
pub struct JpegLs;

impl Decoder for JpegLs {
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
