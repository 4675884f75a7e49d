//! Palette Color Lookup Tables: PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.

use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::SampleType;
use crate::lookup_table::{argument, gather};

/// Red, green, blue and perhaps alpha tables of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette<'a> {
    /// The first value mapped, second value of the descriptors.
    pub first: i64,
    /// Bytes of an entry: 1 or 2.
    pub entry_bytes: usize,
    /// Three or four tables, entries in native byte order.
    pub tables: &'a [&'a [u8]],
}

impl Palette<'_> {
    /// The colour of each sample, interleaved: three or four entries a sample.
    pub fn apply(&self, samples: &[u8], sample_type: SampleType, out: &mut [u8]) -> Result<()> {
        match (self.tables.len(), self.entry_bytes) {
            (3, 1) => self.cells::<1, 3>(samples, sample_type, out),
            (4, 1) => self.cells::<1, 4>(samples, sample_type, out),
            (3, 2) => self.cells::<2, 6>(samples, sample_type, out),
            (4, 2) => self.cells::<2, 8>(samples, sample_type, out),
            (tables, bytes) => Err(argument(format!(
                "{tables} tables of entries of {bytes} bytes, expected 3 or 4 of 1 or 2"
            ))),
        }
    }

    fn cells<const ENTRY: usize, const CELL: usize>(
        &self,
        samples: &[u8],
        sample_type: SampleType,
        out: &mut [u8],
    ) -> Result<()> {
        let entries = self.tables.first().map_or(0, |table| table.len() / ENTRY);
        if self
            .tables
            .iter()
            .any(|table| table.len() / ENTRY != entries)
        {
            return Err(argument(
                "the tables of a palette differ in length".to_owned(),
            ));
        }
        let mut cells = vec![[0; CELL]; entries];
        for (place, table) in self.tables.iter().enumerate() {
            for (cell, entry) in cells.iter_mut().zip(table.as_chunks::<ENTRY>().0) {
                if let Some(part) = cell.as_chunks_mut::<ENTRY>().0.get_mut(place) {
                    *part = *entry;
                }
            }
        }
        gather(samples, sample_type, self.first, &cells, out)
    }
}

/// Segmented Palette Color Lookup Table Data → its entries: PS3.3 C.7.9.2.
///
/// `data` are the words as they were stored, 8-bit ones widened; at most `entries` come out: what lies beyond them is not read.
/// `little_endian` and `entry_bits` say how the two (or four) words of an offset lie.
pub fn expand_segments(
    data: &[u16],
    entry_bits: u16,
    little_endian: bool,
    entries: usize,
) -> Result<Vec<u16>> {
    let mut expansion = Expansion {
        data,
        bytes: entry_bits == 8,
        little_endian,
        entries,
        table: Vec::new(),
    };
    let mut at = 0;
    // All segments are longer than the word that pads the data.
    while at + 1 < data.len() && expansion.table.len() < entries {
        at = expansion.segment(at)?;
    }
    Ok(expansion.table)
}

struct Expansion<'a> {
    data: &'a [u16],
    bytes: bool,
    little_endian: bool,
    entries: usize,
    table: Vec<u16>,
}

#[cold]
fn damaged(words: &str, at: usize) -> PixelError {
    let detail = format!("segmented palette: {words} (word {at})");
    PixelError::new(PixelErrorKind::Stored, detail)
}

impl Expansion<'_> {
    /// The segment at a word of the data; the word after it.
    fn segment(&mut self, at: usize) -> Result<usize> {
        match self.word(at)? {
            2 => self.indirect(at),
            _ => self.direct(at),
        }
    }

    fn word(&self, at: usize) -> Result<u16> {
        let word = self.data.get(at).copied();
        word.ok_or_else(|| damaged("a segment is cut off", at))
    }

    /// Discrete (C.7.9.2.1) and linear (C.7.9.2.2) segments.
    fn direct(&mut self, at: usize) -> Result<usize> {
        let (code, length) = (self.word(at)?, usize::from(self.word(at + 1)?));
        let first = at + 2;
        match code {
            0 => {
                let end = (first + length).min(self.data.len());
                let room = self.entries.saturating_sub(self.table.len());
                let words = self.data.get(first..end).unwrap_or_default();
                self.table.extend(words.iter().take(room));
                Ok(first + length)
            }
            1 => {
                let last = self.word(first)?;
                self.linear(length, last, at)?;
                Ok(first + 1)
            }
            code => Err(damaged(
                &format!("segment type {code}, expected 0, 1 or 2"),
                at,
            )),
        }
    }

    /// From the last entry that there is to `y1`, in equal steps, rounded to the nearest, halves to even.
    fn linear(&mut self, length: usize, y1: u16, at: usize) -> Result<()> {
        let Some(&y0) = self.table.last() else {
            return Err(damaged("the first segment is linear", at));
        };
        let room = self.entries.saturating_sub(self.table.len());
        let (y0, y1) = (f64::from(y0), f64::from(y1));
        let first = y0 + (y1 - y0) / length as f64;
        let step = (y1 - first) / (length.saturating_sub(1)) as f64;
        self.table.extend((1..=length).take(room).map(|n| {
            if n == length || y0 == y1 {
                y1 as u16
            } else {
                ((n - 1) as f64 * step + first).round_ties_even() as u16
            }
        }));
        Ok(())
    }

    /// Segments that were there before, once more (C.7.9.2.3): only what lies before this one, and none that is indirect itself, so
    /// that it ends.
    fn indirect(&mut self, at: usize) -> Result<usize> {
        if self.table.is_empty() {
            return Err(damaged("the first segment is indirect", at));
        }
        let segments = self.word(at + 1)?;
        let (mut source, next) = self.offset(at + 2)?;
        for _ in 0..segments {
            if self.table.len() >= self.entries {
                break;
            }
            if source >= at {
                return Err(damaged("an offset is not to an earlier segment", at));
            }
            if self.word(source)? == 2 {
                return Err(damaged("an indirect segment is of indirect ones", at));
            }
            source = self.direct(source)?;
        }
        Ok(next)
    }

    /// An offset in words of the data, and the word after it: the least significant 16 bits first. The standard's table has a "byte
    /// offset"; with entries of 16 bits everyone (pydicom, GDCM) counts entries.
    fn offset(&self, at: usize) -> Result<(usize, usize)> {
        let word = |n| self.word(at + n).map(usize::from);
        Ok(match (self.bytes, self.little_endian) {
            (false, _) => (word(1)? << 16 | word(0)?, at + 2),
            (true, true) => (
                word(3)? << 24 | word(2)? << 16 | word(1)? << 8 | word(0)?,
                at + 4,
            ),
            (true, false) => (
                word(2)? << 24 | word(3)? << 16 | word(0)? << 8 | word(1)?,
                at + 4,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn colours_are_interleaved_and_clamped() {
        let palette = Palette {
            first: 1,
            entry_bytes: 1,
            tables: &[&[1, 2], &[3, 4], &[5, 6]],
        };
        let mut out = [0; 12];
        palette
            .apply(&[0, 1, 2, 255], SampleType::U8, &mut out)
            .unwrap();
        assert_eq!(out, [1, 3, 5, 1, 3, 5, 2, 4, 6, 2, 4, 6]);
        let wide: Vec<Vec<u8>> = [[1_u16, 2], [300, 400], [5, 6], [7, 65_535]]
            .iter()
            .map(|table| table.iter().flat_map(|e| e.to_ne_bytes()).collect())
            .collect();
        let tables: Vec<&[u8]> = wide.iter().map(Vec::as_slice).collect();
        let palette = Palette {
            first: 0,
            entry_bytes: 2,
            tables: &tables,
        };
        let mut out = [0; 8];
        palette.apply(&[9], SampleType::U8, &mut out).unwrap();
        let expected: Vec<u8> = [2_u16, 400, 6, 65_535]
            .iter()
            .flat_map(|e| e.to_ne_bytes())
            .collect();
        assert_eq!(out, *expected);
    }

    #[test]
    fn tables_of_other_lengths_are_refused() {
        let palette = Palette {
            first: 0,
            entry_bytes: 1,
            tables: &[&[1, 2], &[3], &[5, 6]],
        };
        assert!(palette.apply(&[0], SampleType::U8, &mut [0; 3]).is_err());
    }

    fn expand(data: &[u16]) -> Result<Vec<u16>> {
        expand_segments(data, 16, true, 20)
    }

    #[test]
    fn segments() {
        assert_eq!(expand(&[0, 3, 7, 8, 9, 0]).unwrap(), [7, 8, 9]);
        assert_eq!(expand(&[0, 1, 0, 1, 4, 8]).unwrap(), [0, 2, 4, 6, 8]);
        assert_eq!(expand(&[0, 1, 10, 1, 3, 0]).unwrap(), [10, 7, 3, 0]);
        assert_eq!(expand(&[0, 1, 5, 1, 2, 5]).unwrap(), [5, 5, 5]);
        // A discrete and a linear segment, and both again from the first word on.
        assert_eq!(
            expand(&[0, 1, 1, 1, 2, 3, 2, 2, 0, 0]).unwrap(),
            [1, 2, 3, 1, 2, 3]
        );
        // The linear one alone, from the last entry on.
        assert_eq!(
            expand(&[0, 1, 1, 1, 2, 3, 2, 1, 3, 0]).unwrap(),
            [1, 2, 3, 3, 3]
        );
        let eight = [0, 1, 1, 1, 2, 3, 2, 2, 0, 0, 0, 0];
        assert_eq!(
            expand_segments(&eight, 8, true, 256).unwrap(),
            [1, 2, 3, 1, 2, 3]
        );
    }

    #[test]
    fn segments_are_bounded() {
        assert_eq!(expand(&[0, 1, 0, 1, 65_535, 9]).unwrap().len(), 20);
        for damaged in [
            &[1, 2, 3, 0][..],
            &[2, 1, 0, 0],
            &[3, 1, 0, 0],
            &[0, 1, 5, 1, 2],
            &[0, 1, 5, 2, 1, 3, 0],
            &[0, 1, 5, 2, 9, 65_535, 65_535],
            &[0, 1, 5, 2, 1, 0, 0, 2, 1, 3, 0],
        ] {
            assert!(expand(damaged).is_err(), "{damaged:?}");
        }
        assert_eq!(expand(&[0, 9, 5]).unwrap(), [5]);
        assert_eq!(expand(&[]).unwrap(), []);
    }
}
