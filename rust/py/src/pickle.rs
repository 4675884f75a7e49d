//! Pickling: by path and identity of the file, or by bytes; an item by the way to it.

use crate::dataset::Dataset;
use crate::frames::{Chosen, Frames};
use crate::limits::Limits;
use crate::place::Place;
use crate::read::{self, Settings};
use crate::root::{Part, Root};
use crate::sequence::Sequence;
use crate::types::function;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use rapidicom_core::error::PathStep;
use rapidicom_core::{Error, ErrorKind, Tag};
use rapidicom_source::Source;
use std::collections::HashSet;
use std::path::PathBuf;

/// Which bytes: a file by path, size and time of modification, or the bytes themselves.
#[derive(FromPyObject, IntoPyObject)]
pub(crate) struct State<'py> {
    #[pyo3(item)]
    path: Option<PathBuf>,
    #[pyo3(item)]
    size: u64,
    #[pyo3(item)]
    mtime_ns: i64,
    #[pyo3(item)]
    bytes: Option<Bound<'py, PyBytes>>,
    #[pyo3(item)]
    stop_before_pixels: bool,
    #[pyo3(item)]
    specific_tags: Option<Vec<u32>>,
    #[pyo3(item)]
    force: bool,
    #[pyo3(item)]
    transfer_syntax: Option<String>,
    #[pyo3(item)]
    limits: Limits,
}

fn state<'py>(py: Python<'py>, root: &Root) -> PyResult<State<'py>> {
    let source = root.source(Part::File);
    let options = &root.options;
    let file = source.path().zip(source.identity());
    let bytes = match file {
        Some(_) => None,
        None => {
            let all = source
                .bytes(0..source.len())
                .map_err(|e| crate::error::raise(py, crate::error::from_source(e), None))?;
            Some(PyBytes::new(py, &all))
        }
    };
    Ok(State {
        path: file.map(|(path, _)| path.to_owned()),
        size: file.map_or(0, |(_, identity)| identity.size),
        mtime_ns: file.map_or(0, |(_, identity)| identity.mtime_ns),
        bytes,
        stop_before_pixels: options.stop_before_pixels,
        specific_tags: options
            .specific_tags
            .as_ref()
            .map(|tags| tags.iter().map(|t| t.0).collect()),
        force: options.force,
        transfer_syntax: options.transfer_syntax.map(|t| t.uid().to_owned()),
        limits: Limits(options.limits),
    })
}

fn steps(path: &[PathStep]) -> Vec<(u32, u32)> {
    path.iter().map(|step| (step.tag.0, step.item)).collect()
}

/// What `Dataset.__reduce__` gives.
pub(crate) fn reduce<'py>(slf: &Bound<'py, Dataset>) -> PyResult<Bound<'py, PyTuple>> {
    let py = slf.py();
    let this = slf.get();
    let restore = function(py, "rapidicom._rapidicom", "_restore_dataset")?;
    let path = steps(&this.place.path());
    let file_meta = this.part == Part::File;
    let arguments = (state(py, &this.root)?, path, file_meta, this.only());
    (restore, arguments).into_pyobject(py)
}

/// What `Sequence.__reduce__` gives.
pub(crate) fn reduce_sequence<'py>(
    py: Python<'py>,
    root: &Root,
    place: &Place,
    tag: Tag,
) -> PyResult<Bound<'py, PyTuple>> {
    let restore = function(py, "rapidicom._rapidicom", "_restore_sequence")?;
    let path = steps(&place.path());
    (restore, (state(py, root)?, path, tag.0)).into_pyobject(py)
}

/// What `Frames.__reduce__` gives.
pub(crate) fn reduce_frames<'py>(
    py: Python<'py>,
    frames: &Frames,
) -> PyResult<Bound<'py, PyTuple>> {
    let restore = function(py, "rapidicom._rapidicom", "_restore_frames")?;
    let path = steps(&frames.place.path());
    let Chosen { first, step, len } = frames.chosen;
    let only = frames.only.as_deref();
    let arguments = (state(py, &frames.root)?, path, only, (first, step, len));
    (restore, arguments).into_pyobject(py)
}

fn reopen<'py>(py: Python<'py>, state: State<'py>) -> PyResult<Bound<'py, Dataset>> {
    let settings = Settings {
        stop_before_pixels: state.stop_before_pixels,
        specific_tags: state
            .specific_tags
            .map(|tags| tags.into_iter().map(Tag).collect()),
        force: state.force,
        transfer_syntax: state
            .transfer_syntax
            .as_deref()
            .and_then(rapidicom_core::transfer_syntax::TransferSyntax::from_uid),
        limits: state.limits.0,
        ..Settings::default()
    };
    let data_set = match (&state.path, &state.bytes) {
        (Some(path), _) => read::open_path(py, path.clone(), settings)?,
        (None, Some(bytes)) => {
            read::open_source(py, Source::owned(bytes.as_bytes().to_vec()), None, settings)?
        }
        (None, None) => return Err(PyKeyError::new_err("neither path nor bytes")),
    };
    if state.path.is_some()
        && let Some(now) = data_set.root.source(Part::File).identity()
        && (now.size, now.mtime_ns) != (state.size, state.mtime_ns)
    {
        let error = Error::new(
            ErrorKind::FileChanged,
            "the file changed since the data set was pickled; read it again",
        );
        return Err(data_set.raise(py, error));
    }
    Bound::new(py, data_set)
}

fn descend<'py>(mut at: Bound<'py, Dataset>, path: &[(u32, u32)]) -> PyResult<Bound<'py, Dataset>> {
    for &(tag, item) in path {
        at = sequence_of(&at, tag)?
            .get()
            .item_of(at.py(), item as usize)?;
    }
    Ok(at)
}

fn sequence_of<'py>(at: &Bound<'py, Dataset>, tag: u32) -> PyResult<Bound<'py, Sequence>> {
    let index = at
        .get()
        .set
        .position(Tag(tag))
        .ok_or_else(|| PyKeyError::new_err(Tag(tag).to_string()))?;
    Ok(at.get().value_at(at.py(), index)?.cast_into::<Sequence>()?)
}

/// What `pickle` calls for a data set.
#[pyfunction]
pub(crate) fn _restore_dataset<'py>(
    py: Python<'py>,
    state: State<'py>,
    path: Vec<(u32, u32)>,
    file_meta: bool,
    only: Option<Vec<u32>>,
) -> PyResult<Bound<'py, Dataset>> {
    let mut found = descend(reopen(py, state)?, &path)?;
    if file_meta {
        found = found.getattr("file_meta")?.cast_into::<Dataset>()?;
    }
    match only {
        Some(tags) => {
            let tags: HashSet<u32> = tags.into_iter().collect();
            Bound::new(py, found.get().subset(|tag| tags.contains(&tag.0)))
        }
        None => Ok(found),
    }
}

/// What `pickle` calls for a sequence.
#[pyfunction]
pub(crate) fn _restore_sequence<'py>(
    py: Python<'py>,
    state: State<'py>,
    path: Vec<(u32, u32)>,
    tag: u32,
) -> PyResult<Bound<'py, Sequence>> {
    sequence_of(&descend(reopen(py, state)?, &path)?, tag)
}

/// What `pickle` calls for frames.
#[pyfunction]
pub(crate) fn _restore_frames(
    py: Python<'_>,
    state: State<'_>,
    path: Vec<(u32, u32)>,
    only: Option<Vec<u32>>,
    chosen: (i64, i64, usize),
) -> PyResult<Frames> {
    let data_set = _restore_dataset(py, state, path, false, only)?;
    let data_set = data_set.get();
    let frames = Frames::of(data_set).map_err(|e| data_set.raise(py, e))?;
    let (first, step, len) = chosen;
    Ok(Frames {
        chosen: Chosen { first, step, len },
        ..frames
    })
}
