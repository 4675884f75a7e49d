//! VR, VM and name of private Data Elements, by Private Creator. PS3.5 §7.8

use super::data::VMS;
use super::dictionary_vr::DictionaryVr;
use super::hash::find_text;
use super::private::{BY_CREATOR, CREATORS, KEYS, PRIVATE_RECORDS, PRIVATE_TEXT};
use super::vm::Vm;
use crate::tag::Tag;

/// A Private Creator: a range of `PRIVATE_TEXT`, and one of `KEYS`.
#[derive(Clone, Copy)]
pub(super) struct Creator {
    pub(super) text: u32,
    pub(super) len: u8,
    pub(super) start: u16,
    pub(super) end: u16,
}

/// One row: a range of `PRIVATE_TEXT`, an index into `VMS`.
#[derive(Clone, Copy)]
pub(super) struct PrivateRecord {
    pub(super) name: u32,
    pub(super) name_len: u8,
    pub(super) vr: DictionaryVr,
    pub(super) vm: u8,
}

#[inline]
fn text(offset: u32, len: u8) -> &'static str {
    PRIVATE_TEXT
        .get(offset as usize..offset as usize + len as usize)
        .unwrap_or("")
}

/// What is known of a private element; a handle to a row of a static table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrivateEntry(u16);

impl PrivateEntry {
    #[inline]
    fn record(self) -> &'static PrivateRecord {
        &PRIVATE_RECORDS[self.0 as usize]
    }

    /// The VR, or those that are possible.
    #[inline]
    pub fn vr(self) -> DictionaryVr {
        self.record().vr
    }

    /// The Value Multiplicity.
    pub fn vm(self) -> Vm {
        VMS[self.record().vm as usize]
    }

    /// The name; `Unknown` where only the VR is known.
    pub fn name(self) -> &'static str {
        let record = self.record();
        text(record.name, record.name_len)
    }
}

impl std::fmt::Debug for PrivateEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.vr().as_str(), self.vm(), self.name())
    }
}

/// Bit 16: set in every private tag, cleared in the keys that leave the block open.
const ODD_GROUP: u32 = 0x1_0000;

/// What is known of this element of the block that `creator` reserved; trailing spaces of `creator` do not count.
///
/// The most specific description answers: (gggg,eeee), then (gggg,xxee) for any block, then (ggxx,xxee).
pub fn private(creator: &str, tag: Tag) -> Option<PrivateEntry> {
    if !tag.is_private() {
        return None;
    }
    let creator = creator.trim_end_matches(' ');
    let is_it = |index: usize| text(CREATORS[index].text, CREATORS[index].len) == creator;
    let found = CREATORS[find_text(&BY_CREATOR, creator, is_it)?];
    let keys = KEYS.get(found.start as usize..found.end as usize)?;
    let any_block = tag.0 & !ODD_GROUP & 0xFFFF_00FF;
    let any_group = tag.0 & 0xFF00_00FF | 0xFF00;
    let index = [tag.0, any_block, any_group]
        .into_iter()
        .find_map(|key| keys.binary_search(&key).ok())?;
    Some(PrivateEntry(found.start + index as u16))
}
