//! `noam`: the Transformer's warmup and decay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Conventions, Curve, Formula, Frame, above_zero, period_fault},
    units::Span,
};

/// The schedule of the Transformer: a rise, then a fall. It rises for `warmup` updates and then
/// falls by one over the square root of time. The base is usually 1 or 2.
/// Formula: `f(u) = a·dim^−½·min(v^−½, v·W^−1.5)` with `v = u + 1` and W the `warmup`.
/// Source: Vaswani et al., arXiv:1706.03762.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noam {
    /// Time that it rises: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"4000 steps")]
    pub warmup: Span,
    /// Width of the model. Above 0.
    #[schemars(extend("exclusiveMinimum" = 0.0), example = 512.0)]
    pub dim: f64,
}

impl Curve for Noam {
    fn formula(&self, frame: &Frame) -> Formula {
        let width = 1.0 / libm::sqrt(self.dim);
        let warmup = frame.steps(self.warmup);
        let rise = 1.0 / (warmup * libm::sqrt(warmup));
        Formula::new(move |x| {
            let v = x.u + 1.0;
            x.from * width * (1.0 / libm::sqrt(v)).min(v * rise)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        period_fault("warmup", self.warmup)
            .into_iter()
            .chain(above_zero("dim", self.dim))
            .collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close};

    /// The paper's own formula, `dim^−0.5 · min(step^−0.5, step · warmup^−1.5)`, steps from 1.
    #[test]
    fn is_the_papers() {
        let run = Run {
            base: 2.0,
            horizon: 200,
            ..Run::default()
        };
        let schedule = run.one("type = \"noam\"\nwarmup = \"25 steps\"\ndim = 512");
        for t in 0..200u64 {
            let step = (t + 1) as f64;
            let expected = 512f64.powf(-0.5) * step.powf(-0.5).min(step * 25f64.powf(-1.5));
            assert_close(schedule.lr(t), 2.0 * expected, 2.0, "noam");
        }
        let peak = 2.0 / (512f64 * 25.0).sqrt();
        assert_close(
            schedule.lr(24),
            peak,
            2.0,
            "the last warmup update is the peak",
        );
    }
}
