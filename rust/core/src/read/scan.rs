//! The scanner: the Data Elements of one level, one after the other. PS3.5 §7.1
//!
//! The loop that all paths share (open, index, items). What a conforming stream holds takes the first branch; whatever
//! else there may be is in `odd`, out of the way.

use super::Need;
use super::element::{
    ElementHeader, Flags, RawHeader, UNDEFINED, goes_on, header_at, header_of, tag_and_length,
    tag_at, unnamed,
};
use super::leniency::{Deviations, Leniency};
use super::reader::{Rest, Window};
use super::walk::{LOOK_AHEAD, Walk, Walked, content_encoding, next_sequence_delimiter};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tag::Tag;
use crate::transfer_syntax::Encoding;
use crate::vr::Vr;
use smallvec::SmallVec;

/// What the scanner came upon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// An element.
    Element(ElementHeader),
    /// The last element again: its length was wrong.
    Amended(ElementHeader),
    /// The first element at or beyond the stop tag; its `value_length` is the declared one, clipped, and its value was
    /// not looked at.
    Stopped(ElementHeader),
    /// These bytes must be in the window.
    Need(Need),
    /// The end of the level.
    End,
}

/// Tags from here on are never elements of a data set.
const ITEMS_AND_DELIMITERS: Tag = Tag(0xFFFE_0000);

/// Tags up to here belong before the data set.
const GROUP_2_END: Tag = Tag(0x0002_FFFF);

const EXPLICIT_LITTLE: u8 = 0;
const IMPLICIT_LITTLE: u8 = 1;
const EXPLICIT_BIG: u8 = 2;

/// How often a sequence's length may prove wrong before its neighbours are no longer asked.
const AMENDMENTS: u32 = 16;

/// Reads the headers of one level, a window at a time.
#[derive(Clone, Debug)]
pub struct Scanner {
    at: u64,
    end: u64,
    encoding: Encoding,
    /// Tags from here on are looked at twice.
    unusual: Tag,
    stop: Option<Tag>,
    last: Option<Tag>,
    ascending: bool,
    count: u64,
    limits: Limits,
    previous: Option<ElementHeader>,
    amendments: u32,
    walk: Option<(ElementHeader, Walk)>,
}

impl Scanner {
    /// The level whose elements lie in `start..end`.
    pub fn new(start: u64, end: u64, encoding: Encoding, limits: &Limits) -> Scanner {
        Scanner {
            at: start,
            end,
            encoding,
            unusual: ITEMS_AND_DELIMITERS,
            stop: None,
            last: None,
            ascending: true,
            count: 0,
            limits: *limits,
            previous: None,
            amendments: 0,
            walk: None,
        }
    }

    /// Stops before the first element with this tag or a greater one; without one, at the end.
    #[must_use]
    pub fn stop_at(mut self, tag: impl Into<Option<Tag>>) -> Scanner {
        self.stop = tag.into();
        self.unusual = self
            .stop
            .map_or(ITEMS_AND_DELIMITERS, |tag| tag.min(ITEMS_AND_DELIMITERS));
        self
    }

    /// Where the next header is expected.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// False once a tag came that is not greater than the one before.
    pub fn is_ascending(&self) -> bool {
        self.ascending
    }

    /// Passes over conforming elements up to the first with tag `before` or a greater one, giving each to `each`. What
    /// follows, and whatever is unusual, is told by [`Scanner::next`].
    #[inline]
    pub fn pass(&mut self, before: Tag, window: &Window<'_>, mut each: impl FnMut(ElementHeader)) {
        self.pass_to(Tag(0), before, window, |header| {
            each(header);
            Tag(0)
        });
    }

    /// [`Scanner::pass`], giving only what has the tag `wanted` or a greater one: `each` says which is wanted next.
    #[inline]
    pub fn pass_to(
        &mut self,
        wanted: Tag,
        before: Tag,
        window: &Window<'_>,
        each: impl FnMut(ElementHeader) -> Tag,
    ) {
        let room = self.limits.max_elements.saturating_sub(self.count);
        self.pass_at_most(room, wanted, before, window, each);
    }

    #[inline]
    fn pass_at_most(
        &mut self,
        room: u64,
        wanted: Tag,
        before: Tag,
        window: &Window<'_>,
        each: impl FnMut(ElementHeader) -> Tag,
    ) {
        if self.walk.is_some() {
            return;
        }
        let before = before.min(self.unusual);
        match self.encoding {
            Encoding::ExplicitLittle => {
                self.pass_in::<EXPLICIT_LITTLE>(room, wanted, before, window, each);
            }
            Encoding::ImplicitLittle => {
                self.pass_in::<IMPLICIT_LITTLE>(room, wanted, before, window, each);
            }
            Encoding::ExplicitBig => {
                self.pass_in::<EXPLICIT_BIG>(room, wanted, before, window, each);
            }
        }
    }

    /// The loop in which a reader's time goes. A function of its own, so that all it needs at each element stays in registers.
    #[inline(never)]
    fn pass_in<const ENCODING: u8>(
        &mut self,
        room: u64,
        mut wanted: Tag,
        before: Tag,
        window: &Window<'_>,
        mut each: impl FnMut(ElementHeader) -> Tag,
    ) {
        let encoding = match ENCODING {
            EXPLICIT_LITTLE => Encoding::ExplicitLittle,
            IMPLICIT_LITTLE => Encoding::ImplicitLittle,
            _ => Encoding::ExplicitBig,
        };
        // Groups 0000 and 0002 are out of place here: as if they had passed.
        let mut last = self.last.unwrap_or_default().max(GROUP_2_END);
        let mut rest = Rest::of(window, self.at, self.end);
        let (mut left, mut passed) = (room, None);
        while let Some(raw) = header_of(rest.bytes(), encoding) {
            let odd = raw.length & 1 != 0 || raw.reserved;
            if raw.tag <= last || raw.tag >= before || odd || left == 0 {
                break;
            }
            let size = u64::from(raw.header_length) + u64::from(raw.length);
            let after = rest.after(size);
            if after.is_none() && self.end - rest.offset() < size {
                break;
            }
            if raw.tag >= wanted {
                wanted = each(raw.at(rest.offset(), u64::from(raw.length)));
            }
            (left, last, passed) = (left - 1, raw.tag, Some(rest));
            match after {
                Some(after) => rest = after,
                // The value reaches beyond the window; the header after it lies there too.
                None => break,
            }
        }
        if let Some(passed) = passed
            && let Some(raw) = header_of(passed.bytes(), encoding)
        {
            let header = raw.at(passed.offset(), u64::from(raw.length));
            (self.at, self.last) = (header.value_end(), Some(last));
            (self.previous, self.count) = (Some(header), self.count + (room - left));
        }
    }

    /// The next element. After an error or [`Event::End`] there is nothing more.
    pub fn next(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Event> {
        let mut found = None;
        if self.count < self.limits.max_elements {
            self.pass_at_most(1, Tag(0), ITEMS_AND_DELIMITERS, window, |header| {
                found = Some(header);
                Tag(0)
            });
        }
        match found {
            Some(header) => Ok(Event::Element(header)),
            None => self.odd(window, notes),
        }
    }

    #[cold]
    fn odd(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Event> {
        loop {
            if self.walk.is_some() {
                return self.walk_on(window, notes);
            }
            let left = self.end.saturating_sub(self.at);
            if left == 0 {
                return Ok(Event::End);
            }
            if left < 8 {
                return Ok(self.trailing(notes, "too short for an element"));
            }
            let head = left.min(12);
            if window.get(self.at, head).is_none() {
                return Ok(Event::Need(Need {
                    offset: self.at,
                    length: head,
                }));
            }
            if window.array::<8>(self.at) == Some([0; 8]) {
                return Ok(self.trailing(notes, "zeros"));
            }
            let little = self.encoding.is_little_endian();
            if tag_at(window, self.at, little).is_some_and(|tag| tag.group() == 0xFFFE) {
                if let Some(event) = self.stray(window, notes)? {
                    return Ok(event);
                }
                continue;
            }
            let Some(raw) =
                header_at(window, self.at, self.encoding).filter(|raw| raw.fits(self.at, self.end))
            else {
                let ahead = left.min(LOOK_AHEAD);
                if window.get(self.at, ahead).is_none() && self.must_look_ahead(window) {
                    return Ok(Event::Need(Need {
                        offset: self.at,
                        length: ahead,
                    }));
                }
                match self.recover(window, notes)? {
                    Some(event) => return Ok(event),
                    None => continue,
                }
            };
            return self.accept(raw, window, notes);
        }
    }

    /// A length beyond the end of an element with a VR is believed to be cut off, unless what it holds says otherwise.
    fn must_look_ahead(&self, window: &Window<'_>) -> bool {
        !matches!(header_at(window, self.at, self.encoding), Some(raw) if self.stops(raw.tag))
    }

    fn stops(&self, tag: Tag) -> bool {
        self.stop.is_some_and(|stop| tag >= stop)
    }

    /// Takes a header that fits, noting what is unusual about it.
    fn accept(
        &mut self,
        raw: RawHeader,
        window: &Window<'_>,
        notes: &mut Deviations,
    ) -> Result<Event> {
        let value = raw.value_offset(self.at);
        if self.stops(raw.tag) {
            let length = if raw.length == UNDEFINED {
                self.end.saturating_sub(value)
            } else {
                u64::from(raw.length)
            };
            let mut header = raw.at(self.at, length.min(self.end.saturating_sub(value)));
            if raw.length == UNDEFINED {
                header.flags = header.flags.with(Flags::UNDEFINED_LENGTH);
            }
            return Ok(Event::Stopped(header));
        }
        self.count += 1;
        if self.count > self.limits.max_elements {
            let error = Error::limit("max_elements", self.limits.max_elements, self.count);
            return Err(error.at(self.at).of(raw.tag));
        }
        if raw.length == UNDEFINED
            && let Some(need) = self.begin_walk(&raw, window, notes)
        {
            self.count -= 1;
            return Ok(Event::Need(need));
        }
        self.note_unusual(&raw, notes);
        if raw.length == UNDEFINED {
            return self.walk_on(window, notes);
        }
        Ok(self.emit(
            raw.at(self.at, u64::from(raw.length)),
            value.saturating_add(u64::from(raw.length)),
        ))
    }

    fn note_unusual(&mut self, raw: &RawHeader, notes: &mut Deviations) {
        let (tag, at) = (raw.tag, self.at);
        match self.last {
            Some(last) if tag == last => {
                self.ascending = false;
                notes.note(Leniency::TagDuplicate, tag, at, || {
                    "the last one counts".into()
                });
            }
            Some(last) if tag < last => {
                self.ascending = false;
                notes.note(Leniency::TagOrder, tag, at, || format!("after {last}"));
            }
            _ => {}
        }
        if tag.group() == 0 || tag.group() == 2 {
            notes.note(Leniency::GroupOutOfPlace, tag, at, || {
                "belongs before the data set".into()
            });
        }
        if raw.reserved {
            notes.note(Leniency::ReservedNotZero, tag, at, || {
                "reserved bytes ignored".into()
            });
        }
        if raw.length & 1 == 1 && raw.length != UNDEFINED {
            notes.note(Leniency::LengthOdd, tag, at, || {
                format!("length {}", raw.length)
            });
        }
        if raw.flags.has(Flags::UNKNOWN_VR) {
            notes.note(Leniency::VrUnknown, tag, at, || {
                format!("read with a {}-byte header", raw.header_length)
            });
        }
        if raw.flags.has(Flags::IMPLICIT) && self.encoding.is_explicit() {
            notes.note(Leniency::EncodingSwitched, tag, at, || {
                "an element in Implicit VR".into()
            });
        }
    }

    fn emit(&mut self, header: ElementHeader, next: u64) -> Event {
        self.last = Some(header.tag);
        self.previous = Some(header);
        self.at = next;
        Event::Element(header)
    }

    /// Begins to look for the end of a value of Undefined Length.
    fn begin_walk(
        &mut self,
        raw: &RawHeader,
        window: &Window<'_>,
        notes: &mut Deviations,
    ) -> Option<Need> {
        let value = raw.value_offset(self.at);
        let left = self.end.saturating_sub(value);
        let little = content_encoding(raw, self.encoding).is_little_endian();
        let first = tag_and_length(window, value, little);
        if first.is_none() && left >= 8 {
            return Some(Need {
                offset: self.at,
                length: u64::from(raw.header_length) + 8,
            });
        }
        let is_items = matches!(
            first,
            Some((Tag::ITEM | Tag::SEQUENCE_DELIMITATION_ITEM, _))
        );
        let mut header = raw.at(self.at, 0);
        header.flags = header.flags.with(Flags::UNDEFINED_LENGTH);
        let sequence = matches!(raw.vr, Some(Vr::SQ | Vr::UN)) || is_items;
        let walk = if raw.tag == Tag::PIXEL_DATA && raw.vr != Some(Vr::SQ) && (is_items || left < 8)
        {
            header.flags = header.flags.with(Flags::FRAGMENTS);
            Walk::fragments(value, self.end, self.encoding, raw.tag)
        } else if sequence {
            header.flags = header.flags.with(Flags::ITEMS);
            if !matches!(raw.vr, Some(Vr::SQ | Vr::UN) | None) {
                notes.note(Leniency::SequenceUnderOtherVr, raw.tag, self.at, || {
                    "items under Undefined Length".into()
                });
            }
            Walk::sequence(
                value,
                self.end,
                content_encoding(raw, self.encoding),
                raw.tag,
            )
        } else {
            if window.get(value, left).is_none() {
                return Some(Need {
                    offset: self.at,
                    length: self.end.saturating_sub(self.at),
                });
            }
            notes.note(Leniency::UndefinedLengthIllegal, raw.tag, self.at, || {
                "read up to the next delimiter or the end".into()
            });
            let end = next_sequence_delimiter(window, value, self.end, little).unwrap_or(self.end);
            Walk::sequence(end, self.end, self.encoding, raw.tag)
        };
        self.walk = Some((header, walk));
        None
    }

    fn walk_on(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Event> {
        let Some((mut header, mut walk)) = self.walk.take() else {
            return Ok(Event::End);
        };
        match walk.run(window, &self.limits, notes)? {
            Walked::Need(need) => {
                self.walk = Some((header, walk));
                Ok(Event::Need(need))
            }
            Walked::End { value_end, next } => {
                header.value_length = value_end.saturating_sub(header.value_offset);
                Ok(self.emit(header, next))
            }
        }
    }

    /// The rest of the level is no element.
    fn trailing(&mut self, notes: &mut Deviations, what: &'static str) -> Event {
        let (tag, at, left) = (
            self.last.unwrap_or_default(),
            self.at,
            self.end.saturating_sub(self.at),
        );
        notes.note(Leniency::TrailingBytes, tag, at, || {
            format!("{left} bytes after the last element are left: {what}")
        });
        self.at = self.end;
        Event::End
    }

    /// An item or a delimiter where an element should be.
    fn stray(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Option<Event>> {
        if let Some(event) = self.amend(window, notes)? {
            return Ok(Some(event));
        }
        let tag = self.last.unwrap_or_default();
        notes.note(Leniency::DelimiterStray, tag, self.at, || "skipped".into());
        self.at = self.at.saturating_add(8);
        Ok(None)
    }

    /// The header makes no sense: find out who lied, this element or the one before it.
    fn recover(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Option<Event>> {
        if let Some(event) = self.amend(window, notes)? {
            return Ok(Some(event));
        }
        if self.previous.is_some_and(|p| p.value_length & 1 == 1)
            && self.is_at(window, self.at.saturating_add(1))
        {
            self.at = self.at.saturating_add(1);
            return Ok(None);
        }
        let Some(raw) = header_at(window, self.at, self.encoding) else {
            return self.recover_vr(window, notes).map(Some);
        };
        // A VR, but a length that runs past the end.
        if let Some(other) = self.other_length(&raw, window) {
            return self.accept(other, window, notes).map(Some);
        }
        self.clip(raw, window, notes).map(Some)
    }

    fn is_at(&self, window: &Window<'_>, at: u64) -> bool {
        header_at(window, at, self.encoding).is_some_and(|h| {
            self.last.is_none_or(|last| h.tag > last)
                && (h.length == UNDEFINED
                    || h.value_offset(at).saturating_add(u64::from(h.length)) <= self.end)
        })
    }

    fn recover_vr(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Event> {
        let Some(raw) = unnamed(window, self.at, self.end, self.encoding) else {
            return Ok(self.trailing(notes, "no element there"));
        };
        if raw.flags.has(Flags::UNKNOWN_VR) {
            let letters = window.array::<6>(self.at).unwrap_or_default();
            if !(letters[4].is_ascii_uppercase() && letters[5].is_ascii_uppercase()) {
                notes.note(Leniency::VrInvalid, raw.tag, self.at, || {
                    format!(
                        "bytes {:02X} {:02X} where the VR stands",
                        letters[4], letters[5]
                    )
                });
            }
        }
        self.accept(raw, window, notes)
    }

    /// The same header in the other length form or encoding, if the stream goes on after that.
    fn other_length(&self, raw: &RawHeader, window: &Window<'_>) -> Option<RawHeader> {
        let b = window.array::<8>(self.at)?;
        let little = self.encoding.is_little_endian();
        let goes_on_after = |h: &RawHeader, encoding| {
            let next = h.value_offset(self.at).saturating_add(u64::from(h.length));
            goes_on(window, next, self.end, encoding, h.tag)
        };
        if self.encoding.is_explicit() {
            let length = u32::from(super::reader::u16_of([b[6], b[7]], little));
            let short = RawHeader {
                length,
                header_length: 8,
                reserved: false,
                ..*raw
            };
            return (raw.header_length == 12
                && length != 0
                && goes_on_after(&short, self.encoding))
            .then_some(short);
        }
        let explicit = header_at(window, self.at, Encoding::ExplicitLittle)?;
        goes_on_after(&explicit, Encoding::ExplicitLittle).then_some(explicit)
    }

    /// A Value Length past the end: a sequence is read by its items, all else up to the end. PS3.5 §7.1
    fn clip(
        &mut self,
        raw: RawHeader,
        window: &Window<'_>,
        notes: &mut Deviations,
    ) -> Result<Event> {
        let value = raw.value_offset(self.at);
        if value > self.end {
            return Ok(self.trailing(notes, "too short for an element"));
        }
        let little = self.encoding.is_little_endian();
        let first = tag_at(window, value, little);
        let left = self.end.saturating_sub(value);
        if !self.stops(raw.tag)
            && (raw.vr == Some(Vr::SQ) || first == Some(Tag::ITEM))
            && self.end.saturating_sub(value) >= 8
        {
            notes.note(Leniency::SequenceLengthWrong, raw.tag, self.at, || {
                format!("length {}, {left} bytes left", raw.length)
            });
            return self.accept(
                RawHeader {
                    length: UNDEFINED,
                    ..raw
                },
                window,
                notes,
            );
        }
        let mut header = raw.at(self.at, left);
        header.flags = header.flags.with(Flags::CLIPPED);
        notes.note(Leniency::LengthClipped, raw.tag, self.at, || {
            format!("length {}, {left} bytes left", raw.length)
        });
        if self.stops(raw.tag) {
            return Ok(Event::Stopped(header));
        }
        let end = self.end;
        self.note_unusual(&raw, notes);
        Ok(self.emit(header, end))
    }

    /// If the element before was a sequence of defined length, its items may tell another end, after which all is well.
    fn amend(&mut self, window: &Window<'_>, notes: &mut Deviations) -> Result<Option<Event>> {
        let Some(mut previous) = self.previous.take() else {
            return Ok(None);
        };
        let little = self.encoding.is_little_endian();
        let is_sequence = previous.vr == Some(Vr::SQ)
            || tag_at(window, previous.value_offset, little) == Some(Tag::ITEM);
        if !is_sequence
            || previous.is_undefined_length()
            || previous.value_length == 0
            || self.amendments >= AMENDMENTS
        {
            self.previous = Some(previous);
            return Ok(None);
        }
        let rest = self.end.saturating_sub(previous.value_offset);
        if window.get(previous.value_offset, rest).is_none() {
            self.previous = Some(previous);
            return Ok(Some(Event::Need(Need {
                offset: previous.value_offset,
                length: rest,
            })));
        }
        self.amendments += 1;
        let encoding = if previous.vr == Some(Vr::UN) {
            Encoding::ImplicitLittle
        } else {
            self.encoding
        };
        let mut walk = Walk::sequence(previous.value_offset, self.end, encoding, previous.tag);
        let mut unheard = Deviations::new(0);
        if let Walked::End { value_end, next } = walk.run(window, &self.limits, &mut unheard)?
            && next != self.at
            && (next == self.end
                || goes_on(window, next, self.end, self.encoding, previous.tag)
                    && self.is_at(window, next))
        {
            notes.note(
                Leniency::SequenceLengthWrong,
                previous.tag,
                previous.offset(),
                || {
                    format!(
                        "length {}, its items take {}",
                        previous.value_length,
                        value_end - previous.value_offset
                    )
                },
            );
            previous.value_length = value_end.saturating_sub(previous.value_offset);
            self.previous = None;
            self.at = next;
            return Ok(Some(Event::Amended(previous)));
        }
        self.previous = Some(previous);
        Ok(None)
    }
}

/// All headers of a level that lies wholly in the window, sorted by tag, of equal tags the last.
pub fn scan(
    window: &Window<'_>,
    range: std::ops::Range<u64>,
    encoding: Encoding,
    limits: &Limits,
    notes: &mut Deviations,
) -> Result<Box<[ElementHeader]>> {
    let mut scanner = Scanner::new(range.start, range.end, encoding, limits);
    // Most items have a few elements: they are gathered on the stack, and get room of just their size.
    let mut headers = SmallVec::<[ElementHeader; FEW]>::new();
    loop {
        scanner.pass(ITEMS_AND_DELIMITERS, window, |header| headers.push(header));
        match scanner.next(window, notes)? {
            Event::Element(header) => headers.push(header),
            Event::Amended(header) => {
                headers.pop();
                headers.push(header);
            }
            Event::Stopped(_) | Event::End => break,
            Event::Need(need) => {
                return Err(Error::new(
                    crate::error::ErrorKind::Internal,
                    "the level is not in the window",
                )
                .at(need.offset));
            }
        }
    }
    if scanner.is_ascending() {
        return Ok(headers.as_slice().into());
    }
    Ok(sorted(headers.into_vec()).into())
}

/// Elements of most items.
const FEW: usize = 12;

/// In tag order; of equal tags the last one read.
pub fn sorted(mut headers: Vec<ElementHeader>) -> Vec<ElementHeader> {
    headers.sort_by_key(|h| h.tag);
    headers.reverse();
    headers.dedup_by_key(|h| h.tag);
    headers.reverse();
    headers
}
