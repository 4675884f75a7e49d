//! Threads that turn names into record batches, and what the caller sees of them: a stream that can be cancelled.
//!
//! A call that asks for one thread does its work in the caller's. Left to themselves, threads begin as many as there are
//! processors; where files prove to be cold, their reading waits for a disk or a network and not for a processor, and
//! more are added, up to sixteen.

use crate::error::{IndexError, Result};
use crate::progress::Progress;
use crate::shared::{Options, ROWS, Rows, Shared, Step};
use crate::walk::{Sources, Walk};
use crate::worker::{Worker, begin};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Threads for files that are cold.
const MOST_THREADS: usize = 16;

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

/// More are a caller's mistake.
const MOST_ASKED_FOR: usize = 1024;

/// Begins to read `sources`. Wrong arguments fail here, before the first file is read.
pub fn scan(sources: Sources, options: Options) -> Result<Scan> {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let (threads, most) = match options.threads {
        Some(threads) => {
            let threads = threads.clamp(1, MOST_ASKED_FOR);
            (threads, threads)
        }
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

    /// Files that proved to be no DICOM since this was asked last, for [`crate::Known::read`].
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
