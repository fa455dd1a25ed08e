//! MNIST (LeCun, Cortes and Burges) and what has its form: Fashion-MNIST, KMNIST. A folder of four
//! IDX files, plain or gzipped, with ten classes and a test split of its own.

use std::{path::Path, path::PathBuf, sync::Arc};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, IdxError, IdxHeader, Labels, Split,
    SplitKeys, Task, digits::ten_digits, idx::read_idx, images::Images,
};
use crate::units::FilePath;

/// MNIST, or Fashion-MNIST or KMNIST in the same form: a folder of IDX files with ten classes. Pixels are scaled to 0–1; its own test split; 10% of the training part is validation by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mnist {
    /// Folder that holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`
    /// and `t10k-labels-idx1-ubyte`, each plain or with `.gz`; `train-images.idx3-ubyte` is read too.
    #[schemars(example = &"data/mnist")]
    pub path: FilePath,
}

/// The files in the order of the fingerprint, with their dimensions.
const FILES: [(&str, u8); 4] = [
    ("train-images-idx3-ubyte", 3),
    ("train-labels-idx1-ubyte", 1),
    ("t10k-images-idx3-ubyte", 3),
    ("t10k-labels-idx1-ubyte", 1),
];
const CLASSES: usize = 10;

impl DatasetSpec for Mnist {
    fn defaults(&self) -> SplitKeys {
        SplitKeys {
            test: None,
            ..SplitKeys::percent(10.0, 0.0)
        }
    }

    fn describe(&self, keys: &DatasetKeys, _seed: u64) -> Result<Facts, DataError> {
        let split = self.split_keys(keys)?;
        let mut headers = Vec::new();
        let mut errors = Vec::new();
        for (path, (_, dimensions)) in self.files()?.iter().zip(FILES) {
            match IdxHeader::read(path, dimensions) {
                Ok(header) => headers.push(header),
                Err(error) => errors.push(error),
            }
        }
        if let Some(error) = DataError::several(errors) {
            return Err(error);
        }
        let shape = agree(&headers)?;
        let (train, val, _) = Split::sizes(headers[0].dims[0], &split, keys.limit)?;
        Ok(facts(shape, train, val, headers[2].dims[0]))
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let split = self.split_keys(keys)?;
        let mut headers = Vec::new();
        let mut contents = Vec::new();
        let mut fingerprint = blake3::Hasher::new();
        let files = self.files()?;
        let read: Vec<_> = files
            .par_iter()
            .zip(FILES)
            .map(|(path, (_, dimensions))| read_idx(path, dimensions))
            .collect();
        for (read, (name, _)) in read.into_iter().zip(FILES) {
            let (header, content) = read?;
            fingerprint.update(name.as_bytes());
            header.dims.iter().for_each(|&dim| {
                fingerprint.update(&(dim as u64).to_le_bytes());
            });
            fingerprint.update_rayon(&content);
            headers.push(header);
            contents.push(content);
        }
        let shape = agree(&headers)?;
        let size = shape.iter().product();
        let mut images = |at: usize| -> Result<Images, DataError> {
            let pixels = std::mem::take(&mut contents[at]);
            let labels = std::mem::take(&mut contents[at + 1]);
            check_labels(&headers[at + 1].path, &labels)?;
            Ok(Images {
                pixels,
                labels,
                size,
                white: 255.0,
            })
        };
        let (train, test) = (images(0)?, images(2)?);
        let classes: Vec<u32> = train.labels.iter().map(|&l| u32::from(l)).collect();
        let labels = Labels {
            classes: &classes,
            names: &ten_digits(),
        };
        let split = Split::new(train.len(), &split, keys.limit, seed, Some(labels))?;
        let facts = facts(shape, 0, 0, 0);
        let fingerprint = fingerprint.finalize().to_hex().to_string();
        let whole: Arc<dyn Dataset> = Arc::new(train);
        let mut data = Data::new(facts, &whole, split, fingerprint);
        data.facts.test = test.len();
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

    /// The paths of the four files, whichever spelling each has.
    fn files(&self) -> Result<Vec<PathBuf>, DataError> {
        let folder = &self.path.0;
        std::fs::read_dir(folder).map_err(|source| DataError::Read {
            path: folder.clone(),
            source,
        })?;
        let found = FILES.map(|(name, _)| {
            spellings(name)
                .into_iter()
                .map(|spelling| folder.join(spelling))
                .find(|path| path.exists())
        });
        let names: Vec<&'static str> = FILES
            .iter()
            .zip(&found)
            .filter(|(_, path)| path.is_none())
            .map(|((name, _), _)| *name)
            .collect();
        if names.is_empty() {
            Ok(found.into_iter().flatten().collect())
        } else {
            Err(DataError::MissingFiles {
                folder: folder.clone(),
                names,
            })
        }
    }
}

/// `train-images-idx3-ubyte` as it is found in the wild.
fn spellings(name: &str) -> [String; 4] {
    let dotted = name.replacen("-idx", ".idx", 1);
    [
        name.into(),
        format!("{name}.gz"),
        dotted.clone(),
        format!("{dotted}.gz"),
    ]
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

fn check_labels(path: &Path, labels: &[u8]) -> Result<(), DataError> {
    match labels.iter().position(|&l| usize::from(l) >= CLASSES) {
        None => Ok(()),
        Some(index) => Err(DataError::Idx {
            path: path.into(),
            error: IdxError::Label {
                label: labels[index],
                index,
                most: CLASSES - 1,
            },
        }),
    }
}

fn facts(shape: Vec<usize>, train: usize, val: usize, test: usize) -> Facts {
    Facts {
        shape,
        task: Task::classes(ten_digits()),
        train,
        val,
        test,
        notes: Vec::new(),
        warnings: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Instant};

    use super::*;
    use crate::data::{Target, shared_data};

    fn mnist(path: &Path) -> Mnist {
        Mnist {
            path: FilePath(path.into()),
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
            assert_eq!(facts.shape, [1, 2, 3]);
            let mut image = [f32::NAN; 6];
            data.train.get(7, &mut image).unwrap();
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
            ..keys
        };
        assert_eq!(
            message(&test),
            (
                "split.test".into(),
                "`mnist` has its own test split; hint: remove `split.test`".into()
            )
        );
        let error = mnist(&path.join("none"))
            .describe(&DatasetKeys::default(), 0)
            .unwrap_err();
        assert_eq!(error.key(), "path");
    }

    #[test]
    fn a_label_that_is_no_class_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), str::to_string, false, |i| i);
        let error = mnist(folder.path())
            .load(&DatasetKeys::default(), 0)
            .unwrap_err()
            .to_string();
        assert!(
            error
                .ends_with("train-labels-idx1-ubyte` has label `10` at sample 10, expected 0 to 9"),
            "{error}"
        );
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
        assert_eq!(facts.shape, [1, 28, 28]);
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
        let moments =
            crate::data::statistics::channel_moments(&*all, 1, 784, |i, out| all.get(i, out));
        let moments = moments.unwrap()[0];
        assert!((moments.mean - 0.1307).abs() < 5e-5, "{moments:?}");
        assert!((moments.std - 0.3081).abs() < 5e-5, "{moments:?}");
    }
}
