//! Threads that turn names into record batches, and what the caller sees of them: a stream that can be cancelled.
//!
//! A call that asks for one thread does its work in the caller's. Left to themselves, threads begin as many as there are
//! processors; where files prove to be cold, their reading waits for a disk or a network and not for a processor, and
//! more are added, up to sixteen.

use crate::error::{IndexError, Result};
use crate::known::{Known, Shard};
use crate::schema::Columns;
use crate::walk::{Chunk, Sources, Walk};
use crate::worker::Worker;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use rapidicom_core::Limits;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rows of a record batch and of a Parquet row group.
pub(crate) const ROWS: usize = 8192;

/// Threads for files that are cold.
const MOST_THREADS: usize = 16;

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

    /// Stops the scan before the next files are opened.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, counts: &mut Counts) {
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
pub(crate) struct Shared {
    pub(crate) walk: Walk,
    pub(crate) columns: Arc<Columns>,
    pub(crate) limits: Limits,
    pub(crate) not_dicom: NotDicom,
    pub(crate) batch_rows: usize,
    pub(crate) known: Option<Arc<Known>>,
    pub(crate) shard: Shard,
    pub(crate) archives: bool,
    /// Files that proved to be no DICOM, as [`Known`] remembers them.
    pub(crate) found_not_dicom: Mutex<Vec<u64>>,
    pub(crate) progress: Progress,
    pub(crate) threads: Mutex<Vec<JoinHandle<Result<()>>>>,
    pub(crate) running: AtomicUsize,
    pub(crate) most: usize,
}

impl Shared {
    /// What is to be read next; none when all is done or the scan is cancelled.
    pub(crate) fn next_chunk(&self) -> Option<Chunk> {
        self.walk.take(&self.progress.shared.cancelled)
    }
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
