//! What decoding may cost.
//!
//! The image's size was compared with the data set's before. What is left to a code stream is how finely it divides the image: tiles,
//! precincts, layers and code-blocks cost memory and time each, and hardly a byte of the stream. A whole code stream has a byte at
//! least for every packet (T.800 B.10), which is what bounds them here, with an allowance for streams that break off.

use super::header::{Axis, CodingStyle, Component, MainHeader};
use super::tile_parts::TileParts;
use crate::error::{PixelError, PixelErrorKind, Result};

/// Packets that cost nothing to speak of.
const FREE_PACKETS: u64 = 1 << 16;

/// Visits to code-blocks, and steps over positions of precincts, that take some 100 ms.
const FREE_STEPS: u64 = 1 << 24;

/// Refuses what would cost more than its samples do.
pub(super) fn check(header: &MainHeader, parts: &TileParts, length: usize) -> Result<()> {
    let orders = 1 + header.progressions.saturating_add(parts.progressions) as u64;
    let main = Cost::of(header, header.layers, |index| header.style_of(index));
    main.check(header, orders, length)?;
    // The style of a tile is weighed as if all tiles had it: mostly they do.
    for (layers, style) in &parts.own_styles {
        let own = Cost::of(header, (*layers).max(header.layers), |_| style);
        own.check(header, orders, length)?;
    }
    Ok(())
}

#[derive(Default)]
struct Cost {
    packets: u64,
    block_visits: u64,
    /// Resolutions of all components.
    resolutions: u64,
    /// The finest step from precinct to precinct on the reference grid.
    step: Option<[u64; 2]>,
}

impl Cost {
    fn of<'a>(header: &MainHeader, layers: u16, style: impl Fn(usize) -> &'a CodingStyle) -> Cost {
        let mut cost = Cost::default();
        for (index, component) in header.components.iter().enumerate() {
            cost.add(header, component, style(index), layers);
        }
        cost
    }

    fn check(&self, header: &MainHeader, orders: u64, length: usize) -> Result<()> {
        let (rows, columns) = header.size(0);
        let samples = u64::from(rows) * u64::from(columns) * header.components.len() as u64;
        let packets = FREE_PACKETS.max(length as u64);
        let steps = FREE_STEPS.saturating_add(samples.saturating_mul(4));
        let positions = self.positions(header).saturating_mul(orders);
        for (found, what, most) in [
            (self.packets, "packets", packets),
            (self.block_visits, "code-blocks in all layers", steps),
            (positions, "positions of precincts", steps),
        ] {
            if found > most {
                let detail =
                    format!("the code stream promises {found} {what}, expected at most {most}");
                return Err(PixelError::new(PixelErrorKind::Implausible, detail));
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        header: &MainHeader,
        component: &Component,
        style: &CodingStyle,
        layers: u16,
    ) {
        for r in 0..=style.levels {
            let level = style.levels - r;
            let precinct = style.precinct(r);
            let [(px, bx, sx), (py, by, sy)] = [0, 1].map(|axis: usize| {
                let of = |pair: &[u8; 2]| pair.get(axis).copied().unwrap_or(0);
                let area = header.axes.get(axis);
                let sampling = component.step.get(axis).copied().unwrap_or(1).max(1);
                let (precincts, blocks) = area.map_or((0, 0), |area| {
                    divisions(
                        area,
                        sampling,
                        level,
                        of(&precinct),
                        of(&style.block),
                        r > 0,
                    )
                });
                let exponent = u32::from(of(&precinct)) + u32::from(level);
                (precincts, blocks, u64::from(sampling) << exponent.min(40))
            });
            let bands = if r == 0 { 1 } else { 3 };
            let layers = u64::from(layers).max(1);
            let all = |a: u64, b: u64| a.saturating_mul(b).saturating_mul(layers);
            self.packets = self.packets.saturating_add(all(px, py));
            self.block_visits = self
                .block_visits
                .saturating_add(all(bx, by).saturating_mul(bands));
            self.resolutions += 1;
            let [x, y] = self.step.unwrap_or([sx, sy]);
            self.step = Some([x.min(sx), y.min(sy)]);
        }
    }

    /// What a progression by position walks over: B.12.1.3 to B.12.1.5.
    fn positions(&self, header: &MainHeader) -> u64 {
        let [x, y] = self.step.unwrap_or([1, 1]);
        let [across, down] = header
            .axes
            .map(|area| (u64::from(area.to - area.from), area.tiles()));
        let along = |(size, tiles): (u64, u32), step: u64| size / step.max(1) + u64::from(tiles);
        let all = along(across, x).saturating_mul(along(down, y));
        all.saturating_mul(self.resolutions)
    }
}

/// Along one axis, over all tiles: precincts, and code-blocks of one subband.
fn divisions(
    area: &Axis,
    sampling: u32,
    level: u8,
    precinct: u8,
    block: u8,
    halved: bool,
) -> (u64, u64) {
    // B.5, B.6, B.7: a subband's precinct has half the size, and bounds the code-block.
    let of_band = precinct.saturating_sub(u8::from(halved));
    let block = block.min(of_band);
    let scale = 1u64 << level.min(40);
    let (mut precincts, mut blocks) = (0u64, 0u64);
    let counts = |size: (u64, u64), exponent: u8| {
        (size.1.div_ceil(1 << exponent)).saturating_sub(size.0 >> exponent)
    };
    for tile in 0..area.tiles() {
        let (from, to) = area.tile_range(tile);
        let [from, to] = [from, to].map(|edge| u64::from(edge.div_ceil(sampling)).div_ceil(scale));
        if from >= to {
            continue;
        }
        precincts += counts((from, to), precinct);
        let half = u64::from(halved);
        blocks += counts((from >> half, (to + half) >> half), block);
    }
    (precincts, blocks)
}
