//! The elements that columns need, found in one pass over a level.

use crate::document;
use crate::schema::Columns;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{ElementHeader, Event, FileStart, Scanner, Window};
use rapidicom_core::{Error, Tag};

/// What was found in one file.
pub(crate) struct Found {
    pub(crate) start: Option<FileStart>,
    /// For each wanted tag its element, then for each private one.
    pub(crate) slots: Vec<Option<ElementHeader>>,
    /// Pixel Data, Float or Double Float Pixel Data.
    pub(crate) pixels: Option<ElementHeader>,
    /// Where the elements of the data set lie, inflated or not.
    pub(crate) data_set: document::Level,
    /// How far the file was looked at.
    pub(crate) reached: u64,
}

/// The wanted tags, walked beside the elements: both ascend.
pub(crate) struct Wanted<'a> {
    tags: &'a [Tag],
    /// How many tags are of group 0002.
    meta: usize,
    at: usize,
    /// `tags[at]`, or beyond all tags.
    next: Tag,
    /// No more is looked for once all were found.
    ends: bool,
    unordered: bool,
    pixels: bool,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(columns: &'a Columns, unordered: bool) -> Wanted<'a> {
        let tags = columns.wanted.as_slice();
        let next = tags.get(columns.meta).copied().unwrap_or(Tag(u32::MAX));
        let ends = !columns.pixels && !unordered;
        Wanted {
            tags,
            meta: columns.meta,
            at: columns.meta,
            next,
            ends,
            unordered,
            pixels: columns.pixels,
        }
    }

    /// Takes elements into their slots until something else than an element comes, or nothing more is wanted.
    pub(crate) fn follow(
        &mut self,
        scanner: &mut Scanner,
        window: &Window<'_>,
        notes: &mut Deviations,
        found: &mut Found,
    ) -> Result<Event, Error> {
        if self.ends && self.at >= self.tags.len() {
            return Ok(Event::End);
        }
        loop {
            if !self.unordered {
                // The wanted ones are taken as they pass by: one comparison for each that is not.
                let before = if self.pixels {
                    Tag::FLOAT_PIXEL_DATA
                } else {
                    Tag(u32::MAX)
                };
                scanner.pass_to(self.next, before, window, |header| {
                    self.take(header, found);
                    self.next
                });
                if self.ends && self.at >= self.tags.len() {
                    return Ok(Event::End);
                }
            }
            let event = scanner.next(window, notes)?;
            let Event::Element(header) = event else {
                if let Event::Amended(header) = event {
                    self.put(header, found);
                    continue;
                }
                return Ok(event);
            };
            if self.unordered {
                self.put(header, found);
                continue;
            }
            self.take(header, found);
            if self.ends && self.at >= self.tags.len() {
                return Ok(Event::End);
            }
            if self.pixels && header.tag.is_pixel_data() {
                found.pixels = Some(header);
            }
        }
    }

    /// Takes a header into its slot if it is wanted; wanted tags before it are not there.
    #[inline]
    fn take(&mut self, header: ElementHeader, found: &mut Found) {
        while self.next < header.tag {
            self.advance();
        }
        if self.next == header.tag {
            if let Some(slot) = found.slots.get_mut(self.at) {
                *slot = Some(header);
            }
            self.advance();
        }
    }

    #[inline]
    fn advance(&mut self) {
        self.at += 1;
        self.next = self.tags.get(self.at).copied().unwrap_or(Tag(u32::MAX));
    }

    #[cold]
    fn put(&mut self, header: ElementHeader, found: &mut Found) {
        if let Ok(slot) = self.tags.binary_search(&header.tag)
            && slot >= self.meta
            && let Some(place) = found.slots.get_mut(slot)
        {
            *place = Some(header);
        }
        if self.pixels && header.tag.is_pixel_data() {
            found.pixels = Some(header);
        }
    }
}
