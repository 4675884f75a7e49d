//! One thread's part of a scan: chunks of names → files opened, some at a time → rows.

use crate::archive;
use crate::batch::Batch;
use crate::bytes::Failure;
use crate::error::{IndexError, Result};
use crate::extract::{Extractor, Outcome};
use crate::known::{Known, Look, Shard};
use crate::object::{Item, Object};
use crate::progress::Counts;
use crate::reader::Reader;
use crate::shared::{NotDicom, Rows, Shared, Step};
use crate::shown::Shown;
use crate::walk::{Chunk, Directory, Name, Walk, name_as_os};
use arrow_array::RecordBatch;
use rapidicom_source::{Identity, SourceError};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Files of a folder that are opened one after the other, then read, then made rows of, then closed: what each step leaves of the
/// processor's caches and predictions is lost once for all of them. A row takes 4 to 8 % less time; 32 gain no more.
const TOGETHER: usize = 8;

/// Rows are handed on after this time, however few they are: slow files are not kept from who waits for them.
const LINGER: Duration = Duration::from_secs(2);

/// One file in so many is timed.
const SAMPLED: usize = 2;

/// A prefix that was in memory is read in a few microseconds; the fastest disks take longer than this.
const COLD: Duration = Duration::from_micros(25);

/// One thread's part.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    sender: Option<SyncSender<Rows>>,
    /// Batches of a worker without a sender.
    ready: VecDeque<Rows>,
    /// The first is for what is read alone.
    readers: [Reader; TOGETHER],
    extractor: Extractor,
    batch: Batch,
    counts: Counts,
    shown: Shown,
    /// Rows of the table that those in `batch` replace.
    replaced: Vec<u32>,
    handed_on: Instant,
    seen: usize,
    slow: u32,
    timings: u32,
}

/// One more thread, unless there are enough.
pub(crate) fn begin(shared: &Arc<Shared>, sender: &SyncSender<Rows>) -> Result<()> {
    let mut threads = shared
        .threads
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if threads.len() >= shared.most || shared.progress.is_cancelled() {
        return Ok(());
    }
    let worker = Worker::new(Arc::clone(shared), Some(sender.clone()));
    shared.running.fetch_add(1, Ordering::Relaxed);
    let named = std::thread::Builder::new().name("rapidicom-index".to_owned());
    match named.spawn(move || worker.run()) {
        Ok(handle) => threads.push(handle),
        Err(error) if threads.is_empty() => {
            return Err(IndexError::Internal(format!(
                "no thread could be started: {error}"
            )));
        }
        Err(_) => {} // those that run will do
    }
    Ok(())
}

/// A file that a reader has opened, and whose prefix it then reads.
struct Pending<'a> {
    name: &'a Name,
    hash: u64,
    /// Rows of the table that its row replaces.
    replaced: Vec<u32>,
    read: rapidicom_source::Result<Option<Identity>>,
    /// How long it took to open, of one that is timed.
    took: Option<Duration>,
}

/// Says that a chunk is done, even if it panics: others wait for it.
struct Busy<'a>(&'a Walk);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, sender: Option<SyncSender<Rows>>) -> Worker {
        Worker {
            sender,
            ready: VecDeque::new(),
            readers: std::array::from_fn(|_| Reader::new(shared.columns.identity)),
            extractor: Extractor::new(Arc::clone(&shared.columns), shared.limits, shared.not_dicom),
            batch: Batch::new(&shared.columns, shared.batch_rows),
            counts: Counts::default(),
            shown: Shown::default(),
            replaced: Vec::new(),
            handed_on: Instant::now(),
            seen: 0,
            slow: 0,
            timings: 0,
            shared,
        }
    }

    pub(crate) fn run(mut self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        while let Some(chunk) = shared.next_chunk() {
            let busy = Busy(&shared.walk);
            self.chunk(chunk)?;
            drop(busy);
        }
        self.hand_on(true)
    }

    pub(crate) fn poll(&mut self, patience: Duration) -> Result<Step> {
        let begun = Instant::now();
        let shared = Arc::clone(&self.shared);
        while self.ready.is_empty() {
            let Some(chunk) = shared.next_chunk() else {
                self.hand_on(true)?;
                break;
            };
            let busy = Busy(&shared.walk);
            self.chunk(chunk)?;
            drop(busy);
            if begun.elapsed() >= patience {
                break;
            }
        }
        // The last chunk may have taken longer than the caller's patience.
        if self.ready.is_empty() && self.is_over() {
            self.hand_on(true)?;
        }
        Ok(match self.ready.pop_front() {
            Some(rows) => Step::Batch(rows),
            None if begun.elapsed() >= patience && !self.is_over() => Step::Waiting,
            None => Step::End,
        })
    }

    fn is_over(&self) -> bool {
        self.shared.walk.is_over() || self.shared.progress.is_cancelled()
    }

    /// Sends the full batches, at the `end` all rows there are, and which rows of a table they replace.
    fn hand_on(&mut self, end: bool) -> Result<()> {
        let mut next = self.batch.take(end)?;
        if next.is_none() && end && !self.replaced.is_empty() {
            next = Some(RecordBatch::new_empty(self.shared.columns.schema()));
        }
        while let Some(batch) = next {
            let rows = Rows {
                batch,
                replaced: std::mem::take(&mut self.replaced),
            };
            self.handed_on = Instant::now();
            match &self.sender {
                // Nobody listens any more: the scan was dropped, and cancelled with that.
                Some(sender) => drop(sender.send(rows)),
                None => self.ready.push_back(rows),
            }
            next = self.batch.take(end)?;
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: Chunk) -> Result<()> {
        match chunk {
            Chunk::Names(directory, names, others) => {
                // Of what lies in a folder besides files one shard tells.
                self.counts.skipped += if self.shared.shard.index == 0 {
                    others
                } else {
                    0
                };
                self.names(&directory, &names)?;
            }
            Chunk::Items(items) => {
                for item in items {
                    if self.shared.progress.is_cancelled() {
                        break;
                    }
                    match item {
                        Item::Path(path) => self.path(path)?,
                        Item::Pattern(pattern) => self.shared.walk.push_pattern(&pattern),
                        Item::Object(object) => self.object(object)?,
                    }
                }
            }
            Chunk::Failed(path, error) => {
                self.shown.set(&path);
                let hash = self.hash();
                if self.is_ours(hash) {
                    self.failed(Failure::Source(error), hash);
                    self.after()?;
                }
            }
        }
        self.shared.progress.add(&mut self.counts);
        Ok(())
    }

    /// Files of one folder, some of them opened before the first of their rows is made.
    fn names(&mut self, directory: &Directory, names: &[Name]) -> Result<()> {
        self.shown.enter(directory.path());
        let mut names = names.iter();
        let mut opened = Vec::with_capacity(TOGETHER);
        loop {
            self.open_some(directory, &mut names, &mut opened)?;
            if opened.is_empty() {
                return Ok(());
            }
            let count = opened.len();
            self.fill_all(&mut opened)?;
            for (at, file) in opened.drain(..).enumerate() {
                self.shown.name(name_as_os(file.name));
                self.replaced.extend(file.replaced);
                match file.read {
                    Ok(identity) => {
                        let path = || directory.path().join(name_as_os(file.name));
                        self.row(at, identity, file.hash, &path);
                    }
                    Err(error) => self.failed(Failure::Source(error), file.hash),
                }
                self.after()?;
            }
            self.readers.iter_mut().take(count).for_each(Reader::close);
        }
    }

    /// Opens the next files that are to be read, one with each reader; none where there are no more, or the scan is cancelled.
    fn open_some<'a>(
        &mut self,
        directory: &Directory,
        names: &mut std::slice::Iter<'a, Name>,
        opened: &mut Vec<Pending<'a>>,
    ) -> Result<()> {
        while opened.len() < TOGETHER
            && !self.shared.progress.is_cancelled()
            && let Some(name) = names.next()
        {
            if self.shared.archives
                && archive::is_archive(name_as_os(name).as_ref())
                && self.is_opened_as_archive(&directory.path().join(name_as_os(name)))
            {
                continue;
            }
            self.shown.name(name_as_os(name));
            let hash = self.hash();
            let Some(replaced) = self.replaced_by(hash, true, || directory.identity_of(name))
            else {
                continue;
            };
            let begun = self.begin_timing();
            let read = match self.readers.get_mut(opened.len()) {
                Some(reader) => reader.open_in(directory, name),
                None => break,
            };
            opened.push(Pending {
                name,
                hash,
                replaced,
                read,
                took: begun.map(|begun| begun.elapsed()),
            });
        }
        Ok(())
    }

    /// Reads the prefixes of the files that were opened.
    fn fill_all(&mut self, opened: &mut [Pending<'_>]) -> Result<()> {
        let want = self.extractor.prefix();
        for (at, file) in opened.iter_mut().enumerate() {
            let begun = file.took.map(|_| Instant::now());
            if file.read.is_ok()
                && let Some(reader) = self.readers.get_mut(at)
                && let Err(error) = reader.fill(want)
            {
                file.read = Err(error);
            }
            let took = file.took.zip(begun);
            self.timed(took.map(|(took, begun)| took + begun.elapsed()))?;
        }
        Ok(())
    }

    /// A member of an archive, an object of a store, bytes in memory.
    fn object(&mut self, object: Object) -> Result<()> {
        self.shown.set(&object.path);
        let hash = self.hash();
        let identity = object.identity;
        let now = || identity.ok_or(SourceError::from(std::io::Error::other("unknown")));
        let Some(replaced) = self.replaced_by(hash, false, now) else {
            return Ok(());
        };
        self.replaced.extend(replaced);
        let want = self.extractor.prefix();
        let begun = self.begin_timing();
        let refused = |words| Failure::Words(format!("OSError: {words}"));
        let content = object.content.map_err(refused);
        let read = content.and_then(|stream| {
            let [reader, ..] = &mut self.readers;
            Ok(reader.read_object(stream, want)?)
        });
        self.timed(begun.map(|begun| begun.elapsed()))?;
        match read {
            Ok(()) => self.row(0, identity, hash, &|| object.path.clone()),
            Err(failure) => self.failed(failure, hash),
        }
        self.after()
    }

    /// A file that was named, a folder, or an archive.
    fn path(&mut self, path: PathBuf) -> Result<()> {
        if self.is_opened_as_archive(&path) {
            return Ok(());
        }
        self.shown.set(&path);
        let hash = self.hash();
        if !self.is_ours(hash) {
            if self.shared.shard != Shard::WHOLE && path.is_dir() {
                self.shared.walk.push_folder(path); // each shard walks all folders
            }
            return Ok(());
        }
        let now = || rapidicom_source::File::identity_at(&path);
        let Some(replaced) = self.replaced_by(hash, true, now) else {
            return Ok(());
        };
        self.replaced.extend(replaced);
        let begun = self.begin_timing();
        let [reader, ..] = &mut self.readers;
        let read = reader.read_at(&path, self.extractor.prefix());
        self.timed(begun.map(|begun| begun.elapsed()))?;
        match read {
            Ok(identity) => self.row(0, identity, hash, &|| path.clone()),
            Err(_) if path.is_dir() => {
                self.shared.walk.push_folder(path);
                return Ok(());
            }
            Err(error) => self.failed(Failure::Source(error), hash),
        }
        self.after()
    }

    /// Whether a path is an archive, whose members are then read next.
    fn is_opened_as_archive(&self, path: &Path) -> bool {
        let members = archive::members(path, &self.shared.limits);
        members
            .map(|members| self.shared.walk.push_archive(members))
            .is_some()
    }

    /// The hash of the path, where anything depends on it.
    #[inline]
    fn hash(&self) -> u64 {
        if self.shared.known.is_some() || self.shared.shard != Shard::WHOLE {
            self.shown.hash()
        } else {
            0
        }
    }

    #[inline]
    fn is_ours(&self, hash: u64) -> bool {
        self.shared.shard == Shard::WHOLE || self.shared.shard.has(hash)
    }

    /// Which rows of the table a file's next row replaces; none if it need not be read, because it is not ours or as the table has
    /// it, or was read already. `unique`: there is one file of this path, as of two members of an archive there may not be. `now`
    /// costs a system call.
    #[inline]
    fn replaced_by(
        &mut self,
        hash: u64,
        unique: bool,
        now: impl FnOnce() -> rapidicom_source::Result<Identity>,
    ) -> Option<Vec<u32>> {
        if !self.is_ours(hash) {
            return None;
        }
        let mut replaced = Vec::new();
        let known = self.shared.known.as_ref();
        let Some(known) = known.filter(|known| known.may_have(hash)) else {
            return Some(replaced);
        };
        let Ok(identity) = now() else {
            return Some(replaced); // opening it says why
        };
        match known.look(hash, &identity, unique, &mut replaced) {
            Look::Unchanged => self.counts.unchanged += 1,
            Look::NotDicom if self.shared.not_dicom == NotDicom::Skip => self.counts.skipped += 1,
            Look::Again if unique => return None,
            Look::NotDicom | Look::Again | Look::Read => return Some(replaced),
        }
        self.counts.files += 1;
        self.replaced.append(&mut replaced);
        None
    }

    /// The row of what the reader `at` has read.
    fn row(
        &mut self,
        at: usize,
        identity: Option<Identity>,
        hash: u64,
        path: &dyn Fn() -> PathBuf,
    ) {
        let Some(reader) = self.readers.get_mut(at) else {
            return;
        };
        let rows = self.batch.total();
        let outcome = self
            .extractor
            .row(reader, identity, &self.shown, path, &mut self.batch);
        self.counts.files += 1;
        self.counts.bytes += reader.bytes().len() as u64;
        self.counts.rows += self.batch.total() - rows;
        match outcome {
            Outcome::Row => {}
            Outcome::Skipped => {
                self.counts.skipped += 1;
                self.remember(hash, identity);
            }
            Outcome::Failed => self.counts.failed += 1,
        }
    }

    /// A file that is no DICOM need not be opened again.
    fn remember(&self, hash: u64, identity: Option<Identity>) {
        if let Some(identity) = identity.filter(|_| self.shared.known.is_some()) {
            let found = &self.shared.found_not_dicom;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.push(Known::not_dicom_of(hash, &identity));
        }
    }

    fn failed(&mut self, error: Failure, hash: u64) {
        if let Some(known) = &self.shared.known {
            known.forget(hash, &mut self.replaced);
        }
        self.extractor
            .failed_row(&self.shown, &error, &mut self.batch);
        self.counts.files += 1;
        self.counts.rows += 1;
        self.counts.failed += 1;
    }

    #[inline]
    fn after(&mut self) -> Result<()> {
        let mut lingers = false;
        if self.counts.files >= 64 {
            self.shared.progress.add(&mut self.counts);
            lingers = self.handed_on.elapsed() >= LINGER;
        }
        self.hand_on(lingers)
    }

    #[inline]
    fn begin_timing(&mut self) -> Option<Instant> {
        self.seen = self.seen.wrapping_add(1);
        (self.sender.is_some() && self.seen.is_multiple_of(SAMPLED)).then(Instant::now)
    }

    /// Where three of eight reads were slow, another thread may use the time.
    #[inline]
    fn timed(&mut self, took: Option<Duration>) -> Result<()> {
        let Some(took) = took else { return Ok(()) };
        self.slow += u32::from(took > COLD);
        self.timings += 1;
        if self.timings < 8 {
            return Ok(());
        }
        let cold = self.slow >= 3;
        (self.slow, self.timings) = (0, 0);
        match &self.sender {
            Some(sender)
                if cold && self.shared.running.load(Ordering::Relaxed) < self.shared.most =>
            {
                begin(&self.shared, sender)
            }
            _ => Ok(()),
        }
    }
}
