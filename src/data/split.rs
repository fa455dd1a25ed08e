//! Dividing samples into training, validation and test: a pure function of their number, the seed
//! and the keys.
//!
//! The samples are put into a random order (stream `Split`); the first go to test, the next to
//! validation, the rest to training. A stratified split does the same within each class, with sizes
//! by largest remainder, so that the totals are those of a plain split.

use super::SplitKeys;
use crate::rng::{Purpose, Stream};

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
        "class `{name}` has `{count}` of the `{parts}` samples that a stratified split needs; hint: stratify = false, or smaller splits"
    )]
    SmallClass {
        /// The class.
        name: String,
        /// Its samples.
        count: usize,
        /// The least that each split can hold one of.
        parts: usize,
    },
    /// There are no classes to stratify by.
    #[error("only a classification can be stratified; hint: remove `stratify`")]
    NoClasses,
    /// More samples than ids.
    #[error("`{0}` samples are more than the {max} that can be numbered", max = u32::MAX)]
    TooMany(usize),
}

impl SplitError {
    /// The key in `[dataset]` that is to blame.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::NothingLeft { key, .. } => key,
            Self::SmallClass { .. } | Self::NoClasses => "split.stratify",
            Self::TooMany(_) => "",
        }
    }
}

impl Split {
    /// Divides samples 0..`samples`. Absent keys mean: no such split, the run's `seed`, not
    /// stratified. `limit` keeps the first so many training samples of the random order.
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
        let seed = keys.seed.unwrap_or(seed);
        let order = Stream::new(seed, Purpose::Split, "").permutation(samples, 0);
        let mut split = match (keys.stratify, labels) {
            (Some(true), Some(labels)) => Self::stratified(&order, val, test, labels)?,
            (Some(true), None) => return Err(SplitError::NoClasses),
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

    /// Sizes of training, validation and test, without dividing anything.
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

    /// As many of each class as its share asks for, taken in the random order.
    fn stratified(
        order: &[u32],
        val: usize,
        test: usize,
        labels: Labels<'_>,
    ) -> Result<Self, SplitError> {
        let mut left = vec![0; labels.names.len()];
        for &id in order {
            left[labels.classes[id as usize] as usize] += 1;
        }
        let parts = 1 + usize::from(val > 0) + usize::from(test > 0);
        let small = |class: usize, count: usize, parts: usize| SplitError::SmallClass {
            name: labels.names[class].clone(),
            count,
            parts,
        };
        if let Some(class) = left.iter().position(|&count| count < parts) {
            return Err(small(class, left[class], parts));
        }
        let mut tests = apportion(test, &left);
        left.iter_mut().zip(&tests).for_each(|(l, t)| *l -= t);
        let mut vals = apportion(val, &left);
        if let Some(class) = (0..left.len()).find(|&i| left[i] == vals[i]) {
            let taken = tests[class] + vals[class];
            return Err(small(class, taken, taken + 1));
        }
        let mut split = Self {
            train: Vec::new(),
            val: Vec::new(),
            test: Vec::new(),
        };
        for &id in order {
            let class = labels.classes[id as usize] as usize;
            let part = if take(&mut tests[class]) {
                &mut split.test
            } else if take(&mut vals[class]) {
                &mut split.val
            } else {
                &mut split.train
            };
            part.push(id);
        }
        Ok(split)
    }
}

/// One less of what is left, if anything is.
fn take(left: &mut usize) -> bool {
    let any = *left > 0;
    *left -= usize::from(any);
    any
}

/// `seats` in proportion to `counts` by largest remainder (Hamilton); ties go to the lower index.
/// Never more than a count.
fn apportion(seats: usize, counts: &[usize]) -> Vec<usize> {
    let whole = counts.iter().sum::<usize>().max(1) as u128;
    let exact = |count: usize| seats as u128 * count as u128;
    let mut given: Vec<usize> = counts
        .iter()
        .map(|&c| (exact(c) / whole) as usize)
        .collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&i| std::cmp::Reverse(exact(counts[i]) % whole));
    let rest = seats - given.iter().sum::<usize>();
    for &i in by_remainder.iter().take(rest) {
        given[i] += 1;
    }
    given
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

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| i.to_string()).collect()
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
    fn stratified_splits_keep_proportions_and_sizes() {
        let classes: Vec<u32> = (0..1000)
            .map(|i| u32::from(i >= 700) + u32::from(i >= 900))
            .collect();
        let names = names(3);
        let labels = Labels {
            classes: &classes,
            names: &names,
        };
        let split = Split::new(1000, &keys(10.0, 20.0, true), None, 5, Some(labels)).unwrap();
        let count = |ids: &[u32]| {
            let mut counts = [0; 3];
            ids.iter()
                .for_each(|&i| counts[classes[i as usize] as usize] += 1);
            counts
        };
        assert_eq!(count(&split.test), [140, 40, 20]);
        assert_eq!(count(&split.val), [70, 20, 10]);
        assert_eq!(count(&split.train), [490, 140, 70]);
    }

    #[test]
    fn seats_go_to_the_largest_remainders() {
        assert_eq!(apportion(10, &[59, 71, 48]), [3, 4, 3]);
        assert_eq!(apportion(7, &[5, 5, 5]), [3, 2, 2]);
        assert_eq!(apportion(0, &[5, 5]), [0, 0]);
        assert_eq!(apportion(10, &[5, 5]), [5, 5]);
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

        let classes = [vec![0; 20], vec![1; 2]].concat();
        let names = names(2);
        let labels = Labels {
            classes: &classes,
            names: &names,
        };
        let error = Split::new(22, &keys(10.0, 10.0, true), None, 0, Some(labels)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "class `1` has `2` of the `3` samples that a stratified split needs; hint: stratify = false, or smaller splits"
        );
        let classes = [vec![0; 97], vec![1; 3]].concat();
        let labels = Labels {
            classes: &classes,
            names: &names,
        };
        let error = Split::new(100, &keys(49.0, 49.0, true), None, 0, Some(labels)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "class `1` has `3` of the `4` samples that a stratified split needs; hint: stratify = false, or smaller splits"
        );
        let error = Split::new(22, &keys(10.0, 10.0, true), None, 0, None).unwrap_err();
        assert_eq!(error, SplitError::NoClasses);
    }
}
