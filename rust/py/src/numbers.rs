//! `DataElement.to_numpy`: a Value Field straight into an ndarray, no object per number.

use crate::buffer::HeldBuffer;
use crate::error::Result;
use crate::types::numpy;
use pyo3::prelude::*;
use rapidicom_core::read::{ElementHeader, u16_of};
use rapidicom_core::value::number::{Decimal, Decimals, integer};
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
        let parsed = py.detach(|| {
            if vr == Vr::DS {
                decimals(text)
            } else {
                integers(text)
            }
        });
        return match parsed {
            Ok(numbers) => array(py, dtype, &numbers).map(Ok),
            Err(found) => refuse(format!(
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

fn array<'py>(py: Python<'py>, dtype: &str, native: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let out = numpy(py)?.getattr("empty")?.call1((native.len(), "u1"))?;
    HeldBuffer::of(&out, true)?
        .bytes_mut()?
        .copy_from_slice(native);
    out.call_method1("view", (dtype,))
}

fn decimals(text: &[u8]) -> std::result::Result<Vec<u8>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = Vec::with_capacity(text.len());
    for value in Decimals::new(text) {
        match value {
            Decimal::Number(number) => out.extend_from_slice(&number.to_ne_bytes()),
            Decimal::Empty => return Err(String::new()),
            Decimal::Invalid(text) => {
                return Err(String::from_utf8_lossy(text).chars().take(32).collect());
            }
        }
    }
    Ok(out)
}

fn integers(text: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for part in text.split(|&b| b == b'\\').filter(|_| !text.is_empty()) {
        match integer(part) {
            Some(number) => out.extend_from_slice(&number.to_ne_bytes()),
            None => return Err(String::from_utf8_lossy(part).chars().take(32).collect()),
        }
    }
    Ok(out)
}
