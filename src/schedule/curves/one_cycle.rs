//! `one_cycle`: one rise and one long fall.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, Point, above_zero, at_least_zero, language::names_only,
    },
};

/// The 1cycle policy: up, then down to far below the start. With `rest_value` and `peak_value` it
/// moves between these instead, as PyTorch does with the momentum.
/// Formula: knots `a/div` at step 0, `a` at step `warmup·D − 1`, `a/(div·final_div)` at step D − 1, the last one, with
/// `shape` between them. A peak before step 0, where `warmup·D` is less than 1, is not reached.
/// Source: Smith & Topin, arXiv:1708.07120; PyTorch's `OneCycleLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// Share of the curve that rises. From 0 to 1; to 0.5 with `three_phase`. Default 0.3.
    #[serde(default = "three_tenths")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub warmup: f64,
    /// The start is the peak divided by this. Above 0. Default 25.
    #[serde(default = "twenty_five")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub div: f64,
    /// The end is the start divided by this. Above 0. Default 10000.
    #[serde(default = "ten_thousand")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub final_div: f64,
    /// Lets the fall first mirror the rise, down to the start, and then go on to the end. Default false.
    #[serde(default)]
    pub three_phase: bool,
    /// The shape of rise and fall. Default "cos".
    #[serde(default)]
    pub shape: Shape,
    /// Start and end in the target's own unit, together with `peak_value`; `div` and `final_div` then have no effect.
    /// At least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub rest_value: Option<f64>,
    /// The value at the learning rate's peak, in the target's own unit. At least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub peak_value: Option<f64>,
}

/// The shape between two knots: half a cosine wave (`cos`) or a straight line (`linear`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Shape {
    /// Half a wave.
    #[default]
    Cos,
    /// A straight line.
    Linear,
}

fn three_tenths() -> f64 {
    0.3
}

fn twenty_five() -> f64 {
    25.0
}

fn ten_thousand() -> f64 {
    1e4
}

impl OneCycle {
    /// `rest_value` and `peak_value`.
    fn values(&self) -> Option<(f64, f64)> {
        self.rest_value.zip(self.peak_value)
    }

    /// The steps of the knots: start, peak, start again, end.
    fn knots(&self, length: f64) -> [f64; 4] {
        let end = (length - 1.0).max(0.0);
        let peak = (self.warmup * length - 1.0).min(end);
        let back = if self.three_phase {
            (2.0 * self.warmup * length - 2.0).min(end)
        } else {
            peak
        };
        [0.0, peak, back, end]
    }
}

impl Curve for OneCycle {
    fn formula(&self, frame: &Frame) -> Formula {
        let [_, peak, back, end] = self.knots(frame.length);
        let (start, last) = (1.0 / self.div, 1.0 / (self.div * self.final_div));
        let (values, shape) = (self.values(), self.shape);
        Formula::new(move |x| {
            let [low, high, final_low] = match values {
                Some((rest, peak)) => [rest, peak, rest].map(|value| x.scale.value(value)),
                None => [x.from * start, x.from, x.from * last],
            };
            let between = |since: f64, until: f64, from: f64, to: f64| {
                let done = (x.u - since) / (until - since);
                Point { from, to, ..*x }.mix(shape.left(done.min(1.0)))
            };
            if x.u < peak {
                between(0.0, peak, low, high)
            } else if x.u < back {
                between(peak, back, high, low)
            } else if x.u < end {
                let from = if back == peak { high } else { low };
                between(back, end, from, final_low)
            } else if x.u == peak && peak > 0.0 {
                // All of it rises.
                high
            } else {
                final_low
            }
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        let most = if self.three_phase { 0.5 } else { 1.0 };
        let share = (!(0.0..=most).contains(&self.warmup)).then(|| {
            let what = if self.three_phase {
                " with `three_phase`"
            } else {
                ""
            };
            let message = format!("`{}` is not between 0 and {most}{what}", self.warmup);
            KeyFault::error("warmup", message)
        });
        let alone = match (self.rest_value, self.peak_value) {
            (Some(_), None) => Some(("rest_value", "peak_value")),
            (None, Some(_)) => Some(("peak_value", "rest_value")),
            _ => None,
        };
        let alone = alone.map(|(there, missing)| {
            let message = format!("`{there}` needs `{missing}` beside it");
            KeyFault::error(there, message)
        });
        let rest = self.rest_value.and_then(|v| at_least_zero("rest_value", v));
        let peak = self.peak_value.and_then(|v| at_least_zero("peak_value", v));
        share
            .into_iter()
            .chain(above_zero("div", self.div))
            .chain(above_zero("final_div", self.final_div))
            .chain(rest)
            .chain(peak)
            .chain(alone)
            .collect()
    }

    fn is_absolute(&self) -> bool {
        self.values().is_some()
    }

    fn conventions(&self) -> Conventions {
        match self.values() {
            Some(_) => Conventions::ITS_OWN,
            None => Conventions::COUNTING,
        }
    }
}

impl Shape {
    /// How much of the start is left at a share of the way.
    fn left(self, done: f64) -> f64 {
        match self {
            Self::Cos => (1.0 + libm::cos(PI * done)) / 2.0,
            Self::Linear => 1.0 - done,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::{
        Target,
        testing::{Run, assert_close, curve_values, messages},
    };

    fn values(keys: &str, horizon: u64) -> Vec<f64> {
        curve_values(&format!("type = \"one_cycle\"\n{keys}"), horizon)
    }

    fn assert_all_close(values: &[f64], expected: &[f64]) {
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert_close(*value, *expected, 1.0, "one_cycle");
        }
    }

    #[test]
    fn rises_to_the_base_and_ends_at_the_last_step() {
        let keys = "shape = \"linear\"\nwarmup = 0.3\ndiv = 4\nfinal_div = 5";
        assert_all_close(
            &values(keys, 10),
            &[
                0.25,
                0.625,
                1.0,
                1.0 - 0.95 / 7.0,
                1.0 - 2.0 * 0.95 / 7.0,
                1.0 - 3.0 * 0.95 / 7.0,
                1.0 - 4.0 * 0.95 / 7.0,
                1.0 - 5.0 * 0.95 / 7.0,
                1.0 - 6.0 * 0.95 / 7.0,
                0.05,
                0.05,
            ],
        );
        let cosine = values("div = 4\nfinal_div = 5", 10);
        assert_all_close(&cosine[..3], &[0.25, 0.625, 1.0]);
        assert_close(cosine[9], 0.05, 1.0, "its end");
    }

    #[test]
    fn three_phases_come_back_to_the_start_first() {
        let keys = "shape = \"linear\"\nwarmup = 0.4\ndiv = 4\nfinal_div = 5\nthree_phase = true";
        assert_all_close(
            &values(keys, 10),
            &[
                0.25,
                0.5,
                0.75,
                1.0,
                0.75,
                0.5,
                0.25,
                0.55 / 3.0,
                0.35 / 3.0,
                0.05,
                0.05,
            ],
        );
    }

    #[test]
    fn momentum_goes_the_other_way_in_its_own_unit() {
        let run = Run {
            target: Target::Momentum,
            base: 0.9,
            horizon: 10,
            ..Run::default()
        };
        let schedule = run.one(
            "type = \"one_cycle\"\ntarget = \"momentum\"\nrest_value = 0.95\npeak_value = 0.85\nshape = \"linear\"",
        );
        for (t, expected) in [(0, 0.95), (1, 0.9), (2, 0.85), (9, 0.95), (10, 0.95)] {
            let value = schedule.at(Target::Momentum, 0, t);
            assert_close(value, expected, 0.9, &format!("at {t}"));
        }
    }

    #[test]
    fn the_shortest_runs_have_no_rise() {
        assert_all_close(&values("div = 4\nfinal_div = 5", 1), &[0.05, 0.05]);
        // The peak would be at −0.4, and the end is at 1.
        let left = (1.0 + (std::f64::consts::PI * 0.4 / 1.4).cos()) / 2.0;
        assert_all_close(
            &values("div = 4\nfinal_div = 5", 2),
            &[0.05 + 0.95 * left, 0.05, 0.05],
        );
        let rise = values("warmup = 1\ndiv = 4\nfinal_div = 5", 3);
        assert_all_close(&rise, &[0.25, 0.625, 1.0, 0.05]);
        let fall = values("warmup = 0\nshape = \"linear\"\ndiv = 4\nfinal_div = 5", 4);
        assert_all_close(&fall, &[0.7625, 0.525, 0.2875, 0.05, 0.05]);
    }

    #[test]
    fn impossible_keys_are_refused() {
        let text = "[[schedule]]\ntype = \"one_cycle\"\nwarmup = 0.6\nthree_phase = true\ndiv = 0\nrest_value = -1";
        assert_eq!(
            messages(text, 10),
            [
                "schedule[0] `warmup`: `0.6` is not between 0 and 0.5 with `three_phase`",
                "schedule[0] `div`: `0` is not a finite number above 0",
                "schedule[0] `rest_value`: `-1` is not a finite number of at least 0",
                "schedule[0] `rest_value`: `rest_value` needs `peak_value` beside it",
            ]
        );
        let text = "[[schedule]]\ntarget = \"lr\"\ntype = \"one_cycle\"\nfrom = 0.5\nrest_value = 0.1\npeak_value = 0.2";
        assert_eq!(
            messages(text, 10),
            ["schedule[0] `from`: `from` has no effect: `one_cycle` names its own values"]
        );
    }
}
