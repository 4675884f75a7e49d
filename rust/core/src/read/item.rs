//! The items of a sequence: PS3.5 §7.5.

use super::element::{ElementHeader, Flags, UNDEFINED, tag_and_length};
use super::leniency::{Deviations, Leniency};
use super::reader::Window;
use super::walk::{Walk, Walked, item_encoding};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::tag::Tag;
use crate::transfer_syntax::Encoding;
use crate::vr::Vr;

/// Where an item's elements lie, and in which encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item {
    /// The first byte of the item's elements.
    pub value_offset: u64,
    /// Bytes of the elements, without the delimitation item.
    pub value_length: u64,
    /// The length was Undefined Length.
    pub undefined_length: bool,
    /// How the elements are encoded.
    pub encoding: Encoding,
}

impl Item {
    /// The range of its elements.
    pub fn range(&self) -> std::ops::Range<u64> {
        self.value_offset..self.value_offset.saturating_add(self.value_length)
    }
}

/// The items of `sequence`: see [`each_item`].
pub fn items(
    window: &Window<'_>,
    sequence: &ElementHeader,
    encoding: Encoding,
    limits: &Limits,
    notes: &mut Deviations,
) -> Result<Vec<Item>> {
    let mut found = Vec::new();
    each_item(window, sequence, encoding, limits, notes, |item| {
        found.push(item);
    })?;
    Ok(found)
}

/// Gives each item of `sequence`, whose value lies wholly in the window and whose level is in `encoding`.
pub fn each_item(
    window: &Window<'_>,
    sequence: &ElementHeader,
    encoding: Encoding,
    limits: &Limits,
    notes: &mut Deviations,
    mut each: impl FnMut(Item),
) -> Result<()> {
    let within = if sequence.vr == Some(Vr::UN) {
        Encoding::ImplicitLittle
    } else {
        encoding
    };
    let (mut at, end) = (sequence.value_offset, sequence.value_end());
    let little = within.is_little_endian();
    let mut found = 0u64;
    while end.saturating_sub(at) >= 8 {
        let Some((tag, length)) = tag_and_length(window, at, little) else {
            break;
        };
        let start = at.saturating_add(8);
        match tag {
            Tag::ITEM => {}
            Tag::SEQUENCE_DELIMITATION_ITEM if sequence.flags.has(Flags::UNDEFINED_LENGTH) => break,
            Tag::ITEM_DELIMITATION_ITEM | Tag::SEQUENCE_DELIMITATION_ITEM => {
                notes.note(Leniency::DelimiterStray, sequence.tag, at, || {
                    "no item is open".into()
                });
                at = start;
                continue;
            }
            other => {
                notes.note(Leniency::ItemExpected, sequence.tag, at, || {
                    format!("found {other}")
                });
                break;
            }
        }
        if found >= limits.max_items {
            return Err(
                Error::limit("max_items", limits.max_items, limits.max_items + 1)
                    .at(at)
                    .of(sequence.tag),
            );
        }
        let encoding = item_encoding(window, start, end, within);
        if encoding != within {
            notes.note(Leniency::EncodingSwitched, sequence.tag, at, || {
                format!("an item in {encoding:?}")
            });
        }
        let (value_end, next) = if length == UNDEFINED {
            match Walk::item(start, end, encoding, sequence.tag).run(window, limits, notes)? {
                Walked::End { value_end, next } => (value_end, next),
                Walked::Need(need) => {
                    return Err(Error::new(
                        ErrorKind::Internal,
                        "the sequence is not in the window",
                    )
                    .at(need.offset));
                }
            }
        } else {
            let next = start.saturating_add(u64::from(length));
            if next > end {
                notes.note(Leniency::ItemLengthWrong, sequence.tag, at, || {
                    format!("item of {length} bytes, {} left", end.saturating_sub(start))
                });
            }
            (next.min(end), next.min(end))
        };
        found += 1;
        each(Item {
            value_offset: start,
            value_length: value_end.saturating_sub(start),
            undefined_length: length == UNDEFINED,
            encoding,
        });
        at = next;
    }
    Ok(())
}
