//! The cells of one column, appended where they will stay, whatever the column's type.

use crate::column::{Form, Kind, Origin};
use crate::error::Result;
use crate::schema::{frame_fields, warning_fields};
use crate::tag_path::tag_path;
use crate::text_column::TextColumn;
use arrow_array::builder::{
    BinaryBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, StructBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::Field;
use rapidicom_core::read::leniency::Deviation;
use std::sync::Arc;

/// A batch that holds so many bytes of text is finished early: offsets are of 32 bits.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// A longer value is not taken into a cell: as text it may take three bytes for one, and offsets are of 32 bits.
pub(crate) const LONGEST_VALUE: usize = 1 << 29;

const _: () = assert!(3 * LONGEST_VALUE + 3 * MOST_BYTES < i32::MAX as usize);

/// The cells of one column.
pub(crate) enum Builder {
    Text(TextColumn),
    Texts(ListBuilder<StringBuilder>),
    Date(Date32Builder),
    Dates(ListBuilder<Date32Builder>),
    Int32(Int32Builder),
    Int32s(ListBuilder<Int32Builder>),
    Int64(Int64Builder),
    Int64s(ListBuilder<Int64Builder>),
    Float64(Float64Builder),
    Float64s(ListBuilder<Float64Builder>),
    Binary(BinaryBuilder),
    Time(TimestampMicrosecondBuilder),
    Structs(ListBuilder<StructBuilder>),
    Each(Box<Each>),
}

/// Lists whose entries are cells of any other kind: an entry an item.
pub(crate) struct Each {
    items: Builder,
    /// Where each list ends among the entries; before them a zero.
    ends: Vec<i32>,
    entries: i32,
    validity: NullBufferBuilder,
}

impl Each {
    fn new(items: Builder) -> Each {
        Each {
            items,
            ends: vec![0],
            entries: 0,
            validity: NullBufferBuilder::new(0),
        }
    }

    /// Where the next entry is to be appended.
    pub(crate) fn next(&mut self) -> &mut Builder {
        self.entries = self.entries.saturating_add(1);
        &mut self.items
    }

    /// The row's list is complete, or null.
    pub(crate) fn close(&mut self, valid: bool) {
        self.ends.push(self.entries);
        self.validity.append(valid);
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let items = self.items.finish()?;
        let ends = OffsetBuffer::new(self.ends.into());
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        let list = ListArray::try_new(field, ends, items, self.validity.finish())?;
        Ok(Arc::new(list))
    }
}

impl Builder {
    pub(crate) fn new(origin: &Origin, rows: usize, bytes: usize) -> Builder {
        match origin {
            Origin::Fact(fact) => match fact.form() {
                Form::Cell(kind) => Builder::of(kind, false, rows, bytes),
                Form::Time => Builder::Time(
                    TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"),
                ),
                Form::Warnings => Builder::Structs(ListBuilder::with_capacity(
                    StructBuilder::from_fields(warning_fields(), 0),
                    rows,
                )),
                Form::Frames => Builder::Structs(ListBuilder::with_capacity(
                    StructBuilder::from_fields(frame_fields(), rows),
                    rows,
                )),
            },
            Origin::Element(element) if element.is_each() => {
                let items = Builder::of(element.kind, element.list, 0, 0);
                Builder::Each(Box::new(Each::new(items)))
            }
            Origin::Element(element) => Builder::of(element.kind, element.list, rows, bytes),
        }
    }

    /// Of values, or of lists of them.
    fn of(kind: Kind, list: bool, rows: usize, bytes: usize) -> Builder {
        match (kind, list) {
            (Kind::Text, false) => Builder::Text(TextColumn::new(rows, bytes)),
            (Kind::Text, true) => Builder::Texts(ListBuilder::with_capacity(
                StringBuilder::with_capacity(rows, bytes),
                rows,
            )),
            (Kind::Date, false) => Builder::Date(Date32Builder::with_capacity(rows)),
            (Kind::Date, true) => Builder::Dates(ListBuilder::new(Date32Builder::new())),
            (Kind::Int32, false) => Builder::Int32(Int32Builder::with_capacity(rows)),
            (Kind::Int32, true) => {
                Builder::Int32s(ListBuilder::with_capacity(Int32Builder::new(), rows))
            }
            (Kind::Int64, false) => Builder::Int64(Int64Builder::with_capacity(rows)),
            (Kind::Int64, true) => {
                Builder::Int64s(ListBuilder::with_capacity(Int64Builder::new(), rows))
            }
            (Kind::Float64, false) => Builder::Float64(Float64Builder::with_capacity(rows)),
            (Kind::Float64, true) => {
                Builder::Float64s(ListBuilder::with_capacity(Float64Builder::new(), rows))
            }
            (Kind::Binary, _) => Builder::Binary(BinaryBuilder::new()),
        }
    }

    pub(crate) fn append_null(&mut self) {
        match self {
            Builder::Text(b) => b.close(false),
            Builder::Texts(b) => b.append_null(),
            Builder::Date(b) => b.append_null(),
            Builder::Dates(b) => b.append_null(),
            Builder::Int32(b) => b.append_null(),
            Builder::Int32s(b) => b.append_null(),
            Builder::Int64(b) => b.append_null(),
            Builder::Int64s(b) => b.append_null(),
            Builder::Float64(b) => b.append_null(),
            Builder::Float64s(b) => b.append_null(),
            Builder::Binary(b) => b.append_null(),
            Builder::Time(b) => b.append_null(),
            Builder::Structs(b) => b.append_null(),
            Builder::Each(b) => b.close(false),
        }
    }

    pub(crate) fn append_text(&mut self, text: &str) {
        match self {
            Builder::Text(b) => b.append(text.as_bytes()),
            other => other.append_null(),
        }
    }

    pub(crate) fn append_int64(&mut self, value: Option<i64>) {
        match self {
            Builder::Int64(b) => b.append_option(value),
            Builder::Time(b) => b.append_option(value),
            other => other.append_null(),
        }
    }

    pub(crate) fn append_int32(&mut self, value: i32) {
        match self {
            Builder::Int32(b) => b.append_value(value),
            other => other.append_null(),
        }
    }

    pub(crate) fn append_bytes(&mut self, value: Option<&[u8]>) {
        match self {
            Builder::Binary(b) => b.append_option(value),
            other => other.append_null(),
        }
    }

    #[inline]
    pub(crate) fn append_warnings(&mut self, warnings: &[Deviation]) {
        let Builder::Structs(b) = self else {
            return self.append_null();
        };
        for warning in warnings {
            let row = b.values();
            if let Some(code) = row.field_builder::<StringBuilder>(0) {
                code.append_value(warning.code.as_str());
            }
            if let Some(tag) = row.field_builder::<StringBuilder>(1) {
                tag.append_value(tag_path(&warning.path, warning.tag));
            }
            if let Some(offset) = row.field_builder::<Int64Builder>(2) {
                offset.append_option(i64::try_from(warning.offset).ok());
            }
            row.append(true);
        }
        b.append(true);
    }

    pub(crate) fn append_frames(&mut self, ranges: Option<&[(i64, i64)]>) {
        let Builder::Structs(b) = self else {
            return self.append_null();
        };
        for &(offset, length) in ranges.unwrap_or_default() {
            for (field, value) in [(0, offset), (1, length)] {
                if let Some(numbers) = b.values().field_builder::<Int64Builder>(field) {
                    numbers.append_value(value);
                }
            }
            b.values().append(true);
        }
        b.append(ranges.is_some());
    }

    /// Bytes of text that a fresh builder makes room for.
    pub(crate) fn text_len(&self) -> usize {
        match self {
            Builder::Text(b) => b.bytes.len(),
            _ => 0,
        }
    }

    pub(crate) fn finish(self) -> Result<ArrayRef> {
        Ok(match self {
            Builder::Text(b) => b.finish()?,
            Builder::Texts(mut b) => Arc::new(b.finish()),
            Builder::Date(mut b) => Arc::new(b.finish()),
            Builder::Dates(mut b) => Arc::new(b.finish()),
            Builder::Int32(mut b) => Arc::new(b.finish()),
            Builder::Int32s(mut b) => Arc::new(b.finish()),
            Builder::Int64(mut b) => Arc::new(b.finish()),
            Builder::Int64s(mut b) => Arc::new(b.finish()),
            Builder::Float64(mut b) => Arc::new(b.finish()),
            Builder::Float64s(mut b) => Arc::new(b.finish()),
            Builder::Binary(mut b) => Arc::new(b.finish()),
            Builder::Time(mut b) => Arc::new(b.finish()),
            Builder::Structs(mut b) => Arc::new(b.finish()),
            Builder::Each(b) => b.finish()?,
        })
    }
}
