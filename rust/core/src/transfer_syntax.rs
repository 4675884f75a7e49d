//! Transfer Syntaxes: PS3.5 §10 and Annex A.

use crate::dictionary::uids::{TRANSFER_SYNTAX_OF_UID, TRANSFER_SYNTAXES};
use crate::uid;

/// How the Data Elements of a Data Set are encoded. PS3.5 §7.1, §7.3
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Encoding {
    /// Implicit VR Little Endian. PS3.5 §A.1
    ImplicitLittle,
    /// Explicit VR Little Endian. PS3.5 §A.2
    ExplicitLittle,
    /// Explicit VR Big Endian, retired. PS3.5 §A.3
    ExplicitBig,
}

impl Encoding {
    /// True where each element states its VR.
    #[inline]
    pub const fn is_explicit(self) -> bool {
        !matches!(self, Encoding::ImplicitLittle)
    }

    /// True where the least significant byte comes first.
    #[inline]
    pub const fn is_little_endian(self) -> bool {
        !matches!(self, Encoding::ExplicitBig)
    }
}

/// What the generated table says of each.
pub(crate) mod flags {
    pub(crate) const EXPLICIT: u8 = 1;
    pub(crate) const BIG_ENDIAN: u8 = 1 << 1;
    pub(crate) const PIXEL_BIG_ENDIAN: u8 = 1 << 2;
    pub(crate) const DEFLATED: u8 = 1 << 3;
    pub(crate) const ENCAPSULATED: u8 = 1 << 4;
    pub(crate) const VIDEO: u8 = 1 << 5;
    pub(crate) const JPIP: u8 = 1 << 6;
    pub(crate) const FRAGMENTS: u8 = 1 << 7;
}

/// A row of the generated table: its row among the UIDs, and flags.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) uid: u16,
    pub(crate) flags: u8,
}

/// A Transfer Syntax that is known; a handle to a row of a static table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransferSyntax(u8);

impl TransferSyntax {
    /// 1.2.840.10008.1.2, the default Transfer Syntax. PS3.5 §10.1
    pub const IMPLICIT_VR_LITTLE_ENDIAN: TransferSyntax = TransferSyntax(0);
    /// 1.2.840.10008.1.2.1
    pub const EXPLICIT_VR_LITTLE_ENDIAN: TransferSyntax = TransferSyntax(1);
    /// 1.2.840.10008.1.2.2, retired.
    pub const EXPLICIT_VR_BIG_ENDIAN: TransferSyntax = TransferSyntax(2);
    /// 1.2.840.10008.1.2.1.99
    pub const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: TransferSyntax = TransferSyntax(3);

    /// The Transfer Syntax with this UID, trailing NULs and spaces aside; `None` where it is not known.
    #[inline]
    pub fn from_uid(uid: &str) -> Option<TransferSyntax> {
        // The two of nearly every file, as they lie in it: padded to even length. PS3.5 §9.4
        match uid {
            "1.2.840.10008.1.2.1\0" | "1.2.840.10008.1.2.1" => {
                Some(TransferSyntax::EXPLICIT_VR_LITTLE_ENDIAN)
            }
            "1.2.840.10008.1.2\0" | "1.2.840.10008.1.2" => {
                Some(TransferSyntax::IMPLICIT_VR_LITTLE_ENDIAN)
            }
            _ => TransferSyntax::find(uid.trim_end_matches(['\0', ' '])),
        }
    }

    fn find(uid: &str) -> Option<TransferSyntax> {
        let row = uid::index_of(uid)?;
        let at = TRANSFER_SYNTAX_OF_UID
            .binary_search_by_key(&row, |&(uid, _)| uid as usize)
            .ok()?;
        Some(TransferSyntax(TRANSFER_SYNTAX_OF_UID[at].1))
    }

    /// Every one that is known.
    pub fn all() -> impl Iterator<Item = TransferSyntax> {
        (0..TRANSFER_SYNTAXES.len() as u8).map(TransferSyntax)
    }

    #[inline]
    fn has(self, flag: u8) -> bool {
        TRANSFER_SYNTAXES[self.0 as usize].flags & flag != 0
    }

    fn text(self, part: impl Fn(uid::UidEntry) -> &'static str) -> &'static str {
        uid::at(TRANSFER_SYNTAXES[self.0 as usize].uid as usize).map_or("", part)
    }

    /// The UID.
    pub fn uid(self) -> &'static str {
        self.text(|entry| entry.uid)
    }

    /// UID Name of PS3.6 Table A-1.
    pub fn name(self) -> &'static str {
        self.text(|entry| entry.name)
    }

    /// UID Keyword of PS3.6 Table A-1; empty for private ones.
    pub fn keyword(self) -> &'static str {
        self.text(|entry| entry.keyword)
    }

    /// How the Data Elements are encoded.
    #[inline]
    pub fn encoding(self) -> Encoding {
        if !self.has(flags::EXPLICIT) {
            Encoding::ImplicitLittle
        } else if self.has(flags::BIG_ENDIAN) {
            Encoding::ExplicitBig
        } else {
            Encoding::ExplicitLittle
        }
    }

    /// True where the whole Data Set is deflated. PS3.5 §A.5
    #[inline]
    pub fn is_deflated(self) -> bool {
        self.has(flags::DEFLATED)
    }

    /// True where Pixel Data is a sequence of fragments. PS3.5 §A.4
    #[inline]
    pub fn is_encapsulated(self) -> bool {
        self.has(flags::ENCAPSULATED)
    }

    /// Encapsulated Uncompressed Explicit VR Little Endian: native frames in fragments. PS3.5 §A.4.11
    pub fn is_encapsulated_uncompressed(self) -> bool {
        self.uid() == "1.2.840.10008.1.2.1.98"
    }

    /// MPEG-2, MPEG-4 and HEVC: frames can't be told apart without decoding. PS3.5 §8.2.5-8.2.11
    pub fn is_video(self) -> bool {
        self.has(flags::VIDEO)
    }

    /// The pixels lie with a JPIP server. PS3.5 §8.4
    pub fn is_jpip(self) -> bool {
        self.has(flags::JPIP)
    }

    /// True where native pixels are big endian: Explicit VR Big Endian, and the private one of GE whose Data Elements
    /// are Implicit VR Little Endian.
    pub fn is_pixel_big_endian(self) -> bool {
        self.has(flags::PIXEL_BIG_ENDIAN)
    }

    /// True where the encoding lets one frame lie in several fragments. PS3.5 §A.4
    pub fn frame_may_span_fragments(self) -> bool {
        self.has(flags::FRAGMENTS)
    }
}

impl std::fmt::Debug for TransferSyntax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.uid(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_uid_however_padded() {
        for syntax in TransferSyntax::all() {
            for padding in ["", "\0", " ", "\0\0  \0"] {
                assert_eq!(
                    TransferSyntax::from_uid(&format!("{}{padding}", syntax.uid())),
                    Some(syntax)
                );
            }
            assert!(!syntax.name().is_empty());
        }
        assert_eq!(TransferSyntax::all().count(), 65);
    }

    #[test]
    fn constants_are_what_they_say() {
        let uids = [
            (
                TransferSyntax::IMPLICIT_VR_LITTLE_ENDIAN,
                "1.2.840.10008.1.2",
            ),
            (
                TransferSyntax::EXPLICIT_VR_LITTLE_ENDIAN,
                "1.2.840.10008.1.2.1",
            ),
            (
                TransferSyntax::EXPLICIT_VR_BIG_ENDIAN,
                "1.2.840.10008.1.2.2",
            ),
            (
                TransferSyntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
                "1.2.840.10008.1.2.1.99",
            ),
        ];
        for (syntax, uid) in uids {
            assert_eq!(syntax.uid(), uid);
        }
    }

    /// Which UIDs have a property: the table against lists made by hand from PS3.5 Annex A.
    #[test]
    fn flags_are_those_of_annex_a() {
        let with = |has: fn(TransferSyntax) -> bool| -> Vec<&str> {
            TransferSyntax::all()
                .filter(|syntax| has(*syntax))
                .map(TransferSyntax::uid)
                .collect()
        };
        let implicit = [
            "1.2.840.10008.1.2",
            "1.2.840.10008.1.20",
            "1.2.840.113619.5.2",
        ];
        assert_eq!(with(|syntax| !syntax.encoding().is_explicit()), implicit);
        assert_eq!(
            with(|syntax| !syntax.encoding().is_little_endian()),
            ["1.2.840.10008.1.2.2"]
        );
        let deflated = [
            "1.2.840.10008.1.2.1.99",
            "1.2.840.10008.1.2.4.205",
            "1.2.840.10008.1.2.4.95",
        ];
        assert_eq!(with(TransferSyntax::is_deflated), deflated);
        assert_eq!(
            with(TransferSyntax::is_pixel_big_endian),
            ["1.2.840.10008.1.2.2", "1.2.840.113619.5.2"]
        );
        assert_eq!(with(TransferSyntax::is_jpip).len(), 4);
        assert_eq!(with(TransferSyntax::is_video).len(), 16);
        assert!(with(|syntax| syntax.is_encapsulated() && syntax.is_jpip()).is_empty());
        assert!(
            with(|syntax| syntax.frame_may_span_fragments() && !syntax.is_encapsulated())
                .is_empty()
        );
        for uid in with(TransferSyntax::is_encapsulated) {
            let known = uid.starts_with("1.2.840.10008.1.2.4.") || uid.starts_with("1.3.46.670589");
            assert!(
                known
                    || [
                        "1.2.840.10008.1.2.5",
                        "1.2.840.10008.1.2.1.98",
                        "1.2.840.10008.1.2.8.1"
                    ]
                    .contains(&uid)
            );
        }
    }

    #[test]
    fn other_uids_are_not_transfer_syntaxes() {
        for uid in [
            "",
            "\0",
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.840.10008.1.2.4",
            "1.2.840.10008.1.2.",
            "é",
        ] {
            assert_eq!(TransferSyntax::from_uid(uid), None);
        }
    }
}
