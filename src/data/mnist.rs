//! MNIST (LeCun, Cortes and Burges) and what has its form: Fashion-MNIST, KMNIST, EMNIST. A folder
//! of four IDX files, plain or gzipped, with a test split of its own.

mod files;
mod labels;

use std::{path::PathBuf, sync::Arc};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use files::FILES;
use labels::Classes;

use super::{
    ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, IdxError, IdxHeader,
    Labels, Split, SplitKeys, classes::count, idx::read_idx, images::Images,
};
use crate::{field::Field, task::Task, units::FilePath};

/// MNIST and datasets like it: a folder of IDX files. Fashion-MNIST, KMNIST and EMNIST have the
/// same form. Pixels are scaled to 0–1. It has its own test split; 10% of the training part is
/// validation by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mnist {
    /// Folder that holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`
    /// and `t10k-labels-idx1-ubyte`, each plain or with `.gz`; `train-images.idx3-ubyte`, `test` for
    /// `t10k`, and a beginning such as `emnist-letters-` are read too.
    #[schemars(example = &"data/mnist")]
    pub path: FilePath,
    /// The beginning of the files' names, where the folder holds several sets of files. Default: the only set there is; names without a beginning come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"emnist-letters")]
    pub prefix: Option<String>,
    /// The label of the first class, such as 1 where labels are counted from 1 (EMNIST's letters). Default 0. At most 255.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 255), example = 1)]
    pub first_label: u8,
    /// Number of classes. Default: as many as the training labels show, and at least 10 where labels begin at 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 1_048_576), example = 47)]
    pub classes: Option<usize>,
}

/// Returns whether a number is the default, which plans do not write.
fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl DatasetSpec for Mnist {
    fn defaults(&self) -> SplitKeys {
        SplitKeys {
            test: None,
            ..SplitKeys::percent(10.0, 0.0)
        }
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        let split = self.split_keys(keys)?;
        let files = files::find(&self.path.0, self.prefix.as_deref())?;
        let mut headers = Vec::new();
        let mut errors = Vec::new();
        let mut labels = Vec::new();
        for (path, (_, dimensions)) in files.iter().zip(FILES) {
            // Labels are few bytes, and only they tell the classes.
            let read = match dimensions {
                1 => read_idx(path, 1).map(|(header, numbers)| {
                    labels.push(numbers);
                    header
                }),
                _ => IdxHeader::read(path, dimensions),
            };
            match read {
                Ok(header) => headers.push(header),
                Err(error) => errors.push(error),
            }
        }
        if let Some(error) = DataError::several(errors) {
            return Err(error);
        }
        let shape = agree(&headers)?;
        let test = labels.pop().unwrap_or_default();
        let train = labels.pop().unwrap_or_default();
        let answers = Answers::of(self, &headers, train, test)?;
        let split = answers.split(&split, keys.limit, seed)?;
        Ok(Facts {
            train: split.train.len(),
            val: split.val.len(),
            counts: answers.counts(&split),
            ..answers.facts(&shape)
        })
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let split = self.split_keys(keys)?;
        let files = files::find(&self.path.0, self.prefix.as_deref())?;
        let mut content = Contents::read(&files)?;
        let shape = agree(&content.headers)?;
        let mut take = |at: usize| std::mem::take(&mut content.numbers[at]);
        let answers = Answers::of(self, &content.headers, take(1), take(3))?;
        let split = answers.split(&split, keys.limit, seed)?;
        let counts = answers.counts(&split);
        let facts = answers.facts(&shape);
        let size = facts.fields[0].size();
        let images = |pixels: Vec<u8>, labels: Vec<u8>| Images {
            pixels,
            labels,
            size,
        };
        let test = images(take(2), answers.test);
        let whole: Arc<dyn Dataset> = Arc::new(images(take(0), answers.train));
        let mut data = Data::new(facts, &whole, split, content.fingerprint);
        data.facts.test = test.len();
        data.facts.counts = counts;
        data.test = Some(Arc::new(test));
        Ok(data)
    }
}

impl Mnist {
    /// The split keys filled in; a test share is refused.
    fn split_keys(&self, keys: &DatasetKeys) -> Result<SplitKeys, DataError> {
        match keys.split.test {
            Some(_) => Err(DataError::OwnTest("mnist")),
            None => Ok(keys.split.or(&self.defaults())),
        }
    }
}

/// The content of the four files.
struct Contents {
    headers: Vec<IdxHeader>,
    numbers: Vec<Vec<u8>>,
    /// BLAKE3 of names, dimensions and numbers.
    fingerprint: String,
}

impl Contents {
    fn read(files: &[PathBuf]) -> Result<Self, DataError> {
        let read: Vec<_> = files
            .par_iter()
            .zip(FILES)
            .map(|(path, (_, dimensions))| read_idx(path, dimensions))
            .collect();
        let (mut headers, mut contents) = (Vec::new(), Vec::new());
        let mut fingerprint = blake3::Hasher::new();
        for (read, (name, _)) in read.into_iter().zip(FILES) {
            let (header, numbers) = read?;
            fingerprint.update(name.as_bytes());
            header.dims.iter().for_each(|&dim| {
                fingerprint.update(&(dim as u64).to_le_bytes());
            });
            fingerprint.update_rayon(&numbers);
            headers.push(header);
            contents.push(numbers);
        }
        Ok(Self {
            headers,
            numbers: contents,
            fingerprint: fingerprint.finalize().to_hex().to_string(),
        })
    }
}

/// The class of each image, as an index.
struct Answers {
    classes: Classes,
    train: Vec<u8>,
    test: Vec<u8>,
}

impl Answers {
    fn of(
        spec: &Mnist,
        headers: &[IdxHeader],
        train: Vec<u8>,
        test: Vec<u8>,
    ) -> Result<Self, DataError> {
        let classes = Classes::of(spec, &headers[1].path, &train)?;
        Ok(Self {
            train: classes.indices(&headers[1].path, train)?,
            test: classes.indices(&headers[3].path, test)?,
            classes,
        })
    }

    fn split(&self, keys: &SplitKeys, limit: Option<usize>, seed: u64) -> Result<Split, DataError> {
        let classes: Vec<u32> = self.train.iter().map(|&l| u32::from(l)).collect();
        let labels = Labels {
            classes: &classes,
            names: &self.classes.names(),
        };
        Ok(Split::new(classes.len(), keys, limit, seed, Some(labels))?)
    }

    fn counts(&self, split: &Split) -> ClassCounts {
        let classes = self.classes.count();
        let tests = self.test.iter().map(|&label| u32::from(label));
        ClassCounts {
            test: count(tests, classes),
            ..ClassCounts::of(split, classes, |id| u32::from(self.train[id as usize]))
        }
    }

    /// Facts but for the splits of the training part.
    fn facts(&self, shape: &[usize]) -> Facts {
        Facts {
            fields: vec![Field::pixels("image", shape, 255)],
            task: Task::classes(self.classes.names()),
            train: 0,
            val: 0,
            test: self.test.len(),
            counts: ClassCounts::default(),
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// The shape of an image, where the four headers agree with each other.
fn agree(headers: &[IdxHeader]) -> Result<Vec<usize>, DataError> {
    let same = |what: &str, at: usize, found: &[usize], other: usize, expected: &[usize]| {
        if found == expected {
            return Ok(());
        }
        let text = |dims: &[usize]| {
            let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
            format!("{} {what}", dims.join("×"))
        };
        let error = IdxError::Mismatch {
            found: text(found),
            expected: text(expected),
            other: headers[other].path.display().to_string(),
        };
        Err(DataError::Idx {
            path: headers[at].path.clone(),
            error,
        })
    };
    let dims = |i: usize| headers[i].dims.as_slice();
    same("labels", 1, &dims(1)[..1], 0, &dims(0)[..1])?;
    same("labels", 3, &dims(3)[..1], 2, &dims(2)[..1])?;
    same("pixels", 2, &dims(2)[1..], 0, &dims(0)[1..])?;
    Ok([&[1], &dims(0)[1..]].concat())
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::Path, time::Instant};

    use super::*;
    use crate::{
        data::shared::{shared_data, shown},
        task::Target,
    };

    fn mnist(path: &Path) -> Mnist {
        Mnist {
            path: FilePath(path.into()),
            prefix: None,
            first_label: 0,
            classes: None,
        }
    }

    /// Writes IDX files: 20 training and 5 test images of 2×3, labels as given.
    fn write(folder: &Path, spell: impl Fn(&str) -> String, gzip: bool, label: impl Fn(u8) -> u8) {
        for (name, dimensions) in FILES {
            let n: u8 = if name.starts_with("train") { 20 } else { 5 };
            let mut bytes = vec![0, 0, 8, dimensions, 0, 0, 0, n];
            if dimensions == 3 {
                bytes.extend([0, 0, 0, 2, 0, 0, 0, 3]);
                bytes.extend((0..n).flat_map(|i| [i; 6]));
            } else {
                bytes.extend((0..n).map(&label));
            }
            if gzip {
                let file = std::fs::File::create(folder.join(spell(name))).unwrap();
                let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap();
            } else {
                std::fs::write(folder.join(spell(name)), bytes).unwrap();
            }
        }
    }

    #[test]
    fn every_spelling_plain_or_compressed_is_the_same_data() {
        type Spelling = fn(&str) -> String;
        let spell: [(Spelling, bool); 4] = [
            (|name| name.into(), false),
            (|name| format!("{name}.gz"), true),
            (|name| name.replace("-idx", ".idx"), false),
            (|name| format!("{}.gz", name.replace("-idx", ".idx")), true),
        ];
        let keys = DatasetKeys::default();
        let mut fingerprints = Vec::new();
        for (spell, gzip) in spell {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), spell, gzip, |i| i % 10);
            let facts = mnist(folder.path()).describe(&keys, 1).unwrap();
            let data = mnist(folder.path()).load(&keys, 1).unwrap();
            assert_eq!(data.facts, facts);
            assert_eq!((facts.train, facts.val, facts.test), (18, 2, 5));
            assert_eq!(facts.fields[0].shape, [1, 2, 3]);
            let image = shown(&data.facts, &*data.train, 7);
            let id = data.train.id(7);
            assert_eq!(image, [id as f32 / 255.0; 6]);
            assert_eq!(data.train.target(7), Target::Class(id % 10));
            fingerprints.push(data.fingerprint);
        }
        assert!(fingerprints.iter().all(|f| *f == fingerprints[0]));
    }

    #[test]
    fn faults_are_found_by_describe_and_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, keys) = (folder.path(), DatasetKeys::default());
        let message = |keys: &DatasetKeys| {
            let error = mnist(path).describe(keys, 0).unwrap_err();
            (
                error.key().to_string(),
                error
                    .to_string()
                    .replace(&path.display().to_string(), "DIR"),
            )
        };
        write(path, str::to_string, false, |i| i % 10);
        std::fs::remove_file(path.join(FILES[0].0)).unwrap();
        std::fs::remove_file(path.join(FILES[3].0)).unwrap();
        assert_eq!(
            message(&keys).1,
            "`DIR` does not hold `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`; hint: `path` is the folder of the four IDX files, plain or with .gz"
        );
        write(path, str::to_string, false, |i| i % 10);
        let swapped = std::fs::read(path.join(FILES[3].0)).unwrap();
        std::fs::write(path.join(FILES[1].0), swapped).unwrap();
        assert_eq!(
            message(&keys),
            ("path".into(), "`DIR/train-labels-idx1-ubyte` holds 5 labels, expected 20 labels as in `DIR/train-images-idx3-ubyte`".into())
        );
        let test = DatasetKeys {
            split: SplitKeys::percent(10.0, 10.0),
            ..keys.clone()
        };
        assert_eq!(
            message(&test),
            (
                "split.test".into(),
                "`mnist` has its own test split; hint: remove `split.test`".into()
            )
        );
        let file = mnist(&path.join(FILES[0].0))
            .describe(&keys, 0)
            .unwrap_err();
        assert!(
            file.to_string()
                .ends_with("is a file; hint: `path` is the folder of the four IDX files")
        );
        let error = mnist(&path.join("none"))
            .describe(&DatasetKeys::default(), 0)
            .unwrap_err();
        assert_eq!(error.key(), "path");
    }

    #[test]
    fn a_label_that_is_no_class_is_refused_by_describe_in_every_split() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let message = |spec: &Mnist| {
            let text = spec
                .describe(&DatasetKeys::default(), 0)
                .unwrap_err()
                .to_string();
            let loaded = spec
                .load(&DatasetKeys::default(), 0)
                .unwrap_err()
                .to_string();
            assert_eq!(loaded, text);
            text.replace(&path.display().to_string(), "DIR")
        };
        write(path, str::to_string, false, |i| i % 10);
        let mut labels = std::fs::read(path.join(FILES[3].0)).unwrap();
        labels[8 + 3] = 10;
        std::fs::write(path.join(FILES[3].0), labels).unwrap();
        assert_eq!(
            message(&mnist(path)),
            "`DIR/t10k-labels-idx1-ubyte` has label `10` at sample 3, expected 0 to 9; hint: `first_label` and `classes` say which labels there are"
        );
        write(path, str::to_string, false, |i| i + 1);
        assert_eq!(
            message(&mnist(path)),
            "`DIR/train-labels-idx1-ubyte` has labels from 1 to 20 and none is 0; hint: first_label = 1"
        );
        let shifted = Mnist {
            first_label: 1,
            ..mnist(path)
        };
        let data = shifted.load(&DatasetKeys::default(), 0).unwrap();
        assert_eq!(
            data.facts,
            shifted.describe(&DatasetKeys::default(), 0).unwrap()
        );
        assert_eq!(data.facts.task.outputs(), 20);
        let test = data.test.unwrap();
        assert_eq!(test.target(2), Target::Class(2));
        assert_eq!(data.facts.counts.test[..6], [1, 1, 1, 1, 1, 0]);
        assert_eq!(data.facts.counts.train.iter().sum::<usize>(), 18);
        let Task::Classification { names, .. } = data.facts.task else {
            panic!("no classes");
        };
        assert_eq!((names[0].as_str(), names[19].as_str()), ("1", "20"));
    }

    #[test]
    fn a_stored_plan_from_before_the_keys_reads_and_writes_the_same() {
        let text = "path = \"x\"\n";
        let spec: Mnist = toml::from_str(text).unwrap();
        assert_eq!(toml::to_string(&spec).unwrap(), text);
    }

    #[test]
    fn the_real_one() {
        let Some(path) = shared_data("mnist") else {
            return;
        };
        let keys = DatasetKeys::default();
        let start = Instant::now();
        let facts = mnist(&path).describe(&keys, 0).unwrap();
        let described = start.elapsed();
        let data = mnist(&path).load(&keys, 0).unwrap();
        eprintln!(
            "described in {described:?}, loaded in {:?}",
            start.elapsed() - described
        );
        assert_eq!(data.facts, facts);
        assert_eq!(
            (facts.train, facts.val, facts.test),
            (54_000, 6_000, 10_000)
        );
        assert_eq!(facts.fields[0].shape, [1, 28, 28]);
        let test = data.test.unwrap();
        let first: Vec<_> = (0..10).map(|i| test.target(i)).collect();
        assert_eq!(first, [7, 2, 1, 0, 4, 1, 4, 9, 5, 9].map(Target::Class));
        // The well-known mean and standard deviation are those of all 60,000 training images.
        let keys = DatasetKeys {
            split: SplitKeys {
                test: None,
                ..SplitKeys::percent(0.0, 0.0)
            },
            ..keys
        };
        let all = mnist(&path).load(&keys, 0).unwrap().train;
        let moments = crate::data::statistics::channel_moments(&*all, 1, 784, |i, out| {
            out.copy_from_slice(&shown(&facts, &*all, i));
            Ok(())
        });
        let moments = moments.unwrap()[0];
        assert!((moments.mean - 0.1307).abs() < 5e-5, "{moments:?}");
        assert!((moments.std - 0.3081).abs() < 5e-5, "{moments:?}");
    }
}
