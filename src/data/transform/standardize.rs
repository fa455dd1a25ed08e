//! `standardize`: (x − mean) / std with what the training split says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Training, Transform, TransformSpec, normalize::Normalized};
use crate::{data::DataError, error::KeyFault};

/// Scales channels to mean 0 and standard deviation 1. The numbers are those of the training split,
/// after `limit` and the transforms before; they are used on every split. A constant channel
/// becomes 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Standardize {}

impl TransformSpec for Standardize {
    fn output(&self, input: &[usize]) -> Result<Vec<usize>, KeyFault> {
        Ok(input.to_vec())
    }

    fn fit(&self, training: &Training<'_>) -> Result<Box<dyn Transform>, DataError> {
        Ok(Box::new(Normalized::new(training.channel_moments()?)))
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{
        DatasetKeys, DatasetSpec, Digits, SplitKeys, shared::shown, statistics::channel_moments,
    };

    /// Against numpy (tests/reference/digits.py), over all 1797 images.
    #[test]
    fn moments_of_all_digits() {
        let text = include_str!("../../../tests/reference/digits.json");
        let numbers: serde_json::Value = serde_json::from_str(text).unwrap();
        let keys = DatasetKeys {
            split: SplitKeys::percent(0.0, 0.0),
            ..DatasetKeys::default()
        };
        let data = Digits {}.load(&keys, 0).unwrap();
        let moments = channel_moments(&*data.train, 1, 64, |i, out| {
            out.copy_from_slice(&shown(&data.facts, &*data.train, i));
            Ok(())
        })
        .unwrap();
        let expected = |key: &str| numbers["digits"][key].as_f64().unwrap();
        assert!((moments[0].mean - expected("mean")).abs() < 1e-12);
        assert!((moments[0].std - expected("std")).abs() < 1e-12);
    }
}
