//! One frame's bytes → an ndarray, without a data set around them: what a plugin of another reader is asked for.

use crate::buffer::HeldBuffer;
use crate::error::raise;
use crate::pixels::check_out;
use crate::types::Numpy;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rapidicom_codecs::{
    Compressed, DecodeOptions, Family, FrameLayout, Incomplete, Native, PhotometricInterpretation,
    PixelError, PixelErrorKind, PlanarConfiguration, Remarks, SampleFormat, StreamColor,
};
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::{Error, ErrorKind, Limits};
use rapidicom_iod::image::within_limits;

/// Rows, Columns, Samples per Pixel, Bits Allocated, Bits Stored, Pixel Representation, Planar Configuration, Photometric
/// Interpretation.
pub(crate) type LayoutArguments = (i64, i64, i64, i64, i64, i64, i64, String);

/// How the frame is encoded.
enum Encoding {
    Compressed(Compressed),
    Native(Native),
}

/// The decoded frame, in `out` if given; what its components are by the code stream's own word: "RGB", "YBR_FULL", or "" where it
/// says nothing; and whether samples need more than Bits Stored.
#[pyfunction]
pub(crate) fn _decode_frame<'py>(
    py: Python<'py>,
    code_stream: &Bound<'py, PyAny>,
    transfer_syntax: &str,
    layout: LayoutArguments,
    raw: bool,
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, &'static str, bool)> {
    let held = HeldBuffer::of(code_stream, false)?;
    let stored = held.bytes();
    let mut layout = layout_of(layout)?;
    let refused = |error: PixelError, out: u64| refused(py, error, stored.len() as u64, out);
    let encoding = encoding_of(transfer_syntax, stored, raw).map_err(|e| raise(py, e, None))?;
    if let Encoding::Native(_) = encoding {
        let found = layout.as_found(stored.len() as u64, 1);
        layout = found.map_err(|e| refused(e, 0))?.0;
    }
    let bytes = layout
        .validate()
        .and_then(|()| layout.decoded_frame_bytes());
    let bytes = bytes.map_err(|e| refused(e, 0))?;
    // It comes without a data set, and so without limits of its own.
    within_limits(&layout, bytes, &Limits::DEFAULT).map_err(|e| raise(py, e, None))?;
    // Before anything is allocated, the code stream's own header.
    let color = match &encoding {
        Encoding::Compressed(compressed) => {
            compressed
                .header(stored, &layout)
                .map_err(|e| refused(e, bytes))?
                .color
        }
        Encoding::Native(_) => StreamColor::AsDeclared,
    };
    let sample = layout.sample_type().map_err(|e| refused(e, bytes))?;
    let mut shape = vec![layout.rows as usize, layout.columns as usize];
    if layout.samples_per_pixel > 1 {
        shape.push(usize::from(layout.samples_per_pixel));
    }
    let (array, mut place) = match out {
        Some(out) => {
            let place = check_out(py, &out, &shape, sample)?;
            place.expect_apart(stored)?;
            (out, place)
        }
        None => {
            let numpy = Numpy::get(py)?;
            let wanted = (PyTuple::new(py, &shape)?, numpy.dtype(py, sample));
            let array = numpy.empty.bind(py).call1(wanted)?;
            let place = HeldBuffer::of(&array, true)?;
            (array, place)
        }
    };
    let samples = place.bytes_mut()?;
    let remarks = py
        .detach(|| decode(&encoding, stored, &layout, samples))
        .map_err(|e| refused(e, bytes))?;
    Ok((array, term_of(color), remarks.beyond_bits_stored))
}

fn decode(
    encoding: &Encoding,
    stored: &[u8],
    layout: &FrameLayout,
    out: &mut [u8],
) -> Result<Remarks, PixelError> {
    let compressed = match encoding {
        Encoding::Compressed(compressed) => compressed,
        Encoding::Native(native) => {
            native.decode(stored, 0, layout, out)?;
            return Ok(Remarks::default());
        }
    };
    let remarks = compressed.decode(stored, layout, out)?;
    let Some(Incomplete { rows, mut error }) = remarks.incomplete else {
        return Ok(remarks);
    };
    error.detail = format!("{}; {rows} of {} rows are there", error.detail, layout.rows).into();
    Err(error)
}

/// What the Transfer Syntax says of the bytes of a frame.
fn encoding_of(uid: &str, stored: &[u8], raw: bool) -> Result<Encoding, Error> {
    if let Some(family) = Family::of_transfer_syntax(uid)
        && family.decoder().is_some()
    {
        let options = DecodeOptions {
            raw,
            ..DecodeOptions::default()
        };
        return Ok(Encoding::Compressed(Compressed { family, options }));
    }
    match TransferSyntax::from_uid(uid) {
        Some(syntax) if is_native(syntax) => {
            let little_endian =
                syntax.encoding().is_little_endian() && !syntax.is_pixel_big_endian();
            Ok(Encoding::Native(Native {
                little_endian,
                ow: false,
                raw,
            }))
        }
        known => {
            let name = known.map_or("an unknown Transfer Syntax", TransferSyntax::name);
            let detail = format!(
                "{} bytes in {name} ({uid}) can't be decoded as a frame",
                stored.len()
            );
            Err(Error::new(ErrorKind::UnsupportedTransferSyntax, detail))
        }
    }
}

fn is_native(syntax: TransferSyntax) -> bool {
    let elsewhere = syntax.is_encapsulated() || syntax.is_video() || syntax.is_jpip();
    !elsewhere || syntax.is_encapsulated_uncompressed()
}

pub(crate) fn layout_of(arguments: LayoutArguments) -> PyResult<FrameLayout> {
    let (rows, columns, samples, allocated, stored, representation, planar, photometric) =
        arguments;
    let bits_stored = number("bits_stored", stored)?;
    Ok(FrameLayout {
        rows: number("rows", rows)?,
        columns: number("columns", columns)?,
        samples_per_pixel: number("samples_per_pixel", samples)?,
        bits_allocated: number("bits_allocated", allocated)?,
        bits_stored,
        high_bit: bits_stored.saturating_sub(1),
        sample_format: match representation {
            0 => SampleFormat::Unsigned,
            1 => SampleFormat::Signed,
            found => return Err(wrong("pixel_representation", found, "0 or 1")),
        },
        planar_configuration: match planar {
            0 => PlanarConfiguration::ByPixel,
            1 => PlanarConfiguration::ByPlane,
            found => return Err(wrong("planar_configuration", found, "0 or 1")),
        },
        photometric_interpretation: PhotometricInterpretation::from_term(&photometric),
    })
}

fn number<T: TryFrom<i64>>(name: &str, value: i64) -> PyResult<T> {
    T::try_from(value).map_err(|_| wrong(name, value, "a number that US holds"))
}

#[cold]
fn wrong(name: &str, found: i64, expected: &str) -> PyErr {
    PyValueError::new_err(format!("{name} is {found}, expected {expected}"))
}

/// What the caller said wrong is a `ValueError`, what the code stream does a `PixelDecodeError`, a bomb a `LimitError`.
#[cold]
fn refused(py: Python<'_>, error: PixelError, stored: u64, out: u64) -> PyErr {
    let kind = match error.kind {
        PixelErrorKind::Layout | PixelErrorKind::Argument => {
            return PyValueError::new_err(error.to_string());
        }
        PixelErrorKind::Implausible => ErrorKind::Limit {
            name: "expansion",
            limit: stored,
            value: out,
        },
        _ => ErrorKind::PixelDecode,
    };
    let mut refused = Error::new(kind, error.detail);
    refused.offset = error.offset;
    raise(py, refused, None)
}

fn term_of(color: StreamColor) -> &'static str {
    match color {
        StreamColor::Rgb => "RGB",
        StreamColor::Ybr => "YBR_FULL",
        StreamColor::AsDeclared | StreamColor::Four => "",
    }
}
