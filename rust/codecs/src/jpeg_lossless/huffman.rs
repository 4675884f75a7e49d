//! Huffman tables of differences: ITU-T T.81 Annex C, H.1.2.2.

use crate::error::{PixelError, PixelErrorKind, Result};

/// Bits of a code stream that are looked up at once; longer codes are rare.
pub(super) const LOOKUP_BITS: u32 = 12;

/// The longest code.
const LONGEST: usize = 16;

/// A code, and the bits that follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    /// Bits of the code and of what follows it; 0: look further.
    pub(super) total: u8,
    /// Bits of the code.
    pub(super) length: u8,
    /// SSSS: how many bits of the difference follow the code; after 16, which means 32,768, none do.
    pub(super) category: u8,
}

/// One table: what a DHT segment defines.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The code that these bits begin with, for codes of no more bits and categories that bits follow.
    lookup: Box<[Code; 1 << LOOKUP_BITS]>,
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
            lookup: Box::new([Code::default(); 1 << LOOKUP_BITS]),
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
        let entry = Code {
            total: length as u8 + category,
            length: length as u8,
            category,
        };
        let first = (code << free) as usize;
        if let Some(entries) = self.lookup.get_mut(first..first + (1 << free)) {
            entries.fill(entry);
        }
    }

    /// The code at the top of these bits, if it is a short one.
    #[inline(always)]
    pub(super) fn short(&self, bits: u64) -> Code {
        self.lookup[(bits >> (64 - LOOKUP_BITS)) as usize]
    }

    /// The code at the top of these bits; none where they begin with no code.
    #[cold]
    pub(super) fn any(&self, bits: u64) -> Option<Code> {
        let (length, place) =
            (1_u32..)
                .zip(self.lengths.iter().skip(1))
                .find_map(|(length, &(end, offset))| {
                    let number = (bits >> (64 - length)) as u32;
                    (number < end).then_some((length, number as i32 + offset))
                })?;
        let category = *self.categories.get(usize::try_from(place).ok()?)?;
        Some(Code {
            total: length as u8 + if category < 16 { category } else { 0 },
            length: length as u8,
            category,
        })
        .filter(|code| code.category <= 16)
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
