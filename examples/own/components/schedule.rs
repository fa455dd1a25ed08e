//! A schedule: a pure function of the place in its phase.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::prelude::*;

/// Stairs: falls from a to b in steps of equal height.
/// Formula: `f(u) = b + (a − b)·(1 − floor(steps·p)/steps)`.
/// Source: our own.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stairs {
    /// Number of steps. Default 4.
    #[serde(default = "four")]
    #[schemars(range(min = 1))]
    steps: u32,
}

fn four() -> u32 {
    4
}

impl Curve for Stairs {
    fn formula(&self, _: &Frame) -> Formula {
        let steps = f64::from(self.steps);
        // `p` goes from 0 to 1 over the phase; 1 is the start's weight in the mix, 0 that of the end.
        Formula::new(move |x| x.mix(1.0 - (steps * x.p).floor() / steps))
    }
}
