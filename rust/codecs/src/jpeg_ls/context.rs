//! What is learned from samples that were decoded: T.87 §A.6 (regular mode), §A.7.2 (run mode).

use super::parameters::Parameters;

/// A context of the regular mode, with what the next error in it is decoded with.
///
/// k and the mapping follow from A, B and N; they are worked out when those change, which is earlier than they are needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// A: the sum of the magnitudes of errors.
    a: u32,
    /// B: the bias.
    b: i32,
    /// C: what the prediction is corrected by.
    pub(super) c: i16,
    /// N: how many errors.
    n: u16,
    /// The Golomb parameter.
    pub(super) k: u8,
    /// -1 where errors are mapped the other way round (§A.5.2), else 0.
    pub(super) flip: i8,
}

impl Context {
    /// Before the first sample: §A.2.1.
    pub(super) fn new(parameters: &Parameters) -> Context {
        let a = first_a(parameters);
        Context {
            a,
            b: 0,
            c: 0,
            n: 1,
            k: golomb_parameter(a, 1),
            flip: 0,
        }
    }

    /// Takes in a quantised error: `step` is 2 · NEAR + 1.
    #[inline(always)]
    pub(super) fn learn(&mut self, error: i32, step: i32, reset: u16) {
        let mut a = self.a.wrapping_add(error.unsigned_abs());
        let mut b = self.b.wrapping_add(error.wrapping_mul(step));
        let mut n = self.n;
        if n == reset {
            a >>= 1;
            b >>= 1;
            n >>= 1;
        }
        n = n.wrapping_add(1);
        // §A.6.2 without branches, which would be guessed wrong: the bias is kept in -N < B ≤ 0.
        let count = i32::from(n);
        let up = i32::from(b > 0);
        let down = i32::from(b.wrapping_add(count) <= 0);
        let c = i32::from(self.c).wrapping_add(up).wrapping_sub(down);
        let b = b.wrapping_add(count.wrapping_mul(down.wrapping_sub(up)));
        let b = b.max(1i32.wrapping_sub(count)).min(0);
        let k = golomb_parameter(a, n);
        let flips = k == 0 && step == 1 && b.wrapping_mul(2) <= count.wrapping_neg();
        *self = Context {
            a,
            b,
            c: c.clamp(-128, 127) as i16,
            n,
            k,
            flip: -i8::from(flips),
        };
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
        self.a = self.a.wrapping_add(number.wrapping_add(1).wrapping_sub(kind) >> 1);
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
#[inline(always)]
fn golomb_parameter(a: u32, n: u16) -> u8 {
    let n = u32::from(n);
    let guess = (n | 1).leading_zeros().saturating_sub((a | 1).leading_zeros());
    // With as many bits, N may still be less.
    let short = (n << (guess & 31)) < a;
    (guess as u8).wrapping_add(u8::from(short)).min(15)
}
