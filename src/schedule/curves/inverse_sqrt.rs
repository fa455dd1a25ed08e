//! `inverse_sqrt`: one over the square root of time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Conventions, Curve, Formula, Frame, period_fault},
    units::Span,
};

/// Decay by one over the square root of time. After a warmup as long as `scale` it continues where
/// the warmup ends.
/// Formula: `f(u) = a·√(s/(u + s))` with s the `scale`.
/// Source: fairseq's and transformers' `inverse_sqrt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InverseSqrt {
    /// The time s after which the value is down to 1/√2: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"1000 steps")]
    pub scale: Span,
}

impl Curve for InverseSqrt {
    fn formula(&self, frame: &Frame) -> Formula {
        let s = frame.steps(self.scale);
        Formula::new(move |x| x.from * libm::sqrt(s / (x.u + s)))
    }

    fn check(&self) -> Vec<KeyFault> {
        period_fault("scale", self.scale).into_iter().collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close, curve_values, messages};

    #[test]
    fn falls_by_the_root_of_the_time() {
        let values = curve_values("type = \"inverse_sqrt\"\nscale = \"1 step\"", 8);
        assert_eq!([values[0], values[3]], [1.0, 0.5]);
        assert_close(values[8], 1.0 / 3.0, 1.0, "inverse_sqrt");
    }

    /// fairseq: the rate rises to the base over W updates, then is `base·√W/√t`.
    #[test]
    fn follows_a_warmup_as_in_fairseq() {
        let (base, warmup) = (5e-4, 16u64);
        let text = format!(
            "[[schedule]]\ntype = \"linear\"\nfrom = 0\nto = 1\nfor = \"{warmup} steps\"\n[[schedule]]\ntype = \"inverse_sqrt\"\nscale = \"{warmup} steps\""
        );
        let run = Run {
            base,
            horizon: 100,
            ..Run::default()
        };
        let schedule = run.many(&text);
        for t in 0..100u64 {
            let done = t as f64;
            let expected = if t < warmup {
                base * done / warmup as f64
            } else {
                base * (warmup as f64).sqrt() / done.sqrt()
            };
            assert_close(schedule.lr(t), expected, base, "fairseq");
        }
    }

    #[test]
    fn a_scale_of_zero_is_refused() {
        let text = "[[schedule]]\ntype = \"inverse_sqrt\"\nscale = \"0 steps\"";
        assert_eq!(
            messages(text, 8),
            ["schedule[0] `scale`: `0 steps` is a period of zero steps; hint: at least \"1 step\""]
        );
    }
}
