//! A look at every target before anything is trained: what the loss or the model would refuse in
//! the middle of a run is found here, with its sample.

use super::{Data, DataError, Values};
use crate::units::counted;
use crate::{
    field::{Field, Kind},
    task::{Target, Task},
};

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
        token: u32,
        /// Number of tokens.
        tokens: usize,
    },
    /// A category that does not exist.
    #[error("its category `{category}` is not one of the {categories} of its column, 0 to {}", categories.saturating_sub(1))]
    Category {
        /// The category.
        category: u32,
        /// Number of categories of the column.
        categories: usize,
    },
    /// A label that is neither there nor not there.
    #[error("its label `{0}` is neither 0 nor 1")]
    Label(f32),
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
    /// Looks at every target of every split, and at every id; `range` is the lowest and the highest
    /// value that the loss takes, where it does not take all.
    ///
    /// # Errors
    /// The first sample, in the order of the splits, that cannot be learned from or measured.
    pub fn audit(&self, range: Option<(f64, f64)>) -> Result<(), DataError> {
        let splits = [Some(&self.train), self.val.as_ref(), self.test.as_ref()];
        let fields = self.facts.fields.iter().enumerate();
        let fields: Vec<_> = fields.filter(|(_, field)| !field.is_numeric()).collect();
        let places = self.facts.fields[0].size();
        for split in splits.into_iter().flatten() {
            let mut ids = Values::Ids(Vec::new());
            for index in 0..split.len() {
                let mut found = fault(&split.target(index), &self.facts.task, places, range);
                for (place, field) in &fields {
                    ids.clear();
                    split.get(index, *place, &mut ids)?;
                    found = found.or(unknown_id(field, ids.ids()?));
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

/// Returns the fault of the target of a sample of `places` places.
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
        (Target::Values(values), Task::MultiLabel { names }) => count(values.len(), names.len())
            .or_else(|| {
                let other = values.iter().find(|value| **value != 0.0 && **value != 1.0);
                other.map(|value| TargetFault::Label(*value))
            }),
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

/// Returns the fault of the first id that its field does not have.
fn unknown_id(field: &Field, ids: &[u32]) -> Option<TargetFault> {
    match &field.kind {
        Kind::Tokens { vocabulary } => {
            let token = *ids.iter().find(|id| **id as usize >= *vocabulary)?;
            let tokens = *vocabulary;
            Some(TargetFault::Token { token, tokens })
        }
        Kind::Categories { sizes } => {
            let mut pairs = ids.iter().zip(sizes);
            let (id, size) = pairs.find(|(id, size)| **id as usize >= **size)?;
            let (category, categories) = (*id, *size);
            Some(TargetFault::Category {
                category,
                categories,
            })
        }
        Kind::Numbers | Kind::Pixels { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use super::*;
    use crate::data::{Dataset, DatasetKeys, DatasetSpec, Digits, Facts};

    /// Samples that are their targets, and inputs of one or more ids.
    struct Made(Vec<Target<'static>>, Vec<u32>);

    impl Dataset for Made {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, _: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
            out.ids()?.extend_from_slice(&self.1);
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
            Arc::new(Made(targets, vec![0])) as Arc<dyn Dataset>
        };
        Data {
            facts: Facts {
                fields: vec![Field::tokens("tokens", 1, 2)],
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
        let labels = || Task::MultiLabel {
            names: vec!["a".into(), "b".into()],
        };
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
                labels(),
                values(&[1.0, 0.0]),
                values(&[1.0, 0.5]),
                "sample 1: its label `0.5` is neither 0 nor 1",
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
        for (token, ok) in [(0, true), (1, true), (2, false), (u32::MAX, false)] {
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
