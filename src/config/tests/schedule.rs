//! Schedules from the text of a config to their numbers, by the way that a run goes.

use serde::Deserialize;

use super::{Extensions, Overrides, ScheduleView, Spec};
use crate::schedule::Target;

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

/// The schedules of a config with this optimizer, these schedules and so many steps.
fn view(optimizer: &str, schedules: &str, train: &str, steps_per_epoch: u64) -> ScheduleView {
    let text = format!("[optimizer]\n{optimizer}\n{schedules}\n[train]\n{train}\n");
    let spec = Spec::parse("a.toml", &text, &Overrides::default());
    match ScheduleView::without_data(&spec, &Extensions::new(), steps_per_epoch) {
        Ok(view) => view,
        Err(error) => panic!("{text}\n{:?}", error.0.list),
    }
}

#[test]
fn every_sequence_is_pytorchs_from_text_to_number() {
    let text = include_str!("../../../tests/reference/schedules.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    assert_eq!(reference.schedules.len(), 44);
    let mut compared = 0;
    for sequence in &reference.schedules {
        let (base, horizon) = (sequence.base, sequence.horizon);
        let optimizer = match sequence.target {
            Target::Momentum => format!("type = \"sgd\"\nlr = 0.1\nmomentum = {base}"),
            _ => format!("type = \"sgd\"\nlr = {base}"),
        };
        let train = format!("steps = {horizon}");
        let view = view(
            &optimizer,
            &sequence.toml,
            &train,
            sequence.updates_per_epoch,
        );
        for (t, expected) in sequence.values.iter().enumerate() {
            let value = view.schedules.value(sequence.target, 0, t as u64).unwrap();
            let name = &sequence.name;
            assert!(
                (value - expected).abs() <= 1e-12 * base,
                "{name} at {t}: {value} is not {expected}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 2324);
}

#[test]
fn every_target_can_be_scheduled() {
    let schedules = ["lr", "momentum", "weight_decay", "beta2", "ema_decay", "clip_norm"]
        .map(|target| format!("[[schedule]]\ntarget = \"{target}\"\ntype = \"linear\"\nfrom_value = 0.5\nto_value = 0.25\n"))
        .concat();
    let optimizer = "type = \"adamw\"\nlr = 0.1";
    for train in ["clip_norm = 3.0", ""] {
        let train = format!("steps = 4\nema = {{}}\n{train}");
        let view = view(optimizer, &schedules, &train, 1);
        for target in Target::ALL {
            let values = [0, 2, 4].map(|t| view.schedules.value(target, 0, t));
            assert_eq!(values, [0.5, 0.375, 0.25].map(Some), "{target}, {train}");
        }
    }
    let none = view(optimizer, "", "steps = 4", 1);
    for target in [Target::EmaDecay, Target::ClipNorm] {
        assert_eq!(none.schedules.value(target, 0, 0), None);
    }
}
