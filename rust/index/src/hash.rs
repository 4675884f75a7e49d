//! Hashes by which copies are found: of a file, of its Pixel Data, of its data set. All that are asked for are made in one
//! pass of large reads through one buffer.

use rapidicom_core::Tag;
use rapidicom_core::read::{ElementHeader, Window, u16_of, u32_of};
use rapidicom_source::{File, Identity, RangedBytes, SourceError};
use sha2::{Digest, Sha256};
use std::hash::Hasher;
use std::path::Path;
use twox_hash::XxHash3_64;

/// How bytes become a short text that other bytes do not become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256, FIPS 180-4: no one can make two files that are equal by it.
    Sha256,
    /// XXH3 of 64 bits, seed 0: faster than memory, no protection against intent.
    Xxh3,
}

impl Algorithm {
    /// The columns of this algorithm.
    pub fn columns(self) -> [&'static str; 3] {
        match self {
            Algorithm::Sha256 => ["file_sha256", "pixel_data_sha256", "data_set_sha256"],
            Algorithm::Xxh3 => ["file_xxh3", "pixel_data_xxh3", "data_set_xxh3"],
        }
    }
}

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All bytes.
    File,
    /// The Value Field of Pixel Data, Float or Double Float Pixel Data as it lies in the file; of an encapsulated one all
    /// items, their headers among them, up to and without the Sequence Delimitation Item. PS3.5 §A.4
    PixelData,
    /// All that follows the File Meta Information, as it lies in the file.
    DataSet,
}

/// Where the parts of a file lie.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    /// The first byte after group 0002.
    pub(crate) data_set: Option<u64>,
    /// None of a deflated data set, in which no pixels lie.
    pub(crate) pixels: Option<ElementHeader>,
    pub(crate) little: bool,
}

/// Fills a buffer from an offset.
type ReadAt<'a> = dyn Fn(u64, &mut [u8]) -> Result<usize, SourceError> + 'a;

/// Bytes of one read.
const STRETCH: usize = 1 << 20;

/// Reads files and hashes their parts. One per thread.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    buffer: Vec<u8>,
}

impl Hashes {
    /// A hash for each that is asked for, in lower-case hexadecimal digits; none of a part that the file lacks.
    /// [`SourceError::Changed`] where the file is not the one that was `expected`, or no longer is when all is read.
    pub(crate) fn of_file(
        &mut self,
        path: &Path,
        expected: Option<Identity>,
        asked: &[(Part, Algorithm)],
        parts: &Parts,
    ) -> Result<Vec<Option<String>>, SourceError> {
        let file = File::open(path)?;
        let identity = file.identity();
        if let Some(expected) = expected {
            expected.expect(&identity)?;
        }
        let read = |at, buffer: &mut [u8]| file.pread(buffer, at);
        let made = self.of_bytes(identity.size, asked, parts, &read)?;
        identity.expect(&file.identity_now()?)?;
        Ok(made)
    }

    /// The same of an object, which does not change.
    pub(crate) fn of_object(
        &mut self,
        stream: &dyn RangedBytes,
        asked: &[(Part, Algorithm)],
        parts: &Parts,
    ) -> Result<Vec<Option<String>>, SourceError> {
        let read = |at, buffer: &mut [u8]| Ok(stream.read(at, buffer)?);
        self.of_bytes(stream.len(), asked, parts, &read)
    }

    fn of_bytes(
        &mut self,
        size: u64,
        asked: &[(Part, Algorithm)],
        parts: &Parts,
        read: &ReadAt<'_>,
    ) -> Result<Vec<Option<String>>, SourceError> {
        let sum = |&(part, algorithm): &(Part, Algorithm)| Sum::new(part, algorithm, parts, size);
        let mut sums: Vec<Option<Sum>> = asked.iter().map(sum).collect();
        self.buffer.resize(STRETCH, 0);
        loop {
            let open = sums.iter().flatten().filter(|sum| !sum.is_done());
            let Some(at) = open.map(|sum| sum.at).min() else {
                break;
            };
            let read = read(at, &mut self.buffer)?;
            let bytes = self.buffer.get(..read).unwrap_or_default();
            if bytes.len() < STRETCH && at.saturating_add(read as u64) < size {
                return Err(SourceError::Changed("its size"));
            }
            sums.iter_mut()
                .flatten()
                .for_each(|sum| sum.update(at, bytes));
        }
        Ok(sums.into_iter().map(|sum| sum.map(Sum::finish)).collect())
    }
}

enum State {
    Sha256(Sha256),
    Xxh3(Box<XxHash3_64>),
}

/// One hash that is being made.
struct Sum {
    state: State,
    /// The next byte of the file to be taken.
    at: u64,
    end: u64,
    items: Option<Items>,
}

impl Sum {
    fn new(part: Part, algorithm: Algorithm, parts: &Parts, size: u64) -> Option<Sum> {
        let (range, items) = match part {
            Part::File => (0..size, None),
            Part::DataSet => (parts.data_set?..size, None),
            Part::PixelData => {
                let pixels = parts.pixels?;
                let items = pixels.is_undefined_length().then_some(Items {
                    next: Some(pixels.value_offset),
                    little: parts.little,
                });
                (pixels.value_offset..pixels.value_end().min(size), items)
            }
        };
        Some(Sum {
            state: match algorithm {
                Algorithm::Sha256 => State::Sha256(Sha256::new()),
                Algorithm::Xxh3 => State::Xxh3(Box::new(XxHash3_64::new())),
            },
            at: range.start,
            end: range.end,
            items,
        })
    }

    fn is_done(&self) -> bool {
        self.at >= self.end
    }

    /// Takes what is its part of the bytes from `start` on. An item's header that they cut is left for the next ones,
    /// which then begin with it.
    fn update(&mut self, start: u64, bytes: &[u8]) {
        let stop = start.saturating_add(bytes.len() as u64);
        if self.is_done() || self.at < start || self.at >= stop {
            return;
        }
        let window = Window::new(bytes, start);
        let mut upto = self.end.min(stop);
        if let Some(items) = &mut self.items {
            match items.walk(&window, self.end) {
                Walked::Delimiter(at) => (self.end, upto) = (at, at),
                Walked::Cut(at) => upto = upto.min(at),
            }
        }
        let taken = window.get(self.at, upto.saturating_sub(self.at));
        let taken = taken.unwrap_or_default();
        match &mut self.state {
            State::Sha256(state) => state.update(taken),
            State::Xxh3(state) => state.write(taken),
        }
        self.at = upto.max(self.at);
    }

    fn finish(self) -> String {
        match self.state {
            State::Sha256(state) => hexadecimal(&state.finalize()),
            State::Xxh3(state) => hexadecimal(&state.finish().to_be_bytes()),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

/// The items of an encapsulated Pixel Data element, followed as the bytes come by. PS3.5 §A.4
#[derive(Clone, Copy, Debug)]
struct Items {
    /// The next item's header; none where no item stood: then all up to the end of the value belongs to it.
    next: Option<u64>,
    little: bool,
}

enum Walked {
    /// Here the Sequence Delimitation Item stands.
    Delimiter(u64),
    /// Up to here the bytes belong to the value, as far as they go.
    Cut(u64),
}

impl Items {
    fn walk(&mut self, window: &Window<'_>, end: u64) -> Walked {
        while let Some(at) = self.next {
            if end.saturating_sub(at) < 8 {
                self.next = None;
                break;
            }
            let Some(header) = window.array::<8>(at) else {
                return Walked::Cut(at);
            };
            let [a, b, c, d, length @ ..] = header;
            let little = self.little;
            let tag = Tag::new(u16_of([a, b], little), u16_of([c, d], little));
            let length = u32_of(length, little);
            match tag {
                Tag::SEQUENCE_DELIMITATION_ITEM => return Walked::Delimiter(at),
                Tag::ITEM if length != u32::MAX => {
                    self.next = Some(at.saturating_add(8).saturating_add(u64::from(length)));
                }
                _ => self.next = None,
            }
        }
        Walked::Cut(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sum(end: u64, items: Option<Items>) -> Sum {
        Sum {
            state: State::Xxh3(Box::new(XxHash3_64::new())),
            at: 0,
            end,
            items,
        }
    }

    fn of(bytes: &[u8]) -> String {
        let mut whole = sum(bytes.len() as u64, None);
        whole.update(0, bytes);
        whole.finish()
    }

    /// However the file is cut into stretches, the value ends at its delimiter.
    #[test]
    fn items_are_followed_across_stretches() {
        let mut value = b"\xFE\xFF\x00\xE0\x00\x00\x00\x00".to_vec();
        value.extend(b"\xFE\xFF\x00\xE0\x06\x00\x00\x00\xFE\xFF\xDD\xE0ab");
        let mut file = value.clone();
        file.extend(b"\xFE\xFF\xDD\xE0\x00\x00\x00\x00\xFC\xFF\xFC\xFFOB\x00\x00");
        for stretch in 8..=file.len() {
            let items = Items {
                next: Some(0),
                little: true,
            };
            let mut made = sum(file.len() as u64, Some(items));
            while !made.is_done() {
                let at = usize::try_from(made.at).unwrap();
                let end = (at + stretch).min(file.len());
                made.update(made.at, &file[at..end]);
            }
            assert_eq!(made.finish(), of(&value), "{stretch}");
        }
    }

    /// Where no item stands, and where the delimiter is missing, the value goes on to its end.
    #[test]
    fn what_is_no_item_belongs_to_the_value() {
        for file in [
            b"\xFE\xFF\x00\xE0\x02\x00\x00\x00abnot an item at all".as_slice(),
            b"\xFE\xFF\x00\xE0\x02\x00\x00\x00ab",
            b"\xFE\xFF\x00\xE0\xF0\x00\x00\x00ab",
            b"\xFE\xFF",
        ] {
            let items = Items {
                next: Some(0),
                little: true,
            };
            let mut made = sum(file.len() as u64, Some(items));
            made.update(0, file);
            assert!(made.is_done());
            assert_eq!(made.finish(), of(file));
        }
    }

    #[test]
    fn digits_are_the_canonical_ones() {
        assert_eq!(of(b""), "2d06800538d394c2");
        let empty = Sum {
            state: State::Sha256(Sha256::new()),
            ..sum(0, None)
        };
        assert!(
            empty
                .finish()
                .starts_with("e3b0c44298fc1c149afbf4c8996fb924")
        );
    }
}
