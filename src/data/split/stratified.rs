//! A split within each class. Seats go to the classes by largest remainder, so that the sizes are
//! those of a plain split; a class that this leaves with fewer than the least number gets that
//! many, and larger classes give them up.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Labels, Split, SplitError};
use crate::data::{Share, SplitKeys};

/// As many of each class as its share asks for, taken in the random order; of training the
/// samples that `limit` keeps come first.
pub(super) fn divide(
    order: &[u32],
    keys: &SplitKeys,
    (val, test): (usize, usize),
    limit: Option<usize>,
    labels: Labels<'_>,
) -> Result<Split, SplitError> {
    let least = keys.min_per_class.unwrap_or(0);
    let mut left = vec![0; labels.names.len()];
    for &id in order {
        left[labels.classes[id as usize] as usize] += 1;
    }
    let (val, test) = seats(keys, (val, test), least, &left, labels)?;
    let behind_test = least * (1 + usize::from(val > 0));
    let mut tests = apportion(test, &left, least, behind_test);
    left.iter_mut().zip(&tests).for_each(|(l, t)| *l -= t);
    let mut vals = apportion(val, &left, least, least);
    let mut split = Split {
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
    if least > 0 && limit.is_some_and(|limit| limit < split.train.len()) {
        split.train = in_proportion(&split.train, least, labels);
    }
    Ok(split)
}

/// The sizes of validation and test, a percentage raised to what the classes need.
fn seats(
    keys: &SplitKeys,
    (val, test): (usize, usize),
    least: usize,
    counts: &[usize],
    labels: Labels<'_>,
) -> Result<(usize, usize), SplitError> {
    let parts = 1 + usize::from(val > 0) + usize::from(test > 0);
    let needed = least.saturating_mul(parts);
    if let Some(class) = counts.iter().position(|&n| n > 0 && n < needed) {
        return Err(SplitError::SmallClass {
            name: labels.names[class].clone(),
            count: counts[class],
            needed,
        });
    }
    let classes = counts.iter().filter(|&&count| count > 0).count();
    let raised = |size: usize, share: Option<Share>, key| match share {
        Some(Share::Samples(_)) if 0 < size && size < least * classes => {
            Err(SplitError::FewPlaces {
                key,
                samples: size,
                least,
                classes,
            })
        }
        _ if size > 0 => Ok(size.max(least * classes)),
        _ => Ok(0),
    };
    let (val, test) = (
        raised(val, keys.val, "split.val")?,
        raised(test, keys.test, "split.test")?,
    );
    let left = counts.iter().sum::<usize>().saturating_sub(val + test);
    if left < least * classes {
        return Err(SplitError::FewLeft {
            val,
            test,
            left,
            least,
            classes,
        });
    }
    Ok((val, test))
}

/// One less of what is left, if anything is.
fn take(left: &mut usize) -> bool {
    let any = *left > 0;
    *left -= usize::from(any);
    any
}

/// `seats` in proportion to `counts` by largest remainder (Hamilton); ties go to the lower index.
/// Each class that has a sample gets at least `least` seats and keeps `kept` samples; seats that
/// this moves come from where there is most above the proportion, or go where there is most below.
fn apportion(seats: usize, counts: &[usize], least: usize, kept: usize) -> Vec<usize> {
    let whole = counts.iter().sum::<usize>().max(1) as u128;
    let exact = |count: usize| seats as u128 * count as u128;
    let mut given: Vec<usize> = counts
        .iter()
        .map(|&c| (exact(c) / whole) as usize)
        .collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&i| Reverse(exact(counts[i]) % whole));
    let rest = seats - given.iter().sum::<usize>();
    for &i in by_remainder.iter().take(rest) {
        given[i] += 1;
    }
    if seats == 0 || least == 0 {
        return given;
    }
    let bounds = |i: usize| match counts[i] {
        0 => (0, 0),
        count => (least, count.saturating_sub(kept)),
    };
    for (i, given) in given.iter_mut().enumerate() {
        let (low, high) = bounds(i);
        *given = (*given).min(high).max(low);
    }
    // Seats of a class above its proportion, times the whole.
    let above = |i: usize, given: usize| given as i128 * whole as i128 - exact(counts[i]) as i128;
    let mut sum = given.iter().sum::<usize>();
    let sign = if sum > seats { 1 } else { -1 };
    let movable = |i: usize, given: usize| match sum > seats {
        true => given > bounds(i).0,
        false => given < bounds(i).1,
    };
    let mut heap: BinaryHeap<(i128, Reverse<usize>)> = (0..given.len())
        .filter(|&i| movable(i, given[i]))
        .map(|i| (sign * above(i, given[i]), Reverse(i)))
        .collect();
    while sum != seats {
        let Some((_, Reverse(i))) = heap.pop() else {
            break;
        };
        match sign {
            1 => (given[i], sum) = (given[i] - 1, sum - 1),
            _ => (given[i], sum) = (given[i] + 1, sum + 1),
        }
        let (low, high) = bounds(i);
        if (sign == 1 && given[i] > low) || (sign == -1 && given[i] < high) {
            heap.push((sign * above(i, given[i]), Reverse(i)));
        }
    }
    given
}

/// Training samples so that every beginning of them has the classes in proportion: first `least`
/// of each class, then sample k of n at (k + ½) / n.
fn in_proportion(train: &[u32], least: usize, labels: Labels<'_>) -> Vec<u32> {
    let class = |id: u32| labels.classes[id as usize] as usize;
    let mut counts = vec![0usize; labels.names.len()];
    train.iter().for_each(|&id| counts[class(id)] += 1);
    let mut seen = vec![0usize; labels.names.len()];
    let mut placed: Vec<(f64, u32)> = train
        .iter()
        .map(|&id| {
            let (k, n) = (seen[class(id)], counts[class(id)]);
            seen[class(id)] += 1;
            let place = match k < least {
                true => k as f64 - least as f64,
                false => (k as f64 + 0.5) / n as f64,
            };
            (place, id)
        })
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(val: f64, test: f64) -> SplitKeys {
        SplitKeys {
            stratify: Some(true),
            min_per_class: Some(1),
            ..SplitKeys::percent(val, test)
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| i.to_string()).collect()
    }

    /// Labels of so many samples of each class.
    fn classes(counts: &[usize]) -> Vec<u32> {
        let each = (0u32..).zip(counts);
        each.flat_map(|(class, &n)| vec![class; n]).collect()
    }

    fn divide(
        counts: &[usize],
        keys: &SplitKeys,
        limit: Option<usize>,
        seed: u64,
    ) -> Result<Split, SplitError> {
        let (classes, names) = (classes(counts), names(counts.len()));
        let labels = Labels {
            classes: &classes,
            names: &names,
        };
        Split::new(classes.len(), keys, limit, seed, Some(labels))
    }

    /// Samples of each class among `ids`.
    fn count(ids: &[u32], counts: &[usize]) -> Vec<usize> {
        let classes = classes(counts);
        let mut found = vec![0; counts.len()];
        ids.iter()
            .for_each(|&i| found[classes[i as usize] as usize] += 1);
        found
    }

    #[test]
    fn stratified_splits_keep_proportions_and_sizes() {
        let counts = [700, 200, 100];
        let split = divide(&counts, &keys(10.0, 20.0), None, 5).unwrap();
        assert_eq!(count(&split.test, &counts), [140, 40, 20]);
        assert_eq!(count(&split.val, &counts), [70, 20, 10]);
        assert_eq!(count(&split.train, &counts), [490, 140, 70]);
    }

    #[test]
    fn seats_go_to_the_largest_remainders() {
        assert_eq!(apportion(10, &[59, 71, 48], 0, 0), [3, 4, 3]);
        assert_eq!(apportion(7, &[5, 5, 5], 0, 0), [3, 2, 2]);
        assert_eq!(apportion(0, &[5, 5], 1, 1), [0, 0]);
        assert_eq!(apportion(10, &[5, 5], 0, 0), [5, 5]);
        // 5.5 and 0.5 seats: the tie goes to the lower index, unless each class has a seat.
        assert_eq!(apportion(6, &[55, 5], 0, 0), [6, 0]);
        assert_eq!(apportion(6, &[55, 5], 1, 1), [5, 1]);
        assert_eq!(apportion(98, &[97, 3], 1, 1), [96, 2]);
        assert_eq!(apportion(3, &[9, 0, 2], 1, 1), [2, 0, 1]);
    }

    /// The rule that held before there was a least number per class, written again: sizes by
    /// largest remainder alone.
    fn by_remainder_alone(counts: &[usize], val: f64, test: f64, seed: u64) -> Split {
        let old = SplitKeys {
            min_per_class: None,
            ..keys(val, test)
        };
        divide(counts, &old, None, seed).unwrap()
    }

    /// Bounded sweep over sizes, numbers of classes and shares.
    #[test]
    fn every_class_is_in_every_split_or_the_fault_says_why() {
        let shares = [0.0, 1.0, 10.0, 25.0, 50.0, 90.0];
        let (mut divided, mut changed) = (0, 0);
        for size in 1..=60usize {
            for number in 1..=10usize.min(size) {
                // Unequal on purpose: class i has about twice the samples of class i + 1.
                let mut counts: Vec<usize> =
                    (0..number).map(|i| 1 + (size >> (i + 1)) / 2).collect();
                let sum: usize = counts.iter().sum();
                counts[0] += size.saturating_sub(sum);
                for (val, test) in shares
                    .iter()
                    .flat_map(|&val| shares.map(|test| (val, test)))
                {
                    let case = format!("{counts:?}, {val}%, {test}%");
                    let seed = size as u64;
                    let samples: usize = counts.iter().sum();
                    let Ok(split) = divide(&counts, &keys(val, test), None, seed) else {
                        let parts = 1 + usize::from(val > 0.0) + usize::from(test > 0.0);
                        let small = counts.iter().any(|&n| n < parts);
                        let raised = |share: f64| match share {
                            0.0 => 0,
                            _ => Share::Percent(share).of(samples).max(number),
                        };
                        let full = raised(val) + raised(test) + number > samples;
                        assert!(small || full, "refused: {case}");
                        continue;
                    };
                    divided += 1;
                    let all = [
                        (&split.train, true),
                        (&split.val, val > 0.0),
                        (&split.test, test > 0.0),
                    ];
                    for (part, is_wanted) in all {
                        let found = count(part, &counts);
                        assert!(
                            found.iter().all(|&n| (n > 0) == is_wanted),
                            "{case}: {found:?}"
                        );
                    }
                    let mut ids = [&split.train[..], &split.val, &split.test].concat();
                    ids.sort_unstable();
                    assert!(ids.into_iter().eq(0..samples as u32), "{case}");
                    let old = by_remainder_alone(&counts, val, test, seed);
                    let kept = [
                        (&old.train, true),
                        (&old.val, val > 0.0),
                        (&old.test, test > 0.0),
                    ]
                    .iter()
                    .all(|(part, wanted)| !wanted || !count(part, &counts).contains(&0));
                    assert!(!kept || old == split, "changed without need: {case}");
                    changed += usize::from(old != split);
                }
            }
        }
        assert!(divided > 3000 && changed > 300, "{divided}, {changed}");
    }

    #[test]
    fn a_limit_keeps_the_proportions_and_a_smaller_one_takes_a_part() {
        let counts = [600, 300, 100];
        let train = |limit| {
            divide(&counts, &keys(0.0, 0.0), Some(limit), 3)
                .unwrap()
                .train
        };
        assert_eq!(count(&train(10), &counts), [6, 3, 1]);
        assert_eq!(count(&train(100), &counts), [60, 30, 10]);
        assert_eq!(count(&train(3), &counts), [1, 1, 1]);
        assert!((1..40).all(|n| {
            let more = train(n + 1);
            train(n).iter().all(|id| more.contains(id))
        }));
        // With proportions alone the limit takes what the random order gives, as before.
        let old = SplitKeys {
            min_per_class: None,
            ..keys(0.0, 0.0)
        };
        let zero = SplitKeys {
            min_per_class: Some(0),
            ..keys(0.0, 0.0)
        };
        let plain = SplitKeys::percent(0.0, 0.0);
        let first = |keys| divide(&counts, keys, Some(10), 3).unwrap();
        assert_eq!(first(&old), first(&plain));
        assert_eq!(first(&zero), first(&plain));
    }

    #[test]
    fn what_cannot_be_stratified_is_named() {
        let fault = |counts: &[usize], keys: &SplitKeys| {
            let error = divide(counts, keys, None, 0).unwrap_err();
            format!("{}: {error}", error.key())
        };
        assert_eq!(
            fault(&[20, 2], &keys(10.0, 10.0)),
            "split.stratify: class `1` has `2` of the `3` samples that a stratified split needs; hint: stratify = false, or \"0%\" for a split"
        );
        let exact = SplitKeys {
            val: Some(Share::Samples(2)),
            ..keys(0.0, 0.0)
        };
        assert_eq!(
            fault(&[20, 20, 20], &exact),
            "split.val: a split of `2 samples` is too small for `1` of each of `3 classes`; hint: \"3 samples\" or more, or stratify = false"
        );
        assert_eq!(
            fault(&[50, 40, 10], &keys(49.0, 49.0)),
            "split.stratify: `49` validation and `49` test samples leave `2 samples` for training, too few for `1` of each of `3 classes`; hint: make the evaluation splits smaller"
        );
        // A class that no sample has asks for nothing.
        assert!(divide(&[20, 0, 20], &keys(10.0, 10.0), None, 0).is_ok());
        // 98 of 100 in the evaluation splits, and yet one of each class for training.
        let split = divide(&[97, 3], &keys(49.0, 49.0), None, 0).unwrap();
        assert_eq!(count(&split.train, &[97, 3]), [1, 1]);
    }
}
