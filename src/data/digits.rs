//! The 1797 handwritten digits of 8×8 pixels that come with the program.
//!
//! Source: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine
//! Learning Repository (1998), <https://doi.org/10.24432/C50P49>, CC BY 4.0; the test part, as
//! scikit-learn ships it. `tests/reference/digits.py` makes `digits.bin` from scikit-learn's copy:
//! all pixels (0 to 16, row-major), then all labels, a byte each.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, Labels, Split,
    SplitKeys, images::Images,
};
use crate::{field::Field, task::Task};

/// 1797 handwritten digits of 8×8 pixels, inside the program. Nothing is downloaded (UCI, CC BY
/// 4.0). Pixels are scaled to 0–1. 10% validation and 20% test by default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {}

const BYTES: &[u8] = include_bytes!("digits.bin");
const SAMPLES: usize = 1797;
const PIXELS: usize = 64;

impl Digits {
    fn split(&self, keys: &DatasetKeys, seed: u64) -> Result<Split, DataError> {
        let split = keys.split.or(&self.defaults());
        let classes: Vec<u32> = labels().iter().map(|&l| u32::from(l)).collect();
        let labels = Labels {
            classes: &classes,
            names: &ten_digits(),
        };
        Ok(Split::new(SAMPLES, &split, keys.limit, seed, Some(labels))?)
    }
}

/// The names of the classes: `0` to `9`.
pub(super) fn ten_digits() -> Vec<String> {
    (0..10).map(|digit| digit.to_string()).collect()
}

/// Facts but for the sizes of the splits.
fn facts() -> Facts {
    Facts {
        fields: vec![Field::pixels("image", &[1, 8, 8], 16)],
        task: Task::classes(ten_digits()),
        train: SAMPLES,
        val: 0,
        test: 0,
        counts: ClassCounts::default(),
        notes: Vec::new(),
        warnings: Vec::new(),
    }
}

fn labels() -> &'static [u8] {
    &BYTES[SAMPLES * PIXELS..]
}

impl DatasetSpec for Digits {
    fn defaults(&self) -> SplitKeys {
        SplitKeys::percent(10.0, 20.0)
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        let facts = facts();
        let split = self.split(keys, seed)?;
        Ok(Facts {
            train: split.train.len(),
            val: split.val.len(),
            test: split.test.len(),
            counts: ClassCounts::of(&split, 10, |id| u32::from(labels()[id as usize])),
            ..facts
        })
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let facts = facts();
        let split = self.split(keys, seed)?;
        let whole: Arc<dyn Dataset> = Arc::new(Images {
            pixels: BYTES[..SAMPLES * PIXELS].to_vec(),
            labels: labels().to_vec(),
            size: PIXELS,
        });
        let fingerprint = blake3::hash(BYTES).to_hex().to_string();
        Ok(Data::new(facts, &whole, split, fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Values, content::Content, shared_data},
        task::Target,
    };

    /// Against scikit-learn (tests/reference/digits.py).
    #[test]
    fn they_are_the_digits_of_scikit_learn() {
        let text = include_str!("../../tests/reference/digits.json");
        let numbers: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut counts = [0; 10];
        labels()
            .iter()
            .for_each(|&label| counts[usize::from(label)] += 1);
        assert_eq!(numbers["digits"]["class_counts"], serde_json::json!(counts));

        let keys = DatasetKeys {
            split: SplitKeys::percent(0.0, 0.0),
            ..DatasetKeys::default()
        };
        let data = Digits {}.load(&keys, 0).unwrap();
        let mut image = Values::Pixels(Vec::new());
        data.train.get(1796, 0, &mut image).unwrap();
        let bytes = image.pixels().unwrap().clone();
        assert_eq!(numbers["digits"]["last_image"], serde_json::json!(bytes));
        let label = numbers["digits"]["last_label"].as_u64().unwrap() as u32;
        assert_eq!(data.train.target(1796), Target::Class(label));
    }

    #[test]
    fn they_are_those_of_the_shared_table() {
        let Some(path) = shared_data("tabular/digits.csv.gz") else {
            return;
        };
        let text = String::from_utf8(Content::read_all(&path, 256).unwrap()).unwrap();
        let rows: Vec<Vec<u8>> = text
            .lines()
            .map(|line| line.split(',').map(|v| v.parse().unwrap()).collect())
            .collect();
        assert_eq!(rows.len(), SAMPLES);
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row[..64], BYTES[i * 64..][..64]);
            assert_eq!(row[64], labels()[i]);
        }
    }

    #[test]
    fn the_default_split_is_described_as_it_is_loaded() {
        let keys = DatasetKeys::default();
        let facts = Digits {}.describe(&keys, 42).unwrap();
        assert_eq!((facts.train, facts.val, facts.test), (1258, 180, 359));
        assert_eq!(facts.fields[0].shape, [1, 8, 8]);
        assert_eq!(facts.task.outputs(), 10);
        let data = Digits {}.load(&keys, 42).unwrap();
        assert_eq!(data.facts, facts);
        let lens = [Some(&data.train), data.val.as_ref(), data.test.as_ref()]
            .map(|part| part.map_or(0, |part| part.len()));
        assert_eq!(lens, [1258, 180, 359]);
        assert_eq!(data.fingerprint, blake3::hash(BYTES).to_hex().to_string());
    }

    #[test]
    fn limit_and_an_absent_split_show_in_the_facts() {
        let keys: DatasetKeys =
            toml::from_str("limit = 100\nsplit = { val = \"0%\", stratify = true }").unwrap();
        let data = Digits {}.load(&keys, 0).unwrap();
        assert_eq!(
            (data.facts.train, data.facts.val, data.facts.test),
            (100, 0, 359)
        );
        assert!(data.val.is_none());
        assert_eq!(Digits {}.describe(&keys, 0).unwrap(), data.facts);
    }
}
