//! The lines of a scan: T.87 Annex A (one component at a time), Annex B (several).

use super::bits::{Source, Window};
use super::context::{Contexts, RunContext};
use super::golomb::Limit;
use super::gradient::Quantizer;
use super::parameters::Parameters;
use std::array::from_fn;

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
    contexts: Box<Contexts>,
    runs: Runs,
    source: Source<'a>,
    window: Window<'a>,
}

/// The run mode.
#[derive(Debug)]
struct Runs {
    parameters: Parameters,
    contexts: [RunContext; 2],
}

impl<'a> Scan<'a> {
    /// Before the first sample of a scan whose entropy-coded data begin at `at`.
    pub(super) fn new(parameters: Parameters, bytes: &'a [u8], at: usize) -> Scan<'a> {
        let (source, window) = Source::new(bytes, at);
        Scan {
            quantizer: Quantizer::new(&parameters),
            source,
            window,
            contexts: Box::new(Contexts::new(&parameters)),
            runs: Runs {
                contexts: [RunContext::new(&parameters); 2],
                parameters,
            },
            parameters,
        }
    }

    /// Begins anew at `at`, behind a restart marker.
    pub(super) fn restart(&mut self, bytes: &'a [u8], at: usize) {
        (self.source, self.window) = Source::new(bytes, at);
        *self.contexts = Contexts::new(&self.parameters);
        self.runs.contexts = [RunContext::new(&self.parameters); 2];
    }

    /// Where the marker stands that ends the entropy-coded data, or where the bytes end.
    pub(super) fn end(&self) -> usize {
        self.source.end(self.window)
    }

    /// About where the next bit is.
    pub(super) fn position(&self) -> usize {
        self.source.position(self.window)
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
        match done {
            Some(()) if !self.source.overrun(self.window) => Ok(()),
            _ => Err(Broken),
        }
    }

    /// The samples between the two edges. `PLAIN`: see [`Parameters::plain`].
    ///
    /// What was tried here and gained nothing: a branch instead of clamping the prediction; filling the window before every code and
    /// not when it is short (0 to 8 % slower).
    #[inline(never)]
    fn samples<const N: usize, const PLAIN: bool>(
        &mut self,
        run_index: &mut u8,
        above: &[[u16; N]],
        line: &mut [[u16; N]],
    ) -> Option<()> {
        let (parameters, mut window) = (self.parameters, self.window);
        let (quantizer, contexts) = (&self.quantizer, &mut *self.contexts);
        let (runs, source) = (&mut self.runs, &mut self.source);
        let columns = line.len().checked_sub(2)?;
        let above = above.get(..line.len())?;
        // The names are those of figure A.1; the gradient d - b of one pixel is b - c of the next.
        let mut at = 1;
        let wide = |samples: &[u16; N]| samples.map(i32::from);
        let (mut a, mut c) = (wide(line.first()?), wide(above.first()?));
        let mut b = wide(above.get(1)?);
        let mut q2 = quantizer.all(b, c);
        while at <= columns {
            let d = wide(above.get(at + 1)?);
            let q1 = quantizer.all(d, b);
            let q3 = quantizer.all(c, a);
            let context: [i32; N] = from_fn(|i| (q1[i] * 9 + q2[i]) * 9 + q3[i]);
            if context == [0; N] {
                (at, window) = runs.run(window, source, run_index, at, above, line)?;
                let before = at.checked_sub(1)?;
                (a, c) = (wide(line.get(before)?), wide(above.get(before)?));
                b = wide(above.get(at)?);
                q2 = quantizer.all(b, c);
                continue;
            }
            // In the regular mode: §A.4 to §A.6. (A loop over the components was not unrolled: 10 % slower for three of them.)
            macro_rules! component {
                ($($i:literal)+) => {$(
                    if $i < N {
                        let sign = context[$i] >> 31;
                        let number = context[$i].unsigned_abs() as usize;
                        let context = contexts.get(number)?;
                        let correction = (i32::from(context.c) ^ sign).wrapping_sub(sign);
                        let predicted = median(a[$i], b[$i], c[$i]).wrapping_add(correction);
                        let predicted = predicted.max(0).min(parameters.maxval);
                        let codes = parameters.codes;
                        let error = codes.error(&mut window, source, context.row, context.k)?;
                        let signed = (error ^ sign).wrapping_sub(sign);
                        a[$i] = if PLAIN {
                            predicted.wrapping_add(signed) & parameters.maxval
                        } else {
                            parameters.reconstruct(predicted, signed)
                        };
                        let step = if PLAIN { 1 } else { 2 * parameters.near + 1 };
                        contexts.learn(number, error, step, parameters.reset)?;
                    }
                )+};
            }
            component!(0 1 2 3);
            *line.get_mut(at)? = a.map(|sample| sample as u16);
            (c, b, q2) = (b, d, q1);
            at += 1;
        }
        self.window = window;
        Some(())
    }
}

impl Runs {
    /// A run of samples like the one before `at`, from `at` on, and the sample that interrupts it: §A.7. Gives the place after both.
    #[inline(never)]
    fn run<'a, const N: usize>(
        &mut self,
        mut window: Window<'a>,
        source: &mut Source<'a>,
        run_index: &mut u8,
        at: usize,
        above: &[[u16; N]],
        line: &mut [[u16; N]],
    ) -> Option<(usize, Window<'a>)> {
        let end = line.len().checked_sub(1)?;
        let a = *line.get(at.checked_sub(1)?)?;
        let room = line.get_mut(at..end)?;
        let length = run_length(&mut window, source, run_index, room.len())?;
        room.get_mut(..length)?.fill(a);
        if length == room.len() {
            return Some((end, window));
        }
        let at = at + length;
        let b = *above.get(at)?;
        let mut sample = [0; N];
        for i in 0..N {
            sample[i] = self.interruption::<N>(&mut window, source, *run_index, a[i], b[i])?;
        }
        *line.get_mut(at)? = sample;
        *run_index = run_index.saturating_sub(1);
        Some((at + 1, window))
    }

    /// The sample after a run: §A.7.2. Where components are interleaved by sample, RItype is 0 for all of them (annex B).
    #[inline(always)]
    fn interruption<'a, const N: usize>(
        &mut self,
        window: &mut Window<'a>,
        source: &mut Source<'a>,
        run_index: u8,
        a: u16,
        b: u16,
    ) -> Option<u16> {
        let (a, b) = (i32::from(a), i32::from(b));
        let kind = u32::from(N == 1 && (a - b).abs() <= self.parameters.near);
        let context = &mut self.contexts[kind as usize & 1];
        let codes = self.parameters.codes;
        let codes = Limit {
            zeros: codes.zeros.saturating_sub(block_bits(run_index) + 1),
            ..codes
        };
        let number = codes.number(window, source, context.k(kind))?;
        let error = context.learn(number, kind, self.parameters.reset);
        let (predicted, error) = match (kind, a > b) {
            (1, _) => (a, error),
            (_, true) => (b, error.wrapping_neg()),
            (_, false) => (b, error),
        };
        Some(self.parameters.reconstruct(predicted, error) as u16)
    }
}

/// How many samples a run has that has room for so many: §A.7.1.2.
#[inline(always)]
fn run_length<'a>(
    window: &mut Window<'a>,
    source: &mut Source<'a>,
    run_index: &mut u8,
    room: usize,
) -> Option<usize> {
    let mut length = 0;
    while length < room {
        window.refill(source);
        let bits = block_bits(*run_index);
        if window.take(1) == 0 {
            // What is left of a run that is not the whole line.
            length += window.take(bits) as usize;
            return (length < room).then_some(length);
        }
        if 1 << bits <= room - length {
            *run_index = run_index.saturating_add(1).min(31);
        }
        length = room.min(length + (1 << bits));
    }
    Some(length)
}

fn block_bits(run_index: u8) -> u32 {
    u32::from(J[usize::from(run_index & 31)])
}

/// The prediction from three neighbours: §A.4.1.
#[inline(always)]
fn median(a: i32, b: i32, c: i32) -> i32 {
    (a.wrapping_add(b).wrapping_sub(c))
        .max(a.min(b))
        .min(a.max(b))
}
