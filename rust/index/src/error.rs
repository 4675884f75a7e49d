//! Why an index could not be made; what is wrong with one file is a row, not one of these.

use std::fmt;
use std::path::PathBuf;

/// Why an index could not be made.
#[derive(Debug)]
pub enum IndexError {
    /// A column that cannot be had; the words say what was meant, perhaps.
    Column(String),
    /// The source itself is not there.
    Source {
        /// What was given.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// What gives the paths failed.
    Feed(Box<dyn std::error::Error + Send + Sync>),
    /// The output could not be written.
    Output {
        /// Where to.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// Who keeps the table's log did not commit a change.
    Commit(Box<dyn std::error::Error + Send + Sync>),
    /// The caller asked to stop.
    Cancelled,
    /// A defect of ours.
    Internal(String),
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IndexError::Column(words) => f.write_str(words),
            IndexError::Source { path, error } | IndexError::Output { path, error } => {
                write!(f, "{}: {error}", path.display())
            }
            IndexError::Feed(error) => write!(f, "the source of paths failed: {error}"),
            IndexError::Commit(error) => write!(f, "a part was not committed: {error}"),
            IndexError::Cancelled => f.write_str("cancelled"),
            IndexError::Internal(words) => write!(f, "a defect of rapidicom: {words}"),
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            IndexError::Source { error, .. } | IndexError::Output { error, .. } => Some(error),
            IndexError::Feed(error) | IndexError::Commit(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl From<arrow_schema::ArrowError> for IndexError {
    fn from(error: arrow_schema::ArrowError) -> IndexError {
        IndexError::Internal(error.to_string())
    }
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, IndexError>;
