//! Huffman tables of differences: ITU-T T.81 Annex C, H.1.2.2.

use crate::error::{PixelError, PixelErrorKind, Result};

/// Bits of a code stream that are looked up at once; longer codes are rare.
pub(super) const LOOKUP_BITS: u32 = 12;

/// The longest code.
const LONGEST: usize = 16;

/// What bits begin with: a whole difference, or a code, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    /// A difference whose code and following bits are so many, at most [`LOOKUP_BITS`].
    fn difference(total: u32, difference: u16) -> Entry {
        Entry(u32::from(difference) << 16 | total)
    }

    /// A code of `length` bits, for the category SSSS: so many bits of the difference follow it; after 16, which means 32,768, none do.
    fn code(length: u32, category: u8) -> Entry {
        Entry(u32::from(category) << 16 | length << 8)
    }

    /// The difference, and how many bits it took.
    #[inline(always)]
    pub(super) fn whole(self) -> Option<(u16, u32)> {
        let total = self.0 & 0xFF;
        (total != 0).then_some(((self.0 >> 16) as u16, total))
    }

    /// Bits of the code; 0: none.
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.0 >> 8 & 0xFF
    }

    #[inline(always)]
    pub(super) fn category(self) -> u32 {
        self.0 >> 16
    }
}

/// The difference of this category with these bits at the top: T.81 table F.12 (EXTEND).
#[inline(always)]
pub(super) fn extend(bits: u64, category: u32) -> u16 {
    // The topmost bit is that of a positive difference; a negative one is the complement of its amount.
    let negative = !(bits as i64 >> 63) as u64;
    let amount = ((bits ^ negative) >> 1).wrapping_shr(63_u32.wrapping_sub(category));
    (amount ^ negative).wrapping_sub(negative) as u16
}

/// One table: what a DHT segment defines.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The code that these bits begin with, for codes of no more bits and categories that bits follow.
    lookup: [Entry; 1 << LOOKUP_BITS],
    /// For each length the first number, of as many bits, that is no code of this length nor the beginning of a longer one's
    /// predecessor; and what to add to a number for its place in `categories`.
    lengths: [(u32, i32); LONGEST + 1],
    categories: Vec<u8>,
}

impl Table {
    /// The table that BITS (how many codes have 1, 2, … 16 bits) and HUFFVAL define: T.81 §C.2.
    ///
    /// A code of ones only, which the standard forbids, and categories above 16 are accepted: encoders write both, the latter without
    /// using them.
    pub(super) fn new(bits: &[u8; LONGEST], categories: &[u8]) -> Result<Table> {
        let mut table = Table {
            lookup: [Entry::default(); 1 << LOOKUP_BITS],
            lengths: [(0, 0); LONGEST + 1],
            categories: categories.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(bits) {
            let end = code + u32::from(count);
            if end > 1 << length {
                let detail = "a Huffman table has more codes of a length than there can be";
                return Err(PixelError::new(PixelErrorKind::Stored, detail));
            }
            let following = categories.get(place..).unwrap_or_default();
            for (code, &category) in (code..end).zip(following) {
                table.enter(code, length, category);
            }
            if let Some(entry) = table.lengths.get_mut(length as usize) {
                *entry = (end, place as i32 - code as i32);
            }
            place += usize::from(count);
            code = end << 1;
        }
        Ok(table)
    }

    fn enter(&mut self, code: u32, length: u32, category: u8) {
        let Some(free) = LOOKUP_BITS.checked_sub(length) else {
            return;
        };
        if category >= 16 {
            return;
        }
        let first = (code << free) as usize;
        let Some(entries) = self.lookup.get_mut(first..first + (1 << free)) else {
            return;
        };
        let total = length + u32::from(category);
        for (following, entry) in (0_u64..).zip(entries) {
            *entry = if total <= LOOKUP_BITS {
                // `free` bits follow the code, at the top of a word.
                let bits = following.checked_shl(64 - free).unwrap_or(0);
                Entry::difference(total, extend(bits, u32::from(category)))
            } else {
                Entry::code(length, category)
            };
        }
    }

    /// The code at the top of these bits, if it is a short one.
    #[inline(always)]
    pub(super) fn short(&self, bits: u64) -> Entry {
        self.lookup[(bits >> (64 - LOOKUP_BITS)) as usize]
    }

    /// The code at the top of these bits; none where they begin with no code.
    #[cold]
    pub(super) fn any(&self, bits: u64) -> Option<Entry> {
        let (length, place) =
            (1_u32..)
                .zip(self.lengths.iter().skip(1))
                .find_map(|(length, &(end, offset))| {
                    let number = (bits >> (64 - length)) as u32;
                    (number < end).then_some((length, number as i32 + offset))
                })?;
        let category = *self.categories.get(usize::try_from(place).ok()?)?;
        (category <= 16).then(|| Entry::code(length, category))
    }
}

/// The four tables that a scan may name, as DHT segments define them; built when a scan names them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Definitions<'a>([Option<(&'a [u8; LONGEST], &'a [u8])>; 4]);

impl<'a> Definitions<'a> {
    /// Takes over those of a DHT segment: T.81 §B.2.4.2. Tables for AC coefficients are passed.
    pub(super) fn define(&mut self, mut parameters: &'a [u8]) {
        while let Some((&class_and_place, rest)) = parameters.split_first()
            && let Some((bits, rest)) = rest.split_first_chunk()
        {
            let count: usize = bits.iter().map(|&count| usize::from(count)).sum();
            let (categories, rest) = rest.split_at(count.min(rest.len()));
            if let Some(definition) = self.0.get_mut(usize::from(class_and_place)) {
                *definition = Some((bits, categories));
            }
            parameters = rest;
        }
    }

    pub(super) fn table(&self, place: u8) -> Result<Table> {
        let Some((bits, categories)) = self.0.get(usize::from(place)).copied().flatten() else {
            let detail = format!("a scan names Huffman table {place}, which is not defined");
            return Err(PixelError::new(PixelErrorKind::Stored, detail));
        };
        Table::new(bits, categories)
    }
}
