//! The main header: SIZ, COD, COC and POC, T.800 Annex A.

use crate::decoder::StreamColor;
use crate::error::{PixelError, PixelErrorKind, Result};

/// T.800 table A.2.
pub(super) mod marker {
    /// Reserved for markers without parameters, up to the second one.
    pub(crate) const BARE: std::ops::RangeInclusive<u16> = 0xFF30..=0xFF3F;
    pub(crate) const SOC: u16 = 0xFF4F;
    pub(crate) const SIZ: u16 = 0xFF51;
    pub(crate) const COD: u16 = 0xFF52;
    pub(crate) const COC: u16 = 0xFF53;
    pub(crate) const POC: u16 = 0xFF5F;
    pub(crate) const COM: u16 = 0xFF64;
    /// What else a decoder needs of a main header: RGN, QCD, QCC, PPM, CRG; of T.814 CAP and CPF; of T.801 MCT, MCC, MCO and CBD.
    pub(crate) const OTHERS: [u16; 11] = [
        0xFF5E, 0xFF5C, 0xFF5D, 0xFF60, 0xFF63, 0xFF50, 0xFF59, 0xFF74, 0xFF75, 0xFF77, 0xFF78,
    ];
    pub(crate) const SOT: u16 = 0xFF90;
    pub(crate) const SOD: u16 = 0xFF93;
}

/// Components that an image of DICOM can have.
const MAX_COMPONENTS: usize = 4;

/// What OpenJPEG's 32-bit integers hold.
const MAX_PRECISION: u8 = 31;

/// What the code stream says of the whole image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MainHeader {
    /// The image area and the tiles on the reference grid, horizontally and vertically: B.2, B.3.
    pub(super) axes: [Axis; 2],
    pub(super) components: Vec<Component>,
    /// Of COD.
    pub(super) style: CodingStyle,
    /// Of COC: components that have a style of their own.
    pub(super) own_styles: Vec<(usize, CodingStyle)>,
    /// Whether there is a multiple component transformation: table A.17.
    pub(super) mct: bool,
    pub(super) layers: u16,
    /// Changes of the progression order: A.6.6.
    pub(super) progressions: usize,
    /// Where marker segments are that say nothing of how to decode, or that nobody knows: TLM, PLM and others.
    pub(super) superfluous: Vec<usize>,
    /// Where the first tile-part begins.
    pub(super) end: usize,
}

/// One direction of the reference grid, e.g. XOsiz, Xsiz, XTOsiz, XTsiz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) tile_from: u32,
    pub(super) tile: u32,
}

impl Axis {
    /// Equation B-5.
    pub(super) fn tiles(&self) -> u32 {
        self.to
            .saturating_sub(self.tile_from)
            .div_ceil(self.tile.max(1))
    }

    /// Where tile `n` begins and ends, clipped to the image area: equations B-7 to B-10.
    pub(super) fn tile_range(&self, n: u32) -> (u32, u32) {
        let begin = self.tile_from.saturating_add(n.saturating_mul(self.tile));
        let end = begin.saturating_add(self.tile);
        (begin.max(self.from), end.min(self.to))
    }
}

/// Ssiz, XRsiz, YRsiz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) precision: u8,
    pub(super) signed: bool,
    /// Samples of the reference grid for one of the component, horizontally and vertically.
    pub(super) step: [u32; 2],
}

/// SPcod, SPcoc: table A.15.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodingStyle {
    pub(super) levels: u8,
    /// Exponents of a code-block's width and height.
    pub(super) block: [u8; 2],
    pub(super) reversible: bool,
    /// Code-blocks of T.814, which have another coder.
    pub(super) high_throughput: bool,
    /// Exponents of the precincts' width and height by resolution; none where they are the greatest.
    pub(super) precincts: Vec<[u8; 2]>,
}

impl CodingStyle {
    /// Of the parameters from the number of decomposition levels on.
    pub(super) fn read(parameters: &[u8], own_precincts: bool) -> Option<CodingStyle> {
        let &[
            levels,
            width,
            height,
            blocks,
            transformation,
            ref precincts @ ..,
        ] = parameters
        else {
            return None;
        };
        // Table A.18: 4 to 1024 each, 4096 samples together.
        let block = [width, height].map(|exponent| (exponent & 15).saturating_add(2));
        if levels > 32 || block.iter().any(|&e| e > 10) || block.iter().sum::<u8>() > 12 {
            return None;
        }
        let mut sizes = Vec::new();
        if own_precincts {
            let bytes = precincts.get(..usize::from(levels) + 1)?;
            sizes.extend(bytes.iter().map(|byte| [byte & 15, byte >> 4]));
        }
        Some(CodingStyle {
            levels,
            block,
            reversible: transformation == 1,
            high_throughput: blocks & 0x40 != 0,
            precincts: sizes,
        })
    }

    /// Exponents of the precincts of resolution `r`: table A.21.
    pub(super) fn precinct(&self, r: u8) -> [u8; 2] {
        let own = self.precincts.get(usize::from(r));
        own.copied().unwrap_or([15, 15])
    }
}

/// A marker segment of a main or tile-part header.
pub(super) struct Segment<'a> {
    pub(super) marker: u16,
    pub(super) parameters: &'a [u8],
    /// Where the next marker is.
    pub(super) next: usize,
}

/// The marker segment at `at`; SOT, SOD and markers that have none come back without parameters.
pub(super) fn segment(stream: &[u8], at: usize) -> Option<Segment<'_>> {
    let (head, rest) = stream.get(at..)?.split_first_chunk::<2>()?;
    let marker = u16::from_be_bytes(*head);
    if matches!(marker, marker::SOT | marker::SOD) || marker::BARE.contains(&marker) {
        return Some(Segment {
            marker,
            parameters: &[],
            next: at + 2,
        });
    }
    if marker < 0xFF00 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
    Some(Segment {
        marker,
        parameters: rest.get(2..length)?,
        next: at + 2 + length,
    })
}

impl MainHeader {
    pub(super) fn read(stream: &[u8]) -> Result<MainHeader> {
        let broken = |at: usize, what: &'static str| {
            Err(PixelError::new(PixelErrorKind::Stored, what).at(at as u64))
        };
        let siz = segment(stream, 2).filter(|s| s.marker == marker::SIZ);
        let (Some(siz), true) = (siz, stream.starts_with(&marker::SOC.to_be_bytes())) else {
            return broken(0, "a JPEG 2000 code stream begins with SOC and SIZ");
        };
        let (axes, components) = read_siz(siz.parameters)?;
        // Rsiz: table A.10, and T.801 for its first bit.
        let extended = siz.parameters.first().is_some_and(|rsiz| rsiz & 0x80 != 0);
        let odd_style = |at: usize, what: &'static str| match extended {
            true => {
                let detail = "a coding style of JPEG 2000 Part 2 (T.801)";
                Err(PixelError::new(PixelErrorKind::Unsupported, detail).at(at as u64))
            }
            false => broken(at, what),
        };
        let wide = components.len() > 256;
        let mut cod = None;
        let (mut own_styles, mut progressions, mut superfluous) = (Vec::new(), 0, Vec::new());
        let mut at = siz.next;
        loop {
            let Some(segment) = segment(stream, at) else {
                return broken(at, "the main header of the code stream breaks off");
            };
            match segment.marker {
                marker::SOT => break,
                marker::COD => cod = read_cod(segment.parameters),
                marker::COC => match read_coc(segment.parameters, wide) {
                    Some(own) => own_styles.push(own),
                    None => {
                        return odd_style(at, "a coding style of a component (COC) makes no sense");
                    }
                },
                marker::POC => progressions += segment.parameters.len() / if wide { 9 } else { 7 },
                marker::SIZ | marker::COM => {}
                other if marker::OTHERS.contains(&other) || marker::BARE.contains(&other) => {}
                _ => superfluous.push(at),
            }
            at = segment.next;
        }
        let Some((layers, mct, style)) = cod else {
            return odd_style(
                siz.next,
                "the main header has no coding style (COD) that makes sense",
            );
        };
        Ok(MainHeader {
            axes,
            mct: mct && components.len() >= 3,
            components,
            style,
            own_styles,
            layers,
            progressions,
            superfluous,
            end: at,
        })
    }

    /// The style of component `index`.
    pub(super) fn style_of(&self, index: usize) -> &CodingStyle {
        let own = self.own_styles.iter().rev().find(|(of, _)| *of == index);
        own.map_or(&self.style, |(_, style)| style)
    }

    /// Rows and columns of the finest component, after `reduce` halvings: equations B-2, B-14.
    pub(super) fn size(&self, reduce: u8) -> (u32, u32) {
        let [columns, rows] = [0, 1].map(|axis: usize| {
            let steps = self.components.iter().filter_map(|c| c.step.get(axis));
            let step = steps.copied().min().unwrap_or(1);
            let area = self.axes.get(axis);
            let halved = |edge: u32| edge.div_ceil(step).div_ceil(1 << reduce.min(31));
            area.map_or(0, |area| halved(area.to).saturating_sub(halved(area.from)))
        });
        (rows, columns)
    }

    pub(super) fn precision(&self) -> u16 {
        let all = self.components.iter().map(|c| u16::from(c.precision));
        all.max().unwrap_or(0)
    }

    pub(super) fn is_signed(&self) -> bool {
        self.components.iter().any(|c| c.signed)
    }

    /// The component transformation makes luminance and chrominance of RGB, and is undone: T.800 Annex G.
    pub(super) fn color(&self) -> StreamColor {
        match (self.components.len(), self.mct) {
            (4, _) => StreamColor::Four,
            (_, true) => StreamColor::Rgb,
            _ => StreamColor::AsDeclared,
        }
    }

    /// HTJ2K with several quality layers: OpenJPEG refuses most as if they were broken.
    pub(super) fn is_layered_htj2k(&self) -> bool {
        self.layers > 1
            && (0..self.components.len()).any(|index| self.style_of(index).high_throughput)
    }

    pub(super) fn is_reversible(&self) -> bool {
        (0..self.components.len()).all(|index| self.style_of(index).reversible)
    }
}

/// A.5.1.
fn read_siz(parameters: &[u8]) -> Result<([Axis; 2], Vec<Component>)> {
    let error = |kind, detail: String| PixelError::new(kind, detail).at(6);
    let stored = |detail: &str| error(PixelErrorKind::Stored, detail.into());
    let Some((fixed, components)) = parameters.split_at_checked(36) else {
        return Err(stored("the size segment (SIZ) is too short"));
    };
    let word = |at: usize| {
        let bytes = fixed.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
    };
    let axes = [0, 4].map(|axis| Axis {
        to: word(2 + axis),
        from: word(10 + axis),
        tile: word(18 + axis),
        tile_from: word(26 + axis),
    });
    for axis in &axes {
        let first_tile = u64::from(axis.tile_from) + u64::from(axis.tile);
        let sound = axis.from < axis.to && axis.tile > 0 && axis.tile_from <= axis.from;
        if !sound || first_tile <= u64::from(axis.from) || axis.to > i32::MAX as u32 {
            return Err(stored("image area and tiles (SIZ) do not overlap"));
        }
    }
    let count = (word(32) & 0xFFFF) as usize;
    if !(1..=MAX_COMPONENTS).contains(&count) {
        let detail = format!("JPEG 2000 of {count} components, expected 1 to {MAX_COMPONENTS}");
        return Err(error(PixelErrorKind::Unsupported, detail));
    }
    let components: Vec<_> = components.as_chunks::<3>().0.iter().take(count).collect();
    if components.len() != count || components.iter().any(|c| c[1] == 0 || c[2] == 0) {
        return Err(stored(
            "the size segment (SIZ) has fewer components than it says",
        ));
    }
    let components = components.iter().map(|&&[bits, x, y]| Component {
        precision: (bits & 0x7F) + 1,
        signed: bits & 0x80 != 0,
        step: [u32::from(x), u32::from(y)],
    });
    let components: Vec<_> = components.collect();
    if let Some(large) = components.iter().find(|c| c.precision > MAX_PRECISION) {
        let detail = format!("JPEG 2000 of {} bits, expected at most 31", large.precision);
        return Err(error(PixelErrorKind::Unsupported, detail));
    }
    Ok((axes, components))
}

/// A.6.1: layers, whether there is a component transformation, the style.
pub(super) fn read_cod(parameters: &[u8]) -> Option<(u16, bool, CodingStyle)> {
    let &[scod, _, l0, l1, mct, ref style @ ..] = parameters else {
        return None;
    };
    let layers = u16::from_be_bytes([l0, l1]);
    Some((layers, mct == 1, CodingStyle::read(style, scod & 1 != 0)?))
}

/// A.6.2.
pub(super) fn read_coc(parameters: &[u8], wide: bool) -> Option<(usize, CodingStyle)> {
    let (index, rest) = match (parameters, wide) {
        (&[index, ref rest @ ..], false) => (usize::from(index), rest),
        (&[high, low, ref rest @ ..], true) => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return None,
    };
    let (scoc, style) = rest.split_first()?;
    Some((index, CodingStyle::read(style, scoc & 1 != 0)?))
}
