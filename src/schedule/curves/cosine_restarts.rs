//! `cosine_restarts`: cosine annealing that starts again, in cycles of changing length and height.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, above_zero, at_least_zero,
        language::{
            cycles::{self, Cycle},
            names_only, whole_periods,
        },
        period_fault,
    },
    units::Span,
};

/// Cosine annealing with warm restarts. Each cycle may be longer and lower than the one before.
/// Formula: `f(u) = b + (a·shrink^i − b)·q`, with `q = (1 + cos(π·rem/length))/2`; cycle i has length
/// `cycle·stretch^i`, of which rem is done.
/// Source: SGDR, Loshchilov & Hutter, arXiv:1608.03983; PyTorch's `CosineAnnealingWarmRestarts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineRestarts {
    /// Length of the first cycle: epochs, steps, evals or % of the horizon. At least one step.
    #[schemars(example = &"10 epochs")]
    pub cycle: Span,
    /// Each cycle is this many times as long as the one before. Above 0. Default 1.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub stretch: f64,
    /// Each cycle is this many times as high as the one before. At least 0. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    pub shrink: f64,
    /// Number that `shrink` multiplies. Default "peak".
    #[serde(default)]
    pub shrink_mode: Shrink,
    /// Number of cycles, after which the end of the last one holds. At least 1. Default: as many as fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub count: Option<u64>,
}

/// What `shrink` multiplies: the `peak` (the cycles still end at `to`), the `amplitude` (`from − to`), or `both`
/// ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Shrink {
    /// `b + (a·s^i − b)·q`
    #[default]
    Peak,
    /// `b + (a − b)·s^i·q`
    Amplitude,
    /// `s^i·(b + (a − b)·q)`
    Both,
}

fn one() -> f64 {
    1.0
}

impl Curve for CosineRestarts {
    fn formula(&self, frame: &Frame) -> Formula {
        let cycles = Cycles::new(self, frame);
        let (shrink, mode) = (self.shrink, self.shrink_mode);
        Formula::new(move |x| {
            let (index, share) = cycles.locate(x.u);
            let q = (1.0 + libm::cos(PI * share)) / 2.0;
            if shrink == 1.0 {
                return x.mix(q);
            }
            let s = libm::pow(shrink, index);
            match mode {
                Shrink::Peak => x.from * s * q + x.to * (1.0 - q),
                Shrink::Amplitude => x.mix(s * q),
                Shrink::Both => s * x.mix(q),
            }
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        let none = (self.count == Some(0)).then(|| KeyFault::error("count", "`0` is no cycle"));
        period_fault("cycle", self.cycle)
            .into_iter()
            .chain(above_zero("stretch", self.stretch))
            .chain(at_least_zero("shrink", self.shrink))
            .chain(none)
            .collect()
    }

    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        let steps = frame.steps(self.cycle);
        if steps < 1.0 {
            let message = format!("`{}` is `{steps}` steps, less than one", self.cycle);
            return vec![KeyFault::error("cycle", message)];
        }
        let cycles = Cycles::new(self, frame);
        cycles
            .warning(self, frame.steps as f64)
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

/// The cycles of one phase, laid out once so that any step is found at once.
#[derive(Debug)]
enum Cycles {
    /// All of one length.
    Equal { length: f64, count: f64 },
    /// Each with its own, and where the last one ends.
    Listed { cycles: Vec<Cycle>, end: f64 },
}

impl Cycles {
    fn new(keys: &CosineRestarts, frame: &Frame) -> Self {
        let length = frame.steps(keys.cycle);
        if keys.stretch == 1.0 {
            let count = keys.count.unwrap_or(u64::MAX) as f64;
            return Self::Equal { length, count };
        }
        let steps = frame.steps as f64;
        let (cycles, end) = cycles::lay_out(length, keys.stretch, keys.count, steps);
        Self::Listed { cycles, end }
    }

    /// (index, share done) of the cycle at `u`; beyond the last cycle, its end.
    fn locate(&self, u: f64) -> (f64, f64) {
        match self {
            Self::Equal { length, count } => {
                let index = whole_periods(u, *length);
                if index >= *count {
                    return (count - 1.0, 1.0);
                }
                (index, ((u - index * length) / length).clamp(0.0, 1.0))
            }
            Self::Listed { cycles, end } => cycles::locate(cycles, *end, u),
        }
    }

    /// The fault of too many cycles, or what a phase of `steps` does to the last one.
    fn warning(&self, keys: &CosineRestarts, steps: f64) -> Option<KeyFault> {
        if let Self::Listed { cycles, .. } = self
            && let Some(fault) = cycles::too_many(cycles)
        {
            return Some(fault);
        }
        let end = match self {
            Self::Equal { length, count } => length * count,
            Self::Listed { end, .. } => *end,
        };
        if end < steps {
            return Some(cycles::ends_early(end, keys.count, steps));
        }
        let (index, share) = self.locate(steps);
        cycles::inside(index, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Severity;
    use crate::schedule::testing::{Run, assert_close, curve_values, messages};

    /// The cycles by the plainest loop there is.
    fn naive(cycle: f64, stretch: f64, t: u64) -> f64 {
        let (mut rem, mut length) = (t as f64, cycle);
        while rem >= length {
            rem -= length;
            length *= stretch;
        }
        (1.0 + (PI * rem / length).cos()) / 2.0
    }

    #[test]
    fn restarts_are_exact_for_every_stretch() {
        for (cycle, stretch, horizon) in [
            (64.0, 0.5, 127u64),
            (7.0, 1.0, 1000),
            (16.0, 1.5, 5000),
            (1.0, 2.0, 5000),
            (5.0, 2.0, 5000),
            (1.0, 3.0, 7000),
        ] {
            let text = format!(
                "type = \"cosine_restarts\"\ncycle = \"{cycle} steps\"\nstretch = {stretch}"
            );
            let run = Run {
                horizon,
                ..Run::default()
            };
            let schedule = run.one(&text);
            for t in 0..horizon {
                assert_close(schedule.lr(t), naive(cycle, stretch, t), 1.0, &text);
            }
            let (mut start, mut length) = (0.0, cycle);
            while start < horizon as f64 && length >= 1.0 {
                if f64::fract(start) == 0.0 {
                    assert_eq!(schedule.lr(start as u64), 1.0, "{text} at {start}");
                }
                start += length;
                length *= stretch;
            }
        }
    }

    /// 25, 55, 121: their sum is 201, but 201.00000000000003 in floats, which must not move the
    /// restart from step 201 to step 202.
    #[test]
    fn decimal_stretches_restart_where_they_should() {
        let text = "type = \"cosine_restarts\"\ncycle = \"25 steps\"\nstretch = 2.2";
        let values = curve_values(text, 300);
        assert_eq!([values[25], values[80], values[201]], [1.0; 3]);
    }

    #[test]
    fn shrinking_and_counting() {
        let text =
            "type = \"cosine_restarts\"\ncycle = \"2 steps\"\nshrink = 0.5\ncount = 2\nto = 0.2";
        let both = |mode| curve_values(&format!("{text}\nshrink_mode = \"{mode}\""), 5);
        let close = |values: Vec<f64>, expected: [f64; 6]| {
            for (value, expected) in values.iter().zip(expected) {
                assert_close(*value, expected, 1.0, "shrink");
            }
        };
        close(both("peak"), [1.0, 0.6, 0.5, 0.35, 0.2, 0.2]);
        close(both("amplitude"), [1.0, 0.6, 0.6, 0.4, 0.2, 0.2]);
        close(both("both"), [1.0, 0.6, 0.5, 0.3, 0.1, 0.1]);
    }

    #[test]
    fn what_happens_to_the_last_cycle_is_said() {
        let text = |keys: &str| format!("[[schedule]]\ntype = \"cosine_restarts\"\n{keys}");
        assert_eq!(
            messages(&text("cycle = \"15 steps\""), 40),
            [
                "schedule[0] `cycle`: the phase ends inside cycle 3, 67 % through: the decay does not reach its `to`"
            ]
        );
        assert_eq!(
            messages(&text("cycle = \"15 steps\"\ncount = 2"), 40),
            [
                "schedule[0] `cycle`: 2 cycles end after `30 steps` of the phase's `40`; hint: their end holds for the rest"
            ]
        );
        assert_eq!(messages(&text("cycle = \"10 steps\""), 40), [""; 0]);
        assert_eq!(
            messages(&text("cycle = \"1%\""), 40),
            ["schedule[0] `cycle`: `1%` is `0.4` steps, less than one"]
        );
        let shrinking = messages(&text("cycle = \"16 steps\"\nstretch = 0.5"), 40);
        assert_eq!(shrinking.len(), 1);
        assert!(shrinking[0].contains("the cycles shrink to nothing after `31.99"));
    }

    #[test]
    fn impossible_keys_are_refused() {
        let faults = CosineRestarts {
            cycle: Span::Epochs(0.0),
            stretch: 0.0,
            shrink: -1.0,
            shrink_mode: Shrink::Both,
            count: Some(0),
        }
        .check();
        assert!(faults.iter().all(|fault| fault.severity == Severity::Error));
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["cycle", "stretch", "shrink", "count"]);
    }
}
