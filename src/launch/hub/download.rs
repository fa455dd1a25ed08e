//! Files that the cache lacks, in a program with the feature `hub`.

use std::{fs, path::Path};

use super::{
    HubError,
    cache::{Fetched, cached, create_parent, is_commit, snapshot},
    environment::Environment,
    transfer::Transfer,
};
use crate::config::HubFile;

/// Returns the file of the commit that the revision stands for now; `last`, which the cache has,
/// where the hub cannot be reached.
///
/// # Errors
/// Where the hub has no such file or does not answer, and the cache does not have it either.
pub fn newest(
    environment: &Environment,
    file: &HubFile,
    revision: &str,
    folder: &Path,
    last: Option<Fetched>,
) -> Result<Fetched, HubError> {
    let transfer = Transfer::new(environment, file, revision);
    let commit = match (transfer.commit(), last) {
        (Ok(commit), _) => commit,
        (Err(HubError::Unreachable { .. }), Some(found)) => return Ok(found),
        (Err(error), _) => return Err(error),
    };
    if let Some(found) = cached(folder, &commit, file) {
        remember(folder, revision, &commit)?;
        return Ok(found);
    }
    let partial = folder.join(format!("download-{}.incomplete", std::process::id()));
    let downloaded = transfer.download(&partial).and_then(|commit| {
        let path = snapshot(folder, &commit, file);
        create_parent(&path)?;
        fs::rename(&partial, &path).map_err(HubError::cache("rename to", &path))?;
        Ok(Fetched { path, commit })
    });
    if downloaded.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&partial);
    }
    let found = downloaded?;
    remember(folder, revision, &found.commit)?;
    Ok(found)
}

/// Notes which commit a branch or tag stands for.
fn remember(folder: &Path, revision: &str, commit: &str) -> Result<(), HubError> {
    let path = folder.join("refs").join(revision);
    let is_noted = || fs::read_to_string(&path).is_ok_and(|noted| noted.trim() == commit);
    if is_commit(revision) || is_noted() {
        return Ok(());
    }
    create_parent(&path)?;
    fs::write(&path, commit).map_err(HubError::cache("write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_noted_and_a_commit_is_not() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("models--me--net");
        let commit = "12".repeat(20);
        remember(&folder, "v1", &commit).unwrap();
        let noted = fs::read_to_string(folder.join("refs/v1")).unwrap();
        assert_eq!(noted, commit);
        remember(&folder, &commit, &commit).unwrap();
        assert!(!folder.join("refs").join(&commit).exists());
    }
}
