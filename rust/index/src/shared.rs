//! What a scan is asked for, what its threads share, and what they give.

use crate::error::Result;
use crate::known::{Known, Shard};
use crate::progress::Progress;
use crate::schema::Columns;
use crate::walk::{Chunk, Walk};
use arrow_array::RecordBatch;
use rapidicom_core::Limits;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Rows of a record batch and of a Parquet row group.
pub(crate) const ROWS: usize = 8192;

/// How often the caller is asked whether to go on.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

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
        self.walk.take(self.progress.cancelled())
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
