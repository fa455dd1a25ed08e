//! The keys that every `[dataset]` has, beside its type's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LoaderKeys, Share};
use crate::error::KeyFault;

/// Keys of `[dataset]` for every type of dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetKeys {
    /// Samples in a batch. Default 64. At least 1.
    #[serde(default = "sixty_four")]
    #[schemars(range(min = 1))]
    pub batch_size: usize,
    /// Samples in a batch of an evaluation; changes speed and memory, not results. Default: `batch_size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 256)]
    pub eval_batch_size: Option<usize>,
    /// How samples are divided into training, validation and test.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "val": "10%", "test": "20%" }))]
    pub split: SplitKeys,
    /// Whether each epoch has its own random order. Default true.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Whether the last batch of an epoch is left out where it is smaller than the others. Default false.
    #[serde(default)]
    pub drop_last: bool,
    /// Use only so many training samples, taken at random by the split's seed; a smaller limit takes a
    /// part of what a larger one takes. Evaluation splits stay whole. Default: all. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 1000)]
    pub limit: Option<usize>,
    /// Batches made ahead on a thread; 0 makes them when they are asked for. Changes speed, not results. Default 2.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 1024))]
    pub prefetch: usize,
}

/// How samples are divided into training, validation and test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct SplitKeys {
    /// The validation split, such as `"10%"` or `"500 samples"`; `"0%"` for none. Default: the dataset's own, mostly 10%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<Share>,
    /// The test split, such as `"10%"` or `"500 samples"`; `"0%"` for none. Default: the dataset's own, mostly 10%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Share>,
    /// Seed of the division, so that runs with different seeds can share it. Default: the run's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether each split has each class in the same proportion (classification only). Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratify: Option<bool>,
}

fn sixty_four() -> usize {
    64
}

fn two() -> usize {
    2
}

fn yes() -> bool {
    true
}

impl Default for DatasetKeys {
    fn default() -> Self {
        Self {
            batch_size: sixty_four(),
            eval_batch_size: None,
            split: SplitKeys::default(),
            shuffle: true,
            drop_last: false,
            limit: None,
            prefetch: two(),
        }
    }
}

impl DatasetKeys {
    /// The same keys with every absent one filled in from the dataset's `defaults`
    /// ([`DatasetSpec::defaults`](super::DatasetSpec::defaults)); idempotent. `split.seed` and
    /// `limit` stay absent where they are: they mean "the run's seed" and "all".
    #[must_use]
    pub fn filled(&self, defaults: &SplitKeys) -> Self {
        Self {
            eval_batch_size: Some(self.eval_batch_size.unwrap_or(self.batch_size)),
            split: self.split.or(defaults),
            ..self.clone()
        }
    }

    /// Faults that no schema can tell, without looking at any file.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        let share = |share: Option<Share>| match share {
            Some(Share::Percent(p)) => p,
            _ => 0.0,
        };
        let evaluation = share(self.split.val) + share(self.split.test);
        if evaluation >= 100.0 {
            let key = if self.split.val.is_some() {
                "split.val"
            } else {
                "split.test"
            };
            let message = format!("the evaluation splits take `{evaluation}%`");
            return vec![KeyFault::error(key, message).hint("leave some samples for training")];
        }
        Vec::new()
    }

    /// How the training split is loaded.
    #[must_use]
    pub fn training(&self, seed: u64) -> LoaderKeys {
        LoaderKeys {
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            drop_last: self.drop_last,
            prefetch: self.prefetch,
            seed,
        }
    }

    /// How an evaluation split is loaded: in order, every sample.
    #[must_use]
    pub fn evaluation(&self) -> LoaderKeys {
        LoaderKeys {
            batch_size: self.eval_batch_size.unwrap_or(self.batch_size),
            shuffle: false,
            drop_last: false,
            prefetch: self.prefetch,
            seed: 0,
        }
    }
}

impl SplitKeys {
    /// `val` and `test` of these percentages, not stratified.
    #[must_use]
    pub fn percent(val: f64, test: f64) -> Self {
        Self {
            val: Some(Share::Percent(val)),
            test: Some(Share::Percent(test)),
            seed: None,
            stratify: Some(false),
        }
    }

    /// These keys, and `defaults` where they are absent.
    #[must_use]
    pub fn or(&self, defaults: &Self) -> Self {
        Self {
            val: self.val.or(defaults.val),
            test: self.test.or(defaults.test),
            seed: self.seed.or(defaults.seed),
            stratify: self.stratify.or(defaults.stratify),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_the_default_and_filled_keys_read_back() {
        let keys: DatasetKeys = toml::from_str("").unwrap();
        assert_eq!(keys, DatasetKeys::default());
        let filled = keys.filled(&SplitKeys::percent(10.0, 20.0));
        let text = toml::to_string(&filled).unwrap();
        assert_eq!(
            text,
            "batch_size = 64\neval_batch_size = 64\nshuffle = true\ndrop_last = false\nprefetch = 2\n\n\
             [split]\nval = \"10%\"\ntest = \"20%\"\nstratify = false\n"
        );
        let back: DatasetKeys = toml::from_str(&text).unwrap();
        assert_eq!(back, filled);
        assert_eq!(back.filled(&SplitKeys::percent(1.0, 1.0)), filled);
    }

    #[test]
    fn splits_that_leave_nothing_are_a_fault_before_any_file_is_read() {
        let keys = DatasetKeys {
            split: SplitKeys::percent(60.0, 40.0),
            ..DatasetKeys::default()
        };
        let faults = keys.check();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].key, "split.val");
        assert!(DatasetKeys::default().check().is_empty());
    }

    #[test]
    fn the_schema_says_every_key_with_its_range() {
        let schema = serde_json::to_value(schemars::schema_for!(DatasetKeys)).unwrap();
        assert_eq!(schema["properties"]["batch_size"]["minimum"], 1);
        assert_eq!(
            schema["properties"]["split"]["properties"]["val"]["format"],
            "share"
        );
        assert_eq!(schema["additionalProperties"], false);
    }
}
