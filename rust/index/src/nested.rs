//! Elements inside sequences, by path: PS3.5 §7.5.

use crate::batch::{Builder, LONGEST_VALUE};
use crate::schema::{Element, Which};
use crate::value::{self, Level, Value, Warnings};
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
    warnings: &mut Warnings,
) -> usize {
    let mut path = Path {
        window: Window::new(bytes, place.header.value_offset),
        limits,
        notes: Deviations::new(limits.max_warnings),
        warnings,
    };
    let held = path.append(builder, column, place);
    let Path {
        notes, warnings, ..
    } = path;
    notes
        .kept()
        .iter()
        .for_each(|deviation| warnings.note(deviation.code));
    held
}

struct Path<'a> {
    window: Window<'a>,
    limits: &'a Limits,
    notes: Deviations,
    warnings: &'a mut Warnings,
}

impl Path<'_> {
    fn append(&mut self, builder: &mut Builder, column: &Element, place: Place) -> usize {
        let Builder::Each(each) = builder else {
            let found = self.follow(place, &column.inside);
            return self.value(builder, column, found);
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
            Err(_) => {
                self.warnings.note(Leniency::ItemExpected);
                each.close(false);
                return 0;
            }
        };
        let mut held = 0usize;
        for item in &items {
            let found = self
                .element(&sequence, item, tag)
                .and_then(|place| place.map_or(Ok(None), |place| self.follow(place, inner)));
            held = held.saturating_add(self.value(each.next(), column, found));
        }
        each.close(true);
        held.saturating_add(items.len().saturating_mul(8))
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
            self.warnings.note(Leniency::ValueTooLong);
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
        found: Result<Option<Place>, Error>,
    ) -> usize {
        let place = match found {
            Ok(Some(place)) => place,
            Ok(None) => {
                builder.append_null();
                return 0;
            }
            Err(_) => {
                self.warnings.note(Leniency::ItemExpected);
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
            self.warnings,
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
            let Some(item) = number.and_then(|number| all.get(number)) else {
                return Ok(None);
            };
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
        items(
            &self.window,
            header,
            *encoding,
            self.limits,
            &mut self.notes,
        )
    }

    /// An element of an item.
    fn element(&mut self, sequence: &Place, item: &Item, tag: Tag) -> Result<Option<Place>, Error> {
        let headers = scan(
            &self.window,
            item.range(),
            item.encoding,
            self.limits,
            &mut self.notes,
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
