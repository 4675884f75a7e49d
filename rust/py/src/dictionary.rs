//! What the Python side asks of the dictionaries.

use crate::keyword::tag_from;
use pyo3::prelude::*;
use rapidicom_core::read::leniency::Leniency;
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::{Tag, dictionary, uid};

/// Keyword, name, VR, VM and whether retired, of a tag.
#[pyfunction]
pub(crate) fn _dictionary_entry(
    tag: u32,
) -> Option<(&'static str, &'static str, &'static str, String, bool)> {
    let entry = dictionary::by_tag(Tag(tag))?;
    Some((
        entry.keyword(),
        entry.name(),
        entry.vr().as_str(),
        entry.vm().to_string(),
        entry.is_retired(),
    ))
}

/// Name, keyword, kind and whether retired, of a UID.
#[pyfunction]
pub(crate) fn _uid_entry(text: &str) -> Option<UidFacts> {
    let entry = uid::lookup(text)?;
    let syntax = TransferSyntax::from_uid(text);
    Some((
        entry.name,
        entry.keyword,
        entry.kind.as_str(),
        entry.retired,
        syntax.map(|t| {
            (
                t.encoding().is_explicit(),
                t.encoding().is_little_endian(),
                t.is_deflated(),
                t.is_encapsulated(),
            )
        }),
    ))
}

/// Name, keyword, kind, retired; of a Transfer Syntax: explicit, little endian, deflated, encapsulated.
type UidFacts = (
    &'static str,
    &'static str,
    &'static str,
    bool,
    Option<(bool, bool, bool, bool)>,
);

/// The tag of a keyword, pair, number or word.
#[pyfunction]
pub(crate) fn _tag_of(key: &Bound<'_, PyAny>) -> PyResult<u32> {
    tag_from(key).map(|tag| tag.0)
}

/// Name and reason of each deviation that reading forgives.
#[pyfunction]
pub(crate) fn _deviations() -> Vec<(&'static str, &'static str)> {
    Leniency::ALL
        .iter()
        .map(|code| (code.as_str(), code.reason().trim()))
        .collect()
}
