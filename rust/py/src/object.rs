//! Objects that are made by the ten thousand: kept in one word each, and out of the garbage collector's way.
//!
//! # Unsafe
//! A `Slot` owns one strong reference or none. It is filled once, by compare-and-exchange, and emptied only when it is
//! dropped: a pointer read from it therefore stays a live object as long as the slot is borrowed. `untracked` takes an
//! object out of the list that the collector walks; the collector looks for cycles, and no object of the classes that are
//! made so can be part of one: they are frozen, have no `__dict__`, and what they refer to was made before them and never
//! refers back. What a `Renewable` holds is replaced only through `renew`, which asks for an object that nobody else has a
//! reference to: whoever reads the content, with the interpreter locked or not, does so through a reference of its own.

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Room for one object that is made when it is first asked for.
pub(crate) struct Slot<T = PyAny> {
    object: AtomicPtr<ffi::PyObject>,
    kind: PhantomData<Py<T>>,
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot {
            object: AtomicPtr::new(ptr::null_mut()),
            kind: PhantomData,
        }
    }
}

impl<T> Slot<T> {
    /// The object, if it was made and kept.
    #[inline]
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, T>> {
        let object = self.object.load(Ordering::Acquire);
        if object.is_null() {
            return None;
        }
        // SAFETY: what is in the slot is a live object of type `T`, see the module's paragraph.
        Some(unsafe { Bound::from_borrowed_ptr(py, object).cast_into_unchecked() })
    }

    /// Keeps the object, unless another thread was sooner; the one that is kept.
    #[inline]
    pub(crate) fn keep<'py>(&self, object: Bound<'py, T>) -> Bound<'py, T> {
        let py = object.py();
        let kept = self.object.compare_exchange(
            ptr::null_mut(),
            object.as_ptr(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if kept.is_ok() {
            // The slot's own reference; ours keeps the object alive until it is counted.
            std::mem::forget(object.clone());
            return object;
        }
        self.get(py).unwrap_or(object)
    }

    /// Lets go of the object. The slot is not used again.
    #[inline]
    fn release(&mut self, py: Python<'_>) {
        let object = std::mem::replace(self.object.get_mut(), ptr::null_mut());
        if !object.is_null() {
            // SAFETY: the slot's own reference, given up once.
            drop(unsafe { Bound::from_owned_ptr(py, object) });
        }
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if !self.object.get_mut().is_null() {
            Python::attach(|py| self.release(py));
        }
    }
}

/// A row of slots, emptied together.
pub(crate) struct Slots(Box<[Slot]>);

impl Slots {
    pub(crate) fn new(count: usize) -> Slots {
        Slots((0..count).map(|_| Slot::default()).collect())
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&Slot> {
        self.0.get(index)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        Python::attach(|py| self.0.iter_mut().for_each(|slot| slot.release(py)));
    }
}

/// A new object of a frozen class of ours, unknown to the garbage collector.
#[inline]
pub(crate) fn untracked<T: PyClass>(
    py: Python<'_>,
    value: impl Into<PyClassInitializer<T>>,
) -> PyResult<Bound<'_, T>> {
    let object = Bound::new(py, value)?;
    // SAFETY: a live object of a type that the collector tracks (all classes of PyO3 are); see the module's paragraph.
    unsafe { ffi::PyObject_GC_UnTrack(object.as_ptr().cast()) };
    Ok(object)
}

/// The content of an object that may become another one's, rather than that one is made and this one thrown away.
pub(crate) struct Renewable<T>(UnsafeCell<T>);

// SAFETY: shared references are given out as `T`'s own would be; the one exclusive access is that of `renew`, see the module's paragraph.
unsafe impl<T: Send + Sync> Sync for Renewable<T> {}

impl<T> Renewable<T> {
    pub(crate) fn new(content: T) -> Renewable<T> {
        Renewable(UnsafeCell::new(content))
    }
}

impl<T> Deref for Renewable<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: nothing writes as long as the object is referred to from here, see the module's paragraph.
        unsafe { &*self.0.get() }
    }
}

/// The object with a new content if it is the only reference to it; else the content.
#[inline]
pub(crate) fn renew<'py, C, T>(
    object: Bound<'py, C>,
    content: T,
    of: impl for<'a> Fn(&'a Bound<'py, C>) -> &'a Renewable<T>,
) -> Result<Bound<'py, C>, T> {
    // SAFETY: a live object.
    if unsafe { ffi::Py_REFCNT(object.as_ptr()) } != 1 {
        return Err(content);
    }
    let place = of(&object).0.get();
    // SAFETY: the one reference is `object`, and the interpreter is locked: nobody reads, and nobody can get another, see the module's
    // paragraph. The old content is dropped when the new one stands.
    drop(unsafe { ptr::replace(place, content) });
    Ok(object)
}
