//! What a data set has by a key: the end of a path, a slice of tags, its elements as a mapping; and words for what it has not.

use crate::dataset::Dataset;
use crate::element::DataElement;
use crate::keyword::{Step, path_of, tag_from, tag_of};
use crate::sequence::Sequence;
use crate::types::{function, python};
use pyo3::exceptions::{PyAttributeError, PyIndexError, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyString};
use rapidicom_core::{Tag, dictionary};

/// The element of a tag; `KeyError` where there is none.
pub(crate) fn element<'py>(
    slf: &Bound<'py, Dataset>,
    tag: Tag,
) -> PyResult<Bound<'py, DataElement>> {
    match slf.get().set.position(tag) {
        Some(index) => DataElement::of(slf, index),
        None => Err(PyKeyError::new_err(missing(slf.get(), tag))),
    }
}

/// Follows a path into sequences.
pub(crate) fn follow<'py>(
    slf: &Bound<'py, Dataset>,
    steps: &[Step],
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let mut at = slf.clone();
    for (n, step) in steps.iter().enumerate() {
        let last = n + 1 == steps.len();
        if last && step.item.is_none() {
            return Ok(element(&at, step.tag)?.into_any());
        }
        let index = at
            .get()
            .set
            .position(step.tag)
            .ok_or_else(|| PyKeyError::new_err(missing(at.get(), step.tag)))?;
        let value = at.get().value_at(py, index)?;
        let sequence = value.cast::<Sequence>().map_err(|_| {
            PyKeyError::new_err(format!("{} is no sequence; a path ends at it", step.tag))
        })?;
        let item = sequence
            .get()
            .item_at(py, step.item.unwrap_or(0))
            .map_err(|error| {
                if error.is_instance_of::<PyIndexError>(py) {
                    PyKeyError::new_err(error.value(py).to_string())
                } else {
                    error
                }
            })?;
        if last {
            return Ok(item.into_any());
        }
        at = item;
    }
    Ok(at.into_any())
}

/// What a path leads to, if it leads anywhere.
pub(crate) fn reached<'py>(
    slf: &Bound<'py, Dataset>,
    steps: &[Step],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match follow(slf, steps) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_instance_of::<PyKeyError>(slf.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What `get` gives for a word: the value of a keyword or at the end of a path, an attribute, the element of a tag.
pub(crate) fn by_word<'py>(
    slf: &Bound<'py, Dataset>,
    word: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = slf.py();
    let this = slf.get();
    if let Some(tag) = dictionary::by_keyword(word.to_str()?) {
        let index = this.set.position(tag);
        return index.map(|index| this.value_at(py, index)).transpose();
    }
    let text = word.to_str()?;
    if let Some(tag) = tag_of(text) {
        return by_tag(slf, tag);
    }
    if text.contains(['.', '[']) {
        let Ok(steps) = path_of(text) else {
            return Ok(None);
        };
        return match reached(slf, &steps)? {
            Some(found) if found.cast::<DataElement>().is_ok() => found.getattr("value").map(Some),
            found => Ok(found),
        };
    }
    match slf.getattr(word) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyAttributeError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The element of a tag, if there is one.
pub(crate) fn by_tag<'py>(
    slf: &Bound<'py, Dataset>,
    tag: Tag,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let index = slf.get().set.position(tag);
    index
        .map(|index| DataElement::of(slf, index).map(Bound::into_any))
        .transpose()
}

/// The elements of a slice of tags, as a data set. The step counts the elements from the first of them, as in pydicom.
pub(crate) fn sliced<'py>(
    slf: &Bound<'py, Dataset>,
    slice: &Bound<'py, PySlice>,
) -> PyResult<Bound<'py, PyAny>> {
    let headers = &slf.get().set.headers;
    let bound = |name: &str| -> PyResult<Option<usize>> {
        let value = slice.getattr(name)?;
        if value.is_none() {
            return Ok(None);
        }
        let tag = tag_from(&value)?;
        Ok(Some(headers.partition_point(|h| h.tag < tag)))
    };
    let (start, stop) = (bound("start")?, bound("stop")?);
    let (stop, len) = match (start, stop) {
        (None, Some(stop)) => (None, stop),
        (_, stop) => (stop, headers.len()),
    };
    let places = slf
        .py()
        .get_type::<PySlice>()
        .call1((start, stop, slice.getattr("step")?))?
        .cast_into::<PySlice>()?
        .indices(isize::try_from(len).unwrap_or(isize::MAX))?;
    let mut chosen: Vec<_> = (0..places.slicelength)
        .filter_map(|n| {
            places
                .start
                .checked_add(places.step.checked_mul(isize::try_from(n).ok()?)?)
        })
        .filter_map(|place| headers.get(usize::try_from(place).ok()?).copied())
        .collect();
    if places.step < 0 {
        chosen.reverse();
    }
    let part = slf.get().part_of(chosen.into());
    Ok(Bound::new(slf.py(), part)?.into_any())
}

/// A `dict` of the tags, ascending: its views are what `keys`, `values` and `items` give.
pub(crate) fn mapping<'py>(
    slf: &Bound<'py, Dataset>,
    value: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let class = python(slf.py())?.tag.bind(slf.py());
    let mapping = PyDict::new(slf.py());
    for (index, header) in slf.get().set.headers.iter().enumerate() {
        mapping.set_item(class.call1((header.tag.0,))?, value(index)?)?;
    }
    Ok(mapping)
}

/// The block that a Private Creator reserves. PS3.5 §7.8.1
pub(crate) fn private_block<'py>(
    slf: &Bound<'py, Dataset>,
    group: u16,
    private_creator: &str,
) -> PyResult<Bound<'py, PyAny>> {
    if group.is_multiple_of(2) {
        return Err(PyValueError::new_err(format!(
            "group {group:04X} is even; private groups are odd"
        )));
    }
    let this = slf.get();
    for element in 0x10..=0xFFu16 {
        let tag = Tag::new(group, element << 8);
        let creator = this.set.private_creator(tag, |h| this.bytes(h).ok());
        if creator.as_deref() == Some(private_creator) {
            let class = function(slf.py(), "rapidicom.private_block", "PrivateBlock")?;
            return class.call1((slf, group, private_creator, element << 8));
        }
    }
    Err(PyKeyError::new_err(format!(
        "no private block of {private_creator:?} in group {group:04X}"
    )))
}

/// Why there is no such element, and what is near.
#[cold]
pub(crate) fn missing(this: &Dataset, tag: Tag) -> String {
    let name = dictionary::by_tag(tag)
        .map(|e| format!(" {}", e.name()))
        .unwrap_or_default();
    let at = this.set.headers.partition_point(|h| h.tag < tag);
    let near = |index: Option<usize>| {
        index
            .and_then(|i| this.set.headers.get(i))
            .map(|h| h.tag.to_string())
    };
    let (before, after) = (near(at.checked_sub(1)), near(Some(at)));
    let near: Vec<String> = before.into_iter().chain(after).collect();
    match near.is_empty() {
        true => format!("{tag}{name} is not in the data set, which is empty"),
        false => format!(
            "{tag}{name} is not in the data set; near it are {}",
            near.join(", ")
        ),
    }
}

/// Why there is no such attribute, and which keyword may have been meant.
#[cold]
pub(crate) fn no_attribute(this: &Dataset, name: &str) -> String {
    match dictionary::by_keyword(name) {
        Some(tag) => format!(
            "'Dataset' object has no attribute '{name}': {}",
            missing(this, tag)
        ),
        None => match dictionary::nearest_keyword(name) {
            Some(near) => {
                format!("'Dataset' object has no attribute '{name}'; did you mean {near}?")
            }
            None => format!("'Dataset' object has no attribute '{name}'"),
        },
    }
}
