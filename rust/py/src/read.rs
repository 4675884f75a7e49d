//! `dcmread`, `is_dicom`, `pixel_array`, `iter_pixels`: from a source to a data set.

use crate::buffer::HeldBuffer;
use crate::dataset::Dataset;
use crate::error::{from_source, raise};
use crate::frames::{FrameIterator, Frames};
use crate::keyword::{tags_of, transfer_syntax_of};
use crate::limits::Limits;
use crate::pixels::{self, Wish};
use crate::root::{ReadOptions, Root};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{StartOptions, Window, start};
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::{Limits as CoreLimits, Tag};
use rapidicom_source::{Access, Source};
use std::path::PathBuf;
use std::sync::Arc;

/// What a call may set.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) stop_before_pixels: bool,
    pub(crate) specific_tags: Option<Vec<Tag>>,
    pub(crate) force: bool,
    pub(crate) transfer_syntax: Option<TransferSyntax>,
    pub(crate) access: Access,
    /// The frames alone are read, at once: nothing is mapped, and the descriptor stays open until then.
    pub(crate) frames_only: bool,
    pub(crate) strict: bool,
    pub(crate) limits: CoreLimits,
}

impl Settings {
    fn options(self) -> ReadOptions {
        ReadOptions {
            stop_before_pixels: self.stop_before_pixels,
            frames_only: self.frames_only,
            specific_tags: self.specific_tags,
            force: self.force,
            transfer_syntax: self.transfer_syntax,
            strict: self.strict,
            limits: self.limits,
        }
    }
}

/// Reads a file.
pub(crate) fn open_path(py: Python<'_>, path: PathBuf, settings: Settings) -> PyResult<Dataset> {
    let access = if settings.frames_only {
        Access::Read
    } else {
        settings.access
    };
    let opened = py.detach(|| {
        let source = Source::hold(&path, access).map_err(from_source)?;
        Root::open(source, Some(path.clone()), settings.options())
    });
    finish(py, opened.map_err(|e| raise(py, e, Some(&path)))?)
}

/// Reads a stream that is held.
pub(crate) fn open_source(
    py: Python<'_>,
    source: Source,
    path: Option<PathBuf>,
    settings: Settings,
) -> PyResult<Dataset> {
    let named = path.clone();
    let opened = py.detach(|| Root::open(source, path, settings.options()));
    finish(py, opened.map_err(|e| raise(py, e, named.as_deref()))?)
}

fn finish(
    py: Python<'_>,
    (root, headers): (Root, Vec<rapidicom_core::read::ElementHeader>),
) -> PyResult<Dataset> {
    let strict = root.options.strict;
    let data_set = Dataset::top(Arc::new(root), headers);
    if strict {
        let all = py
            .detach(|| data_set.deviations())
            .map_err(|e| data_set.raise(py, e))?;
        if let Some(first) = all.first() {
            return Err(data_set.raise(py, crate::root::strict(first)));
        }
    }
    Ok(data_set)
}

/// Reads whatever a caller may hand in.
fn open(source: &Bound<'_, PyAny>, settings: Settings) -> PyResult<Dataset> {
    let py = source.py();
    match origin_of(source)? {
        Origin::Path(path) => open_path(py, path, settings),
        Origin::Held(held) => {
            open_source(py, Source::foreign(Box::new(held)), None, whole(settings))
        }
        Origin::Stream(file, name) => {
            let bytes = read_from(&file, None)?;
            open_source(py, Source::owned(bytes), name, whole(settings))
        }
    }
}

/// A stream that may be gone once it was read is read as far as it goes.
fn whole(settings: Settings) -> Settings {
    Settings {
        frames_only: false,
        ..settings
    }
}

/// What a source turned out to be.
enum Origin<'py> {
    Path(PathBuf),
    Held(HeldBuffer),
    /// What has read(), and its name if it has one.
    Stream(Bound<'py, PyAny>, Option<PathBuf>),
}

fn origin_of<'py>(source: &Bound<'py, PyAny>) -> PyResult<Origin<'py>> {
    let py = source.py();
    if source.cast::<PyString>().is_ok() || source.hasattr("__fspath__")? {
        return Ok(Origin::Path(source.extract::<PathBuf>()?));
    }
    match HeldBuffer::of(source, false) {
        Ok(held) => return Ok(Origin::Held(held)),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
        Err(error) => return Err(error),
    }
    if source.hasattr("read")? {
        let name = source.getattr("name").ok();
        let name = name.and_then(|name| name.extract::<PathBuf>().ok());
        return Ok(Origin::Stream(source.clone(), name));
    }
    Err(PyTypeError::new_err(format!(
        "{} is no source; expected a path, bytes or a binary file-like object with read()",
        source.get_type().name()?
    )))
}

/// What a file-like object has from where it stands, all or the first bytes: a raw one may give less than is asked for.
fn read_from(file: &Bound<'_, PyAny>, most: Option<usize>) -> PyResult<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let left = most.map(|most| most.saturating_sub(all.len()));
        let piece = match left {
            Some(0) => return Ok(all),
            Some(left) => file.call_method1("read", (left,))?,
            None => file.call_method0("read")?,
        };
        let held = HeldBuffer::of(&piece, false).map_err(|_| {
            PyTypeError::new_err(
                "the file-like object's read() does not give bytes; open it in binary mode",
            )
        })?;
        if held.bytes().is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(held.bytes());
    }
}

fn access_of(access: &str) -> PyResult<Access> {
    match access {
        "auto" => Ok(Access::Auto),
        "mmap" => Ok(Access::Mmap),
        "read" => Ok(Access::Read),
        other => Err(PyValueError::new_err(format!(
            "access is {other:?}, expected 'auto', 'mmap' or 'read'"
        ))),
    }
}

/// Reads a DICOM file or data set: a path, bytes (held, not copied) or a binary file-like object. Nothing is decoded
/// before it is asked for. `strict` makes the first deviation an error, else `Dataset.warnings` tells of each.
///
/// Raises InvalidDicomError, TruncatedError, LimitError, FileChangedError, OSError. PS3.10 §7
#[pyfunction]
#[pyo3(signature = (source, *, stop_before_pixels = false, specific_tags = None, force = false, transfer_syntax = None,
                    access = "auto", strict = false, limits = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn dcmread(
    source: &Bound<'_, PyAny>,
    stop_before_pixels: bool,
    specific_tags: Option<&Bound<'_, PyAny>>,
    force: bool,
    transfer_syntax: Option<&str>,
    access: &str,
    strict: bool,
    limits: Option<Limits>,
) -> PyResult<Dataset> {
    let settings = Settings {
        stop_before_pixels,
        specific_tags: specific_tags.map(tags_of).transpose()?,
        force,
        transfer_syntax: transfer_syntax
            .map(|uid| transfer_syntax_of(source.py(), uid))
            .transpose()?,
        access: access_of(access)?,
        frames_only: false,
        strict,
        limits: limits.map_or(CoreLimits::DEFAULT, |l| l.0),
    };
    open(source, settings)
}

/// Whether a stream begins as DICOM does, with or without the File Preamble; reads its first 4 KiB, and leaves a file-like
/// object that can seek where it stood. Raises OSError. PS3.10 §7.1
#[pyfunction]
pub(crate) fn is_dicom(source: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = source.py();
    let mut unheard = Deviations::new(0);
    let mut begins = |first: &[u8], total| {
        let window = Window::new(first, 0);
        start(&window, total, &StartOptions::default(), &mut unheard).is_ok()
    };
    let stream = match origin_of(source)? {
        Origin::Path(path) => {
            let opened = py.detach(|| Source::open(&path, Access::Auto).map_err(from_source));
            opened.map_err(|e| raise(py, e, Some(&path)))?
        }
        Origin::Held(held) => Source::foreign(Box::new(held)),
        Origin::Stream(file, _) => {
            let stood = file.call_method0("tell");
            let first = read_from(&file, Some(FIRST))?;
            if let Ok(stood) = stood {
                file.call_method1("seek", (stood,)).ok();
            }
            // It may go on for as long as it says.
            let ends = first.len() < FIRST;
            return Ok(begins(
                &first,
                if ends {
                    first.len() as u64
                } else {
                    u64::MAX / 4
                },
            ));
        }
    };
    let first = stream.window(0, FIRST as u64);
    let first = first.map_err(|e| raise(py, from_source(e), None))?;
    Ok(begins(&first.bytes, stream.len()))
}

/// Bytes by which DICOM is known.
const FIRST: usize = 4096;

/// The frames of a source, opened to read them alone.
fn frames_of(source: &Bound<'_, PyAny>, limits: Option<Limits>) -> PyResult<Frames> {
    if let Ok(data_set) = source.cast::<Dataset>() {
        let data_set = data_set.get();
        let frames = match limits {
            Some(limits) => Frames::within(data_set, limits.0),
            None => Frames::of(data_set),
        };
        return frames.map_err(|e| data_set.raise(source.py(), e));
    }
    let limits = limits.map_or(CoreLimits::DEFAULT, |l| l.0);
    let opened = |frames_only| {
        let settings = Settings {
            frames_only,
            limits,
            ..Settings::default()
        };
        open(source, settings)
    };
    let mut data_set = opened(true)?;
    let mut frames = Frames::of(&data_set);
    if frames.is_err() && data_set.root.options.frames_only {
        // What describes the image lies before it, unless the elements are out of order: then all of them are read.
        data_set = opened(false)?;
        frames = Frames::of(&data_set);
    }
    frames.map_err(|e| data_set.raise(source.py(), e))
}

/// The pixels of an image in one call: (R, C), (F, R, C), (R, C, S) or (F, R, C, S), or frame `index` alone. `raw` leaves
/// YBR as it is; `out` is filled and returned, ValueError unless its shape, dtype and memory fit. PS3.3 §C.7.6.3
#[pyfunction]
#[pyo3(signature = (source, *, index = None, raw = false, out = None, threads = None, limits = None, reduce = 0, on_error = "raise"))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn pixel_array<'py>(
    source: &Bound<'py, PyAny>,
    index: Option<isize>,
    raw: bool,
    out: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
    limits: Option<Limits>,
    reduce: u8,
    on_error: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let wish = Wish::new(raw, threads, reduce, on_error)?;
    let frames = frames_of(source, limits)?;
    pixels::pixel_array(source.py(), &frames, index, out, &wish)
}

/// Yields frames one by one, each (R, C) or (R, C, S): memory does not grow with their number. PS3.3 §C.7.6.3
#[pyfunction]
#[pyo3(signature = (source, *, indices = None, raw = false, threads = None, limits = None, reduce = 0, on_error = "raise"))]
pub(crate) fn iter_pixels(
    source: &Bound<'_, PyAny>,
    indices: Option<Bound<'_, PyAny>>,
    raw: bool,
    threads: Option<usize>,
    limits: Option<Limits>,
    reduce: u8,
    on_error: &str,
) -> PyResult<FrameIterator> {
    let wish = Wish::new(raw, threads, reduce, on_error)?;
    let frames = frames_of(source, limits)?;
    let indices = indices.map(|all| frames.indices(&all)).transpose()?;
    let frames = Py::new(source.py(), frames)?;
    Ok(FrameIterator::new(frames, wish, indices))
}
