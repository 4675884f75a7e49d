//! The loops of `rapidicom.pixels`: buffers in, a buffer out, the interpreter released. What is a sample is said as numpy says it:
//! "u2", "i4", "f8".

use crate::buffer::HeldBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rapidicom_codecs::lookup_table::LookupTable;
use rapidicom_codecs::modality::Rescale;
use rapidicom_codecs::palette::{Palette, expand_segments};
use rapidicom_codecs::voi::{VoiLutFunction, Window};
use rapidicom_codecs::{PixelError, SampleType, color, overlay, rgb_to_ybr};

/// Samples that Python lends, and what they are.
struct Samples(HeldBuffer, SampleType);

impl Samples {
    fn of(samples: &Bound<'_, PyAny>, sample_type: &str) -> PyResult<Samples> {
        let sample_type = match sample_type {
            "u1" => SampleType::U8,
            "i1" => SampleType::I8,
            "u2" => SampleType::U16,
            "i2" => SampleType::I16,
            "u4" => SampleType::U32,
            "i4" => SampleType::I32,
            "u8" => SampleType::U64,
            "i8" => SampleType::I64,
            "f4" => SampleType::F32,
            "f8" => SampleType::F64,
            found => {
                let words = format!("samples are {found}, expected integers or floats");
                return Err(PyValueError::new_err(words));
            }
        };
        Ok(Samples(HeldBuffer::of(samples, false)?, sample_type))
    }
}

/// Runs `work` on the samples and on `out`, without the interpreter.
fn run(
    samples: &Samples,
    out: &Bound<'_, PyAny>,
    work: impl Send + FnOnce(&[u8], SampleType, &mut [u8]) -> Result<(), PixelError>,
) -> PyResult<()> {
    let mut held = HeldBuffer::of(out, true)?;
    let bytes = held.bytes_mut()?;
    let Samples(samples, sample_type) = samples;
    out.py()
        .detach(|| work(samples.bytes(), *sample_type, bytes))
        .map_err(refused)
}

fn refused(error: PixelError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pyfunction]
pub(crate) fn _rescale(
    samples: &Bound<'_, PyAny>,
    sample_type: &str,
    rescale: (f64, f64),
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (slope, intercept) = rescale;
    let rescale = Rescale { slope, intercept };
    run(&Samples::of(samples, sample_type)?, out, |s, t, out| {
        rescale.apply(s, t, out)
    })
}

#[pyfunction]
pub(crate) fn _look_up(
    samples: &Bound<'_, PyAny>,
    sample_type: &str,
    table: (i64, usize, Bound<'_, PyAny>),
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (first, entry_bytes, entries) = table;
    let entries = HeldBuffer::of(&entries, false)?;
    run(&Samples::of(samples, sample_type)?, out, |s, t, out| {
        LookupTable {
            first,
            entry_bytes,
            entries: entries.bytes(),
        }
        .apply(s, t, out)
    })
}

/// VOI LUT Function, Window Center, Window Width, least and greatest output.
type WindowArguments = (String, f64, f64, f64, f64);

fn window_of((function, center, width, y_min, y_max): WindowArguments) -> PyResult<Window> {
    let function = match function.as_str() {
        "LINEAR" => VoiLutFunction::Linear,
        "LINEAR_EXACT" => VoiLutFunction::LinearExact,
        "SIGMOID" => VoiLutFunction::Sigmoid,
        found => {
            let words = format!(
                "(0028,1056) VOI LUT Function is {found:?}, expected LINEAR, LINEAR_EXACT or SIGMOID"
            );
            return Err(PyValueError::new_err(words));
        }
    };
    Ok(Window {
        function,
        center,
        width,
        y_min,
        y_max,
    })
}

#[pyfunction]
pub(crate) fn _window(
    samples: &Bound<'_, PyAny>,
    sample_type: &str,
    window: WindowArguments,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let window = window_of(window)?;
    run(&Samples::of(samples, sample_type)?, out, |s, t, out| {
        window.apply(s, t, out)
    })
}

#[pyfunction]
pub(crate) fn _window_8_bit(
    samples: &Bound<'_, PyAny>,
    sample_type: &str,
    rescale: (f64, f64),
    window: WindowArguments,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (slope, intercept) = rescale;
    let rescale = Rescale { slope, intercept };
    let window = window_of(window)?;
    run(&Samples::of(samples, sample_type)?, out, |s, t, out| {
        window.apply_8_bit(rescale, s, t, out)
    })
}

#[pyfunction]
pub(crate) fn _palette(
    samples: &Bound<'_, PyAny>,
    sample_type: &str,
    palette: (i64, usize, Vec<Bound<'_, PyAny>>),
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (first, entry_bytes, tables) = palette;
    let tables = tables.iter().map(|table| HeldBuffer::of(table, false));
    let tables = tables.collect::<PyResult<Vec<_>>>()?;
    run(&Samples::of(samples, sample_type)?, out, |s, t, out| {
        let tables: Vec<&[u8]> = tables.iter().map(HeldBuffer::bytes).collect();
        Palette {
            first,
            entry_bytes,
            tables: &tables,
        }
        .apply(s, t, out)
    })
}

/// The entries of a segmented palette as numbers.
#[pyfunction]
pub(crate) fn _expand_segments(
    data: Vec<u16>,
    entry_bits: u16,
    little_endian: bool,
    entries: usize,
) -> PyResult<Vec<u16>> {
    expand_segments(&data, entry_bits, little_endian, entries).map_err(refused)
}

#[pyfunction]
pub(crate) fn _unpack_overlay(
    overlay_data: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    run(&Samples::of(overlay_data, "u1")?, out, |data, _, out| {
        overlay::unpack(data, out)
    })
}

#[pyfunction]
pub(crate) fn _overlay_of_cells(
    cells: &Bound<'_, PyAny>,
    cell_bytes: usize,
    bit_position: usize,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    run(&Samples::of(cells, "u1")?, out, |cells, _, out| {
        overlay::from_cells(cells, cell_bytes, bit_position, out)
    })
}

/// Three bytes a pixel, in place: YBR_FULL to RGB, or back.
#[pyfunction]
pub(crate) fn _convert_ybr_full(pixels: &Bound<'_, PyAny>, to_rgb: bool) -> PyResult<()> {
    let mut held = HeldBuffer::of(pixels, true)?;
    let bytes = held.bytes_mut()?;
    pixels.py().detach(|| match to_rgb {
        true => color::ybr_full_to_rgb(bytes),
        false => rgb_to_ybr::rgb_to_ybr_full(bytes),
    });
    Ok(())
}

/// Adds the functions of this file.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_rescale, module)?)?;
    module.add_function(wrap_pyfunction!(_look_up, module)?)?;
    module.add_function(wrap_pyfunction!(_window, module)?)?;
    module.add_function(wrap_pyfunction!(_window_8_bit, module)?)?;
    module.add_function(wrap_pyfunction!(_palette, module)?)?;
    module.add_function(wrap_pyfunction!(_expand_segments, module)?)?;
    module.add_function(wrap_pyfunction!(_unpack_overlay, module)?)?;
    module.add_function(wrap_pyfunction!(_overlay_of_cells, module)?)?;
    module.add_function(wrap_pyfunction!(_convert_ybr_full, module)?)
}
