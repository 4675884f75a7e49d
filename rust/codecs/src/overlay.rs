//! Overlay planes: PS3.3 C.9.2, PS3.5 §8.1.2. One byte a bit: 0 or 1.

use crate::error::Result;
use crate::lookup_table::argument;
use crate::packed::unpack_1;

/// Overlay Data (60xx,3000): bits one after the other over all frames, the least significant of a byte first.
pub fn unpack(overlay_data: &[u8], out: &mut [u8]) -> Result<()> {
    let needed = out.len().div_ceil(8);
    if overlay_data.len() < needed {
        return Err(argument(format!(
            "Overlay Data has {} bytes, expected {needed}",
            overlay_data.len()
        )));
    }
    unpack_1(overlay_data, 0, out);
    Ok(())
}

/// The bit of this position of each cell of native Pixel Data, retired in 2004: Overlay Bit Position (60xx,0102).
///
/// `cells` are little endian, of so many bytes.
pub fn from_cells(
    cells: &[u8],
    cell_bytes: usize,
    bit_position: usize,
    out: &mut [u8],
) -> Result<()> {
    if cell_bytes == 0 || bit_position >= 8 * cell_bytes || cells.len() / cell_bytes < out.len() {
        return Err(argument(format!(
            "bit {bit_position} of {} cells, the pixels are {} of {} bits",
            out.len(),
            cells.len() / cell_bytes.max(1),
            8 * cell_bytes
        )));
    }
    let (byte, bit) = (bit_position / 8, bit_position % 8);
    let bytes = cells.iter().skip(byte).step_by(cell_bytes);
    for (overlay, &cell) in out.iter_mut().zip(bytes) {
        *overlay = cell >> bit & 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bits_of_overlay_data() {
        let mut out = [9; 10];
        unpack(&[0b0000_0101, 0b10], &mut out).unwrap();
        assert_eq!(out, [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert!(unpack(&[1], &mut out).is_err());
    }

    #[test]
    fn bits_of_pixels() {
        let mut out = [9; 2];
        from_cells(&[0, 0x10, 0, 0x20], 2, 12, &mut out).unwrap();
        assert_eq!(out, [1, 0]);
        assert!(from_cells(&[0; 4], 2, 16, &mut out).is_err());
        assert!(from_cells(&[0; 3], 2, 0, &mut out).is_err());
        assert!(from_cells(&[0; 3], 0, 0, &mut out).is_err());
    }
}
