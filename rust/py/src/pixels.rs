//! Frames → ndarrays: a view of the map where no byte has to move, else decoded into fresh memory or into `out`.

use crate::buffer::{HeldBuffer, PixelMap};
use crate::error::{Result, from_source};
use crate::frames::Frames;
use crate::object::untracked;
use crate::types::{Numpy, function};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rapidicom_codecs::{Family, FrameLayout, Incomplete, SampleType};
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::{Error, ErrorKind, Tag};
use rapidicom_iod::image::{Image, refused};
use rapidicom_source::CowMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// How often it is asked whether Ctrl-C was pressed.
const PATIENCE: Duration = Duration::from_millis(100);
/// Below this a second thread costs more than it brings to native frames; a compressed frame is always worth one.
const WORTH_A_THREAD: usize = 2 << 20;

/// A caller's mistake is no reason to start thousands.
const MOST_THREADS: usize = 256;

/// An array so large is not made before the first code stream was seen to be of this size; smaller ones cost less than looking.
const WORTH_A_LOOK: usize = 16 << 20;

/// How frames are to be decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    raw: bool,
    threads: Option<usize>,
    /// Leave out so many of the highest resolutions.
    reduce: u8,
    /// Give what there is of a code stream that ends early, with a warning.
    salvage: bool,
}

impl Wish {
    pub(crate) fn new(
        raw: bool,
        threads: Option<usize>,
        reduce: u8,
        on_error: &str,
    ) -> PyResult<Wish> {
        let salvage = match on_error {
            "raise" => false,
            "salvage" => true,
            other => {
                return Err(PyValueError::new_err(format!(
                    "on_error is {other:?}, expected 'raise' or 'salvage'"
                )));
            }
        };
        Ok(Wish {
            raw,
            threads,
            reduce,
            salvage,
        })
    }

    /// On the caller's thread.
    pub(crate) fn alone() -> Wish {
        Wish {
            threads: Some(1),
            ..Wish::default()
        }
    }

    /// On how many threads each of `frames` frames may be decoded: those that are left where frames are few. Other families can't
    /// divide a frame.
    fn threads_of_each(&self, frames: usize, family: Option<Family>) -> u16 {
        if !matches!(family, Some(Family::Jpeg2000 | Family::JpegXl)) {
            return 1;
        }
        let all = self.threads.unwrap_or_else(cores);
        (all / frames.max(1)).clamp(1, MOST_THREADS) as u16
    }
}

/// Processors that this process may use; asked once, as the answer is read out of several files.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// What is asked: frames of an image, and what their array looks like.
struct Wanted<'a> {
    frames: &'a Frames,
    image: Image,
    sample: SampleType,
    frame_bytes: usize,
    shape: Vec<usize>,
    bytes: usize,
    wish: Wish,
    /// The first frame with samples beyond Bits Stored.
    beyond: Mutex<Option<u64>>,
    /// Frames that are not whole, and the words for each.
    incomplete: Mutex<Vec<(u64, u32, String)>>,
}

impl<'a> Wanted<'a> {
    /// `leading`: frames as the first axis, none for one frame without it.
    fn new(frames: &'a Frames, count: usize, leading: bool, wish: &Wish) -> Result<Wanted<'a>> {
        let mut image = frames.table.image.clone();
        image.native.raw = wish.raw;
        image.reduce = wish.reduce;
        image.threads = wish.threads_of_each(count, image.family);
        supported(frames)?;
        if wish.reduce > 0 && image.family != Some(Family::Jpeg2000) {
            let detail = "reduce leaves out resolutions, which only JPEG 2000 has";
            return Err(Error::new(ErrorKind::ValueDecode, detail).of(Tag::PIXEL_DATA));
        }
        let at = image.pixel_data.value_offset;
        let sample = image.layout.sample_type().map_err(|e| refused(e, at))?;
        let limits = &frames.limits;
        let too_large = || {
            Error::new(
                ErrorKind::PixelDecode,
                "the array does not fit this machine's memory",
            )
        };
        let bytes =
            usize::try_from(image.output_bytes(count as u64, limits)?).map_err(|_| too_large())?;
        let frame_bytes =
            usize::try_from(image.output_bytes(1, limits)?).map_err(|_| too_large())?;
        let mut shape = Vec::with_capacity(4);
        if leading {
            shape.push(count);
        }
        let shown = image.layout.reduced(image.reduce);
        shape.push(shown.rows as usize);
        shape.push(shown.columns as usize);
        if image.layout.samples_per_pixel > 1 {
            shape.push(usize::from(image.layout.samples_per_pixel));
        }
        Ok(Wanted {
            frames,
            image,
            sample,
            frame_bytes,
            shape,
            bytes,
            wish: *wish,
            beyond: Mutex::default(),
            incomplete: Mutex::default(),
        })
    }

    /// Decodes frame `frame` into `out`.
    fn decode(&self, frame: u64, out: &mut [u8]) -> Result<()> {
        let at = self.image.pixel_data.value_offset;
        let named = |error: Error| named(frame, error);
        if self.image.encapsulated {
            let stored = self.frames.stored(frame)?;
            let offset = self.frames.place_of(frame)?.start;
            let done = self.image.decode_encapsulated(offset, &stored, out);
            self.frames.root.check(self.frames.part)?;
            let remarks = done.map_err(named)?;
            if remarks.beyond_bits_stored
                && let Ok(mut beyond) = self.beyond.lock()
            {
                *beyond = Some(beyond.map_or(frame, |first| first.min(frame)));
            }
            return match remarks.incomplete {
                Some(incomplete) => self.part_of(frame, offset, incomplete).map_err(named),
                None => Ok(()),
            };
        }
        let (range, first_bit) = match self.image.native_frame(frame) {
            Err(error) if self.wish.salvage => {
                return self.native_part(frame, error, out);
            }
            found => found?,
        };
        if self.image.native.is_in_place(&self.image.layout) {
            let source = self.frames.root.source(self.frames.part);
            source.read_into(range.start, out).map_err(from_source)?;
            return self
                .image
                .native
                .mend_in_place(&self.image.layout, out)
                .map_err(|e| named(refused(e, at)));
        }
        let stored = self.frames.root.bytes(self.frames.part, range)?;
        self.image
            .native
            .decode(&stored, first_bit, &self.image.layout, out)
            .map_err(|e| named(refused(e, at)))?;
        self.frames.root.check(self.frames.part)
    }

    /// That a frame's code stream is what the data set says, before memory is asked for.
    fn expect_stream(&self, frame: u64) -> Result<()> {
        if self.image.family.is_none() {
            return Ok(());
        }
        let stored = self.frames.stored(frame)?;
        let offset = self.frames.place_of(frame)?.start;
        let agreed = self.image.expect_encapsulated(offset, &stored);
        agreed.map_err(|error| named(frame, error))
    }

    /// A frame whose code stream ends early: an error, or what there is and words to warn with.
    fn part_of(&self, frame: u64, offset: u64, incomplete: Incomplete) -> Result<()> {
        let rows = self.shown().rows;
        if !self.wish.salvage {
            let mut error = refused(incomplete.error, offset);
            error.detail = format!(
                "{}; {} of {rows} rows are there, on_error=\"salvage\" gives them",
                error.detail, incomplete.rows
            )
            .into();
            return Err(error);
        }
        self.tell(frame, incomplete.rows, &incomplete.error);
        Ok(())
    }

    /// What there is of a native frame whose end is not there; `error` where that is no row.
    #[cold]
    fn native_part(&self, frame: u64, error: Error, out: &mut [u8]) -> Result<()> {
        let Some((range, first_bit, length)) = self.image.native_part(frame)? else {
            return Err(error);
        };
        let (native, layout) = (&self.image.native, &self.image.layout);
        let at = range.start;
        let there = (range.end - range.start).saturating_mul(8);
        let rows = layout.rows_in(there.saturating_sub(first_bit.into()));
        let rows = rows.map_err(|e| refused(e, at))?;
        if rows == 0 {
            return Err(error);
        }
        let mut stored = self
            .frames
            .root
            .bytes(self.frames.part, range)?
            .into_owned();
        stored.resize(usize::try_from(length).unwrap_or(stored.len()), 0);
        let decoded = native.decode(&stored, first_bit, layout, out);
        decoded.map_err(|e| named(frame, refused(e, at)))?;
        self.frames.root.check(self.frames.part)?;
        let row = out.len() / (layout.rows as usize).max(1);
        if let Some(rest) = out.get_mut(rows as usize * row..) {
            rest.fill(0);
        }
        self.tell(frame, rows, &error);
        Ok(())
    }

    /// The layout of what is given: with `reduce`, of a smaller image.
    fn shown(&self) -> FrameLayout {
        self.image.layout.reduced(self.image.reduce)
    }

    /// Notes what is to be warned of.
    fn tell(&self, frame: u64, rows: u32, why: &dyn std::fmt::Display) {
        let all = self.shown().rows;
        let words = format!("frame {frame}: {rows} of {all} rows are real: {why}");
        if let Ok(mut incomplete) = self.incomplete.lock() {
            incomplete.push((frame, rows, words));
        }
    }

    /// Tells of frames that are not what the data set says.
    fn warn(&self, py: Python<'_>) -> PyResult<()> {
        let path = self.frames.root.path().map(|path| path.as_os_str());
        if let Some(frame) = self.beyond.lock().ok().and_then(|mut beyond| beyond.take()) {
            let class = function(py, "rapidicom.errors", "SampleRangeWarning")?;
            let warning = class.call_method1("of", (self.image.layout.bits_stored, path, frame))?;
            function(py, "warnings", "warn")?.call1((warning,))?;
        }
        let mut all = match self.incomplete.lock() {
            Ok(mut all) => std::mem::take(&mut *all),
            Err(_) => return Ok(()),
        };
        if all.is_empty() {
            return Ok(());
        }
        all.sort_unstable();
        let warn = function(py, "warnings", "warn")?;
        let class = function(py, "rapidicom.errors", "IncompleteFrameWarning")?;
        for (frame, rows, words) in all {
            warn.call1((class.call1((words, path, frame, rows))?,))?;
        }
        Ok(())
    }

    /// The frames from `first` on, `count` of them, as a private map of the file; none where bytes have to move.
    fn view(&self, first: u64, count: u64) -> Result<Option<CowMap>> {
        let source = self.frames.root.source(self.frames.part);
        use rapidicom_source::Kind::{Foreign, Owned};
        if self.image.encapsulated || matches!(source.kind(), Owned | Foreign) {
            return Ok(None);
        }
        let (start, _) = self.image.native_frame(first)?;
        let (last, _) = self
            .image
            .native_frame(first.saturating_add(count.saturating_sub(1)))?;
        let range = start.start..last.end;
        let aligned = range.start.is_multiple_of(self.sample.size() as u64);
        if !aligned || range.end - range.start != self.bytes as u64 {
            return Ok(None);
        }
        if !self.image.native.is_identity(&self.image.layout) {
            // Only of a map that is there already: mapping a frame to look at it takes longer than reading it.
            if source.kind() != rapidicom_source::Kind::Mapped {
                return Ok(None);
            }
            let stored = source.bytes(range.clone()).map_err(from_source)?;
            let (native, layout) = (&self.image.native, &self.image.layout);
            if !native.is_identity_for(layout, &stored) {
                return Ok(None);
            }
        }
        source.copy_on_write(range).map_err(from_source)
    }

    fn array_of_map<'py>(&self, py: Python<'py>, map: CowMap) -> PyResult<Bound<'py, PyAny>> {
        let owner = untracked(py, PixelMap { map })?;
        let numpy = Numpy::get(py)?;
        numpy
            .ndarray
            .bind(py)
            .call1((self.shape(py)?, numpy.dtype(py, self.sample), owner))
    }

    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    /// Decodes `frames` into `out`, with the interpreter released. Each thread takes the next frame: some take longer than
    /// others. The first error ends them all, and so do the deadline and Ctrl-C, which this thread looks for.
    fn fill(&self, py: Python<'_>, frames: &[u64], out: &mut [u8]) -> PyResult<()> {
        if self.frame_bytes == 0 {
            return Ok(());
        }
        let work = Mutex::new(frames.iter().zip(out.chunks_exact_mut(self.frame_bytes)));
        let next = || work.lock().ok().and_then(|mut work| work.next());
        let over = AtomicBool::new(false);
        let begun = Instant::now();
        let run = |look: &mut dyn FnMut() -> bool| -> Result<()> {
            while !over.load(Ordering::Relaxed)
                && let Some((&frame, out)) = next()
            {
                let decoded = self.decode(frame, out);
                let limits = &self.frames.limits;
                let done = decoded.and_then(|()| limits.within_deadline(begun.elapsed()));
                if done.is_err() || look() {
                    over.store(true, Ordering::Relaxed);
                }
                done?;
            }
            Ok(())
        };
        let (mut looked, mut pressed) = (begun, Ok(()));
        let mut look = || {
            if looked.elapsed() >= PATIENCE {
                pressed = Python::attach(|py| py.check_signals());
                looked = Instant::now();
            }
            pressed.is_err()
        };
        let threads = self.threads(frames.len());
        let done = py.detach(|| beside(threads, &|| run(&mut || false), || run(&mut look)));
        pressed?;
        done.map_err(|e| self.frames.raise(py, e))?;
        py.check_signals()?;
        self.warn(py)
    }

    /// On how many threads so many frames are decoded.
    fn threads(&self, frames: usize) -> usize {
        let most = match self.image.family {
            Some(_) => frames,
            None => frames.saturating_mul(self.frame_bytes) / WORTH_A_THREAD,
        };
        let wanted = self.wish.threads.unwrap_or_else(|| match most {
            0 | 1 => 1,
            most => cores().min(most),
        });
        wanted.clamp(1, frames.clamp(1, MOST_THREADS))
    }

    fn array<'py>(
        &self,
        py: Python<'py>,
        frames: &[u64],
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(&furthest) = frames.iter().max() {
            let there = self.frames.expect(furthest, self.wish.salvage);
            there.map_err(|e| self.frames.raise(py, e))?;
        }
        if let (true, Some(&first)) = (self.bytes > WORTH_A_LOOK, frames.first()) {
            py.detach(|| self.expect_stream(first))
                .map_err(|e| self.frames.raise(py, e))?;
        }
        if let Some(out) = out {
            let mut held = check_out(py, &out, &self.shape, self.sample)?;
            let source = self.frames.root.source(self.frames.part);
            if source.kind() == rapidicom_source::Kind::Foreign {
                let lent = source.bytes(0..source.len()).map_err(from_source);
                held.expect_apart(&lent.map_err(|e| self.frames.raise(py, e))?)?;
            }
            self.fill(py, frames, held.bytes_mut()?)?;
            return Ok(out);
        }
        let consecutive = frames
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.checked_add(1) == Some(*b)));
        if let (true, Some(&first)) = (consecutive, frames.first())
            && let Some(map) = py
                .detach(|| self.view(first, frames.len() as u64))
                .map_err(|e| self.frames.raise(py, e))?
        {
            return self.array_of_map(py, map);
        }
        let numpy = Numpy::get(py)?;
        let wanted = (self.shape(py)?, numpy.dtype(py, self.sample));
        let array = numpy.empty.bind(py).call1(wanted)?;
        let mut held = HeldBuffer::of(&array, true)?;
        self.fill(py, frames, held.bytes_mut()?)?;
        Ok(array)
    }
}

/// Does `mine` on this thread, and `others` on the rest of so many, or of as many as the system gives; the first error.
fn beside(
    threads: usize,
    others: &(dyn Fn() -> Result<()> + Sync),
    mine: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if threads <= 1 {
        return mine();
    }
    std::thread::scope(|scope| {
        let start = |_| Builder::new().spawn_scoped(scope, others).ok();
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let mine = mine();
        let panicked = |_| {
            Err(Error::new(
                ErrorKind::Internal,
                "a decoding thread panicked",
            ))
        };
        let joined = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(panicked));
        let all: Vec<_> = joined.chain([mine]).collect();
        all.into_iter().collect()
    })
}

/// That `out` has the right shape, dtype and memory.
pub(crate) fn check_out(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    expected: &[usize],
    sample: SampleType,
) -> PyResult<HeldBuffer> {
    let wrong = |what: String| PyValueError::new_err(format!("out {what}"));
    let numpy = Numpy::get(py)?;
    if !out.is_instance(numpy.ndarray.bind(py))? {
        return Err(wrong(format!(
            "is a {}, expected a numpy.ndarray",
            out.get_type().name()?
        )));
    }
    let shape: Vec<usize> = out.getattr("shape")?.extract()?;
    if shape != expected {
        return Err(wrong(format!("has shape {shape:?}, expected {expected:?}")));
    }
    let (found, expected) = (out.getattr("dtype")?, numpy.dtype(py, sample));
    if !found.is(expected) && !found.eq(expected)? {
        return Err(wrong(format!("has dtype {found}, expected {expected}")));
    }
    let flags = out.getattr("flags")?;
    for (flag, word) in [("c_contiguous", "C-contiguous"), ("writeable", "writable")] {
        if !flags.getattr(flag)?.is_truthy()? {
            return Err(wrong(format!("is not {word}")));
        }
    }
    HeldBuffer::of(out, true)
}

fn named(frame: u64, error: Error) -> Error {
    Error {
        detail: format!("frame {frame}: {}", error.detail).into(),
        ..error
    }
}

/// That the frames are native, native in fragments (Encapsulated Uncompressed, PS3.5 §A.4.11), or of a family that is decoded.
fn supported(frames: &Frames) -> Result<()> {
    let syntax = frames.root.start.transfer_syntax;
    let image = &frames.table.image;
    if !image.encapsulated
        || image
            .family
            .is_some_and(|family| family.decoder().is_some())
        || syntax.is_some_and(TransferSyntax::is_encapsulated_uncompressed)
    {
        return Ok(());
    }
    let name = syntax.map_or("of unknown Transfer Syntax".to_owned(), |t| {
        format!("{} ({})", t.name(), t.uid())
    });
    let detail = format!(
        "Pixel Data {name} can't be decoded frame by frame; `frames.encoded(i)` gives what is stored"
    );
    Err(Error::new(ErrorKind::UnsupportedTransferSyntax, detail).of(Tag::PIXEL_DATA))
}

/// All frames, or the one at `index`, shaped as pydicom's `pixel_array`.
pub(crate) fn pixel_array<'py>(
    py: Python<'py>,
    frames: &Frames,
    index: Option<isize>,
    out: Option<Bound<'py, PyAny>>,
    wish: &Wish,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(index) = index {
        return one_frame(py, frames, frames.index(index)?, out, wish);
    }
    let numbers = all_frames(py, frames, wish)?;
    let all = numbers.len();
    let wanted = Wanted::new(frames, all, all > 1, wish).map_err(|e| frames.raise(py, e))?;
    wanted.array(py, &numbers, out)
}

/// The numbers of all frames; that the furthest of them is there is found out before the list is made. Of a video, which has as many as
/// it declares, no list is made.
pub(crate) fn all_frames(py: Python<'_>, frames: &Frames, wish: &Wish) -> PyResult<Vec<u64>> {
    supported(frames).map_err(|e| frames.raise(py, e))?;
    let chosen = frames.chosen;
    if let Some(last) = chosen.len.checked_sub(1) {
        let furthest = chosen.frame(0).max(chosen.frame(last));
        let there = frames.expect(furthest, wish.salvage);
        there.map_err(|e| frames.raise(py, e))?;
    }
    Ok((0..chosen.len).map(|n| chosen.frame(n)).collect())
}

/// How many frames are best decoded at once: native ones are views, or nearly so.
pub(crate) fn together(frames: &Frames, wish: &Wish) -> usize {
    match frames.table.image.family {
        Some(_) => wish.threads.unwrap_or_else(cores).clamp(1, 64),
        None => 1,
    }
}

/// One frame without a leading axis.
pub(crate) fn one_frame<'py>(
    py: Python<'py>,
    frames: &Frames,
    frame: u64,
    out: Option<Bound<'py, PyAny>>,
    wish: &Wish,
) -> PyResult<Bound<'py, PyAny>> {
    let wanted = Wanted::new(frames, 1, false, wish).map_err(|e| frames.raise(py, e))?;
    wanted.array(py, &[frame], out)
}

/// Some frames with a leading axis.
pub(crate) fn stack<'py>(
    py: Python<'py>,
    frames: &Frames,
    numbers: &[u64],
    out: Option<Bound<'py, PyAny>>,
    wish: &Wish,
) -> PyResult<Bound<'py, PyAny>> {
    let wanted = Wanted::new(frames, numbers.len(), true, wish).map_err(|e| frames.raise(py, e))?;
    wanted.array(py, numbers, out)
}
