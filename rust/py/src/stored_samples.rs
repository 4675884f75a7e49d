//! A frame whose stored bytes are its samples, straight from its byte range into an array: one open, no parsing.

use crate::buffer::HeldBuffer;
use crate::decode_frame::{LayoutArguments, layout_of};
use crate::error::{from_source, raise};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rapidicom_codecs::Native;
use rapidicom_source::File;
use std::path::PathBuf;

/// Bytes that are looked at while they are still in the second cache.
const BLOCK: usize = 128 << 10;

/// Fills `out` from `offset` of the file, and unused bits as they should be unless `layout` is none. Gives the file's size,
/// time in ns and inode, and how many bytes there were.
#[pyfunction]
pub(crate) fn _read_samples(
    py: Python<'_>,
    path: PathBuf,
    offset: u64,
    out: &Bound<'_, PyAny>,
    layout: Option<LayoutArguments>,
) -> PyResult<(u64, i64, u64, usize)> {
    let mut held = HeldBuffer::of(out, true)?;
    let samples = held.bytes_mut()?;
    let layout = layout.map(layout_of).transpose()?;
    let native = Native {
        little_endian: true,
        ow: false,
        raw: true,
    };
    if let Some(layout) = layout.filter(|layout| !native.is_in_place(layout)) {
        let words = format!("{layout:?} is not stored as it is shown");
        return Err(PyValueError::new_err(words));
    }
    py.detach(|| {
        let file = File::open(&path)?;
        let mut filled = 0;
        for block in samples.chunks_mut(BLOCK) {
            let read = file.pread(block, offset.saturating_add(filled as u64))?;
            filled += read;
            if read < block.len() {
                break;
            }
            if let Some(layout) = &layout {
                // Its layout was found to be that of an image before.
                let _ = native.mend_in_place(layout, block);
            }
        }
        let identity = file.identity();
        Ok((identity.size, identity.mtime_ns, identity.ino, filled))
    })
    .map_err(|error| raise(py, from_source(error), Some(&path)))
}
