//! The lines of a scan: T.87 Annex A (one component at a time), Annex B (several).

use super::bits::Bits;
use super::context::{Context, RunContext};
use super::golomb::{self, Limit};
use super::gradient::Quantizer;
use super::parameters::Parameters;

/// The data can't be: a code that none begins like, a run that is longer than the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

/// J: run lengths are coded in blocks of 2^J samples (§A.2.1).
const J: [u8; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];

/// A line with one sample before the first and one after the last, of `N` components that are interleaved by sample.
pub(super) type Line<const N: usize> = Vec<[u16; N]>;

/// The contexts, which all components of a scan share, and the place in its data.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    parameters: Parameters,
    quantizer: Quantizer,
    limit: Limit,
    pub(super) bits: Bits<'a>,
    contexts: Box<[Context; 512]>,
    run_contexts: [RunContext; 2],
}

impl<'a> Scan<'a> {
    /// Before the first sample of a scan whose entropy-coded data begin at `bits`.
    pub(super) fn new(parameters: Parameters, bits: Bits<'a>) -> Scan<'a> {
        Scan {
            quantizer: Quantizer::new(&parameters),
            limit: Limit {
                zeros: parameters.limit.saturating_sub(parameters.qbpp + 1),
                bits: parameters.qbpp,
            },
            bits,
            contexts: Box::new([Context::new(&parameters); 512]),
            run_contexts: [RunContext::new(&parameters); 2],
            parameters,
        }
    }

    /// Begins anew behind a restart marker.
    pub(super) fn restart(&mut self, bits: Bits<'a>) {
        self.bits = bits;
        self.contexts.fill(Context::new(&self.parameters));
        self.run_contexts = [RunContext::new(&self.parameters); 2];
    }

    /// Decodes the line below `above`; `run_index` is that of the component, or of all if they are interleaved by sample.
    pub(super) fn line<const N: usize>(
        &mut self,
        run_index: &mut u8,
        above: &mut [[u16; N]],
        line: &mut [[u16; N]],
    ) -> Result<(), Broken> {
        // §A.2.1: what lies beyond the edges.
        let columns = above.len().saturating_sub(2);
        if let (Some(&first), Some(left)) = (above.get(1), line.first_mut()) {
            *left = first;
        }
        if let (Some(last), Some(right)) = (above.get(columns).copied(), above.last_mut()) {
            *right = last;
        }
        let done = if self.parameters.plain() {
            self.samples::<N, true>(run_index, above, line)
        } else {
            self.samples::<N, false>(run_index, above, line)
        };
        self.bits = done.ok_or(Broken)?;
        if self.bits.overrun() { Err(Broken) } else { Ok(()) }
    }

    /// The samples between the two edges. `PLAIN`: see [`Parameters::plain`].
    fn samples<const N: usize, const PLAIN: bool>(
        &mut self,
        run_index: &mut u8,
        above: &[[u16; N]],
        line: &mut [[u16; N]],
    ) -> Option<Bits<'a>> {
        // The names are those of figure A.1; the gradient d - b of one pixel is b - c of the next.
        let mut bits = self.bits;
        let columns = line.len().checked_sub(2)?;
        let mut at = 1;
        let (mut a, mut c, mut b) = (*line.first()?, *above.first()?, *above.get(1)?);
        let mut q2 = self.quantizer.all(b, c);
        while at <= columns {
            let d = *above.get(at + 1)?;
            let q1 = self.quantizer.all(d, b);
            let q3 = self.quantizer.all(c, a);
            let mut context = [0; N];
            for i in 0..N {
                context[i] = (q1[i] * 9 + q2[i]) * 9 + q3[i];
            }
            if context == [0; N] {
                (at, bits) = self.run(bits, run_index, a, at, above, line)?;
                let Some(&next) = above.get(at) else { break };
                (a, c, b) = (*line.get(at - 1)?, *above.get(at - 1)?, next);
                q2 = self.quantizer.all(b, c);
                continue;
            }
            for i in 0..N {
                (a[i], bits) = self.regular::<PLAIN>(bits, context[i], a[i], b[i], c[i])?;
            }
            *line.get_mut(at)? = a;
            (c, b, q2) = (b, d, q1);
            at += 1;
        }
        Some(bits)
    }

    /// One sample in the regular mode: §A.4 to §A.6.
    #[inline(always)]
    fn regular<const PLAIN: bool>(
        &mut self,
        bits: Bits<'a>,
        context: i32,
        a: u16,
        b: u16,
        c: u16,
    ) -> Option<(u16, Bits<'a>)> {
        let sign = context >> 31;
        let context = &mut self.contexts[((context ^ sign) - sign) as usize & 511];
        let (error, bits) = golomb::error(bits, context.k, self.limit)?;
        let error = error ^ i32::from(context.flip);
        let maxval = self.parameters.maxval;
        let predicted = median(a, b, c) + ((i32::from(context.c) ^ sign) - sign);
        let predicted = predicted.max(0).min(maxval);
        let signed = (error ^ sign).wrapping_sub(sign);
        let value = if PLAIN {
            context.learn(error, 1, self.parameters.reset);
            (predicted + signed) & maxval
        } else {
            let step = 2 * self.parameters.near + 1;
            context.learn(error, step, self.parameters.reset);
            self.parameters.reconstruct(predicted, signed)
        };
        Some((value as u16, bits))
    }

    /// A run of samples like `a` from `at` on, and the sample that interrupts it: §A.7. Gives the place after both.
    #[inline(never)]
    fn run<const N: usize>(
        &mut self,
        mut bits: Bits<'a>,
        run_index: &mut u8,
        a: [u16; N],
        at: usize,
        above: &[[u16; N]],
        line: &mut [[u16; N]],
    ) -> Option<(usize, Bits<'a>)> {
        let end = line.len().checked_sub(1)?;
        let room = line.get_mut(at..end)?;
        let length;
        (length, bits) = run_length(bits, run_index, room.len())?;
        room.get_mut(..length)?.fill(a);
        if length == room.len() {
            return Some((end, bits));
        }
        let at = at + length;
        let b = *above.get(at)?;
        let mut sample = [0; N];
        for i in 0..N {
            (sample[i], bits) = self.interruption::<N>(bits, *run_index, a[i], b[i])?;
        }
        *line.get_mut(at)? = sample;
        *run_index = run_index.saturating_sub(1);
        Some((at + 1, bits))
    }

    /// The sample after a run: §A.7.2. Where components are interleaved by sample, RItype is 0 for all of them (annex B).
    fn interruption<const N: usize>(
        &mut self,
        bits: Bits<'a>,
        run_index: u8,
        a: u16,
        b: u16,
    ) -> Option<(u16, Bits<'a>)> {
        let (a, b) = (i32::from(a), i32::from(b));
        let kind = u32::from(N == 1 && (a - b).abs() <= self.parameters.near);
        let context = &mut self.run_contexts[kind as usize & 1];
        let limit = Limit {
            zeros: self.limit.zeros.saturating_sub(block_bits(run_index) + 1),
            bits: self.limit.bits,
        };
        let (number, bits) = golomb::number(bits, context.k(kind), limit)?;
        let error = context.learn(number, kind, self.parameters.reset);
        let (predicted, error) = match (kind, a > b) {
            (1, _) => (a, error),
            (_, true) => (b, error.wrapping_neg()),
            (_, false) => (b, error),
        };
        Some((self.parameters.reconstruct(predicted, error) as u16, bits))
    }
}

/// How many samples a run has that has room for so many: §A.7.1.2.
fn run_length<'a>(
    mut bits: Bits<'a>,
    run_index: &mut u8,
    room: usize,
) -> Option<(usize, Bits<'a>)> {
    let mut length = 0;
    while length < room {
        bits = bits.refill();
        let (one, rest) = bits.take(1);
        let (low, after) = rest.take(block_bits(*run_index));
        if one == 0 {
            // What is left of a run that is not the whole line.
            length += low as usize;
            return (length < room).then_some((length, after));
        }
        bits = rest;
        let block = 1 << block_bits(*run_index);
        if block <= room - length {
            *run_index = run_index.saturating_add(1).min(31);
        }
        length = room.min(length + block);
    }
    Some((length, bits))
}

fn block_bits(run_index: u8) -> u32 {
    u32::from(J[usize::from(run_index & 31)])
}

/// The prediction from three neighbours: §A.4.1.
#[inline(always)]
fn median(a: u16, b: u16, c: u16) -> i32 {
    let (a, b, c) = (i32::from(a), i32::from(b), i32::from(c));
    (a + b - c).max(a.min(b)).min(a.max(b))
}
