//! Transforms in a row, fitted on the training split.

use super::{Draw, Training, Transform, TransformEntry};
use crate::{
    data::{DataError, Dataset, Values, collate::check_size},
    error::KeyFault,
    field::{Field, Kind, write_pixels},
    rng::Stream,
};

/// Transforms in a row, of the first field. Each sample goes straight from the last one into its
/// place in the batch; the other fields stay as they are.
pub struct Transforms {
    stages: Vec<Stage>,
    /// The first field before the first transform.
    input: Field,
    /// The most numbers that a sample has on its way.
    most: usize,
    /// All fields after the last transform.
    fields: Vec<Field>,
}

struct Stage {
    transform: Box<dyn Transform>,
    stream: Stream,
    /// Numbers of a sample after it.
    size: usize,
}

/// Memory for samples on their way; one for each thread.
#[derive(Debug, Default)]
pub struct Scratch {
    raw: Option<Values>,
    numbers: [Vec<f32>; 2],
}

impl Transforms {
    /// Fits each transform on the training split as the transforms before it leave it.
    ///
    /// # Errors
    /// A transform does not apply to samples of its shape, or a sample cannot be read.
    pub fn fit(
        entries: &[TransformEntry],
        fields: &[Field],
        training: &dyn Dataset,
        seed: u64,
    ) -> Result<Self, DataError> {
        let mut row = Self::none(fields);
        for (position, entry) in entries.iter().enumerate() {
            let output = applied(position, entry, &row.fields[0])?;
            let transform = entry.spec.fit(&Training::new(training, &row))?;
            let size = output.size();
            row.stages.push(Stage {
                transform,
                stream: Draw::stream(seed, position, &entry.kind),
                size,
            });
            row.most = row.most.max(size);
            row.fields[0] = output;
        }
        Ok(row)
    }

    /// Returns no transforms: samples as the dataset gives them, of one field at least.
    #[must_use]
    pub fn none(fields: &[Field]) -> Self {
        let input = fields[0].clone();
        Self {
            stages: Vec::new(),
            most: input.size(),
            input,
            fields: fields.to_vec(),
        }
    }

    /// Returns the fields that a model meets, without looking at any sample.
    ///
    /// # Errors
    /// A transform does not apply to samples of its shape.
    pub fn output(entries: &[TransformEntry], fields: &[Field]) -> Result<Vec<Field>, DataError> {
        let mut fields = fields.to_vec();
        for (position, entry) in entries.iter().enumerate() {
            fields[0] = applied(position, entry, &fields[0])?;
        }
        Ok(fields)
    }

    /// Returns the fields of a sample after the last transform.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Appends a field of a sample to `out`: of an epoch of training, or as evaluation sees it
    /// where `epoch` is `None`.
    ///
    /// # Errors
    /// The sample cannot be read.
    pub fn write(
        &self,
        dataset: &dyn Dataset,
        (index, field): (usize, usize),
        epoch: Option<u32>,
        scratch: &mut Scratch,
        out: &mut Values,
    ) -> Result<(), DataError> {
        if field > 0 || self.stages.is_empty() {
            return dataset.get(index, field, out);
        }
        let out = out.numbers()?;
        let start = out.len();
        // Zeroed sample by sample, where it is written the next moment: not a trip through memory.
        out.resize(start + self.fields[0].size(), 0.0);
        self.write_numbers(dataset, index, epoch, scratch, &mut out[start..])
    }

    /// Writes the first field of a sample into `out` as numbers, pixels too.
    ///
    /// # Errors
    /// The sample cannot be read, or its first field has ids.
    pub fn write_numbers(
        &self,
        dataset: &dyn Dataset,
        index: usize,
        epoch: Option<u32>,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), DataError> {
        let Scratch { raw, numbers } = scratch;
        let Some((last, before)) = self.stages.split_last() else {
            return self.read(dataset, index, raw, out);
        };
        let [from, to] = numbers;
        from.resize(self.most, 0.0);
        to.resize(self.most, 0.0);
        let id = dataset.id(index);
        let apply = |stage: &Stage, from: &[f32], to: &mut [f32]| {
            let draw = epoch.map(|epoch| Draw::new(&stage.stream, epoch, id));
            stage.transform.apply(from, to, draw.as_ref());
        };
        let mut size = self.input.size();
        self.read(dataset, index, raw, &mut from[..size])?;
        for stage in before {
            apply(stage, &from[..size], &mut to[..stage.size]);
            std::mem::swap(from, to);
            size = stage.size;
        }
        apply(last, &from[..size], out);
        Ok(())
    }

    /// Reads the first field of a sample as the dataset gives it, as numbers.
    fn read(
        &self,
        dataset: &dyn Dataset,
        index: usize,
        raw: &mut Option<Values>,
        out: &mut [f32],
    ) -> Result<(), DataError> {
        let raw = raw.get_or_insert_with(|| Values::with_room(&self.input, 1));
        raw.clear();
        dataset.get(index, 0, raw)?;
        check_size(&self.input, raw.len(), dataset, index)?;
        match (raw, &self.input.kind) {
            (Values::Numbers(values), _) => out.copy_from_slice(values),
            (Values::Pixels(bytes), Kind::Pixels { white }) => write_pixels(bytes, *white, out),
            _ => return Err(DataError::OtherKind("ids")),
        }
        Ok(())
    }
}

/// Returns the field that a transform leaves.
fn applied(position: usize, entry: &TransformEntry, field: &Field) -> Result<Field, DataError> {
    let fault = |fault| misfit(position, fault);
    if !field.is_numeric() || field.varies {
        let message = format!(
            "`{}` rewrites numbers, and a sample has {}: no transform takes them",
            entry.kind,
            field.words()
        );
        let hint = "remove this `[[dataset.transform]]`";
        return Err(fault(KeyFault::error("type", message).hint(hint)));
    }
    let shape = entry.spec.output(&field.shape).map_err(fault)?;
    Ok(field.reshaped(shape))
}

impl std::fmt::Debug for Transforms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transforms")
            .field("stages", &self.stages.len())
            .field("fields", &self.fields)
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
        let row = Transforms::fit(&all_kinds(), &data.facts.fields, &*data.train, 1).unwrap();
        assert_eq!(row.fields(), [Field::numbers("image", &[1, 10, 9])]);
        assert_eq!(
            Transforms::output(&all_kinds(), &data.facts.fields).unwrap(),
            row.fields()
        );
        let (mut sum, mut squares) = (0.0, 0.0);
        let mut scratch = Scratch::default();
        let mut out = vec![f32::NAN; 90];
        for index in 0..data.train.len() {
            row.write_numbers(&*data.train, index, None, &mut scratch, &mut out)
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
        let row = Transforms::fit(&all_kinds(), &data.facts.fields, &*data.train, 1).unwrap();
        let sample = |index, epoch| {
            let mut out = vec![f32::NAN; 90];
            let mut scratch = Scratch::default();
            row.write_numbers(&*data.train, index, epoch, &mut scratch, &mut out)
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
        let error = Transforms::output(&entries, &[Field::numbers("input", &[13])]).unwrap_err();
        assert_eq!(error.key(), "transform[1]");
        assert_eq!(
            error.faults()[0].to_string(),
            "`transform[1]`: random_crop needs images `[channels, height, width]`, got samples of shape `[13]`"
        );
    }
}
