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
//! | [`error`] | why not |
#![forbid(unsafe_code)]

pub mod cells;
pub mod color;
pub mod error;
pub mod layout;
pub mod native;
pub mod packed;
pub mod photometric;
pub mod planar;

pub use error::{PixelError, PixelErrorKind, Result};
pub use layout::{FrameLayout, PlanarConfiguration, SampleFormat, SampleType, StoredRange};
pub use native::Native;
pub use photometric::PhotometricInterpretation;
