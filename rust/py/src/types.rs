//! The Python objects that Rust calls: looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyTuple, PyType};
use rapidicom_codecs::SampleType;

/// Classes and modules of `rapidicom` itself that are written in Python.
pub(crate) struct PythonSide {
    pub(crate) person_name: Py<PyType>,
    pub(crate) uid: Py<PyType>,
    pub(crate) tag: Py<PyType>,
    pub(crate) errors: Py<PyModule>,
}

static PYTHON_SIDE: PyOnceLock<PythonSide> = PyOnceLock::new();

/// See [`PythonSide`].
#[inline]
pub(crate) fn python(py: Python<'_>) -> PyResult<&PythonSide> {
    PYTHON_SIDE.get_or_try_init(py, || {
        let class = |module: &str, name: &str| -> PyResult<Py<PyType>> {
            Ok(py
                .import(module)?
                .getattr(name)?
                .cast_into::<PyType>()?
                .unbind())
        };
        Ok(PythonSide {
            person_name: class("rapidicom.person_name", "PersonName")?,
            uid: class("rapidicom.uid", "UID")?,
            tag: class("rapidicom.tag", "Tag")?,
            errors: py.import("rapidicom.errors")?.unbind(),
        })
    })
}

/// A function of one of `rapidicom`'s Python modules that is not on a hot path.
pub(crate) fn function<'py>(
    py: Python<'py>,
    module: &str,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    py.import(module)?.getattr(name)
}

/// A method that is such a function: with the object first, and the rest of the call as it came.
pub(crate) fn forward<'py, T>(
    object: &Bound<'py, T>,
    (module, name): (&str, &str),
    arguments: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let all = PyTuple::new(py, [object.as_any()])?
        .as_sequence()
        .concat(arguments.as_sequence())?;
    function(py, module, name)?.call(all.to_tuple()?, named)
}

/// What is used of numpy, imported when first needed.
pub(crate) struct Numpy {
    pub(crate) ndarray: Py<PyAny>,
    pub(crate) empty: Py<PyAny>,
    dtypes: [Py<PyAny>; NAMES.len()],
}

/// numpy's names for the sample types.
const NAMES: [(SampleType, &str); 10] = [
    (SampleType::U8, "u1"),
    (SampleType::I8, "i1"),
    (SampleType::U16, "u2"),
    (SampleType::I16, "i2"),
    (SampleType::U32, "u4"),
    (SampleType::I32, "i4"),
    (SampleType::U64, "u8"),
    (SampleType::I64, "i8"),
    (SampleType::F32, "f4"),
    (SampleType::F64, "f8"),
];

impl Numpy {
    pub(crate) fn get(py: Python<'_>) -> PyResult<&Numpy> {
        static NUMPY: PyOnceLock<Numpy> = PyOnceLock::new();
        NUMPY.get_or_try_init(py, || {
            let numpy = py.import("numpy")?;
            let dtype = numpy.getattr("dtype")?;
            let mut dtypes = Vec::with_capacity(NAMES.len());
            for (sample, name) in NAMES {
                debug_assert_eq!(sample as usize, dtypes.len());
                dtypes.push(dtype.call1((name,))?.unbind());
            }
            Ok(Numpy {
                ndarray: numpy.getattr("ndarray")?.unbind(),
                empty: numpy.getattr("empty")?.unbind(),
                dtypes: dtypes.try_into().unwrap_or_else(|_| unreachable!()),
            })
        })
    }

    /// The dtype of decoded samples.
    pub(crate) fn dtype<'py>(&self, py: Python<'py>, sample: SampleType) -> &Bound<'py, PyAny> {
        self.dtypes[sample as usize].bind(py)
    }
}
