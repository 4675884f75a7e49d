//! What is learned from samples that were decoded: T.87 §A.6 (regular mode), §A.7.2 (run mode).

use super::golomb::row;
use super::parameters::Parameters;

/// The contexts of the regular mode: what a sample waits for is apart from what is only needed to learn from it, as the addresses of
/// things of eight bytes are the sooner known (six or sixteen bytes took 8 % longer).
#[derive(Debug)]
pub(super) struct Contexts {
    first: [Context; 365],
    then: [Sums; 365],
}

/// What the next sample in a context is decoded with.
///
/// k and the mapping follow from A, B and N; they are worked out when those change, which is earlier than they are needed.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub(super) struct Context {
    /// Where the codes of k and the mapping begin.
    pub(super) row: u16,
    /// C: what the prediction is corrected by.
    pub(super) c: i8,
    /// N: how many errors.
    n: u16,
    /// The Golomb parameter.
    pub(super) k: u8,
}

/// A: the sum of the magnitudes of errors; B: the bias.
#[derive(Clone, Copy, Debug)]
struct Sums {
    a: u32,
    b: i32,
}

impl Contexts {
    /// Before the first sample: §A.2.1.
    pub(super) fn new(parameters: &Parameters) -> Contexts {
        let a = first_a(parameters);
        let k = golomb_parameter(a, 1);
        let first = Context {
            row: row(k, false),
            c: 0,
            n: 1,
            k,
        };
        Contexts {
            first: [first; 365],
            then: [Sums { a, b: 0 }; 365],
        }
    }

    /// The context of this number, which is less than 365. (No copy: eight bytes that were just written by twos are read slowly.)
    #[inline(always)]
    pub(super) fn get(&self, number: usize) -> Option<&Context> {
        self.first.get(number)
    }

    /// Takes in a quantised error: `step` is 2 · NEAR + 1.
    #[inline(always)]
    pub(super) fn learn(&mut self, number: usize, error: i32, step: i32, reset: u16) -> Option<()> {
        let (context, sums) = (self.first.get_mut(number)?, self.then.get_mut(number)?);
        let mut a = sums.a.wrapping_add(error.unsigned_abs());
        let mut b = sums.b.wrapping_add(error.wrapping_mul(step));
        let mut n = context.n;
        if n == reset {
            seldom();
            a >>= 1;
            b >>= 1;
            n >>= 1;
        }
        n = n.wrapping_add(1);
        // §A.6.2: the bias is kept in -N < B ≤ 0. (Without branches this was 12 % slower on noise of 8 bits, and no faster elsewhere.)
        let count = i32::from(n);
        if b.wrapping_add(count) <= 0 {
            b = b.wrapping_add(count).max(1i32.wrapping_sub(count));
            context.c = context.c.saturating_sub(1);
        } else if b > 0 {
            b = b.wrapping_sub(count).min(0);
            context.c = context.c.saturating_add(1);
        }
        context.n = n;
        // k seldom changes: two comparisons, where counting zeros takes long on machines without an instruction for it.
        let enough = u32::from(n) << (context.k & 15);
        let stays = a <= enough && (a > enough >> 1 || context.k == 0);
        if !stays {
            seldom();
            context.k = golomb_parameter(a, n);
            context.row = row(context.k, false);
        }
        if context.k == 0 {
            context.row = row(0, step == 1 && b.wrapping_mul(2) <= count.wrapping_neg());
        }
        *sums = Sums { a, b };
        Some(())
    }
}

/// A context of run interruption.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunContext {
    a: u32,
    n: u16,
    /// Nn: how many errors were negative.
    negative: u16,
}

impl RunContext {
    /// Before the first sample.
    pub(super) fn new(parameters: &Parameters) -> RunContext {
        RunContext {
            a: first_a(parameters),
            n: 1,
            negative: 0,
        }
    }

    /// The Golomb parameter: `kind` is RItype.
    pub(super) fn k(&self, kind: u32) -> u8 {
        golomb_parameter(self.a.wrapping_add(kind * u32::from(self.n >> 1)), self.n)
    }

    /// The error that this number stands for; takes it in.
    pub(super) fn learn(&mut self, number: u32, kind: u32, reset: u16) -> i32 {
        let k = self.k(kind);
        let mapped = number.wrapping_add(kind);
        let magnitude = (mapped.wrapping_add(1) >> 1) as i32;
        let usual = k != 0 || u32::from(self.negative) * 2 >= u32::from(self.n);
        let error = if usual == (mapped & 1 == 1) {
            -magnitude
        } else {
            magnitude
        };
        self.negative = self.negative.wrapping_add(u16::from(error < 0));
        self.a = self
            .a
            .wrapping_add(number.wrapping_add(1).wrapping_sub(kind) >> 1);
        if self.n == reset {
            self.a >>= 1;
            self.n >>= 1;
            self.negative >>= 1;
        }
        self.n = self.n.wrapping_add(1);
        error
    }
}

fn first_a(parameters: &Parameters) -> u32 {
    (((parameters.range + 32) >> 6).max(2)) as u32
}

/// The least k with N · 2^k ≥ A; at most 15, which no valid stream passes.
fn golomb_parameter(a: u32, n: u16) -> u8 {
    let enough = (0..15u8).find(|&k| u32::from(n) << k >= a);
    enough.unwrap_or(15)
}

/// Says that this place is seldom reached.
#[cold]
fn seldom() {}
