//! The one door to the bytes: only this file indexes a slice.

/// A stretch of a file's bytes that knows where in the file it lies.
///
/// Offsets are absolute; a range that is not wholly inside gives `None`.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    bytes: &'a [u8],
    base: u64,
}

impl<'a> Window<'a> {
    /// These bytes begin at byte `base` of the file.
    pub fn new(bytes: &'a [u8], base: u64) -> Window<'a> {
        Window { bytes, base }
    }

    /// The first byte that is inside.
    pub fn start(&self) -> u64 {
        self.base
    }

    /// The first byte that is no longer inside.
    #[inline]
    pub fn end(&self) -> u64 {
        self.base.saturating_add(self.bytes.len() as u64)
    }

    /// All bytes from `offset` to the end of the window.
    #[inline]
    pub fn from(&self, offset: u64) -> Option<&'a [u8]> {
        let at = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        self.bytes.get(at..)
    }

    /// `length` bytes at `offset`.
    #[inline]
    pub fn get(&self, offset: u64, length: u64) -> Option<&'a [u8]> {
        self.from(offset)?.get(..usize::try_from(length).ok()?)
    }

    /// `N` bytes at `offset`.
    #[inline]
    pub fn array<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        self.from(offset)?.first_chunk::<N>().copied()
    }
}

/// Two bytes as a number. PS3.5 §7.3
#[inline]
pub fn u16_of(bytes: [u8; 2], little_endian: bool) -> u16 {
    if little_endian {
        u16::from_le_bytes(bytes)
    } else {
        u16::from_be_bytes(bytes)
    }
}

/// Four bytes as a number. PS3.5 §7.3
#[inline]
pub fn u32_of(bytes: [u8; 4], little_endian: bool) -> u32 {
    if little_endian {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    }
}
