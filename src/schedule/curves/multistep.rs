//! `multistep`: a staircase with named edges.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, at_least_zero,
        language::{span_fault, steps},
    },
    units::Span,
};

/// Decay at milestones. They count from the start of the phase; a milestone that is listed twice
/// counts twice.
/// Formula: `f(u) = a·gamma^#{m ≤ u}`, with m each of `at`.
/// Source: PyTorch's `MultiStepLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Multistep {
    /// The milestones: epochs, steps, evals or % of the horizon, counted from the phase's start.
    #[schemars(length(min = 1), example = ["60 epochs", "80 epochs"])]
    pub at: Vec<Span>,
    /// The factor at each milestone. At least 0. Default 0.1.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0))]
    pub gamma: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Curve for Multistep {
    fn formula(&self, frame: &Frame) -> Formula {
        let mut milestones: Vec<f64> = self.at.iter().map(|m| frame.steps(*m)).collect();
        milestones.sort_by(f64::total_cmp);
        let gamma = self.gamma;
        Formula::new(move |x| {
            let passed = milestones.partition_point(|m| *m <= x.u);
            x.from * libm::pow(gamma, passed as f64)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        let milestones = self
            .at
            .iter()
            .enumerate()
            .filter_map(|(i, milestone)| span_fault(&format!("at[{i}]"), *milestone));
        milestones
            .chain(at_least_zero("gamma", self.gamma))
            .collect()
    }

    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        let beyond = |milestone| {
            steps(milestone, &frame.clock).is_some_and(|steps| steps >= frame.steps as f64)
        };
        let late = |(i, milestone): (usize, &Span)| {
            beyond(*milestone).then(|| {
                KeyFault::warning(
                    format!("at[{i}]"),
                    format!(
                        "milestone `{milestone}` is never reached: the phase runs `{}`",
                        Span::Steps(frame.steps)
                    ),
                )
            })
        };
        self.at.iter().enumerate().filter_map(late).collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{curve_values, messages};

    #[test]
    fn each_milestone_multiplies_from_its_step_on() {
        let text = "type = \"multistep\"\nat = [\"4 steps\", \"1 step\", \"4 steps\"]\ngamma = 0.5";
        assert_eq!(curve_values(text, 5), [1.0, 0.5, 0.5, 0.5, 0.125, 0.125]);
    }

    #[test]
    fn late_milestones_are_pointed_out() {
        let text = "[[schedule]]\ntype = \"multistep\"\nat = [\"10 steps\", \"90 epochs\"]";
        assert_eq!(
            messages(text, 40),
            [
                "schedule[0] `at[1]`: milestone `90 epochs` is never reached: the phase runs `40 steps`"
            ]
        );
    }

    #[test]
    fn milestones_are_lengths_of_training() {
        let faults = Multistep {
            at: vec![Span::Steps(0), Span::Rest],
            gamma: 0.1,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            ["`at[1]`: `rest` is not a length here; hint: use epochs, steps, % or evals"]
        );
    }
}
