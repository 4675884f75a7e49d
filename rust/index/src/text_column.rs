//! One column of text, its cells written where they will stay: bytes, which are found to be UTF-8 once a batch, not once a
//! cell.

use crate::error::Result;
use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer};
use rapidicom_core::Vr;
use rapidicom_core::value::charset::is_plain_ascii;
use rapidicom_core::value::text::trim_end;
use std::fmt::{self, Write};
use std::sync::Arc;

/// The cells of one column.
pub(crate) struct TextColumn {
    /// Where each cell ends; before them a zero.
    ends: Vec<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) validity: NullBufferBuilder,
}

impl TextColumn {
    pub(crate) fn new(rows: usize, bytes: usize) -> TextColumn {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        TextColumn {
            ends,
            bytes: Vec::with_capacity(bytes),
            validity: NullBufferBuilder::new(rows),
        }
    }

    /// Room for as many cells, and a little more for what they hold.
    pub(crate) fn like(&self) -> TextColumn {
        TextColumn::new(self.ends.len(), self.bytes.len() + self.bytes.len() / 16)
    }

    /// What was written since the last cell is a cell, or null.
    #[inline]
    pub(crate) fn close(&mut self, valid: bool) {
        self.end_cell();
        self.validity.append(valid);
    }

    #[inline]
    fn end_cell(&mut self) {
        // Never more: one value is at most LONGEST_VALUE bytes long, one batch not much more than MOST_BYTES.
        let end = i32::try_from(self.bytes.len()).unwrap_or(i32::MAX);
        self.ends.push(end);
    }

    /// A cell.
    #[inline]
    pub(crate) fn append(&mut self, cell: &[u8]) {
        self.bytes.extend_from_slice(cell);
        self.close(true);
    }

    /// A cell; null of nothing.
    #[inline]
    pub(crate) fn append_if_any(&mut self, cell: &[u8]) {
        self.bytes.extend_from_slice(cell);
        self.close(!cell.is_empty());
    }

    /// The same cell again and again.
    pub(crate) fn repeat(&mut self, cell: &[u8], times: usize) {
        self.bytes.reserve(cell.len() * times);
        for _ in 0..times {
            self.bytes.extend_from_slice(cell);
            self.end_cell();
        }
        self.validity.append_n_non_nulls(times);
    }

    pub(crate) fn repeat_null(&mut self, times: usize) {
        let end = self.ends.last().copied().unwrap_or_default();
        self.ends.extend(std::iter::repeat_n(end, times));
        self.validity.append_n_nulls(times);
    }

    pub(crate) fn finish(mut self) -> Result<ArrayRef> {
        let array = StringArray::try_new(
            OffsetBuffer::new(self.ends.into()),
            Buffer::from_vec(self.bytes),
            self.validity.finish(),
        )?;
        Ok(Arc::new(array))
    }
}

impl Write for TextColumn {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The text of a Value Field that needs neither decoding nor trimming but at its end: what most are.
#[inline]
pub(crate) fn plain(bytes: &[u8], vr: Vr) -> Option<&[u8]> {
    let bytes = trim_end(bytes);
    let trimmed = match vr {
        Vr::AE | Vr::UR => false,
        Vr::UI => !matches!(bytes, [0..=b' ', ..] | [.., 0..=b' ']),
        Vr::PN => bytes.last() != Some(&b'='),
        _ => true,
    };
    (trimmed && is_plain_ascii(bytes)).then_some(bytes)
}
