//! Why a file of the hub cannot be had.

use std::{io, path::PathBuf};

/// What went wrong between the hub and its cache.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Nothing says where the cache is.
    #[error(
        "there is no folder to keep files of the hub in; hint: set HF_HOME or HF_HUB_CACHE to one"
    )]
    NoCache,
    /// There is no such file.
    #[error(
        "`{repo}` has no file `{file}` at revision `{revision}`: {url} answers 404; hint: check owner, repository, revision and file; the main branch is taken where `hf://{repo}@revision/…` names none"
    )]
    NotFound {
        /// `owner/repo`.
        repo: String,
        /// The file in it.
        file: String,
        /// Branch, tag or commit.
        revision: String,
        /// What was asked.
        url: String,
    },
    /// The repository is private, gated, or does not exist.
    #[error(
        "`{file}` of `{repo}` may not be read, or there is no such repository: {url} answers {status}; hint: check the name; for a private or gated repository set HF_TOKEN to a token that may read it"
    )]
    Denied {
        /// `owner/repo`.
        repo: String,
        /// The file in it.
        file: String,
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The hub has a trouble of its own.
    #[error("{url} answers {status}; hint: try again later, or look at HF_ENDPOINT")]
    Status {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// No connection.
    #[error(
        "cannot reach {url}: {source}; hint: check the network, the proxy and HF_ENDPOINT, or get the file by other means and name its path as `[model] init`"
    )]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the network says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The network is not to be used, and the file is not in the cache.
    #[error(
        "HF_HUB_OFFLINE is set, and `{address}` is not in `{}`; hint: unset it once, or set HF_HUB_CACHE to the cache that has the file",
        cache.display()
    )]
    Offline {
        /// The file.
        address: String,
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// The program cannot download, and the file is not in the cache.
    #[error(
        "this program was built without the feature `hub` and cannot download `{address}`; hint: build with `--features hub`, or get the file by other means and name its path as `[model] init`"
    )]
    NotBuilt {
        /// The file.
        address: String,
    },
    /// Whoever answered is not the hub.
    #[error("{url} does not answer as the hub does: {why}; hint: look at HF_ENDPOINT")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The cache cannot be written.
    #[error("cannot {doing} `{}`: {source}; hint: HF_HUB_CACHE names another folder", path.display())]
    Cache {
        /// The proof.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

#[cfg(feature = "hub")]
impl HubError {
    /// For `map_err` on an operation on `path`.
    pub(super) fn cache(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Cache {
            doing,
            path,
            source,
        }
    }
}
