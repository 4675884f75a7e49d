//! From an error's kind to Python's exceptions: the one match, where words are made.

use crate::types::python;
use pyo3::exceptions::{PyMemoryError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use rapidicom_core::{Error, ErrorKind, PathStep, Tag, dictionary};
use rapidicom_source::SourceError;
use std::path::Path;

/// What a reading of ours returns.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The exception for an error in the file at `path`.
#[cold]
pub(crate) fn raise(py: Python<'_>, error: Error, path: Option<&Path>) -> PyErr {
    build(py, error, path, "PixelDecodeError").unwrap_or_else(|failure| failure)
}

/// The same of what an attribute gives: where the elements of an image are not there, neither is the attribute.
#[cold]
pub(crate) fn raise_no_image(py: Python<'_>, error: Error, path: Option<&Path>) -> PyErr {
    build(py, error, path, "NoImageError").unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: Error, path: Option<&Path>, pixel_error: &str) -> PyResult<PyErr> {
    let name = match error.kind {
        ErrorKind::Os(errno) => return os_error(py, errno, path),
        ErrorKind::InvalidDicom => "InvalidDicomError",
        ErrorKind::Truncated => "TruncatedError",
        ErrorKind::ValueDecode => "ValueDecodeError",
        ErrorKind::Limit { .. } => "LimitError",
        ErrorKind::UnsupportedTransferSyntax => "UnsupportedTransferSyntaxError",
        ErrorKind::PixelDecode => pixel_error,
        ErrorKind::FileChanged => "FileChangedError",
        ErrorKind::Internal => "InternalError",
    };
    let words = PyDict::new(py);
    words.set_item("path", path.map(|p| p.as_os_str()))?;
    let tag_path = error.tag.map(|tag| path_text(&error.path, tag));
    words.set_item("tag_path", tag_path.filter(|path| !path.is_empty()))?;
    words.set_item("offset", error.offset)?;
    if let ErrorKind::Limit { name, limit, value } = error.kind {
        words.set_item("name", name)?;
        words.set_item("limit", limit)?;
        words.set_item("value", value)?;
    }
    let class = python(py)?.errors.bind(py).getattr(name)?;
    let exception = class.call((PyString::new(py, &error.detail),), Some(&words))?;
    Ok(PyErr::from_value(exception))
}

fn os_error(py: Python<'_>, errno: i32, path: Option<&Path>) -> PyResult<PyErr> {
    if errno == 12 {
        return Ok(PyMemoryError::new_err("not enough memory to read the file"));
    }
    let text = py.import("os")?.getattr("strerror")?.call1((errno,))?;
    let class = py.get_type::<PyOSError>();
    let exception = class.call1((errno, text, path.map(|p| p.as_os_str())))?;
    Ok(PyErr::from_value(exception))
}

/// `Path.To[0].Keyword`, as `ds[...]` takes it; nothing of what is the whole file's.
pub(crate) fn path_text(path: &[PathStep], tag: Tag) -> String {
    let mut text = String::new();
    if path.is_empty() && tag == Tag(0) {
        return text;
    }
    for step in path {
        text.push_str(&format!("{}[{}].", tag_text(step.tag), step.item));
    }
    text.push_str(&tag_text(tag));
    text
}

fn tag_text(tag: Tag) -> String {
    match dictionary::by_tag(tag)
        .map(|e| e.keyword())
        .filter(|k| !k.is_empty())
    {
        Some(keyword) => keyword.to_owned(),
        None => tag.to_string(),
    }
}

/// A source's refusal as an error of ours.
#[cold]
pub(crate) fn from_source(error: SourceError) -> Error {
    match error {
        SourceError::Os { errno } => {
            Error::new(ErrorKind::Os(errno), "the operating system refused")
        }
        SourceError::Changed(what) => Error::new(
            ErrorKind::FileChanged,
            format!(
                "the file changed after it was opened: {what}; open it again, or use access='read' for files in use"
            ),
        ),
        SourceError::OutOfRange { start, end, len } => Error::new(
            ErrorKind::Truncated,
            format!("bytes {start} to {end} lie outside the {len} there are"),
        )
        .at(start),
    }
}
