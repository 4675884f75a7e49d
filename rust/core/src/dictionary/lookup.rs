//! Tag ↔ keyword, VR, VM and name of the public Data Elements. PS3.6 §6-9, PS3.7 Annex E

use super::data::{BY_KEYWORD, BY_TAG, FAMILIES, LETTERS, RECORDS, TAGS, TEXT, VMS};
use super::dictionary_vr::DictionaryVr;
use super::hash::{find_tag, find_text};
use super::vm::Vm;
use crate::tag::Tag;

/// One row: ranges of `TEXT`; `vm` is an index into `VMS` with the retired flag above it.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) keyword: u32,
    pub(super) name: u32,
    pub(super) keyword_len: u8,
    pub(super) name_len: u8,
    pub(super) vr: DictionaryVr,
    pub(super) vm: u8,
}

const RETIRED: u8 = 0x80;

impl Record {
    #[inline]
    fn keyword(&self) -> &'static str {
        text(self.keyword, self.keyword_len)
    }
}

#[inline]
fn text(offset: u32, len: u8) -> &'static str {
    TEXT.get(offset as usize..offset as usize + len as usize)
        .unwrap_or("")
}

/// What the dictionary knows of a tag; a handle to a row of a static table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    tag: Tag,
    index: u16,
}

impl Entry {
    #[inline]
    fn record(self) -> &'static Record {
        &RECORDS[self.index as usize]
    }

    /// The tag that was asked for; of a repeating group too.
    #[inline]
    pub fn tag(self) -> Tag {
        self.tag
    }

    /// The VR, or those that are possible.
    #[inline]
    pub fn vr(self) -> DictionaryVr {
        self.record().vr
    }

    /// The Value Multiplicity.
    #[inline]
    pub fn vm(self) -> Vm {
        VMS[(self.record().vm & !RETIRED) as usize]
    }

    /// The Keyword; empty for the few retired elements that PS3.6 prints without one.
    #[inline]
    pub fn keyword(self) -> &'static str {
        self.record().keyword()
    }

    /// The Name; empty where PS3.6 prints none.
    pub fn name(self) -> &'static str {
        let record = self.record();
        text(record.name, record.name_len)
    }

    /// True where PS3.6 says RET.
    #[inline]
    pub fn is_retired(self) -> bool {
        self.record().vm & RETIRED != 0
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.tag,
            self.vr().as_str(),
            self.vm(),
            self.keyword()
        )
    }
}

#[inline]
fn exact(tag: Tag) -> Option<usize> {
    find_tag(&BY_TAG, tag.0, |index| TAGS[index] == tag.0)
}

/// The row that this tag repeats: (60xx,0010), (0020,31xx) and their like. PS3.5 §7.6
///
/// Private groups repeat nothing, and (gggg,0000) is a Group Length in every group. PS3.5 §7.2
#[cold]
fn repeated(tag: Tag) -> Option<usize> {
    if tag.is_private() || tag.is_group_length() {
        return None;
    }
    let [_, _, keep, base] = FAMILIES
        .into_iter()
        .find(|[select, value, ..]| tag.0 & select == *value)?;
    exact(Tag(tag.0 & keep | base))
}

#[inline]
fn index_of(tag: Tag) -> Option<usize> {
    exact(tag).or_else(|| repeated(tag))
}

/// What the dictionary knows of this tag. Group lengths other than (0000,0000) and (0002,0000), and private
/// elements, are not in it.
#[inline]
pub fn by_tag(tag: Tag) -> Option<Entry> {
    index_of(tag).map(|index| Entry {
        tag,
        index: index as u16,
    })
}

/// The VR of this tag; [`DictionaryVr::None`] for a tag that the dictionary does not know.
#[inline]
pub fn vr_of(tag: Tag) -> DictionaryVr {
    index_of(tag).map_or(DictionaryVr::None, |index| RECORDS[index].vr)
}

/// The tag with this Keyword; of a repeating group the first: `OverlayRows` is (6000,0010).
#[inline]
pub fn by_keyword(keyword: &str) -> Option<Tag> {
    let is_it = |index: usize| {
        let Record {
            keyword: start,
            keyword_len,
            ..
        } = RECORDS[index];
        let (start, len) = (start as usize, keyword_len as usize);
        len == keyword.len() && TEXT.as_bytes().get(start..start + len) == Some(keyword.as_bytes())
    };
    find_text(&BY_KEYWORD, keyword, is_it).map(|index| Tag(TAGS[index]))
}

/// Every Keyword, in the order of the tags.
pub fn keywords() -> impl Iterator<Item = &'static str> {
    RECORDS
        .iter()
        .map(Record::keyword)
        .filter(|keyword| !keyword.is_empty())
}

/// The same, each with the letters that it has: bit `letter & 31` of each.
pub(super) fn keywords_with_letters() -> impl Iterator<Item = (&'static str, u32)> {
    RECORDS
        .iter()
        .zip(LETTERS)
        .filter(|(record, _)| record.keyword_len != 0)
        .map(|(record, letters)| (record.keyword(), letters))
}
