//! `follow`: what another target does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Conventions, Curve, Formula, Frame, Target};

/// The factor of another target, at every update. Weight decay that follows `lr` falls with it.
/// With `invert` the product of both stays constant.
/// Formula: `f(t) = a·factor(t)`, or `a/factor(t)` with `invert`.
/// Source: weight decay proportional to the learning rate, as in Loshchilov & Hutter, arXiv:1711.05101.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The target to follow, of the same parameters. It must have a base above 0.
    #[schemars(example = &"lr")]
    pub of: Target,
    /// Divides by its factor. Default false.
    #[serde(default)]
    pub invert: bool,
}

impl Curve for Follow {
    fn formula(&self, _: &Frame) -> Formula {
        if self.invert {
            Formula::new(|x| x.from / x.followed)
        } else {
            Formula::new(|x| x.from * x.followed)
        }
    }

    fn follows(&self) -> Option<Target> {
        Some(self.of)
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::schedule::{
        Group, Target,
        testing::{Run, assert_close},
    };

    fn group(decay: f64) -> Group {
        Group {
            name: "default".into(),
            base: BTreeMap::from([(Target::Lr, 0.1), (Target::WeightDecay, decay)]),
            ..Group::default()
        }
    }

    fn faults(text: &str) -> Vec<String> {
        Run::default().messages(text, vec![group(0.02)])
    }

    const RATE: &str = "[[schedule]]\ntype = \"linear\"\nto = 0.5\n[[schedule]]\ntrack = \"b\"\ntype = \"step\"\nsize = \"30 steps\"\ngamma = 0.5\n";

    #[test]
    fn is_in_proportion_or_against_it() {
        let follow = |keys: &str| {
            let text = format!(
                "[[schedule]]\ntarget = \"weight_decay\"\ntype = \"follow\"\nof = \"lr\"\n{keys}\n{RATE}"
            );
            Run::default().with_groups(&text, vec![group(0.02)])
        };
        let (along, against, higher) = (
            follow(""),
            follow("invert = true"),
            follow("from_value = 0.05"),
        );
        for t in 0..=40 {
            let drop = if t < 30 { 1.0 } else { 0.5 };
            let factor = (1.0 - 0.5 * t as f64 / 40.0) * drop;
            assert_close(along.lr(t), 0.1 * factor, 0.1, "the rate");
            let decay = |schedule: &crate::schedule::testing::Resolved| {
                schedule.at(Target::WeightDecay, 0, t)
            };
            assert_close(decay(&along), 0.02 * factor, 0.02, "follow");
            assert_close(decay(&against), 0.02 / factor, 0.02, "invert");
            assert_close(decay(&higher), 0.05 * factor, 0.05, "from_value");
        }
    }

    #[test]
    fn works_as_a_factor_and_down_a_line_of_targets() {
        let text = format!(
            "{RATE}[[schedule]]\ntarget = \"weight_decay\"\ntype = \"constant\"\ntimes = [{{ type = \"follow\", of = \"momentum\" }}]\n[[schedule]]\ntarget = \"momentum\"\ntype = \"follow\"\nof = \"lr\""
        );
        let mut group = group(0.02);
        group.base.insert(Target::Momentum, 0.8);
        let schedule = Run::default().with_groups(&text, vec![group]);
        for t in [0, 13, 29, 30, 39] {
            let factor = schedule.lr(t) / 0.1;
            let decay = schedule.at(Target::WeightDecay, 0, t);
            assert_close(decay, 0.02 * factor, 0.02, "over momentum");
        }
    }

    #[test]
    fn circles_and_missing_targets_are_refused() {
        let follow = |target: &str, of: &str| {
            format!("[[schedule]]\ntarget = \"{target}\"\ntype = \"follow\"\nof = \"{of}\"\n")
        };
        assert_eq!(
            faults(&follow("lr", "lr")),
            [
                "schedule[0] `of`: `lr` follows itself; hint: one of them needs a schedule of its own"
            ]
        );
        assert_eq!(
            faults(&(follow("lr", "weight_decay") + &follow("weight_decay", "lr"))),
            [
                "schedule[0] `of`: `lr` follows `weight_decay`, which follows `lr`; hint: one of them needs a schedule of its own",
                "schedule[1] `of`: `weight_decay` follows `lr`, which follows `weight_decay`; hint: one of them needs a schedule of its own",
            ]
        );
        assert_eq!(
            faults(&follow("lr", "beta2")),
            [
                "schedule[0] `of`: `beta2` is followed, but the run has none; hint: choose an optimizer that has betas"
            ]
        );
        let none = Run::default().messages(&follow("lr", "weight_decay"), vec![group(0.0)]);
        assert_eq!(
            none,
            [
                "schedule[0] `of`: the base of `weight_decay` is `0`, and has no factors; hint: set `weight_decay` in [optimizer]"
            ]
        );
        let zero = follow("weight_decay", "lr")
            + "invert = true\n[[schedule]]\ntype = \"multistep\"\nat = [\"3 steps\"]\ngamma = 0";
        assert_eq!(
            faults(&zero),
            [
                "schedule[0] `weight_decay` is `inf` at step `3`, which is not a finite number; hint: `ceil` or `ceil_value` holds what grows too large"
            ]
        );
    }
}
