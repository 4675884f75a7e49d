//! Bytes by their place, a few here and there: what lies between is never read.

use super::reader::Window;
use std::borrow::Cow;
use std::cell::RefCell;

/// Bytes by their place in the file, however they are had.
pub trait Bytes {
    /// These bytes; none where they are not all there.
    fn bytes(&self, offset: u64, length: u64) -> Option<Cow<'_, [u8]>>;
}

impl Bytes for Window<'_> {
    fn bytes(&self, offset: u64, length: u64) -> Option<Cow<'_, [u8]>> {
        self.get(offset, length).map(Cow::Borrowed)
    }
}

/// Reading fewer bytes costs as much.
const FEW: usize = 64;

/// Reads through a function that fills a buffer from an offset and says how far: less than all where the file ends.
pub struct HereAndThere<F> {
    read: F,
    /// The bytes read last, and where they were: a header and what follows it are looked at one after the other.
    last: RefCell<(u64, Vec<u8>)>,
}

impl<F: Fn(u64, &mut [u8]) -> Option<usize>> HereAndThere<F> {
    /// Reads through this function.
    pub fn new(read: F) -> HereAndThere<F> {
        HereAndThere {
            read,
            last: RefCell::default(),
        }
    }

    fn fill(&self, offset: u64, len: usize, bytes: &mut Vec<u8>) -> Option<()> {
        bytes.clear();
        bytes.try_reserve_exact(len).ok()?;
        bytes.resize(len, 0);
        let read = (self.read)(offset, bytes)?;
        bytes.truncate(read);
        Some(())
    }
}

impl<F: Fn(u64, &mut [u8]) -> Option<usize>> Bytes for HereAndThere<F> {
    fn bytes(&self, offset: u64, length: u64) -> Option<Cow<'_, [u8]>> {
        let len = usize::try_from(length).ok()?;
        if len > FEW {
            let mut bytes = Vec::new();
            self.fill(offset, len, &mut bytes)?;
            return (bytes.len() == len).then_some(Cow::Owned(bytes));
        }
        let mut last = self.last.borrow_mut();
        let inside = |last: &(u64, Vec<u8>)| {
            let from = usize::try_from(offset.checked_sub(last.0)?).ok()?;
            last.1.get(from..from.checked_add(len)?).map(<[u8]>::to_vec)
        };
        if let Some(bytes) = inside(&last) {
            return Some(Cow::Owned(bytes));
        }
        last.0 = offset;
        self.fill(offset, FEW, &mut last.1)?;
        inside(&last).map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn it_gives_what_a_window_gives_with_fewer_reads() {
        let file: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let reads = Cell::new(0);
        let sparse = HereAndThere::new(|offset, out: &mut [u8]| {
            reads.set(reads.get() + 1);
            let rest = file.get(usize::try_from(offset).ok()?..)?;
            let len = rest.len().min(out.len());
            out[..len].copy_from_slice(&rest[..len]);
            Some(len)
        });
        let window = Window::new(&file, 0);
        for (offset, length) in [
            (0, 8),
            (8, 12),
            (500, 100),
            (996, 4),
            (996, 5),
            (1000, 0),
            (2000, 1),
            (3, 0),
        ] {
            assert_eq!(
                sparse.bytes(offset, length),
                window.bytes(offset, length),
                "{offset} {length}"
            );
        }
        let before = reads.get();
        assert!(sparse.bytes(600, 8).is_some() && sparse.bytes(608, 12).is_some());
        assert_eq!(reads.get(), before + 1);
    }
}
