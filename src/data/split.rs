//! Dividing samples into training, validation and test: a pure function of their number, the seed
//! and the keys.
//!
//! The samples are put into a random order (stream `Split`); the first go to test, the next to
//! validation, the rest to training. A stratified split does the same within each class. In the
//! file's order the first samples go to training, the next to validation, the last to test.

mod stratified;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SplitKeys;
use crate::rng::{Purpose, Stream};
use crate::units::counted;

/// random or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the key that holds it says what each name means"
)]
pub enum SplitOrder {
    Random,
    File,
}

/// Which samples are in which split: disjoint, together all (unless limited), ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Training samples.
    pub train: Vec<u32>,
    /// Validation samples.
    pub val: Vec<u32>,
    /// Test samples.
    pub test: Vec<u32>,
}

/// The class of each sample, for a stratified split.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// Class of each sample, as index into `names`.
    pub classes: &'a [u32],
    /// The classes' names.
    pub names: &'a [String],
}

/// Why samples cannot be divided as the keys say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Evaluation takes everything.
    #[error(
        "`{val}` validation and `{test}` test samples leave none of `{samples}` for training; hint: make the evaluation splits smaller"
    )]
    NothingLeft {
        /// Validation samples.
        val: usize,
        /// Test samples.
        test: usize,
        /// All samples.
        samples: usize,
        /// The key to blame.
        key: &'static str,
    },
    /// A class too small to be in every split.
    #[error(
        "class `{name}` has `{count}` of the `{needed}` samples that a stratified split needs; hint: stratify = false, or \"0%\" for a split"
    )]
    SmallClass {
        /// The class.
        name: String,
        /// Its samples.
        count: usize,
        /// The least that all splits together need of it.
        needed: usize,
    },
    /// A number of samples too small for every class.
    #[error(
        "a split of `{}` is too small for `{least}` of each of `{}`; hint: \"{needed} samples\" or more, or stratify = false",
        counted(*.samples as u64, "sample"),
        counted(*.classes as u64, "class"),
        needed = least * classes
    )]
    FewPlaces {
        /// The key that asks for so many samples.
        key: &'static str,
        /// The samples.
        samples: usize,
        /// The least of each class.
        least: usize,
        /// Classes that have a sample.
        classes: usize,
    },
    /// Too few training samples for every class.
    #[error(
        "`{val}` validation and `{test}` test samples leave `{}` for training, too few for `{least}` of each of `{}`; hint: make the evaluation splits smaller",
        counted(*.left as u64, "sample"),
        counted(*.classes as u64, "class")
    )]
    FewLeft {
        /// Validation samples.
        val: usize,
        /// Test samples.
        test: usize,
        /// Training samples.
        left: usize,
        /// The least of each class.
        least: usize,
        /// Classes that have a sample.
        classes: usize,
    },
    /// There are no classes to stratify by.
    #[error("only a classification can be stratified; hint: remove `stratify`")]
    NoClasses,
    /// A stratified split of what is divided in order.
    #[error("a split in the file's order cannot be stratified; hint: remove `stratify`")]
    StratifiedFile,
    /// More samples than ids.
    #[error("`{0}` samples are more than the {max} that can be numbered", max = u32::MAX)]
    TooMany(usize),
}

impl SplitError {
    /// The key in `[dataset]` that is to blame.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::NothingLeft { key, .. } | Self::FewPlaces { key, .. } => key,
            Self::SmallClass { .. }
            | Self::FewLeft { .. }
            | Self::NoClasses
            | Self::StratifiedFile => "split.stratify",
            Self::TooMany(_) => "",
        }
    }
}

impl Split {
    /// Divides samples 0..`samples`. Absent keys mean: no such split, the run's `seed`, not
    /// stratified, no least number per class, a random order. `limit` keeps so many training
    /// samples: the first ones of the random order, in the classes' proportions where there is a
    /// least number per class; the last ones of the file's order.
    ///
    /// # Errors
    /// No training sample is left, or a class is too small to be stratified.
    pub fn new(
        samples: usize,
        keys: &SplitKeys,
        limit: Option<usize>,
        seed: u64,
        labels: Option<Labels<'_>>,
    ) -> Result<Self, SplitError> {
        let (_, val, test) = Self::sizes(samples, keys, None)?;
        let is_stratified = keys.stratify == Some(true);
        if keys.order == Some(SplitOrder::File) {
            return match is_stratified {
                true => Err(SplitError::StratifiedFile),
                false => Ok(Self::in_order(samples, (val, test), limit)),
            };
        }
        let seed = keys.seed.unwrap_or(seed);
        let order = Stream::new(seed, Purpose::Split, "").permutation(samples, 0);
        let mut split = match (is_stratified, labels) {
            (true, Some(labels)) => stratified::divide(&order, keys, (val, test), limit, labels)?,
            (true, None) => return Err(SplitError::NoClasses),
            _ => Self {
                test: order[..test].to_vec(),
                val: order[test..test + val].to_vec(),
                train: order[test + val..].to_vec(),
            },
        };
        split.train.truncate(limit.unwrap_or(usize::MAX));
        for part in [&mut split.train, &mut split.val, &mut split.test] {
            part.sort_unstable();
        }
        Ok(split)
    }

    /// Sizes of training, validation and test of a plain split, without dividing anything.
    ///
    /// # Errors
    /// No training sample is left.
    pub fn sizes(
        samples: usize,
        keys: &SplitKeys,
        limit: Option<usize>,
    ) -> Result<(usize, usize, usize), SplitError> {
        if u32::try_from(samples).is_err() {
            return Err(SplitError::TooMany(samples));
        }
        let val = keys.val.map_or(0, |share| share.of(samples));
        let test = keys.test.map_or(0, |share| share.of(samples));
        let evaluation = val.saturating_add(test);
        if evaluation >= samples {
            let key = if test > val {
                "split.test"
            } else {
                "split.val"
            };
            return Err(SplitError::NothingLeft {
                val,
                test,
                samples,
                key,
            });
        }
        let train = (samples - evaluation).min(limit.unwrap_or(usize::MAX));
        Ok((train, val, test))
    }

    /// Training, validation and test one behind the other; of training the last `limit` samples.
    fn in_order(samples: usize, (val, test): (usize, usize), limit: Option<usize>) -> Self {
        let ids = |from: usize, to: usize| (from as u32..to as u32).collect();
        let train = samples - val - test;
        Self {
            train: ids(train.saturating_sub(limit.unwrap_or(train)), train),
            val: ids(train, train + val),
            test: ids(train + val, samples),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Share;

    fn keys(val: f64, test: f64, stratify: bool) -> SplitKeys {
        SplitKeys {
            stratify: Some(stratify),
            ..SplitKeys::percent(val, test)
        }
    }

    #[test]
    fn splits_are_disjoint_complete_and_depend_on_the_seed_only() {
        let split = Split::new(1797, &keys(10.0, 20.0, false), None, 3, None).unwrap();
        assert_eq!(
            (split.train.len(), split.val.len(), split.test.len()),
            (1258, 180, 359)
        );
        let mut all = [split.train.clone(), split.val.clone(), split.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1797).collect::<Vec<_>>());
        let again = |keys: &SplitKeys, seed| Split::new(1797, keys, None, seed, None).unwrap();
        assert_eq!(again(&keys(10.0, 20.0, false), 3), split);
        assert_ne!(again(&keys(10.0, 20.0, false), 4), split);
        let pinned = SplitKeys {
            seed: Some(3),
            ..keys(10.0, 20.0, false)
        };
        assert_eq!(again(&pinned, 4), split);
    }

    #[test]
    fn the_test_split_does_not_move_when_validation_grows() {
        let test = |val| {
            Split::new(500, &keys(val, 20.0, false), None, 0, None)
                .unwrap()
                .test
        };
        assert_eq!(test(0.0), test(30.0));
    }

    #[test]
    fn a_smaller_limit_takes_a_part_of_a_larger_one() {
        let train = |limit| Split::new(100, &keys(10.0, 10.0, false), limit, 1, None).unwrap();
        let (ten, thirty) = (train(Some(10)), train(Some(30)));
        assert_eq!((ten.train.len(), thirty.train.len()), (10, 30));
        assert!(ten.train.iter().all(|id| thirty.train.contains(id)));
        assert_eq!(ten.val, train(None).val);
        assert!(train(Some(1000)).train.len() == 80);
    }

    #[test]
    fn nothing_left_and_small_classes_are_named() {
        let big = SplitKeys {
            val: Some(Share::Samples(50)),
            ..SplitKeys::default()
        };
        let error = Split::new(50, &big, None, 0, None).unwrap_err();
        assert_eq!(error.key(), "split.val");
        assert_eq!(
            error.to_string(),
            "`50` validation and `0` test samples leave none of `50` for training; hint: make the evaluation splits smaller"
        );
        let huge = SplitKeys {
            test: Some(Share::Samples(u64::MAX)),
            ..big
        };
        assert_eq!(
            Split::sizes(50, &huge, None).unwrap_err().key(),
            "split.test"
        );
        assert!(Split::sizes(0, &SplitKeys::default(), None).is_err());
        let error = Split::new(22, &keys(10.0, 10.0, true), None, 0, None).unwrap_err();
        assert_eq!(error, SplitError::NoClasses);
    }

    #[test]
    fn in_the_files_order_training_comes_first_and_a_limit_takes_its_last() {
        let keys = SplitKeys {
            order: Some(SplitOrder::File),
            ..SplitKeys::percent(20.0, 10.0)
        };
        let divide = |limit| Split::new(10, &keys, limit, 7, None).unwrap();
        let split = divide(None);
        assert_eq!(split.train, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!((&split.val[..], &split.test[..]), (&[7, 8][..], &[9][..]));
        assert_eq!(divide(Some(3)).train, [4, 5, 6]);
        assert_eq!(divide(Some(3)).val, split.val);
        assert_eq!(divide(Some(99)), split);
        let both = SplitKeys {
            stratify: Some(true),
            ..keys
        };
        let error = Split::new(10, &both, None, 0, None).unwrap_err();
        assert_eq!(error, SplitError::StratifiedFile);
    }

    /// Every size with every pair of shares: a split is as large as its share says, to half a
    /// sample, has at least one sample unless it is 0%, and training is never empty.
    #[test]
    fn small_shares_of_few_samples_are_at_least_one() {
        let shares = [0.0, 0.1, 1.0, 10.0, 33.3, 50.0, 66.7, 99.0, 99.9, 100.0];
        for (samples, val, test) in (1..=60).flat_map(|n| {
            let pairs = shares
                .iter()
                .flat_map(|&val| shares.map(|test| (val, test)));
            pairs.map(move |(val, test)| (n, val, test))
        }) {
            let case = format!("{samples} samples, {val}%, {test}%");
            for order in [SplitOrder::Random, SplitOrder::File] {
                let keys = SplitKeys {
                    order: Some(order),
                    ..SplitKeys::percent(val, test)
                };
                let Ok(split) = Split::new(samples, &keys, None, 1, None) else {
                    let rounded = |share: f64| (samples as f64 * share / 100.0).round();
                    let least = |share: f64| rounded(share).max(f64::from(u8::from(share > 0.0)));
                    assert!(least(val) + least(test) >= samples as f64, "{case}");
                    continue;
                };
                assert!(!split.train.is_empty(), "{case}");
                for (part, share) in [(&split.val, val), (&split.test, test)] {
                    let exact = samples as f64 * share / 100.0;
                    let size = part.len() as f64;
                    assert!(
                        (size - exact).abs() <= 0.5 || (size == 1.0 && exact < 0.5),
                        "{case}"
                    );
                    assert_eq!(part.is_empty(), share == 0.0, "{case}");
                }
                let mut all = [split.train, split.val, split.test].concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..samples as u32), "{case}");
            }
        }
    }
}
