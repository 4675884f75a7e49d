//! The door to Python: extract, release the interpreter, call, wrap. No logic.
//!
//! One file per noun. Frozen classes only; what they hold is shared and never changes, so they work without the GIL.

mod buffer;
mod build;
mod character_set;
mod dataset;
mod decode_frame;
mod dictionary;
mod element;
mod error;
mod frames;
mod index;
mod keyword;
mod limits;
mod lookup;
mod lut;
mod numbers;
mod object;
mod object_source;
mod pickle;
mod pixels;
mod place;
mod read;
mod root;
mod sequence;
mod sources;
mod stored_samples;
mod types;
mod value;
mod verify;
mod walk;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _rapidicom(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("STANDARD_EDITION", rapidicom_core::dictionary::EDITION)?;
    module.add_class::<dataset::Dataset>()?;
    module.add_class::<sequence::Sequence>()?;
    module.add_class::<element::DataElement>()?;
    module.add_class::<frames::Frames>()?;
    module.add_class::<limits::Limits>()?;
    module.add_class::<index::Index>()?;
    module.add_class::<index::Scan>()?;
    module.add_class::<index::Batch>()?;
    module.add_class::<index::Schema>()?;
    module.add_function(wrap_pyfunction!(index::index, module)?)?;
    module.add_function(wrap_pyfunction!(index::scan, module)?)?;
    module.add_function(wrap_pyfunction!(index::write_parquet, module)?)?;
    module.add_function(wrap_pyfunction!(build::build_parts, module)?)?;
    module.add_function(wrap_pyfunction!(read::dcmread, module)?)?;
    module.add_function(wrap_pyfunction!(read::is_dicom, module)?)?;
    module.add_function(wrap_pyfunction!(read::pixel_array, module)?)?;
    module.add_function(wrap_pyfunction!(read::iter_pixels, module)?)?;
    module.add_function(wrap_pyfunction!(decode_frame::_decode_frame, module)?)?;
    module.add_function(wrap_pyfunction!(stored_samples::_read_samples, module)?)?;
    module.add_function(wrap_pyfunction!(pickle::_restore_dataset, module)?)?;
    module.add_function(wrap_pyfunction!(pickle::_restore_sequence, module)?)?;
    module.add_function(wrap_pyfunction!(pickle::_restore_frames, module)?)?;
    module.add_function(wrap_pyfunction!(element::_restore_element, module)?)?;
    module.add_function(wrap_pyfunction!(limits::_restore_limits, module)?)?;
    module.add_function(wrap_pyfunction!(dictionary::_dictionary_entry, module)?)?;
    module.add_function(wrap_pyfunction!(dictionary::_uid_entry, module)?)?;
    module.add_function(wrap_pyfunction!(dictionary::_tag_of, module)?)?;
    module.add_function(wrap_pyfunction!(dictionary::_deviations, module)?)?;
    lut::register(module)?;
    let sequences = module
        .py()
        .import("_collections_abc")? // collections.abc without the rest of collections
        .getattr("Sequence")?;
    sequences.call_method1("register", (module.getattr("Sequence")?,))?;
    Ok(())
}
