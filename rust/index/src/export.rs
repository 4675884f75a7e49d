//! Record batches → the Arrow C data interface, for whoever hands them to another language.

use crate::engine::Scan;
use crate::error::Result;
use crate::shared::{PATIENCE, Step};
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, SchemaRef};

pub use arrow_array::ffi::{FFI_ArrowArray as ArrowArray, FFI_ArrowSchema as ArrowSchema};
pub use arrow_array::ffi_stream::FFI_ArrowArrayStream as ArrowArrayStream;

/// A schema.
pub fn schema(schema: &SchemaRef) -> Result<FFI_ArrowSchema> {
    Ok(FFI_ArrowSchema::try_from(schema.as_ref())?)
}

/// One batch, as an array of structs and its type.
pub fn batch(batch: &RecordBatch) -> Result<(FFI_ArrowArray, FFI_ArrowSchema)> {
    Ok(to_ffi(&StructArray::from(batch.clone()).to_data())?)
}

/// Batches that are at hand.
pub fn stream(schema: SchemaRef, batches: Vec<RecordBatch>) -> FFI_ArrowArrayStream {
    FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new(
        batches.into_iter().map(Ok),
        schema,
    )))
}

/// The batches of a running scan; `waiting` runs around each wait for one.
pub fn stream_of(scan: Scan, waiting: Waiting) -> FFI_ArrowArrayStream {
    FFI_ArrowArrayStream::new(Box::new(Reader {
        schema: scan.schema(),
        scan,
        waiting,
    }))
}

/// Runs a wait, with whatever must be let go meanwhile; false stops the scan.
pub type Waiting = Box<dyn FnMut(&mut (dyn FnMut() + Send)) -> bool + Send>;

struct Reader {
    schema: SchemaRef,
    scan: Scan,
    waiting: Waiting,
}

impl Iterator for Reader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut step = None;
            let scan = &mut self.scan;
            if !(self.waiting)(&mut || step = Some(scan.poll(PATIENCE))) {
                return Some(Err(ArrowError::ExternalError(Box::new(
                    crate::error::IndexError::Cancelled,
                ))));
            }
            match step {
                Some(Ok(Step::Batch(rows))) => return Some(Ok(rows.batch)),
                Some(Ok(Step::Waiting)) => {}
                Some(Ok(Step::End)) | None => return None,
                Some(Err(error)) => return Some(Err(ArrowError::ExternalError(Box::new(error)))),
            }
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
