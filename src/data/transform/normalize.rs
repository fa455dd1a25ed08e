//! `normalize`: (x − mean) / std with numbers that the config gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Draw, PerChannel, Training, Transform, TransformSpec};
use crate::{
    data::{DataError, Moments},
    error::KeyFault,
};

/// Scales channels by given numbers: (x − mean) / std. It works on every split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Subtracted: a number, or a list with one for each channel.
    pub mean: PerChannel,
    /// Divided by: a number, or a list with one for each channel. Above 0.
    pub std: PerChannel,
}

impl TransformSpec for Normalize {
    fn check(&self) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        if !self.mean.numbers().iter().all(|m| m.is_finite()) {
            faults.push(KeyFault::error("mean", "a mean must be finite"));
        }
        if let Some(std) = self
            .std
            .numbers()
            .iter()
            .find(|s| !(s.is_finite() && **s > 0.0))
        {
            faults.push(KeyFault::error("std", format!("`{std}` is not above 0")));
        }
        faults
    }

    fn output(&self, input: &[usize]) -> Result<Vec<usize>, KeyFault> {
        let channels = input.first().copied().unwrap_or(1);
        self.mean.fits("mean", channels)?;
        self.std.fits("std", channels)?;
        Ok(input.to_vec())
    }

    fn fit(&self, training: &Training<'_>) -> Result<Box<dyn Transform>, DataError> {
        let channels = training.shape().first().copied().unwrap_or(1);
        let moments = (0..channels)
            .map(|i| Moments {
                mean: self.mean.of(i),
                std: self.std.of(i),
            })
            .collect();
        Ok(Box::new(Normalized::new(moments)))
    }
}

/// (x − mean) / std for each channel.
pub(super) struct Normalized(Vec<(f32, f32)>);

impl Normalized {
    pub(super) fn new(moments: Vec<Moments>) -> Self {
        let pair = |m: Moments| (m.mean as f32, m.divisor() as f32);
        Self(moments.into_iter().map(pair).collect())
    }
}

impl Transform for Normalized {
    fn apply(&self, from: &[f32], to: &mut [f32], _: Option<&Draw<'_>>) {
        let each = from.len() / self.0.len();
        let channels = from.chunks_exact(each).zip(to.chunks_exact_mut(each));
        for ((from, to), &(mean, std)) in channels.zip(&self.0) {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = (from - mean) / std;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_print_and_apply() {
        let text = "mean = [1, 10.0]\nstd = 2\n";
        let spec: Normalize = toml::from_str(text).unwrap();
        assert_eq!(spec.mean, PerChannel::Each(vec![1.0, 10.0]));
        assert_eq!(
            toml::to_string(&spec).unwrap(),
            "mean = [1.0, 10.0]\nstd = 2.0\n"
        );
        assert!(spec.check().is_empty());

        let moments = (0..2).map(|i| Moments {
            mean: spec.mean.of(i),
            std: spec.std.of(i),
        });
        let mut to = [f32::NAN; 4];
        Normalized::new(moments.collect()).apply(&[1.0, 3.0, 10.0, 5.0], &mut to, None);
        assert_eq!(to, [0.0, 1.0, 0.0, -2.5]);
    }

    #[test]
    fn wrong_numbers_are_faults_at_their_keys() {
        let spec: Normalize = toml::from_str("mean = [0, 0, 0]\nstd = [1, 0, 1]").unwrap();
        assert_eq!(spec.check()[0].to_string(), "`std`: `0` is not above 0");
        assert_eq!(
            spec.output(&[1, 8, 8]).unwrap_err().to_string(),
            "`mean`: `3` numbers for `1` channels"
        );
        let error = toml::from_str::<Normalize>("mean = \"x\"\nstd = 1").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected a number or a list of numbers"),
            "{error}"
        );
    }
}
