//! JPEG's lossless processes: ITU-T T.81 Annex H.

use crate::decoder::{DecodeOptions, Decoded, Decoder, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::FrameLayout;

/// JPEG's lossless processes: ITU-T T.81 Annex H.
#[derive(Clone, Copy, Debug)]
pub struct JpegLossless;

impl Decoder for JpegLossless {
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
