//! Value Multiplicity: PS3.5 §6.4.

use std::fmt;

/// How many values an element may have: `1`, `1-3`, `1-n`, `2-2n`. PS3.6 §5
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Vm {
    /// The fewest.
    pub min: u16,
    /// The most; `None` is `n`.
    pub max: Option<u16>,
    /// What the number is a multiple of where `n` has a factor (`2-2n`), else 1.
    pub step: u16,
}

impl Vm {
    /// From `min` to `max` in steps.
    pub const fn new(min: u16, max: Option<u16>, step: u16) -> Vm {
        Vm { min, max, step }
    }

    /// True where there is never more than one value.
    #[inline]
    pub const fn is_one(self) -> bool {
        matches!(
            self,
            Vm {
                min: 1,
                max: Some(1),
                ..
            }
        )
    }
}

impl fmt::Display for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.max, self.step) {
            (Some(max), _) if max == self.min => write!(f, "{max}"),
            (Some(max), _) => write!(f, "{}-{max}", self.min),
            (None, 1) => write!(f, "{}-n", self.min),
            (None, step) => write!(f, "{}-{step}n", self.min),
        }
    }
}
