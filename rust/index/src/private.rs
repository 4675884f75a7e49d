//! Private elements of the outermost level: each in the block that its creator reserved. PS3.5 §7.8
//!
//! A pass of its own beside that for all other elements, so that whoever asks for none pays nothing.

use crate::bytes::{Failure, FileBytes};
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{ElementHeader, Event, Scanner, sorted};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::text;
use rapidicom_core::{Limits, Tag, Vr};
use std::ops::Range;

/// (gggg,xxee) of a creator: its block is one of the file's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PrivateTag {
    pub(crate) group: u16,
    pub(crate) element: u8,
    pub(crate) creator: String,
}

impl PrivateTag {
    /// Whether this is a creator of the group, or the element in any block.
    fn may_be(&self, tag: Tag) -> bool {
        let in_block = tag.element() >= 0x1000 && tag.element() & 0xFF == u16::from(self.element);
        tag.group() == self.group && (tag.is_private_creator() || in_block)
    }
}

/// Where the elements are looked for.
pub(crate) struct Level {
    pub(crate) range: Range<u64>,
    pub(crate) encoding: Encoding,
}

/// Finds each wanted element for its slot; returns how far was looked.
pub(crate) fn find(
    wanted: &[PrivateTag],
    level: &Level,
    file: &mut FileBytes<'_>,
    limits: &Limits,
    notes: &mut Deviations,
    slots: &mut [Option<ElementHeader>],
) -> Result<u64, Failure> {
    let last = wanted.last().map_or(0, |tag| tag.group);
    let stop = Tag::new(last, 0xFFFF);
    let scanner = || Scanner::new(level.range.start, level.range.end, level.encoding, limits);
    let mut first = scanner().stop_at(Tag(stop.0.saturating_add(1)));
    let mut headers = gather(wanted, &mut first, file, notes)?;
    if !first.is_ascending() {
        headers = sorted(gather(
            wanted,
            &mut scanner(),
            file,
            &mut Deviations::new(0),
        )?);
    }
    for (slot, tag) in slots.iter_mut().zip(wanted) {
        *slot = element(tag, &headers, file)?;
    }
    Ok(first.position())
}

/// The creators and elements that may be those wanted.
fn gather(
    wanted: &[PrivateTag],
    scanner: &mut Scanner,
    file: &mut FileBytes<'_>,
    notes: &mut Deviations,
) -> Result<Vec<ElementHeader>, Failure> {
    let mut headers: Vec<ElementHeader> = Vec::new();
    let may_be = |header: &ElementHeader| {
        header.tag.is_private() && wanted.iter().any(|tag| tag.may_be(header.tag))
    };
    loop {
        let window = file.window();
        scanner.pass(Tag(u32::MAX), &window, |header| {
            if may_be(&header) {
                headers.push(header);
            }
        });
        match scanner.next(&window, notes)? {
            Event::Element(header) if may_be(&header) => headers.push(header),
            Event::Element(_) => {}
            Event::Amended(header) => {
                if let Some(last) = headers.last_mut().filter(|last| last.tag == header.tag) {
                    *last = header;
                }
            }
            Event::Need(need) => file.ensure(need)?,
            Event::Stopped(_) | Event::End => return Ok(headers),
        }
    }
}

/// The element in the first block of its creator that has it.
fn element(
    wanted: &PrivateTag,
    headers: &[ElementHeader],
    file: &mut FileBytes<'_>,
) -> Result<Option<ElementHeader>, Failure> {
    let creators = headers
        .iter()
        .filter(|h| h.tag.group() == wanted.group && h.tag.is_private_creator());
    for creator in creators {
        let range = creator.value_offset..creator.value_end();
        file.fetch(&range)?;
        let bytes = file.value(range)?;
        let (name, _) = text::decode(&bytes, Vr::LO, &SpecificCharacterSet::DEFAULT);
        if name.trim_matches([' ', '\0']) != wanted.creator {
            continue;
        }
        let number = creator.tag.element() << 8 | u16::from(wanted.element);
        let tag = Tag::new(wanted.group, number);
        let place = headers.binary_search_by_key(&tag, |header| header.tag);
        if let Some(header) = place.ok().and_then(|place| headers.get(place)) {
            return Ok(Some(*header));
        }
    }
    Ok(None)
}
