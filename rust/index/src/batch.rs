//! Rows → record batches: one builder a column, values appended where they will stay.

use crate::builder::{Builder, MOST_BYTES};
use crate::column::{Fact, Origin};
use crate::error::Result;
use crate::long::Rows;
use crate::schema::Columns;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::sync::Arc;

/// Rows that are not yet a record batch.
pub(crate) struct Batch {
    schema: SchemaRef,
    origins: Vec<Origin>,
    pub(crate) builders: Vec<Builder>,
    rows: usize,
    most_rows: usize,
    bytes: usize,
    /// Rows ever.
    total: u64,
    /// The rows of the long layout, of which one file may fill many batches.
    pub(crate) long: Option<Box<Rows>>,
}

impl Batch {
    pub(crate) fn new(columns: &Columns, most_rows: usize) -> Batch {
        let origins: Vec<Origin> = columns.columns.iter().map(|c| c.origin.clone()).collect();
        let builders = origins
            .iter()
            .map(|origin| Builder::new(origin, 0, 0))
            .collect();
        Batch {
            schema: columns.schema(),
            origins,
            builders,
            rows: 0,
            most_rows: most_rows.max(1),
            bytes: 0,
            total: 0,
            long: columns
                .long
                .then(|| Box::new(Rows::new(columns.schema(), most_rows.max(1)))),
        }
    }

    /// The columns that are facts of the file.
    pub(crate) fn facts(&mut self) -> impl Iterator<Item = (Fact, &mut Builder)> {
        let columns = self.origins.iter().zip(&mut self.builders);
        columns.filter_map(|(origin, builder)| match origin {
            Origin::Fact(fact) => Some((*fact, builder)),
            Origin::Element(_) => None,
        })
    }

    /// A row is complete, and held so many bytes.
    pub(crate) fn end_row(&mut self, bytes: usize) {
        self.rows += 1;
        self.total += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.rows >= self.most_rows || self.bytes >= MOST_BYTES
    }

    /// How many rows there were since the beginning.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Rows of the long layout were added.
    pub(crate) fn count(&mut self, rows: u64) {
        self.total += rows;
    }

    /// The next full batch; at the end the last one too.
    pub(crate) fn take(&mut self, end: bool) -> Result<Option<RecordBatch>> {
        if let Some(long) = &mut self.long {
            return long.take(end);
        }
        if self.is_full() || (end && self.rows > 0) {
            return self.finish().map(Some);
        }
        Ok(None)
    }

    /// The rows so far; the next ones make room for as many.
    fn finish(&mut self) -> Result<RecordBatch> {
        let again = if self.is_full() && self.bytes < MOST_BYTES {
            self.rows
        } else {
            0
        };
        let mut arrays = Vec::with_capacity(self.builders.len());
        for (builder, origin) in self.builders.iter_mut().zip(&self.origins) {
            let bytes = if again == 0 { 0 } else { builder.text_len() };
            let next = Builder::new(origin, again, bytes + bytes / 16);
            arrays.push(std::mem::replace(builder, next).finish()?);
        }
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)
    }
}
