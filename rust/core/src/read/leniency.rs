//! Every deviation from the standard that is accepted, each with the reason.
//!
//! Reading clips and goes on; what it had to forgive is said in a [`Deviation`]. Strict reading makes the first one an error.

use crate::error::PathStep;
use crate::tag::Tag;
use std::collections::HashSet;

macro_rules! leniencies {
    ($($(#[doc = $doc:literal])+ $name:ident;)*) => {
        /// What was forgiven.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Leniency { $($(#[doc = $doc])+ $name),* }

        impl Leniency {
            /// All of them, in order of declaration.
            pub const ALL: &'static [Leniency] = &[$(Leniency::$name),*];

            /// The name, as in Python's `WarningCode`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Leniency::$name => stringify!($name)),* }
            }

            /// Why it is accepted.
            pub const fn reason(self) -> &'static str {
                match self { $(Leniency::$name => concat!($($doc),+)),* }
            }
        }
    };
}

leniencies! {
    /// No File Preamble before the DICOM Prefix: cut off by transports and old writers. PS3.10 §7.1
    PreambleMissing;
    /// The preamble begins an executable or a script (polyglot file); it is never interpreted. PS3.10 §7.5
    PreambleExecutable;
    /// Neither preamble nor File Meta Information: a data set as a network peer or ACR-NEMA writer left it. PS3.10 §7.1
    FileMetaInformationMissing;
    /// (0002,0000) is absent or does not end group 0002; the group number does. PS3.10 §7.1
    FileMetaGroupLengthWrong;
    /// File Meta Information in Implicit VR, though it is always Explicit VR Little Endian. PS3.10 §7.1
    FileMetaImplicitVr;
    /// File Meta Information ends with the file.
    FileMetaTruncated;
    /// (0002,0010) is absent; the encoding was found from the bytes. PS3.10 §7.1
    TransferSyntaxMissing;
    /// (0002,0010) is no known Transfer Syntax; the encoding was found from the bytes.
    TransferSyntaxUnknown;
    /// The bytes are not in the declared Transfer Syntax; what they are in was found from them. PS3.5 §7.1
    TransferSyntaxWrong;
    /// The Transfer Syntax UID has other padding than one NUL. PS3.5 §9.1
    TransferSyntaxPadded;
    /// The deflated data set has a zlib header, though it is raw RFC 1951. PS3.5 §A.5
    DeflatedWithZlibHeader;
    /// The deflated data set ends early or is damaged; what came out is read.
    DeflatedTruncated;
    /// Bytes after the last element that are no element: padding, garbage or a second file.
    TrailingBytes;
    /// Group 0000 or 0002 inside the data set; it changes nothing. PS3.10 §7.1
    GroupOutOfPlace;
    /// Tags that are not in ascending order. PS3.5 §7.1
    TagOrder;
    /// The same tag again; the last one counts, as most readers do. PS3.5 §7.1
    TagDuplicate;
    /// A VR that the standard does not know; future VRs use the 32-bit form. PS3.5 §6.2
    VrUnknown;
    /// Bytes that are no letters where the VR stands (old writers put NULs, spaces or `??`). PS3.5 §7.1.2
    VrInvalid;
    /// Another VR than the dictionary's for this tag. PS3.6
    VrUnexpected;
    /// An element in Implicit VR inside Explicit VR, or the reverse. PS3.5 §7.1
    EncodingSwitched;
    /// The two reserved bytes of the long header form are not zero. PS3.5 §7.1.2
    ReservedNotZero;
    /// A Value Length that is odd. PS3.5 §7.1.1
    LengthOdd;
    /// A Value Length that runs past the end of the item, sequence or file: clipped to it. PS3.5 §7.1
    LengthClipped;
    /// Undefined Length for a VR that may not have it. PS3.5 §7.1.1
    UndefinedLengthIllegal;
    /// A sequence whose Value Length does not end at an item's end; the items tell where it ends. PS3.5 §7.5
    SequenceLengthWrong;
    /// An item whose Value Length does not fit its sequence. PS3.5 §7.5
    ItemLengthWrong;
    /// A delimitation item is missing; the outer end or delimiter closes. PS3.5 §7.5
    DelimiterMissing;
    /// A delimitation item where none is open: skipped. PS3.5 §7.5
    DelimiterStray;
    /// A delimitation item with a length other than zero. PS3.5 §7.5
    DelimiterLengthNotZero;
    /// Undefined Length under another VR than SQ holds items: read as a Sequence.
    SequenceUnderOtherVr;
    /// A value that is no item where items are expected; the rest of the sequence is left.
    ItemExpected;
    /// File Meta Information without a data set after it. PS3.10 §7.1
    DataSetEmpty;
    /// An element of a private block that no Private Creator reserves. PS3.5 §7.8.1
    PrivateCreatorMissing;
    /// A private group number that the standard forbids. PS3.5 §7.8.1
    PrivateGroupIllegal;
    /// A Value Length that is no multiple of the VR's unit. PS3.5 §6.2
    ValueLengthInvalid;
    /// Text that is no number where a DS or IS stands. PS3.5 §6.2
    NumberInvalid;
    /// A number outside what DS or IS may hold, or written longer. PS3.5 §6.2
    NumberOutOfRange;
    /// Text that is no date, time, age or UID where one stands, or a code string outside its repertoire. PS3.5 §6.2
    ValueInvalid;
    /// A person name with more than three groups or five components. PS3.5 §6.2.1
    PersonNameInvalid;
    /// Text longer than its VR allows. PS3.5 §6.2
    ValueTooLong;
    /// More values than the dictionary's Value Multiplicity allows. PS3.5 §6.4
    MultiplicityWrong;
    /// A Specific Character Set term that is unknown: read as the default repertoire. PS3.3 §C.12.1.1.2
    CharacterSetUnknown;
    /// A Specific Character Set term written another way than the standard's. PS3.3 §C.12.1.1.2
    CharacterSetMisspelled;
    /// Code extensions beside a character set that allows none. PS3.3 §C.12.1.1.2
    CharacterSetExtensionsIgnored;
    /// 8-bit text without a declared Specific Character Set. PS3.5 §6.1
    CharacterSetUndeclared;
    /// Bytes that are no character in the declared set: U+FFFD stands for them. PS3.5 §6.1
    CharactersInvalid;
    /// An escape sequence that the declared sets do not have. PS3.5 §6.1.2.5
    EscapeUnknown;
    /// No return to the first set before the end or a delimiter. PS3.5 §6.1.2.5.3
    EscapeNotReturned;
    /// A control character that text may not hold. PS3.5 §6.1.3
    ControlCharacter;
    /// Pixel Data shorter than Rows, Columns and Number of Frames ask. PS3.5 §8.1
    PixelDataShort;
    /// Pixel Data longer than Rows, Columns and Number of Frames ask, beyond the pad byte. PS3.5 §8.1.1
    PixelDataLong;
    /// High Bit is not Bits Stored - 1. PS3.5 §8.1.1
    HighBitUnusual;
    /// Planar Configuration missing with more than one sample a pixel: taken as 0. PS3.3 §C.7.6.3
    PlanarConfigurationMissing;
    /// An attribute of the image that is missing, empty or impossible. PS3.3 §C.7.6.3
    ImageAttributeInvalid;
    /// Number of Frames missing, empty or not positive: the data tell. PS3.3 §C.7.6.6
    NumberOfFramesInvalid;
    /// Encapsulated Pixel Data of another VR than OB, or of defined length. PS3.5 §A.4
    EncapsulatedHeaderWrong;
    /// Pixel Data that is encapsulated where the Transfer Syntax is native, or the reverse. PS3.5 §A.4
    EncapsulationUnexpected;
    /// An offset table that does not point at the fragments in which frames begin: the fragments tell. PS3.5 §A.4
    OffsetTableWrong;
    /// The first item of encapsulated Pixel Data, the Basic Offset Table, is missing. PS3.5 §A.4
    OffsetTableMissing;
    /// More or fewer fragments than frames and no offset table. PS3.5 §A.4
    FragmentsUnexpected;
    /// A frame that does not begin as a code stream of its Transfer Syntax does. PS3.5 §8.2
    CodeStreamInvalid;
    /// The code stream's own precision, sign or colour is another than the data set's: the code stream's is followed. PS3.5 §8.2
    CodeStreamDisagrees;
}

/// One deviation: what, where, how.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// What was forgiven.
    pub code: Leniency,
    /// The element.
    pub tag: Tag,
    /// Byte in the file (in the inflated stream, where the data set is deflated).
    pub offset: u64,
    /// The items that lead to the element.
    pub path: Vec<PathStep>,
    /// One line for a person.
    pub detail: String,
}

/// Where deviations are gathered, up to a bound.
#[derive(Debug, Default, Clone)]
pub struct Deviations {
    kept: Vec<Deviation>,
    seen: u64,
    max: u32,
    path: Vec<PathStep>,
    /// What is kept, so that going over the same bytes again says nothing twice.
    known: HashSet<(Leniency, u64)>,
}

impl Deviations {
    /// Keeps at most this many; the rest are counted.
    pub fn new(max: u32) -> Deviations {
        Deviations {
            max,
            ..Deviations::default()
        }
    }

    /// Notes one. `detail` is made only if it is kept.
    #[cold]
    pub fn note(&mut self, code: Leniency, tag: Tag, offset: u64, detail: impl FnOnce() -> String) {
        let room = (self.kept.len() as u64) < u64::from(self.max);
        if room && !self.known.insert((code, offset)) {
            return;
        }
        self.seen = self.seen.saturating_add(1);
        if room {
            self.kept.push(Deviation {
                code,
                tag,
                offset,
                path: self.path.clone(),
                detail: detail(),
            });
        }
    }

    /// Those kept.
    pub fn kept(&self) -> &[Deviation] {
        &self.kept
    }

    /// All, kept or not.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// From here on we are inside this item.
    pub fn enter(&mut self, step: PathStep) {
        self.path.push(step);
    }

    /// Out of it again.
    pub fn leave(&mut self) {
        self.path.pop();
    }

    /// The items around the present place.
    pub fn path(&self) -> &[PathStep] {
        &self.path
    }

    /// True if nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.seen == 0
    }
}
