//! Value Representation: PS3.5 §6.2 and the two Explicit VR header forms of §7.1.2.

use std::fmt;

macro_rules! vrs {
    ($($name:ident),*) => {
        /// A Value Representation of PS3.5 Table 6.2-1.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Vr { $($name),* }

        impl Vr {
            /// All 34, in alphabetical order.
            pub const ALL: &'static [Vr] = &[$(Vr::$name),*];

            /// The two letters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Vr::$name => stringify!($name)),* }
            }
        }
    };
}

vrs!(
    AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, OB, OD, OF, OL, OV, OW, PN, SH, SL, SQ, SS, ST,
    SV, TM, UC, UI, UL, UN, UR, US, UT, UV
);

/// Five bits of each letter: a table without a branch.
const fn slot(bytes: [u8; 2]) -> usize {
    ((bytes[0] & 31) as usize) << 5 | (bytes[1] & 31) as usize
}

static BY_LETTERS: [Option<Vr>; 1024] = {
    let mut table = [None; 1024];
    let mut i = 0;
    while i < Vr::ALL.len() {
        let name = Vr::ALL[i].as_str().as_bytes();
        table[slot([name[0], name[1]])] = Some(Vr::ALL[i]);
        i += 1;
    }
    table
};

impl Vr {
    /// The VR that these two bytes of an Explicit VR header name, if they name one.
    #[inline]
    pub fn from_bytes(bytes: [u8; 2]) -> Option<Vr> {
        BY_LETTERS[slot(bytes)].filter(|_| bytes[0] & 0xE0 == 0x40 && bytes[1] & 0xE0 == 0x40)
    }

    /// True for the VRs with two reserved bytes and a 32-bit Value Length. PS3.5 §7.1.2
    #[inline]
    pub const fn has_long_form(self) -> bool {
        const LONG: u64 = 1 << Vr::OB as u8
            | 1 << Vr::OD as u8
            | 1 << Vr::OF as u8
            | 1 << Vr::OL as u8
            | 1 << Vr::OV as u8
            | 1 << Vr::OW as u8
            | 1 << Vr::SQ as u8
            | 1 << Vr::SV as u8
            | 1 << Vr::UC as u8
            | 1 << Vr::UN as u8
            | 1 << Vr::UR as u8
            | 1 << Vr::UT as u8
            | 1 << Vr::UV as u8;
        LONG >> self as u8 & 1 != 0
    }

    /// Bytes of one number, 1 where byte order does not matter. PS3.5 §7.3
    #[inline]
    pub const fn unit(self) -> usize {
        match self {
            Vr::US | Vr::SS | Vr::OW | Vr::AT => 2,
            Vr::UL | Vr::SL | Vr::FL | Vr::OF | Vr::OL => 4,
            Vr::FD | Vr::OD | Vr::SV | Vr::UV | Vr::OV => 8,
            _ => 1,
        }
    }

    /// VRs whose text is in the Specific Character Set. PS3.5 §6.1.2.3
    #[inline]
    pub const fn uses_specific_character_set(self) -> bool {
        matches!(
            self,
            Vr::LO | Vr::LT | Vr::PN | Vr::SH | Vr::ST | Vr::UC | Vr::UT
        )
    }

    /// Character string VRs, numbers written as text among them. PS3.5 §6.2
    #[inline]
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Vr::AE
                | Vr::AS
                | Vr::CS
                | Vr::DA
                | Vr::DS
                | Vr::DT
                | Vr::IS
                | Vr::LO
                | Vr::LT
                | Vr::PN
                | Vr::SH
                | Vr::ST
                | Vr::TM
                | Vr::UC
                | Vr::UI
                | Vr::UR
                | Vr::UT
        )
    }

    /// Values that backslash does not separate. PS3.5 §6.4
    #[inline]
    pub const fn is_single_valued(self) -> bool {
        matches!(
            self,
            Vr::ST
                | Vr::LT
                | Vr::UT
                | Vr::UR
                | Vr::OB
                | Vr::OD
                | Vr::OF
                | Vr::OL
                | Vr::OV
                | Vr::OW
                | Vr::UN
                | Vr::SQ
        )
    }
}

impl fmt::Display for Vr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_each_vr_and_nothing_else() {
        let mut named = 0;
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                if let Some(vr) = Vr::from_bytes([a, b]) {
                    assert_eq!(vr.as_str().as_bytes(), [a, b]);
                    named += 1;
                }
            }
        }
        assert_eq!(named, 34);
    }
}
