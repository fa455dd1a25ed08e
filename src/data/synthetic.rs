//! Made-up samples of any shape, for trying things out without any file.
//!
//! Classification: the class of sample i is i mod `classes`, and x = m + `noise`·e, where the mean m
//! of each class is drawn once, uniform in [−1, 1). Regression: x = e and
//! y = W·x + `noise`·e with W normal of variance 1 / (numbers of a sample), so that W·x has variance 1.
//! e is uniform with mean 0 and variance 1. Every number is a function of the seed and its place.

use std::{borrow::Cow, sync::Arc};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, Labels, Split, Values,
};
use crate::{
    error::KeyFault,
    field::Field,
    rng::{Purpose, Stream, unit},
    task::{Target, Task},
};

/// Made-up samples of any shape that can be learned. Classes lie around random means; targets are a
/// random linear map of the inputs. The samples are a function of the keys and the run's seed. 10%
/// validation and 10% test by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// Shape of a sample: `[features]`, or `[channels, height, width]` for images.
    #[schemars(length(min = 1, max = 8), inner(range(min = 1)), example = [3, 32, 32])]
    pub shape: Vec<usize>,
    /// Number of samples, over all splits.
    #[schemars(range(min = 3, max = 4_294_967_295u32), example = 1000)]
    pub samples: usize,
    /// Number of classes, all of the same size; instead of `targets`. At least 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 1_048_576), example = 10)]
    pub classes: Option<usize>,
    /// Number of values to predict for a sample; instead of `classes`. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576), example = 1)]
    pub targets: Option<usize>,
    /// Standard deviation of the noise: on the inputs, around the mean of their class, or on the targets of a regression, which vary by 1 without it. Default 0.5. At least 0.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0))]
    pub noise: f64,
}

fn half() -> f64 {
    0.5
}

/// The most numbers that are made: 16 GB.
const MOST: usize = 1 << 32;

impl DatasetSpec for Synthetic {
    fn check(&self) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        match (self.classes, self.targets) {
            (None, None) => faults.push(
                KeyFault::error(
                    "",
                    "it needs `classes` or `targets`: what is to be predicted",
                )
                .hint("add, for example, `classes = 10`"),
            ),
            (Some(_), Some(_)) => faults.push(
                KeyFault::error("targets", "`classes` and `targets` are both given")
                    .hint("keep `classes` for a classification, `targets` for a regression"),
            ),
            (Some(classes), None) if classes > self.samples => {
                let message = format!("`{classes}` classes for `{}` samples", self.samples);
                faults.push(KeyFault::error("classes", message));
            }
            _ => {}
        }
        let (samples, size) = (self.samples, self.size());
        let numbers = size.and_then(|size| size.checked_mul(samples));
        if numbers.is_none_or(|numbers| numbers > MOST) {
            let message = format!("`{samples}` samples of this shape do not fit in 16 GB");
            faults.push(KeyFault::error("samples", message).hint("fewer, or smaller ones"));
        }
        faults
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        let split = self.split(keys, seed)?;
        let counts = match self.classes {
            Some(classes) => ClassCounts::of(&split, classes, |id| id % classes as u32),
            None => ClassCounts::default(),
        };
        Ok(Facts {
            train: split.train.len(),
            val: split.val.len(),
            test: split.test.len(),
            counts,
            ..self.facts()
        })
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let split = self.split(keys, seed)?;
        let samples = Samples::new(self, seed);
        let fingerprint = samples.fingerprint(self, seed);
        let whole: Arc<dyn Dataset> = Arc::new(samples);
        Ok(Data::new(self.facts(), &whole, split, fingerprint))
    }
}

impl Synthetic {
    /// Numbers of a sample; `None` where they cannot be counted.
    fn size(&self) -> Option<usize> {
        self.shape
            .iter()
            .try_fold(1usize, |size, &extent| size.checked_mul(extent))
    }

    fn split(&self, keys: &DatasetKeys, seed: u64) -> Result<Split, DataError> {
        let keys_of_split = keys.split.or(&self.defaults());
        let count = self.classes.unwrap_or(0);
        let (classes, names) = match keys_of_split.stratify {
            Some(true) => (class_of_each(self.samples, count), numbered(count)),
            _ => (Vec::new(), Vec::new()),
        };
        let labels = self.classes.map(|_| Labels {
            classes: &classes,
            names: &names,
        });
        Ok(Split::new(
            self.samples,
            &keys_of_split,
            keys.limit,
            seed,
            labels,
        )?)
    }

    /// Facts but for the sizes of the splits.
    fn facts(&self) -> Facts {
        let task = match (self.classes, self.targets) {
            (Some(classes), _) => Task::classes(numbered(classes)),
            (None, targets) => Task::Regression {
                targets: targets.unwrap_or(1),
            },
        };
        Facts {
            fields: vec![Field::numbers("input", &self.shape)],
            task,
            train: 0,
            val: 0,
            test: 0,
            counts: ClassCounts::default(),
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// Names of classes: their numbers.
fn numbered(classes: usize) -> Vec<String> {
    (0..classes).map(|class| class.to_string()).collect()
}

fn class_of_each(samples: usize, classes: usize) -> Vec<u32> {
    (0..samples).map(|i| (i % classes.max(1)) as u32).collect()
}

/// All samples, made.
struct Samples {
    inputs: Vec<f32>,
    /// Numbers of a sample.
    size: usize,
    answers: Answers,
}

enum Answers {
    /// So many classes, taken in turn.
    Classes(usize),
    /// So many values for each sample.
    Values(Vec<f32>, usize),
}

impl Samples {
    fn new(spec: &Synthetic, seed: u64) -> Self {
        let size = spec.size().unwrap_or(0).max(1);
        let stream = |name: &str| Stream::new(seed, Purpose::Sample, name);
        let mut inputs = vec![0.0; spec.samples * size];
        let answers = if let Some(classes) = spec.classes {
            let mut means = vec![0.0; classes * size];
            stream("synthetic.means").fill_uniform(&mut means, -1.0, 1.0);
            let mean = |i: usize| &means[i % classes * size..][..size];
            scatter(&mut inputs, size, stream("synthetic.inputs"), spec.noise);
            inputs
                .par_chunks_mut(size)
                .enumerate()
                .for_each(|(i, x)| x.iter_mut().zip(mean(i)).for_each(|(x, mean)| *x += mean));
            Answers::Classes(classes)
        } else {
            let targets = spec.targets.unwrap_or(1);
            let mut map = vec![0.0; targets * size];
            stream("synthetic.map").fill_normal(&mut map, 0.0, (size as f64).sqrt().recip());
            scatter(&mut inputs, size, stream("synthetic.inputs"), 1.0);
            let mut values = vec![0.0; spec.samples * targets];
            scatter(
                &mut values,
                targets,
                stream("synthetic.targets"),
                spec.noise,
            );
            values
                .par_chunks_mut(targets)
                .zip(inputs.par_chunks(size))
                .for_each(|(y, x)| {
                    for (y, row) in y.iter_mut().zip(map.chunks_exact(size)) {
                        *y += dot(row, x);
                    }
                });
            Answers::Values(values, targets)
        };
        Self {
            inputs,
            size,
            answers,
        }
    }

    /// BLAKE3 of what decides every number, and of some of the numbers: of the program that made
    /// them.
    fn fingerprint(&self, spec: &Synthetic, seed: u64) -> String {
        let mut hasher = blake3::Hasher::new();
        let keys = (&spec.shape, spec.samples, spec.classes, spec.targets);
        hasher.update(format!("{keys:?} {} {seed}", spec.noise).as_bytes());
        let mut add = |values: &[f32]| {
            for value in values.iter().take(1024) {
                hasher.update(&value.to_le_bytes());
            }
        };
        add(&self.inputs);
        if let Answers::Values(values, _) = &self.answers {
            add(values);
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl Dataset for Samples {
    fn len(&self) -> usize {
        self.inputs.len() / self.size
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        let sample = &self.inputs[index * self.size..][..self.size];
        out.numbers()?.extend_from_slice(sample);
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        match &self.answers {
            Answers::Classes(classes) => Target::Class((index % classes) as u32),
            Answers::Values(values, targets) => {
                Target::Values(Cow::Borrowed(&values[index * targets..][..*targets]))
            }
        }
    }
}

/// Fills each row of `width` with numbers of mean 0 and this standard deviation, uniform: a
/// function of the stream, the row and the column.
fn scatter(out: &mut [f32], width: usize, stream: Stream, deviation: f64) {
    let reach = (3f64.sqrt() * deviation) as f32;
    out.par_chunks_mut(width)
        .enumerate()
        .for_each(|(row, out)| {
            for (block, out) in out.chunks_mut(4).enumerate() {
                for (x, word) in out
                    .iter_mut()
                    .zip(stream.block(row as u32, 0, block as u64))
                {
                    *x = reach * (2.0 * unit(word) - 1.0);
                }
            }
        });
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Moments, SplitKeys, shared::numbers};

    fn spec(keys: &str) -> Synthetic {
        toml::from_str(keys).unwrap()
    }

    fn all(keys: &str, seed: u64) -> Arc<dyn Dataset> {
        let loader = DatasetKeys {
            split: SplitKeys::percent(0.0, 0.0),
            ..DatasetKeys::default()
        };
        spec(keys).load(&loader, seed).unwrap().train
    }

    #[test]
    fn it_is_described_as_it_is_loaded() {
        let keys = DatasetKeys::default();
        let images = spec("shape = [3, 4, 5]\nsamples = 200\nclasses = 7");
        let facts = images.describe(&keys, 1).unwrap();
        assert_eq!((facts.train, facts.val, facts.test), (160, 20, 20));
        assert_eq!(
            (&facts.fields[0].shape[..], facts.task.outputs()),
            (&[3, 4, 5][..], 7)
        );
        assert_eq!(images.load(&keys, 1).unwrap().facts, facts);
        let stratified: DatasetKeys = toml::from_str("split = { stratify = true }").unwrap();
        let data = images.load(&stratified, 1).unwrap();
        assert_eq!(data.facts, images.describe(&stratified, 1).unwrap());
        assert_eq!(data.facts.counts.val, [3, 3, 3, 3, 3, 2, 3]);
        let numbers = spec("shape = [6]\nsamples = 50\ntargets = 2");
        let facts = numbers.describe(&keys, 1).unwrap();
        assert_eq!(facts.task, Task::Regression { targets: 2 });
        assert!(numbers.describe(&stratified, 1).is_err());
    }

    #[test]
    fn samples_scatter_around_the_mean_of_their_class() {
        let data = all("shape = [5]\nsamples = 3000\nclasses = 3\nnoise = 0.25", 4);
        let mut of_class = vec![Vec::new(); 3];
        for i in 0..data.len() {
            let Target::Class(class) = data.target(i) else {
                panic!("no class")
            };
            let x = numbers(&*data, i);
            of_class[class as usize].push(f64::from(x[2]));
        }
        let moments: Vec<Moments> = of_class
            .iter()
            .map(|values| Moments::of(values.iter().copied()))
            .collect();
        assert!(of_class.iter().all(|values| values.len() == 1000));
        assert!(
            moments.iter().all(|m| (m.std - 0.25).abs() < 0.02),
            "{moments:?}"
        );
        assert!(
            (moments[0].mean - moments[1].mean).abs() > 0.05,
            "{moments:?}"
        );
    }

    #[test]
    fn targets_are_a_linear_map_of_the_inputs_and_noise() {
        let data = all(
            "shape = [2, 8]\nsamples = 4000\ntargets = 2\nnoise = 0.0",
            4,
        );
        let mut first = Vec::new();
        for i in 0..data.len() {
            let Target::Values(y) = data.target(i) else {
                panic!("no values")
            };
            first.push(f64::from(y[1]));
        }
        let spread = Moments::of(first.iter().copied());
        assert!(
            spread.mean.abs() < 0.1 && (0.4..1.8).contains(&spread.std),
            "{spread:?}"
        );
        // Without noise, a target is the map's row times the sample.
        let mut map = vec![0.0; 32];
        Stream::new(4, Purpose::Sample, "synthetic.map").fill_normal(&mut map, 0.0, 0.25);
        let x = numbers(&*data, 17);
        let Target::Values(y) = data.target(17) else {
            panic!("no values")
        };
        assert_eq!(y[0], dot(&map[..16], &x));
    }

    #[test]
    fn numbers_are_a_function_of_seed_and_place() {
        let keys = "shape = [7]\nsamples = 40\nclasses = 2";
        let row = |data: &Arc<dyn Dataset>, i| numbers(&**data, i);
        let (one, same, other) = (all(keys, 1), all(keys, 1), all(keys, 2));
        let more = all("shape = [7]\nsamples = 90\nclasses = 2", 1);
        assert_eq!(row(&one, 33), row(&same, 33));
        assert_eq!(row(&one, 33), row(&more, 33));
        assert_ne!(row(&one, 33), row(&other, 33));
        let fingerprint = |keys: &str, seed| {
            let loaded = spec(keys).load(&DatasetKeys::default(), seed);
            loaded.unwrap().fingerprint
        };
        assert_eq!(fingerprint(keys, 1), fingerprint(keys, 1));
        assert_ne!(fingerprint(keys, 1), fingerprint(keys, 2));
        let louder = format!("{keys}\nnoise = 0.6");
        assert_ne!(fingerprint(keys, 1), fingerprint(&louder, 1));
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        let faults = |keys: &str| -> Vec<String> {
            let faults = spec(&format!("shape = [4]\n{keys}")).check();
            faults.iter().map(ToString::to_string).collect()
        };
        assert!(faults("samples = 10\nclasses = 2").is_empty());
        assert_eq!(
            faults("samples = 10"),
            [
                "it needs `classes` or `targets`: what is to be predicted; hint: add, for example, `classes = 10`"
            ]
        );
        assert_eq!(
            faults("samples = 10\nclasses = 2\ntargets = 1"),
            [
                "`targets`: `classes` and `targets` are both given; hint: keep `classes` for a classification, `targets` for a regression"
            ]
        );
        assert_eq!(
            faults("samples = 10\nclasses = 11"),
            ["`classes`: `11` classes for `10` samples"]
        );
        assert_eq!(
            faults("samples = 4000000000\nclasses = 11"),
            [
                "`samples`: `4000000000` samples of this shape do not fit in 16 GB; hint: fewer, or smaller ones"
            ]
        );
    }
}
