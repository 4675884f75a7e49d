//! A stream of record batches → the parts of a table: Parquet files, each complete before anyone is told of it. Who keeps
//! the table's log is told part by part what to add and what to take out, and says whether that is now so.
//!
//! A row of a file that changed is taken out in the very change that brings its new one: its part is written anew without
//! it. That is always done from the part as it was when the build began, so that no row ever moves under our hands.

use crate::engine::{Scan, scan};
use crate::error::{IndexError, Result};
use crate::known::{Known, Place, Root, open_part, vanished};
use crate::parquet::{Unfinished, next};
use crate::progress::{Counts, Progress};
use crate::shared::{Options, PATIENCE, Rows};
use crate::walk::Sources;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics as Chunk;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a build is done.
pub struct Build {
    /// Where the parts are written.
    pub folder: PathBuf,
    /// What the names of this build's parts begin with; no other build's do.
    pub prefix: String,
    /// The parts of the table as it is.
    pub parts: Vec<PathBuf>,
    /// What is walked through: rows of files that are gone from there are taken out.
    pub roots: Vec<Root>,
    /// A part has about so many rows at most.
    pub part_rows: usize,
    /// A part is finished after this time, however few rows it has: so much work is lost at most.
    pub part_time: Duration,
}

/// A part holds so many bytes at most, so that a build's memory stays flat whatever its columns hold.
const PART_BYTES: usize = 256 << 20;

/// One part that was written.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// What its columns hold.
    pub statistics: Vec<Statistics>,
}

/// What a column of a part holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The column.
    pub name: String,
    /// The lowest and the highest value; of long texts a bound.
    pub bounds: Option<(Bound, Bound)>,
    /// Rows without a value.
    pub nulls: u64,
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Bound {
    /// A whole number.
    Number(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// Days since 1970.
    Date(i32),
}

/// What is to be so at once: these parts are of the table, and those (by the number in [`Build::parts`], then the name
/// this build gave their last version) no longer are.
#[derive(Debug, Default)]
pub struct Change {
    /// New parts.
    pub added: Vec<Part>,
    /// Names of parts.
    pub removed: Vec<String>,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct BuildReport {
    /// What was seen.
    pub counts: Counts,
    /// Rows that were taken out: their files changed, or are gone.
    pub removed: u64,
    /// How many rows failed with which error.
    pub errors: BTreeMap<String, u64>,
    /// Files that are no DICOM: [`Known::read`] takes it at the next build.
    pub not_dicom: Vec<u64>,
    /// How long it took.
    pub elapsed: Duration,
}

type Commit<'a> =
    dyn FnMut(Change) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Reads what is new or changed in `sources` and writes parts. Ten times a second `go_on` is asked; false ends in
/// [`IndexError::Cancelled`] once what was read is committed.
pub fn build_parts(
    sources: Sources,
    options: Options,
    build: Build,
    go_on: &mut dyn FnMut(&Progress) -> bool,
    commit: &mut Commit<'_>,
) -> Result<BuildReport> {
    let begun = Instant::now();
    let known = options.known.clone().unwrap_or_default();
    let mut scan = scan(sources, options)?;
    let progress = scan.progress();
    let mut writing = Writing {
        schema: scan.schema(),
        stale: Stale::new(&known, &build),
        build: &build,
        open: None,
        since: Instant::now(),
        replaced: Vec::new(),
        number: 0,
        report: BuildReport::default(),
    };
    let ended = read_all(&mut scan, &mut writing, go_on, commit);
    // What was read is not lost when someone stops the build, or when a source fails.
    if !matches!(
        ended,
        Err(IndexError::Output { .. } | IndexError::Commit(_))
    ) {
        writing.flush(commit)?;
    }
    ended?;
    let gone = vanished(&known, &build.parts, &build.roots)?;
    if !gone.is_empty()
        && let Some(root) = build.roots.iter().find(|root| root.is_empty())
    {
        return Err(IndexError::Source {
            path: root.folder.clone(),
            error: std::io::Error::other(
                "the folder is empty, but the table has rows of files in it: is it mounted?",
            ),
        });
    }
    writing.replaced.extend(gone);
    writing.flush(commit)?;
    let mut report = writing.report;
    report.not_dicom = scan.take_not_dicom();
    report.counts = progress.counts();
    report.elapsed = begun.elapsed();
    Ok(report)
}

fn read_all(
    scan: &mut Scan,
    writing: &mut Writing<'_>,
    go_on: &mut dyn FnMut(&Progress) -> bool,
    commit: &mut Commit<'_>,
) -> Result<()> {
    let progress = scan.progress();
    let mut asked = Instant::now();
    while let Some(rows) = next(scan)? {
        if let Some(rows) = rows {
            writing.take(rows)?;
        }
        if writing.is_due() {
            writing.flush(commit)?;
        }
        if asked.elapsed() >= PATIENCE {
            asked = Instant::now();
            if !go_on(&progress) {
                return Err(IndexError::Cancelled);
            }
        }
    }
    Ok(())
}

/// The part that is being written.
struct Writing<'a> {
    build: &'a Build,
    schema: SchemaRef,
    stale: Stale<'a>,
    open: Option<(Unfinished, String, usize)>,
    since: Instant,
    /// Rows of the table that go when these come.
    replaced: Vec<Place>,
    number: usize,
    report: BuildReport,
}

impl Writing<'_> {
    fn take(&mut self, rows: Rows) -> Result<()> {
        let known = self.stale.known;
        self.replaced
            .extend(rows.replaced.iter().filter_map(|&row| known.place(row)));
        if rows.batch.num_rows() == 0 {
            return Ok(());
        }
        count_errors(&rows, &mut self.report.errors);
        let (part, _, count) = match &mut self.open {
            Some(open) => open,
            none => {
                self.since = Instant::now();
                let name = part_name(&self.build.prefix, &mut self.number);
                let part = Unfinished::part(&self.build.folder.join(&name), self.schema.clone())?;
                none.insert((part, name, 0))
            }
        };
        part.write(&rows.batch)?;
        *count += rows.batch.num_rows();
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.open.as_ref().is_some_and(|(part, _, rows)| {
            *rows >= self.build.part_rows
                || part.held() >= PART_BYTES
                || self.since.elapsed() >= self.build.part_time
        })
    }

    /// Finishes the part, writes those anew that lose rows to it, and has all that committed.
    fn flush(&mut self, commit: &mut Commit<'_>) -> Result<()> {
        let mut change = Change::default();
        if let Some((part, name, rows)) = self.open.take() {
            let written = part.finish()?;
            change.added.push(Part {
                name,
                bytes: written.bytes,
                rows: rows as u64,
                statistics: statistics(&self.schema, &written.metadata),
            });
        }
        let replaced = std::mem::take(&mut self.replaced);
        self.report.removed += replaced.len() as u64;
        for part in self.stale.mark(&replaced) {
            let name = part_name(&self.build.prefix, &mut self.number);
            self.stale.rewrite(part, name, &mut change)?;
        }
        if change.added.is_empty() && change.removed.is_empty() {
            return Ok(());
        }
        commit(change).map_err(IndexError::Commit)
    }
}

fn part_name(prefix: &str, number: &mut usize) -> String {
    let name = format!("{prefix}-{number:05}.zstd.parquet");
    *number += 1;
    name
}

/// Which rows of the parts are no longer of the table.
struct Stale<'a> {
    known: &'a Known,
    build: &'a Build,
    /// Of each part its rows, and its name now.
    parts: BTreeMap<u32, (BTreeSet<u32>, Option<String>)>,
}

impl<'a> Stale<'a> {
    fn new(known: &'a Known, build: &'a Build) -> Stale<'a> {
        Stale {
            known,
            build,
            parts: BTreeMap::new(),
        }
    }

    /// Notes these rows, and says which parts they were in.
    fn mark(&mut self, places: &[Place]) -> BTreeSet<u32> {
        for place in places {
            let build = self.build;
            let (rows, _) = self.parts.entry(place.part).or_insert_with(|| {
                let path = build.parts.get(place.part as usize);
                (BTreeSet::new(), path.and_then(|path| name_of(path)))
            });
            rows.insert(place.row);
        }
        places.iter().map(|place| place.part).collect()
    }

    /// Writes a part anew without its stale rows; with none left it just goes.
    fn rewrite(&mut self, part: u32, name: String, change: &mut Change) -> Result<()> {
        let (Some((stale, now)), Some(path)) = (
            self.parts.get_mut(&part),
            self.build.parts.get(part as usize),
        ) else {
            return Ok(());
        };
        let all = self.known.rows_in(part);
        let left = if stale.len() < all as usize {
            let written = copy_without(path, stale, &self.build.folder.join(&name))?;
            change.added.push(Part {
                name: name.clone(),
                ..written
            });
            Some(name)
        } else {
            None
        };
        change.removed.extend(std::mem::replace(now, left));
        Ok(())
    }
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

/// All rows of a part but some.
fn copy_without(path: &Path, stale: &BTreeSet<u32>, to: &Path) -> Result<Part> {
    let refuse = |error| IndexError::Source {
        path: path.to_path_buf(),
        error,
    };
    let unreadable =
        |error: parquet::errors::ParquetError| refuse(std::io::Error::other(error.to_string()));
    let builder = open_part(path)?;
    let total = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    let schema = Arc::clone(builder.schema());
    let mut kept = Vec::new();
    let mut from = 0usize;
    for &row in stale {
        kept.push(from..row as usize);
        from = row as usize + 1;
    }
    kept.push(from..total);
    kept.retain(|range| !range.is_empty());
    let selection = RowSelection::from_consecutive_ranges(kept.into_iter(), total);
    let reader = builder
        .with_row_selection(selection)
        .with_batch_size(8192)
        .build()
        .map_err(unreadable)?;
    let mut part = Unfinished::part(to, Arc::clone(&schema))?;
    let mut rows = 0u64;
    for batch in reader {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        part.write(&batch)?;
    }
    let written = part.finish()?;
    Ok(Part {
        name: String::new(),
        bytes: written.bytes,
        rows,
        statistics: statistics(&schema, &written.metadata),
    })
}

/// How many rows of a batch failed, by the name of the exception.
fn count_errors(rows: &Rows, errors: &mut BTreeMap<String, u64>) {
    let Some(column) = rows
        .batch
        .column_by_name("error")
        .and_then(|column| column.as_string_opt::<i32>())
    else {
        return;
    };
    if column
        .nulls()
        .is_none_or(|nulls| nulls.null_count() < column.len())
    {
        for words in column.iter().flatten() {
            let kind = words.split(':').next().unwrap_or(words);
            *errors.entry(kind.to_owned()).or_default() += 1;
        }
    }
}

/// Bounds and nulls of each column of single values, from the footer.
fn statistics(schema: &SchemaRef, metadata: &ParquetMetaData) -> Vec<Statistics> {
    let mut all = Vec::new();
    let leaves = metadata.file_metadata().schema_descr();
    for (leaf, column) in leaves.columns().iter().enumerate() {
        let [name] = column.path().parts() else {
            continue; // a list
        };
        let Ok(field) = schema.field_with_name(name) else {
            continue;
        };
        let mut merged: Option<Statistics> = None;
        let mut unbounded = false;
        for group in metadata.row_groups() {
            let Some(chunk) = group.columns().get(leaf).and_then(|c| c.statistics()) else {
                merged = None;
                break;
            };
            let one = of_chunk(name, field.data_type(), chunk);
            unbounded |= one.bounds.is_none() && one.nulls < group.num_rows().cast_unsigned();
            merged = Some(match merged {
                Some(before) => before.with(one),
                None => one,
            });
        }
        all.extend(merged.map(|mut merged| {
            merged.bounds.take_if(|_| unbounded);
            merged
        }));
    }
    all
}

fn of_chunk(name: &str, data_type: &DataType, chunk: &Chunk) -> Statistics {
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .ok()
            .map(|t| Bound::Text(t.to_owned()))
    };
    let bounds = match (data_type, chunk) {
        (DataType::Date32, Chunk::Int32(s)) => s
            .min_opt()
            .zip(s.max_opt())
            .map(|(&a, &b)| (Bound::Date(a), Bound::Date(b))),
        (DataType::Int32, Chunk::Int32(s)) => s
            .min_opt()
            .zip(s.max_opt())
            .map(|(&a, &b)| (Bound::Number(a.into()), Bound::Number(b.into()))),
        (DataType::Int64, Chunk::Int64(s)) => s
            .min_opt()
            .zip(s.max_opt())
            .map(|(&a, &b)| (Bound::Number(a), Bound::Number(b))),
        (DataType::Float64, Chunk::Double(s)) => s
            .min_opt()
            .zip(s.max_opt())
            .map(|(&a, &b)| (Bound::Float(a), Bound::Float(b))),
        (DataType::Utf8, Chunk::ByteArray(s)) => s
            .min_opt()
            .zip(s.max_opt())
            .and_then(|(a, b)| text(a.data()).zip(text(b.data()))),
        _ => None,
    };
    Statistics {
        name: name.to_owned(),
        bounds,
        nulls: chunk.null_count_opt().unwrap_or(0),
    }
}

impl Statistics {
    /// Of both. A row group of nulls alone has no bounds, and takes none away.
    fn with(self, other: Statistics) -> Statistics {
        let lower = |a: Bound, b: Bound| if b < a { b } else { a };
        let higher = |a: Bound, b: Bound| if b > a { b } else { a };
        let bounds = match (self.bounds, other.bounds) {
            (Some((a, b)), Some((c, d))) => Some((lower(a, c), higher(b, d))),
            (one, other) => one.or(other),
        };
        Statistics {
            name: self.name,
            bounds,
            nulls: self.nulls + other.nulls,
        }
    }
}
