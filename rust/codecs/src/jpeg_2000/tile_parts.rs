//! Which tile-parts are there: T.800 A.4.2.

use super::header::{self, CodingStyle, MainHeader, marker};
use crate::decoder::Incomplete;
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::marker::end_of_image;
use std::borrow::Cow;

/// SOT and SOD.
const LEAST_TILE_PART: usize = 14;

/// Tiles that may be declared whatever the length of the code stream.
const FREE_TILES: u64 = 1024;

/// Different coding styles that tiles may have; honest encoders write one, if any.
const MAX_OWN_STYLES: usize = 8;

/// The tile-parts of a code stream.
#[derive(Clone, Debug)]
pub(super) struct TileParts {
    /// By tile: tile-parts that are there, and how many there should be, 0 if none says.
    tiles: Vec<(u16, u16)>,
    /// Different coding styles in tile-part headers, with the layers of their COD (0 for a COC).
    pub(super) own_styles: Vec<(u16, CodingStyle)>,
    /// Changes of the progression order in tile-part headers.
    pub(super) progressions: usize,
    /// The tile-part that goes beyond the end: its tile, where its SOT is.
    cut: Option<(usize, usize)>,
    /// Where the last whole tile-part ends.
    end: usize,
    /// Some tile-part's number is not less than the number of tile-parts that it gives: old encoders count from 0 there too.
    miscounted: bool,
    /// Where each SOT is, with its tile.
    places: Vec<(usize, usize)>,
    /// A tile-part of unknown length, without EOC after it: nobody can say whether it is whole.
    open: bool,
}

impl TileParts {
    /// Walks over them; stops where no tile-part begins.
    pub(super) fn read(stream: &[u8], header: &MainHeader) -> Result<TileParts> {
        let [columns, rows] = header.axes.map(|axis| u64::from(axis.tiles()));
        let tiles = columns * rows;
        if tiles
            > FREE_TILES
                .max((stream.len() / LEAST_TILE_PART) as u64)
                .min(65_535)
        {
            let length = stream.len();
            let detail = format!("{length} bytes can't hold {columns} x {rows} tiles");
            return Err(PixelError::new(PixelErrorKind::Implausible, detail));
        }
        let mut parts = TileParts {
            tiles: vec![(0, 0); tiles as usize],
            own_styles: Vec::new(),
            progressions: 0,
            cut: None,
            end: header.end,
            miscounted: false,
            places: Vec::new(),
            open: false,
        };
        while parts.next(stream) {}
        if parts.own_styles.len() > MAX_OWN_STYLES {
            let detail = "more than 8 coding styles in the tile-part headers";
            return Err(PixelError::new(PixelErrorKind::Implausible, detail));
        }
        Ok(parts)
    }

    /// Takes the tile-part at `self.end`; false where there is none, or it goes beyond the end.
    fn next(&mut self, stream: &[u8]) -> bool {
        let at = self.end;
        let Some(&[0xFF, 0x90, 0, 10, t0, t1, p0, p1, p2, p3, part, parts]) =
            stream.get(at..).and_then(|rest| rest.first_chunk::<12>())
        else {
            return false;
        };
        let tile = usize::from(u16::from_be_bytes([t0, t1]));
        let length = u32::from_be_bytes([p0, p1, p2, p3]) as usize;
        let Some((seen, expected)) = self.tiles.get_mut(tile) else {
            return false;
        };
        self.places.push((at, tile));
        self.miscounted |= parts != 0 && part >= parts;
        if length != 0 && length > stream.len() - at {
            self.cut = Some((tile, at));
            return false;
        }
        *seen = seen.saturating_add(1);
        *expected = (*expected).max(u16::from(parts));
        self.own_styles(stream, at + 12);
        // Psot 0: the tile-part reaches to EOC.
        if length == 0 {
            let end = end_of_image(stream);
            self.open = end.is_none();
            self.end = end.map_or(stream.len(), |end| end - 2);
            return false;
        }
        self.end = at + length.max(LEAST_TILE_PART);
        true
    }

    /// COD, COC and POC of a tile-part header: A.3.
    fn own_styles(&mut self, stream: &[u8], mut at: usize) {
        while let Some(segment) = header::segment(stream, at) {
            match segment.marker {
                marker::SOD | marker::SOT => return,
                marker::COD => {
                    let cod = header::read_cod(segment.parameters);
                    self.add_style(cod.map(|(layers, _, style)| (layers, style)));
                }
                marker::COC => {
                    let coc = header::read_coc(segment.parameters, false);
                    self.add_style(coc.map(|(_, style)| (0, style)));
                }
                marker::POC => self.progressions += segment.parameters.len() / 7,
                _ => {}
            }
            at = segment.next;
        }
    }

    fn add_style(&mut self, style: Option<(u16, CodingStyle)>) {
        if self.own_styles.len() <= MAX_OWN_STYLES
            && let Some(style) = style
            && !self.own_styles.contains(&style)
        {
            self.own_styles.push(style);
        }
    }

    /// None where all tiles are whole; else the rows above the first that is not.
    pub(super) fn missing(&self, header: &MainHeader) -> Option<Incomplete> {
        let [across, down] = header.axes;
        let is_cut = |tile: usize| self.cut.is_some_and(|(cut, _)| cut == tile);
        let mut tiles = self.tiles.iter().enumerate();
        let (tile, (seen, expected)) = tiles.find(|&(tile, (seen, expected))| {
            (*seen == 0 && !is_empty(header, tile as u32))
                || seen < expected
                || is_cut(tile)
                || self.open
        })?;
        let line = tile as u32 / across.tiles().max(1);
        let (top, _) = down.tile_range(line);
        let steps = header.components.iter().map(|component| component.step[1]);
        let rows = (top - down.from) / steps.max().unwrap_or(1);
        let detail = match self.cut {
            Some((_, at)) => format!("tile {tile} breaks off in its tile-part at byte {at}"),
            None if self.open => "the last tile-part has no length, and no EOC after it".into(),
            None => format!("tile {tile} has {seen} tile-parts of {}", expected.max(&1)),
        };
        let error = PixelError::new(PixelErrorKind::Stored, detail).at(self.end as u64);
        // What is above the tile, but not the row before: the wavelets reach over no edge of a tile, so that is real too.
        Some(Incomplete { rows, error })
    }

    /// A code stream whose tile-parts are as many as they say, and that has an EOC: OpenJPEG would leave out the last tile-parts, and
    /// decode nothing. What is superfluous in the main header becomes a comment: a tile-part that TLM does not list is written beyond
    /// the end of an array by OpenJPEG up to 2.5.4 (its issue 1620), and in a segment that it does not know it looks for others.
    pub(super) fn corrected<'a>(&self, stream: &'a [u8], header: &MainHeader) -> Cow<'a, [u8]> {
        let behind = stream.get(self.end..).unwrap_or_default();
        let has_end = self.cut.is_some() || behind.iter().any(|byte| !matches!(byte, 0 | 0xFF));
        if !self.miscounted && has_end && header.superfluous.is_empty() {
            return Cow::Borrowed(stream);
        }
        let mut copy = stream.to_vec();
        for &at in &header.superfluous {
            if let Some(marker) = copy.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *marker = marker::COM.to_be_bytes();
            }
        }
        if !has_end {
            copy.truncate(self.end);
            copy.extend([0xFF, 0xD9]);
        }
        for &(at, tile) in self.places.iter().filter(|_| self.miscounted) {
            let count = self.tiles.get(tile).map_or(0, |&(seen, _)| seen);
            if let Some(parts) = copy.get_mut(at + 11) {
                // 0: unknown.
                *parts = u8::try_from(count).unwrap_or(0);
            }
        }
        Cow::Owned(copy)
    }

    /// A code stream of what is there: a tile-part that goes beyond the end gets the length that is left, and EOC follows.
    ///
    /// So does all that looks like an SOT: once OpenJPEG does not stop at the first fault it comes upon others than we do, and allocates
    /// what they declare. In no packet are there such bytes: after FF comes no more than 8F, B.10.1.
    pub(super) fn repaired(&self, mut stream: Vec<u8>) -> Vec<u8> {
        let mut rest = stream.as_mut_slice();
        while !rest.is_empty() {
            let left = rest.len();
            if let Some([0xFF, 0x90, 0, 10, _, _, psot @ .., _, _]) = rest.first_chunk_mut::<12>()
                && u32::from_be_bytes(*psot) as usize > left
            {
                *psot = (left as u32).to_be_bytes();
            }
            rest = rest.split_at_mut(1).1;
        }
        if self.cut.is_some() {
            stream.extend([0xFF, 0xD9]);
        }
        stream
    }
}

/// Whether no component has a sample in a tile: equation B-12. Nothing need be written for it.
fn is_empty(header: &MainHeader, tile: u32) -> bool {
    let [across, down] = header.axes;
    let columns = across.tiles().max(1);
    let ranges = [
        across.tile_range(tile % columns),
        down.tile_range(tile / columns),
    ];
    header.components.iter().all(|component| {
        let mut axes = ranges.iter().zip(component.step);
        axes.any(|(&(from, to), step)| from.div_ceil(step.max(1)) >= to.div_ceil(step.max(1)))
    })
}
