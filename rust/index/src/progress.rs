//! How far a scan is, for any thread that asks, and how it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
        self.cancelled().load(Ordering::Relaxed)
    }

    pub(crate) fn cancelled(&self) -> &AtomicBool {
        &self.shared.cancelled
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
