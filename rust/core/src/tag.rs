//! Data Element Tag: PS3.5 §7.1, private tags §7.8.

use std::fmt;

/// A Data Element Tag: the group in the upper 16 bits, the element in the lower. PS3.5 §7.1.1
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Tag(pub u32);

impl Tag {
    /// The tag (gggg,eeee).
    pub const fn new(group: u16, element: u16) -> Tag {
        Tag(((group as u32) << 16) | element as u32)
    }

    /// The group number.
    pub const fn group(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The element number.
    pub const fn element(self) -> u16 {
        self.0 as u16
    }

    /// Odd group numbers are private. PS3.5 §7.8
    pub const fn is_private(self) -> bool {
        self.0 & 0x1_0000 != 0
    }

    /// (gggg,0010-00FF) of a private group: reserves a block. PS3.5 §7.8.1
    pub const fn is_private_creator(self) -> bool {
        self.is_private() && self.element() >= 0x10 && self.element() <= 0xFF
    }

    /// The Private Creator element that would own this private element. PS3.5 §7.8.1
    pub const fn private_creator(self) -> Option<Tag> {
        if self.is_private() && self.element() >= 0x1000 {
            Some(Tag::new(self.group(), self.element() >> 8))
        } else {
            None
        }
    }

    /// Pixel Data, Float or Double Float Pixel Data. PS3.3 §C.7.6.3
    pub const fn is_pixel_data(self) -> bool {
        matches!(
            self,
            Tag::PIXEL_DATA | Tag::FLOAT_PIXEL_DATA | Tag::DOUBLE_FLOAT_PIXEL_DATA
        )
    }

    /// (gggg,0000): retired but for groups 0000 and 0002. PS3.5 §7.2
    pub const fn is_group_length(self) -> bool {
        self.element() == 0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04X},{:04X})", self.group(), self.element())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! tags {
    ($($name:ident = $value:literal;)*) => {
        impl Tag { $(#[doc = concat!("`", stringify!($name), "`")] pub const $name: Tag = Tag($value);)* }
    };
}

tags! {
    FILE_META_INFORMATION_GROUP_LENGTH = 0x0002_0000;
    TRANSFER_SYNTAX_UID = 0x0002_0010;
    SPECIFIC_CHARACTER_SET = 0x0008_0005;
    SAMPLES_PER_PIXEL = 0x0028_0002;
    PHOTOMETRIC_INTERPRETATION = 0x0028_0004;
    PLANAR_CONFIGURATION = 0x0028_0006;
    NUMBER_OF_FRAMES = 0x0028_0008;
    ROWS = 0x0028_0010;
    COLUMNS = 0x0028_0011;
    BITS_ALLOCATED = 0x0028_0100;
    BITS_STORED = 0x0028_0101;
    HIGH_BIT = 0x0028_0102;
    PIXEL_REPRESENTATION = 0x0028_0103;
    EXTENDED_OFFSET_TABLE = 0x7FE0_0001;
    EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE0_0002;
    FLOAT_PIXEL_DATA = 0x7FE0_0008;
    DOUBLE_FLOAT_PIXEL_DATA = 0x7FE0_0009;
    PIXEL_DATA = 0x7FE0_0010;
    DATA_SET_TRAILING_PADDING = 0xFFFC_FFFC;
    ITEM = 0xFFFE_E000;
    ITEM_DELIMITATION_ITEM = 0xFFFE_E00D;
    SEQUENCE_DELIMITATION_ITEM = 0xFFFE_E0DD;
}
