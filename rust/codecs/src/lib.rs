//! What the samples of a frame are: PS3.3 C.7.6.3 (Image Pixel Module), PS3.5 §8 (encoding of pixel, overlay and waveform data).
//!
//! Bytes of one frame and its [`FrameLayout`] in, the caller's `&mut [u8]` out: samples in native byte order, interleaved by
//! pixel (rows, columns, samples). Nothing here knows a data set, a file or Python; everything is `Send`.
//!
//! | module | what |
//! |---|---|
//! | [`layout`] | the attributes of the Image Pixel Module, and all the arithmetic that follows from them |
//! | [`photometric`] | Photometric Interpretation |
//! | [`native`] | stored bytes of an uncompressed frame → samples |
//! | [`packed`] | 1, 12 and 24 Bits Allocated |
//! | [`cells`] | byte order, unused bits |
//! | [`planar`] | Planar Configuration 1 → 0 |
//! | [`color`] | YBR_FULL, YBR_FULL_422 → RGB |
//! | [`compressed`] | a compressed frame → samples: gate, decoder, finish |
//! | [`decoder`] | what every family of compressed frames offers |
//! | [`family`] | which families there are, and which one a code stream is of |
//! | [`rle`] | RLE Lossless: PS3.5 Annex G |
//! | [`jpeg`] | JPEG with DCT: ITU-T T.81 |
//! | [`jpeg_lossless`] | JPEG's lossless processes: ITU-T T.81 Annex H |
//! | [`jpeg_ls`] | JPEG-LS: ITU-T T.87 |
//! | [`jpeg_2000`] | JPEG 2000 and HTJ2K: ITU-T T.800, T.814 |
//! | [`jpeg_xl`] | JPEG XL: ISO/IEC 18181 |
//! | [`deflate`] | Deflated Image Frame: PS3.5 §A.4.13 |
//! | [`modality`] | Rescale Slope and Intercept: PS3.3 C.11.1 |
//! | [`voi`] | window: PS3.3 C.11.2 |
//! | [`lookup_table`] | what Modality LUT and VOI LUT do |
//! | [`palette`] | Palette Color Lookup Tables: PS3.3 C.7.9 |
//! | [`rgb_to_ybr`] | RGB → YBR_FULL |
//! | [`overlay`] | overlay planes: PS3.3 C.9.2 |
//! | [`error`] | why not |
#![deny(unsafe_code)]

pub mod cells;
pub mod color;
pub mod compressed;
pub mod decoder;
#[cfg(feature = "deflate")]
pub mod deflate;
#[cfg(feature = "deflate")]
pub use deflate::inflate_at_once;
pub mod error;
pub mod family;
#[cfg(feature = "jpeg")]
pub mod jpeg;
#[cfg(feature = "jpeg_2000")]
pub mod jpeg_2000;
#[cfg(feature = "jpeg_lossless")]
pub mod jpeg_lossless;
#[cfg(feature = "jpeg_ls")]
pub mod jpeg_ls;
#[cfg(feature = "jpeg_xl")]
pub mod jpeg_xl;
pub mod layout;
pub mod lookup_table;
mod marker;
pub mod modality;
pub mod native;
pub mod overlay;
pub mod packed;
pub mod palette;
pub mod photometric;
pub mod planar;
pub mod rgb_to_ybr;
#[cfg(feature = "rle")]
pub mod rle;
mod scratch;
pub mod voi;

pub use compressed::{Compressed, Remarks};
pub use decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamColor, StreamHeader};
pub use error::{PixelError, PixelErrorKind, Result};
pub use family::Family;
pub use layout::{FrameLayout, PlanarConfiguration, SampleFormat, SampleType, StoredRange};
pub use native::Native;
pub use photometric::PhotometricInterpretation;

/// Without the library it is done stretch by stretch.
#[cfg(not(feature = "deflate"))]
pub fn inflate_at_once(_stream: &[u8], _zlib: bool, _most: u64) -> Option<Vec<u8>> {
    None
}
