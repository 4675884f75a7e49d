//! Bytes of a Value Field → Python objects, on access. Types as the API promises; values as pydicom's.

use crate::error::Result;
use crate::types::python;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyList, PyString, PyType};
use rapidicom_core::read::ElementHeader;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::decimals::{Decimal, Decimals, decimals};
use rapidicom_core::value::number::{Number, integer, numbers, trim_ascii};
use rapidicom_core::value::text::{self, latin_1, trim_end, trim_value};
use rapidicom_core::{Error, ErrorKind, Tag, Vr};
use smallvec::SmallVec;

/// What a Value Field is to be read as.
pub(crate) struct Field<'a> {
    pub(crate) header: &'a ElementHeader,
    pub(crate) vr: Vr,
    pub(crate) bytes: &'a [u8],
    pub(crate) little: bool,
    pub(crate) charset: &'a SpecificCharacterSet,
}

/// A value that Python code can have, or why not.
pub(crate) type Value<'py> = PyResult<Result<Bound<'py, PyAny>>>;

/// The value of an empty Value Field. PS3.5 §7.4
pub(crate) fn empty(py: Python<'_>, vr: Vr) -> PyResult<Bound<'_, PyAny>> {
    match vr {
        Vr::PN => python(py)?.person_name.bind(py).call1(("",)),
        vr if vr.is_text() && !matches!(vr, Vr::DS | Vr::IS) => {
            PyString::new(py, "").into_bound_py_any(py)
        }
        _ => Ok(py.None().into_bound(py)),
    }
}

impl<'a> Field<'a> {
    /// The value; not for SQ.
    pub(crate) fn value<'py>(&self, py: Python<'py>) -> Value<'py> {
        if self.bytes.is_empty() {
            return empty(py, self.vr).map(Ok);
        }
        match self.vr {
            Vr::PN => self.named(py, &python(py)?.person_name),
            Vr::UI => self.named(py, &python(py)?.uid),
            Vr::DS => self.decimals(py),
            Vr::IS => self.integers(py),
            Vr::AT => self.tags(py),
            Vr::US | Vr::SS | Vr::UL | Vr::SL | Vr::UV | Vr::SV | Vr::FL | Vr::FD => {
                self.numbers(py)
            }
            Vr::OB | Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::OW | Vr::UN | Vr::SQ => {
                PyBytes::new(py, self.bytes).into_bound_py_any(py).map(Ok)
            }
            Vr::ST | Vr::LT | Vr::UT | Vr::UR => {
                let (text, _) = text::decode(self.bytes, self.vr, self.charset);
                PyString::new(py, &text).into_bound_py_any(py).map(Ok)
            }
            _ => self.text(py, self.vr),
        }
    }

    /// Text with backslashes between values.
    fn text<'py>(&self, py: Python<'py>, vr: Vr) -> Value<'py> {
        let (text, _) = text::decode(self.bytes, vr, self.charset);
        one_or_list(py, &text, |part| {
            PyString::new(py, trim_value(part, vr)).into_bound_py_any(py)
        })
        .map(Ok)
    }

    /// Text as objects of a class of ours.
    fn named<'py>(&self, py: Python<'py>, class: &Py<PyType>) -> Value<'py> {
        let (text, _) = text::decode(self.bytes, self.vr, self.charset);
        let class = class.bind(py);
        let make = |part: &str| class.call1((PyString::new(py, trim_value(part, self.vr)),));
        one_or_list(py, &text, make).map(Ok)
    }

    /// DS. What is no number leaves the text as it is, as in pydicom.
    fn decimals<'py>(&self, py: Python<'py>) -> Value<'py> {
        let bytes = trim_end(trim_ascii(self.bytes));
        let mut found = SmallVec::<[f64; 8]>::new();
        match decimals(bytes, |number| found.push(number)) {
            Some(_) => self.odd_decimals(py, bytes),
            None => match found.as_slice() {
                [one] => one.into_bound_py_any(py).map(Ok),
                all => Ok(Ok(PyList::new(py, all)?.into_any())),
            },
        }
    }

    /// Some of the values are no numbers, or empty.
    #[cold]
    fn odd_decimals<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Value<'py> {
        let list = PyList::empty(py);
        let parts = bytes.split(|&b| b == b'\\');
        for (value, part) in Decimals::new(bytes).zip(parts) {
            match value {
                Decimal::Number(number) => list.append(number)?,
                // An empty component is the text that stands there.
                Decimal::Empty => list.append(PyString::new(py, &latin_1(part)))?,
                Decimal::Invalid(_) => return self.decimals_by_python(py, bytes),
            }
        }
        match list.len() {
            1 => Ok(Ok(PyString::new(py, "").into_any())),
            _ => Ok(Ok(list.into_any())),
        }
    }

    /// The few spellings that Python's `float` takes beyond ours, else the text.
    #[cold]
    fn decimals_by_python<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Value<'py> {
        self.by_python(py, bytes, |part| py.get_type::<PyFloat>().call1((part,)))
    }

    fn by_python<'py>(
        &self,
        py: Python<'py>,
        bytes: &[u8],
        make: impl Fn(Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>>,
    ) -> Value<'py> {
        let text = latin_1(bytes);
        let made = one_or_list(py, &text, |part| {
            let object = PyString::new(py, part);
            if part.trim().is_empty() {
                Ok(object.into_any())
            } else {
                make(object)
            }
        });
        match made {
            Ok(value) => Ok(Ok(value)),
            Err(_) => self.text(py, Vr::SH),
        }
    }

    /// IS. `1.0` is 1, and `1.5` stays a float, as in pydicom; what is no number leaves the text.
    fn integers<'py>(&self, py: Python<'py>) -> Value<'py> {
        let bytes = trim_end(self.bytes);
        if let Some(number) = integer(bytes) {
            return number.into_bound_py_any(py).map(Ok);
        }
        let mut all = Vec::new();
        for part in bytes.split(|&b| b == b'\\') {
            match integer(part) {
                Some(number) => all.push(number),
                None => return self.by_python(py, bytes, |part| integer_by_python(py, &part)),
            }
        }
        Ok(Ok(PyList::new(py, all)?.into_any()))
    }

    /// AT: pairs of 16-bit numbers. PS3.5 §7.3
    fn tags<'py>(&self, py: Python<'py>) -> Value<'py> {
        let class = python(py)?.tag.bind(py);
        let (pairs, rest) = self.bytes.as_chunks::<4>();
        if pairs.is_empty() {
            return Ok(Err(self.wrong_length(4)));
        }
        let _ = rest;
        let all = pairs.iter().map(|b| {
            let half = |a, b| rapidicom_core::read::u16_of([a, b], self.little);
            Tag::new(half(b[0], b[1]), half(b[2], b[3])).0
        });
        let mut objects = all
            .map(|tag| class.call1((tag,)))
            .collect::<PyResult<Vec<_>>>()?;
        if objects.len() == 1 && self.bytes.len() == 4 {
            return Ok(Ok(objects.remove(0)));
        }
        Ok(Ok(PyList::new(py, objects)?.into_any()))
    }

    fn numbers<'py>(&self, py: Python<'py>) -> Value<'py> {
        if !self.bytes.len().is_multiple_of(self.vr.unit()) {
            return Ok(Err(self.wrong_length(self.vr.unit())));
        }
        let mut all = numbers(self.vr, self.bytes, self.little);
        let object = |number: Number| match number {
            Number::Signed(n) => n.into_bound_py_any(py),
            Number::Unsigned(n) => n.into_bound_py_any(py),
            Number::Float(n) => n.into_bound_py_any(py),
        };
        if self.bytes.len() == self.vr.unit() {
            let number = all.next().unwrap_or(Number::Unsigned(0));
            return object(number).map(Ok);
        }
        let mut objects = all.map(object).collect::<PyResult<Vec<_>>>()?;
        self.mend_descriptor(py, &mut objects)?;
        Ok(Ok(PyList::new(py, objects)?.into_any()))
    }

    /// The first entry of a lookup table's descriptor is never negative, whatever Pixel Representation is. PS3.3 §C.11.1.1
    fn mend_descriptor<'py>(
        &self,
        py: Python<'py>,
        objects: &mut [Bound<'py, PyAny>],
    ) -> PyResult<()> {
        const DESCRIPTORS: [Tag; 4] = [
            Tag(0x0028_1101),
            Tag(0x0028_1102),
            Tag(0x0028_1103),
            Tag(0x0028_3002),
        ];
        if self.vr == Vr::SS
            && DESCRIPTORS.contains(&self.header.tag)
            && let Some(first) = objects.first_mut()
            && let Ok(number) = first.extract::<i64>()
            && number < 0
        {
            *first = (number + 65536).into_bound_py_any(py)?;
        }
        Ok(())
    }

    fn wrong_length(&self, unit: usize) -> Error {
        Error::new(
            ErrorKind::ValueDecode,
            format!(
                "{} {} has {} bytes, expected a multiple of {unit}; `raw` gives the bytes",
                self.header.tag,
                self.vr,
                self.bytes.len()
            ),
        )
        .at(self.header.value_offset)
        .of(self.header.tag)
    }
}

/// As pydicom's IS: `int`, else a float without fraction as `int`, else the float.
#[cold]
fn integer_by_python<'py>(
    py: Python<'py>,
    part: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    let int = py.get_type::<PyInt>();
    int.call1((part,)).or_else(|_| {
        let float = py.get_type::<PyFloat>().call1((part,))?;
        let whole = int.call1((&float,))?;
        if whole.eq(&float)? {
            Ok(whole)
        } else {
            Ok(float)
        }
    })
}

/// One object, or a list where backslashes part the text.
#[inline]
fn one_or_list<'py>(
    py: Python<'py>,
    text: &str,
    make: impl Fn(&str) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if !text.bytes().any(|byte| byte == b'\\') {
        return make(text);
    }
    let all = text.split('\\').map(make).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, all)?.into_any())
}
