//! `repeat`: phases that start again and again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, Repeated, above_zero, at_least_zero, period_fault,
    },
    units::Span,
};

/// Repeats the phases of `[[schedule.phase]]` in cycles. For example warm restarts with a warmup in
/// each, repeated WSD, or jagged restarts. Factors shrink and absolute values stay; percentages and
/// "rest" are those of the cycle.
/// Formula: cycle i = 0, 1, … is `cycle·stretch^i` long, and the base of its phases is `a·shrink^i`.
/// Source: Loshchilov & Hutter, arXiv:1608.03983 (SGDR), with any body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Length of the first cycle: epochs, steps, evals or % of the horizon. At least one step.
    #[schemars(example = &"10 epochs")]
    pub cycle: Span,
    /// Number of cycles, after which the end of the last one holds. At least 1. Default: as many as fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub count: Option<u64>,
    /// Each cycle is this many times as long as the one before. Above 0. Default 1.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub stretch: f64,
    /// Each cycle is this many times as high as the one before. At least 0. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    pub shrink: f64,
    /// The phases of a cycle, with the keys of any schedule but `track`, `target` and `groups`.
    #[schemars(length(min = 1), example = a_cosine())]
    pub phase: Vec<Map<String, Value>>,
}

fn one() -> f64 {
    1.0
}

fn a_cosine() -> Value {
    serde_json::json!([{ "type": "cosine" }])
}

impl Curve for Repeat {
    /// Its cycles are phases of their own, which the chain lays out; the formula is never asked.
    fn formula(&self, _: &Frame) -> Formula {
        Formula::new(|x| x.from)
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
        let message = || format!("`{}` is `{steps}` steps, less than one", self.cycle);
        (steps < 1.0)
            .then(|| KeyFault::error("cycle", message()))
            .into_iter()
            .collect()
    }

    fn repeats(&self) -> Option<Repeated> {
        Some(Repeated {
            cycle: self.cycle,
            count: self.count,
            stretch: self.stretch,
            shrink: self.shrink,
        })
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close, messages};

    /// Three restarts, each with its own warmup, peaks halving, lengths doubling.
    const RESTARTS: &str = r#"
        [[schedule]]
        type = "repeat"
        cycle = "10 epochs"
        count = 3
        stretch = 2.0
        shrink = 0.5
        [[schedule.phase]]
        type = "warmup"
        for = "10%"
        [[schedule.phase]]
        type = "cosine"
    "#;

    fn run(horizon: u64) -> Run {
        Run {
            base: 0.1,
            horizon,
            steps_per_epoch: 4,
            ..Run::default()
        }
    }

    #[test]
    fn each_cycle_has_its_own_warmup() {
        let schedule = run(280).many(RESTARTS);
        for t in 0..280u64 {
            let (start, length, peak) = match t {
                0..40 => (0, 40, 0.1),
                40..120 => (40, 80, 0.05),
                _ => (120, 160, 0.025),
            };
            let (u, warmup) = ((t - start) as f64, f64::from(length) / 10.0);
            let expected = if u < warmup {
                peak * (u + 1.0) / warmup
            } else {
                let p = (u - warmup) / (f64::from(length) - warmup);
                peak * (1.0 + (std::f64::consts::PI * p).cos()) / 2.0
            };
            assert_close(schedule.lr(t), expected, 0.1, &format!("at {t}"));
        }
        assert_eq!(schedule.lr(280), 0.0, "its end");
        let phases = schedule.0.phases();
        let told: Vec<_> = phases
            .iter()
            .map(|p| (p.entry, p.kind.as_str(), p.start, p.end))
            .collect();
        assert_eq!(
            told,
            [
                (0, "repeat/warmup", 0, 4),
                (0, "repeat/cosine", 4, 40),
                (0, "repeat/warmup", 40, 48),
                (0, "repeat/cosine", 48, 120),
                (0, "repeat/warmup", 120, 136),
                (0, "repeat/cosine", 136, 280),
            ]
        );
    }

    /// The same as `cosine_restarts`, shrinking both ends or, with an absolute end, the peaks alone.
    #[test]
    fn a_lone_cosine_is_cosine_restarts() {
        for (keys, end, mode) in [
            ("shrink = 0.7", "to = 0.2", "both"),
            ("shrink = 0.7\nstretch = 1.5", "to_value = 0.01", "peak"),
        ] {
            let repeat = format!(
                "[[schedule]]\ntype = \"repeat\"\ncycle = \"16 steps\"\n{keys}\n[[schedule.phase]]\ntype = \"cosine\"\n{end}"
            );
            let restarts = format!(
                "[[schedule]]\ntype = \"cosine_restarts\"\ncycle = \"16 steps\"\n{keys}\n{end}\nshrink_mode = \"{mode}\""
            );
            let (repeat, restarts) = (run(70).many(&repeat), run(70).many(&restarts));
            for t in 0..70 {
                assert_close(repeat.lr(t), restarts.lr(t), 0.1, &format!("{mode} {t}"));
            }
        }
    }

    #[test]
    fn restarts_are_exact_for_every_stretch() {
        for (cycle, stretch, horizon) in [
            (64.0, 0.5, 127u64),
            (7.0, 1.0, 1000),
            (16.0, 1.5, 5000),
            (1.0, 2.0, 5000),
            (1.0, 3.0, 7000),
        ] {
            let text = format!(
                "[[schedule]]\ntype = \"repeat\"\ncycle = \"{cycle} steps\"\nstretch = {stretch}\n[[schedule.phase]]\ntype = \"linear\""
            );
            let schedule = run(horizon).many(&text);
            let (mut start, mut length) = (0.0, cycle);
            while start < horizon as f64 && length >= 1.0 {
                let at = f64::round(start) as u64;
                assert_eq!(schedule.lr(at), 0.1, "{text} at {start}");
                if f64::fract(start) == 0.0 && f64::fract(length) == 0.0 && length >= 2.0 {
                    let next = 0.1 * (1.0 - 1.0 / length);
                    assert_close(schedule.lr(at + 1), next, 0.1, &text);
                }
                start += length;
                length *= stretch;
            }
        }
    }

    #[test]
    fn cycles_begin_where_the_chain_before_them_ended_and_nest() {
        let text = r#"
            [[schedule]]
            type = "linear"
            for = "4 steps"
            to = 0.5
            [[schedule]]
            type = "repeat"
            cycle = "8 steps"
            shrink = 0.5
            floor = 0.02
            times = [{ type = "step", size = "12 steps", gamma = 0.5 }]
            for = "16 steps"
            [[schedule.phase]]
            type = "repeat"
            cycle = "50%"
            [[schedule.phase.phase]]
            type = "linear"
            to = 0.5
            [[schedule]]
            type = "constant"
        "#;
        let run = Run {
            horizon: 24,
            ..Run::default()
        };
        let schedule = run.many(text);
        let four = |from: f64| [1.0, 0.875, 0.75, 0.625].map(|factor| from * factor);
        let expected = [four(0.5), four(0.5), four(0.25), four(0.125)].concat();
        for (i, expected) in expected.into_iter().enumerate() {
            assert_close(schedule.lr(4 + i as u64), expected, 1.0, &format!("{i}"));
        }
        assert_eq!(schedule.lr(22), 0.0625, "carried on");
        let first = schedule.0.phases()[1].clone();
        assert_eq!(
            (first.kind.as_str(), first.end),
            ("repeat/repeat/linear", 8)
        );
    }

    #[test]
    fn a_cycle_that_is_cut_short_keeps_its_pace() {
        let text = "[[schedule]]\ntype = \"repeat\"\ncycle = \"8 steps\"\n[[schedule.phase]]\ntype = \"linear\"";
        let schedule = run(12).many(text);
        assert_close(schedule.lr(11), 0.1 * (1.0 - 3.0 / 8.0), 0.1, "cut");
        assert_eq!(
            messages(text, 12),
            [
                "schedule[0] `cycle`: the phase ends inside cycle 2, 50 % through: the decay does not reach its `to`"
            ]
        );
        let counted = text.replace("\n[[schedule.phase]]", "\ncount = 1\n[[schedule.phase]]");
        assert_eq!(
            messages(&counted, 12),
            [
                "schedule[0] `cycle`: the cycle ends after `8 steps` of the phase's `12`; hint: their end holds for the rest"
            ]
        );
        assert_eq!(run(12).many(&counted).lr(11), 0.0);
    }

    #[test]
    fn faults_of_a_body_say_which_phase() {
        let text = |head: &str, phase: &str| {
            format!(
                "[[schedule]]\ntype = \"repeat\"\n{head}\n[[schedule.phase]]\ntype = \"warmup\"\nfor = \"10%\"\n[[schedule.phase]]\n{phase}"
            )
        };
        let cycle = "cycle = \"10 steps\"";
        assert_eq!(
            messages(
                &text(cycle, "type = \"poly\"\npower = -1\ntrack = \"b\""),
                40
            ),
            [
                "schedule[0] `phase[1].track`: a phase of a cycle has no `track` of its own; hint: write `track` in the `[[schedule]]` around it",
                "schedule[0] `phase[1].power`: `-1` is not a finite number of at least 0",
            ]
        );
        assert_eq!(
            messages(&text(cycle, "type = \"poly\"\nfor = \"10 steps\""), 40),
            [
                "schedule[0] `phase[1].for`: the phase runs `10 steps`, but `9` of the cycle's `10` are left; hint: shorten a phase, or lengthen the cycle"
            ]
        );
        assert_eq!(
            messages(
                &text(
                    "cycle = \"0 steps\"\nstretch = 0\ncount = 0",
                    "type = \"poly\""
                ),
                40
            ),
            [
                "schedule[0] `cycle`: `0 steps` is a period of zero steps; hint: at least \"1 step\"",
                "schedule[0] `stretch`: `0` is not a finite number above 0",
                "schedule[0] `count`: `0` is no cycle",
            ]
        );
        let bare = "[[schedule]]\ntype = \"repeat\"\ncycle = \"1 step\"\nphase = []";
        assert_eq!(
            messages(bare, 40),
            [
                "schedule[0] `phase`: there is nothing to repeat; hint: write `[[schedule.phase]]` for each phase of a cycle"
            ]
        );
        assert_eq!(
            messages(&text("cycle = \"1 step\"", "type = \"constant\""), 20_000)[0],
            "schedule[0] `cycle`: the phase has more than 10000 cycles; hint: give it a longer `cycle`"
        );
        let factor = "[[schedule]]\ntype = \"linear\"\ntimes = [{ type = \"repeat\", cycle = \"1 step\", phase = [] }]";
        assert_eq!(
            messages(factor, 40),
            [
                "schedule[0] `times[0].type`: a factor cannot have phases of its own; hint: put it on another `track`"
            ]
        );
    }
}
