//! `build_parts`: what `rapidicom.build_index` asks of Rust. The table's log is Python's.

use crate::index::{Arguments, Reading, Shape, Watch, arguments};
use crate::limits::Limits;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use rapidicom_index::{
    Bound as Value, Build, BuildReport, Change, Known, Part, Root, Shard, Statistics,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a table has already, and where more of it goes.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Table {
    folder: PathBuf,
    prefix: String,
    parts: Vec<PathBuf>,
    not_dicom: Vec<u8>,
    roots: Vec<(PathBuf, bool)>,
    part_rows: usize,
    part_seconds: f64,
}

/// Reads what is new or changed in `sources` and writes parts; `commit(added, removed)` is called for each change, with the
/// facts of new parts and the names of old ones.
#[pyfunction]
#[pyo3(signature = (sources, table, commit, *, columns, shard, threads = None, frames = false, archives = false,
                    not_dicom = "skip", progress = None, limits = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn build_parts<'py>(
    py: Python<'py>,
    sources: &Bound<'py, PyAny>,
    table: Table,
    commit: Py<PyAny>,
    columns: &Bound<'py, PyAny>,
    shard: (u64, u64),
    threads: Option<usize>,
    frames: bool,
    archives: bool,
    not_dicom: &str,
    progress: Option<Bound<'py, PyAny>>,
    limits: Option<Limits>,
) -> PyResult<Bound<'py, PyDict>> {
    let shape = Shape {
        columns: Some(columns),
        frames,
        json: false,
        hash: None,
        layout: "wide",
        profile: "default",
    };
    let reading = Reading {
        threads,
        archives,
        not_dicom,
        limits,
        whole: true, // a table's paths hold wherever it is used
    };
    let Arguments {
        sources,
        mut options,
    } = arguments(sources, &shape, reading)?;
    let (index, count) = shard;
    if index >= count {
        return Err(PyValueError::new_err(format!(
            "shard is ({index}, {count}), expected (i, n) with 0 <= i < n"
        )));
    }
    options.shard = Shard { index, count };
    if table.part_rows < 4096 {
        options.batch_rows = Some(table.part_rows); // a part is whole batches
    }
    let roots = table
        .roots
        .into_iter()
        .map(|(folder, whole)| Root { folder, whole });
    let build = Build {
        folder: table.folder,
        prefix: table.prefix,
        parts: table.parts,
        roots: roots.collect(),
        part_rows: table.part_rows.max(1),
        part_time: Duration::try_from_secs_f64(table.part_seconds)
            .map_err(|error| PyValueError::new_err(format!("part_seconds: {error}")))?,
    };
    let not_dicom = table.not_dicom.as_chunks::<8>().0.iter();
    let not_dicom: Vec<u64> = not_dicom.map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let mut watch = Watch::new(progress);
    let made = py.detach(|| {
        let known = Known::read(&build.parts, options.shard, not_dicom)?;
        options.known = Some(Arc::new(known));
        rapidicom_index::build_parts(
            sources,
            options,
            build,
            &mut |progress| watch.go_on(progress),
            &mut |change| Ok(Python::attach(|py| tell(py, &commit, change))?),
        )
    });
    let report = watch.finish(py, made)?;
    watch.tell(py, report.counts)?;
    facts(py, &report)
}

fn tell(py: Python<'_>, commit: &Py<PyAny>, change: Change) -> PyResult<()> {
    let added = change.added.iter().map(|part| described(py, part));
    let added = added.collect::<PyResult<Vec<_>>>()?;
    commit.call1(
        py,
        (PyList::new(py, added)?, PyList::new(py, change.removed)?),
    )?;
    Ok(())
}

fn described<'py>(py: Python<'py>, part: &Part) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("name", &part.name)?;
    facts.set_item("bytes", part.bytes)?;
    facts.set_item("rows", part.rows)?;
    let columns = PyDict::new(py);
    for Statistics {
        name,
        bounds,
        nulls,
    } in &part.statistics
    {
        let (lowest, highest) = match bounds {
            Some((lowest, highest)) => (value(py, lowest)?, value(py, highest)?),
            None => (py.None().into_bound(py), py.None().into_bound(py)),
        };
        columns.set_item(name, (lowest, highest, nulls))?;
    }
    facts.set_item("columns", columns)?;
    Ok(facts)
}

fn value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Number(n) => n.into_pyobject(py)?.into_any(),
        Value::Float(n) => n.into_pyobject(py)?.into_any(),
        Value::Text(text) => text.into_pyobject(py)?.into_any(),
        Value::Date(days) => {
            // 719163 is the ordinal of 1970-01-01.
            let date = py.import("datetime")?.getattr("date")?;
            date.call_method1("fromordinal", (days.saturating_add(719_163),))?
        }
    })
}

fn facts<'py>(py: Python<'py>, report: &BuildReport) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    let counts = report.counts;
    for (name, value) in [
        ("files", counts.files),
        ("rows", counts.rows),
        ("failed", counts.failed),
        ("skipped", counts.skipped),
        ("unchanged", counts.unchanged),
        ("removed", report.removed),
        ("bytes", counts.bytes),
    ] {
        facts.set_item(name, value)?;
    }
    facts.set_item("seconds", report.elapsed.as_secs_f64())?;
    facts.set_item("errors", &report.errors)?;
    let not_dicom: Vec<u8> = report
        .not_dicom
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    facts.set_item("not_dicom", PyBytes::new(py, &not_dicom))?;
    Ok(facts)
}
