//! What stands in `ds[...]`: a keyword, a tag in any spelling, a path.

use crate::error::raise;
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString, PyTuple};
use rapidicom_core::{Error, ErrorKind, Tag, dictionary};

/// A step of a path: an element, and the item of it that is entered.
pub(crate) struct Step {
    pub(crate) tag: Tag,
    pub(crate) item: Option<isize>,
}

/// What a key asks for.
pub(crate) enum Key {
    Tag(Tag),
    Path(Vec<Step>),
}

/// The tag of one word: a keyword, `GGGGEEEE`, `0xGGGGEEEE`, `GGGG,EEEE` or `(GGGG,EEEE)`.
pub(crate) fn tag_of(word: &str) -> Option<Tag> {
    if let Some(tag) = dictionary::by_keyword(word) {
        return Some(tag);
    }
    let word = word.trim();
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
        return u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| hexadecimal)
            .map(Tag);
    }
    let digits: String = word
        .chars()
        .filter(|c| !matches!(c, '(' | ')' | ',' | ' '))
        .collect();
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(&digits, 16).ok().map(Tag)
}

/// Reads a key; `KeyError` for a word that is none.
pub(crate) fn key_of(key: &Bound<'_, PyAny>) -> PyResult<Key> {
    if let Ok(text) = key.cast::<PyString>() {
        let text = text.to_str()?;
        if let Some(tag) = tag_of(text) {
            return Ok(Key::Tag(tag));
        }
        if text.contains(['.', '[']) {
            return path_of(text).map(Key::Path);
        }
        return Err(unknown(text));
    }
    tag_from(key).map(Key::Tag)
}

/// A tag from an `int`, or what Python takes for one, a pair, or a word.
pub(crate) fn tag_from(key: &Bound<'_, PyAny>) -> PyResult<Tag> {
    if let Ok(number) = key.cast::<PyInt>() {
        return tag_of_number(number);
    }
    if let Ok(text) = key.cast::<PyString>() {
        let text = text.to_str()?;
        return tag_of(text).ok_or_else(|| unknown(text));
    }
    let is_pair = key.cast::<PyTuple>().is_ok() || key.cast::<PyList>().is_ok();
    if is_pair && key.len()? == 2 {
        return Ok(Tag::new(half(&key.get_item(0)?)?, half(&key.get_item(1)?)?));
    }
    if key.hasattr("__index__")? {
        return tag_of_number(key);
    }
    Err(PyTypeError::new_err(format!(
        "{} is no tag; expected a keyword, an int, a pair (group, element), 'GGGGEEEE' or a path",
        key.get_type().name()?
    )))
}

fn tag_of_number(number: &Bound<'_, PyAny>) -> PyResult<Tag> {
    let tag = number.extract::<u32>().map(Tag);
    tag.map_err(|_| PyKeyError::new_err("a tag is a number from 0 to 0xFFFFFFFF"))
}

fn half(number: &Bound<'_, PyAny>) -> PyResult<u16> {
    if let Ok(text) = number.cast::<PyString>() {
        let text = text.to_str()?;
        let digits = text.trim_start_matches("0x").trim_start_matches("0X");
        return u16::from_str_radix(digits, 16)
            .map_err(|_| PyValueError::new_err(format!("{text:?} is no group or element number")));
    }
    number
        .extract::<u16>()
        .map_err(|_| PyValueError::new_err("a group or element number is from 0 to 0xFFFF"))
}

/// The steps of a path, `Sequence[item].Keyword`.
pub(crate) fn path_of(text: &str) -> PyResult<Vec<Step>> {
    text.split('.')
        .map(|word| {
            let (word, item) = match word.split_once('[') {
                Some((word, rest)) => {
                    let item = rest.strip_suffix(']').and_then(|n| n.parse::<isize>().ok());
                    (
                        word,
                        Some(item.ok_or_else(|| {
                            PyKeyError::new_err(format!("{text:?}: expected [number] after {word}"))
                        })?),
                    )
                }
                None => (word, None),
            };
            Ok(Step {
                tag: tag_of(word).ok_or_else(|| unknown(word))?,
                item,
            })
        })
        .collect()
}

fn unknown(word: &str) -> PyErr {
    PyKeyError::new_err(match dictionary::nearest_keyword(word) {
        Some(near) => format!("{word:?} is no keyword of the dictionary; did you mean {near}?"),
        None => format!("{word:?} is no keyword of the dictionary and no tag"),
    })
}

/// The tags of `specific_tags=`, sorted.
pub(crate) fn tags_of(keys: &Bound<'_, PyAny>) -> PyResult<Vec<Tag>> {
    let mut tags = keys
        .try_iter()?
        .map(|key| tag_from(&key?))
        .collect::<PyResult<Vec<_>>>()?;
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

/// A Transfer Syntax from `transfer_syntax=`.
pub(crate) fn transfer_syntax_of(
    py: Python<'_>,
    uid: &str,
) -> PyResult<rapidicom_core::transfer_syntax::TransferSyntax> {
    use rapidicom_core::transfer_syntax::TransferSyntax;
    TransferSyntax::from_uid(uid)
        .or_else(|| TransferSyntax::all().find(|t| !t.keyword().is_empty() && t.keyword() == uid))
        .ok_or_else(|| {
            let detail =
                format!("{uid:?} is no Transfer Syntax that is known; expected its UID or keyword");
            raise(
                py,
                Error::new(ErrorKind::UnsupportedTransferSyntax, detail),
                None,
            )
        })
}
