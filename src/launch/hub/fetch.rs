//! A file of the hub: from the cache where it is there, else downloaded into it.
//!
//! The cache is that of the hub's own clients: `models--<owner>--<repo>/snapshots/<commit>/<file>`,
//! and `refs/<revision>` with the commit that a branch or tag stood for when it was last asked.

use std::fs;

use super::{
    HubError,
    cache::{Fetched, cached, folder, is_commit},
    environment::Environment,
    newest,
};
use crate::config::HubFile;

/// The file, of `commit` where that is known, else of its revision as the hub has it now. Without a
/// network, what the cache has of that revision.
///
/// # Errors
/// Where the hub has no such file or does not answer, and the cache does not have it either.
pub fn fetch(file: &HubFile, commit: Option<&str>) -> Result<Fetched, HubError> {
    let environment = Environment::read()?;
    let revision = commit.or(file.revision.as_deref()).unwrap_or("main");
    let folder = folder(&environment.cache, file);
    if is_commit(revision)
        && let Some(found) = cached(&folder, revision, file)
    {
        return Ok(found);
    }
    let last = || {
        let commit = fs::read_to_string(folder.join("refs").join(revision)).ok()?;
        cached(&folder, commit.trim(), file)
    };
    if environment.offline {
        return last().ok_or_else(|| HubError::Offline {
            address: file.to_string(),
            cache: environment.cache.clone(),
        });
    }
    newest(&environment, file, revision, &folder, last())
}
