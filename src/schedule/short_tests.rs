//! Every type over 1 to 10 updates, at lengths of none, one update, all, and more than all: against
//! the libraries that the types name, update by update.

use serde::Deserialize;

use crate::schedule::testing::{KINDS, Run, entries};

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
}

/// PyTorch's schedulers over no updates at all hold one of their ends for the whole run. Here a phase of
/// no updates has no effect.
const OVER_NOTHING: [&str; 3] = ["ConstantLR(0)", "LinearLR(0)", "SWALR(0)"];

/// The numbers are made by `tests/reference/short_schedules.py`.
fn reference() -> Reference {
    let text = include_str!("../../tests/reference/short_schedules.json");
    serde_json::from_str(text).expect("the reference file")
}

/// Values of each update, or what the config is refused for.
fn ours(case: &Case, base: f64) -> Result<Vec<f64>, String> {
    let run = Run {
        horizon: case.horizon,
        base,
        ..Run::default()
    };
    let messages = run.messages(&case.toml, vec![run.group()]);
    match run.try_many(&case.toml) {
        Some(schedule) => Ok((0..case.horizon).map(|t| schedule.lr(t)).collect()),
        None => Err(messages.join("; ")),
    }
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
    // `follow` has the values of another target; what follows a metric has none before a run.
    let others = ["follow", "plateau", "greedy"];
    for (kind, _) in KINDS {
        let is_used = used.iter().any(|used| used == kind);
        assert_eq!(is_used, !others.contains(&kind), "{kind}");
    }
}
