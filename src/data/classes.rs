//! The number of samples of each class in each split, and warnings about it.

use super::{Dataset, DatasetKeys, Facts, Split, SplitOrder};
use crate::{
    error::KeyFault,
    task::{Target, Task},
};

/// Samples of each class by split, in the order of the classes; all empty where a sample has no
/// class of its own (a regression, a text) or nobody has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Training samples, after `limit`.
    pub train: Vec<usize>,
    /// Validation samples.
    pub val: Vec<usize>,
    /// Test samples.
    pub test: Vec<usize>,
}

/// One class may have so many times the training samples of another one before that is a warning.
const BALANCED: usize = 10;
/// Names that a warning lists.
const LISTED: usize = 5;

impl ClassCounts {
    /// Those of a split of samples whose class `class` tells.
    #[must_use]
    pub fn of(split: &Split, classes: usize, class: impl Fn(u32) -> u32) -> Self {
        let count = |ids: &[u32]| count(ids.iter().map(|&id| class(id)), classes);
        Self {
            train: count(&split.train),
            val: count(&split.val),
            test: count(&split.test),
        }
    }

    /// Those of a split of `whole`, where the task gives each sample a class.
    pub(super) fn of_dataset(split: &Split, task: &Task, whole: &dyn Dataset) -> Self {
        match task {
            Task::Classification { classes, .. } => {
                Self::of(split, *classes, |id| match whole.target(id as usize) {
                    Target::Class(class) => class,
                    Target::Classes(_) | Target::Values(_) => u32::MAX,
                })
            }
            _ => Self::default(),
        }
    }

    /// Training, validation and test samples of class `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> [usize; 3] {
        let of = |counts: &[usize]| counts.get(index).copied().unwrap_or(0);
        [of(&self.train), of(&self.val), of(&self.test)]
    }
}

/// Counts each of `classes` classes; an index beyond them is not counted.
pub(super) fn count(indices: impl Iterator<Item = u32>, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for index in indices {
        if let Some(count) = counts.get_mut(index as usize) {
            *count += 1;
        }
    }
    counts
}

impl Facts {
    /// Returns what is odd about the classes, as warnings at keys of `[dataset]`: a class that a split
    /// lacks, and training samples that are far from balanced.
    #[must_use]
    pub fn class_warnings(&self, keys: &DatasetKeys) -> Vec<KeyFault> {
        let Task::Classification { names, .. } = &self.task else {
            return Vec::new();
        };
        let lacking = [
            ("training", &self.counts.train, self.train),
            ("validation", &self.counts.val, self.val),
            ("test", &self.counts.test, self.test),
        ];
        let mut warnings: Vec<KeyFault> = lacking
            .into_iter()
            .filter(|(_, _, samples)| *samples > 0)
            .filter_map(|(split, counts, _)| self.lacking(split, counts, names, keys))
            .collect();
        warnings.extend(imbalance(&self.counts.train, names));
        warnings
    }

    /// A warning about the classes of which a split has no sample.
    fn lacking(
        &self,
        split: &str,
        counts: &[usize],
        names: &[String],
        keys: &DatasetKeys,
    ) -> Option<KeyFault> {
        let absent = || (0..counts.len()).filter(|&i| counts[i] == 0);
        let count = absent().count();
        let listed: Vec<String> = absent()
            .take(LISTED)
            .filter_map(|i| names.get(i).map(|name| format!("`{name}`")))
            .collect();
        let more = if count > LISTED { ", …" } else { "" };
        let who = match count {
            0 => return None,
            1 => format!("class {} has", listed.join("")),
            _ => format!("`{count}` of `{}` classes have", counts.len()),
        };
        let which = match count {
            1 => String::new(),
            _ => format!(": {}{more}", listed.join(", ")),
        };
        let is_nowhere = absent().all(|i| self.counts.get(i) == [0; 3]);
        let message = match (split, is_nowhere) {
            ("training", true) => format!("{who} no sample at all{which}"),
            // The warning about training has said it.
            (_, true) => return None,
            _ => format!("{who} no {split} sample{which}"),
        };
        let warning = KeyFault::warning("split", message);
        Some(match remedy(split, is_nowhere, keys) {
            Some(hint) => warning.hint(hint),
            None => warning,
        })
    }
}

/// A remedy where a split lacks a class.
fn remedy(split: &str, is_nowhere: bool, keys: &DatasetKeys) -> Option<&'static str> {
    let is_stratified = keys.split.stratify == Some(true);
    let is_limited = split == "training" && keys.limit.is_some();
    match (keys.split.order, is_stratified, is_limited) {
        _ if is_nowhere => None,
        (Some(SplitOrder::File), ..) => {
            Some("larger splits, or order = \"random\" with stratify = true")
        }
        (_, true, true) => Some("a larger `limit`"),
        (_, true, false) => None,
        (_, false, true) => Some("stratify = true in `split`, or a larger `limit`"),
        (_, false, false) => Some("stratify = true in `split`"),
    }
}

/// A warning where a class has more than ten times the training samples of another one.
fn imbalance(counts: &[usize], names: &[String]) -> Option<KeyFault> {
    let some = || (0..counts.len()).filter(|&i| counts[i] > 0);
    // Of several, the first.
    let most = some().rev().max_by_key(|&i| counts[i])?;
    let fewest = some().min_by_key(|&i| counts[i])?;
    if counts[most] <= BALANCED * counts[fewest] {
        return None;
    }
    let message = format!(
        "class `{}` has `{}` training samples, class `{}` only `{}`",
        names.get(most)?,
        counts[most],
        names.get(fewest)?,
        counts[fewest]
    );
    let hint = "accuracy says little then: measure `f1`, and weigh the classes with `class_weights` in `[loss]`";
    Some(KeyFault::warning("", message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;

    fn facts(counts: [&[usize]; 3]) -> Facts {
        let names = (0..counts[0].len()).map(|i| format!("c{i}")).collect();
        let [train, val, test] = counts.map(|counts| counts.iter().sum());
        Facts {
            fields: vec![crate::field::Field::numbers("input", &[1])],
            task: Task::classes(names),
            train,
            val,
            test,
            counts: ClassCounts {
                train: counts[0].into(),
                val: counts[1].into(),
                test: counts[2].into(),
            },
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn warnings(counts: [&[usize]; 3], keys: &str) -> Vec<String> {
        let keys: DatasetKeys = toml::from_str(keys).unwrap();
        let warnings = facts(counts).class_warnings(&keys);
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn samples_are_counted_by_class_and_split() {
        let split = Split {
            train: vec![0, 1, 2, 5],
            val: vec![3],
            test: vec![],
        };
        let counts = ClassCounts::of(&split, 3, |id| id % 3);
        assert_eq!(counts.train, [1, 1, 2]);
        assert_eq!(counts.val, [1, 0, 0]);
        assert_eq!(counts.test, [0, 0, 0]);
        assert_eq!(counts.get(2), [2, 0, 0]);
    }

    #[test]
    fn a_class_that_a_split_lacks_is_named_with_a_remedy() {
        let whole: [&[usize]; 3] = [&[9, 9], &[1, 1], &[1, 1]];
        assert!(warnings(whole, "").is_empty());
        assert!(warnings([&[9, 9], &[0, 0], &[0, 0]], "").is_empty());
        assert_eq!(
            warnings([&[9, 0], &[1, 1], &[2, 0]], ""),
            [
                "`split`: class `c1` has no training sample; hint: stratify = true in `split`",
                "`split`: class `c1` has no test sample; hint: stratify = true in `split`",
            ]
        );
        assert_eq!(
            warnings(
                [&[9, 0, 9, 9, 9, 9, 9], &[1, 1, 0, 0, 0, 0, 0], &[0; 7]],
                "split = { stratify = true }"
            ),
            [
                "`split`: class `c1` has no training sample",
                "`split`: `5` of `7` classes have no validation sample: `c2`, `c3`, `c4`, `c5`, `c6`",
            ]
        );
        assert_eq!(
            warnings(
                [&[1, 0], &[1, 1], &[1, 1]],
                "limit = 1\nsplit = { stratify = true }"
            ),
            ["`split`: class `c1` has no training sample; hint: a larger `limit`"]
        );
        assert_eq!(
            warnings([&[1, 0], &[1, 1], &[1, 1]], "limit = 1"),
            [
                "`split`: class `c1` has no training sample; hint: stratify = true in `split`, or a larger `limit`"
            ]
        );
        assert_eq!(
            warnings([&[5, 0], &[1, 1], &[1, 1]], "split = { order = \"file\" }"),
            [
                "`split`: class `c1` has no training sample; hint: larger splits, or order = \"random\" with stratify = true"
            ]
        );
    }

    #[test]
    fn a_class_that_no_split_has_is_told_once() {
        let counts: [&[usize]; 3] = [&[9, 0, 0], &[1, 0, 0], &[1, 0, 0]];
        assert_eq!(
            warnings(counts, ""),
            ["`split`: `2` of `3` classes have no sample at all: `c1`, `c2`"]
        );
    }

    #[test]
    fn more_than_ten_to_one_is_a_warning() {
        let val: &[usize] = &[1, 1];
        assert!(warnings([&[100, 10], val, val], "").is_empty());
        assert_eq!(
            warnings([&[101, 10], val, val], ""),
            [
                "class `c0` has `101` training samples, class `c1` only `10`; hint: accuracy says little then: \
              measure `f1`, and weigh the classes with `class_weights` in `[loss]`"
            ]
        );
    }
}
