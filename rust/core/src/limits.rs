//! What one reading may cost. One place, passed to every path.

use crate::error::{Error, Result};
use std::time::Duration;

/// Bounds on the work that a file may ask for; exceeding one is an error that names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Levels of nested sequences.
    pub max_depth: u32,
    /// Data Elements of one level.
    pub max_elements: u64,
    /// Items of one sequence.
    pub max_items: u64,
    /// Warnings kept of one file; further ones are counted, not kept.
    pub max_warnings: u32,
    /// Bytes of one value that is copied into an object of its own.
    pub max_value_bytes: Option<u64>,
    /// Bytes of a deflated data set once inflated.
    pub max_inflated_bytes: u64,
    /// Pixels of one frame (Rows x Columns).
    pub max_frame_pixels: u64,
    /// Bytes of one decoded frame.
    pub max_frame_bytes: u64,
    /// Bytes of one decoded array.
    pub max_output_bytes: Option<u64>,
    /// Frames of one image.
    pub max_frames: Option<u64>,
    /// Fragments of one encapsulated Pixel Data.
    pub max_fragments: u64,
    /// Entries of a lookup table.
    pub max_lut_entries: u32,
    /// Seconds that one call may take; of an index, one file.
    pub deadline_s: Option<f64>,
}

impl Limits {
    /// Items are never entered deeper than this, whatever `max_depth` says: objects that hold each other this deep are
    /// still taken apart within any thread's stack.
    pub const DEEPEST: u32 = 512;

    /// How deep items may be entered.
    pub fn entered_depth(&self) -> u64 {
        u64::from(self.max_depth.min(Limits::DEEPEST))
    }

    /// That a call has not taken longer than it may.
    pub fn within_deadline(&self, took: Duration) -> Result<()> {
        let Some(limit) = self.deadline_s else {
            return Ok(());
        };
        let took = took.as_secs_f64();
        if took <= limit {
            return Ok(());
        }
        let mut error = Error::limit("deadline_s", limit.ceil() as u64, took.ceil() as u64);
        error.detail = format!("the call took {took:.3} s, deadline_s={limit}").into();
        Err(error)
    }

    /// What honest files need, with room.
    pub const DEFAULT: Limits = Limits {
        max_depth: 64,
        max_elements: 5_000_000,
        max_items: 2_000_000,
        max_warnings: 1000,
        max_value_bytes: None,
        max_inflated_bytes: 512 << 20,
        max_frame_pixels: 1 << 28,
        max_frame_bytes: 1 << 30,
        max_output_bytes: None,
        max_frames: None,
        max_fragments: 10_000_000,
        max_lut_entries: 65536,
        deadline_s: None,
    };

    /// For files from strangers.
    pub const UNTRUSTED: Limits = Limits {
        max_depth: 32,
        max_frame_pixels: 100_000_000,
        max_output_bytes: Some(1 << 30),
        deadline_s: Some(10.0),
        ..Limits::DEFAULT
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}
