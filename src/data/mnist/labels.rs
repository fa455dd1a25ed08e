//! From the labels of IDX files to classes: how many there are, and which label is which.

use std::path::Path;

use super::Mnist;
use crate::data::{DataError, IdxError};

/// Classes that labels are taken for where they go no further, as in MNIST.
const USUAL: usize = 10;

/// The labels of a folder as classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classes {
    first: u8,
    count: usize,
}

impl Classes {
    /// The classes that the keys name, or else those of the training labels, which then have no gap.
    pub(super) fn of(spec: &Mnist, path: &Path, labels: &[u8]) -> Result<Self, DataError> {
        let first = spec.first_label;
        let most = labels.iter().copied().max().unwrap_or(first);
        let seen = usize::from(most.saturating_sub(first)) + 1;
        if let Some(count) = spec.classes {
            return Ok(Self { first, count });
        }
        if first == 0 && seen <= USUAL {
            return Ok(Self {
                first,
                count: USUAL,
            });
        }
        let mut is_there = [false; 256];
        labels
            .iter()
            .for_each(|&label| is_there[usize::from(label)] = true);
        let absent = (first..=most).find(|&label| !is_there[usize::from(label)]);
        let fault = |error| {
            Err(DataError::Idx {
                path: path.into(),
                error,
            })
        };
        match absent {
            Some(0) if is_there[1] && first == 0 => fault(IdxError::FirstLabel { most }),
            Some(absent) => {
                let above = labels.iter().position(|&label| label > absent);
                let index = above.unwrap_or_default();
                fault(IdxError::Gap {
                    label: labels[index],
                    index,
                    absent,
                    classes: seen,
                })
            }
            None => Ok(Self { first, count: seen }),
        }
    }

    /// Their number.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Their names: the labels as the files have them.
    pub(super) fn names(&self) -> Vec<String> {
        let first = usize::from(self.first);
        (first..first + self.count)
            .map(|label| label.to_string())
            .collect()
    }

    /// The labels as indices of classes.
    pub(super) fn indices(&self, path: &Path, mut labels: Vec<u8>) -> Result<Vec<u8>, DataError> {
        let is_class =
            |label: u8| label >= self.first && usize::from(label - self.first) < self.count;
        match labels.iter().position(|&label| !is_class(label)) {
            Some(index) => Err(DataError::Idx {
                path: path.into(),
                error: IdxError::Label {
                    label: labels[index],
                    index,
                    least: self.first.into(),
                    most: usize::from(self.first) + self.count - 1,
                },
            }),
            None => {
                labels.iter_mut().for_each(|label| *label -= self.first);
                Ok(labels)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::FilePath;

    fn spec(keys: &str) -> Mnist {
        let mut spec: Mnist = toml::from_str(&format!("path = \"x\"\n{keys}")).unwrap();
        spec.path = FilePath("x".into());
        spec
    }

    fn classes(keys: &str, labels: &[u8]) -> Result<(usize, String), String> {
        let path = Path::new("x");
        Classes::of(&spec(keys), path, labels)
            .and_then(|classes| {
                classes.indices(path, labels.to_vec())?;
                Ok((classes.count(), classes.names()[0].clone()))
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn classes_are_counted_from_the_labels() {
        let to = |last: u8| (0..=last).collect::<Vec<u8>>();
        for (keys, labels, count, first) in [
            ("", to(9), 10, "0"),
            ("", vec![3, 1], 10, "0"),
            ("", to(10), 11, "0"),
            ("", to(46), 47, "0"),
            ("", to(61), 62, "0"),
            ("", to(255), 256, "0"),
            ("first_label = 1", (1..=26).collect(), 26, "1"),
            ("first_label = 1", (1..=5).collect(), 5, "1"),
            ("classes = 2", to(1), 2, "0"),
            ("classes = 300", vec![255], 300, "0"),
            ("classes = 3\nfirst_label = 4", vec![4, 6], 3, "4"),
        ] {
            assert_eq!(
                classes(keys, &labels),
                Ok((count, first.into())),
                "{keys} {labels:?}"
            );
        }
    }

    #[test]
    fn labels_that_are_no_classes_are_refused_with_the_key_that_helps() {
        let letters: Vec<u8> = (1..=26).collect();
        for (keys, labels, message) in [
            (
                "",
                &letters[..],
                "`x` has labels from 1 to 26 and none is 0; hint: first_label = 1",
            ),
            (
                "",
                &[0, 1, 200, 2],
                "`x` has label `200` at sample 2, but no label `3`; hint: if the file is right, classes = 201",
            ),
            (
                "classes = 2",
                &[0, 1, 2],
                "`x` has label `2` at sample 2, expected 0 to 1; hint: `first_label` and `classes` say which labels there are",
            ),
            (
                "first_label = 1",
                &[1, 0, 2],
                "`x` has label `0` at sample 1, expected 1 to 2; hint: `first_label` and `classes` say which labels there are",
            ),
        ] {
            assert_eq!(classes(keys, labels).unwrap_err(), message);
        }
    }
}
