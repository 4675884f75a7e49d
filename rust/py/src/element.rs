//! `DataElement`.

use crate::dataset::Dataset;
use crate::frames::{Raw, lend};
use crate::numbers;
use crate::object::{Renewable, renew, untracked};
use crate::sequence::Sequence;
use crate::types::{forward, function, python};
use crate::value::{Value, empty};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView, PyString, PyTuple};
use rapidicom_core::read::{ElementHeader, Flags};
use rapidicom_core::{Tag, Vr, dictionary};
use std::ops::Deref;

/// One element: tag, VR, and where its Value Field lies. PS3.5 §7.1
#[pyclass(frozen, module = "rapidicom", name = "DataElement")]
pub(crate) struct DataElement(Renewable<Content>);

/// Which element.
pub(crate) struct Content {
    data_set: Py<Dataset>,
    index: usize,
    header: ElementHeader,
}

impl Content {
    fn of(data_set: &Bound<'_, Dataset>, index: usize) -> PyResult<Content> {
        let header = data_set.get().header(index);
        Ok(Content {
            header: *header.map_err(|e| data_set.get().raise(data_set.py(), e))?,
            data_set: data_set.clone().unbind(),
            index,
        })
    }
}

impl Deref for DataElement {
    type Target = Content;

    #[inline]
    fn deref(&self) -> &Content {
        &self.0
    }
}

impl DataElement {
    /// The element at `index` of a level.
    #[inline]
    pub(crate) fn of<'py>(
        data_set: &Bound<'py, Dataset>,
        index: usize,
    ) -> PyResult<Bound<'py, DataElement>> {
        DataElement::with(data_set.py(), Content::of(data_set, index)?)
    }

    /// The same in the place of `spent` if nobody else has that one any more.
    #[inline]
    pub(crate) fn instead<'py>(
        spent: Bound<'py, DataElement>,
        data_set: &Bound<'py, Dataset>,
        index: usize,
    ) -> PyResult<Bound<'py, DataElement>> {
        renew(spent, Content::of(data_set, index)?, |element| {
            &element.get().0
        })
        .or_else(|content| DataElement::with(data_set.py(), content))
    }

    fn with(py: Python<'_>, content: Content) -> PyResult<Bound<'_, DataElement>> {
        untracked(py, DataElement(Renewable::new(content)))
    }

    fn set(&self) -> &Dataset {
        self.data_set.get()
    }

    fn numbers<'py>(&self, py: Python<'py>) -> Value<'py> {
        let set = self.set();
        let bytes = set
            .bytes(&self.header)
            .map_err(|e| set.raise(py, e.of(self.header.tag)))?;
        let little = set.set.encoding.is_little_endian();
        numbers::to_numpy(py, &self.header, set.vr(&self.header), &bytes, little)
    }

    /// The numbers of text that `value` takes for some.
    #[cold]
    fn odd_numbers<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.set().vr(&self.header) {
            vr @ (Vr::DS | Vr::IS) => numbers::of_value(&self.value(py)?, vr),
            _ => Ok(None),
        }
    }

    fn private_entry(&self) -> Option<dictionary::PrivateEntry> {
        let creator = self.private_creator()?;
        dictionary::private(&creator, self.header.tag)
    }
}

#[pymethods]
impl DataElement {
    #[getter]
    fn tag<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        python(py)?.tag.bind(py).call1((self.header.tag.0,))
    }

    #[getter(VR)]
    fn vr(&self) -> &'static str {
        self.set().vr(&self.header).as_str()
    }

    #[getter(VM)]
    fn vm(&self, py: Python<'_>) -> PyResult<usize> {
        if self.set().vr(&self.header) == Vr::SQ {
            return Ok(1);
        }
        let value = self.value(py)?;
        if value.is_none() {
            return Ok(0);
        }
        if let Ok(list) = value.cast::<PyList>() {
            return Ok(list.len());
        }
        let text = value.cast::<PyString>().is_ok() || value.cast::<PyBytes>().is_ok();
        Ok(usize::from(!text || value.is_truthy()?))
    }

    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.set().value_at(py, self.index)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.value(py)?.get_item(index)
    }

    #[getter]
    fn keyword(&self) -> &'static str {
        dictionary::by_tag(self.header.tag).map_or("", |e| e.keyword())
    }

    #[getter]
    fn name(&self) -> String {
        let tag = self.header.tag;
        if tag.is_private() {
            if tag.is_private_creator() {
                return "Private Creator".into();
            }
            return match self.private_entry() {
                Some(entry) => format!("[{}]", entry.name()),
                None => "Private tag data".into(),
            };
        }
        match dictionary::by_tag(tag) {
            Some(entry) => entry.name().into(),
            None if tag.is_group_length() => "Group Length".into(),
            None => String::new(),
        }
    }

    #[getter]
    fn is_private(&self) -> bool {
        self.header.tag.is_private()
    }

    #[getter]
    fn is_retired(&self) -> bool {
        dictionary::by_tag(self.header.tag).is_some_and(|e| e.is_retired())
    }

    #[getter]
    fn private_creator(&self) -> Option<String> {
        let set = self.set();
        set.set
            .private_creator(self.header.tag, |h| set.bytes(h).ok())
    }

    #[getter]
    fn value_length(&self) -> u64 {
        self.header.value_length
    }

    #[getter]
    fn value_offset(&self) -> u64 {
        self.header.value_offset
    }

    #[getter]
    fn file_tell(&self) -> u64 {
        self.header.value_offset
    }

    #[classattr]
    fn is_raw() -> bool {
        false
    }

    #[classattr]
    fn is_buffered() -> bool {
        false
    }

    #[getter]
    fn empty_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.set().vr(&self.header) {
            Vr::SQ => Ok(PyList::empty(py).into_any()),
            vr => empty(py, vr),
        }
    }

    #[getter]
    fn is_undefined_length(&self) -> bool {
        self.header.is_undefined_length()
    }

    #[getter]
    fn is_truncated(&self) -> bool {
        self.header.flags.has(Flags::CLIPPED)
    }

    #[getter]
    fn is_empty(&self, py: Python<'_>) -> PyResult<bool> {
        if self.set().vr(&self.header) == Vr::SQ {
            return Ok(self
                .value(py)?
                .cast::<Sequence>()
                .is_ok_and(|s| s.get().len() == 0));
        }
        let no_value = python(py)?.errors.bind(py).getattr("ValueDecodeError")?;
        match self.vm(py) {
            // Bytes that are no value are not nothing.
            Err(error) if error.matches(py, no_value)? => Ok(false),
            vm => Ok(vm? == 0),
        }
    }

    #[getter]
    fn repval<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.show", "value_text")?.call1((slf,))
    }

    fn description(&self) -> String {
        self.name()
    }

    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let set = self.set();
        let place = self.header.value_offset..self.header.value_end();
        let raw = set
            .bytes(&self.header)
            .and_then(|bytes| Raw::of(&set.root, set.part, place, bytes));
        lend(py, raw.map_err(|e| set.raise(py, e.of(self.header.tag)))?)
    }

    #[pyo3(signature = (*arguments, **named))]
    fn to_json_dict<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        forward(
            slf,
            ("rapidicom.json_model", "element_model"),
            arguments,
            named,
        )
    }

    #[pyo3(signature = (*arguments, **named))]
    fn to_json<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        forward(
            slf,
            ("rapidicom.json_model", "element_text"),
            arguments,
            named,
        )
    }

    fn to_numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let set = self.set();
        let array = match self.numbers(py)? {
            Ok(array) => array,
            Err(error) => self.odd_numbers(py)?.ok_or_else(|| set.raise(py, error))?,
        };
        set.root.check(set.part).map_err(|e| set.raise(py, e))?;
        Ok(array)
    }

    fn __eq__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.compare", "elements_equal")?.call1((slf, other))
    }

    fn __hash__(slf: &Bound<'_, Self>) -> PyResult<isize> {
        function(slf.py(), "rapidicom.compare", "element_hash")?
            .call1((slf,))?
            .extract()
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.show", "element_text")?.call1((slf,))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let restore = py
            .import("rapidicom._rapidicom")?
            .getattr("_restore_element")?;
        let this = slf.get();
        (restore, (this.data_set.clone_ref(py), this.header.tag.0)).into_pyobject(py)
    }
}

/// What `pickle` calls.
#[pyfunction]
pub(crate) fn _restore_element<'py>(
    data_set: &Bound<'py, Dataset>,
    tag: u32,
) -> PyResult<Bound<'py, DataElement>> {
    match data_set.get().set.position(Tag(tag)) {
        Some(index) => DataElement::of(data_set, index),
        None => Err(pyo3::exceptions::PyKeyError::new_err(Tag(tag).to_string())),
    }
}
