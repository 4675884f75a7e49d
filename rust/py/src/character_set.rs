//! What a data set says of its Specific Character Set to Python code: PS3.3 §C.12.1.1.2.

use crate::dataset::Dataset;
use crate::types::function;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rapidicom_core::value::text::trim_end;

impl Dataset {
    /// Names that are no longer the bytes they were, with those.
    #[cold]
    pub(crate) fn with_bytes<'py>(
        &self,
        names: Bound<'py, PyAny>,
        bytes: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        let bytes = trim_end(bytes);
        if names
            .extract::<&str>()
            .is_ok_and(|name| name.as_bytes() == bytes)
        {
            return Ok(names);
        }
        let py = names.py();
        let arguments = (names, PyBytes::new(py, bytes), self.declared_set(py)?);
        function(py, "rapidicom.person_name", "with_bytes")?.call1(arguments)
    }

    /// The Value Field of the Specific Character Set in force.
    fn declared_set<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(header) = self.character_set() else {
            return Ok(None);
        };
        let field = self.bytes(&header).map_err(|e| self.raise(py, e))?;
        Ok(Some(PyBytes::new(py, &field)))
    }

    /// Python's names of the Specific Character Set in force.
    pub(crate) fn codecs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        function(py, "rapidicom.character_set", "codecs")?.call1((self.declared_set(py)?,))
    }
}
