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

    fn new(encoding: &'static Encoding, shift: &[u8], exists: impl Fn(u8, u8) -> bool, moved: &[(u16, u16)]) -> Self {
        let mut cells = Vec::with_capacity(ROW * ROW);
        for first in 0xA1..=0xFE_u8 {
            for second in 0xA1..=0xFE_u8 {
                let code = u16::from_be_bytes([first, second]);
                let moved = moved.iter().find(|(from, _)| *from == code);
                cells.push(match moved {
                    Some(&(_, to)) => to,
                    None if exists(first, second) => look_up(encoding, &[shift, &[first, second]].concat()),
                    None => 0,
                });
            }
        }
        Self { cells }
    }
}

fn character(code: Option<&u16>) -> Option<char> {
    code.filter(|&&code| code != 0).and_then(|&code| char::from_u32(code.into()))
}

/// The one character of the Basic Multilingual Plane that the bytes are, or 0.
fn look_up(encoding: &'static Encoding, bytes: &[u8]) -> u16 {
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else { return 0 };
    let mut units = text.encode_utf16();
    match (units.next(), units.next()) {
        (Some(unit), None) => unit,
        _ => 0,
    }
}

/// JIS X 0208, ISO-IR 87: rows 1 to 8 and 16 to 84, without the rows of NEC and IBM.
pub(super) static JIS_X_0208: LazyLock<DoubleByte> = LazyLock::new(|| {
    let moved =
        [(0xA1C1, 0x301C), (0xA1C2, 0x2016), (0xA1DD, 0x2212), (0xA1F1, 0x00A2), (0xA1F2, 0x00A3), (0xA2CC, 0x00AC)];
    DoubleByte::new(EUC_JP, &[], |row, _| matches!(row, 0xA1..=0xA8 | 0xB0..=0xF4), &moved)
});

/// JIS X 0212, ISO-IR 159; EUC-JP has it behind 8F.
pub(super) static JIS_X_0212: LazyLock<DoubleByte> =
    LazyLock::new(|| DoubleByte::new(EUC_JP, &[0x8F], |_, _| true, &[]));

/// KS X 1001, ISO-IR 149.
pub(super) static KS_X_1001: LazyLock<DoubleByte> = LazyLock::new(|| DoubleByte::new(EUC_KR, &[], |_, _| true, &[]));

/// GB 2312, ISO-IR 58: rows 1 to 9 and 16 to 87.
pub(super) static GB_2312: LazyLock<DoubleByte> = LazyLock::new(|| {
    let exists = |row, cell| match row {
        0xA2 => cell >= 0xB1,
        0xA6 => cell < 0xE0,
        0xA8 => cell < 0xBB || cell > 0xC0,
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
        character(self.cells.get(row.checked_mul(Self::ROW)?.checked_add(cell.into())?))
    }

    fn new(exists: impl Fn(u8, u8) -> bool, moved: &[(u16, u16)]) -> Self {
        let mut cells = Vec::with_capacity(126 * Self::ROW);
        for first in 0x81..=0xFE_u8 {
            for second in (0x40..=0x7E_u8).chain(0x80..=0xFE) {
                let code = u16::from_be_bytes([first, second]);
                cells.push(match moved.iter().find(|(from, _)| *from == code) {
                    Some(&(_, to)) => to,
                    None if exists(first, second) => look_up(GBK, &[first, second]),
                    None => 0,
                });
            }
        }
        Self { cells }
    }
}

/// GBK as PS3.3 Table C.12-5 means it: GB 13000 without user-defined characters.
pub(super) static GBK_TABLE: LazyLock<GbkTable> = LazyLock::new(|| GbkTable::new(|_, _| true, &[]));

/// The two-byte codes of GB18030-2000.
pub(super) static GB18030_TABLE: LazyLock<GbkTable> = LazyLock::new(|| GbkTable::new(|_, _| true, &[]));
