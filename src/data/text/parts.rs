//! Where the samples of a text begin, part by part: training, then validation, then test.

use std::path::Path;

use super::TextError;
use crate::data::{Share, Split, SplitKeys, SplitOrder};

/// Windows over a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Tokens of a sample; one more is needed behind it.
    pub context: usize,
    /// Tokens from one beginning to the next.
    pub stride: usize,
}

/// The places of the samples' first tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub train: Vec<u32>,
    pub val: Vec<u32>,
    pub test: Vec<u32>,
}

impl Window {
    /// Returns how many windows so many characters hold.
    fn count(self, length: usize) -> usize {
        match length.checked_sub(self.context + 1) {
            Some(rest) => rest / self.stride + 1,
            None => 0,
        }
    }

    /// Returns how many of `all` characters a share is: percents of the characters, or what so many
    /// windows cover.
    fn characters(self, share: Option<Share>, all: usize) -> usize {
        match share {
            None | Some(Share::Samples(0)) => 0,
            Some(Share::Samples(n)) => usize::try_from(n - 1)
                .unwrap_or(usize::MAX)
                .saturating_mul(self.stride)
                .saturating_add(self.context + 1),
            Some(percent) => percent.of(all),
        }
    }

    fn starts(self, from: usize, length: usize) -> Vec<u32> {
        let start = |i: usize| (from + i * self.stride) as u32;
        (0..self.count(length)).map(start).collect()
    }
}

const MORE_VAL: &str = "a larger `split.val`, \"0%\" for none, or a smaller `context`";
const MORE_TEST: &str = "a larger `split.test`, \"0%\" for none, or a smaller `context`";

impl Parts {
    /// Cuts a text of `length` characters. Of the training windows `limit` are kept: taken at
    /// random by the split's seed, or the last ones where the keys name the order.
    pub fn of(
        path: &Path,
        length: usize,
        window: Window,
        split: &SplitKeys,
        limit: Option<usize>,
        seed: u64,
    ) -> Result<Self, TextError> {
        if split.stratify == Some(true) {
            return Err(TextError::Stratified);
        }
        if split.order == Some(SplitOrder::Random) {
            return Err(TextError::Random);
        }
        if u32::try_from(length).is_err() {
            let path = path.into();
            return Err(TextError::Long { path, length });
        }
        let val = window.characters(split.val, length);
        let test = window.characters(split.test, length);
        let train = length.saturating_sub(val.saturating_add(test));
        let larger = if test > val {
            "split.test"
        } else {
            "split.val"
        };
        let less = "make the evaluation splits or `context` smaller";
        for (part, length, key, hint) in [
            ("training", train, larger, less),
            ("validation", val, "split.val", MORE_VAL),
            ("test", test, "split.test", MORE_TEST),
        ] {
            let is_wanted = length > 0 || part == "training";
            if is_wanted && window.count(length) == 0 {
                return Err(TextError::ShortPart {
                    path: path.into(),
                    part,
                    length,
                    context: window.context,
                    key,
                    hint,
                });
            }
        }
        let starts = window.starts(0, train);
        let starts = match (split.order, limit) {
            (Some(_), Some(limit)) => starts[starts.len().saturating_sub(limit)..].to_vec(),
            _ => limited(starts, limit, split.seed.unwrap_or(seed)),
        };
        Ok(Self {
            train: starts,
            val: window.starts(train, val),
            test: window.starts(train + val, test),
        })
    }
}

/// So many of them, in order.
fn limited(starts: Vec<u32>, limit: Option<usize>, seed: u64) -> Vec<u32> {
    let none = SplitKeys::percent(0.0, 0.0);
    match limit {
        Some(limit) if limit < starts.len() => {
            match Split::new(starts.len(), &none, Some(limit), seed, None) {
                Ok(split) => split.train.iter().map(|&i| starts[i as usize]).collect(),
                Err(_) => starts,
            }
        }
        _ => starts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        context: 4,
        stride: 4,
    };

    fn parts(length: usize, window: Window, split: &str) -> Result<Parts, String> {
        let keys: SplitKeys = toml::from_str(split).unwrap();
        Parts::of(Path::new("a.txt"), length, window, &keys, None, 0).map_err(|e| e.to_string())
    }

    #[test]
    fn windows_end_with_their_part() {
        let cut = parts(100, WINDOW, "val = \"10%\"\ntest = \"5%\"").unwrap();
        assert_eq!(cut.train, (0..21).map(|i| 4 * i).collect::<Vec<_>>());
        assert_eq!((cut.val, cut.test), (vec![85, 89], vec![95]));
        let overlapping = Window {
            stride: 1,
            ..WINDOW
        };
        let cut = parts(12, overlapping, "val = \"2 samples\"").unwrap();
        assert_eq!((cut.train, cut.val), (vec![0, 1], vec![6, 7]));
    }

    #[test]
    fn a_limit_takes_a_part_of_what_a_larger_one_takes() {
        let starts: Vec<u32> = (0..50).map(|i| 3 * i).collect();
        let (few, more) = (
            limited(starts.clone(), Some(5), 1),
            limited(starts.clone(), Some(9), 1),
        );
        assert_eq!((few.len(), more.len()), (5, 9));
        assert!(few.iter().all(|start| more.contains(start)) && few.is_sorted());
        assert_eq!(limited(starts.clone(), Some(99), 1), starts);
    }

    #[test]
    fn with_the_order_named_a_limit_takes_the_last_windows() {
        let cut = |keys: &str, limit| {
            let keys: SplitKeys = toml::from_str(keys).unwrap();
            Parts::of(Path::new("a.txt"), 100, WINDOW, &keys, limit, 0).unwrap()
        };
        let whole = cut("val = \"10%\"", None);
        let last = cut("val = \"10%\"\norder = \"file\"", Some(3));
        assert_eq!(last.train, whole.train[whole.train.len() - 3..]);
        assert_eq!(last.val, whole.val);
        assert_eq!(cut("val = \"10%\"\norder = \"file\"", Some(999)), whole);
    }

    #[test]
    fn a_part_without_a_sample_is_refused() {
        assert_eq!(
            parts(40, WINDOW, "val = \"10%\"").unwrap_err(),
            "the validation part of `a.txt` has `4` characters, and a sample takes `5`; \
             hint: a larger `split.val`, \"0%\" for none, or a smaller `context`"
        );
        assert_eq!(
            parts(40, WINDOW, "val = \"9 samples\"").unwrap_err(),
            "the training part of `a.txt` has `3` characters, and a sample takes `5`; \
             hint: make the evaluation splits or `context` smaller"
        );
        assert_eq!(
            parts(40, WINDOW, "order = \"random\"").unwrap_err(),
            "a text is divided in its own order; hint: remove `split.order`"
        );
        assert_eq!(
            parts(40, WINDOW, "stratify = true").unwrap_err(),
            "a text is divided in its own order; hint: remove `split.stratify`"
        );
    }
}
