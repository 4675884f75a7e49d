//! UIDs that the standard registers: PS3.6 Annex A.

use crate::dictionary::find_text;
use crate::dictionary::uids::{BY_UID, BY_UID_KEYWORD, UID_TEXT, UIDS};

/// What a registered UID names: the UID Type column of PS3.6 Table A-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum UidKind {
    SopClass,
    MetaSopClass,
    TransferSyntax,
    WellKnownSopInstance,
    WellKnownFrameOfReference,
    SynchronizationFrameOfReference,
    CodingScheme,
    DicomUidsAsCodingScheme,
    ApplicationContextName,
    ServiceClass,
    ApplicationHostingModel,
    MappingResource,
    LdapOid,
}

impl UidKind {
    /// As PS3.6 prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            UidKind::SopClass => "SOP Class",
            UidKind::MetaSopClass => "Meta SOP Class",
            UidKind::TransferSyntax => "Transfer Syntax",
            UidKind::WellKnownSopInstance => "Well-known SOP Instance",
            UidKind::WellKnownFrameOfReference => "Well-known frame of reference",
            UidKind::SynchronizationFrameOfReference => "Synchronization Frame of Reference",
            UidKind::CodingScheme => "Coding Scheme",
            UidKind::DicomUidsAsCodingScheme => "DICOM UIDs as a Coding Scheme",
            UidKind::ApplicationContextName => "Application Context Name",
            UidKind::ServiceClass => "Service Class",
            UidKind::ApplicationHostingModel => "Application Hosting Model",
            UidKind::MappingResource => "Mapping Resource",
            UidKind::LdapOid => "LDAP OID",
        }
    }
}

/// A row of the table: ranges of `UID_TEXT` for the UID, the name, the keyword.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) offsets: [u32; 3],
    pub(crate) lens: [u8; 3],
    pub(crate) kind: UidKind,
    pub(crate) retired: bool,
}

impl Record {
    #[inline]
    fn text(&self, part: usize) -> &'static str {
        let start = self.offsets[part] as usize;
        UID_TEXT
            .get(start..start + self.lens[part] as usize)
            .unwrap_or("")
    }

    fn entry(&self) -> UidEntry {
        UidEntry {
            uid: self.text(0),
            name: self.text(1),
            keyword: self.text(2),
            kind: self.kind,
            retired: self.retired,
        }
    }
}

/// What PS3.6 Annex A says of a UID. Name and keyword are empty where it says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UidEntry {
    /// The UID.
    pub uid: &'static str,
    /// UID Name.
    pub name: &'static str,
    /// UID Keyword.
    pub keyword: &'static str,
    /// UID Type.
    pub kind: UidKind,
    /// True where the standard has retired it.
    pub retired: bool,
}

/// The row of the table that holds this UID.
#[inline]
pub(crate) fn index_of(uid: &str) -> Option<usize> {
    find_text(&BY_UID, uid, |index| UIDS[index].text(0) == uid)
}

pub(crate) fn at(index: usize) -> Option<UidEntry> {
    UIDS.get(index).map(Record::entry)
}

/// What this UID names, if it is registered, or is a private Transfer Syntax that is known. No padding is removed.
pub fn lookup(uid: &str) -> Option<UidEntry> {
    at(index_of(uid)?)
}

/// The UID with this keyword: `CTImageStorage`.
pub fn by_keyword(keyword: &str) -> Option<UidEntry> {
    at(find_text(&BY_UID_KEYWORD, keyword, |index| {
        UIDS[index].text(2) == keyword
    })?)
}

/// Every UID of the table, ascending as text.
pub fn all() -> impl Iterator<Item = UidEntry> {
    UIDS.iter().map(Record::entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that the generator read, row for row.
    #[test]
    fn every_row_of_the_source_answers() {
        let table = include_str!("../../../tools/dictionary/uids.csv");
        let mut rows = 0;
        for row in table.lines().skip(1) {
            let uid = row.split(',').next().unwrap();
            let entry = lookup(uid).unwrap();
            assert_eq!(entry.uid, uid);
            assert!(
                row.replace('"', "")
                    .starts_with(&format!("{uid},{},{},", entry.name, entry.keyword)),
                "{row}"
            );
            let retired = row.rsplit(',').nth(4).unwrap();
            assert_eq!(entry.retired, retired == "1", "{row}");
            let kind = row.rsplit(',').nth(5).unwrap();
            assert_eq!(
                entry.kind.as_str().replace(' ', "").to_lowercase(),
                kind.replace(' ', "").to_lowercase()
            );
            rows += 1;
        }
        assert_eq!(rows, 493);
        assert_eq!(all().count(), rows + 2, "two private Transfer Syntaxes");
    }

    #[test]
    fn keywords_round_trip() {
        let named: Vec<UidEntry> = all().filter(|entry| !entry.keyword.is_empty()).collect();
        assert_eq!(named.len(), 491);
        for entry in named {
            assert_eq!(by_keyword(entry.keyword), Some(entry));
        }
        let ct = by_keyword("CTImageStorage").unwrap();
        assert_eq!(
            (ct.uid, ct.name, ct.kind),
            (
                "1.2.840.10008.5.1.4.1.1.2",
                "CT Image Storage",
                UidKind::SopClass
            )
        );
    }

    #[test]
    fn others_are_unknown() {
        for uid in [
            "",
            "1",
            "1.2.840.10008.1.2.",
            "1.2.840.10008.1.2 ",
            "1.2.840.10008.1.2\0",
            "µ",
            "1.2.3.4",
        ] {
            assert_eq!(lookup(uid), None, "{uid:?}");
            assert_eq!(by_keyword(uid), None, "{uid:?}");
        }
    }
}
