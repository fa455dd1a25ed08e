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
    let text = include_str!("../../tests/reference/schedules.json");
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
