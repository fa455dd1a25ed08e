//! Every type against PyTorch's own schedulers, and against formulas of other libraries.

use std::f64::consts::PI;

use serde::Deserialize;

use crate::schedule::{
    Target,
    testing::{KINDS, Run, assert_close, entries},
};

#[derive(Deserialize)]
struct Reference {
    schedules: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Sequence {
    name: String,
    #[serde(default)]
    target: Target,
    base: f64,
    horizon: u64,
    #[serde(default = "one")]
    updates_per_epoch: u64,
    toml: String,
    values: Vec<f64>,
}

fn one() -> u64 {
    1
}

/// The numbers are made by `tests/reference/schedules.py`.
fn reference() -> Vec<Sequence> {
    let text = include_str!("../../../tests/reference/schedules.json");
    let reference: Reference = serde_json::from_str(text).expect("the reference file");
    reference.schedules
}

#[test]
fn every_sequence_is_pytorchs() {
    let sequences = reference();
    assert_eq!(sequences.len(), 44);
    let mut compared = 0;
    for sequence in &sequences {
        let run = Run {
            horizon: sequence.horizon,
            steps_per_epoch: sequence.updates_per_epoch,
            base: sequence.base,
            target: sequence.target,
        };
        let schedule = run.many(&sequence.toml);
        for (t, expected) in sequence.values.iter().enumerate() {
            let what = format!("{} at {t}", sequence.name);
            let value = schedule.at(sequence.target, 0, t as u64);
            assert_close(value, *expected, sequence.base, &what);
            compared += 1;
        }
    }
    assert_eq!(compared, 2324);
}

#[test]
fn the_reference_uses_every_type_that_pytorch_has() {
    let used: Vec<String> = reference()
        .iter()
        .flat_map(|sequence| entries(&sequence.toml))
        .map(|entry| entry.kind)
        .collect();
    for (kind, _) in KINDS {
        let others = [
            "warmup",
            "geometric",
            "sqrt_decay",
            "square_decay",
            "inverse_time",
            "inverse_sqrt",
            "noam",
            "power",
            "tanh",
            "rex",
            "table",
            "follow",
            "repeat",
            "plateau",
            "greedy",
        ];
        assert_eq!(
            used.iter().any(|k| k == kind),
            !others.contains(&kind),
            "{kind}"
        );
    }
}

/// MMEngine's `PolyLR` after `LinearLR`, by its documented closed form: both include their ends.
#[test]
fn mmengine_poly() {
    let (base, begin, end, power, eta_min) = (0.01, 15, 160, 0.9, 1e-4);
    let text = format!(
        r#"
        [[schedule]]
        type = "linear"
        for = "{begin} steps"
        from = 1e-3
        to = 1.0
        [[schedule]]
        type = "poly"
        power = {power}
        to_value = {eta_min}
        include = "both"
        "#
    );
    let run = Run {
        horizon: end,
        base,
        ..Run::default()
    };
    let schedule = run.many(&text);
    for t in begin..end {
        let done = (t - begin) as f64 / (end - begin - 1) as f64;
        let expected = (base - eta_min) * (1.0 - done).powf(power) + eta_min;
        assert_close(schedule.lr(t), expected, base, "MMEngine poly");
    }
    assert_eq!(schedule.lr(end - 1), eta_min);
}

/// Hugging Face's linear, cosine and polynomial schedules with warmup, by their lambdas.
#[test]
fn hugging_face() {
    let (base, warmup, total) = (5e-5, 10u64, 100u64);
    let schedule = |main: &str| {
        let text = format!(
            "[[schedule]]\ntype = \"linear\"\nfor = \"{warmup} steps\"\nfrom = 0\nto = 1\n[[schedule]]\n{main}"
        );
        let run = Run {
            horizon: total,
            base,
            ..Run::default()
        };
        run.many(&text)
    };
    let linear = schedule("type = \"linear\"");
    let cosine = schedule("type = \"cosine\"");
    let power = schedule("type = \"poly\"\npower = 2\nto_value = 1e-7");
    let hard = schedule("type = \"cosine_restarts\"\ncycle = \"30 steps\"");
    for t in 0..total {
        let warm = base * t as f64 / warmup as f64;
        let done = t.saturating_sub(warmup) as f64 / (total - warmup) as f64;
        let expect = |schedule: &crate::schedule::testing::Resolved, main: f64, name: &str| {
            let expected = if t < warmup { warm } else { main };
            assert_close(schedule.lr(t), expected, base, name);
        };
        expect(&linear, base * (1.0 - done), "linear");
        expect(&cosine, base * 0.5 * (1.0 + (PI * done).cos()), "cosine");
        let decay = (base - 1e-7) * (1.0 - done).powi(2) + 1e-7;
        expect(&power, decay, "polynomial");
        let cycles = base * 0.5 * (1.0 + (PI * ((t - t.min(warmup)) % 30) as f64 / 30.0).cos());
        expect(&hard, cycles, "cosine with hard restarts");
    }
}

/// What PyTorch does by accident is not met; what was meant is.
#[test]
fn accidents_are_not_reproduced() {
    let run = Run {
        base: 0.1,
        ..Run::default()
    };
    let phase = |text: &str| format!("[[schedule]]\n{text}\n");
    let decay = phase("type = \"exponential\"\ngamma = 0.9\nperiod = \"1 step\"");
    // A scheduler that is made anew in the middle applies gamma twice.
    let resumed = run.many(&decay);
    assert_close(resumed.lr(10), 0.1 * 0.9f64.powi(10), 0.1, "resumed");
    // LinearLR over no updates stays at its start; ConstantLR with the factor 0 divides by it.
    let nothing = phase("type = \"linear\"\nfor = \"0 steps\"\nfrom = 0.1\nto = 1.0");
    let hold = phase("type = \"constant\"");
    assert_eq!(run.many(&(nothing + &hold)).lr(0), 0.1);
    let off = phase("type = \"constant\"\nfor = \"5 steps\"\nfrom = 0.0");
    let back = phase("type = \"constant\"\nfrom = \"base\"");
    let zero = run.many(&(off + &back));
    assert_eq!([4, 5].map(|t| zero.lr(t)), [0.0, 0.1]);
    // OneCycleLR has no value at its end, and one more update is an error.
    let cycle = run.many(&phase("type = \"one_cycle\""));
    assert_close(cycle.lr(40), 0.1 / 25e4, 0.1, "the end");
    assert_eq!(cycle.lr(41), cycle.lr(40));
    // A SequentialLR inside a ChainedScheduler fails; its second part starts at a rate that the first part changed.
    let warm = phase("type = \"linear\"\nfor = \"8 steps\"\nfrom = 0.5\nto = 1.0");
    let cosine = phase("type = \"cosine\"\nfrom = \"base\"");
    let drop = phase("track = \"b\"\ntype = \"step\"\nsize = \"20 steps\"\ngamma = 0.5");
    let nested = run.many(&(warm + &cosine + &drop));
    assert_eq!(nested.lr(8), 0.1);
    let half_way = 0.1 * (1.0 + (PI * 16.0 / 32.0).cos()) / 2.0 * 0.5;
    assert_close(nested.lr(24), half_way, 0.1, "nested");
    // Chained schedulers with eta_min above 0 depend on their order.
    let floored = phase("type = \"cosine\"\nto_value = 0.01");
    let other = phase("track = \"b\"\ntype = \"exponential\"\ngamma = 0.9\nperiod = \"1 step\"");
    let one = run.many(&(floored.clone() + &other));
    let two = run.many(&(other + &floored));
    for t in 0..=40u64 {
        let cosine = 0.01 + 0.09 * (1.0 + (PI * t as f64 / 40.0).cos()) / 2.0;
        let expected = cosine * 0.9f64.powi(t as i32);
        assert_close(one.lr(t), expected, 0.1, "their product");
        assert_eq!(one.lr(t), two.lr(t));
    }
}
