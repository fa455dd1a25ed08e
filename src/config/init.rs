//! `[model] init`: weights to start from, in a safetensors file of this disk or of the Hugging Face
//! hub, and whether a file's names and shapes are the model's.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    str::FromStr,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    event::Dtype,
    layer::Architecture,
    safetensors::{self, Stored},
};

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Init {
    /// A file of this disk.
    File(PathBuf),
    /// A file of the hub.
    Hub(HubFile),
}

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
    /// What the address of a file of the hub begins with.
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

impl TryFrom<String> for Init {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.starts_with(HubFile::SCHEME) {
            true => text.parse().map(Self::Hub),
            false => Ok(Self::File(text.into())),
        }
    }
}

impl From<Init> for String {
    fn from(init: Init) -> Self {
        init.to_string()
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Hub(file) => file.fmt(f),
        }
    }
}

impl JsonSchema for Init {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Init".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "weights" })
    }
}

/// Looks at the header of the file at `path`; `shown` is the path as messages have it.
///
/// # Errors
/// A file that cannot be read, or whose names, shapes or types are not exactly the model's.
pub fn compare(path: &Path, shown: &str, model: &Architecture) -> Result<(), KeyFault> {
    let stored = header(path).map_err(|why| {
        KeyFault::error("init", format!("cannot start from `{shown}`: {why}"))
            .hint("a safetensors file, such as the `model.safetensors` of a checkpoint")
    })?;
    let faults = misfits(&stored, model);
    if faults.is_empty() {
        return Ok(());
    }
    let message = format!("`{shown}` does not fit the model: {}", listed(&faults));
    let hint = "names and shapes must be exactly those of the model; `trainer check --format json` lists them under `params`";
    Err(KeyFault::error("init", message).hint(hint))
}

fn header(path: &Path) -> Result<Vec<Stored>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let found = file.metadata().map_err(|e| e.to_string())?;
    if !found.is_file() {
        return Err("it is not a file".into());
    }
    let mut file = std::io::BufReader::new(file);
    safetensors::header(&mut file, found.len())
        .map_err(|why| format!("it is no safetensors file: {why}"))
}

/// Names on one side only, and other shapes or types, in order of the names.
fn misfits(stored: &[Stored], model: &Architecture) -> Vec<String> {
    let own = || model.params.iter().chain(&model.buffers);
    let mut faults = Vec::new();
    for param in own() {
        match stored.iter().find(|tensor| tensor.name == param.name()) {
            None => faults.push(format!("it lacks `{}`", param.name())),
            Some(found) if found.shape != param.shape() || found.dtype != Dtype::F32 => {
                let dtype = safetensors::dtype_name(found.dtype);
                faults.push(format!(
                    "`{}` is {dtype} {:?} in it and F32 {:?} in the model",
                    param.name(),
                    found.shape,
                    param.shape()
                ));
            }
            Some(_) => {}
        }
    }
    let unknown = stored
        .iter()
        .filter(|tensor| own().all(|param| param.name() != tensor.name));
    faults.extend(unknown.map(|tensor| format!("it has `{}`, unknown here", tensor.name)));
    faults
}

/// The first few, and how many more there are.
fn listed(faults: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = faults[..faults.len().min(SHOWN)].join("; ");
    if faults.len() > SHOWN {
        text += &format!("; and {} more", faults.len() - SHOWN);
    }
    text
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
            let init = Init::try_from(text.to_string()).unwrap();
            assert!(matches!(init, Init::Hub(_)));
            assert_eq!(init.to_string(), text);
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
            let refused = Init::try_from(text.to_string()).unwrap_err();
            assert!(refused.contains("; hint: write"), "{text}");
        }
    }
}
