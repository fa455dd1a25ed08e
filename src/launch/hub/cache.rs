//! The hub's cache, which is that of its own clients:
//! `models--<owner>--<repo>/snapshots/<commit>/<file>`.

#[cfg(feature = "hub")]
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "hub")]
use super::HubError;
use crate::config::HubFile;

/// A file of the hub on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// The commit that it is of.
    pub commit: String,
}

/// Returns whether a revision is a commit, which never moves.
pub(super) fn is_commit(revision: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    revision.len() == 40 && revision.chars().all(is_hex)
}

pub(super) fn folder(cache: &Path, file: &HubFile) -> PathBuf {
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

#[cfg(feature = "hub")]
/// Creates the folder that a file is to lie in.
pub(super) fn create_parent(path: &Path) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(HubError::cache("create", folder))
}

#[cfg(test)]
mod tests {
    use std::fs;

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
