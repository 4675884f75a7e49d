//! What looks at a whole file, and is done only where it is asked for: JSON, hashes, the long layout.

use super::{Extractor, Outcome};
use crate::batch::Batch;
use crate::bytes::{Failure, FileBytes};
use crate::document;
use crate::hash::{Algorithm, Part, Parts};
use crate::json::Json;
use crate::long::Long;
use crate::schema::{Fact, Origin};
use crate::value::Level;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_source::{Identity, SourceError};
use std::path::PathBuf;
use std::sync::Arc;

impl Extractor {
    /// The header as JSON; null where it could not be read to its end.
    #[cold]
    pub(super) fn json(
        &mut self,
        file: &mut FileBytes<'_>,
        readable: bool,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let mut notes = Deviations::new(self.limits.max_warnings);
        let mut json = Json::begin(&mut self.text, &mut self.warnings);
        let (found, limits) = (&mut self.found, &self.limits);
        let walked = if readable {
            document::walk(&found.data_set, file, limits, &mut notes, &mut json).map(Some)
        } else {
            Ok(None)
        };
        let text = json.end().filter(|_| matches!(walked, Ok(Some(_))));
        if let Ok(Some(reached)) = walked {
            found.reached = found.reached.max(reached);
        }
        for (builder, column) in batch.builders.iter_mut().zip(&self.columns.columns) {
            if matches!(column.origin, Origin::Fact(Fact::Json)) {
                match text {
                    Some(text) => builder.append_text(text),
                    None => builder.append_null(),
                }
            }
        }
        notes
            .kept()
            .iter()
            .for_each(|deviation| self.warnings.note(deviation.code));
        self.adapt(file.prefix_len());
        walked.map(drop)
    }

    /// The hashes that are asked for; null of a file that could not be read.
    #[cold]
    pub(super) fn hash(
        &mut self,
        path: &dyn Fn() -> PathBuf,
        identity: Option<Identity>,
        failure: Option<&Failure>,
        level: &Level,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        let columns = Arc::clone(&self.columns);
        let hash = |origin: &Origin| match origin {
            Origin::Fact(Fact::Hash(part, algorithm)) => Some((*part, *algorithm)),
            _ => None,
        };
        let asked: Vec<(Part, Algorithm)> = columns
            .columns
            .iter()
            .filter_map(|column| hash(&column.origin))
            .collect();
        let start = self.found.start.as_ref();
        let parts = Parts {
            data_set: start.map(|start| start.data_set),
            pixels: self
                .found
                .pixels
                .filter(|_| start.is_some_and(|start| !start.deflated)),
            little: level.little,
        };
        let made = match failure {
            Some(Failure::Source(_)) => Ok(Vec::new()),
            _ => self.hashes.of_file(&path(), identity, &asked, &parts),
        };
        let mut made_ones = made.as_ref().map_or(&[][..], Vec::as_slice).iter();
        for (builder, column) in batch.builders.iter_mut().zip(&columns.columns) {
            if hash(&column.origin).is_some() {
                match made_ones.next() {
                    Some(Some(digits)) => builder.append_text(digits),
                    _ => builder.append_null(),
                }
            }
        }
        made.map(drop)
    }

    /// A row an element, and at the end one that says what failed.
    pub(super) fn long(
        &mut self,
        file: &mut FileBytes<'_>,
        shown: &str,
        failure: Option<Failure>,
        notes: &mut Deviations,
        batch: &mut Batch,
    ) -> Outcome {
        let Some(rows) = &mut batch.long else {
            return Outcome::Failed;
        };
        let mut rows = Long::begin(rows, shown, &mut self.warnings, &mut self.text);
        let (found, limits) = (&mut self.found, &self.limits);
        let failure = failure.or_else(|| {
            let meta = found.start.as_ref().map(|start| document::Level {
                range: start.file_meta.clone(),
                encoding: start.file_meta_encoding,
            });
            if let Some(meta) = meta
                && let Ok(bytes) = file.raw(meta.range.clone())
            {
                document::flat(&meta, &bytes, limits, &mut rows).ok();
            }
            match document::walk(&found.data_set, file, limits, notes, &mut rows) {
                Ok(reached) => {
                    found.reached = found.reached.max(reached);
                    None
                }
                Err(failure) => Some(failure),
            }
        });
        let count = rows.end();
        batch.count(count);
        self.adapt(file.prefix_len());
        match failure {
            Some(failure) => {
                self.error_row(shown, &failure, batch);
                Outcome::Failed
            }
            None => Outcome::Row,
        }
    }
}
