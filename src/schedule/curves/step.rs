//! `step`: a staircase of equal steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, at_least_zero, language::whole_periods, period_fault,
    },
    units::Span,
};

/// Step decay: a staircase of equal steps.
/// Formula: `f(u) = a·gamma^⌊u/size⌋`.
/// Source: PyTorch's `StepLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Length of one tread: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"30 epochs")]
    pub size: Span,
    /// The factor at each edge. At least 0. Default 0.1.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0))]
    pub gamma: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Curve for Step {
    fn formula(&self, frame: &Frame) -> Formula {
        let (size, gamma) = (frame.steps(self.size), self.gamma);
        Formula::new(move |x| x.from * libm::pow(gamma, whole_periods(x.u, size)))
    }

    fn check(&self) -> Vec<KeyFault> {
        period_fault("size", self.size)
            .into_iter()
            .chain(at_least_zero("gamma", self.gamma))
            .collect()
    }

    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        if frame.steps(self.size) < frame.steps as f64 {
            return Vec::new();
        }
        vec![KeyFault::warning(
            "size",
            format!(
                "the first edge, after `{}`, is never reached: the phase runs `{}`",
                self.size,
                Span::Steps(frame.steps)
            ),
        )]
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{Run, curve_values, messages};

    #[test]
    fn edges_are_at_multiples_of_the_size() {
        let text = "type = \"step\"\nsize = \"2 steps\"\ngamma = 0.5";
        assert_eq!(
            curve_values(text, 6),
            [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]
        );
    }

    /// 13 updates make 0.1 epochs 1.3 of them; `13 / 1.3` must count ten treads, not nine.
    #[test]
    fn fractional_sizes_meet_their_boundaries() {
        let run = Run {
            horizon: 130,
            steps_per_epoch: 13,
            ..Run::default()
        };
        let schedule = run.one("type = \"step\"\nsize = \"0.1 epochs\"\ngamma = 0.5");
        for k in 0..10 {
            assert_eq!(schedule.lr(13 * k), 0.5f64.powi(10 * k as i32));
        }
    }

    #[test]
    fn a_tread_longer_than_the_phase_is_pointed_out() {
        assert_eq!(
            messages("[[schedule]]\ntype = \"step\"\nsize = \"40 steps\"", 40),
            [
                "schedule[0] `size`: the first edge, after `40 steps`, is never reached: the phase runs `40 steps`"
            ]
        );
    }

    #[test]
    fn a_size_of_zero_is_refused() {
        let faults = Step {
            size: Span::Percent(0.0),
            gamma: -1.0,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`size`: `0%` is a period of zero steps; hint: at least \"1 step\"",
                "`gamma`: `-1` is not a finite number of at least 0"
            ]
        );
    }
}
