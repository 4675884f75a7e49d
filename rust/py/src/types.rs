//! The Python objects that Rust calls: looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyType};

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

/// numpy, imported when first needed.
pub(crate) fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(NUMPY
        .get_or_try_init(py, || py.import("numpy").map(Bound::unbind))?
        .bind(py))
}
