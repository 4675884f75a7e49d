//! Many files → Arrow columns and Parquet: the only crate that knows Arrow, and how folders are walked.
//!
//! | file | what it holds |
//! |---|---|
//! | `walk` | folders, patterns and lists of paths → chunks of names, a bounded number at a time |
//! | `given` | which of the given sources lie in another one |
//! | `column` | what a column may be of: a fact of the file, or an element; what its cells hold |
//! | `column_name` | the words of a column's name → what they mean |
//! | `schema` | what was asked for → [`Columns`]: names, types, tags; from the dictionary alone |
//! | `wanted` | the elements that columns need, in one pass over a level |
//! | `extract` | one file → where its wanted elements lie → one row |
//! | `archive` | members of ZIP and TAR files |
//! | `object` | what is read like a file and is none |
//! | `reader` | the first bytes of one file or object after the other |
//! | `bytes` | the bytes of one file: a prefix, and a map where a prefix is not enough |
//! | `value` | one Value Field → one cell, whatever VR the file gives it |
//! | `nested` | elements inside sequences, by path |
//! | `document` | all elements of a file, at all levels, given to `json` or `long` |
//! | `json` | a header in the DICOM JSON Model |
//! | `long` | one row an element |
//! | `private` | private elements, by their creators |
//! | `hash` | SHA-256 and XXH3 of a file, of its Pixel Data, of its data set |
//! | `frames` | where every frame lies |
//! | `shown` | the path of a row |
//! | `tag_path` | the text of a tag, and of the items that lead to its element |
//! | `builder` | the cells of one column, whatever its type; of text: `text_column` |
//! | `batch` | rows → record batches |
//! | `engine` | threads, cancelling, progress: [`Scan`], a stream of record batches |
//! | `shared` | what a scan is asked for, what its threads share, and what they give |
//! | `progress` | how far it is, and how it is stopped |
//! | `worker` | one of its threads: chunks of names → files opened → rows |
//! | `known` | what a table already holds: which files are to be read, which rows to be taken out |
//! | `index` | [`Index`]: all rows in order of their paths |
//! | `export` | record batches → the Arrow C data interface |
//! | `parquet` | a stream of record batches → one Parquet file, complete or not there |
//! | `parts` | a stream of record batches → the parts of a table, each to be committed |
//!
//! What a file does never stops a scan: it is a row with `status = "error"`. Threads live as long as one [`Scan`]; there
//! is nothing global, so that a process may fork between two of them.
#![forbid(unsafe_code)]

mod archive;
mod batch;
mod builder;
mod bytes;
mod column;
mod column_name;
mod date;
mod document;
mod engine;
mod error;
pub mod export;
mod extract;
mod frames;
mod given;
mod hash;
mod index;
mod json;
mod known;
mod long;
mod nested;
mod object;
mod parquet;
mod parts;
mod private;
mod progress;
mod reader;
mod schema;
mod shared;
mod shown;
mod tag_path;
mod text_column;
mod value;
mod walk;
mod wanted;
mod worker;

pub use arrow_array::RecordBatch;
pub use arrow_schema::SchemaRef;
pub use engine::{Scan, scan};
pub use error::{IndexError, Result};
pub use given::{Given, normal};
pub use hash::Algorithm;
pub use index::{Index, index};
pub use known::{Known, Root, Shard};
pub use object::{InMemory, Item, Object, Refusal};
pub use parquet::{Report, write_batches, write_parquet};
pub use parts::{Bound, Build, BuildReport, Change, Part, Statistics, build_parts};
pub use progress::{Counts, Progress};
pub use schema::{Columns, DEFAULT};
pub use shared::{NotDicom, Options, Rows, Step};
pub use walk::{Feed, Sources, is_pattern};
