//! Every type over 1 to 10 updates, at lengths of none, one update, all, and more than all: against
//! the libraries that the types name, update by update.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    event::Metrics,
    schedule::{
        Group, Target,
        testing::{KINDS, Run, entries},
    },
};

#[derive(Deserialize)]
struct Reference {
    base: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    horizon: u64,
    toml: String,
    /// None where the library fails or gives what is no learning rate; `reference` says how.
    values: Option<Vec<f64>>,
    #[serde(rename = "library")]
    reference: Option<String>,
    /// The loss that is reported after each update.
    #[serde(default)]
    metrics: Vec<f64>,
    /// What is scheduled where it is not the rate.
    #[serde(default = "rate")]
    target: Target,
}

fn rate() -> Target {
    Target::Lr
}

/// PyTorch's schedulers over no updates at all hold one of their ends for the whole run. Here a phase of
/// no updates has no effect.
const OVER_NOTHING: [&str; 3] = ["ConstantLR(0)", "LinearLR(0)", "SWALR(0)"];

/// The numbers are made by `tests/reference/short_schedules.py`.
fn reference() -> Reference {
    let text = include_str!("../../../tests/reference/short_schedules.json");
    serde_json::from_str(text).expect("the reference file")
}

/// Values of each update, or what the config is refused for. A value is read before the update, and
/// the update's loss reported after it.
fn ours(case: &Case, base: f64) -> Result<Vec<f64>, String> {
    let run = Run {
        horizon: case.horizon,
        base,
        ..Run::default()
    };
    let group = Group {
        base: BTreeMap::from([(Target::Lr, base), (case.target, base)]),
        ..run.group()
    };
    let messages = run.messages(&case.toml, vec![group.clone()]);
    let Some(mut schedule) = run.try_with_groups(&case.toml, vec![group]) else {
        return Err(messages.join("; "));
    };
    let mut values = Vec::new();
    for t in 0..case.horizon {
        values.push(schedule.at(case.target, 0, t));
        if let Some(loss) = case.metrics.get(t as usize) {
            let metrics = Metrics::from([("val/loss".into(), *loss)]);
            schedule.0.react(t + 1, &metrics);
        }
    }
    // What has been used is not rewritten.
    let again = (0..case.horizon).map(|t| schedule.at(case.target, 0, t));
    assert_eq!(again.collect::<Vec<_>>(), values, "{}", case.name);
    Ok(values)
}

#[test]
fn short_runs_have_the_libraries_values() {
    let reference = reference();
    let base = reference.base;
    let mut faults = Vec::new();
    for case in &reference.cases {
        let (values, name) = (ours(case, base), &case.name);
        if OVER_NOTHING.iter().any(|over| name.starts_with(over)) {
            let expected = vec![base; case.horizon as usize];
            if values.as_ref() != Ok(&expected) {
                faults.push(format!("{name}: {values:?}, not {expected:?}"));
            }
            continue;
        }
        match (&case.values, values) {
            (Some(expected), Ok(values)) => {
                let differs = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-12 * base;
                if values.iter().zip(expected).any(differs) {
                    faults.push(format!("{name}: {values:?}, not {expected:?}"));
                }
            }
            (None, Ok(values)) => {
                if values.iter().any(|v| !(0.0..=base * 1.0000001).contains(v)) {
                    faults.push(format!("{name} ({:?}): {values:?}", case.reference));
                }
            }
            (_, Err(message)) => faults.push(format!("{name} refused: {message}")),
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {}\n{}",
        faults.len(),
        reference.cases.len(),
        faults.join("\n")
    );
}

#[test]
fn every_type_is_there() {
    let used: Vec<String> = reference()
        .cases
        .iter()
        .flat_map(|case| entries(&case.toml))
        .map(|entry| entry.kind)
        .collect();
    for (kind, _) in KINDS {
        assert!(used.iter().any(|used| used == kind), "{kind}");
    }
}
