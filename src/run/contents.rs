//! The files of a run beside its log, its summary and its checkpoints, with their digests.

use std::{collections::BTreeMap, path::Path};

use super::{FileDigest, RunError, checkpoint, disk, layout};

/// Lengths and digests of the files in the run at `run` that say what it is and what came of it, by
/// their paths within the run, with `/` everywhere.
pub fn digests(run: &Path) -> Result<BTreeMap<String, FileDigest>, RunError> {
    let own = disk::names(run)?;
    let own = own.into_iter().filter(|name| layout::is_result(name));
    let parts = disk::names(&run.join(layout::CONFIG_PARTS))?;
    let parts = parts
        .into_iter()
        .filter(|name| !name.starts_with(disk::TEMPORARY))
        .map(|name| format!("{}/{name}", layout::CONFIG_PARTS));
    own.chain(parts)
        .map(|name| Ok((name.clone(), checkpoint::digest(&run.join(name))?)))
        .collect()
}
