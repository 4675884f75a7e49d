//! `Frames`: a lazy sequence of an image's frames.

use crate::buffer::{HeldBuffer, fill};
use crate::dataset::Dataset;
use crate::error::{Result, from_source, raise};
use crate::pixels::{self, Wish};
use crate::place::Place;
use crate::root::{Part, Root};
use crate::types::{Numpy, function};
use crate::verify::Level;
use pyo3::exceptions::{PyBufferError, PyException, PyIndexError, PyMemoryError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PySlice, PyTuple};
use rapidicom_codecs::Family;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{Bytes, Fragments, FrameRange, HereAndThere, Window};
use rapidicom_core::{Error, ErrorKind, Limits};
use rapidicom_iod::image::Image;
use rapidicom_source::Kind;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// An image and where its frames lie.
pub(crate) struct FrameTable {
    pub(crate) image: Image,
    /// Of encapsulated Pixel Data.
    pub(crate) encapsulated: Option<(Fragments, Vec<FrameRange>)>,
}

impl FrameTable {
    /// The frames of a data set.
    pub(crate) fn of(data_set: &Dataset, limits: &Limits) -> Result<FrameTable> {
        let root = &data_set.root;
        let level = Level {
            root,
            part: data_set.part,
        };
        let mut unheard = Deviations::new(0);
        let syntax = data_set.syntax_of_pixels();
        let mut image = Image::of(&data_set.set, &level, syntax, false, limits, &mut unheard)?;
        let encapsulated = if image.encapsulated {
            let source = root.source(data_set.part);
            Some(match source.kind() {
                // Of a file that is read piece by piece, the headers of the fragments are: its pixels may be far away.
                Kind::Deferred => {
                    let here_and_there = HereAndThere::new(|offset, out: &mut [u8]| {
                        let len = out
                            .len()
                            .min(usize::try_from(source.len() - offset.min(source.len())).ok()?);
                        source
                            .read_into(offset, out.get_mut(..len)?)
                            .ok()
                            .map(|()| len)
                    });
                    fragments_of(data_set, &level, &mut image, limits, &here_and_there)?
                }
                _ => {
                    let bytes = data_set.bytes(&image.pixel_data)?;
                    let window = Window::new(&bytes, image.pixel_data.value_offset);
                    fragments_of(data_set, &level, &mut image, limits, &window)?
                }
            })
        } else {
            None
        };
        root.check(data_set.part)?;
        Ok(FrameTable {
            image,
            encapsulated,
        })
    }
}

/// The fragments and frames of encapsulated Pixel Data, and what their code streams are where only they say it.
fn fragments_of(
    data_set: &Dataset,
    level: &Level<'_>,
    image: &mut Image,
    limits: &Limits,
    bytes: &impl Bytes,
) -> Result<(Fragments, Vec<FrameRange>)> {
    let syntax = data_set.syntax_of_pixels();
    let mut unheard = Deviations::new(0);
    let frames = image.encapsulated_frames(&data_set.set, level, bytes, limits, &mut unheard);
    let all = |ranges: &[FrameRange]| ranges.len() as u64 == image.frames;
    let frames = match frames {
        // Where the frames of a video begin, its own stream says: PS3.5 §8.2.5 and those that follow.
        frames
            if syntax.is_some_and(|t| t.is_video())
                && !frames.as_ref().is_ok_and(|f| all(&f.1)) =>
        {
            let little = data_set.set.encoding.is_little_endian();
            let value = &image.pixel_data;
            let fragments = Fragments::read(bytes, value, little, limits, &mut unheard)?;
            (fragments, Vec::new())
        }
        frames => frames?,
    };
    if image.family.is_none() && !syntax.is_some_and(|t| t.is_encapsulated()) {
        // The Transfer Syntax says nothing of fragments: their own marks may.
        let first = frames.1.first();
        let code_stream = first.and_then(|f| bytes.bytes(f.offset, f.length));
        image.family = code_stream.and_then(|bytes| Family::of_code_stream(&bytes));
    }
    Ok(frames)
}

/// A lazy sequence of frames, each an ndarray (R, C) or (R, C, S). PS3.3 §C.7.6.3
#[pyclass(frozen, sequence, module = "rapidicom", name = "Frames")]
pub(crate) struct Frames {
    pub(crate) root: Arc<Root>,
    pub(crate) part: Part,
    pub(crate) place: Place,
    pub(crate) table: Arc<FrameTable>,
    pub(crate) limits: Limits,
    /// The elements of a data set that is part of a level.
    pub(crate) only: Option<Arc<[u32]>>,
    /// Which frames of the image, in order.
    pub(crate) chosen: Chosen,
}

/// An arithmetic progression of frame numbers.
#[derive(Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) first: i64,
    pub(crate) step: i64,
    pub(crate) len: usize,
}

impl Chosen {
    /// The number of the `n`-th frame.
    pub(crate) fn frame(self, n: usize) -> u64 {
        let offset = i64::try_from(n)
            .unwrap_or(i64::MAX)
            .saturating_mul(self.step);
        u64::try_from(self.first.saturating_add(offset)).unwrap_or(0)
    }
}

impl Frames {
    /// Those of a data set, within its own limits.
    pub(crate) fn of(data_set: &Dataset) -> Result<Frames> {
        let limits = data_set.root.options.limits;
        Ok(Frames::with(data_set, data_set.frame_table()?, limits))
    }

    /// The same within the limits of a call.
    pub(crate) fn within(data_set: &Dataset, limits: Limits) -> Result<Frames> {
        let table = FrameTable::of(data_set, &limits)?;
        Ok(Frames::with(data_set, Arc::new(table), limits))
    }

    fn with(data_set: &Dataset, table: Arc<FrameTable>, limits: Limits) -> Frames {
        let len = usize::try_from(table.image.frames).unwrap_or(usize::MAX);
        Frames {
            root: Arc::clone(&data_set.root),
            part: data_set.part,
            place: data_set.place.clone(),
            table,
            limits,
            only: data_set.only().map(Arc::from),
            chosen: Chosen {
                first: 0,
                step: 1,
                len,
            },
        }
    }

    #[cold]
    pub(crate) fn raise(&self, py: Python<'_>, mut error: Error) -> PyErr {
        if error.path.is_empty() {
            error.path = self.place.path();
        }
        raise(py, error, self.root.path())
    }

    fn frame_range(&self, frame: u64) -> Result<FrameRange> {
        let (_, ranges) = self
            .table
            .encapsulated
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "native"))?;
        let found = usize::try_from(frame)
            .ok()
            .and_then(|n| ranges.get(n))
            .copied();
        found.ok_or_else(|| self.absent(frame, ranges.len()))
    }

    /// That a frame is there, or a part of it that is wanted, found out before room is made for it. Of a video nobody knows.
    pub(crate) fn expect(&self, frame: u64, part: bool) -> Result<()> {
        match &self.table.encapsulated {
            Some((_, ranges)) if ranges.is_empty() => Ok(()),
            None if part && self.table.image.native_part(frame)?.is_some() => Ok(()),
            _ => self.place_of(frame).map(drop),
        }
    }

    #[cold]
    fn absent(&self, frame: u64, there: usize) -> Error {
        let image = &self.table.image;
        let detail = format!(
            "frame {frame} is not there: the Pixel Data has {there} of {} frames; `frames[:{there}]` are those",
            image.frames
        );
        Error::new(ErrorKind::PixelDecode, detail)
            .at(image.pixel_data.value_offset)
            .of(image.pixel_data.tag)
    }

    /// Where frame `frame` lies: first byte and length.
    pub(crate) fn place_of(&self, frame: u64) -> Result<Range<u64>> {
        if self.table.encapsulated.is_some() {
            let range = self.frame_range(frame)?;
            return Ok(range.offset..range.offset.saturating_add(range.length));
        }
        self.table.image.native_frame(frame).map(|(range, _)| range)
    }

    /// The bytes of one frame, its fragments joined.
    pub(crate) fn stored(&self, frame: u64) -> Result<Cow<'_, [u8]>> {
        let Some((fragments, _)) = &self.table.encapsulated else {
            return self
                .root
                .bytes(self.part, self.table.image.native_frame(frame)?.0);
        };
        let range = self.frame_range(frame)?;
        if range.count == 1 {
            return self.root.bytes(
                self.part,
                range.offset..range.offset.saturating_add(range.length),
            );
        }
        let list = fragments
            .list
            .get(range.first..range.first.saturating_add(range.count))
            .unwrap_or_default();
        let mut joined = Vec::new();
        for fragment in list {
            let bytes = self.root.bytes(
                self.part,
                fragment.offset..fragment.offset.saturating_add(fragment.length),
            )?;
            joined.extend_from_slice(&bytes);
        }
        Ok(Cow::Owned(joined))
    }

    /// The numbers of the frames that they mean. `range(10**12)` is a mistake, and no reason to end.
    pub(crate) fn indices(&self, indices: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let mut frames = Vec::new();
        if frames.try_reserve_exact(indices.len()?).is_err() {
            return Err(PyMemoryError::new_err("no memory for so many indices"));
        }
        for index in indices.try_iter()? {
            frames.push(self.index(index?.extract()?)?);
        }
        Ok(frames)
    }

    /// The number of the frame that `index` means, from the end where it is negative.
    pub(crate) fn index(&self, index: isize) -> PyResult<u64> {
        let len = isize::try_from(self.chosen.len).unwrap_or(isize::MAX);
        let from_start = if index < 0 {
            index.saturating_add(len)
        } else {
            index
        };
        match usize::try_from(from_start) {
            Ok(n) if n < self.chosen.len => Ok(self.chosen.frame(n)),
            _ => Err(PyIndexError::new_err(format!("frame {index} of {len}"))),
        }
    }
}

#[pymethods]
impl Frames {
    fn __len__(&self) -> usize {
        self.chosen.len
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(index) = index.extract::<isize>() {
            return pixels::one_frame(py, self, self.index(index)?, None, &Wish::alone());
        }
        let Ok(slice) = index.cast::<PySlice>() else {
            return Err(PyTypeError::new_err(
                "frames are indexed by integers and slices",
            ));
        };
        let wanted = slice.indices(isize::try_from(self.chosen.len).unwrap_or(isize::MAX))?;
        let start = i64::try_from(wanted.start).unwrap_or(0);
        let step = i64::try_from(wanted.step).unwrap_or(1);
        let chosen = Chosen {
            first: self
                .chosen
                .first
                .saturating_add(start.saturating_mul(self.chosen.step)),
            step: self.chosen.step.saturating_mul(step),
            len: wanted.slicelength,
        };
        let part = Frames {
            root: Arc::clone(&self.root),
            part: self.part,
            place: self.place.clone(),
            table: Arc::clone(&self.table),
            limits: self.limits,
            only: self.only.clone(),
            chosen,
        };
        Ok(Bound::new(py, part)?.into_any())
    }

    fn __iter__(slf: Bound<'_, Self>) -> FrameIterator {
        FrameIterator::new(slf.unbind(), Wish::default(), None)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        crate::pickle::reduce_frames(py, self)
    }

    #[pyo3(signature = (indices = None, *, out = None, threads = None, raw = false, reduce = 0, on_error = "raise"))]
    #[allow(clippy::too_many_arguments)]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        indices: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
        threads: Option<usize>,
        raw: bool,
        reduce: u8,
        on_error: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wish = Wish::new(raw, threads, reduce, on_error)?;
        let frames = match indices {
            Some(indices) => self.indices(&indices)?,
            None => pixels::all_frames(py, self, &wish)?,
        };
        pixels::stack(py, self, &frames, out, &wish)
    }

    fn encoded<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyMemoryView>> {
        let frame = self.index(index)?;
        let stored = self
            .place_of(frame)
            .and_then(|place| Ok((place, self.stored(frame)?)))
            .and_then(|(place, stored)| Raw::of(&self.root, self.part, place, stored));
        lend(py, stored.map_err(|e| self.raise(py, e))?)
    }

    fn stream<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.get();
        let value = &this.table.image.pixel_data;
        let places: Vec<(u64, u64)> = match &this.table.encapsulated {
            Some((fragments, _)) => fragments
                .list
                .iter()
                .map(|f| (f.offset, f.length))
                .collect(),
            None => vec![(value.value_offset, value.value_end() - value.value_offset)],
        };
        function(slf.py(), "rapidicom.video", "FragmentStream")?.call1((slf, places))
    }

    /// Copies the bytes from `offset` of the file, or of the inflated data set, into `out`, all of it.
    fn _read_into(&self, py: Python<'_>, offset: u64, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut held = HeldBuffer::of(out, true)?;
        let bytes = held.bytes_mut()?;
        py.detach(|| self.root.source(self.part).read_into(offset, bytes))
            .map_err(|e| self.raise(py, from_source(e)))
    }

    /// A read-only view on a range of the file, or of the inflated data set.
    fn _lend<'py>(
        &self,
        py: Python<'py>,
        offset: u64,
        length: u64,
    ) -> PyResult<Bound<'py, PyMemoryView>> {
        let place = offset..offset.saturating_add(length);
        let found = self.root.bytes(self.part, place.clone());
        let raw = found.and_then(|bytes| Raw::of(&self.root, self.part, place, bytes));
        lend(py, raw.map_err(|e| self.raise(py, e))?)
    }

    #[getter]
    fn byte_ranges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let place = |n| self.place_of(self.chosen.frame(n));
        if let Some(last) = self.chosen.len.checked_sub(1) {
            // Before room is made: of those that are declared the last one is there.
            place(0)
                .and_then(|_| place(last))
                .map_err(|e| self.raise(py, e))?;
        }
        let empty = Numpy::get(py)?.empty.bind(py);
        let array = empty.call1(((self.chosen.len, 2), "i8"))?;
        let mut held = HeldBuffer::of(&array, true)?;
        for (n, row) in held
            .bytes_mut()?
            .as_chunks_mut::<16>()
            .0
            .iter_mut()
            .enumerate()
        {
            let Range { start, end } = place(n).map_err(|e| self.raise(py, e))?;
            let (offset, length) = row.split_at_mut(8);
            offset.copy_from_slice(&start.to_ne_bytes());
            length.copy_from_slice(&(end - start).to_ne_bytes());
        }
        Ok(array)
    }

    #[getter]
    fn is_encapsulated(&self) -> bool {
        self.table.encapsulated.is_some()
    }

    fn __repr__(&self) -> String {
        let layout = &self.table.image.layout;
        let samples = if layout.samples_per_pixel > 1 {
            format!(" x {}", layout.samples_per_pixel)
        } else {
            String::new()
        };
        format!(
            "<Frames: {} of {} x {}{samples}, {} bits>",
            self.chosen.len, layout.rows, layout.columns, layout.bits_allocated
        )
    }
}

/// Yields decoded frames one by one. Compressed ones are decoded a few at a time, one a thread, so that all processors work
/// while no more than those few are held. If one of those can't be decoded, each is decoded when its turn comes.
#[pyclass(frozen, module = "rapidicom._rapidicom")]
pub(crate) struct FrameIterator {
    frames: Py<Frames>,
    wish: Wish,
    indices: Option<Vec<u64>>,
    next: AtomicUsize,
    /// Those that were taken together, and not yet given out.
    ready: Mutex<VecDeque<Ready>>,
}

/// A frame whose turn comes.
enum Ready {
    Decoded(Py<PyAny>),
    Encoded(u64),
}

impl FrameIterator {
    /// Over all frames, or over those of `indices`.
    pub(crate) fn new(frames: Py<Frames>, wish: Wish, indices: Option<Vec<u64>>) -> FrameIterator {
        FrameIterator {
            frames,
            wish,
            indices,
            next: AtomicUsize::new(0),
            ready: Mutex::default(),
        }
    }

    fn frame(&self, n: usize) -> Option<u64> {
        let chosen = self.frames.get().chosen;
        match &self.indices {
            Some(indices) => indices.get(n).copied(),
            None => (n < chosen.len).then(|| chosen.frame(n)),
        }
    }

    fn take_ready(&self) -> Option<Ready> {
        self.ready.lock().ok()?.pop_front()
    }

    fn add_ready(&self, frames: impl Iterator<Item = Ready>) {
        if let Ok(mut ready) = self.ready.lock() {
            ready.extend(frames);
        }
    }

    fn decoded<'py>(&self, py: Python<'py>, ready: Ready) -> PyResult<Bound<'py, PyAny>> {
        match ready {
            Ready::Decoded(frame) => Ok(frame.into_bound(py)),
            Ready::Encoded(n) => pixels::one_frame(py, self.frames.get(), n, None, &self.wish),
        }
    }

    /// Decodes some frames at once; where that fails they are left for one by one.
    fn decode(&self, py: Python<'_>, numbers: &[u64]) -> PyResult<()> {
        let stack = pixels::stack(py, self.frames.get(), numbers, None, &self.wish);
        let decoded = stack.and_then(|stack| {
            let frame =
                |frame: PyResult<Bound<'_, PyAny>>| frame.map(|f| Ready::Decoded(f.unbind()));
            stack.try_iter()?.map(frame).collect::<PyResult<Vec<_>>>()
        });
        match decoded {
            Ok(decoded) => self.add_ready(decoded.into_iter()),
            Err(error) => {
                self.add_ready(numbers.iter().copied().map(Ready::Encoded));
                // Ctrl-C is no frame's fault.
                if !error.is_instance_of::<PyException>(py) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

#[pymethods]
impl FrameIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Another thread may take what this one makes ready: then it goes on.
        loop {
            if let Some(ready) = self.take_ready() {
                return self.decoded(py, ready).map(Some);
            }
            let together = pixels::together(self.frames.get(), &self.wish);
            let first = self.next.fetch_add(together, Ordering::Relaxed);
            let last = first.saturating_add(together);
            let numbers: Vec<u64> = (first..last).map_while(|n| self.frame(n)).collect();
            match numbers.as_slice() {
                [] => return Ok(None),
                [one] => return self.decoded(py, Ready::Encoded(*one)).map(Some),
                several => self.decode(py, several)?,
            }
        }
    }
}

/// Lends a range of a stream's bytes, as they lie there.
#[pyclass(frozen, module = "rapidicom._rapidicom")]
pub(crate) struct Raw {
    root: Arc<Root>,
    part: Part,
    range: Range<u64>,
    /// The bytes, where the source does not hold them.
    owned: Option<Vec<u8>>,
}

impl Raw {
    /// The bytes of a range, which are the file's: the last one of a map that was truncated is not.
    pub(crate) fn of(
        root: &Arc<Root>,
        part: Part,
        range: Range<u64>,
        bytes: Cow<'_, [u8]>,
    ) -> Result<Raw> {
        std::hint::black_box(bytes.last().copied());
        root.check(part)?;
        Ok(Raw {
            root: Arc::clone(root),
            part,
            range,
            owned: match bytes {
                Cow::Borrowed(_) => None,
                Cow::Owned(bytes) => Some(bytes),
            },
        })
    }
}

/// A read-only view.
pub(crate) fn lend(py: Python<'_>, raw: Raw) -> PyResult<Bound<'_, PyMemoryView>> {
    PyMemoryView::from(Bound::new(py, raw)?.as_any())
}

#[pymethods]
impl Raw {
    /// # Safety
    /// Called by Python's buffer protocol only.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let this = slf.get();
        let borrowed = this.root.bytes(this.part, this.range.clone());
        let bytes: &[u8] = match (&this.owned, &borrowed) {
            (Some(owned), _) => owned,
            (None, Ok(Cow::Borrowed(bytes))) => bytes,
            _ => return Err(PyBufferError::new_err("the bytes are gone")),
        };
        // SAFETY: the bytes are `owned`'s or the source's, and both live as long as this object; they are not written.
        unsafe {
            fill(
                slf.as_any(),
                view,
                bytes.as_ptr().cast_mut(),
                bytes.len(),
                true,
                flags,
            )
        }
    }
}
