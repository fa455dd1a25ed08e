//! `cyclic`: up and down again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, at_least_zero,
        language::{names_only, whole_periods},
        period_fault,
    },
    units::Span,
};

/// Triangles between `from` and `to`. In cycle c = 1, 2, … the share s rises from 0 to 1 over `up`
/// and falls again over `down`.
/// Formula: `f(u) = a + (b − a)·s·g` with g by `mode`.
/// Source: Smith, arXiv:1506.01186; PyTorch's `CyclicLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cyclic {
    /// From `from` to `to`: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"2 epochs")]
    pub up: Span,
    /// And back again. Default: as long as `up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Span>,
    /// Change of the peaks. Default "triangular".
    #[serde(default)]
    pub mode: Mode,
    /// The factor g of one step, for "exp_range". At least 0. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    pub gamma: f64,
}

/// How the peaks of a cycle change: `triangular` (not at all, g = 1), `triangular2` (each is half as high as the one
/// before, g = 2^(1 − c)) or `exp_range` (g = gamma^u).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Mode {
    /// g = 1
    #[default]
    Triangular,
    /// g = 2^(1 − c)
    Triangular2,
    /// g = gamma^u
    ExpRange,
}

fn one() -> f64 {
    1.0
}

impl Cyclic {
    /// (up, down) in steps.
    fn lengths(&self, frame: &Frame) -> (f64, f64) {
        (
            frame.steps(self.up),
            frame.steps(self.down.unwrap_or(self.up)),
        )
    }
}

impl Curve for Cyclic {
    fn formula(&self, frame: &Frame) -> Formula {
        let (up, down) = self.lengths(frame);
        let (mode, gamma) = (self.mode, self.gamma);
        Formula::new(move |x| {
            let done = whole_periods(x.u, up + down);
            let inside = (x.u - done * (up + down)).max(0.0);
            let share = if inside <= up {
                inside / up
            } else {
                ((up + down - inside) / down).min(1.0)
            };
            let height = match mode {
                Mode::Triangular => 1.0,
                Mode::Triangular2 => libm::exp2(-done),
                Mode::ExpRange => libm::pow(gamma, x.u),
            };
            x.mix(1.0 - share * height)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        let down = self.down.and_then(|span| period_fault("down", span));
        let idle = (self.mode != Mode::ExpRange && self.gamma != 1.0).then(|| {
            KeyFault::warning("gamma", "`gamma` has no effect")
                .hint("it belongs to `mode = \"exp_range\"`")
        });
        period_fault("up", self.up)
            .into_iter()
            .chain(down)
            .chain(at_least_zero("gamma", self.gamma))
            .chain(idle)
            .collect()
    }

    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        let (up, down) = self.lengths(frame);
        let message = || format!("up and down again is `{}` steps, less than one", up + down);
        (up + down < 1.0)
            .then(|| KeyFault::error("up", message()))
            .into_iter()
            .collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions {
            include: None,
            ..Conventions::DECAY
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{assert_close, curve_values, messages};

    fn values(keys: &str, horizon: u64) -> Vec<f64> {
        let text = format!("type = \"cyclic\"\nfrom = 0.25\nto = 1.25\n{keys}");
        curve_values(&text, horizon)
    }

    #[test]
    fn rises_and_falls() {
        assert_eq!(
            values("up = \"2 steps\"", 6),
            [0.25, 0.75, 1.25, 0.75, 0.25, 0.75, 1.25]
        );
        assert_eq!(
            values("up = \"1 step\"\ndown = \"4 steps\"", 6),
            [0.25, 1.25, 1.0, 0.75, 0.5, 0.25, 1.25]
        );
        assert_eq!(
            values("up = \"2 steps\"\nmode = \"triangular2\"", 10),
            [
                0.25, 0.75, 1.25, 0.75, 0.25, 0.5, 0.75, 0.5, 0.25, 0.375, 0.5
            ]
        );
    }

    #[test]
    fn peaks_fade_by_gamma() {
        let faded = values("up = \"2 steps\"\nmode = \"exp_range\"\ngamma = 0.9", 10);
        for (u, value) in faded.iter().enumerate() {
            let triangle = [0.0, 0.5, 1.0, 0.5][u % 4];
            let expected = 0.25 + triangle * 0.9f64.powi(u as i32);
            assert_close(*value, expected, 1.0, "exp_range");
        }
    }

    /// 0.7 epochs of 10 steps, many times over: the valleys stay at their steps.
    #[test]
    fn long_runs_keep_their_valleys() {
        let long = values("up = \"35 steps\"\ndown = \"0.2%\"", 100_000);
        for cycle in 0..100_000 / 235 {
            assert_eq!(long[235 * cycle], 0.25, "cycle {cycle}");
            assert_eq!(long[235 * cycle + 35], 1.25, "cycle {cycle}");
        }
    }

    #[test]
    fn impossible_cycles_are_refused() {
        let text = |keys: &str| format!("[[schedule]]\ntype = \"cyclic\"\n{keys}");
        assert_eq!(
            messages(&text("up = \"0%\"\ndown = \"rest\"\ngamma = -1"), 40),
            [
                "schedule[0] `up`: `0%` is a period of zero steps; hint: at least \"1 step\"",
                "schedule[0] `down`: `rest` is not a length here; hint: use epochs, steps, % or evals",
                "schedule[0] `gamma`: `-1` is not a finite number of at least 0",
                "schedule[0] `gamma`: `gamma` has no effect; hint: it belongs to `mode = \"exp_range\"`",
            ]
        );
        assert_eq!(
            messages(&text("up = \"1%\""), 40),
            ["schedule[0] `up`: up and down again is `0.8` steps, less than one"]
        );
    }
}
