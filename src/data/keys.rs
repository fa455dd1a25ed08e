//! The keys that every `[dataset]` has, beside its type's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LoaderKeys, Share, SplitOrder};
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
    /// Division of the samples into training, validation and test.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "val": "10%", "test": "20%" }))]
    pub split: SplitKeys,
    /// Gives each epoch its own random order. Default true.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Leaves out the last batch of an epoch where it is smaller than the others. Default false.
    #[serde(default)]
    pub drop_last: bool,
    /// Use only so many training samples, taken at random by the split's seed, from each class in proportion where the split is stratified; the last ones before validation where `split.order` is "file". A smaller limit takes a part of what a larger one takes. Evaluation splits stay whole. Default: all. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 1000)]
    pub limit: Option<usize>,
    /// Batches made ahead on a thread; 0 makes them when they are asked for. Changes speed, not results. Default 2.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 1024))]
    pub prefetch: usize,
}

/// Division of the samples into training, validation and test.
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
    /// Gives each split each class in the same proportion (classification only). Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratify: Option<bool>,
    /// The least number of samples of each class in each split that `stratify` makes, also where a share rounds to fewer; a class that is too small for that is refused. 0 keeps to the proportions alone. Default with `stratify`: 1; the plan of an older run, which lacks the key, keeps its split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1)]
    pub min_per_class: Option<usize>,
    /// The order that is cut into splits: random; or file, for time series: the first samples of the file are for training, those behind them for validation, the last ones for test. Default random; a text is always cut in its own order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<SplitOrder>,
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
    /// ([`DatasetSpec::defaults`](super::DatasetSpec::defaults)); idempotent. `split.seed`,
    /// `split.order` and `limit` stay absent where they are: they mean "the run's seed", "random"
    /// (of a text, its own order) and "all".
    #[must_use]
    pub fn filled(&self, defaults: &SplitKeys) -> Self {
        let mut filled = self.filled_as_stored(defaults);
        if filled.split.stratify == Some(true) {
            filled.split.min_per_class.get_or_insert(1);
        }
        filled
    }

    /// The same for the keys of a stored plan: `split.min_per_class` stays absent, so that a run
    /// from before that key keeps its split.
    #[must_use]
    pub fn filled_as_stored(&self, defaults: &SplitKeys) -> Self {
        Self {
            eval_batch_size: Some(self.eval_batch_size.unwrap_or(self.batch_size)),
            split: self.split.or(defaults),
            ..self.clone()
        }
    }

    /// Faults that no schema can tell, without looking at any file.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        let mut faults = self.split.check();
        faults.extend(self.split.nothing_left());
        faults
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
            stratify: Some(false),
            ..Self::default()
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
            min_per_class: self.min_per_class.or(defaults.min_per_class),
            order: self.order.or(defaults.order),
        }
    }

    /// Keys that contradict each other.
    fn check(&self) -> Vec<KeyFault> {
        let stratify = self.stratify == Some(true);
        let mut faults = Vec::new();
        if stratify && self.order == Some(SplitOrder::File) {
            let message = "a split in the file's order cannot be stratified";
            faults.push(KeyFault::error("split.stratify", message).hint("remove `stratify`"));
        }
        if self.min_per_class.is_some() && !stratify {
            let message = "`min_per_class` is for a stratified split";
            let hint = "add `stratify = true`, or remove `min_per_class`";
            faults.push(KeyFault::error("split.min_per_class", message).hint(hint));
        }
        faults
    }

    /// A fault where the shares alone show that no sample is left for training.
    fn nothing_left(&self) -> Option<KeyFault> {
        let percent = |share: Option<Share>| match share {
            Some(Share::Percent(percent)) => percent,
            _ => 0.0,
        };
        let evaluation = percent(self.val) + percent(self.test);
        // 33.4 + 66.6 is a little less than 100.
        let evaluation = (evaluation * 1e9).round() / 1e9;
        if evaluation < 100.0 {
            return None;
        }
        let key = match self.val {
            Some(_) => "split.val",
            None => "split.test",
        };
        let message = format!("the evaluation splits take `{evaluation}%`");
        Some(KeyFault::error(key, message).hint("leave some samples for training"))
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
        let first = |text: &str| {
            let keys: DatasetKeys = toml::from_str(text).unwrap();
            keys.check().first().map(ToString::to_string)
        };
        let fault =
            "`split.val`: the evaluation splits take `100%`; hint: leave some samples for training";
        for (val, test) in [(33.4, 66.6), (0.1, 99.9), (100.0, 0.0), (70.1, 29.9)] {
            let text = format!("split = {{ val = \"{val}%\", test = \"{test}%\" }}");
            assert_eq!(first(&text).as_deref(), Some(fault), "{text}");
        }
        assert_eq!(first("split = { val = \"99.9%\" }"), None);
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        let faults = |text: &str| {
            let keys: DatasetKeys = toml::from_str(text).unwrap();
            let faults: Vec<String> = keys.check().iter().map(ToString::to_string).collect();
            faults.join("\n")
        };
        assert_eq!(
            faults("split = { stratify = true, order = \"file\" }"),
            "`split.stratify`: a split in the file's order cannot be stratified; hint: remove `stratify`"
        );
        assert_eq!(
            faults("split = { min_per_class = 2 }"),
            "`split.min_per_class`: `min_per_class` is for a stratified split; hint: add `stratify = true`, or remove `min_per_class`"
        );
        assert_eq!(faults("split = { min_per_class = 0, stratify = true }"), "");
        assert_eq!(
            faults("split = { order = \"random\", stratify = true }"),
            ""
        );
    }

    #[test]
    fn a_stored_plan_without_the_least_per_class_stays_without_it() {
        let keys: DatasetKeys = toml::from_str("split = { stratify = true }").unwrap();
        let defaults = SplitKeys::percent(10.0, 20.0);
        assert_eq!(keys.filled(&defaults).split.min_per_class, Some(1));
        assert_eq!(keys.filled_as_stored(&defaults).split.min_per_class, None);
        let stored = keys.filled(&defaults);
        assert_eq!(stored.filled_as_stored(&defaults), stored);
        let plain = DatasetKeys::default().filled(&defaults);
        assert_eq!(plain.split.min_per_class, None);
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
