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
