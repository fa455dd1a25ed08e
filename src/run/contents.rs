//! The files of a run beside its log, its summary and its checkpoints, with their digests.

use std::collections::BTreeMap;

use super::{
    FileDigest, RunError, checkpoint,
    disk::{self, Entry},
    layout,
};

/// Returns lengths and digests of the files in the run at `run` that say what it is and what came of
/// it, by their paths within the run, with `/` everywhere: of a checkpoint, of its manifest, which has
/// those of the rest.
pub fn digests(run: &Entry) -> Result<BTreeMap<String, FileDigest>, RunError> {
    let own = disk::names(run)?;
    let own = own.into_iter().filter(|name| layout::is_result(name));
    let manifests = checkpoint::list(run)?
        .into_iter()
        .map(|(_, dir)| layout::manifest_path(&dir.name()));
    all(run, own.chain(parts(run)?).chain(manifests))
}

/// Returns those of the files that are there when an attempt begins and stay as they are: config and
/// plan.
pub fn fixed(run: &Entry) -> Result<BTreeMap<String, FileDigest>, RunError> {
    let own = disk::names(run)?;
    let own = own.into_iter().filter(|name| layout::is_fixed(name));
    all(run, own.chain(parts(run)?))
}

/// The paths of the config's bases and overrides.
fn parts(run: &Entry) -> Result<impl Iterator<Item = String>, RunError> {
    let parts = disk::names(&run.join(layout::CONFIG_PARTS))?;
    Ok(parts
        .into_iter()
        .filter(|name| !name.starts_with(disk::TEMPORARY))
        .map(|name| format!("{}/{name}", layout::CONFIG_PARTS)))
}

fn all(
    run: &Entry,
    names: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, FileDigest>, RunError> {
    names
        .map(|name| Ok((name.clone(), checkpoint::digest(&run.join(name))?)))
        .collect()
}
