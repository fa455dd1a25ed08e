//! Every metric against scikit-learn, in one batch and in many.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::task::{Targets, Task};

#[derive(Deserialize)]
struct Reference {
    metrics: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    note: String,
    output: Vec<Vec<f32>>,
    classes: Option<Vec<u32>>,
    values_target: Option<Vec<Vec<f32>>>,
    values: BTreeMap<String, Value>,
}

impl Case {
    /// The metric's values when the samples come in batches of `size`.
    fn counted(&self, name: &str, size: usize) -> Vec<f64> {
        let width = self.output[0].len();
        let mut counted = metric(name).unwrap().start(width);
        for start in (0..self.output.len()).step_by(size) {
            let end = (start + size).min(self.output.len());
            let output = self.output[start..end].concat();
            match (&self.classes, &self.values_target) {
                (Some(classes), _) => {
                    counted.add(
                        &output,
                        width,
                        &Targets::Classes(classes[start..end].to_vec()),
                    );
                }
                (_, Some(values)) => {
                    let values = values[start..end].concat();
                    counted.add(&output, width, &Targets::Values(values));
                }
                _ => panic!("`{}` has no targets", self.note),
            }
        }
        counted.values()
    }
}

/// Returns whether numbers, or lists of them, are those of the reference.
fn near(got: &[f64], want: &Value) -> bool {
    let one = |got: f64, want: &Value| match want.as_f64() {
        Some(want) => (got - want).abs() <= 1e-12 * want.abs().max(1e-3),
        None => want == "NaN" && got.is_nan(),
    };
    match want.as_array() {
        Some(list) => {
            got.len() == list.len() && got.iter().zip(list).all(|(got, want)| one(*got, want))
        }
        None => got.len() == 1 && one(got[0], want),
    }
}

fn agrees(text: &str, cases: usize) -> BTreeSet<String> {
    let reference: Reference = serde_json::from_str(text).unwrap();
    assert_eq!(reference.metrics.len(), cases);
    let mut names = BTreeSet::new();
    for case in &reference.metrics {
        for (name, want) in &case.values {
            let got = case.counted(name, usize::MAX / 2);
            assert!(
                near(&got, want),
                "{name} of {}: {got:?} is not {want}",
                case.note
            );
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            for size in [1, 7] {
                let parts = case.counted(name, size);
                assert_eq!(bits(&parts), bits(&got), "{name} of {}", case.note);
            }
            names.insert(name.clone());
        }
    }
    names
}

#[test]
fn values_are_scikit_learns() {
    agrees(include_str!("../../../tests/reference/objectives.json"), 13);
}

/// One class alone, nothing predicted as positive, ties, a target that never changes or is 0, a class
/// that the split lacks.
#[test]
fn values_are_scikit_learns_also_where_a_metric_is_undefined() {
    let names = agrees(include_str!("../../../tests/reference/metrics.json"), 24);
    for (known, _) in METRICS {
        assert!(known == "top_<k>" || names.contains(known), "{known}");
    }
}

const CLASSES: [&str; 17] = [
    "accuracy",
    "top_2",
    "perplexity",
    "balanced_accuracy",
    "mcc",
    "log_loss",
    "brier",
    "auc",
    "average_precision",
    "f1",
    "f1_micro",
    "f1_weighted",
    "f1_none",
    "precision",
    "recall",
    "precision_none",
    "recall_weighted",
];

const VALUES: [&str; 5] = ["rmse", "mae", "mape", "r2", "explained_variance"];

fn all_names() -> impl Iterator<Item = &'static str> {
    CLASSES.into_iter().chain(VALUES)
}

/// A batch that fits the metric's task, with `value` as one of its outputs.
fn value_with(name: &str, value: f32) -> f64 {
    let metric = metric(name).unwrap();
    let mut counted = metric.start(3);
    let output = [1.0, 2.0, 3.0, 0.5, value, 0.1, 0.3, 0.2, 0.1];
    let targets = match metric.fits(&Task::unnamed(3)) {
        None => Targets::Classes(vec![2, 0, 1]),
        Some(_) => Targets::Values(vec![1.0, 2.5, 3.0, 0.0, 0.5, 0.0, 1.0, 1.0, 1.0]),
    };
    counted.add(&output, 3, &targets);
    counted.value()
}

#[test]
fn nan_outputs_give_nan_and_infinite_ones_do_not_panic() {
    for name in all_names() {
        assert!(value_with(name, 0.0).is_finite(), "{name}");
        assert!(value_with(name, f32::NAN).is_nan(), "{name}");
        value_with(name, f32::INFINITY);
        value_with(name, f32::NEG_INFINITY);
    }
}

#[test]
fn no_sample_gives_nan() {
    for name in all_names() {
        let mut counted = metric(name).unwrap().start(3);
        assert!(counted.value().is_nan(), "{name}");
        let targets = match metric(name).unwrap().fits(&Task::unnamed(3)) {
            None => Targets::Classes(vec![]),
            Some(_) => Targets::Values(vec![]),
        };
        counted.add(&[], 3, &targets);
        assert!(counted.value().is_nan(), "{name}");
    }
}

#[test]
fn targets_of_the_other_task_and_classes_without_an_output_give_nan() {
    for name in all_names() {
        let mut counted = metric(name).unwrap().start(3);
        let targets = match metric(name).unwrap().fits(&Task::unnamed(3)) {
            None => Targets::Values(vec![1.0, 2.0, 3.0]),
            Some(_) => Targets::Classes(vec![1]),
        };
        counted.add(&[1.0, 2.0, 3.0], 3, &targets);
        assert!(counted.value().is_nan(), "{name}");
    }
    for name in CLASSES {
        let mut counted = metric(name).unwrap().start(3);
        counted.add(&[1.0, 2.0, 3.0], 3, &Targets::Classes(vec![3]));
        assert!(counted.value().is_nan(), "{name}");
    }
}
