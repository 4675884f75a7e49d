//! All elements of a file, level by level and in the order of their tags: what the column `json` and the long layout are
//! made of. A loop with an explicit stack; whatever a file nests, nothing recurses. PS3.5 §7.5

use crate::builder::LONGEST_VALUE;
use crate::bytes::{Failure, FileBytes};
use crate::value::Value;
use rapidicom_core::data_set::{DataSet, Inherited};
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{
    ElementHeader, Event, Flags, Item, Scanner, Window, items, scan, sorted,
};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::{Error, Limits, PathStep, Tag, Vr};
use std::borrow::Cow;
use std::ops::Range;

/// Takes what a walk comes upon.
pub(crate) trait Visitor {
    /// Bytes of the longest binary value that is looked at.
    const LONGEST_BINARY: u64;

    /// An element that is no sequence. `value` is none of Pixel Data, and of what is too long.
    fn element(
        &mut self,
        tag: Tag,
        vr: Vr,
        value: Option<Value<'_>>,
        text: &SpecificCharacterSet,
        notes: &mut Deviations,
    );
    /// A sequence of so many items.
    fn open_sequence(&mut self, tag: Tag, items: usize);
    fn open_item(&mut self, number: usize);
    fn close_item(&mut self);
    fn close_sequence(&mut self, items: usize);
}

/// Where a level lies.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) range: Range<u64>,
    pub(crate) encoding: Encoding,
}

/// What one walk may cost.
struct Cost<'a> {
    limits: &'a Limits,
    notes: &'a mut Deviations,
    /// Elements of all levels so far.
    elements: u64,
}

impl Cost<'_> {
    fn spend(&mut self, headers: &[ElementHeader], level: &Range<u64>) -> Result<(), Error> {
        self.elements = self.elements.saturating_add(headers.len() as u64);
        let most = self.limits.max_elements;
        if self.elements > most {
            return Err(Error::limit("max_elements", most, self.elements).at(level.start));
        }
        Ok(())
    }
}

/// Gives all elements of a level of the file to `visitor`; returns the first byte that was not needed.
pub(crate) fn walk<V: Visitor>(
    level: &Level,
    file: &mut FileBytes<'_>,
    limits: &Limits,
    notes: &mut Deviations,
    visitor: &mut V,
) -> Result<u64, Failure> {
    let mut cost = Cost {
        limits,
        notes,
        elements: 0,
    };
    let (headers, failed) = headers(level, file, &mut cost)?;
    cost.spend(&headers, &level.range)?;
    let mut reached = level.range.start;
    for header in &headers {
        if header.value_length <= SHORT {
            file.fetch(&range_of(header))?;
            reached = reached.max(header.value_end());
        }
        reached = reached.max(header.value_offset);
    }
    let data_set = {
        let file: &FileBytes<'_> = file;
        DataSet::new(headers.into(), level.encoding, Inherited::default(), |h| {
            file.value(range_of(h)).ok()
        })
    };
    for header in &data_set.headers {
        let vr = {
            let file: &FileBytes<'_> = file;
            data_set.vr(header, |h| file.value(range_of(h)).ok())
        };
        if vr == Vr::SQ || is_wanted::<V>(header, vr, limits) {
            file.fetch(&range_of(header))?;
            reached = reached.max(header.value_end());
        }
        if vr == Vr::SQ {
            let bytes = file.value(range_of(header))?;
            let window = Window::new(&bytes, header.value_offset);
            Inside { window, visitor }.sequence(header, &data_set, &mut cost)?;
        } else if is_wanted::<V>(header, vr, limits) {
            let bytes = file.value(range_of(header))?;
            element(visitor, header, vr, Some(&bytes), &data_set, cost.notes);
        } else {
            element(visitor, header, vr, None, &data_set, cost.notes);
        }
    }
    failed.map_or(Ok(reached), |error| Err(error.into()))
}

/// The same of the elements in `bytes`, which begin at the level's start and hold no sequence: File Meta Information.
pub(crate) fn flat<V: Visitor>(
    level: &Level,
    bytes: &[u8],
    limits: &Limits,
    visitor: &mut V,
) -> Result<(), Error> {
    let window = Window::new(bytes, level.range.start);
    let mut cost = Cost {
        limits,
        notes: &mut Deviations::new(0),
        elements: 0,
    };
    let headers = scan(
        &window,
        level.range.clone(),
        level.encoding,
        limits,
        cost.notes,
    )?;
    cost.spend(&headers, &level.range)?;
    let mut inside = Inside { window, visitor };
    let level = DataSet::new(headers, level.encoding, Inherited::default(), |h| {
        inside.value(h)
    });
    let mut next = 0;
    while inside.elements(&level, &mut next, &mut cost).is_some() {}
    Ok(())
}

/// A value of so many bytes may be one that tells how others are read: it is at hand before they are.
const SHORT: u64 = 1 << 12;

fn range_of(header: &ElementHeader) -> Range<u64> {
    header.value_offset..header.value_end()
}

/// The headers of the outermost level in the order of their tags: up to where they made no sense, and why.
fn headers(
    level: &Level,
    file: &mut FileBytes<'_>,
    cost: &mut Cost<'_>,
) -> Result<(Vec<ElementHeader>, Option<Error>), Failure> {
    let Range { start, end } = level.range;
    let mut scanner = Scanner::new(start, end, level.encoding, cost.limits);
    let mut headers = Vec::with_capacity(256);
    let failed = loop {
        let window = file.window();
        scanner.pass(Tag(u32::MAX), &window, |header| headers.push(header));
        match scanner.next(&window, cost.notes) {
            Ok(Event::Element(header)) => headers.push(header),
            Ok(Event::Amended(header)) => {
                headers.pop();
                headers.push(header);
            }
            Ok(Event::Need(need)) => file.ensure(need)?,
            Ok(Event::Stopped(_) | Event::End) => break None,
            Err(error) => break Some(error),
        }
    };
    if !scanner.is_ascending() {
        headers = sorted(headers);
    }
    Ok((headers, failed))
}

/// Whether the bytes of a value are given: none of pixels, and of nothing that is too long.
#[inline]
fn is_wanted<V: Visitor>(header: &ElementHeader, vr: Vr, limits: &Limits) -> bool {
    let longest = limits
        .max_value_bytes
        .unwrap_or(u64::MAX)
        .min(LONGEST_VALUE as u64);
    let longest = if is_binary(vr) {
        longest.min(V::LONGEST_BINARY)
    } else {
        longest
    };
    let pixels = matches!(
        header.tag,
        Tag::PIXEL_DATA | Tag::FLOAT_PIXEL_DATA | Tag::DOUBLE_FLOAT_PIXEL_DATA
    );
    header.value_length <= longest && !pixels && !header.flags.has(Flags::FRAGMENTS)
}

/// Bytes without a meaning of their own.
pub(crate) fn is_binary(vr: Vr) -> bool {
    matches!(
        vr,
        Vr::OB | Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::OW | Vr::UN
    )
}

#[inline]
fn element<V: Visitor>(
    visitor: &mut V,
    header: &ElementHeader,
    vr: Vr,
    bytes: Option<&[u8]>,
    level: &DataSet,
    notes: &mut Deviations,
) {
    // UN is in Implicit VR Little Endian, whatever is around it. PS3.5 §6.2.2
    let little = level.encoding.is_little_endian() || header.vr == Some(Vr::UN);
    let value = bytes.map(|bytes| Value {
        tag: header.tag,
        offset: header.offset(),
        bytes,
        vr,
        little,
    });
    visitor.element(header.tag, vr, value, &level.inherited.charset, notes);
}

/// Into an item.
pub(crate) fn step(tag: Tag, item: usize) -> PathStep {
    let item = u32::try_from(item).unwrap_or(u32::MAX);
    PathStep { tag, item }
}

/// The inside of one sequence of the outermost level, all of whose bytes are at hand.
struct Inside<'a, V> {
    window: Window<'a>,
    visitor: &'a mut V,
}

/// What is open.
enum Open {
    Sequence {
        tag: Tag,
        items: Vec<Item>,
        next: usize,
        inherited: Inherited,
    },
    Item {
        level: DataSet,
        next: usize,
    },
}

impl<V: Visitor> Inside<'_, V> {
    fn sequence(
        &mut self,
        header: &ElementHeader,
        around: &DataSet,
        cost: &mut Cost<'_>,
    ) -> Result<(), Error> {
        let mut stack = vec![self.open(header, around, cost)?];
        while let Some(innermost) = stack.last_mut() {
            match innermost {
                Open::Sequence {
                    tag,
                    items,
                    next,
                    inherited,
                } => match items.get(*next) {
                    Some(item) => {
                        self.visitor.open_item(*next);
                        cost.notes.enter(step(*tag, *next));
                        *next += 1;
                        let level = self.level(item, *inherited, cost)?;
                        stack.push(Open::Item { level, next: 0 });
                    }
                    None => {
                        self.visitor.close_sequence(items.len());
                        stack.pop();
                    }
                },
                Open::Item { level, next } => match self.elements(level, next, cost) {
                    Some(header) => {
                        let inner = self.open(&header, level, cost)?;
                        stack.push(inner);
                        // Levels of items: every other entry is a sequence.
                        let (depth, most) =
                            (stack.len() as u64 / 2 + 1, cost.limits.entered_depth());
                        if depth > most {
                            let error = Error::limit("max_depth", most, depth);
                            return Err(error.at(header.offset()).of(header.tag));
                        }
                    }
                    None => {
                        self.visitor.close_item();
                        cost.notes.leave();
                        stack.pop();
                    }
                },
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        header: &ElementHeader,
        around: &DataSet,
        cost: &mut Cost<'_>,
    ) -> Result<Open, Error> {
        let items = items(
            &self.window,
            header,
            around.encoding,
            cost.limits,
            cost.notes,
        )?;
        self.visitor.open_sequence(header.tag, items.len());
        Ok(Open::Sequence {
            tag: header.tag,
            items,
            next: 0,
            inherited: around.inherited,
        })
    }

    fn level(
        &self,
        item: &Item,
        inherited: Inherited,
        cost: &mut Cost<'_>,
    ) -> Result<DataSet, Error> {
        let headers = scan(
            &self.window,
            item.range(),
            item.encoding,
            cost.limits,
            cost.notes,
        )?;
        cost.spend(&headers, &item.range())?;
        Ok(DataSet::new(headers, item.encoding, inherited, |h| {
            self.value(h)
        }))
    }

    fn value(&self, header: &ElementHeader) -> Option<Cow<'_, [u8]>> {
        let bytes = self.window.get(header.value_offset, header.value_length);
        bytes.map(Cow::Borrowed)
    }

    /// Gives elements up to the next sequence, which is returned.
    fn elements(
        &mut self,
        level: &DataSet,
        next: &mut usize,
        cost: &mut Cost<'_>,
    ) -> Option<ElementHeader> {
        while let Some(header) = level.headers.get(*next) {
            *next += 1;
            let vr = level.vr(header, |h| self.value(h));
            if vr == Vr::SQ {
                return Some(*header);
            }
            let wanted = is_wanted::<V>(header, vr, cost.limits);
            let bytes = self.window.get(header.value_offset, header.value_length);
            let bytes = bytes.filter(|_| wanted);
            element(self.visitor, header, vr, bytes, level, cost.notes);
        }
        None
    }
}
