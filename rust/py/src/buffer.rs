//! Python's buffer protocol, in both directions: memory that Python lends us, and memory of ours that Python sees.
//!
//! # Unsafe
//! With `object.rs` the only unsafe of this crate. What is lent stays pinned until `PyBuffer_Release`
//! (the contract of the protocol), which `HeldBuffer` calls once, when it is dropped, attached to the interpreter. A
//! caller that writes to a lent `bytearray` while we read changes the bytes that we see, as it would for any C reader:
//! the core treats every byte as a suspect each time it looks. What we lend is owned by the object that lends it, which
//! the view keeps alive.

use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use rapidicom_source::{CowMap, ForeignBytes};
use std::ffi::{c_int, c_void};

/// A contiguous buffer that an object lends.
pub(crate) struct HeldBuffer(Box<ffi::Py_buffer>);

// SAFETY: the memory stays valid and in place until the buffer is released; see the module's paragraph for writers.
unsafe impl Send for HeldBuffer {}
// SAFETY: as above; nothing in it is changed through a shared reference.
unsafe impl Sync for HeldBuffer {}

impl HeldBuffer {
    /// The bytes of any C-contiguous buffer, of whatever element type.
    pub(crate) fn of(object: &Bound<'_, PyAny>, writable: bool) -> PyResult<HeldBuffer> {
        let flags = if writable {
            ffi::PyBUF_CONTIG
        } else {
            ffi::PyBUF_SIMPLE
        };
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: `object` is a live object and `view` a fresh, zeroed structure at a stable address.
        if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut *view, flags) } != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        Ok(HeldBuffer(view))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.0.len <= 0 || self.0.buf.is_null() {
            return &[];
        }
        // SAFETY: the protocol promises `len` readable bytes at `buf` until release.
        unsafe { std::slice::from_raw_parts(self.0.buf.cast(), self.0.len as usize) }
    }

    /// That its memory is not that of `bytes`, which are read while it is written to: `ValueError`.
    pub(crate) fn expect_apart(&self, bytes: &[u8]) -> PyResult<()> {
        let (ours, theirs) = (self.bytes().as_ptr_range(), bytes.as_ptr_range());
        if ours.start < theirs.end && theirs.start < ours.end {
            let words = "out lies where the bytes do that are to be decoded";
            return Err(PyValueError::new_err(words));
        }
        Ok(())
    }

    /// The bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> PyResult<&mut [u8]> {
        if self.0.readonly != 0 {
            return Err(PyValueError::new_err(
                "the buffer is read-only; expected one that may be written",
            ));
        }
        if self.0.len <= 0 || self.0.buf.is_null() {
            return Ok(&mut []);
        }
        // SAFETY: as in `bytes`; the buffer was asked for as writable, `&mut self` makes this the only slice of this
        // buffer, and what is read from a buffer meanwhile lies elsewhere: `expect_apart`.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.buf.cast(), self.0.len as usize) })
    }
}

impl ForeignBytes for HeldBuffer {
    fn bytes(&self) -> &[u8] {
        HeldBuffer::bytes(self)
    }
}

impl Drop for HeldBuffer {
    fn drop(&mut self) {
        // SAFETY: the view was filled by PyObject_GetBuffer and is released once.
        let release = |view: &mut ffi::Py_buffer| unsafe { ffi::PyBuffer_Release(&raw mut *view) };
        if Python::try_attach(|_| release(&mut self.0)).is_none() {
            // The interpreter is gone, and with it the memory's owner: nothing to give back.
        }
    }
}

/// Fills in a view on `len` bytes at `data`, which `owner` keeps in place.
///
/// # Safety
/// `view` is what Python passed to `__getbuffer__`; `data` is valid for `len` bytes as long as `owner` lives, and writable
/// unless `read_only`.
pub(crate) unsafe fn fill(
    owner: &Bound<'_, PyAny>,
    view: *mut ffi::Py_buffer,
    data: *mut u8,
    len: usize,
    read_only: bool,
    flags: c_int,
) -> PyResult<()> {
    let len = isize::try_from(len).map_err(|_| PyBufferError::new_err("too large for a buffer"))?;
    // SAFETY: by this function's own contract.
    let result = unsafe {
        ffi::PyBuffer_FillInfo(
            view,
            owner.as_ptr(),
            data.cast::<c_void>(),
            len,
            c_int::from(read_only),
            flags,
        )
    };
    if result != 0 {
        Err(PyErr::fetch(owner.py()))
    } else {
        Ok(())
    }
}

/// A private copy-on-write map that an ndarray keeps alive.
#[pyclass(frozen, module = "rapidicom._rapidicom")]
pub(crate) struct PixelMap {
    pub(crate) map: CowMap,
}

#[pymethods]
impl PixelMap {
    /// # Safety
    /// Called by Python's buffer protocol only.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let (data, len) = (slf.get().map.as_mut_ptr(), slf.get().map.len());
        // SAFETY: the map lives as long as this object, its pages are private and writable; no slice of ours is on them.
        unsafe { fill(slf.as_any(), view, data, len, false, flags) }
    }
}

/// What `object.__getattribute__` does.
pub(crate) fn generic_getattr<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: both are live objects; the function returns a new reference or NULL with an exception set.
    unsafe {
        Bound::from_owned_ptr_or_err(
            object.py(),
            ffi::PyObject_GenericGetAttr(object.as_ptr(), name.as_ptr()),
        )
    }
}
