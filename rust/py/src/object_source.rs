//! What an iterable of sources may hold besides paths: pairs of a name and bytes, or of a name and something that reads.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use rapidicom_index::{InMemory, Item, Object, Refusal};
use rapidicom_source::{Identity, RangedBytes, room};
use std::path::PathBuf;
use std::sync::Arc;

/// A path, `(name, bytes)`, or `(name, remote)` where `remote` has `size`, `mtime_ns` and `read(offset, length) -> bytes`.
pub(crate) fn item(item: &Bound<'_, PyAny>) -> PyResult<Item> {
    let Ok(pair) = item.cast::<PyTuple>() else {
        return Ok(Item::Path(item.extract()?));
    };
    let (path, content): (PathBuf, Bound<'_, PyAny>) = pair
        .extract()
        .map_err(|_| PyTypeError::new_err("a source is a path, or a pair of a name and bytes"))?;
    if content.hasattr("read")? && content.hasattr("mtime_ns")? {
        return remote(path, &content);
    }
    let bytes = crate::buffer::HeldBuffer::of(&content, false)?
        .bytes()
        .to_vec();
    let identity = Identity {
        dev: 0,
        ino: 0,
        size: bytes.len() as u64,
        mtime_ns: 0,
    };
    Ok(Item::Object(Object {
        path,
        identity: Some(identity),
        content: Ok(Arc::new(InMemory(bytes))),
    }))
}

fn remote(path: PathBuf, content: &Bound<'_, PyAny>) -> PyResult<Item> {
    let size: u64 = content.getattr("size")?.extract()?;
    let identity = Identity {
        dev: 0,
        ino: 0,
        size,
        mtime_ns: content.getattr("mtime_ns")?.extract()?,
    };
    let read = content.getattr("read")?.unbind();
    Ok(Item::Object(Object {
        path,
        identity: Some(identity),
        content: Ok(Arc::new(Remote { size, read })),
    }))
}

fn refusal(error: &PyErr) -> Refusal {
    Python::attach(|py| Refusal {
        name: error
            .get_type(py)
            .name()
            .map_or_else(|_| "OSError".to_owned(), |name| name.to_string()),
        words: error.value(py).to_string(),
    })
}

/// An object of a store: each read is a request. The interpreter is let go of while it waits.
struct Remote {
    size: u64,
    read: Py<PyAny>,
}

impl RangedBytes for Remote {
    fn len(&self) -> u64 {
        self.size
    }

    fn at_once(&self) -> usize {
        16 << 10 // most headers, in one request
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<usize> {
        let out = room(out, offset, self.size);
        let len = out.len();
        if len == 0 {
            return Ok(0);
        }
        let read = Python::attach(|py| {
            let bytes = self.read.bind(py).call1((offset, len))?;
            let bytes = bytes.cast::<PyBytes>()?.as_bytes();
            let len = bytes.len().min(len);
            out.get_mut(..len)
                .unwrap_or_default()
                .copy_from_slice(bytes.get(..len).unwrap_or_default());
            Ok::<_, PyErr>(len)
        });
        read.map_err(|error| std::io::Error::other(refusal(&error)))
    }
}
