//! A compressed frame → samples: which decoder reads it, whether its header agrees with the data set, and what is left to do.
//!
//! The values are those of pydicom's `pixel_array`: unused bits filled, Y, Cb, Cr converted to red, green, blue. Where the code
//! stream and the data set disagree about colour and sign, the code stream is right; about size, no one is.

use crate::cells::{fill_unused_bits, unused_bits_are_filled};
use crate::color::ybr_full_to_rgb;
use crate::decoder::{DecodeOptions, Decoder, Incomplete, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::family::Family;
use crate::layout::{FrameLayout, SampleFormat, SampleType};
use crate::marker::end_of_image;
use crate::scratch;
use std::panic::AssertUnwindSafe;

/// Bytes of samples that stay in the first cache: a multiple of every sample type and of three.
const BLOCK: usize = 24 << 10;

/// Frames of one Transfer Syntax, and what is wanted of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// What the Transfer Syntax says that code streams are; their own marks count more.
    pub family: Family,
    /// What is wanted.
    pub options: DecodeOptions,
}

/// What is to be said of a frame that was decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Where the code stream ended before its last row.
    pub incomplete: Option<Incomplete>,
    /// Samples of the code stream need more bits than Bits Stored: they are given, or cut off (`bits_to_fill`).
    pub beyond_bits_stored: bool,
}

impl Compressed {
    /// What the code stream says of itself, once it agrees with the data set in size. Allocates nothing by it.
    pub fn header(&self, code_stream: &[u8], layout: &FrameLayout) -> Result<StreamHeader> {
        layout.validate()?;
        let (family, decoder) = self.decoder(code_stream)?;
        agreed(family, decoder, code_stream, layout)
    }

    /// Decodes one frame into `out`, which has [`FrameLayout::decoded_frame_bytes`] bytes (of [`FrameLayout::reduced`]
    /// where resolutions are left out): samples in native byte order, interleaved by pixel.
    pub fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        out: &mut [u8],
    ) -> Result<Remarks> {
        layout.validate()?;
        let sample_type = layout.sample_type()?;
        let decoded = layout.reduced(self.options.reduce).decoded_frame_bytes()?;
        if out.len() as u64 != decoded {
            let detail = format!(
                "out has {} bytes, the frame decodes to {decoded}",
                out.len()
            );
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let (family, decoder) = self.decoder(code_stream)?;
        if self.options.reduce > 0 && family != Family::Jpeg2000 {
            let detail = format!("reduce is for JPEG 2000, the frame is {family:?}");
            return Err(PixelError::new(PixelErrorKind::Argument, detail));
        }
        let header = agreed(family, decoder, code_stream, layout)?;
        scratch::keep(layout.samples_per_frame()?);
        let mut decode = |stream| guarded(|| decoder.decode(stream, layout, &self.options, out));
        // What ends early may have been padded (PS3.5 §A.4), and 00 would be samples. The bits that JPEG lossless itself pads with are ones.
        let unpadded = match code_stream {
            [stream @ .., 0] if end_of_image(code_stream).is_none() => stream,
            stream => stream,
        };
        let done = match family {
            Family::JpegLossless => decode(unpadded)?,
            Family::Rle | Family::JpegLs => match decode(code_stream)? {
                done if done.incomplete.is_some() && unpadded.len() < code_stream.len() => {
                    decode(unpadded)?
                }
                done => done,
            },
            _ => decode(code_stream)?,
        };
        let finish = Finish {
            bits: bits_to_fill(family, &header, layout),
            to_rgb: !self.options.raw && becomes_rgb(done.color, layout, sample_type)?,
            layout,
            sample_type,
        };
        let beyond = |samples: &[u8]| {
            header.precision > layout.bits_stored
                && !unused_bits_are_filled(layout, sample_type, samples)
        };
        let cut_off = finish.bits == Some(layout.bits_stored) && beyond(out);
        finish.all(out);
        Ok(Remarks {
            incomplete: done.incomplete,
            beyond_bits_stored: cut_off || beyond(out),
        })
    }

    fn decoder(&self, code_stream: &[u8]) -> Result<(Family, &'static dyn Decoder)> {
        let family = match self.family {
            // These have no marks of their own: what looks like one is chance.
            Family::Rle | Family::Deflate => self.family,
            declared => Family::of_code_stream(code_stream).unwrap_or(declared),
        };
        let decoder = family.decoder().ok_or_else(|| {
            let detail = format!("{family:?} was left out of this build");
            PixelError::new(PixelErrorKind::Unsupported, detail)
        })?;
        Ok((family, decoder))
    }
}

/// A decoder that panics is a defect of ours, and no reason to end the caller. What it was given is bytes, a layout and memory for
/// samples, none of which a panic can leave in a state that matters.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let detail = "the decoder failed on this code stream in a way that it never should; please report it";
        Err(PixelError::new(PixelErrorKind::Defect, detail))
    })
}

/// The code stream's header, if it is of an image of this size.
fn agreed(
    family: Family,
    decoder: &dyn Decoder,
    code_stream: &[u8],
    layout: &FrameLayout,
) -> Result<StreamHeader> {
    let header = guarded(|| decoder.header(code_stream, layout))?;
    let bits = layout.sample_type()?.size() as u16 * 8;
    let mismatch = |what: &str, found: u64, expected: u64| {
        let detail = format!("the code stream has {found} {what}, the data set says {expected}");
        Err(PixelError::new(PixelErrorKind::Mismatch, detail))
    };
    if header.rows != layout.rows {
        return mismatch("rows", header.rows.into(), layout.rows.into());
    }
    if header.columns != layout.columns {
        return mismatch("columns", header.columns.into(), layout.columns.into());
    }
    if header.components != layout.samples_per_pixel {
        return mismatch(
            "components",
            header.components.into(),
            layout.samples_per_pixel.into(),
        );
    }
    let float = layout.sample_format == SampleFormat::Float && family != Family::Deflate;
    if header.precision > bits || float {
        return mismatch("bits a sample", header.precision.into(), bits.into());
    }
    expandable(code_stream, layout)?;
    Ok(header)
}

/// A large image out of nearly nothing is a bomb: an even image of this size takes more. Families with closer bounds know them.
fn expandable(code_stream: &[u8], layout: &FrameLayout) -> Result<()> {
    const LARGE: u64 = 64 << 20;
    const GREATEST_RATIO: u64 = 1 << 16;
    let (stored, decoded) = (code_stream.len() as u64, layout.decoded_frame_bytes()?);
    if decoded <= LARGE || decoded <= stored.saturating_mul(GREATEST_RATIO) {
        return Ok(());
    }
    let detail = format!(
        "{stored} bytes are said to hold an image of {decoded}: more than {GREATEST_RATIO} times as many"
    );
    Err(PixelError::new(PixelErrorKind::Implausible, detail))
}

/// The bits of a cell that are the sample, where the others are to be filled by the data set's sign. As pydicom has it: JPEG 2000
/// where the signs differ, JPEG-LS, which knows no sign, where the data set's is signed, the others where Bits Stored is less
/// than Bits Allocated.
fn bits_to_fill(family: Family, header: &StreamHeader, layout: &FrameLayout) -> Option<u16> {
    let signed = layout.sample_format == SampleFormat::Signed;
    match family {
        Family::Jpeg2000 | Family::JpegXl => {
            (header.signed.unwrap_or(false) != signed).then_some(header.precision)
        }
        Family::JpegLs => signed.then_some(header.precision),
        Family::Deflate => None,
        Family::Rle | Family::Jpeg | Family::JpegLossless => {
            (layout.unused_bits() > 0).then_some(layout.bits_stored)
        }
    }
}

/// Whether the samples, as they are now, are Y, Cb, Cr that can become RGB. PS3.3 C.7.6.3.1.2
fn becomes_rgb(color: StreamColor, layout: &FrameLayout, sample_type: SampleType) -> Result<bool> {
    let ybr = match color {
        StreamColor::Rgb | StreamColor::Four => false,
        StreamColor::Ybr => true,
        StreamColor::AsDeclared => layout.photometric_interpretation.becomes_rgb(),
    };
    if !ybr || (layout.samples_per_pixel == 3 && sample_type == SampleType::U8) {
        return Ok(ybr);
    }
    let detail = format!(
        "{} has {} samples of {sample_type:?}, its conversion to RGB needs 3 of U8; raw=True gives them as stored",
        layout.photometric_interpretation.term(),
        layout.samples_per_pixel,
    );
    Err(PixelError::new(PixelErrorKind::Unsupported, detail))
}

/// What is left to do to decoded samples, block by block.
struct Finish<'a> {
    bits: Option<u16>,
    to_rgb: bool,
    layout: &'a FrameLayout,
    sample_type: SampleType,
}

impl Finish<'_> {
    fn all(&self, out: &mut [u8]) {
        if self.bits.is_none() && !self.to_rgb {
            return;
        }
        let layout = FrameLayout {
            bits_stored: self.bits.unwrap_or(self.layout.bits_stored),
            ..*self.layout
        };
        for block in out.chunks_mut(BLOCK) {
            if self.bits.is_some() && !unused_bits_are_filled(&layout, self.sample_type, block) {
                fill_unused_bits(&layout, self.sample_type, block);
            }
            if self.to_rgb {
                ybr_full_to_rgb(block);
            }
        }
    }
}
