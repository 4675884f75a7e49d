//! The long layout: one row an element, at all levels, each cell written where it will stay.
//!
//! What all rows of a file share is appended once a file.

use crate::builder::MOST_BYTES;
use crate::document::{Visitor, is_binary};
use crate::error::Result;
use crate::tag_path::{hexadecimal, push_tag};
use crate::text_column::TextColumn;
use crate::value::{Value, each_number, write_number};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::number::Number;
use rapidicom_core::value::text;
use rapidicom_core::{Tag, Vr};
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

/// Rows of the long layout that are not yet a record batch, and batches that wait.
pub(crate) struct Rows {
    path: TextColumn,
    tag: TextColumn,
    vr: TextColumn,
    value: TextColumn,
    status: TextColumn,
    error: TextColumn,
    rows: usize,
    /// Rows of the present file that have no path yet.
    open: usize,
    most: usize,
    full: VecDeque<Result<RecordBatch>>,
    schema: SchemaRef,
}

impl Rows {
    pub(crate) fn new(schema: SchemaRef, most: usize) -> Rows {
        let column = || TextColumn::new(0, 0);
        Rows {
            path: column(),
            tag: column(),
            vr: column(),
            value: column(),
            status: column(),
            error: column(),
            rows: 0,
            open: 0,
            most,
            full: VecDeque::new(),
            schema,
        }
    }

    /// The next batch that is full; at the end the last one too.
    pub(crate) fn take(&mut self, end: bool) -> Result<Option<RecordBatch>> {
        if self.full.is_empty() && end && self.rows > 0 {
            self.finish();
        }
        self.full.pop_front().transpose()
    }

    /// The file's last row: why it could not be read, or not to its end.
    pub(crate) fn fail(&mut self, path: &str, words: &str) {
        self.path.repeat(path.as_bytes(), 1);
        for column in [&mut self.tag, &mut self.vr, &mut self.value] {
            column.repeat_null(1);
        }
        self.status.repeat(b"error", 1);
        self.error.repeat(words.as_bytes(), 1);
        self.rows += 1;
        if self.is_full(path) {
            self.finish();
        }
    }

    /// What all rows of a file share.
    fn share(&mut self, path: &str) {
        self.path.repeat(path.as_bytes(), self.open);
        self.status.repeat(b"ok", self.open);
        self.error.repeat_null(self.open);
        self.open = 0;
    }

    #[inline]
    fn is_full(&self, path: &str) -> bool {
        let paths = self.path.bytes.len() + self.open.saturating_mul(path.len());
        let longest = paths.max(self.tag.bytes.len()).max(self.value.bytes.len());
        self.rows >= self.most || longest >= MOST_BYTES
    }

    #[cold]
    fn finish(&mut self) {
        let columns = [
            &mut self.path,
            &mut self.tag,
            &mut self.vr,
            &mut self.value,
            &mut self.status,
            &mut self.error,
        ];
        let full = columns.map(|column| {
            let next = column.like();
            std::mem::replace(column, next)
        });
        let arrays: Result<Vec<ArrayRef>> = full.into_iter().map(TextColumn::finish).collect();
        let schema = Arc::clone(&self.schema);
        let batch = arrays.and_then(|arrays| Ok(RecordBatch::try_new(schema, arrays)?));
        self.full.push_back(batch);
        self.rows = 0;
    }
}

/// Writes the rows of one file as it is walked.
pub(crate) struct Long<'a> {
    rows: &'a mut Rows,
    path: &'a str,
    /// `00081140[0].`: the items that are open.
    prefix: &'a mut String,
    /// Rows of this file.
    count: u64,
}

impl<'a> Long<'a> {
    pub(crate) fn begin(rows: &'a mut Rows, path: &'a str, prefix: &'a mut String) -> Long<'a> {
        prefix.clear();
        Long {
            rows,
            path,
            prefix,
            count: 0,
        }
    }

    /// The file is finished; of how many rows.
    pub(crate) fn end(self) -> u64 {
        self.rows.share(self.path);
        self.count
    }

    #[inline]
    fn row(&mut self, tag: Tag, vr: Vr, value: impl FnOnce(&mut TextColumn)) {
        let rows = &mut *self.rows;
        rows.tag.bytes.extend_from_slice(self.prefix.as_bytes());
        rows.tag.bytes.extend_from_slice(&hexadecimal(tag));
        rows.tag.close(true);
        let [a, b, ..] = vr.as_str().as_bytes() else {
            return;
        };
        rows.vr.bytes.extend_from_slice(&[*a, *b]);
        rows.vr.close(true);
        value(&mut rows.value);
        rows.rows += 1;
        rows.open += 1;
        self.count += 1;
        if rows.is_full(self.path) {
            rows.share(self.path);
            rows.finish();
        }
    }
}

fn append(cell: &mut TextColumn, value: &Value<'_>, charset: &SpecificCharacterSet) {
    let vr = value.vr;
    if vr.is_text() {
        if let Some(plain) = plain(value.bytes, vr) {
            cell.bytes.extend_from_slice(plain);
            return cell.close(!plain.is_empty());
        }
        return append_words(cell, &text::decode(value.bytes, vr, charset).0, vr);
    }
    if is_binary(vr) {
        for byte in value.bytes {
            let _ = write!(cell, "{byte:02X}");
        }
        return cell.close(true);
    }
    let start = cell.bytes.len();
    for (place, number) in each_number(value).enumerate() {
        if place > 0 {
            cell.bytes.push(b'\\');
        }
        append_number(cell, number, vr);
    }
    cell.close(cell.bytes.len() > start);
}

const ODD: u8 = 1;
const BACKSLASH: u8 = 2;
const SPACE: u8 = 4;

/// What a byte means for the text it is in: [`ODD`] are those that are not their own character in every set.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte {
            0x1B | 0x80.. => ODD,
            0x5C => BACKSLASH,
            0x20 => SPACE,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Text that needs no decoding, and no trimming but at its end.
#[inline]
fn plain(bytes: &[u8], vr: Vr) -> Option<&[u8]> {
    let bytes = text::trim_end(bytes);
    let class = |byte: &u8| CLASSES.get(usize::from(*byte)).copied().unwrap_or(ODD);
    let classes = bytes.iter().fold(0, |all, byte| all | class(byte));
    let odd = match vr {
        Vr::AE | Vr::UR => return None,
        Vr::PN if bytes.last() == Some(&b'=') => return None,
        Vr::PN | Vr::LO | Vr::SH | Vr::UC => ODD | BACKSLASH,
        Vr::DS | Vr::IS | Vr::UI => ODD | SPACE,
        _ => ODD,
    };
    (classes & odd == 0).then_some(bytes)
}

fn append_words(cell: &mut TextColumn, words: &str, vr: Vr) {
    let start = cell.bytes.len();
    if vr.is_single_valued() {
        cell.bytes.extend_from_slice(words.as_bytes());
        return cell.close(!words.is_empty());
    }
    for (place, part) in words.split('\\').enumerate() {
        if place > 0 {
            cell.bytes.push(b'\\');
        }
        // Spaces around a number are padding. PS3.5 §6.2
        let part = match vr {
            Vr::DS | Vr::IS => part.trim_matches(' '),
            _ => text::trim_value(part, vr),
        };
        cell.bytes.extend_from_slice(part.as_bytes());
    }
    cell.close(cell.bytes.len() > start);
}

fn append_number(cell: &mut TextColumn, number: Number, vr: Vr) {
    let _ = match (number, vr) {
        (Number::Unsigned(tag), Vr::AT) => write!(cell, "{tag:08X}"),
        (Number::Unsigned(n @ 0..10), _) => cell.write_char(char::from(b'0' + n as u8)),
        // The shortest decimal that is this single, not the double next to it.
        (Number::Float(n), Vr::FL) => write!(cell, "{}", n as f32),
        (number, _) => {
            write_number(cell, number);
            Ok(())
        }
    };
}

impl Visitor for Long<'_> {
    const LONGEST_BINARY: u64 = 64;

    #[inline]
    fn element(
        &mut self,
        tag: Tag,
        vr: Vr,
        value: Option<Value<'_>>,
        text: &SpecificCharacterSet,
        _: &mut Deviations,
    ) {
        self.row(tag, vr, |cell| match value {
            Some(value) if !value.bytes.is_empty() => append(cell, &value, text),
            _ => cell.close(false),
        });
    }

    fn open_sequence(&mut self, tag: Tag, _: usize) {
        self.row(tag, Vr::SQ, |cell| cell.close(false));
        push_tag(self.prefix, tag);
    }

    fn open_item(&mut self, number: usize) {
        let _ = write!(self.prefix, "[{number}].");
    }

    fn close_item(&mut self) {
        let start = self.prefix.rfind('[').unwrap_or_default();
        self.prefix.truncate(start);
    }

    fn close_sequence(&mut self, _: usize) {
        let start = self.prefix.len().saturating_sub(8);
        self.prefix.truncate(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What takes the short way is what decoding would have made of it.
    #[test]
    fn plain_text_is_decoded_text() {
        let texts: [&[u8]; 14] = [
            b"", b" ", b"A", b"A ", b" A", b"A\0", b"1\\2", b" 1\\ 2 ", b"A \\B ", b"A^B=",
            b"A=B==", b"a\tb ", b"A\\", b"\\",
        ];
        for vr in Vr::ALL.iter().copied().filter(|vr| vr.is_text()) {
            for bytes in texts {
                let (mut short, mut long) = (TextColumn::new(0, 0), TextColumn::new(0, 0));
                let charset = SpecificCharacterSet::DEFAULT;
                let value = Value {
                    tag: Tag(0x0010_0010),
                    offset: 0,
                    bytes,
                    vr,
                    little: true,
                };
                append(&mut short, &value, &charset);
                append_words(&mut long, &text::decode(bytes, vr, &charset).0, vr);
                assert_eq!(short.bytes, long.bytes, "{vr} {bytes:?}");
                assert_eq!(short.validity.finish(), long.validity.finish());
            }
        }
    }
}
