//! What must hold for every schedule, whatever its numbers.

use std::collections::BTreeMap;

use super::dice::Dice;
use crate::schedule::{
    Group, Target,
    testing::{Resolved, Run, assert_close},
};

fn run(horizon: u64, steps_per_epoch: u64, base: f64) -> Run {
    Run {
        horizon,
        steps_per_epoch,
        base,
        ..Run::default()
    }
}

/// Ten thousand plans of up to eight phases on two tracks, of which some repeat theirs.
#[test]
fn random_plans_are_finite_and_not_negative() {
    for round in 0..10_000 {
        let mut dice = Dice::new(round);
        let text = if round % 5 == 0 {
            dice.repeated() + &dice.chain("b", true)
        } else {
            dice.chain("a", true) + &dice.chain("b", true)
        };
        let horizon = 1 + u64::from(dice.below(60));
        let schedule = run(horizon, 1 + u64::from(dice.below(20)), 0.1).many(&text);
        for t in 0..horizon + 5 {
            let value = schedule.lr(t);
            assert!(value.is_finite() && value >= 0.0, "{value} at {t}\n{text}");
        }
    }
}

/// The phases of every chain fill the run without a gap, cycles and all.
#[test]
fn phases_sum_to_the_horizon() {
    for round in 5000..6000 {
        let mut dice = Dice::new(round);
        let text = dice.chain("a", true) + &dice.repeated();
        let horizon = 1 + u64::from(dice.below(2000));
        let schedule = run(horizon, 7, 0.1).many(&text);
        for track in ["a", "r"] {
            let phases = schedule.0.phases().into_iter();
            let phases: Vec<_> = phases.filter(|p| p.track == track).collect();
            assert_eq!(phases.first().map(|p| p.start), Some(0), "{text}");
            assert_eq!(phases.last().map(|p| p.end), Some(horizon), "{text}");
            assert!(phases.windows(2).all(|p| p[0].end == p[1].start), "{text}");
        }
    }
}

#[test]
fn a_million_random_updates_of_long_plans_are_finite() {
    let horizon = 1_000_000;
    let mut evaluated = 0;
    for round in 1000..1020 {
        let mut dice = Dice::new(round);
        let text = dice.chain("a", true) + &dice.chain("b", true);
        let schedule = run(horizon, 1000, 0.1).many(&text);
        for _ in 0..50_000 {
            let t = u64::from(dice.below(horizon as u32 + 10));
            let value = schedule.lr(t);
            assert!(value.is_finite() && value >= 0.0, "{value} at {t}\n{text}");
            evaluated += 1;
        }
    }
    assert_eq!(evaluated, 1_000_000);
}

/// A run resumed at t resolves the same text again and asks for t first.
#[test]
fn a_resumed_run_sees_the_same_bits() {
    for round in 2000..2200 {
        let mut dice = Dice::new(round);
        let text = dice.chain("a", true) + &dice.chain("b", true);
        let uninterrupted = run(200, 7, 0.1).many(&text);
        let bits: Vec<u64> = (0..200).map(|t| uninterrupted.lr(t).to_bits()).collect();
        for t in (0..200).rev() {
            let resumed = if t % 20 == 0 {
                run(200, 7, 0.1).many(&text)
            } else {
                Resolved(uninterrupted.0.clone())
            };
            assert_eq!(resumed.lr(t).to_bits(), bits[t as usize], "{t}\n{text}");
        }
    }
}

#[test]
fn the_order_of_tracks_changes_no_bit() {
    for round in 3000..3200 {
        let mut dice = Dice::new(round);
        let tracks = [
            dice.chain("warm", true),
            dice.chain("main", true),
            dice.chain("cool", true),
        ];
        let one = run(150, 10, 0.3).many(&tracks.concat());
        let other = run(150, 10, 0.3).many(&[&*tracks[2], &tracks[0], &tracks[1]].concat());
        for t in 0..=150 {
            assert_eq!(
                one.lr(t).to_bits(),
                other.lr(t).to_bits(),
                "{t}\n{tracks:?}"
            );
        }
    }
}

#[test]
fn a_scaled_base_scales_the_value() {
    for round in 4000..4200 {
        let mut dice = Dice::new(round);
        let text = dice.chain("a", false) + &dice.chain("b", false);
        let one = run(100, 10, 0.01).many(&text);
        let eight = run(100, 10, 0.08).many(&text);
        for t in 0..=100 {
            assert_close(eight.lr(t), 8.0 * one.lr(t), 0.08, &text);
        }
    }
}

#[test]
fn doubling_the_updates_of_an_epoch_changes_no_epoch() {
    let text = r#"
        [[schedule]]
        type = "linear"
        from = 0.1
        to = 1.0
        for = "2.5 epochs"
        [[schedule]]
        type = "cosine"
        for = "35%"
        over = "4 epochs"
        past = "mirror"
        [[schedule]]
        type = "cosine_restarts"
        cycle = "0.5 epochs"
        stretch = 2.0
        for = "5 epochs"
        [[schedule]]
        type = "poly"
        power = 0.9
        [[schedule]]
        track = "drops"
        type = "multistep"
        at = ["12.5 epochs", "90%"]
    "#;
    let (coarse, fine) = (
        run(20 * 12, 12, 0.1).many(text),
        run(20 * 24, 24, 0.1).many(text),
    );
    for t in 0..=240 {
        assert_close(fine.lr(2 * t), coarse.lr(t), 0.1, &format!("update {t}"));
    }
}

#[test]
fn phases_meet_their_declared_ends() {
    for kind in ["linear", "poly", "cosine"] {
        for (include, first, last) in [
            ("start", true, false),
            ("end", false, true),
            ("both", true, true),
            ("neither", false, false),
        ] {
            let text = format!(
                "[[schedule]]\ntype = \"constant\"\nfor = \"13 steps\"\n[[schedule]]\ntype = \"{kind}\"\nfor = \"21 steps\"\nfrom_value = 0.07\nto_value = 3e-6\ninclude = \"{include}\"\n[[schedule]]\ntype = \"constant\""
            );
            let schedule = run(50, 10, 0.1).many(&text);
            assert_eq!(schedule.lr(12), 0.1, "{text}");
            assert_eq!(schedule.lr(13) == 0.07, first, "{text}");
            assert_eq!(schedule.lr(33) == 3e-6, last, "{text}");
            assert_eq!(schedule.lr(34), 3e-6, "the next phase carries on\n{text}");
            assert_eq!(schedule.lr(50), 3e-6, "{text}");
        }
    }
}

#[test]
fn both_clocks_agree_at_the_first_step_of_every_epoch() {
    for kind in ["linear", "poly", "cosine", "warmup"] {
        let text = |every| {
            format!(
                "[[schedule]]\ntype = \"{kind}\"\nfor = \"3 epochs\"\nevery = \"{every}\"\n[[schedule]]\ntype = \"linear\"\nfrom = 1\nevery = \"{every}\""
            )
        };
        let (smooth, stairs) = (
            run(80, 8, 0.1).many(&text("step")),
            run(80, 8, 0.1).many(&text("epoch")),
        );
        for t in 0..80 {
            assert_eq!(stairs.lr(t), smooth.lr(t - t % 8), "{kind} at {t}");
        }
    }
}

#[test]
fn a_floor_carries_into_the_next_phase() {
    let text = r#"
        [[schedule]]
        type = "exponential"
        gamma = 0.1
        period = "1 step"
        floor = 0.02
        for = "5 steps"
        [[schedule]]
        type = "constant"
    "#;
    let schedule = run(10, 1, 1.0).many(text);
    assert_eq!(schedule.lr(4), 0.02);
    assert_eq!(schedule.lr(5), 0.02);
}

#[test]
fn the_bounds_of_every_track_hold_the_product() {
    let text = r#"
        [[schedule]]
        type = "linear"
        ceil = 0.3
        [[schedule]]
        track = "z"
        type = "constant"
        from = 0.5
        floor = 0.2
    "#;
    let schedule = run(10, 1, 1.0).many(text);
    let values: Vec<f64> = [0, 3, 5, 8].map(|t| schedule.lr(t)).to_vec();
    assert_eq!(values, [0.3, 0.3, 0.25, 0.2]);
}

#[test]
fn groups_follow_their_own_chains() {
    let text = r#"
        [[schedule]]
        type = "linear"
        [[schedule]]
        groups = ["backbone.*"]
        track = "freeze"
        type = "constant"
        for = "3 epochs"
        from = 0.0
        [[schedule]]
        groups = ["backbone.*"]
        track = "freeze"
        type = "constant"
        from = "base"
        [[schedule]]
        groups = ["head.*"]
        type = "constant"
        [[schedule]]
        target = "weight_decay"
        type = "cosine"
        from_value = 0.04
        to_value = 0.4
    "#;
    let base = BTreeMap::from([(Target::Lr, 0.1), (Target::WeightDecay, 0.0)]);
    let group = |name: &str, params: &[&str], scale: f64| Group {
        name: name.into(),
        params: params.iter().map(ToString::to_string).collect(),
        base: base.iter().map(|(t, b)| (*t, b * scale)).collect(),
        ..Group::default()
    };
    let groups = vec![
        group("default", &["body.weight", "head.weight"], 1.0),
        group("slow", &["backbone.weight"], 0.1),
    ];
    let schedule = run(100, 10, 0.1).with_groups(text, groups);
    let names: Vec<_> = schedule
        .0
        .groups()
        .iter()
        .map(|g| g.name.as_str())
        .collect();
    assert_eq!(names, ["default", "head.*", "slow"]);

    assert_eq!(schedule.lr(50), 0.05);
    assert_eq!(schedule.at(Target::Lr, 1, 50), 0.1, "its own chain wins");
    assert_eq!(schedule.at(Target::Lr, 2, 29), 0.0, "frozen");
    assert_close(schedule.at(Target::Lr, 2, 30), 0.007, 0.01, "thawed");
    assert_eq!(
        schedule.at(Target::WeightDecay, 1, 0),
        0.04,
        "over a base of 0"
    );
    assert_eq!(schedule.at(Target::WeightDecay, 1, 100), 0.4);
    assert_eq!(schedule.0.value(Target::Momentum, 0, 0), None);
    assert_eq!(schedule.0.value(Target::Lr, 3, 0), None);
    let scheduled: Vec<_> = schedule.0.scheduled().iter().copied().collect();
    assert_eq!(scheduled, [Target::Lr, Target::WeightDecay]);

    let phases: Vec<_> = schedule
        .0
        .phases()
        .into_iter()
        .map(|p| {
            (
                p.entry,
                p.track,
                p.groups.join(" "),
                p.start,
                p.end,
                p.first,
            )
        })
        .collect();
    let row = |entry, track: &str, groups: &str, start, end, first| {
        (
            entry,
            track.to_string(),
            groups.to_string(),
            start,
            end,
            first,
        )
    };
    assert_eq!(
        phases[..4],
        [
            row(0, "main", "default slow", 0, 100, 0.1),
            row(1, "freeze", "slow", 0, 30, 0.0),
            row(2, "freeze", "slow", 30, 100, schedule.at(Target::Lr, 2, 30)),
            row(3, "main", "head.*", 0, 100, 0.1),
        ]
    );
}

#[test]
fn nothing_scheduled_is_the_base() {
    let schedule = run(10, 1, 0.3).many("");
    assert_eq!((schedule.lr(0), schedule.lr(99)), (0.3, 0.3));
    assert!(schedule.0.phases().is_empty());
    assert!(schedule.0.scheduled().contains(&Target::Lr));
}

#[test]
fn absolute_values_over_a_base_of_zero() {
    let at = |text: &str, t| run(10, 1, 0.0).many(text).lr(t);
    let linear = "[[schedule]]\ntype = \"linear\"\n";
    assert_eq!(at(&format!("{linear}from_value = 0.5"), 5), 0.25);
    assert_eq!(at(&format!("{linear}to_value = 0.5"), 5), 0.25);
    assert_eq!(at(&format!("{linear}from_value = 0"), 5), 0.0);
    assert_eq!(at(&format!("{linear}from = 2"), 5), 0.0);
    let warmed = format!(
        "{linear}from_value = 0.5\n[[schedule]]\ntrack = \"a\"\ntype = \"linear\"\nfrom = 0\nto = 1"
    );
    assert_eq!(at(&warmed, 5), 0.125);
}

#[test]
fn absolute_values_beside_a_factor() {
    let text = "[[schedule]]\ntype = \"linear\"\nfrom_value = 0.08\nto_value = 0.02\n[[schedule]]\ntrack = \"a\"\ntype = \"constant\"\nfrom_value = 0.05";
    let schedule = run(10, 1, 0.1).many(text);
    assert_close(
        schedule.lr(0),
        0.08 * 0.05 / 0.1,
        0.1,
        "a value is a factor of the base",
    );
    assert_close(
        schedule.lr(10),
        0.02 * 0.05 / 0.1,
        0.1,
        "a value is a factor of the base",
    );
}

#[test]
fn a_horizon_of_zero_holds_the_base() {
    let schedule = run(0, 1, 0.3).many("[[schedule]]\ntype = \"linear\"");
    assert_eq!(schedule.lr(0), 0.3);
}

#[test]
fn a_rate_of_zero_for_a_while_freezes_and_a_touch_of_zero_does_not() {
    let frozen = |text: &str, base: f64, horizon| {
        let schedule = run(horizon, 1, base).many(text);
        (0..horizon)
            .filter(|t| schedule.0.frozen(0, *t))
            .collect::<Vec<_>>()
    };
    let phase = |text: &str| format!("[[schedule]]\n{text}\n");
    let hold = phase("type = \"constant\"\nfor = \"3 steps\"\nfrom = 0.0");
    let then = phase("type = \"linear\"\nfrom = \"base\"");
    assert_eq!(frozen(&(hold + &then), 0.1, 9), [0, 1, 2]);
    let table =
        phase("type = \"table\"\npoints = [[\"0 steps\", 1], [\"4 steps\", 0], [\"6 steps\", 1]]");
    assert_eq!(frozen(&table, 0.1, 9), [4, 5]);
    let rise = phase("type = \"linear\"\nfrom = 0\nto = 1");
    assert_eq!(frozen(&rise, 0.1, 9), [0u64; 0]);
    let wave = phase("type = \"cosine\"\nwaves = 2.0");
    assert_eq!(frozen(&wave, 0.1, 8), [0u64; 0]);
    assert_eq!(frozen("", 0.0, 3), [0, 1, 2]);
    assert!(!run(3, 1, 0.0).many("").0.frozen(7, 0), "no such group");
}
