//! One level's elements in tag order, and the VR of each: PS3.5 §7.1, §6.2.2, PS3.6.

use crate::dictionary::{self, DictionaryVr};
use crate::read::{ElementHeader, Flags, u16_of};
use crate::tag::Tag;
use crate::transfer_syntax::Encoding;
use crate::value::charset::SpecificCharacterSet;
use crate::value::text;
use crate::vr::Vr;
use std::borrow::Cow;

/// What an item takes over from the data set around it. PS3.5 §7.5.3, PS3.3 §C.7.6.3
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Inherited {
    /// The Specific Character Set in force.
    pub charset: SpecificCharacterSet,
    /// The nearest Pixel Representation.
    pub pixel_representation: Option<u16>,
}

/// The elements of one level.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// In tag order, each tag once.
    pub headers: Box<[ElementHeader]>,
    /// How they are encoded.
    pub encoding: Encoding,
    /// What holds here, inherited or said here.
    pub inherited: Inherited,
}

impl DataSet {
    /// A level of these headers; `value` fetches a Value Field.
    pub fn new<'a>(
        headers: Box<[ElementHeader]>,
        encoding: Encoding,
        mut inherited: Inherited,
        value: impl Fn(&ElementHeader) -> Option<Cow<'a, [u8]>>,
    ) -> DataSet {
        let position = |tag| {
            headers
                .binary_search_by_key(&tag, |h| h.tag)
                .ok()
                .and_then(|at| headers.get(at))
        };
        if let Some(bytes) = position(Tag::SPECIFIC_CHARACTER_SET).and_then(&value) {
            inherited.charset = SpecificCharacterSet::parse(&bytes).0;
        }
        if let Some(bytes) = position(Tag::PIXEL_REPRESENTATION).and_then(&value) {
            inherited.pixel_representation =
                first_u16(&bytes, encoding).or(inherited.pixel_representation);
        }
        DataSet {
            headers,
            encoding,
            inherited,
        }
    }

    /// Where the element with this tag is.
    #[inline]
    pub fn position(&self, tag: Tag) -> Option<usize> {
        self.headers.binary_search_by_key(&tag, |h| h.tag).ok()
    }

    /// The element with this tag.
    #[inline]
    pub fn get(&self, tag: Tag) -> Option<&ElementHeader> {
        self.headers.get(self.position(tag)?)
    }

    /// The VR of an element: what its header says, and where that says nothing what the dictionaries, the private
    /// creator and its neighbours tell. `value` fetches the Value Field of a neighbour.
    #[inline]
    pub fn vr<'a>(
        &self,
        header: &ElementHeader,
        value: impl Fn(&ElementHeader) -> Option<Cow<'a, [u8]>>,
    ) -> Vr {
        match header.vr {
            Some(vr) if vr != Vr::UN && !header.flags.has(Flags::ITEMS) => vr,
            _ => self.find_vr(header, value),
        }
    }

    #[cold]
    fn find_vr<'a>(
        &self,
        header: &ElementHeader,
        value: impl Fn(&ElementHeader) -> Option<Cow<'a, [u8]>>,
    ) -> Vr {
        if header.flags.has(Flags::ITEMS) {
            return Vr::SQ;
        }
        let tag = header.tag;
        let long =
            header.vr == Some(Vr::UN) && header.value_length >= 0xFFFF && tag != Tag::PIXEL_DATA;
        if header.flags.has(Flags::UNKNOWN_VR) || (long && !tag.is_private()) {
            return Vr::UN;
        }
        if tag.is_private_creator() {
            return Vr::LO;
        }
        let known = if tag.is_private() {
            self.private_creator(tag, &value)
                .and_then(|creator| dictionary::private(&creator, tag))
                .map(|e| e.vr())
        } else {
            Some(dictionary::vr_of(tag))
        };
        match known {
            Some(DictionaryVr::One(vr)) => vr,
            None | Some(DictionaryVr::None)
                if header.vr.is_none() && tag.is_group_length() && !tag.is_private() =>
            {
                Vr::UL
            }
            None | Some(DictionaryVr::None) => Vr::UN,
            Some(DictionaryVr::UsOrSs) => self.us_or_ss(),
            Some(DictionaryVr::ObOrOw) => self.ob_or_ow(header, &value),
            Some(DictionaryVr::UsOrOw | DictionaryVr::UsOrSsOrOw) => self.us_or_ow(header, &value),
        }
    }

    /// PS3.3 §C.7.6.3: what Pixel Representation says.
    fn us_or_ss(&self) -> Vr {
        match self.inherited.pixel_representation {
            Some(0) => Vr::US,
            Some(_) => Vr::SS,
            None if self.get(Tag::PIXEL_DATA).is_some() => Vr::SS,
            None => Vr::US,
        }
    }

    /// PS3.5 §A.1, §A.2, §A.4 and PS3.3 §C.10.9.1
    fn ob_or_ow<'a>(
        &self,
        header: &ElementHeader,
        value: impl Fn(&ElementHeader) -> Option<Cow<'a, [u8]>>,
    ) -> Vr {
        if header.flags.has(Flags::FRAGMENTS) {
            return Vr::OB;
        }
        if !self.encoding.is_explicit() || header.tag.group() & 0xFF00 == 0x6000 {
            return Vr::OW;
        }
        let bits = if header.tag == Tag::PIXEL_DATA {
            Tag::BITS_ALLOCATED
        } else {
            Tag(0x5400_1004)
        };
        let bits = self
            .get(bits)
            .and_then(&value)
            .and_then(|bytes| first_u16(&bytes, self.encoding));
        if bits.is_some_and(|bits| bits > 8) {
            Vr::OW
        } else {
            Vr::OB
        }
    }

    /// PS3.3 §C.11.1.1.1: LUT Data of one entry is a number, else words.
    fn us_or_ow<'a>(
        &self,
        header: &ElementHeader,
        value: impl Fn(&ElementHeader) -> Option<Cow<'a, [u8]>>,
    ) -> Vr {
        let descriptor = Tag(0x0028_3002);
        if header.tag != Tag(0x0028_3006) {
            return Vr::OW;
        }
        let entries = self
            .get(descriptor)
            .and_then(&value)
            .and_then(|bytes| first_u16(&bytes, self.encoding));
        if entries == Some(1) { Vr::US } else { Vr::OW }
    }

    /// The Private Creator that reserves this element's block, in this level. PS3.5 §7.8.1
    pub fn private_creator<'a>(
        &self,
        tag: Tag,
        value: impl Fn(&ElementHeader) -> Option<Cow<'a, [u8]>>,
    ) -> Option<String> {
        let bytes = self.get(tag.private_creator()?).and_then(&value)?;
        let (creator, _) = text::decode(&bytes, Vr::LO, &self.inherited.charset);
        Some(creator.trim_end_matches([' ', '\0']).to_owned())
    }
}

fn first_u16(bytes: &[u8], encoding: Encoding) -> Option<u16> {
    let first = bytes.first_chunk::<2>()?;
    Some(u16_of(*first, encoding.is_little_endian()))
}
