//! Real data for tests, where it lies beside the project.

use std::path::{Path, PathBuf};

/// A file or folder of `../shared/data`; without it, `None` and a line that says so.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let project = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let path = project.join(Path::new("../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: `{}` is not there", path.display());
    None
}

use super::{Dataset, Facts, Scratch, Transforms, Values};

/// The numbers that a dataset gives of a sample's first field.
pub(super) fn numbers(dataset: &dyn Dataset, index: usize) -> Vec<f32> {
    let mut values = Values::Numbers(Vec::new());
    dataset.get(index, 0, &mut values).unwrap();
    values.numbers().unwrap().clone()
}

/// The first field of a sample as numbers, pixels too.
pub(super) fn shown(facts: &Facts, dataset: &dyn Dataset, index: usize) -> Vec<f32> {
    let mut out = vec![f32::NAN; facts.fields[0].size()];
    let (none, mut scratch) = (Transforms::none(&facts.fields), Scratch::default());
    none.write_numbers(dataset, index, None, &mut scratch, &mut out)
        .unwrap();
    out
}
