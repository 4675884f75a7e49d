//! `index`, `scan`, `write_parquet`: many files as Arrow columns, handed over by PyCapsules without a copy.

use crate::limits::Limits;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyIterator, PyString};
use rapidicom_index::{
    Algorithm, Columns, Counts, IndexError, Item, Options, Progress, Scan as CoreScan, SchemaRef,
    Sources, Step, export,
};
use std::ffi::CStr;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Between two looks at Ctrl-C and two calls of `progress`.
const PATIENCE: Duration = Duration::from_millis(100);
/// Paths that are taken from a Python iterable at once.
const CHUNK: usize = 512;

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

/// A folder, a pattern, a file, a file of paths, or paths one by one.
fn sources_of(sources: &Bound<'_, PyAny>) -> PyResult<Sources> {
    if sources.cast::<PyString>().is_ok() || sources.hasattr("__fspath__")? {
        let path: PathBuf = sources.extract()?;
        if let Some(listed) = listed(sources, &path)? {
            return Ok(Sources::Feed(feed(listed.try_iter()?.unbind())));
        }
        return Ok(match file_of_paths(&path) {
            Some(reader) => Sources::Feed(lines(reader)),
            None => Sources::Path(path),
        });
    }
    let paths = sources.try_iter().map_err(|_| {
        PyTypeError::new_err(
            "sources is a folder, a glob pattern, a file of paths, or an iterable of paths",
        )
    })?;
    Ok(Sources::Feed(feed(paths.unbind())))
}

/// What Python lists: the objects under a URL, the files of a DICOMDIR.
fn listed<'py>(sources: &Bound<'py, PyAny>, path: &Path) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = sources.py();
    if is_url(path) {
        let remote = py.import("rapidicom.remote")?;
        return remote.call_method1("objects", (sources,)).map(Some);
    }
    let named = path
        .file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case("DICOMDIR"));
    if named && path.is_file() {
        let dicomdir = py.import("rapidicom.dicomdir")?;
        return dicomdir.call_method1("files", (sources,)).map(Some);
    }
    Ok(None)
}

/// `scheme://…`, which no path begins with.
fn is_url(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|path| path.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// Requests to a store that are under way at once, unless threads are said.
const REQUESTS: usize = 64;

type Lines = std::io::BufReader<std::fs::File>;

/// A regular file that is no DICOM but text is a list of paths, one a line.
fn file_of_paths(path: &Path) -> Option<Lines> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut head = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(4096)
        .read_to_end(&mut head)
        .ok()?;
    let text = !head.is_empty()
        && !head.contains(&0)
        && head.contains(&b'\n')
        && !head.starts_with(b"DICM");
    text.then(|| std::fs::File::open(path).ok().map(std::io::BufReader::new))
        .flatten()
}

fn lines(mut reader: Lines) -> rapidicom_index::Feed {
    Box::new(move || {
        let mut paths = Vec::new();
        let mut line = Vec::new();
        while paths.len() < CHUNK && reader.read_until(b'\n', &mut line)? > 0 {
            while let [head @ .., b'\n' | b'\r'] = line.as_slice() {
                line.truncate(head.len());
            }
            if !line.is_empty() {
                paths.push(Item::Path(path_of_bytes(&line)));
            }
            line.clear();
        }
        Ok(paths)
    })
}

#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// Takes paths and objects from a Python iterator, some hundreds at a time.
fn feed(items: Py<PyIterator>) -> rapidicom_index::Feed {
    Box::new(move || {
        let chunk = Python::attach(|py| -> PyResult<Vec<Item>> {
            items
                .bind(py)
                .clone()
                .take(CHUNK)
                .map(|item| crate::object_source::item(&item?))
                .collect()
        });
        chunk.map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
    })
}

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

pub(crate) fn arguments(
    sources: &Bound<'_, PyAny>,
    shape: &Shape<'_, '_>,
    threads: Option<usize>,
    archives: bool,
    profile: &str,
    limits: Option<Limits>,
) -> PyResult<Arguments> {
    if threads == Some(0) {
        return Err(PyValueError::new_err(
            "threads is 0, expected at least 1, or None for as many as help",
        ));
    }
    if !matches!(shape.layout, "wide" | "long") {
        return Err(PyValueError::new_err(format!(
            "layout is {:?}, expected 'wide' or 'long'",
            shape.layout
        )));
    }
    if !matches!(profile, "default" | "spark") {
        return Err(PyValueError::new_err(format!(
            "profile is {profile:?}, expected 'default' or 'spark'"
        )));
    }
    let mut options = Options::new(shape.columns()?);
    let far = sources.extract::<PathBuf>().is_ok_and(|path| is_url(&path));
    options.threads = threads.or(far.then_some(REQUESTS));
    options.archives = archives;
    if let Some(limits) = limits {
        options.limits = limits.0;
    }
    Ok(Arguments {
        sources: sources_of(sources)?,
        options,
    })
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
                    layout = "wide", archives = false, profile = "default", progress = None, limits = None))]
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
    };
    let Arguments { sources, options } =
        arguments(sources, &shape, threads, archives, profile, limits)?;
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
                    layout = "wide", archives = false, profile = "default", progress = None, limits = None))]
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
    };
    let Arguments { sources, options } =
        arguments(sources, &shape, threads, archives, profile, limits)?;
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
                    layout = "wide", archives = false, progress = None, limits = None))]
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
    progress: Option<Bound<'py, PyAny>>,
    limits: Option<Limits>,
) -> PyResult<Bound<'py, PyDict>> {
    let shape = Shape {
        columns,
        frames,
        json,
        hash,
        layout,
    };
    let Arguments { sources, options } =
        arguments(sources, &shape, threads, archives, "default", limits)?;
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
