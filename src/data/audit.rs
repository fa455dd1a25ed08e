//! A look at every target before anything is trained: what the loss or the model would refuse in
//! the middle of a run is found here, with its sample.

use super::{Data, DataError, Target, Task};
use crate::units::counted;

/// The reason why a sample cannot be learned from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TargetFault {
    /// A class that does not exist.
    #[error("its class `{class}` is not one of the {}, 0 to {}", counted(*.classes as u64, "class"), classes.saturating_sub(1))]
    Class {
        /// The class.
        class: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A token that does not exist.
    #[error("its token `{token}` is not one of the {tokens} of the vocabulary, 0 to {}", tokens.saturating_sub(1))]
    Token {
        /// The token.
        token: f32,
        /// Number of tokens.
        tokens: usize,
    },
    /// A target that is no number.
    #[error("its target is `{0}`; hint: targets are finite numbers")]
    NotFinite(f32),
    /// A number that the loss is not defined for.
    #[error(
        "its target `{value}` is not in {low}–{high}, as the loss needs it; hint: `mse` takes any values"
    )]
    Outside {
        /// The number.
        value: f32,
        /// The lowest that the loss takes.
        low: f64,
        /// The highest.
        high: f64,
    },
    /// Another number of answers than the task has.
    #[error("it has {} instead of {wanted}", counted(*.found as u64, "target"))]
    Count {
        /// Targets of the sample.
        found: usize,
        /// Targets of the task.
        wanted: usize,
    },
    /// A class where numbers should be, or the other way round.
    #[error("its target is of another kind than the task's")]
    Kind,
}

impl Data {
    /// Looks at every target of every split, and at every token; `range` is the lowest and the highest
    /// value that the loss takes, where it does not take all.
    ///
    /// # Errors
    /// The first sample, in the order of the splits, that cannot be learned from or measured.
    pub fn audit(&self, range: Option<(f64, f64)>) -> Result<(), DataError> {
        let splits = [Some(&self.train), self.val.as_ref(), self.test.as_ref()];
        for split in splits.into_iter().flatten() {
            let mut tokens = vec![0.0; self.facts.shape.iter().product()];
            for index in 0..split.len() {
                let mut found = fault(&split.target(index), &self.facts.task, tokens.len(), range);
                if let (None, Task::NextToken { vocabulary }) = (&found, &self.facts.task) {
                    split.get(index, &mut tokens)?;
                    found = unknown_token(&tokens, vocabulary.len());
                }
                if let Some(fault) = found {
                    let place = split.place(index);
                    return Err(DataError::Target { place, fault });
                }
            }
        }
        Ok(())
    }
}

/// Returns the fault of the target of a sample of `places` numbers.
fn fault(
    target: &Target<'_>,
    task: &Task,
    places: usize,
    range: Option<(f64, f64)>,
) -> Option<TargetFault> {
    let unknown = |class: u32, classes: usize| {
        (class as usize >= classes).then_some(TargetFault::Class { class, classes })
    };
    let count = |found: usize, wanted: usize| {
        (found != wanted).then_some(TargetFault::Count { found, wanted })
    };
    match (target, task) {
        (Target::Class(class), Task::Classification { classes, .. }) => unknown(*class, *classes),
        (Target::Classes(answers), Task::NextToken { vocabulary }) => count(answers.len(), places)
            .or_else(|| {
                answers
                    .iter()
                    .find_map(|class| unknown(*class, vocabulary.len()))
            }),
        (Target::Values(values), Task::Regression { targets }) => count(values.len(), *targets)
            .or_else(|| values.iter().find_map(|value| unfit(*value, range))),
        _ => Some(TargetFault::Kind),
    }
}

fn unfit(value: f32, range: Option<(f64, f64)>) -> Option<TargetFault> {
    if !value.is_finite() {
        return Some(TargetFault::NotFinite(value));
    }
    let (low, high) = range?;
    let inside = (low..=high).contains(&f64::from(value));
    (!inside).then_some(TargetFault::Outside { value, low, high })
}

/// The first input that is no token's id.
fn unknown_token(inputs: &[f32], tokens: usize) -> Option<TargetFault> {
    let known = |id: f32| id >= 0.0 && id.fract() == 0.0 && (id as usize) < tokens;
    let token = inputs.iter().copied().find(|id| !known(*id))?;
    Some(TargetFault::Token { token, tokens })
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use super::*;
    use crate::data::{Dataset, DatasetKeys, DatasetSpec, Digits, Facts};

    /// Samples that are their targets, and inputs of one or more ids.
    struct Made(Vec<Target<'static>>, Vec<f32>);

    impl Dataset for Made {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, _: usize, out: &mut [f32]) -> Result<(), DataError> {
            out.copy_from_slice(&self.1);
            Ok(())
        }
        fn target(&self, index: usize) -> Target<'_> {
            self.0[index].clone()
        }
    }

    fn data(task: Task, good: Target<'static>, bad: Target<'static>, split: usize) -> Data {
        let part = |n: usize| {
            let targets = if n == split {
                vec![good.clone(), bad.clone()]
            } else {
                vec![good.clone()]
            };
            Arc::new(Made(targets, vec![0.0])) as Arc<dyn Dataset>
        };
        Data {
            facts: Facts {
                shape: vec![1],
                task,
                ..Digits {}.describe(&DatasetKeys::default(), 0).unwrap()
            },
            train: part(0),
            val: Some(part(1)),
            test: Some(part(2)),
            fingerprint: String::new(),
            target_scale: None,
        }
    }

    #[test]
    fn a_bad_target_is_found_in_every_split_with_its_sample() {
        let classes = || Task::classes(vec!["a".into(), "b".into()]);
        let values = |values: &'static [f32]| Target::Values(Cow::Borrowed(values));
        let next = |ids: &'static [u32]| Target::Classes(Cow::Borrowed(ids));
        let one = Task::Regression { targets: 1 };
        let words = || Task::NextToken {
            vocabulary: vec!["a".into(), "b".into()],
        };
        let cases = [
            (
                classes(),
                Target::Class(1),
                Target::Class(2),
                "sample 1: its class `2` is not one of the 2 classes, 0 to 1",
            ),
            (
                classes(),
                Target::Class(1),
                values(&[1.0]),
                "sample 1: its target is of another kind than the task's",
            ),
            (
                one.clone(),
                values(&[0.5]),
                values(&[f32::NAN]),
                "sample 1: its target is `NaN`; hint: targets are finite numbers",
            ),
            (
                one.clone(),
                values(&[0.5]),
                values(&[f32::INFINITY]),
                "sample 1: its target is `inf`; hint: targets are finite numbers",
            ),
            (
                one.clone(),
                values(&[0.0]),
                values(&[1.5]),
                "sample 1: its target `1.5` is not in 0–1, as the loss needs it; hint: `mse` takes any values",
            ),
            (
                one.clone(),
                values(&[1.0]),
                values(&[-0.25]),
                "sample 1: its target `-0.25` is not in 0–1, as the loss needs it; hint: `mse` takes any values",
            ),
            (
                one,
                values(&[1.0]),
                values(&[0.0, 0.0]),
                "sample 1: it has 2 targets instead of 1",
            ),
            (
                words(),
                next(&[1]),
                next(&[2]),
                "sample 1: its class `2` is not one of the 2 classes, 0 to 1",
            ),
            (
                words(),
                next(&[1]),
                next(&[1, 0]),
                "sample 1: it has 2 targets instead of 1",
            ),
        ];
        for (task, good, bad, said) in cases {
            for split in 0..3 {
                let data = data(task.clone(), good.clone(), bad.clone(), split);
                let error = data.audit(Some((0.0, 1.0))).unwrap_err();
                assert_eq!(error.to_string(), said);
                assert_eq!(error.key(), "target");
            }
            assert_eq!(
                data(task, good.clone(), good, 0)
                    .audit(Some((0.0, 1.0)))
                    .err()
                    .map(|e| e.to_string()),
                None
            );
        }
    }

    #[test]
    fn without_a_range_every_finite_value_will_do() {
        let task = Task::Regression { targets: 1 };
        let far = Target::Values(Cow::Borrowed(&[-3e8f32][..]));
        assert!(data(task, far.clone(), far, 1).audit(None).is_ok());
    }

    #[test]
    fn tokens_of_the_input_are_looked_at_too() {
        for (token, ok) in [
            (0.0, true),
            (1.0, true),
            (2.0, false),
            (-1.0, false),
            (0.5, false),
            (f32::NAN, false),
        ] {
            let vocabulary = vec!["a".into(), "b".into()];
            let next = Target::Classes(Cow::Borrowed(&[1u32][..]));
            let mut data = data(
                Task::NextToken { vocabulary },
                next.clone(),
                next.clone(),
                0,
            );
            data.test = Some(Arc::new(Made(vec![next], vec![token])));
            assert_eq!(data.audit(None).is_ok(), ok, "{token}");
        }
    }
}
