//! Means and standard deviations, by sums in f64 in the order of the samples: the same bits on
//! every machine and for any number of threads.

use super::{DataError, Dataset};

/// Mean and population standard deviation (divided by n, as scikit-learn's `StandardScaler`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation; 0 where all values are the same.
    pub std: f64,
}

impl Moments {
    /// Of values in order, in two passes.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count().max(1);
        let mean = values.clone().sum::<f64>() / n as f64;
        let squares = values.map(|v| (v - mean) * (v - mean)).sum::<f64>();
        Self::new(n, mean, squares / n as f64)
    }

    /// Of `n` values. A spread that is only the rounding of the mean is none (the bound is that of
    /// scikit-learn).
    fn new(n: usize, mean: f64, variance: f64) -> Self {
        let rounding = n as f64 * f64::EPSILON;
        let bound = rounding * variance + (rounding * mean).powi(2);
        let variance = if variance <= bound { 0.0 } else { variance };
        Self {
            mean,
            std: variance.sqrt(),
        }
    }

    /// What to divide by: the standard deviation, or 1 where there is none, so that a constant
    /// becomes 0 rather than NaN.
    #[must_use]
    pub fn divisor(&self) -> f64 {
        if self.std > 0.0 { self.std } else { 1.0 }
    }
}

/// Moments of each channel of a dataset's samples after `rewrite`, in two passes over the samples.
/// A sample of `channels` channels has `size` numbers; `rewrite` gives it to its second argument.
pub(super) fn channel_moments(
    dataset: &dyn Dataset,
    channels: usize,
    size: usize,
    mut rewrite: impl FnMut(usize, &mut [f32]) -> Result<(), DataError>,
) -> Result<Vec<Moments>, DataError> {
    let mut sample = vec![0.0; size];
    let each = size / channels;
    let n = (dataset.len() * each).max(1);
    let mut pass = |means: &[f64], power: i32| -> Result<Vec<f64>, DataError> {
        let mut sums = vec![0.0f64; channels];
        for index in 0..dataset.len() {
            rewrite(index, &mut sample)?;
            for ((sum, channel), mean) in sums.iter_mut().zip(sample.chunks_exact(each)).zip(means)
            {
                *sum += channel
                    .iter()
                    .map(|&v| (f64::from(v) - mean).powi(power))
                    .sum::<f64>();
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= n as f64);
        Ok(sums)
    };
    let means = pass(&vec![0.0; channels], 1)?;
    let variances = pass(&means, 2)?;
    Ok(means
        .into_iter()
        .zip(variances)
        .map(|(mean, variance)| Moments::new(n, mean, variance))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_few_numbers() {
        let moments = Moments::of([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter());
        assert_eq!(
            moments,
            Moments {
                mean: 5.0,
                std: 2.0
            }
        );
        let constant = Moments::of([3.0, 3.0].into_iter());
        assert_eq!((constant.std, constant.divisor()), (0.0, 1.0));
        let rounded = Moments::of(std::iter::repeat_n(0.1, 1797));
        assert_ne!(rounded.mean, 0.1);
        assert_eq!(rounded.std, 0.0);
    }
}
