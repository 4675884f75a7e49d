//! All rows in order of their paths, held in memory.

use crate::engine::scan;
use crate::error::{IndexError, Result};
use crate::parquet::write_batches;
use crate::progress::{Counts, Progress};
use crate::shared::{Options, PATIENCE, ROWS, Step};
use crate::walk::Sources;
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray, make_array};
use arrow_data::transform::MutableArrayData;
use arrow_schema::SchemaRef;
use std::path::Path;

/// A batch of the sorted rows holds about so many bytes at most: offsets are of 32 bits.
const MOST_BYTES: usize = 256 << 20;

/// A table of files; in the order of their paths, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Index {
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Of every batch, and of none.
    pub schema: SchemaRef,
    /// What was seen.
    pub counts: Counts,
}

impl Index {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes one Parquet file: complete, or not there.
    pub fn write_parquet(&self, path: &Path) -> Result<()> {
        write_batches(
            self.schema.clone(),
            self.batches.iter().cloned().map(Ok),
            path,
        )
    }
}

/// Reads all of `sources`. Ten times a second `go_on` is asked in the caller's thread; false ends in
/// [`IndexError::Cancelled`].
pub fn index(
    sources: Sources,
    options: Options,
    go_on: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Index> {
    let mut scan = scan(sources, options)?;
    let (schema, progress) = (scan.schema(), scan.progress());
    let mut batches = Vec::new();
    let mut asked = std::time::Instant::now();
    loop {
        match scan.poll(PATIENCE)? {
            Step::Batch(rows) => batches.push(rows.batch),
            Step::Waiting => {}
            Step::End => break,
        }
        if asked.elapsed() >= PATIENCE {
            asked = std::time::Instant::now();
            if !go_on(&progress) {
                return Err(IndexError::Cancelled);
            }
        }
    }
    drop(scan);
    Ok(Index {
        batches: sorted(batches, &schema)?,
        schema,
        counts: progress.counts(),
    })
}

/// Where a row is.
#[derive(Clone, Copy)]
struct Row {
    batch: usize,
    row: usize,
}

/// The same rows in order of their paths, of which equal ones stay in theirs.
fn sorted(batches: Vec<RecordBatch>, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let paths: Vec<&StringArray> = batches
        .iter()
        .filter_map(|batch| batch.column(0).as_string_opt())
        .collect();
    let path = |at: &Row| {
        paths
            .get(at.batch)
            .map_or("", |column| column.value(at.row))
    };
    let rows = |(batch, paths): (usize, &&StringArray)| {
        (0..paths.len()).map(move |row| Row { batch, row })
    };
    let mut order: Vec<Row> = paths
        .iter()
        .enumerate()
        .flat_map(|(batch, paths)| rows((batch, paths)))
        .collect();
    if order.is_sorted_by(|a, b| path(a) <= path(b)) {
        return Ok(batches);
    }
    // A folder's rows mostly lie together and in order: such runs are merged, not sorted.
    order.sort_by(|a, b| path(a).cmp(path(b)));
    let bytes_of_row: Vec<usize> = batches
        .iter()
        .map(|batch| batch.get_array_memory_size() / batch.num_rows().max(1))
        .collect();
    let mut result = Vec::new();
    let mut rest = order.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0usize;
        let rows = rest.iter().take(ROWS).take_while(|row| {
            let before = bytes;
            bytes = bytes.saturating_add(bytes_of_row.get(row.batch).copied().unwrap_or(0));
            before == 0 || bytes <= MOST_BYTES
        });
        let (now, later) = rest.split_at(rows.count());
        result.push(gather(&batches, now, schema)?);
        rest = later;
    }
    Ok(result)
}

/// These rows as one batch, copied run by run.
fn gather(batches: &[RecordBatch], rows: &[Row], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for at in rows {
        match runs.last_mut() {
            Some((batch, _, end)) if *batch == at.batch && *end == at.row => *end += 1,
            _ => runs.push((at.batch, at.row, at.row + 1)),
        }
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for column in 0..schema.fields().len() {
        let data: Vec<_> = batches
            .iter()
            .map(|batch| batch.column(column).to_data())
            .collect();
        let mut gathered = MutableArrayData::new(data.iter().collect(), true, rows.len());
        for &(batch, start, end) in &runs {
            gathered.try_extend(batch, start, end)?;
        }
        columns.push(make_array(gathered.freeze()));
    }
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}
