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

/// What is left of a window, from a place that moves on, up to an end: a step costs one comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    bytes: &'a [u8],
    end: u64,
}

impl<'a> Rest<'a> {
    /// The bytes of `window` from `offset` up to `end`, or to the window's end; none if they begin elsewhere.
    pub(super) fn of(window: &Window<'a>, offset: u64, end: u64) -> Rest<'a> {
        let bytes = window.from(offset).unwrap_or_default();
        let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        Rest {
            bytes,
            end: offset.saturating_add(bytes.len() as u64),
        }
    }

    /// All of them.
    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where they begin.
    #[inline]
    pub(super) fn offset(self) -> u64 {
        self.end.wrapping_sub(self.bytes.len() as u64) // `of` added them
    }

    /// Those after `length` bytes, if there are as many.
    #[inline]
    pub(super) fn after(self, length: u64) -> Option<Rest<'a>> {
        let bytes = self.bytes.get(usize::try_from(length).ok()?..)?;
        Some(Rest { bytes, ..self })
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
