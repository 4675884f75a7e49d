//! Elements inside sequences, by path: PS3.5 §7.5.

use crate::builder::{Builder, LONGEST_VALUE};
use crate::column::{Element, Which};
use crate::document::step;
use crate::value::{self, Level, Value};
use rapidicom_core::read::leniency::{Deviations, Leniency};
use rapidicom_core::read::{ElementHeader, Item, Window, items, scan, u16_of};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::{Error, Limits, Tag, Vr};

/// An element, and by what it is read.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) header: ElementHeader,
    pub(crate) encoding: Encoding,
    pub(crate) level: Level,
}

/// Appends the value that a path leads to from the sequence `place`, whose Value Field is `bytes`; null where it leads
/// nowhere. Returns about how many bytes the cell holds.
pub(crate) fn append(
    builder: &mut Builder,
    column: &Element,
    place: Place,
    bytes: &[u8],
    limits: &Limits,
    notes: &mut Deviations,
) -> usize {
    let mut path = Path {
        window: Window::new(bytes, place.header.value_offset),
        limits,
        notes,
    };
    let held = path.append(builder, column, place);
    path.leave(0);
    held
}

struct Path<'a> {
    window: Window<'a>,
    limits: &'a Limits,
    notes: &'a mut Deviations,
}

impl Path<'_> {
    fn append(&mut self, builder: &mut Builder, column: &Element, place: Place) -> usize {
        let Builder::Each(each) = builder else {
            let found = self.follow(place, &column.inside);
            return self.value(builder, column, &place, found);
        };
        let all = column
            .inside
            .iter()
            .position(|&(which, _)| which == Which::All);
        let (before, rest) = column.inside.split_at(all.unwrap_or_default());
        let Some((&(_, tag), inner)) = rest.split_first() else {
            each.close(false);
            return 0;
        };
        let (sequence, items) = match self.sequence(place, before) {
            Ok(Some(found)) => found,
            Ok(None) => {
                each.close(false);
                return 0;
            }
            Err(error) => {
                self.lost(&place, &error);
                each.close(false);
                return 0;
            }
        };
        let mut held = 0usize;
        let depth = self.notes.path().len();
        for (number, item) in items.iter().enumerate() {
            self.notes.enter(step(sequence.header.tag, number));
            let found = self
                .element(&sequence, item, tag)
                .and_then(|place| place.map_or(Ok(None), |place| self.follow(place, inner)));
            held = held.saturating_add(self.value(each.next(), column, &sequence, found));
            self.leave(depth);
        }
        each.close(true);
        held.saturating_add(items.len().saturating_mul(8))
    }

    /// Out of items, until we are in so many.
    fn leave(&mut self, depth: usize) {
        while self.notes.path().len() > depth {
            self.notes.leave();
        }
    }

    /// Where a path could not be followed.
    #[cold]
    fn lost(&mut self, from: &Place, error: &Error) {
        let tag = error.tag.unwrap_or(from.header.tag);
        let offset = error.offset.unwrap_or_else(|| from.header.offset());
        self.notes
            .note(Leniency::ItemExpected, tag, offset, String::new);
    }

    /// The sequence that a path leads to, and its items.
    fn sequence(
        &mut self,
        from: Place,
        steps: &[(Which, Tag)],
    ) -> Result<Option<(Place, Vec<Item>)>, Error> {
        let Some(sequence) = self.follow(from, steps)?.filter(is_sequence) else {
            return Ok(None);
        };
        if sequence.header.value_length > LONGEST_VALUE as u64 {
            let ElementHeader { tag, .. } = sequence.header;
            let offset = sequence.header.offset();
            self.notes
                .note(Leniency::ValueTooLong, tag, offset, String::new);
            return Ok(None);
        }
        let items = self.items(&sequence)?;
        Ok(Some((sequence, items)))
    }

    /// The value of the element that a path led to.
    fn value(
        &mut self,
        builder: &mut Builder,
        column: &Element,
        from: &Place,
        found: Result<Option<Place>, Error>,
    ) -> usize {
        let place = match found {
            Ok(Some(place)) => place,
            Ok(None) => {
                builder.append_null();
                return 0;
            }
            Err(error) => {
                self.lost(from, &error);
                builder.append_null();
                return 0;
            }
        };
        let Place { header, level, .. } = place;
        let bytes = self
            .window
            .get(header.value_offset, header.value_length)
            .unwrap_or_default();
        value::append(
            builder,
            &Value::new(bytes, &header, column.vr, &level),
            &level,
            self.notes,
        );
        bytes.len()
    }

    fn follow(&mut self, from: Place, steps: &[(Which, Tag)]) -> Result<Option<Place>, Error> {
        let mut place = from;
        for &(which, tag) in steps {
            if !is_sequence(&place) {
                return Ok(None);
            }
            let all = self.items(&place)?;
            let number = match which {
                Which::One(number) => usize::try_from(number).ok(),
                Which::All => None,
            };
            let Some((number, item)) = number.and_then(|number| Some((number, all.get(number)?)))
            else {
                return Ok(None);
            };
            self.notes.enter(step(place.header.tag, number));
            match self.element(&place, item, tag)? {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    fn items(&mut self, sequence: &Place) -> Result<Vec<Item>, Error> {
        let Place {
            header, encoding, ..
        } = sequence;
        items(&self.window, header, *encoding, self.limits, self.notes)
    }

    /// An element of an item.
    fn element(&mut self, sequence: &Place, item: &Item, tag: Tag) -> Result<Option<Place>, Error> {
        let headers = scan(
            &self.window,
            item.range(),
            item.encoding,
            self.limits,
            self.notes,
        )?;
        let get = |tag: Tag| {
            headers
                .binary_search_by_key(&tag, |h| h.tag)
                .ok()
                .and_then(|at| headers.get(at))
                .copied()
        };
        Ok(get(tag).map(|header| Place {
            header,
            encoding: item.encoding,
            level: inherit(sequence.level, item, &self.window, get),
        }))
    }
}

fn is_sequence(place: &Place) -> bool {
    matches!(place.header.vr, Some(Vr::SQ | Vr::UN) | None) || place.header.is_undefined_length()
}

/// What holds in an item: its own, else what holds around it. PS3.5 §7.5.3
fn inherit(
    mut level: Level,
    item: &Item,
    window: &Window<'_>,
    get: impl Fn(Tag) -> Option<ElementHeader>,
) -> Level {
    let bytes =
        |tag| get(tag).and_then(|h: ElementHeader| window.get(h.value_offset, h.value_length));
    level.little = item.encoding.is_little_endian();
    if let Some(terms) = bytes(Tag::SPECIFIC_CHARACTER_SET) {
        level.charset = SpecificCharacterSet::parse(terms).0;
    }
    if let Some(pair) = bytes(Tag::PIXEL_REPRESENTATION).and_then(<[u8]>::first_chunk::<2>) {
        level.pixel_representation = Some(u16_of(*pair, level.little));
    }
    level
}
