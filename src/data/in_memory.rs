//! Samples that lie in memory: the shortest way to a dataset of one's own.

use std::{borrow::Cow, sync::Arc};

use super::{ClassCounts, Data, DataError, Dataset, DatasetKeys, Facts, Labels, Split, Values};
use crate::{
    field::Field,
    task::{Target, Targets, Task},
    units::counted,
};

/// Samples in memory, each with what is to be predicted for it.
///
/// ```
/// use trainer::prelude::*;
/// let samples = InMemory {
///     fields: vec![(Field::numbers("size", &[1]), Values::Numbers(vec![0.1, 0.2, 0.8, 0.9]))],
///     task: Task::classes(vec!["small".into(), "large".into()]),
///     targets: Targets::Classes(vec![0, 0, 1, 1]),
/// };
/// let data = samples.split(&DatasetKeys::default(), 42)?;
/// assert_eq!(data.facts.train, 4);
/// # Ok::<(), DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct InMemory {
    /// What a sample is made of, each with its values: sample after sample, row-major. All samples of
    /// a field have the field's whole shape.
    pub fields: Vec<(Field, Values)>,
    /// The task: what is predicted.
    pub task: Task,
    /// The targets, in the same order.
    pub targets: Targets,
}

impl InMemory {
    /// Divides the samples into training, validation and test as `keys` say; `seed` is the run's.
    ///
    /// # Errors
    /// Values and targets that do not fit together, or samples that cannot be divided.
    pub fn split(self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let count = self.count()?;
        let names = self.task.names();
        let labels = match (&self.targets, &self.task) {
            (Targets::Classes(classes), Task::Classification { .. }) => Some(Labels {
                classes,
                names: &names,
            }),
            _ => None,
        };
        let split = Split::new(count, &keys.split, keys.limit, seed, labels)?;
        let facts = Facts {
            fields: self.fields.iter().map(|(field, _)| field.clone()).collect(),
            task: self.task.clone(),
            train: count,
            val: 0,
            test: 0,
            counts: ClassCounts::default(),
            notes: Vec::new(),
            warnings: Vec::new(),
        };
        let fingerprint = self.fingerprint();
        let samples: Arc<dyn Dataset> = Arc::new(Samples { count, all: self });
        Ok(Data::new(facts, &samples, split, fingerprint))
    }

    /// The number of samples, where all parts agree about it.
    fn count(&self) -> Result<usize, DataError> {
        let (Some((first, values)), width) = (self.fields.first(), self.width()) else {
            return Err(fault("a sample has one field at least".into()));
        };
        let count = values.len() / first.size().max(1);
        for (field, values) in &self.fields {
            let (name, size) = (&field.name, field.size());
            if values.len() != count * size {
                return Err(fault(format!(
                    "the field `{name}` has {} values for {}; hint: a sample has {size}",
                    values.len(),
                    counted(count as u64, "sample")
                )));
            }
        }
        let (found, is_kind) = match &self.targets {
            Targets::Classes(classes) => (classes.len(), self.task.is_classification()),
            Targets::Values(values) => (values.len(), !self.task.is_classification()),
        };
        if !is_kind || found != count * width {
            let (kind, noun) = match self.task.is_classification() {
                true => ("Classes", "a class"),
                false => ("Values", "a number"),
            };
            return Err(fault(format!(
                "{} have {found} targets; hint: `Targets::{kind}` with {noun} for each, {width} a sample",
                counted(count as u64, "sample")
            )));
        }
        self.check_classes()?;
        Ok(count)
    }

    /// The number of targets of a sample.
    fn width(&self) -> usize {
        match &self.task {
            Task::Classification { .. } => 1,
            Task::NextToken { .. } => self.fields.first().map_or(0, |(field, _)| field.size()),
            Task::Regression { .. } | Task::MultiLabel { .. } => self.task.outputs(),
        }
    }

    /// Refuses a class that the task does not have.
    fn check_classes(&self) -> Result<(), DataError> {
        let (Targets::Classes(found), classes) = (&self.targets, self.task.outputs()) else {
            return Ok(());
        };
        match found.iter().find(|class| **class as usize >= classes) {
            Some(class) => Err(fault(format!(
                "class {class} is not among the {classes} of the task; hint: classes count from 0"
            ))),
            None => Ok(()),
        }
    }

    /// BLAKE3 of values and targets, little-endian.
    fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (_, values) in &self.fields {
            match values {
                Values::Numbers(values) => hash(&mut hasher, values, f32::to_le_bytes),
                Values::Ids(values) => hash(&mut hasher, values, u32::to_le_bytes),
                Values::Pixels(values) => hash(&mut hasher, values, u8::to_le_bytes),
            }
        }
        match &self.targets {
            Targets::Values(values) => hash(&mut hasher, values, f32::to_le_bytes),
            Targets::Classes(classes) => hash(&mut hasher, classes, u32::to_le_bytes),
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Takes the bytes of values into a hash.
fn hash<T: Copy, const N: usize>(
    hasher: &mut blake3::Hasher,
    values: &[T],
    bytes: fn(T) -> [u8; N],
) {
    for part in values.chunks(1024) {
        let bytes: Vec<u8> = part.iter().flat_map(|value| bytes(*value)).collect();
        hasher.update(&bytes);
    }
}

fn fault(message: String) -> DataError {
    DataError::Custom(message.into())
}

/// The samples, whose count is known to fit.
struct Samples {
    all: InMemory,
    count: usize,
}

impl Dataset for Samples {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize, field: usize, out: &mut Values) -> Result<(), DataError> {
        let (field, values) = &self.all.fields[field];
        let place = index * field.size()..(index + 1) * field.size();
        match values {
            Values::Numbers(values) => out.numbers()?.extend_from_slice(&values[place]),
            Values::Pixels(values) => out.pixels()?.extend_from_slice(&values[place]),
            Values::Ids(values) => out.ids()?.extend_from_slice(&values[place]),
        }
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        let width = self.all.width();
        let place = index * width..(index + 1) * width;
        match &self.all.targets {
            Targets::Classes(classes) if self.all.task.is_of_places() => {
                Target::Classes(Cow::Borrowed(&classes[place]))
            }
            Targets::Classes(classes) => Target::Class(classes[index]),
            Targets::Values(values) => Target::Values(Cow::Borrowed(&values[place])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> InMemory {
        let values = Values::Numbers((0..20).map(|i| i as f32).collect());
        InMemory {
            fields: vec![(Field::numbers("pair", &[2]), values)],
            task: Task::Regression { targets: 1 },
            targets: Targets::Values((0..10).map(|i| i as f32).collect()),
        }
    }

    #[test]
    fn samples_keep_their_targets_and_changed_ones_are_noticed() {
        let data = numbers().split(&DatasetKeys::default(), 0).unwrap();
        let mut sample = Values::Numbers(Vec::new());
        data.train.get(3, 0, &mut sample).unwrap();
        let target = Target::Values(Cow::Owned(vec![3.0]));
        assert_eq!(sample, Values::Numbers(vec![6.0, 7.0]));
        assert_eq!(data.train.target(3), target);
        let mut other = numbers();
        other.fields[0].1.numbers().unwrap()[0] = 0.5;
        let other = other.split(&DatasetKeys::default(), 0).unwrap();
        assert_ne!(other.fingerprint, data.fingerprint);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let refused = |change: fn(&mut InMemory)| {
            let mut samples = numbers();
            change(&mut samples);
            let error = samples.split(&DatasetKeys::default(), 0).unwrap_err();
            error.to_string()
        };
        let odd = refused(|s| s.fields[0].1.numbers().unwrap().truncate(19));
        assert!(odd.contains("`pair` has 19 values for 9 samples"), "{odd}");
        let few = refused(|s| s.targets = Targets::Values(vec![0.0; 9]));
        assert!(few.contains("10 samples have 9 targets"), "{few}");
        let beyond = refused(|s| {
            s.task = Task::classes(vec!["a".into(), "b".into()]);
            s.targets = Targets::Classes(vec![2; 10]);
        });
        assert!(beyond.contains("class 2 is not among the 2"), "{beyond}");
        let mixed = refused(|s| s.task = Task::classes(vec!["a".into()]));
        assert!(mixed.contains("`Targets::Classes`"), "{mixed}");
        let none = refused(|s| s.fields.clear());
        assert!(none.contains("one field at least"), "{none}");
    }
}
