//! Threads that turn names into record batches, and what the caller sees of them: a stream that can be cancelled.
//!
//! A call that asks for one thread does its work in the caller's. Left to themselves, threads begin as many as there are
//! processors; where files prove to be cold, their reading waits for a disk or a network and not for a processor, and
//! more are added, up to sixteen.

use crate::archive;
use crate::batch::Batch;
use crate::bytes::Failure;
use crate::error::{IndexError, Result};
use crate::extract::{Extractor, Outcome};
use crate::known::{Known, Look, Shard};
use crate::object::{Item, Object};
use crate::reader::Reader;
use crate::schema::Columns;
use crate::shown::Shown;
use crate::walk::{Chunk, Directory, Name, Sources, Walk, name_as_os};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use rapidicom_core::Limits;
use rapidicom_source::{Identity, SourceError};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rows of a record batch and of a Parquet row group.
pub(crate) const ROWS: usize = 8192;

/// Threads for files that are cold.
const MOST_THREADS: usize = 16;

/// Rows are handed on after this time, however few they are: slow files are not kept from who waits for them.
const LINGER: Duration = Duration::from_secs(2);

/// One file in so many is timed.
const SAMPLED: usize = 2;

/// A prefix that was in memory is read in a few microseconds; the fastest disks take longer than this.
const COLD: Duration = Duration::from_micros(25);

/// What is done with a file that is not DICOM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotDicom {
    /// It is counted.
    #[default]
    Skip,
    /// It is a row with `status = "error"`.
    Row,
}

/// How to index.
#[derive(Clone, Debug)]
pub struct Options {
    /// What each row holds.
    pub columns: Columns,
    /// Threads; `None`: those that the process may run at once, and more where files are cold.
    pub threads: Option<usize>,
    /// What one file may cost.
    pub limits: Limits,
    /// What is done with a file that is not DICOM.
    pub not_dicom: NotDicom,
    /// Rows that one thread gathers before it hands them on; `None`: fewer, the more threads there are.
    pub batch_rows: Option<usize>,
    /// What a table has already, and need not be read again. The columns of a table name all by which a file is known.
    pub known: Option<Arc<Known>>,
    /// Which part of the files.
    pub shard: Shard,
    /// Whether archives that a walk comes upon are looked into; those that are named always are.
    pub archives: bool,
}

impl Options {
    /// These columns, and the rest as it is best left.
    pub fn new(columns: Columns) -> Options {
        Options {
            columns,
            threads: None,
            limits: Limits::DEFAULT,
            not_dicom: NotDicom::Skip,
            batch_rows: None,
            known: None,
            shard: Shard::WHOLE,
            archives: false,
        }
    }
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that were looked at, those that are unchanged among them.
    pub files: u64,
    /// Rows, those of failed files among them.
    pub rows: u64,
    /// Rows with `status = "error"`.
    pub failed: u64,
    /// Files that are not DICOM, and what is no file: FIFOs, devices, links to folders.
    pub skipped: u64,
    /// Files that a table has already, as they are: not read.
    pub unchanged: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// A handle on a running scan, for any thread.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    shared: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    files: AtomicU64,
    rows: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    unchanged: AtomicU64,
    bytes: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// How far the scan is.
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.shared;
        Counts {
            files: get(&c.files),
            rows: get(&c.rows),
            failed: get(&c.failed),
            skipped: get(&c.skipped),
            unchanged: get(&c.unchanged),
            bytes: get(&c.bytes),
        }
    }

    /// Stops the scan before its next file.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    fn add(&self, counts: &mut Counts) {
        let add = |counter: &AtomicU64, n: u64| {
            if n > 0 {
                counter.fetch_add(n, Ordering::Relaxed);
            }
        };
        let c = &self.shared;
        add(&c.files, counts.files);
        add(&c.rows, counts.rows);
        add(&c.failed, counts.failed);
        add(&c.skipped, counts.skipped);
        add(&c.unchanged, counts.unchanged);
        add(&c.bytes, counts.bytes);
        *counts = Counts::default();
    }
}

/// What all threads of a scan share.
struct Shared {
    walk: Walk,
    columns: Arc<Columns>,
    limits: Limits,
    not_dicom: NotDicom,
    batch_rows: usize,
    known: Option<Arc<Known>>,
    shard: Shard,
    archives: bool,
    /// Files that proved to be no DICOM, as [`Known`] remembers them.
    found_not_dicom: Mutex<Vec<u64>>,
    progress: Progress,
    threads: Mutex<Vec<JoinHandle<Result<()>>>>,
    running: AtomicUsize,
    most: usize,
}

/// Rows, and which rows of [`Options::known`] they replace.
#[derive(Debug)]
pub struct Rows {
    /// The rows.
    pub batch: RecordBatch,
    pub(crate) replaced: Vec<u32>,
}

/// What came of waiting for a scan.
#[derive(Debug)]
pub enum Step {
    /// Rows.
    Batch(Rows),
    /// Nothing yet.
    Waiting,
    /// There is no more.
    End,
}

/// A stream of record batches in the order in which files are finished, which no one should rely on with more than one
/// thread. Dropping it stops its threads and waits for them.
pub struct Scan {
    shared: Arc<Shared>,
    work: Work,
}

enum Work {
    /// In the caller's thread.
    Here(Box<Worker>),
    /// In threads.
    There(Receiver<Rows>),
    Over,
}

/// Begins to read `sources`. Wrong arguments fail here, before the first file is read.
pub fn scan(sources: Sources, options: Options) -> Result<Scan> {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let (threads, most) = match options.threads {
        Some(threads) => (threads.max(1), threads.max(1)),
        None => (processors(), processors().max(MOST_THREADS)),
    };
    let rows = options
        .batch_rows
        .unwrap_or(ROWS / most.next_power_of_two().clamp(1, 8));
    let shared = Arc::new(Shared {
        walk: Walk::new(sources)?,
        columns: Arc::new(options.columns),
        limits: options.limits,
        not_dicom: options.not_dicom,
        batch_rows: rows.max(1),
        known: options.known,
        shard: options.shard,
        archives: options.archives,
        found_not_dicom: Mutex::default(),
        progress: Progress::default(),
        threads: Mutex::new(Vec::new()),
        running: AtomicUsize::new(0),
        most,
    });
    if most == 1 {
        let worker = Box::new(Worker::new(Arc::clone(&shared), None));
        return Ok(Scan {
            shared,
            work: Work::Here(worker),
        });
    }
    let (sender, receiver) = sync_channel(2);
    for _ in 0..threads {
        begin(&shared, &sender)?;
    }
    Ok(Scan {
        shared,
        work: Work::There(receiver),
    })
}

/// One more thread, unless there are enough.
fn begin(shared: &Arc<Shared>, sender: &SyncSender<Rows>) -> Result<()> {
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

/// How long a scan that is given up waits for its threads.
const FAREWELL: Duration = Duration::from_millis(500);

impl Scan {
    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.shared.columns.schema()
    }

    /// How far it is, and how to stop it.
    pub fn progress(&self) -> Progress {
        self.shared.progress.clone()
    }

    /// Files that proved to be no DICOM since this was asked last, for [`Known::read`].
    pub(crate) fn take_not_dicom(&self) -> Vec<u64> {
        let found = &self.shared.found_not_dicom;
        std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits about so long for rows.
    pub fn poll(&mut self, patience: Duration) -> Result<Step> {
        let step = match &mut self.work {
            Work::Here(worker) => worker.poll(patience),
            Work::There(receiver) => match receiver.recv_timeout(patience) {
                Ok(rows) => Ok(Step::Batch(rows)),
                Err(RecvTimeoutError::Timeout) => Ok(Step::Waiting),
                Err(RecvTimeoutError::Disconnected) => self.join().map(|()| Step::End),
            },
            Work::Over => return Ok(Step::End),
        };
        if !matches!(step, Ok(Step::Batch(_) | Step::Waiting)) {
            self.work = Work::Over;
            if let Some(failure) = self.shared.walk.take_failure() {
                return Err(failure);
            }
            if step.is_ok() && self.shared.progress.is_cancelled() {
                return Err(IndexError::Cancelled);
            }
        }
        step
    }

    /// Waits for the threads, but not for one that its source of paths keeps (a pipe into which no one writes): that one
    /// ends when it comes back, and holds nothing but its share of this scan.
    fn leave(&self) {
        let begun = Instant::now();
        let handles = std::mem::take(
            &mut *self
                .shared
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for handle in handles {
            while !handle.is_finished() && begun.elapsed() < FAREWELL {
                std::thread::sleep(Duration::from_millis(1));
            }
            if handle.is_finished() {
                let _ = handle.join();
            }
        }
    }

    fn join(&self) -> Result<()> {
        let mut result = Ok(());
        loop {
            let next = self
                .shared
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let Some(handle) = next else { return result };
            let joined = handle
                .join()
                .unwrap_or_else(|_| Err(IndexError::Internal("a thread panicked".to_owned())));
            result = result.and(joined);
        }
    }
}

impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        loop {
            match self.poll(Duration::from_secs(1)) {
                Ok(Step::Batch(rows)) => return Some(Ok(rows.batch)),
                Ok(Step::Waiting) => {}
                Ok(Step::End) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.shared.progress.cancel();
        // Whoever waits to send must see that no one receives.
        self.work = Work::Over;
        self.leave();
    }
}

/// One thread's part.
struct Worker {
    shared: Arc<Shared>,
    sender: Option<SyncSender<Rows>>,
    /// Batches of a worker without a sender.
    ready: VecDeque<Rows>,
    reader: Reader,
    extractor: Extractor,
    batch: Batch,
    counts: Counts,
    shown: Shown,
    /// Rows of the table that those in `batch` replace.
    replaced: Vec<u32>,
    handed_on: Instant,
    seen: usize,
    slow: u32,
    timed: u32,
}

/// Says that a chunk is done, even if it panics: others wait for it.
struct Busy<'a>(&'a Walk);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Worker {
    fn new(shared: Arc<Shared>, sender: Option<SyncSender<Rows>>) -> Worker {
        Worker {
            sender,
            ready: VecDeque::new(),
            reader: Reader::new(shared.columns.identity),
            extractor: Extractor::new(Arc::clone(&shared.columns), shared.limits, shared.not_dicom),
            batch: Batch::new(&shared.columns, shared.batch_rows),
            counts: Counts::default(),
            shown: Shown::default(),
            replaced: Vec::new(),
            handed_on: Instant::now(),
            seen: 0,
            slow: 0,
            timed: 0,
            shared,
        }
    }

    fn run(mut self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        while let Some(chunk) = shared.walk.take(&shared.progress.shared.cancelled) {
            let busy = Busy(&shared.walk);
            self.chunk(chunk)?;
            drop(busy);
        }
        self.hand_on(true)
    }

    fn poll(&mut self, patience: Duration) -> Result<Step> {
        let begun = Instant::now();
        let shared = Arc::clone(&self.shared);
        while self.ready.is_empty() {
            let Some(chunk) = shared.walk.take(&shared.progress.shared.cancelled) else {
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

    fn names(&mut self, directory: &Directory, names: &[Name]) -> Result<()> {
        self.shown.enter(directory.path());
        for name in names {
            if self.shared.progress.is_cancelled() {
                break;
            }
            if self.shared.archives
                && archive::is_archive(name_as_os(name).as_ref())
                && self.is_opened_as_archive(&directory.path().join(name_as_os(name)))
            {
                continue;
            }
            self.shown.name(name_as_os(name));
            let hash = self.hash();
            let now = || directory.identity_of(name);
            if !self.is_ours(hash) || self.is_known(hash, now) {
                continue;
            }
            let begun = self.begin_timing();
            let read = self
                .reader
                .read_in(directory, name, self.extractor.prefix());
            self.end_timing(begun)?;
            match read {
                Ok(identity) => {
                    self.row(identity, hash, &|| directory.path().join(name_as_os(name)));
                }
                Err(error) => self.failed(Failure::Source(error), hash),
            }
            self.after()?;
        }
        Ok(())
    }

    /// A member of an archive, an object of a store, bytes in memory.
    fn object(&mut self, object: Object) -> Result<()> {
        self.shown.set(&object.path);
        let hash = self.hash();
        let identity = object.identity;
        let now = || identity.ok_or(SourceError::from(std::io::Error::other("unknown")));
        if !self.is_ours(hash) || self.is_known(hash, now) {
            return Ok(());
        }
        let want = self.extractor.prefix();
        let begun = self.begin_timing();
        let read = object.content.and_then(|stream| {
            let read = self.reader.read_object(stream, want);
            read.map_err(|error| error.to_string())
        });
        self.end_timing(begun)?;
        match read {
            Ok(()) => self.row(identity, hash, &|| object.path.clone()),
            Err(words) => self.failed(Failure::Words(words), hash),
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
        if self.is_known(hash, || rapidicom_source::File::identity_at(&path)) {
            return Ok(());
        }
        let begun = self.begin_timing();
        let read = self.reader.read_at(&path, self.extractor.prefix());
        self.end_timing(begun)?;
        match read {
            Ok(identity) => self.row(identity, hash, &|| path.clone()),
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

    /// Whether a file need not be read, because it is as the table has it. `now` costs a system call.
    #[inline]
    fn is_known(
        &mut self,
        hash: u64,
        now: impl FnOnce() -> rapidicom_source::Result<Identity>,
    ) -> bool {
        let Some(known) = &self.shared.known else {
            return false;
        };
        if !known.may_have(hash) {
            return false;
        }
        let Ok(identity) = now() else {
            return false; // opening it says why
        };
        match known.look(hash, &identity, &mut self.replaced) {
            Look::Unchanged => self.counts.unchanged += 1,
            Look::NotDicom => self.counts.skipped += 1,
            Look::Read => return false,
        }
        self.counts.files += 1;
        true
    }

    fn row(&mut self, identity: Option<Identity>, hash: u64, path: &dyn Fn() -> PathBuf) {
        let rows = self.batch.total();
        let outcome = self.extractor.row(
            &mut self.reader,
            identity,
            &self.shown,
            path,
            &mut self.batch,
        );
        self.counts.files += 1;
        self.counts.bytes += self.reader.bytes().len() as u64;
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
    fn end_timing(&mut self, begun: Option<Instant>) -> Result<()> {
        let Some(begun) = begun else { return Ok(()) };
        self.slow += u32::from(begun.elapsed() > COLD);
        self.timed += 1;
        if self.timed < 8 {
            return Ok(());
        }
        let cold = self.slow >= 3;
        (self.slow, self.timed) = (0, 0);
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
