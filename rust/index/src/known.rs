//! What a table already holds: so that a second build reads only what is new or changed, and knows which rows to take out.

use crate::error::{IndexError, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rapidicom_source::Identity;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use twox_hash::XxHash3_64;

/// The version of what rows hold. A row of another version is read again.
pub(crate) const SCHEMA_VERSION: i32 = 1;

/// The columns by which a file is known again.
const IDENTITY: [&str; 6] = [
    "path",
    "path_bytes",
    "size",
    "mtime_ns",
    "inode",
    "schema_version",
];

/// A source list is split by the hash of each path: which part of it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// This one's number, from 0.
    pub index: u64,
    /// How many there are.
    pub count: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    pub(crate) fn has(self, path: u64) -> bool {
        path % self.count.max(1) == self.index
    }
}

/// By this a path is found again. The same on every machine.
pub(crate) fn hash_of(path: &[u8]) -> u64 {
    XxHash3_64::oneshot(path)
}

/// By this a file is known to be the same: size, time, inode. Not the device: a share that is mounted anew has another.
fn stamp_of(size: i64, mtime_ns: i64, inode: i64) -> u64 {
    let mut bytes = [0; 24];
    for (place, number) in bytes
        .as_chunks_mut::<8>()
        .0
        .iter_mut()
        .zip([size, mtime_ns, inode])
    {
        *place = number.to_le_bytes();
    }
    XxHash3_64::oneshot(&bytes)
}

fn stamp(identity: &Identity) -> u64 {
    stamp_of(
        identity.size.cast_signed(),
        identity.mtime_ns,
        identity.ino.cast_signed(),
    )
}

/// The stamp of a row that does not say which file it was read from: it never is the same.
const NONE: u64 = 0;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    path: u64,
    stamp: u64,
    part: u32,
    row: u32,
}

/// Where a row is: the number of its part, and its number in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) part: u32,
    pub(crate) row: u32,
}

const UNSEEN: u8 = 0;
const SAME: u8 = 1;
const CHANGED: u8 = 2;

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It has a row, and is the file that it was.
    Unchanged,
    /// It was no DICOM, and is the file that it was.
    NotDicom,
    /// It is to be read.
    Read,
    /// It was read in this scan, and its rows replaced.
    Again,
}

/// The rows of a table, by the hashes of their paths: 25 bytes a row.
#[derive(Debug, Default)]
pub struct Known {
    /// In order of their paths' hashes.
    rows: Vec<Row>,
    /// Where the rows begin whose hashes begin with a number of so many bits.
    starts: Vec<u32>,
    bits: u32,
    states: Vec<AtomicU8>,
    /// Files that were no DICOM, in order: path and stamp in one.
    not_dicom: Vec<u64>,
    /// How many rows each part has, those of other shards too.
    part_rows: Vec<u32>,
}

impl Known {
    /// Reads who is in these parts of a table. `not_dicom` are the files that a build before this one remembered as none.
    pub fn read(parts: &[PathBuf], shard: Shard, mut not_dicom: Vec<u64>) -> Result<Known> {
        let mut known = Known::default();
        for (number, path) in parts.iter().enumerate() {
            let part = u32::try_from(number).map_err(|_| too_many(path))?;
            let mut row = 0u32;
            for batch in identities(path)? {
                let batch = batch?;
                for identity in rows_of(&batch) {
                    if shard.has(identity.path) {
                        known.rows.push(Row {
                            path: identity.path,
                            stamp: identity.stamp,
                            part,
                            row,
                        });
                    }
                    row = row.checked_add(1).ok_or_else(|| too_many(path))?;
                }
            }
            known.part_rows.push(row);
        }
        not_dicom.sort_unstable();
        not_dicom.dedup();
        known.not_dicom = not_dicom;
        if u32::try_from(known.rows.len()).is_err() {
            return Err(IndexError::Internal(
                "more rows than one build may hold: divide the source by shards".to_owned(),
            ));
        }
        known.arrange();
        Ok(known)
    }

    /// Puts the rows in order, and notes where to look for each: about four rows share a beginning.
    fn arrange(&mut self) {
        self.rows.sort_unstable_by_key(|row| row.path);
        self.states = self.rows.iter().map(|_| AtomicU8::new(UNSEEN)).collect();
        self.bits = (self.rows.len() / 4).max(1).ilog2();
        self.starts = Vec::with_capacity((1 << self.bits) + 1);
        let mut at = 0u32;
        for row in &self.rows {
            let beginning = beginning_of(row.path, self.bits);
            while self.starts.len() <= beginning {
                self.starts.push(at);
            }
            at = at.saturating_add(1);
        }
        self.starts.resize((1 << self.bits) + 1, at);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a file of this path may be known: asked before the file is looked at, which costs a system call.
    pub(crate) fn may_have(&self, path: u64) -> bool {
        !self.not_dicom.is_empty() || self.of(path).next().is_some()
    }

    /// What is to be done with a file; the rows of its former states are given to `replaced`. `unique`: there is one file of
    /// this path, as of two members of an archive there may not be.
    pub(crate) fn look(
        &self,
        path: u64,
        now: &Identity,
        unique: bool,
        replaced: &mut Vec<u32>,
    ) -> Look {
        let stamp = stamp(now);
        let is_same = |number: usize| self.rows.get(number).is_some_and(|row| row.stamp == stamp);
        // Other rows of an archive that is as it was are of other members.
        let keeps_others = !unique && self.of(path).any(is_same);
        let (mut same, mut again) = (false, false);
        for number in self.of(path) {
            let (Some(row), Some(state)) = (self.rows.get(number), self.states.get(number)) else {
                continue;
            };
            // Of two equal rows, which a crash between two commits cannot make but a foreign hand may, one stays.
            if row.stamp == stamp && !(same && unique) {
                same = true;
                state.store(SAME, Ordering::Relaxed);
            } else if !keeps_others {
                again |= state.load(Ordering::Relaxed) == CHANGED;
                self.replace(number, replaced);
            }
        }
        if same {
            Look::Unchanged
        } else if again {
            Look::Again
        } else if self
            .not_dicom
            .binary_search(&Known::not_dicom_of(path, now))
            .is_ok()
        {
            Look::NotDicom
        } else {
            Look::Read
        }
    }

    /// The file of this path gets another row, whatever it is now.
    pub(crate) fn forget(&self, path: u64, replaced: &mut Vec<u32>) {
        for number in self.of(path) {
            self.replace(number, replaced);
        }
    }

    fn replace(&self, number: usize, replaced: &mut Vec<u32>) {
        let before = self
            .states
            .get(number)
            .map(|state| state.swap(CHANGED, Ordering::Relaxed));
        if before != Some(CHANGED)
            && let Ok(number) = u32::try_from(number)
        {
            replaced.push(number);
        }
    }

    /// A file that is no DICOM is remembered by this number.
    pub(crate) fn not_dicom_of(path: u64, identity: &Identity) -> u64 {
        path ^ stamp(identity).rotate_left(1)
    }

    pub(crate) fn place(&self, number: u32) -> Option<Place> {
        let row = self.rows.get(usize::try_from(number).ok()?)?;
        Some(Place {
            part: row.part,
            row: row.row,
        })
    }

    pub(crate) fn rows_in(&self, part: u32) -> u32 {
        usize::try_from(part)
            .ok()
            .and_then(|part| self.part_rows.get(part))
            .copied()
            .unwrap_or(0)
    }

    /// Rows that no file of this scan came upon, part by part.
    pub(crate) fn unseen(&self) -> Vec<Place> {
        let unseen = |state: &AtomicU8| state.load(Ordering::Relaxed) == UNSEEN;
        let mut places: Vec<Place> = self
            .rows
            .iter()
            .zip(&self.states)
            .filter(|(_, state)| unseen(state))
            .map(|(row, _)| Place {
                part: row.part,
                row: row.row,
            })
            .collect();
        places.sort_unstable();
        places
    }

    /// The rows of a path.
    fn of(&self, path: u64) -> impl Iterator<Item = usize> + Clone {
        let beginning = beginning_of(path, self.bits);
        let start = |at: usize| self.starts.get(at).map_or(0, |&start| start as usize);
        let near = start(beginning)..start(beginning.saturating_add(1));
        let rows = self.rows.get(near.clone()).unwrap_or_default();
        let numbered = near.zip(rows);
        numbered
            .filter(move |(_, row)| row.path == path)
            .map(|(number, _)| number)
    }
}

/// The first bits of a hash: hashes lie evenly.
fn beginning_of(path: u64, bits: u32) -> usize {
    path.checked_shr(64 - bits).unwrap_or(0) as usize
}

fn too_many(path: &Path) -> IndexError {
    IndexError::Internal(format!(
        "{} has more rows than a part may have",
        path.display()
    ))
}

/// Path and state of one row.
struct Identified {
    path: u64,
    stamp: u64,
}

/// A part, whoever wrote it last: types as Parquet has them, not as the writer's own schema says.
pub(crate) fn open_part(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let refuse = |error| IndexError::Source {
        path: path.to_path_buf(),
        error,
    };
    let file = File::open(path).map_err(refuse)?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| refuse(std::io::Error::other(error.to_string())))
}

/// The columns of a part by which its files are known.
fn identities(
    path: &Path,
) -> Result<impl Iterator<Item = std::result::Result<RecordBatch, arrow_schema::ArrowError>>> {
    let builder = open_part(path)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), IDENTITY);
    builder
        .with_projection(mask)
        .with_batch_size(8192)
        .build()
        .map_err(|error| IndexError::Source {
            path: path.to_path_buf(),
            error: std::io::Error::other(error.to_string()),
        })
}

fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Identified> {
    let columns = Columns::of(batch);
    (0..batch.num_rows()).map(move |row| Identified {
        path: columns.path(row).map_or(0, hash_of),
        stamp: columns.stamp(row),
    })
}

/// The identifying columns of a batch; one that is missing is null.
struct Columns<'a> {
    path: Option<&'a arrow_array::StringArray>,
    path_bytes: Option<&'a arrow_array::BinaryArray>,
    numbers: [Option<&'a arrow_array::Int64Array>; 3],
    version: Option<&'a arrow_array::Int32Array>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Columns<'a> {
        let number = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        Columns {
            path: batch.column_by_name("path").and_then(|c| c.as_string_opt()),
            path_bytes: batch
                .column_by_name("path_bytes")
                .and_then(|c| c.as_binary_opt()),
            numbers: [number("size"), number("mtime_ns"), number("inode")],
            version: batch
                .column_by_name("schema_version")
                .and_then(|c| c.as_primitive_opt::<Int32Type>()),
        }
    }

    /// The path's own bytes, which are not always text.
    fn path(&self, row: usize) -> Option<&'a [u8]> {
        match self.path_bytes.filter(|c| c.is_valid(row)) {
            Some(bytes) => Some(bytes.value(row)),
            None => self
                .path
                .filter(|c| c.is_valid(row))
                .map(|c| c.value(row).as_bytes()),
        }
    }

    fn stamp(&self, row: usize) -> u64 {
        let version = self
            .version
            .filter(|c| c.is_valid(row))
            .map(|c| c.value(row));
        let number = |column: Option<&arrow_array::Int64Array>| {
            column.filter(|c| c.is_valid(row)).map(|c| c.value(row))
        };
        match (version, self.numbers.map(number)) {
            (Some(SCHEMA_VERSION), [Some(size), Some(time), Some(inode)]) => {
                stamp_of(size, time, inode)
            }
            _ => NONE,
        }
    }
}

/// What a build walks through: only of rows in there can be said that their files are gone.
#[derive(Clone, Debug)]
pub struct Root {
    /// The folder.
    pub folder: PathBuf,
    /// Whether all files in it are looked at, not those alone that a pattern names.
    pub whole: bool,
}

impl Root {
    /// Whether nothing at all is in there: so does a share look that is not mounted.
    pub(crate) fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.folder).is_ok_and(|mut all| all.next().is_none())
    }
}

/// Which rows that no file came upon have no file any more.
pub(crate) fn vanished(known: &Known, parts: &[PathBuf], roots: &[Root]) -> Result<Vec<Place>> {
    let unseen = if roots.is_empty() {
        Vec::new()
    } else {
        known.unseen()
    };
    let mut gone = Vec::new();
    for places in unseen.chunk_by(|a, b| a.part == b.part) {
        let Some(path) = places
            .first()
            .and_then(|place| parts.get(usize::try_from(place.part).ok()?))
        else {
            continue;
        };
        let mut wanted = places.iter().peekable();
        let mut first = 0usize;
        for batch in identities(path)? {
            let batch = batch?;
            let columns = Columns::of(&batch);
            let end = first + batch.num_rows();
            while let Some(place) = wanted.next_if(|place| (place.row as usize) < end) {
                let row = place.row as usize - first;
                let path = columns.path(row).unwrap_or_default();
                if is_gone(path, columns.stamp(row), roots) {
                    gone.push(*place);
                }
            }
            first = end;
        }
    }
    Ok(gone)
}

/// A row is taken out only where the system says that there is no such file, or where the row is of what could not be
/// read then and is not met now: a share that is not there for a while costs no row.
fn is_gone(path: &[u8], stamp: u64, roots: &[Root]) -> bool {
    // Of a member of an archive the archive's own path is behind the last `::`.
    let archive = path
        .windows(2)
        .rposition(|pair| pair == b"::")
        .map(|at| at + 2);
    let Some(path) = path_of(path.get(archive.unwrap_or(0)..).unwrap_or_default()) else {
        return false;
    };
    let mut around = roots.iter().filter(|root| path.starts_with(&root.folder));
    let Some(whole) = around.clone().next().map(|_| around.any(|root| root.whole)) else {
        return false;
    };
    match std::fs::symlink_metadata(&path) {
        // A folder lies where the file was.
        Ok(now) if now.is_dir() && stamp != NONE => true,
        // The archive was looked through, and this was not met in it.
        Ok(_) if archive.is_some() => whole && File::open(&path).is_ok(),
        Ok(_) => whole && stamp == NONE,
        Err(error) => matches!(
            error.kind(),
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
        ),
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(size: u64) -> Identity {
        Identity {
            dev: 1,
            ino: 2,
            size,
            mtime_ns: 3,
        }
    }

    fn known(paths: &[&[u8]]) -> Known {
        let mut known = Known::default();
        for (row, path) in (0u32..).zip(paths) {
            known.rows.push(Row {
                path: hash_of(path),
                stamp: stamp(&identity(7)),
                part: 0,
                row,
            });
        }
        known.arrange();
        known
    }

    #[test]
    fn every_path_is_found_and_no_other() {
        let names: Vec<String> = (0..5000).map(|n| format!("/a/{n}")).collect();
        let paths: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let known = known(&paths);
        assert!(
            names
                .iter()
                .all(|name| known.of(hash_of(name.as_bytes())).count() == 1)
        );
        assert!((0..5000).all(|n| !known.may_have(hash_of(format!("/b/{n}").as_bytes()))));
        assert!(!Known::default().may_have(7));
    }

    #[test]
    fn a_changed_file_replaces_its_row_once() {
        let known = known(&[b"/a", b"/b"]);
        let mut replaced = Vec::new();
        assert_eq!(
            known.look(hash_of(b"/a"), &identity(7), true, &mut replaced),
            Look::Unchanged
        );
        assert_eq!(
            known.look(hash_of(b"/b"), &identity(8), true, &mut replaced),
            Look::Read
        );
        assert_eq!(
            known.look(hash_of(b"/b"), &identity(8), true, &mut replaced),
            Look::Again
        );
        assert_eq!(
            known.look(hash_of(b"/c"), &identity(8), true, &mut replaced),
            Look::Read
        );
        assert_eq!(replaced.len(), 1);
        assert!(known.unseen().is_empty());
    }

    #[test]
    fn what_was_no_dicom_is_known_until_it_changes() {
        let mut known = known(&[]);
        let path = hash_of(b"/notes.txt");
        known.not_dicom = vec![Known::not_dicom_of(path, &identity(7))];
        assert_eq!(
            known.look(path, &identity(7), true, &mut Vec::new()),
            Look::NotDicom
        );
        assert_eq!(
            known.look(path, &identity(8), true, &mut Vec::new()),
            Look::Read
        );
    }

    #[test]
    fn shards_divide_and_miss_nothing() {
        let shards = [0, 1, 2].map(|index| Shard { index, count: 3 });
        for n in 0..100u64 {
            assert_eq!(
                shards
                    .iter()
                    .filter(|shard| shard.has(hash_of(&n.to_le_bytes())))
                    .count(),
                1
            );
        }
    }
}
