//! Transforms in a row, fitted on the training split.

use super::{Draw, Training, Transform, TransformEntry};
use crate::{
    data::{DataError, Dataset},
    error::KeyFault,
    rng::Stream,
};

/// Transforms in a row. Each sample goes straight from the last one into its place in the batch.
pub struct Transforms {
    stages: Vec<Stage>,
    /// Numbers of a sample before the first transform.
    input: usize,
    /// The most numbers that a sample has on its way.
    most: usize,
    shape: Vec<usize>,
}

struct Stage {
    transform: Box<dyn Transform>,
    stream: Stream,
    /// Numbers of a sample after it.
    size: usize,
}

/// Memory for samples on their way; one for each thread.
#[derive(Debug, Default)]
pub struct Scratch([Vec<f32>; 2]);

impl Transforms {
    /// Fits each transform on the training split as the transforms before it leave it.
    ///
    /// # Errors
    /// A transform does not apply to samples of its shape, or a sample cannot be read.
    pub fn fit(
        entries: &[TransformEntry],
        shape: &[usize],
        training: &dyn Dataset,
        seed: u64,
    ) -> Result<Self, DataError> {
        let mut row = Self::none(shape);
        for (position, entry) in entries.iter().enumerate() {
            let fault = |fault| misfit(position, fault);
            let output = entry.spec.output(&row.shape).map_err(fault)?;
            let transform = entry.spec.fit(&Training::new(training, &row))?;
            let size = output.iter().product();
            row.stages.push(Stage {
                transform,
                stream: Draw::stream(seed, position, &entry.kind),
                size,
            });
            row.most = row.most.max(size);
            row.shape = output;
        }
        Ok(row)
    }

    /// No transforms: samples of `shape` as the dataset gives them.
    #[must_use]
    pub fn none(shape: &[usize]) -> Self {
        let input = shape.iter().product();
        Self {
            stages: Vec::new(),
            input,
            most: input,
            shape: shape.to_vec(),
        }
    }

    /// The shape that a model meets, without looking at any sample.
    ///
    /// # Errors
    /// A transform does not apply to samples of its shape.
    pub fn output(entries: &[TransformEntry], shape: &[usize]) -> Result<Vec<usize>, DataError> {
        entries
            .iter()
            .enumerate()
            .try_fold(shape.to_vec(), |shape, (position, entry)| {
                entry
                    .spec
                    .output(&shape)
                    .map_err(|fault| misfit(position, fault))
            })
    }

    /// Shape of a sample after the last transform.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Writes a sample into `out`, its place in the batch: of an epoch of training, or as
    /// evaluation sees it where `epoch` is `None`.
    ///
    /// # Errors
    /// The sample cannot be read.
    pub fn write(
        &self,
        dataset: &dyn Dataset,
        index: usize,
        epoch: Option<u32>,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), DataError> {
        let Some((last, before)) = self.stages.split_last() else {
            return dataset.get(index, out);
        };
        let Scratch([from, to]) = scratch;
        from.resize(self.most, 0.0);
        to.resize(self.most, 0.0);
        let id = dataset.id(index);
        let apply = |stage: &Stage, from: &[f32], to: &mut [f32]| {
            let draw = epoch.map(|epoch| Draw::new(&stage.stream, epoch, id));
            stage.transform.apply(from, to, draw.as_ref());
        };
        let mut size = self.input;
        dataset.get(index, &mut from[..size])?;
        for stage in before {
            apply(stage, &from[..size], &mut to[..stage.size]);
            std::mem::swap(from, to);
            size = stage.size;
        }
        apply(last, &from[..size], out);
        Ok(())
    }
}

impl std::fmt::Debug for Transforms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transforms")
            .field("stages", &self.stages.len())
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// A transform's own fault, at its place in `[dataset]`.
fn misfit(index: usize, fault: KeyFault) -> DataError {
    let dot = if fault.key.is_empty() { "" } else { "." };
    let key = format!("transform[{index}]{dot}{}", fault.key);
    DataError::Transform { index, fault, key }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{
        DatasetKeys, DatasetSpec, Digits, HorizontalFlip, Normalize, RandomCrop, Standardize,
        transform::{PerChannel, TransformSpec},
    };

    fn entry(kind: &str, spec: impl TransformSpec + 'static) -> TransformEntry {
        TransformEntry {
            kind: kind.into(),
            spec: Arc::new(spec),
        }
    }

    fn all_kinds() -> Vec<TransformEntry> {
        vec![
            entry(
                "normalize",
                Normalize {
                    mean: PerChannel::All(0.5),
                    std: PerChannel::All(0.25),
                },
            ),
            entry(
                "random_crop",
                RandomCrop {
                    padding: 2,
                    size: Some([10, 9]),
                },
            ),
            entry("horizontal_flip", HorizontalFlip { p: 0.5 }),
            entry("standardize", Standardize {}),
        ]
    }

    #[test]
    fn a_row_that_changes_the_shape_ends_in_zero_mean_and_unit_variance() {
        let data = Digits {}.load(&DatasetKeys::default(), 0).unwrap();
        let row = Transforms::fit(&all_kinds(), &data.facts.shape, &*data.train, 1).unwrap();
        assert_eq!(row.shape(), [1, 10, 9]);
        assert_eq!(
            Transforms::output(&all_kinds(), &data.facts.shape).unwrap(),
            [1, 10, 9]
        );
        let (mut sum, mut squares) = (0.0, 0.0);
        let mut scratch = Scratch::default();
        let mut out = vec![f32::NAN; 90];
        for index in 0..data.train.len() {
            row.write(&*data.train, index, None, &mut scratch, &mut out)
                .unwrap();
            sum += out.iter().map(|&v| f64::from(v)).sum::<f64>();
            squares += out.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        }
        let n = (data.train.len() * 90) as f64;
        assert!((sum / n).abs() < 1e-6, "{}", sum / n);
        assert!((squares / n - 1.0).abs() < 1e-6, "{}", squares / n);
    }

    #[test]
    fn random_numbers_depend_on_epoch_and_sample_only() {
        let data = Digits {}.load(&DatasetKeys::default(), 0).unwrap();
        let row = Transforms::fit(&all_kinds(), &data.facts.shape, &*data.train, 1).unwrap();
        let sample = |index, epoch| {
            let mut out = vec![f32::NAN; 90];
            let mut scratch = Scratch::default();
            row.write(&*data.train, index, epoch, &mut scratch, &mut out)
                .unwrap();
            out
        };
        let epochs: Vec<_> = (0..8).map(|epoch| sample(3, Some(epoch))).collect();
        assert!(epochs.iter().any(|s| *s != epochs[0]), "eight epochs alike");
        assert_eq!(epochs[5], sample(3, Some(5)));
        assert_eq!(sample(3, None), sample(3, None));
        assert!(epochs.iter().flatten().all(|v| v.is_finite()));
    }

    #[test]
    fn a_transform_that_does_not_fit_is_named_with_its_key() {
        let entries = [all_kinds()[0].clone(), all_kinds()[1].clone()];
        let error = Transforms::output(&entries, &[13]).unwrap_err();
        assert_eq!(error.key(), "transform[1]");
        assert_eq!(
            error.faults()[0].to_string(),
            "`transform[1]`: random_crop needs images `[channels, height, width]`, got samples of shape `[13]`"
        );
    }
}
