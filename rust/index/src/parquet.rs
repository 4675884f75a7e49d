//! A stream of record batches → one Parquet file: written under another name, synced, renamed. Whoever finds the file
//! finds all of it.

use crate::engine::{Scan, scan};
use crate::error::{IndexError, Result};
use crate::progress::{Counts, Progress};
use crate::shared::{Options, PATIENCE, ROWS, Rows, Step};
use crate::walk::Sources;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rows of a row group of a part: queries read whole groups, and a part's memory is that of one.
const PART_GROUP: usize = 4 * ROWS;

/// Bytes of a page: each column has a compressor of its own, whose memory is that of its largest page.
const PAGE_BYTES: usize = 64 << 10;

/// Columns that differ from row to row: looking for equal values finds none.
const UNIQUE: &[&str] = &[
    "path",
    "mtime",
    "SOPInstanceUID",
    "inode",
    "mtime_ns",
    "json",
];

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// What was seen.
    pub counts: Counts,
    /// Bytes of the Parquet file.
    pub written: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Reads all of `sources` and writes their rows as they come; memory does not grow with the number of files. Ten times a
/// second `go_on` is asked; false ends in [`IndexError::Cancelled`], and no file is left.
pub fn write_parquet(
    sources: Sources,
    options: Options,
    path: &Path,
    go_on: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Report> {
    let begun = Instant::now();
    let mut scan = scan(sources, options)?;
    let mut file = Unfinished::create(path, scan.schema())?;
    let progress = scan.progress();
    let mut asked = Instant::now();
    while let Some(batch) = next(&mut scan)? {
        if let Some(batch) = batch {
            file.write(&batch.batch)?;
        }
        if asked.elapsed() >= PATIENCE {
            asked = Instant::now();
            if !go_on(&progress) {
                return Err(IndexError::Cancelled);
            }
        }
    }
    drop(scan);
    let written = file.finish()?;
    Ok(Report {
        counts: progress.counts(),
        written: written.bytes,
        elapsed: begun.elapsed(),
    })
}

/// A batch, nothing yet, or the end.
pub(crate) fn next(scan: &mut Scan) -> Result<Option<Option<Rows>>> {
    Ok(match scan.poll(PATIENCE)? {
        Step::Batch(rows) => Some(Some(rows)),
        Step::Waiting => Some(None),
        Step::End => None,
    })
}

/// Writes these batches as one Parquet file.
pub fn write_batches(
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    path: &Path,
) -> Result<()> {
    let mut file = Unfinished::create(path, schema)?;
    for batch in batches {
        file.write(&batch?)?;
    }
    file.finish().map(|_| ())
}

/// A Parquet file that has its name only when it is finished; dropped before, it is removed.
pub(crate) struct Unfinished {
    writer: Option<ArrowWriter<File>>,
    temporary: PathBuf,
    path: PathBuf,
}

/// A Parquet file that is there.
pub(crate) struct Written {
    /// Its size.
    pub(crate) bytes: u64,
    /// What its footer says.
    pub(crate) metadata: ParquetMetaData,
}

impl Unfinished {
    fn create(path: &Path, schema: SchemaRef) -> Result<Unfinished> {
        let mut hidden = OsString::from(".");
        hidden.push(path.file_name().unwrap_or_default());
        hidden.push(format!(".{}.part", std::process::id()));
        Unfinished::begin(path, path.with_file_name(hidden), schema, ROWS)
    }

    /// A part of a table. Its temporary name is not hidden, so that what a killed process leaves is vacuumed with the rest.
    pub(crate) fn part(path: &Path, schema: SchemaRef) -> Result<Unfinished> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        Unfinished::begin(path, PathBuf::from(temporary), schema, PART_GROUP)
    }

    fn begin(
        path: &Path,
        temporary: PathBuf,
        schema: SchemaRef,
        group: usize,
    ) -> Result<Unfinished> {
        let refuse = |error: std::io::Error| IndexError::Output {
            path: path.to_path_buf(),
            error,
        };
        if path.file_name().is_none() {
            return Err(refuse(std::io::ErrorKind::InvalidInput.into()));
        }
        let file = File::create(&temporary).map_err(refuse)?;
        let mut unfinished = Unfinished {
            writer: None,
            temporary,
            path: path.to_path_buf(),
        };
        let mut properties = WriterProperties::builder();
        for name in UNIQUE {
            properties = properties.set_column_dictionary_enabled((*name).into(), false);
        }
        let properties = properties
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
            .set_max_row_group_row_count(Some(group))
            .set_data_page_size_limit(PAGE_BYTES)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("rapidicom ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties))
            .map_err(|e| unfinished.refused(e))?;
        unfinished.writer = Some(writer);
        Ok(unfinished)
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        writer.write(batch).map_err(|error| self.refused(error))
    }

    /// Bytes so far, those that are still held among them.
    pub(crate) fn held(&self) -> usize {
        self.writer.as_ref().map_or(0, |writer| {
            writer
                .bytes_written()
                .saturating_add(writer.in_progress_size())
        })
    }

    /// Writes it out, syncs it and gives it its name.
    pub(crate) fn finish(mut self) -> Result<Written> {
        let refuse = |error: std::io::Error| IndexError::Output {
            path: self.path.clone(),
            error,
        };
        let Some(mut writer) = self.writer.take() else {
            return Err(IndexError::Internal("a file was finished twice".to_owned()));
        };
        let metadata = writer.finish().map_err(|error| self.refused(error))?;
        let file = writer.inner();
        file.sync_all().map_err(refuse)?;
        let bytes = file.metadata().map_err(refuse)?.len();
        std::fs::rename(&self.temporary, &self.path).map_err(refuse)?;
        sync_folder(&self.path);
        Ok(Written { bytes, metadata })
    }

    fn refused(&self, error: ParquetError) -> IndexError {
        let error = match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(error) => *error,
                Err(other) => return IndexError::Internal(other.to_string()),
            },
            other => return IndexError::Internal(other.to_string()),
        };
        IndexError::Output {
            path: self.path.clone(),
            error,
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Renamed, it is no longer there.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// That the name outlives a crash too, where folders can be synced.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
