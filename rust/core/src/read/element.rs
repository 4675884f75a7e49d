//! One Data Element's header: PS3.5 §7.1.2 (Explicit VR) and §7.1.3 (Implicit VR).

use super::reader::{Window, u16_of, u32_of};
use crate::tag::Tag;
use crate::transfer_syntax::Encoding;
use crate::vr::Vr;

/// What is known of an element besides its place.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flags(u8);

impl Flags {
    /// The Value Length was Undefined Length.
    pub const UNDEFINED_LENGTH: Flags = Flags(1);
    /// The Value Length ran past the end and was clipped.
    pub const CLIPPED: Flags = Flags(2);
    /// The value is fragments of encapsulated Pixel Data. PS3.5 §A.4
    pub const FRAGMENTS: Flags = Flags(4);
    /// The value is items, whatever the VR says. PS3.5 §7.5
    pub const ITEMS: Flags = Flags(8);
    /// The header has two letters that are no VR of this edition.
    pub const UNKNOWN_VR: Flags = Flags(16);
    /// The header is in Implicit VR.
    pub const IMPLICIT: Flags = Flags(32);

    /// True if all of `flags` are set.
    #[inline]
    pub const fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Both.
    #[inline]
    #[must_use]
    pub const fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }
}

/// Where a Data Element lies: offsets into the file, nothing of its value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ElementHeader {
    /// The tag.
    pub tag: Tag,
    /// The VR that the header names; none in Implicit VR or where the letters name none.
    pub vr: Option<Vr>,
    /// See [`Flags`].
    pub flags: Flags,
    /// Bytes from the tag to the value.
    pub header_length: u8,
    /// The first byte of the Value Field.
    pub value_offset: u64,
    /// Bytes of the Value Field, clipped to its container, without a delimitation item.
    pub value_length: u64,
}

const _: () = assert!(size_of::<ElementHeader>() == 24);

impl ElementHeader {
    /// The first byte after the Value Field.
    #[inline]
    pub fn value_end(&self) -> u64 {
        self.value_offset.saturating_add(self.value_length)
    }

    /// The first byte of the tag.
    pub fn offset(&self) -> u64 {
        self.value_offset
            .saturating_sub(u64::from(self.header_length))
    }

    /// True if the length was Undefined Length.
    pub fn is_undefined_length(&self) -> bool {
        self.flags.has(Flags::UNDEFINED_LENGTH)
    }
}

/// Undefined Length. PS3.5 §7.1.1
pub(super) const UNDEFINED: u32 = 0xFFFF_FFFF;

/// A header as it stands, before anything is believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawHeader {
    pub(super) tag: Tag,
    pub(super) vr: Option<Vr>,
    pub(super) length: u32,
    pub(super) header_length: u8,
    pub(super) flags: Flags,
    /// The long form's reserved bytes are not zero.
    pub(super) reserved: bool,
}

impl RawHeader {
    #[inline]
    pub(super) fn at(self, offset: u64, value_length: u64) -> ElementHeader {
        ElementHeader {
            tag: self.tag,
            vr: self.vr,
            flags: self.flags,
            header_length: self.header_length,
            value_offset: offset.saturating_add(u64::from(self.header_length)),
            value_length,
        }
    }

    #[inline]
    pub(super) fn value_offset(&self, offset: u64) -> u64 {
        offset.saturating_add(u64::from(self.header_length))
    }

    /// Whether the element at `offset` ends before `end`; one of Undefined Length, whether its value begins there.
    pub(super) fn fits(&self, offset: u64, end: u64) -> bool {
        let length = if self.length == UNDEFINED {
            0
        } else {
            self.length
        };
        self.value_offset(offset).saturating_add(u64::from(length)) <= end
    }
}

/// The tag at `offset`.
#[inline]
pub(super) fn tag_at(window: &Window<'_>, offset: u64, little_endian: bool) -> Option<Tag> {
    let b = window.array::<4>(offset)?;
    Some(Tag::new(
        u16_of([b[0], b[1]], little_endian),
        u16_of([b[2], b[3]], little_endian),
    ))
}

/// Tag and 32-bit length: items, delimiters and Implicit VR. PS3.5 §7.5
#[inline]
pub(super) fn tag_and_length(
    window: &Window<'_>,
    offset: u64,
    little_endian: bool,
) -> Option<(Tag, u32)> {
    tag_and_length_of(window.from(offset)?, little_endian)
}

/// The tag and 32-bit length that `bytes` begin with.
#[inline]
fn tag_and_length_of(bytes: &[u8], little_endian: bool) -> Option<(Tag, u32)> {
    let b: &[u8; 8] = bytes.first_chunk()?;
    let tag = Tag::new(
        u16_of([b[0], b[1]], little_endian),
        u16_of([b[2], b[3]], little_endian),
    );
    Some((tag, u32_of([b[4], b[5], b[6], b[7]], little_endian)))
}

/// The header at `offset` if it is wholly in the window and, in Explicit VR, names a VR.
#[inline]
pub(super) fn header_at(window: &Window<'_>, offset: u64, encoding: Encoding) -> Option<RawHeader> {
    header_of(window.from(offset)?, encoding)
}

/// The header that `bytes` begin with.
#[inline]
pub(super) fn header_of(bytes: &[u8], encoding: Encoding) -> Option<RawHeader> {
    match encoding {
        Encoding::ExplicitLittle => explicit::<true>(bytes),
        Encoding::ImplicitLittle => implicit(bytes),
        Encoding::ExplicitBig => explicit::<false>(bytes),
    }
}

#[inline]
fn implicit(bytes: &[u8]) -> Option<RawHeader> {
    let (tag, length) = tag_and_length_of(bytes, true)?;
    Some(RawHeader {
        tag,
        vr: None,
        length,
        header_length: 8,
        flags: Flags::IMPLICIT,
        reserved: false,
    })
}

#[inline]
fn explicit<const LITTLE: bool>(bytes: &[u8]) -> Option<RawHeader> {
    let b: &[u8; 8] = bytes.first_chunk()?;
    let tag = Tag::new(u16_of([b[0], b[1]], LITTLE), u16_of([b[2], b[3]], LITTLE));
    let vr = Vr::from_bytes([b[4], b[5]])?;
    if vr.has_long_form() {
        let b: &[u8; 12] = bytes.first_chunk()?;
        let length = u32_of([b[8], b[9], b[10], b[11]], LITTLE);
        let reserved = b[6] | b[7] != 0;
        return Some(RawHeader {
            tag,
            vr: Some(vr),
            length,
            header_length: 12,
            flags: Flags(0),
            reserved,
        });
    }
    let length = u32::from(u16_of([b[6], b[7]], LITTLE));
    Some(RawHeader {
        tag,
        vr: Some(vr),
        length,
        header_length: 8,
        flags: Flags(0),
        reserved: false,
    })
}

/// How believable it is that an element or the container's end lies at `offset`, after one with `tag`.
fn plausible(window: &Window<'_>, offset: u64, end: u64, encoding: Encoding, tag: Tag) -> u8 {
    if offset == end {
        return 3;
    }
    if offset > end {
        return 0;
    }
    let little = encoding.is_little_endian();
    let Some(next) = tag_at(window, offset, little) else {
        return 0;
    };
    if next.group() == 0xFFFE {
        let known = matches!(
            next,
            Tag::ITEM | Tag::ITEM_DELIMITATION_ITEM | Tag::SEQUENCE_DELIMITATION_ITEM
        );
        return if known { 3 } else { 0 };
    }
    match header_at(window, offset, encoding) {
        Some(h)
            if h.tag >= tag
                && (h.length == UNDEFINED
                    || h.value_offset(offset) + u64::from(h.length) <= end) =>
        {
            if encoding.is_explicit() { 3 } else { 2 }
        }
        Some(h) if encoding.is_explicit() && h.tag.0 != 0 => 1,
        _ => 0,
    }
}

/// Reads a header whose VR bytes name no VR: an unknown or future VR, rubbish where the VR stands, or an element in
/// Implicit VR. The form after which the stream goes on best is taken; none if it goes on after none.
/// PS3.5 §6.2 (unknown VRs use the 32-bit form), §7.1.2
#[cold]
pub(super) fn unnamed(
    window: &Window<'_>,
    offset: u64,
    end: u64,
    encoding: Encoding,
) -> Option<RawHeader> {
    let little = encoding.is_little_endian();
    let b = window.array::<8>(offset)?;
    let tag = tag_at(window, offset, little)?;
    let letters = b[4].is_ascii_uppercase() && b[5].is_ascii_uppercase();
    let short = RawHeader {
        tag,
        vr: None,
        length: u32::from(u16_of([b[6], b[7]], little)),
        header_length: 8,
        flags: Flags::UNKNOWN_VR,
        reserved: false,
    };
    let long = window.array::<12>(offset).map(|b| RawHeader {
        length: u32_of([b[8], b[9], b[10], b[11]], little),
        header_length: 12,
        reserved: b[6] | b[7] != 0,
        ..short
    });
    let implicit = RawHeader {
        length: u32_of([b[4], b[5], b[6], b[7]], little),
        flags: Flags::IMPLICIT,
        ..short
    };
    let score = |h: &RawHeader, as_encoding: Encoding| -> u8 {
        if h.length == UNDEFINED {
            let value = h.value_offset(offset);
            let item = tag_at(window, value, little).filter(|_| value.saturating_add(8) <= end);
            return if matches!(item, Some(Tag::ITEM | Tag::SEQUENCE_DELIMITATION_ITEM)) {
                3
            } else {
                0
            };
        }
        let next = h.value_offset(offset).saturating_add(u64::from(h.length));
        // An element in Implicit VR seldom stands alone: what follows may be of either form.
        plausible(window, next, end, encoding, tag).max(plausible(
            window,
            next,
            end,
            as_encoding,
            tag,
        ))
    };
    let mut best: Option<(u8, RawHeader)> = None;
    let mut consider = |h: RawHeader, points: u8| {
        if points > best.map_or(0, |(most, _)| most) {
            best = Some((points, h));
        }
    };
    if letters {
        if let Some(long) = long.filter(|h| !h.reserved) {
            consider(long, score(&long, encoding));
        }
        consider(short, score(&short, encoding));
    } else {
        if little {
            consider(implicit, score(&implicit, Encoding::ImplicitLittle));
        }
        consider(short, score(&short, encoding));
        if let Some(long) = long.filter(|h| !h.reserved) {
            consider(long, score(&long, encoding));
        }
    }
    best.map(|(_, h)| h)
}

/// Whether the stream goes on at `offset` after an element with `tag`.
pub(super) fn goes_on(
    window: &Window<'_>,
    offset: u64,
    end: u64,
    encoding: Encoding,
    tag: Tag,
) -> bool {
    plausible(window, offset, end, encoding, tag) >= 2
}
