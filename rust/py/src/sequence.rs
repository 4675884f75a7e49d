//! `Sequence`.

use crate::dataset::Dataset;
use crate::error::{Result, raise};
use crate::object::{Slot, untracked};
use crate::place::Place;
use crate::root::{Part, Root};
use crate::types::function;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice, PyTuple};
use rapidicom_core::data_set::Inherited;
use rapidicom_core::error::PathStep;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{ElementHeader, Item, Window, each_item};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::{Error, Tag};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// The items of an element of VR SQ: list-like, immutable, each a Dataset. PS3.5 §7.5
#[pyclass(frozen, sequence, module = "rapidicom", name = "Sequence")]
pub(crate) struct Sequence {
    root: Arc<Root>,
    tag: Tag,
    part: Part,
    inherited: Inherited,
    /// The Specific Character Set in force, which items inherit.
    character_set: Option<ElementHeader>,
    place: Place,
    is_undefined_length: bool,
    /// Where the Value Field lies, and the encoding of its level.
    value: (std::ops::Range<u64>, Encoding),
    items: SmallVec<[(Item, Slot<Dataset>); 1]>,
}

impl Sequence {
    /// The items of an element of `data_set`.
    pub(crate) fn of(data_set: &Dataset, header: &ElementHeader) -> Result<Sequence> {
        let root = &data_set.root;
        let limits = &root.options.limits;
        let depth = u64::from(data_set.place.depth()) + 1;
        if depth > limits.entered_depth() {
            return Err(Error::limit("max_depth", limits.entered_depth(), depth).of(header.tag));
        }
        let mut found = SmallVec::new();
        {
            let bytes = data_set.bytes(header)?;
            let window = Window::new(&bytes, header.value_offset);
            let mut unheard = Deviations::new(0);
            let encoding = data_set.set.encoding;
            each_item(&window, header, encoding, limits, &mut unheard, |item| {
                found.push((item, Slot::default()));
            })?;
        }
        root.check(data_set.part)?;
        Ok(Sequence {
            root: Arc::clone(root),
            tag: header.tag,
            part: data_set.part,
            inherited: data_set.set.inherited,
            character_set: data_set.character_set(),
            is_undefined_length: header.is_undefined_length(),
            place: data_set.place.clone(),
            value: (
                header.value_offset..header.value_end(),
                data_set.set.encoding,
            ),
            items: found,
        })
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        self.root.bytes(self.part, self.value.0.clone())
    }

    /// Whether both are the same bytes, read alike: then they are equal, and no item has to be entered.
    fn has_bytes_of(&self, other: &Sequence) -> bool {
        self.tag == other.tag
            && self.value.1 == other.value.1
            && self.inherited == other.inherited
            && self.items.len() == other.items.len()
            && matches!((self.bytes(), other.bytes()), (Ok(mine), Ok(theirs)) if mine == theirs)
    }

    /// Whether the item at `index` has no element.
    pub(crate) fn is_empty_item(&self, index: usize) -> bool {
        self.items
            .get(index)
            .is_some_and(|(item, _)| item.value_length == 0)
    }

    /// How many items.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The item at `index`, the same object each time.
    pub(crate) fn item_of<'py>(
        &self,
        py: Python<'py>,
        index: usize,
    ) -> PyResult<Bound<'py, Dataset>> {
        let Some((item, slot)) = self.items.get(index) else {
            return Err(PyIndexError::new_err("sequence index out of range"));
        };
        if let Some(made) = slot.get(py) {
            return Ok(made);
        }
        let step = PathStep {
            tag: self.tag,
            item: u32::try_from(index).unwrap_or(u32::MAX),
        };
        let made = Dataset::item(
            &self.root,
            item,
            (self.inherited, self.character_set),
            self.part,
            self.place.within(step),
        )
        .map_err(|mut error| {
            error.path = self.place.within(step).path();
            raise(py, error, self.root.path())
        })?;
        Ok(slot.keep(untracked(py, made)?))
    }

    /// The item at `index`, from the end where it is negative.
    pub(crate) fn item_at<'py>(
        &self,
        py: Python<'py>,
        index: isize,
    ) -> PyResult<Bound<'py, Dataset>> {
        let len = isize::try_from(self.len()).unwrap_or(isize::MAX);
        let from_start = if index < 0 {
            index.saturating_add(len)
        } else {
            index
        };
        match usize::try_from(from_start) {
            Ok(place) if place < self.len() => self.item_of(py, place),
            _ => Err(PyIndexError::new_err(format!(
                "item {index} of a sequence of {len}"
            ))),
        }
    }

    fn all<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, Dataset>>> {
        (0..self.len()).map(|i| self.item_of(py, i)).collect()
    }
}

#[pymethods]
impl Sequence {
    fn __len__(&self) -> usize {
        self.len()
    }

    #[getter]
    fn is_undefined_length(&self) -> bool {
        self.is_undefined_length
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(index) = index.extract::<isize>() {
            return Ok(self.item_at(py, index)?.into_any());
        }
        let Ok(slice) = index.cast::<PySlice>() else {
            return Err(PyTypeError::new_err(
                "a sequence is indexed by integers and slices",
            ));
        };
        let wanted = slice.indices(isize::try_from(self.len()).unwrap_or(isize::MAX))?;
        let mut found = Vec::new();
        for n in 0..wanted.slicelength {
            found.push(self.item_at(
                py,
                wanted.start + wanted.step * isize::try_from(n).unwrap_or(0),
            )?);
        }
        Ok(PyList::new(py, found)?.into_any())
    }

    fn __iter__(slf: Bound<'_, Self>) -> SequenceIterator {
        SequenceIterator {
            sequence: slf.unbind(),
            next: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    fn __contains__(&self, py: Python<'_>, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        PyList::new(py, self.all(py)?)?.contains(item)
    }

    #[pyo3(signature = (item, *bounds))]
    fn index<'py>(
        &self,
        py: Python<'py>,
        item: &Bound<'py, PyAny>,
        bounds: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let arguments = PyTuple::new(py, [item.clone()])?
            .as_sequence()
            .concat(bounds.as_sequence())?;
        PyList::new(py, self.all(py)?)?
            .as_any()
            .call_method1("index", arguments.to_tuple()?)
    }

    fn count<'py>(&self, py: Python<'py>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        PyList::new(py, self.all(py)?)?
            .as_any()
            .call_method1("count", (item,))
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut all = self.all(py)?;
        all.reverse();
        Ok(PyList::new(py, all)?.as_any().try_iter()?.into_any())
    }

    fn __eq__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(other) = other.cast::<Sequence>()
            && slf.get().has_bytes_of(other.get())
        {
            return true.into_bound_py_any(slf.py());
        }
        function(slf.py(), "rapidicom.compare", "sequences_equal")?.call1((slf, other))
    }

    fn __hash__(&self) -> u64 {
        self.items.len() as u64 // all that equality sees without entering an item
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.show", "sequence_text")?.call1((slf,))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        crate::pickle::reduce_sequence(py, &self.root, &self.place, self.tag)
    }
}

/// Yields the items one by one.
#[pyclass(frozen, module = "rapidicom._rapidicom")]
pub(crate) struct SequenceIterator {
    sequence: Py<Sequence>,
    next: std::sync::atomic::AtomicUsize,
}

#[pymethods]
impl SequenceIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Dataset>>> {
        let sequence = self.sequence.get();
        let index = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if index < sequence.len() {
            sequence.item_of(py, index).map(Some)
        } else {
            Ok(None)
        }
    }
}
