//! `index`, `scan`, `write_parquet`: many files as Arrow columns, handed over by PyCapsules without a copy.

use crate::limits::Limits;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString};
use rapidicom_index::{
    Algorithm, Columns, Counts, IndexError, NotDicom, Options, Progress, Scan as CoreScan,
    SchemaRef, Sources, Step, export,
};
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Between two looks at Ctrl-C and two calls of `progress`.
const PATIENCE: Duration = Duration::from_millis(100);

fn raise(py: Python<'_>, error: IndexError) -> PyErr {
    match error {
        IndexError::Column(words) => PyValueError::new_err(words),
        IndexError::Source { path, error } | IndexError::Output { path, error } => {
            os_error(py, &error, &path)
        }
        IndexError::Feed(error) | IndexError::Commit(error) => match error.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(error) => PyRuntimeError::new_err(error.to_string()),
        },
        IndexError::Cancelled => PyKeyboardInterrupt::new_err("cancelled"),
        IndexError::Internal(words) => PyRuntimeError::new_err(words),
    }
}

fn os_error(py: Python<'_>, error: &std::io::Error, path: &Path) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => crate::error::raise(
            py,
            rapidicom_core::Error::new(rapidicom_core::ErrorKind::Os(errno), ""),
            Some(path),
        ),
        None => PyOSError::new_err(format!("{}: {error}", path.display())),
    }
}

/// Requests to a store that are under way at once, unless threads are said.
const REQUESTS: usize = 64;

/// The keyword arguments that `index`, `scan` and `write_parquet` share.
pub(crate) struct Arguments {
    pub(crate) sources: Sources,
    pub(crate) options: Options,
}

/// Which columns a table has, as the keyword arguments say it.
pub(crate) struct Shape<'a, 'py> {
    pub(crate) columns: Option<&'a Bound<'py, PyAny>>,
    pub(crate) frames: bool,
    pub(crate) json: bool,
    pub(crate) hash: Option<&'a str>,
    pub(crate) layout: &'a str,
    pub(crate) profile: &'a str,
}

impl Shape<'_, '_> {
    fn columns(&self) -> PyResult<Columns> {
        let py_error = |error: IndexError| PyValueError::new_err(error.to_string());
        if self.layout == "long" {
            if self.columns.is_some() || self.frames || self.json || self.hash.is_some() {
                return Err(PyValueError::new_err(
                    "layout='long' has its own columns: path, tag, vr, value, status, error",
                ));
            }
            return Columns::long().map_err(py_error);
        }
        let mut more = Vec::new();
        if self.json {
            more.push("json");
        }
        match self.hash {
            None => {}
            Some("sha256") => more.extend(Algorithm::Sha256.columns()),
            Some("xxh3") => more.extend(Algorithm::Xxh3.columns()),
            Some(other) => {
                return Err(PyValueError::new_err(format!(
                    "hash is {other:?}, expected 'sha256' or 'xxh3'"
                )));
            }
        }
        self.named()?.and(&more).map_err(py_error)
    }

    fn named(&self) -> PyResult<Columns> {
        let py_error = |error: IndexError| PyValueError::new_err(error.to_string());
        let Some(columns) = self.columns else {
            return Columns::default_row(self.frames).map_err(py_error);
        };
        if let Ok(name) = columns.cast::<PyString>() {
            let name = name.to_str()?;
            if name != "default" {
                return Err(PyValueError::new_err(format!(
                    "{name:?} is no named set of columns; there is 'default'"
                )));
            }
            return Columns::default_row(self.frames).map_err(py_error);
        }
        let names = columns
            .try_iter()?
            .map(|column| name_of(&column?))
            .collect::<PyResult<Vec<_>>>()?;
        Columns::new(&names, self.frames).map_err(py_error)
    }
}

fn name_of(column: &Bound<'_, PyAny>) -> PyResult<String> {
    match column.cast::<PyString>() {
        Ok(name) => Ok(name.to_str()?.to_owned()),
        Err(_) => Ok(format!("{:08X}", crate::keyword::tag_from(column)?.0)),
    }
}

/// How files are read, as the keyword arguments say it.
pub(crate) struct Reading<'a> {
    pub(crate) threads: Option<usize>,
    pub(crate) archives: bool,
    pub(crate) not_dicom: &'a str,
    pub(crate) limits: Option<Limits>,
    /// Whether paths are made absolute.
    pub(crate) whole: bool,
}

pub(crate) fn arguments(
    sources: &Bound<'_, PyAny>,
    shape: &Shape<'_, '_>,
    reading: Reading<'_>,
) -> PyResult<Arguments> {
    if reading.threads == Some(0) {
        return Err(PyValueError::new_err(
            "threads is 0, expected at least 1, or None for as many as help",
        ));
    }
    one_of("layout", shape.layout, ["wide", "long"])?;
    one_of("profile", shape.profile, ["default", "spark"])?;
    one_of("not_dicom", reading.not_dicom, ["skip", "row"])?;
    let mut options = Options::new(shape.columns()?);
    let understood = crate::sources::understand(sources, reading.archives, reading.whole)?;
    options.threads = reading.threads.or(understood.far.then_some(REQUESTS));
    options.archives = reading.archives;
    if reading.not_dicom == "row" {
        options.not_dicom = NotDicom::Row;
    }
    if let Some(limits) = reading.limits {
        options.limits = limits.0;
    }
    Ok(Arguments {
        sources: understood.sources,
        options,
    })
}

fn one_of(name: &str, given: &str, expected: [&str; 2]) -> PyResult<()> {
    if expected.contains(&given) {
        return Ok(());
    }
    let [first, second] = expected;
    Err(PyValueError::new_err(format!(
        "{name} is {given:?}, expected '{first}' or '{second}'"
    )))
}

/// Asks Python, now and then, whether to go on; remembers the exception that says no.
pub(crate) struct Watch {
    progress: Option<Py<PyAny>>,
    error: Option<PyErr>,
}

impl Watch {
    pub(crate) fn new(progress: Option<Bound<'_, PyAny>>) -> Watch {
        Watch {
            progress: progress.map(Bound::unbind),
            error: None,
        }
    }

    /// Called by Rust, with the interpreter released.
    pub(crate) fn go_on(&mut self, progress: &Progress) -> bool {
        self.error = Python::attach(|py| {
            py.check_signals()
                .and_then(|()| self.tell(py, progress.counts()))
        })
        .err();
        self.error.is_none()
    }

    /// `progress(files_done, errors, files_seen, bytes_read)`
    pub(crate) fn tell(&self, py: Python<'_>, counts: Counts) -> PyResult<()> {
        if let Some(callable) = &self.progress {
            callable
                .bind(py)
                .call1((counts.files, counts.failed, counts.files, counts.bytes))?;
        }
        Ok(())
    }

    /// What came of it: Python's own exception first.
    pub(crate) fn finish<T>(
        &mut self,
        py: Python<'_>,
        made: std::result::Result<T, IndexError>,
    ) -> PyResult<T> {
        match self.error.take() {
            Some(error) => Err(error),
            None => made.map_err(|error| raise(py, error)),
        }
    }
}

/// One row a file as an Arrow table. `sources`: a folder, a glob, a file of paths, or paths. `columns`: keywords, tags,
/// paths into sequences. A file that can't be read is a row with status "error".
#[pyfunction]
#[pyo3(signature = (sources, *, columns = None, threads = None, frames = false, json = false, hash = None,
                    layout = "wide", archives = false, not_dicom = "skip", profile = "default", progress = None, limits = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn index<'py>(
    py: Python<'py>,
    sources: &Bound<'py, PyAny>,
    columns: Option<&Bound<'py, PyAny>>,
    threads: Option<usize>,
    frames: bool,
    json: bool,
    hash: Option<&str>,
    layout: &str,
    archives: bool,
    not_dicom: &str,
    profile: &str,
    progress: Option<Bound<'py, PyAny>>,
    limits: Option<Limits>,
) -> PyResult<Index> {
    let shape = Shape {
        columns,
        frames,
        json,
        hash,
        layout,
        profile,
    };
    let reading = Reading {
        threads,
        archives,
        not_dicom,
        limits,
        whole: false,
    };
    let Arguments { sources, options } = arguments(sources, &shape, reading)?;
    let mut watch = Watch::new(progress);
    let made = py
        .detach(|| rapidicom_index::index(sources, options, &mut |progress| watch.go_on(progress)));
    let index = watch.finish(py, made)?;
    watch.tell(py, index.counts)?;
    Ok(Index { index })
}

/// As `index`, as a one-shot stream of record batches: memory does not grow with the number of files.
#[pyfunction]
#[pyo3(signature = (sources, *, columns = None, threads = None, frames = false, json = false, hash = None,
                    layout = "wide", archives = false, not_dicom = "skip", profile = "default", progress = None, limits = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn scan<'py>(
    py: Python<'py>,
    sources: &Bound<'py, PyAny>,
    columns: Option<&Bound<'py, PyAny>>,
    threads: Option<usize>,
    frames: bool,
    json: bool,
    hash: Option<&str>,
    layout: &str,
    archives: bool,
    not_dicom: &str,
    profile: &str,
    progress: Option<Bound<'py, PyAny>>,
    limits: Option<Limits>,
) -> PyResult<Scan> {
    let shape = Shape {
        columns,
        frames,
        json,
        hash,
        layout,
        profile,
    };
    let reading = Reading {
        threads,
        archives,
        not_dicom,
        limits,
        whole: false,
    };
    let Arguments { sources, options } = arguments(sources, &shape, reading)?;
    let scan = py
        .detach(|| rapidicom_index::scan(sources, options))
        .map_err(|e| raise(py, e))?;
    Ok(Scan {
        schema: scan.schema(),
        scan: Mutex::new(Some((scan, Watch::new(progress)))),
    })
}

/// As `index`, straight into one Parquet file: complete, or not there.
#[pyfunction]
#[pyo3(signature = (sources, path, *, columns = None, threads = None, frames = false, json = false, hash = None,
                    layout = "wide", archives = false, not_dicom = "skip", progress = None, limits = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn write_parquet<'py>(
    py: Python<'py>,
    sources: &Bound<'py, PyAny>,
    path: PathBuf,
    columns: Option<&Bound<'py, PyAny>>,
    threads: Option<usize>,
    frames: bool,
    json: bool,
    hash: Option<&str>,
    layout: &str,
    archives: bool,
    not_dicom: &str,
    progress: Option<Bound<'py, PyAny>>,
    limits: Option<Limits>,
) -> PyResult<Bound<'py, PyDict>> {
    let shape = Shape {
        columns,
        frames,
        json,
        hash,
        layout,
        profile: "default",
    };
    let reading = Reading {
        threads,
        archives,
        not_dicom,
        limits,
        whole: false,
    };
    let Arguments { sources, options } = arguments(sources, &shape, reading)?;
    let mut watch = Watch::new(progress);
    let made = py.detach(|| {
        rapidicom_index::write_parquet(sources, options, &path, &mut |progress| {
            watch.go_on(progress)
        })
    });
    let report = watch.finish(py, made)?;
    watch.tell(py, report.counts)?;
    let counts = report.counts;
    let facts = PyDict::new(py);
    for (name, value) in [
        ("files", counts.files),
        ("rows", counts.rows),
        ("failed", counts.failed),
        ("skipped", counts.skipped),
        ("bytes", counts.bytes),
        ("written", report.written),
    ] {
        facts.set_item(name, value)?;
    }
    facts.set_item("seconds", report.elapsed.as_secs_f64())?;
    Ok(facts)
}

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(
        py,
        export::schema(schema).map_err(|e| raise(py, e))?,
        SCHEMA,
    )
}

/// Names and Arrow types of columns.
#[pyclass(frozen, module = "rapidicom", name = "Schema")]
pub(crate) struct Schema {
    schema: SchemaRef,
}

#[pymethods]
impl Schema {
    #[getter]
    fn names(&self) -> Vec<String> {
        self.schema
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect()
    }

    #[getter]
    fn types(&self) -> Vec<String> {
        self.schema
            .fields()
            .iter()
            .map(|f| f.data_type().to_string())
            .collect()
    }

    fn __len__(&self) -> usize {
        self.schema.fields().len()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast::<Schema>()
            .is_ok_and(|other| other.get().schema == self.schema)
    }

    fn __repr__(&self) -> String {
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|f| format!("{}: {}", f.name(), f.data_type()));
        columns.collect::<Vec<_>>().join("\n")
    }
}

/// A table in memory; has `__arrow_c_stream__`, and may be read again and again.
#[pyclass(frozen, module = "rapidicom", name = "Index")]
pub(crate) struct Index {
    index: rapidicom_index::Index,
}

#[pymethods]
impl Index {
    fn __len__(&self) -> usize {
        self.index.len()
    }

    #[getter]
    fn schema(&self) -> Schema {
        Schema {
            schema: self.index.schema.clone(),
        }
    }

    /// Files that were looked at, failed, and skipped because they are no DICOM.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facts = PyDict::new(py);
        facts.set_item("files", self.index.counts.files)?;
        facts.set_item("failed", self.index.counts.failed)?;
        facts.set_item("skipped", self.index.counts.skipped)?;
        Ok(facts)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.index.schema)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema; // The protocol lets a producer keep its own schema.
        let stream = export::stream(self.index.schema.clone(), self.index.batches.clone());
        PyCapsule::new_with_value(py, stream, STREAM)
    }

    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.getattr("table")?.call1((slf,))
    }

    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py()
            .import("polars")?
            .getattr("DataFrame")?
            .call1((slf,))
    }

    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Index::to_pyarrow(slf)?.call_method0("to_pandas")
    }

    fn write_parquet(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.index.write_parquet(&path))
            .map_err(|e| raise(py, e))
    }

    fn __repr__(&self) -> String {
        format!(
            "<Index: {} rows, {} columns>",
            self.index.len(),
            self.index.schema.fields().len()
        )
    }
}

/// A one-shot stream of record batches.
#[pyclass(frozen, module = "rapidicom", name = "Scan")]
pub(crate) struct Scan {
    schema: SchemaRef,
    /// Taken by whoever reads the stream as a whole.
    scan: Mutex<Option<(CoreScan, Watch)>>,
}

impl Scan {
    fn next(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        py.detach(|| {
            let mut held = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((scan, watch)) = held.as_mut() else {
                return Ok(None);
            };
            let progress = scan.progress();
            loop {
                let step = scan.poll(PATIENCE);
                if !watch.go_on(&progress) {
                    progress.cancel();
                    let made = Python::attach(|py| watch.finish(py, Ok(None)));
                    *held = None;
                    return made;
                }
                match step {
                    Ok(Step::Batch(rows)) => return Ok(Some(Batch { batch: rows.batch })),
                    Ok(Step::Waiting) => {}
                    Ok(Step::End) => {
                        *held = None;
                        return Ok(None);
                    }
                    Err(error) => {
                        *held = None;
                        return Err(Python::attach(|py| raise(py, error)));
                    }
                }
            }
        })
    }
}

impl Drop for Scan {
    /// Its threads may wait for the interpreter, and are waited for.
    fn drop(&mut self) {
        let held = self.scan.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((scan, _)) = held.take() {
            Python::attach(|py| py.detach(move || drop(scan)));
        }
    }
}

#[pymethods]
impl Scan {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        self.next(py)
    }

    #[getter]
    fn schema(&self) -> Schema {
        Schema {
            schema: self.schema.clone(),
        }
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema; // The protocol lets a producer keep its own schema.
        let taken = py.detach(|| {
            self.scan
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
        });
        let Some((scan, mut watch)) = taken else {
            return Err(PyValueError::new_err(
                "the scan was read already; it is a one-shot stream",
            ));
        };
        let progress = scan.progress();
        // Whoever reads the stream may or may not hold the interpreter; a wait must not.
        let waiting = move |wait: &mut (dyn FnMut() + Send)| {
            Python::attach(|py| py.detach(wait));
            watch.go_on(&progress)
        };
        PyCapsule::new_with_value(py, export::stream_of(scan, Box::new(waiting)), STREAM)
    }
}

/// Some rows of a scan; has `__arrow_c_array__`.
#[pyclass(frozen, module = "rapidicom", name = "RecordBatch")]
pub(crate) struct Batch {
    batch: rapidicom_index::RecordBatch,
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    #[getter]
    fn num_rows(&self) -> usize {
        self.batch.num_rows()
    }

    #[getter]
    fn schema(&self) -> Schema {
        Schema {
            schema: self.batch.schema(),
        }
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.batch.schema())
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema; // The protocol lets a producer keep its own schema.
        let (array, schema) = export::batch(&self.batch).map_err(|e| raise(py, e))?;
        Ok((
            PyCapsule::new_with_value(py, schema, SCHEMA)?,
            PyCapsule::new_with_value(py, array, ARRAY)?,
        ))
    }

    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py()
            .import("pyarrow")?
            .getattr("record_batch")?
            .call1((slf,))
    }
}
