//! `Limits`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rapidicom_core::Limits as CoreLimits;

/// Bounds on the work that a file may ask for; exceeding one is a LimitError that names it.
#[pyclass(frozen, eq, module = "rapidicom", name = "Limits", from_py_object)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Limits(pub(crate) CoreLimits);

macro_rules! limits {
    ($($name:ident: $kind:ty),* $(,)?) => {
        #[pymethods]
        impl Limits {
            #[new]
            #[pyo3(signature = (*, $($name = None),*))]
            #[allow(clippy::too_many_arguments)]
            fn new($($name: Option<Bound<'_, PyAny>>),*) -> PyResult<Limits> {
                let mut limits = CoreLimits::DEFAULT;
                $(if let Some(value) = $name {
                    let wanted = value.extract::<$kind>().ok();
                    // Neither below zero nor NaN.
                    let wanted = wanted.filter(|wanted| number(wanted).is_none_or(|n| n >= 0.0));
                    limits.$name = wanted.ok_or_else(|| {
                        PyValueError::new_err(concat!(stringify!($name), " is a number that is not negative"))
                    })?;
                })*
                Ok(Limits(limits))
            }

            /// For files from strangers.
            #[staticmethod]
            fn untrusted() -> Limits {
                Limits(CoreLimits::UNTRUSTED)
            }

            $(#[getter]
            fn $name(&self) -> $kind {
                self.0.$name
            })*

            fn __repr__(&self) -> String {
                let mut parts = Vec::new();
                $(if self.0.$name != CoreLimits::DEFAULT.$name {
                    parts.push(format!("{}={}", stringify!($name), shown(&format!("{:?}", self.0.$name))));
                })*
                format!("Limits({})", parts.join(", "))
            }

            fn __reduce__(slf: Bound<'_, Self>) -> PyResult<(Bound<'_, PyAny>, (Vec<Option<f64>>,))> {
                let py = slf.py();
                let restore = py.import("rapidicom._rapidicom")?.getattr("_restore_limits")?;
                Ok((restore, (vec![$(number(&slf.get().0.$name)),*],)))
            }

            fn __hash__(&self) -> u64 {
                let mut hash = 0u64;
                $(hash = hash.rotate_left(7) ^ number(&self.0.$name).unwrap_or(-1.0).to_bits();)*
                hash
            }
        }

        /// What `pickle` calls.
        #[pyfunction]
        pub(crate) fn _restore_limits(values: Vec<Option<f64>>) -> Limits {
            let mut limits = CoreLimits::DEFAULT;
            let mut values = values.into_iter();
            $(limits.$name = Number::restore(values.next().flatten());)*
            Limits(limits)
        }
    };
}

/// The four kinds of number that a limit is, through one that holds them all (limits are far below 2^53).
trait Number: Copy {
    fn number(self) -> Option<f64>;
    fn restore(value: Option<f64>) -> Self;
}

impl Number for u32 {
    fn number(self) -> Option<f64> {
        Some(f64::from(self))
    }
    fn restore(value: Option<f64>) -> u32 {
        value.unwrap_or(0.0) as u32
    }
}

impl Number for u64 {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
    fn restore(value: Option<f64>) -> u64 {
        value.unwrap_or(0.0) as u64
    }
}

impl Number for Option<u64> {
    fn number(self) -> Option<f64> {
        self.map(|v| v as f64)
    }
    fn restore(value: Option<f64>) -> Option<u64> {
        value.map(|v| v as u64)
    }
}

impl Number for Option<f64> {
    fn number(self) -> Option<f64> {
        self
    }
    fn restore(value: Option<f64>) -> Option<f64> {
        value
    }
}

fn number(value: &impl Number) -> Option<f64> {
    value.number()
}

fn shown(debug: &str) -> String {
    debug
        .trim_start_matches("Some(")
        .trim_end_matches(')')
        .to_owned()
}

limits! {
    max_depth: u32,
    max_elements: u64,
    max_items: u64,
    max_warnings: u32,
    max_value_bytes: Option<u64>,
    max_inflated_bytes: u64,
    max_frame_pixels: u64,
    max_frame_bytes: u64,
    max_output_bytes: Option<u64>,
    max_frames: Option<u64>,
    max_fragments: u64,
    max_lut_entries: u32,
    deadline_s: Option<f64>,
}
