//! A file of the hub: from the cache where it is there, else downloaded into it.
//!
//! The cache is that of the hub's own clients: `models--<owner>--<repo>/snapshots/<commit>/<file>`,
//! and `refs/<revision>` with the commit that a branch or tag stood for when it was last asked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{HubError, environment::Environment, newest};
use crate::config::HubFile;

/// A file of the hub on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// The commit that it is of.
    pub commit: String,
}

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

/// Whether a revision is a commit, which never moves.
pub(super) fn is_commit(revision: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    revision.len() == 40 && revision.chars().all(is_hex)
}

fn folder(cache: &Path, file: &HubFile) -> PathBuf {
    cache.join(format!("models--{}", file.repo.replace('/', "--")))
}

pub(super) fn snapshot(folder: &Path, commit: &str, file: &HubFile) -> PathBuf {
    folder.join("snapshots").join(commit).join(&file.file)
}

pub(super) fn cached(folder: &Path, commit: &str, file: &HubFile) -> Option<Fetched> {
    let path = snapshot(folder, commit, file);
    (is_commit(commit) && path.is_file()).then(|| Fetched {
        path,
        commit: commit.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_commit_never_moves() {
        assert!(is_commit(&"0a".repeat(20)));
        for moving in ["main", "v1", &"0a".repeat(19), &"0A".repeat(20), ""] {
            assert!(!is_commit(moving), "{moving}");
        }
    }

    #[test]
    fn the_cache_is_that_of_the_hubs_clients() {
        let root = tempfile::tempdir().unwrap();
        let file: HubFile = "hf://me/net@v1/a/m.safetensors".parse().unwrap();
        let folder = folder(root.path(), &file);
        let commit = "12".repeat(20);
        assert_eq!(cached(&folder, &commit, &file), None);
        let path = root
            .path()
            .join("models--me--net/snapshots")
            .join(&commit)
            .join("a/m.safetensors");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "x").unwrap();
        assert_eq!(cached(&folder, &commit, &file).map(|f| f.path), Some(path));
    }
}
