//! Finds where a value of Undefined Length ends: PS3.5 §7.5, §A.4.
//!
//! One loop with an explicit stack that remembers where it stands, so that it can stop for more bytes and go on.
//! Only what has Undefined Length is entered; all else is stepped over.

use super::Need;
use super::element::{RawHeader, UNDEFINED, goes_on, header_at, tag_and_length, unnamed};
use super::leniency::{Deviations, Leniency};
use super::reader::Window;
use crate::dictionary::{self, DictionaryVr};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tag::Tag;
use crate::transfer_syntax::Encoding;
use crate::vr::Vr;

/// What is open at one level.
#[derive(Clone, Copy, Debug)]
enum Level {
    /// A Sequence; its items are in this encoding unless their bytes say otherwise.
    Sequence(Encoding),
    /// An item of Undefined Length in this encoding.
    Item(Encoding),
    /// Encapsulated Pixel Data.
    Fragments,
}

/// How far to look ahead when a header makes no sense: deterministic, whatever the window holds.
pub(super) const LOOK_AHEAD: u64 = 1 << 20;

/// A walk through a value of Undefined Length.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    at: u64,
    end: u64,
    little: bool,
    tag: Tag,
    levels: Vec<Level>,
    count: u64,
}

/// Where a walk came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Walked {
    /// The value's last byte and the byte after its delimiter.
    End { value_end: u64, next: u64 },
    /// More bytes are needed.
    Need(Need),
}

/// What follows at the present place.
enum Found {
    Need(Need),
    Container,
    Item(u32),
    ItemDelimiter(u32),
    SequenceDelimiter(u32),
    Other,
}

impl Walk {
    pub(super) fn sequence(at: u64, end: u64, encoding: Encoding, tag: Tag) -> Walk {
        Walk::new(at, end, encoding, tag, Level::Sequence(encoding))
    }

    pub(super) fn item(at: u64, end: u64, encoding: Encoding, tag: Tag) -> Walk {
        Walk::new(at, end, encoding, tag, Level::Item(encoding))
    }

    pub(super) fn fragments(at: u64, end: u64, encoding: Encoding, tag: Tag) -> Walk {
        Walk::new(at, end, encoding, tag, Level::Fragments)
    }

    fn new(at: u64, end: u64, encoding: Encoding, tag: Tag, level: Level) -> Walk {
        Walk {
            at,
            end,
            little: encoding.is_little_endian(),
            tag,
            levels: vec![level],
            count: 0,
        }
    }

    /// Walks on to the end.
    pub(super) fn run(
        &mut self,
        window: &Window<'_>,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<Walked> {
        while let Some(&level) = self.levels.last() {
            let step = match level {
                Level::Sequence(encoding) => self.in_sequence(window, encoding, limits, notes)?,
                Level::Item(encoding) => self.in_item(window, encoding, limits, notes)?,
                Level::Fragments => self.in_fragments(window, limits, notes)?,
            };
            if let Some(done) = step {
                return Ok(done);
            }
        }
        Ok(Walked::End {
            value_end: self.at,
            next: self.at,
        })
    }

    fn find(&self, window: &Window<'_>) -> Found {
        let left = self.end.saturating_sub(self.at);
        if left < 8 {
            return Found::Container;
        }
        let Some((tag, length)) = tag_and_length(window, self.at, self.little) else {
            return Found::Need(Need {
                offset: self.at,
                length: 8,
            });
        };
        match tag {
            Tag::ITEM => Found::Item(length),
            Tag::ITEM_DELIMITATION_ITEM => Found::ItemDelimiter(length),
            Tag::SEQUENCE_DELIMITATION_ITEM => Found::SequenceDelimiter(length),
            _ => Found::Other,
        }
    }

    /// Closes the innermost level; the end if it was the last.
    fn close(&mut self, value_end: u64, next: u64) -> Option<Walked> {
        self.at = next;
        self.levels.pop();
        self.levels
            .is_empty()
            .then_some(Walked::End { value_end, next })
    }

    fn close_at_delimiter(&mut self, length: u32, notes: &mut Deviations) -> Option<Walked> {
        if length != 0 {
            notes.note(Leniency::DelimiterLengthNotZero, self.tag, self.at, || {
                format!("length {length} ignored")
            });
        }
        self.close(self.at, self.at.saturating_add(8))
    }

    fn close_missing(&mut self, next: u64, notes: &mut Deviations) -> Option<Walked> {
        notes.note(Leniency::DelimiterMissing, self.tag, next, || {
            "closed by what follows".into()
        });
        self.close(next, next)
    }

    fn open(&mut self, level: Level, limits: &Limits) -> Result<()> {
        let depth = self.levels.len() as u64 / 2 + 1;
        if depth > u64::from(limits.max_depth) {
            return Err(
                Error::limit("max_depth", u64::from(limits.max_depth), depth)
                    .at(self.at)
                    .of(self.tag),
            );
        }
        self.levels.push(level);
        Ok(())
    }

    fn tick(&mut self, max: u64, name: &'static str) -> Result<()> {
        self.count = self.count.saturating_add(1);
        if self.count > max {
            return Err(Error::limit(name, max, self.count).at(self.at).of(self.tag));
        }
        Ok(())
    }

    fn in_sequence(
        &mut self,
        window: &Window<'_>,
        encoding: Encoding,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<Option<Walked>> {
        Ok(match self.find(window) {
            Found::Need(need) => Some(Walked::Need(need)),
            Found::Container => self.close_missing(self.end, notes),
            Found::SequenceDelimiter(length) => self.close_at_delimiter(length, notes),
            Found::Item(UNDEFINED) => {
                let start = self.at.saturating_add(8);
                if self.end.saturating_sub(start) >= 8 && window.get(start, 8).is_none() {
                    return Ok(Some(Walked::Need(Need {
                        offset: self.at,
                        length: 16,
                    })));
                }
                let encoding = item_encoding(window, start, self.end, encoding);
                self.open(Level::Item(encoding), limits)?;
                self.tick(limits.max_items, "max_items")?;
                self.at = start;
                None
            }
            Found::Item(length) => {
                self.tick(limits.max_items, "max_items")?;
                let start = self.at.saturating_add(8);
                let end = start.saturating_add(u64::from(length));
                if end > self.end {
                    notes.note(Leniency::ItemLengthWrong, self.tag, self.at, || {
                        format!(
                            "item of {length} bytes, {} left",
                            self.end.saturating_sub(start)
                        )
                    });
                }
                self.at = end.min(self.end);
                None
            }
            Found::ItemDelimiter(_) => {
                notes.note(Leniency::DelimiterStray, self.tag, self.at, || {
                    "no item is open".into()
                });
                self.at = self.at.saturating_add(8);
                None
            }
            Found::Other => self.close_missing(self.at, notes),
        })
    }

    fn in_item(
        &mut self,
        window: &Window<'_>,
        encoding: Encoding,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<Option<Walked>> {
        match self.find(window) {
            Found::Need(need) => return Ok(Some(Walked::Need(need))),
            Found::Container => return Ok(self.close_missing(self.end, notes)),
            Found::ItemDelimiter(length) => return Ok(self.close_at_delimiter(length, notes)),
            Found::SequenceDelimiter(_) | Found::Item(_) => {
                return Ok(self.close_missing(self.at, notes));
            }
            Found::Other => {}
        }
        let left = self.end.saturating_sub(self.at);
        if window.get(self.at, left.min(12)).is_none() {
            return Ok(Some(Walked::Need(Need {
                offset: self.at,
                length: left.min(12),
            })));
        }
        let header = header_at(window, self.at, encoding);
        let header = match header.filter(|h| h.fits(self.at, self.end)) {
            Some(header) => header,
            None => {
                let ahead = left.min(LOOK_AHEAD);
                if window.get(self.at, ahead).is_none() {
                    return Ok(Some(Walked::Need(Need {
                        offset: self.at,
                        length: ahead,
                    })));
                }
                match unnamed(window, self.at, self.end, encoding) {
                    Some(header) => header,
                    None => return Ok(self.resynchronise(window, notes)),
                }
            }
        };
        self.tick(limits.max_elements, "max_elements")?;
        let value = header.value_offset(self.at);
        if header.length != UNDEFINED {
            self.at = value.saturating_add(u64::from(header.length)).min(self.end);
            return Ok(None);
        }
        self.at = value;
        let level = if header.tag == Tag::PIXEL_DATA && header.vr != Some(Vr::SQ) {
            Level::Fragments
        } else {
            Level::Sequence(content_encoding(&header, encoding))
        };
        self.open(level, limits)?;
        Ok(None)
    }

    /// Nothing here is an element: go on at the next delimiter, or at the container's end.
    fn resynchronise(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Option<Walked> {
        notes.note(Leniency::ItemExpected, self.tag, self.at, || {
            "no element here: bytes up to the next delimiter are left".into()
        });
        match next_delimiter(window, self.at.saturating_add(1), self.end, self.little) {
            Some(offset) => {
                self.at = offset;
                None
            }
            None => self.close_missing(self.end, notes),
        }
    }

    fn in_fragments(
        &mut self,
        window: &Window<'_>,
        limits: &Limits,
        notes: &mut Deviations,
    ) -> Result<Option<Walked>> {
        Ok(match self.find(window) {
            Found::Need(need) => Some(Walked::Need(need)),
            Found::Container => self.close_missing(self.end, notes),
            Found::SequenceDelimiter(length) => self.close_at_delimiter(length, notes),
            Found::Item(length) if length != UNDEFINED => {
                self.tick(limits.max_fragments, "max_fragments")?;
                let end = self.at.saturating_add(8).saturating_add(u64::from(length));
                if end > self.end {
                    notes.note(Leniency::LengthClipped, self.tag, self.at, || {
                        format!("fragment of {length} bytes is clipped")
                    });
                }
                self.at = end.min(self.end);
                None
            }
            Found::ItemDelimiter(_) => self.close_missing(self.at, notes),
            Found::Item(_) | Found::Other => {
                // An element may follow where the delimiter was forgotten.
                let encoding = if self.little {
                    Encoding::ExplicitLittle
                } else {
                    Encoding::ExplicitBig
                };
                if let Some(h) = header_at(window, self.at, encoding)
                    && h.tag > self.tag
                    && goes_on(
                        window,
                        h.value_offset(self.at).saturating_add(u64::from(h.length)),
                        self.end,
                        encoding,
                        h.tag,
                    )
                {
                    return Ok(self.close_missing(self.at, notes));
                }
                let left = self.end.saturating_sub(self.at);
                if window.get(self.at, left).is_none() {
                    return Ok(Some(Walked::Need(Need {
                        offset: self.at,
                        length: left,
                    })));
                }
                notes.note(Leniency::FragmentsUnexpected, self.tag, self.at, || {
                    "no fragment here: skipped to the next".into()
                });
                match next_item(window, self.at.saturating_add(8), self.end, self.little) {
                    Some(offset) => {
                        self.at = offset;
                        None
                    }
                    None => self.close_missing(self.end, notes),
                }
            }
        })
    }
}

/// The encoding inside a value of items: UN is Implicit VR Little Endian. PS3.5 §6.2.2 Note 2 (CP-246)
pub(super) fn content_encoding(header: &RawHeader, encoding: Encoding) -> Encoding {
    if header.vr == Some(Vr::UN) {
        Encoding::ImplicitLittle
    } else {
        encoding
    }
}

/// The encoding of the item whose elements begin at `start`: its sequence's, unless its first element says otherwise.
pub(super) fn item_encoding(
    window: &Window<'_>,
    start: u64,
    end: u64,
    expected: Encoding,
) -> Encoding {
    let Some(b) = window.array::<8>(start) else {
        return expected;
    };
    let left = end.saturating_sub(start).saturating_sub(8);
    let named = Vr::from_bytes([b[4], b[5]]);
    if expected.is_explicit() {
        let letters = b[4].is_ascii_uppercase() && b[5].is_ascii_uppercase();
        let delimiter = matches!(b, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]);
        let length = u64::from(u32::from_le_bytes([b[4], b[5], b[6], b[7]]));
        if letters || delimiter || (length > left && length != u64::from(UNDEFINED)) {
            return expected;
        }
        let known = |encoding| tag_known(window, start, encoding);
        return if !known(expected) || known(Encoding::ImplicitLittle) {
            Encoding::ImplicitLittle
        } else {
            expected
        };
    }
    let Some(vr) = named else { return expected };
    let length = u64::from(u32::from_le_bytes([b[4], b[5], b[6], b[7]]));
    let tag = Tag::new(
        u16::from_le_bytes([b[0], b[1]]),
        u16::from_le_bytes([b[2], b[3]]),
    );
    if length > left || names(dictionary::vr_of(tag), vr) {
        Encoding::ExplicitLittle
    } else {
        expected
    }
}

fn tag_known(window: &Window<'_>, at: u64, encoding: Encoding) -> bool {
    tag_and_length(window, at, encoding.is_little_endian()).is_some_and(|(tag, _)| {
        tag.is_private() || !matches!(dictionary::vr_of(tag), DictionaryVr::None)
    })
}

/// Whether the dictionary allows this VR.
pub(super) fn names(dictionary: DictionaryVr, vr: Vr) -> bool {
    match dictionary {
        DictionaryVr::One(one) => one == vr,
        DictionaryVr::UsOrSs => matches!(vr, Vr::US | Vr::SS),
        DictionaryVr::ObOrOw => matches!(vr, Vr::OB | Vr::OW),
        DictionaryVr::UsOrOw => matches!(vr, Vr::US | Vr::OW),
        DictionaryVr::UsOrSsOrOw => matches!(vr, Vr::US | Vr::SS | Vr::OW),
        DictionaryVr::None => false,
    }
}

/// The next byte from `from` on where an item delimitation or sequence delimitation item stands.
fn next_delimiter(window: &Window<'_>, from: u64, end: u64, little: bool) -> Option<u64> {
    find_tag(window, from, end, little, |element| {
        element == 0xE00D || element == 0xE0DD
    })
}

/// The same for an item or a sequence delimitation item.
fn next_item(window: &Window<'_>, from: u64, end: u64, little: bool) -> Option<u64> {
    find_tag(window, from, end, little, |element| {
        element == 0xE000 || element == 0xE0DD
    })
}

/// The next byte from `from` on where a sequence delimitation item of length zero stands.
pub(super) fn next_sequence_delimiter(
    window: &Window<'_>,
    from: u64,
    end: u64,
    little: bool,
) -> Option<u64> {
    find_tag(window, from, end, little, |element| element == 0xE0DD)
}

fn find_tag(
    window: &Window<'_>,
    from: u64,
    end: u64,
    little: bool,
    wanted: impl Fn(u16) -> bool,
) -> Option<u64> {
    let bytes = window.get(from, end.min(window.end()).checked_sub(from)?)?;
    let group: [u8; 2] = if little { [0xFE, 0xFF] } else { [0xFF, 0xFE] };
    let place = bytes.windows(8).position(|b| {
        b.starts_with(&group) && {
            let element = if little {
                u16::from_le_bytes([b[2], b[3]])
            } else {
                u16::from_be_bytes([b[2], b[3]])
            };
            wanted(element) && (element == 0xE000 || b.ends_with(&[0, 0, 0, 0]))
        }
    })?;
    Some(from + place as u64)
}
