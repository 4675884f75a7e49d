//! The 94 × 94 sets and GBK as tables, made once, when first needed, from the indexes of `encoding_rs`.
//!
//! Those indexes are the WHATWG's: the sets as Windows widened them. What they add is taken out and what they map
//! elsewhere is put back, so that a table is the registered set and nothing more. 0: no character.

use std::sync::LazyLock;

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK};

/// A set of rows and cells of two bytes each.
pub(super) struct DoubleByte {
    cells: Vec<u16>,
}

const ROW: usize = 94;

impl DoubleByte {
    /// The character of row and cell, both counted from 0.
    pub(super) fn at(&self, row: usize, cell: usize) -> Option<char> {
        if cell >= ROW {
            return None;
        }
        character(self.cells.get(row.checked_mul(ROW)?.checked_add(cell)?))
    }

    /// The character of two bytes, in G0 (21 to 7E) or G1 (A1 to FE).
    pub(super) fn of(&self, first: u8, second: u8) -> Option<char> {
        let index = |byte: u8| usize::from(byte & 0x7F).checked_sub(0x21);
        self.at(index(first)?, index(second)?)
    }

    fn new(
        encoding: &'static Encoding,
        shift: &[u8],
        exists: impl Fn(u8, u8) -> bool,
        moved: &[(u16, u16)],
    ) -> Self {
        let mut cells = Vec::with_capacity(ROW * ROW);
        for first in 0xA1..=0xFE_u8 {
            for second in 0xA1..=0xFE_u8 {
                let code = u16::from_be_bytes([first, second]);
                let moved = moved.iter().find(|(from, _)| *from == code);
                cells.push(match moved {
                    Some(&(_, to)) => to,
                    None if exists(first, second) => {
                        registered(look_up(encoding, &[shift, &[first, second]].concat()))
                    }
                    None => 0,
                });
            }
        }
        Self { cells }
    }
}

fn character(code: Option<&u16>) -> Option<char> {
    code.filter(|&&code| code != 0)
        .and_then(|&code| char::from_u32(code.into()))
}

/// The one character of the Basic Multilingual Plane that the bytes are, or 0.
fn look_up(encoding: &'static Encoding, bytes: &[u8]) -> u16 {
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else {
        return 0;
    };
    let mut units = text.encode_utf16();
    match (units.next(), units.next()) {
        (Some(unit), None) => unit,
        _ => 0,
    }
}

/// The code, unless it is in the Private Use Area, where user-defined characters are.
fn registered(code: u16) -> u16 {
    if matches!(code, 0xE000..=0xF8FF) {
        0
    } else {
        code
    }
}

/// JIS X 0208, ISO-IR 87: rows 1 to 8 and 16 to 84, without the rows of NEC and IBM.
pub(super) static JIS_X_0208: LazyLock<DoubleByte> = LazyLock::new(|| {
    let moved = [
        (0xA1C1, 0x301C),
        (0xA1C2, 0x2016),
        (0xA1DD, 0x2212),
        (0xA1F1, 0x00A2),
        (0xA1F2, 0x00A3),
        (0xA2CC, 0x00AC),
    ];
    DoubleByte::new(
        EUC_JP,
        &[],
        |row, _| matches!(row, 0xA1..=0xA8 | 0xB0..=0xF4),
        &moved,
    )
});

/// JIS X 0212, ISO-IR 159; EUC-JP has it behind 8F.
pub(super) static JIS_X_0212: LazyLock<DoubleByte> =
    LazyLock::new(|| DoubleByte::new(EUC_JP, &[0x8F], |_, _| true, &[(0xA2B7, 0x007E)]));

/// KS X 1001, ISO-IR 149.
pub(super) static KS_X_1001: LazyLock<DoubleByte> =
    LazyLock::new(|| DoubleByte::new(EUC_KR, &[], |_, _| true, &[]));

/// GB 2312, ISO-IR 58: rows 1 to 9 and 16 to 87.
pub(super) static GB_2312: LazyLock<DoubleByte> = LazyLock::new(|| {
    let exists = |row, cell| match row {
        0xA2 => cell >= 0xB1 && cell != 0xE3,
        0xA6 => cell < 0xD9,
        0xA8 => cell < 0xBB || (0xC5..0xEA).contains(&cell),
        0xA9 => (0xA4..0xF0).contains(&cell),
        0xD7 => cell < 0xFA,
        row => matches!(row, 0xA1..=0xA9 | 0xB0..=0xF7),
    };
    DoubleByte::new(GBK, &[], exists, &[(0xA1A4, 0x30FB), (0xA1AA, 0x2015)])
});

/// GBK's two-byte codes: 126 first bytes from 81 by 190 second ones, 40 to 7E and 80 to FE.
pub(super) struct GbkTable {
    cells: Vec<u16>,
}

impl GbkTable {
    const ROW: usize = 190;

    /// The character of two bytes.
    pub(super) fn of(&self, first: u8, second: u8) -> Option<char> {
        let cell = match second {
            0x40..=0x7E => second.checked_sub(0x40)?,
            0x80..=0xFE => second.checked_sub(0x41)?,
            _ => return None,
        };
        let row = usize::from(first.checked_sub(0x81)?);
        character(
            self.cells
                .get(row.checked_mul(Self::ROW)?.checked_add(cell.into())?),
        )
    }

    fn new(moved: &[(u16, u16)], code_of: impl Fn(u8, u8) -> u16) -> Self {
        let mut cells = Vec::with_capacity(126 * Self::ROW);
        for first in 0x81..=0xFE_u8 {
            for second in (0x40..=0x7E_u8).chain(0x80..=0xFE) {
                let code = u16::from_be_bytes([first, second]);
                cells.push(match moved.iter().find(|(from, _)| *from == code) {
                    Some(&(_, to)) => to,
                    None => code_of(first, second),
                });
            }
        }
        Self { cells }
    }
}

/// GBK as of PS3.3 Table C.12-5: no user-defined characters, and none that came with GB18030.
pub(super) static GBK_TABLE: LazyLock<GbkTable> = LazyLock::new(|| {
    GbkTable::new(&[], |first, second| match (first, second) {
        (0xA2, 0xE3)
        | (0xA3, 0xA0)
        | (0xA8, 0xBC | 0xBF)
        | (0xA9, 0x89..=0x95)
        | (0xFE, 0x50..) => 0,
        (0xA6, 0xD9..=0xDF | 0xEC | 0xED | 0xF3) => 0,
        _ => registered(look_up(GBK, &[first, second])),
    })
});

/// The two-byte codes of GB18030-2000: what later editions moved out of the Private Use Area is still there.
pub(super) static GB18030_TABLE: LazyLock<GbkTable> = LazyLock::new(|| {
    let moved = [
        (0xA3A0, 0xE5E5),
        (0xA6D9, 0xE78D),
        (0xA6DA, 0xE78E),
        (0xA6DB, 0xE78F),
        (0xA6DC, 0xE790),
        (0xA6DD, 0xE791),
        (0xA6DE, 0xE792),
        (0xA6DF, 0xE793),
        (0xA6EC, 0xE794),
        (0xA6ED, 0xE795),
        (0xA6F3, 0xE796),
        (0xA8BC, 0xE7C7),
        (0xFE59, 0xE81E),
        (0xFE61, 0xE826),
        (0xFE66, 0xE82B),
        (0xFE67, 0xE82C),
        (0xFE6D, 0xE832),
        (0xFE7E, 0xE843),
        (0xFE90, 0xE854),
        (0xFEA0, 0xE864),
    ];
    GbkTable::new(&moved, |first, second| look_up(GBK, &[first, second]))
});

#[cfg(test)]
mod tests {
    use super::*;

    fn count(cells: &[u16]) -> usize {
        cells.iter().filter(|&&code| code != 0).count()
    }

    /// The golden file has every code that exists; these numbers say that no other does.
    #[test]
    fn sets_have_as_many_characters_as_they_were_registered_with() {
        assert_eq!(count(&JIS_X_0208.cells), 6879);
        assert_eq!(count(&JIS_X_0212.cells), 6067);
        // 8225 and the Hangul filler.
        assert_eq!(count(&KS_X_1001.cells), 8226);
        assert_eq!(count(&GB_2312.cells), 7445);
        assert_eq!(count(&GBK_TABLE.cells), 21791);
        assert_eq!(count(&GB18030_TABLE.cells), 23940);
    }
}
