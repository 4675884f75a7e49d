//! Iterators over a data set's elements: one level, all depths, all depths with paths. An explicit stack, no recursion.

use crate::dataset::Dataset;
use crate::element::DataElement;
use crate::error::path_text;
use crate::sequence::Sequence;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use rapidicom_core::Vr;
use std::sync::Mutex;

/// What is yielded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalkKind {
    /// The elements of this level.
    Level,
    /// The elements of all levels.
    All,
    /// The same with their paths.
    Paths,
}

/// Where in the tree the walk stands.
enum At {
    Level(Py<Dataset>, usize),
    Items(Py<Sequence>, usize),
}

/// See [`WalkKind`].
#[pyclass(frozen, module = "rapidicom._rapidicom")]
pub(crate) struct Walk {
    kind: WalkKind,
    state: Mutex<State>,
}

/// How far the walk has come.
struct State {
    stack: Vec<At>,
    /// The last two elements given, the older one first: when the next is asked for, a loop over them has let go of it.
    given: [Option<Py<DataElement>>; 2],
}

impl Walk {
    pub(crate) fn new(data_set: Bound<'_, Dataset>, kind: WalkKind) -> Walk {
        Walk {
            kind,
            state: Mutex::new(State {
                stack: vec![At::Level(data_set.unbind(), 0)],
                given: [None, None],
            }),
        }
    }

    fn step<'py>(
        &self,
        py: Python<'py>,
        State { stack, given }: &mut State,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        while let Some(top) = stack.last_mut() {
            match top {
                At::Items(sequence, next) => {
                    let index = *next;
                    *next += 1;
                    if index >= sequence.get().len() {
                        stack.pop();
                        continue;
                    }
                    if sequence.get().is_empty_item(index) {
                        continue;
                    }
                    let item = sequence.get().item_of(py, index)?;
                    stack.push(At::Level(item.unbind(), 0));
                }
                At::Level(data_set, next) => {
                    let index = *next;
                    *next += 1;
                    let data_set = data_set.bind(py).clone();
                    let Some(header) = data_set.get().set.headers.get(index) else {
                        stack.pop();
                        continue;
                    };
                    let tag = header.tag;
                    if self.kind != WalkKind::Level && data_set.get().vr(header) == Vr::SQ {
                        let value = data_set.get().value_at(py, index)?;
                        if let Ok(sequence) = value.cast::<Sequence>() {
                            stack.push(At::Items(sequence.clone().unbind(), 0));
                        }
                    }
                    let [older, newer] = given;
                    let element = match older.take() {
                        Some(spent) => {
                            DataElement::instead(spent.into_bound(py), &data_set, index)?
                        }
                        None => DataElement::of(&data_set, index)?,
                    };
                    *older = newer.replace(element.clone().unbind());
                    if self.kind == WalkKind::Paths {
                        let path = path_text(&data_set.get().place.path(), tag);
                        return (path, element).into_bound_py_any(py).map(Some);
                    }
                    return Ok(Some(element.into_any()));
                }
            }
        }
        Ok(None)
    }
}

#[pymethods]
impl Walk {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Two threads that share one iterator take turns; a poisoned lock means that one of them panicked.
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(std::sync::TryLockError::Poisoned(state)) => state.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) => {
                return Err(pyo3::exceptions::PyValueError::new_err(
                    "iterator already executing",
                ));
            }
        };
        self.step(py, &mut state)
    }
}
