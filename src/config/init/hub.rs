//! The address of a file of the Hugging Face hub.

use std::{fmt, str::FromStr};

/// A file of the hub: `hf://owner/repo/file.safetensors`, `hf://owner/repo@revision/file.safetensors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFile {
    /// `owner/repo`.
    pub repo: String,
    /// A branch, tag or commit; the main branch where none is given.
    pub revision: Option<String>,
    /// The file's path in the repository.
    pub file: String,
}

impl HubFile {
    /// The beginning of the address of a file of the hub.
    pub const SCHEME: &'static str = "hf://";
}

impl FromStr for HubFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no address of a safetensors file of the hub; hint: write \"hf://owner/repo/file.safetensors\", or \"hf://owner/repo@revision/file.safetensors\""
            )
        };
        let rest = text.strip_prefix(Self::SCHEME).ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(owner), Some(repo), Some(file)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let (repo, revision) = match repo.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (repo, None),
        };
        // Nothing that would mean something else in a URL or in the cache's paths.
        let plain = |part: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+=".contains(c);
            !part.is_empty() && part.chars().all(is_plain) && part.chars().any(|c| c != '.')
        };
        let all = [owner, repo].into_iter().chain(revision);
        let is_file = file.ends_with(".safetensors") && file.split('/').all(plain);
        if !is_file || !all.into_iter().all(plain) {
            return Err(wrong());
        }
        Ok(Self {
            repo: format!("{owner}/{repo}"),
            revision: revision.map(Into::into),
            file: file.into(),
        })
    }
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::SCHEME, self.repo)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        write!(f, "/{}", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_repository_revision_and_file() {
        let file: HubFile = "hf://me/net@v1.0/deep/model.safetensors".parse().unwrap();
        assert_eq!(
            (file.repo.as_str(), file.revision.as_deref()),
            ("me/net", Some("v1.0"))
        );
        assert_eq!(file.file, "deep/model.safetensors");
        for text in [
            "hf://me/net/m.safetensors",
            "hf://me/net@ab12/a/m.safetensors",
        ] {
            let file: HubFile = text.parse().unwrap();
            assert_eq!(file.to_string(), text);
        }
    }

    #[test]
    fn an_address_that_could_mean_something_else_is_refused() {
        for text in [
            "hf://",
            "hf://me/net",
            "hf://me/model.safetensors",
            "hf://me/net/model.bin",
            "hf://me/net/../x/model.safetensors",
            "hf://me/net//model.safetensors",
            "hf://../net/model.safetensors",
            "hf://me/net@/model.safetensors",
            "hf://me/net@a@b/model.safetensors",
            "hf://me/net/m.safetensors?x=.safetensors",
            "hf://me/net/a%2f..%2fm.safetensors",
            "hf://me/net/a\\m.safetensors",
        ] {
            let refused = text.parse::<HubFile>().unwrap_err();
            assert!(refused.contains("; hint: write"), "{text}");
        }
    }
}
