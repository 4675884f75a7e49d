//! `DataElement.to_numpy`: a Value Field straight into an ndarray, no object per number.

use crate::buffer::HeldBuffer;
use crate::error::Result;
use crate::types::Numpy;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList};
use rapidicom_core::read::{ElementHeader, u16_of};
use rapidicom_core::value::decimals::{Decimal, count_values, decimals};
use rapidicom_core::value::number::integer;
use rapidicom_core::value::text::trim_end;
use rapidicom_core::{Error, ErrorKind, Tag, Vr};

/// numpy's name for the numbers of a VR.
fn dtype(vr: Vr) -> Option<&'static str> {
    Some(match vr {
        Vr::DS | Vr::FD | Vr::OD => "f8",
        Vr::FL | Vr::OF => "f4",
        Vr::IS | Vr::SV => "i8",
        Vr::SS => "i2",
        Vr::US | Vr::OW => "u2",
        Vr::SL => "i4",
        Vr::UL | Vr::OL | Vr::AT => "u4",
        Vr::UV | Vr::OV => "u8",
        Vr::OB | Vr::UN => "u1",
        _ => return None,
    })
}

/// A one-dimensional array of the element's numbers.
pub(crate) fn to_numpy<'py>(
    py: Python<'py>,
    header: &ElementHeader,
    vr: Vr,
    bytes: &[u8],
    little: bool,
) -> PyResult<Result<Bound<'py, PyAny>>> {
    let refuse = |detail: String| {
        Ok(Err(Error::new(ErrorKind::ValueDecode, detail)
            .at(header.value_offset)
            .of(header.tag)))
    };
    let Some(dtype) = dtype(vr) else {
        return refuse(format!(
            "{} {vr} holds no numbers; `value` gives what it holds",
            header.tag
        ));
    };
    if matches!(vr, Vr::DS | Vr::IS) {
        let text = trim_end(bytes);
        let count = count_values(text);
        let out = Numpy::get(py)?.empty.bind(py).call1((count, dtype))?;
        let mut held = HeldBuffer::of(&out, true)?;
        let cells = held.bytes_mut()?;
        let mut parse = || {
            if vr == Vr::DS {
                write_decimals(text, cells)
            } else {
                write_integers(text, cells)
            }
        };
        // Handing the interpreter to others and back takes longer than a short text.
        let odd = if text.len() < WORTH_RELEASING {
            parse()
        } else {
            py.detach(parse)
        };
        return match odd {
            None => Ok(Ok(out)),
            Some(found) => refuse(format!(
                "{} {vr}: {found:?} is no number; expected numbers separated by backslashes",
                header.tag
            )),
        };
    }
    let unit = if vr == Vr::AT { 4 } else { vr.unit() };
    if !bytes.len().is_multiple_of(unit) {
        return refuse(format!(
            "{} {vr} has {} bytes, expected a multiple of {unit}",
            header.tag,
            bytes.len()
        ));
    }
    if little == cfg!(target_endian = "little") && vr != Vr::AT {
        return array(py, dtype, bytes).map(Ok);
    }
    let mut native = bytes.to_vec();
    for number in native.chunks_exact_mut(unit) {
        if vr == Vr::AT
            && let [a, b, c, d] = *number
        {
            // Group and element are numbers of their own. PS3.5 §7.3
            number.copy_from_slice(
                &Tag::new(u16_of([a, b], little), u16_of([c, d], little))
                    .0
                    .to_ne_bytes(),
            );
        } else {
            number.reverse();
        }
    }
    array(py, dtype, &native).map(Ok)
}

/// The same of the spellings of DS and IS that Python alone reads, from what `value` made of them; none where that is text.
#[cold]
pub(crate) fn of_value<'py>(
    value: &Bound<'py, PyAny>,
    vr: Vr,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = value.py();
    let all = match value.cast::<PyList>() {
        Ok(list) => list.iter().collect(),
        Err(_) => vec![value.clone()],
    };
    let whole = all.iter().all(|n| n.cast::<PyInt>().is_ok());
    if !whole && all.iter().any(|n| n.extract::<f64>().is_err()) {
        return Ok(None);
    }
    // An IS with a fraction is a float, as `value` has it.
    let dtype = if vr == Vr::IS && whole { "i8" } else { "f8" };
    match py.import("numpy")?.call_method1("array", (all, dtype)) {
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => Ok(None),
        array => array.map(Some),
    }
}

fn array<'py>(py: Python<'py>, dtype: &str, native: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let out = Numpy::get(py)?.empty.bind(py).call1((native.len(), "u1"))?;
    HeldBuffer::of(&out, true)?
        .bytes_mut()?
        .copy_from_slice(native);
    out.call_method1("view", (dtype,))
}

/// Text that takes long enough to parse that other threads may have the interpreter.
const WORTH_RELEASING: usize = 64 << 10;

/// Writes the numbers of a DS; the component that is none, if there is one.
fn write_decimals(text: &[u8], cells: &mut [u8]) -> Option<String> {
    let mut cells = cells.as_chunks_mut::<8>().0.iter_mut();
    if text.is_empty() {
        return None;
    }
    let odd = decimals(text, |number| {
        if let Some(cell) = cells.next() {
            *cell = number.to_ne_bytes();
        }
    });
    odd.map(|odd| match odd {
        Decimal::Invalid(text) => words(text),
        _ => String::new(),
    })
}

/// Writes the numbers of an IS; the component that is none, if there is one.
fn write_integers(text: &[u8], cells: &mut [u8]) -> Option<String> {
    let cells = cells.as_chunks_mut::<8>().0.iter_mut();
    for (part, cell) in text.split(|&b| b == b'\\').zip(cells) {
        match integer(part) {
            Some(number) => *cell = number.to_ne_bytes(),
            None => return Some(words(part)),
        }
    }
    None
}

fn words(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(32).collect()
}
