//! The VR column of PS3.6 §6.

use crate::vr::Vr;

/// What the dictionary says of an element's VR: one, or several that other elements decide between. PS3.5 Annex A
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DictionaryVr {
    /// This VR.
    One(Vr),
    /// US or SS: Pixel Representation decides.
    UsOrSs,
    /// OB or OW: Bits Allocated and the Transfer Syntax decide.
    ObOrOw,
    /// US or OW: the number of values decides.
    UsOrOw,
    /// US or SS or OW.
    UsOrSsOrOw,
    /// No VR: items and their delimiters (PS3.5 §7.5), and tags that the dictionary does not know.
    None,
}

impl DictionaryVr {
    /// The VR, where it is one.
    #[inline]
    pub const fn one(self) -> Option<Vr> {
        match self {
            DictionaryVr::One(vr) => Some(vr),
            _ => None,
        }
    }

    /// As PS3.6 prints it: `US or SS`; `NONE` where there is no VR.
    pub const fn as_str(self) -> &'static str {
        match self {
            DictionaryVr::One(vr) => vr.as_str(),
            DictionaryVr::UsOrSs => "US or SS",
            DictionaryVr::ObOrOw => "OB or OW",
            DictionaryVr::UsOrOw => "US or OW",
            DictionaryVr::UsOrSsOrOw => "US or SS or OW",
            DictionaryVr::None => "NONE",
        }
    }
}
