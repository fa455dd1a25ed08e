//! Paths in a config. A plan keeps them as they are written, so that neither it nor its hash depends
//! on the folder that a project lies in; they are looked for from the folders they start from.

use std::path::{Component, Path, PathBuf};

use super::init::HubFile;
use crate::{error::Fault, suggest::nearest_file};

/// The text that names the file `name` where a config names another one of the same folder.
pub(super) fn beside(written: &str, name: &str) -> String {
    match written.rfind(['/', '\\']) {
        Some(end) => format!("{}{name}", &written[..=end]),
        None => name.into(),
    }
}

/// The file beside `path` whose name is most alike, as the config would name it.
pub(super) fn similar(path: &Path, written: &str) -> Option<String> {
    Some(beside(written, &nearest_file(path)?))
}

/// A key of a plan whose value is a path of this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathKey {
    /// The key, such as `dataset.path`.
    pub key: String,
    /// The file or folder that it leads to; the first place tried where there is none.
    pub path: PathBuf,
    /// The places where it may lie, in the order in which they are tried.
    pub tried: Vec<PathBuf>,
    /// The `type` of the component whose key it is.
    pub kind: Option<String>,
    /// The text that the plan keeps.
    pub(super) written: String,
}

impl PathKey {
    /// Looks for a written path, starting at each of the folders in turn.
    pub(super) fn find(key: &str, text: &str, folders: &[PathBuf]) -> Self {
        let path = expand(text);
        let folders = match path.is_absolute() {
            true => &[PathBuf::new()][..],
            false => folders,
        };
        let place = |folder: &PathBuf| absolute(&folder.join(&path));
        let tried: Vec<PathBuf> = folders.iter().map(place).collect();
        let found = tried.iter().find(|place| place.exists());
        Self {
            key: key.into(),
            path: found.or(tried.first()).cloned().unwrap_or(path),
            tried,
            kind: None,
            written: text.into(),
        }
    }

    /// The table of the component, such as `dataset`.
    #[must_use]
    pub fn table(&self) -> &str {
        self.key.rsplit_once('.').map_or("", |(table, _)| table)
    }

    /// Is true of a text that starts at a folder that the plan names.
    pub(super) fn is_relative(&self) -> bool {
        !expand(&self.written).is_absolute()
    }

    /// Is true where the text, seen from a folder, leads to a file.
    pub(super) fn starts_at(&self, folder: &Path) -> bool {
        self.is_relative() && folder.join(&self.written).exists()
    }

    /// Is true of a file that lies elsewhere than its plan says.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        let own = canonical(&self.path);
        !self.tried.iter().any(|place| canonical(place) == own)
    }

    /// Makes the text one that starts at the plan's folders, where it is written in another file or
    /// on the command line. One with a value of the environment in it keeps its end.
    pub(super) fn rebase(&mut self, folders: &[PathBuf], has_environment: bool) {
        let is_same = |folder: &PathBuf| absolute(&folder.join(&self.written)) == self.path;
        if !self.is_relative() || folders.iter().any(is_same) {
            return;
        }
        let base = folders.first().filter(|_| !has_environment);
        self.written = base
            .and_then(|base| relative(base, &self.path))
            .unwrap_or_else(|| self.path.clone())
            .to_string_lossy()
            .into_owned();
    }
}

/// The fault of a text that is no path, with its remedy; `None` where it may be one.
#[must_use]
pub fn path_fault(text: &str) -> Option<Fault> {
    if text.trim().is_empty() {
        return Some(Fault::new("the path is empty").hint("name a file or a folder"));
    }
    if text.starts_with('~') && text != "~" && !text.starts_with("~/") {
        let hint = "write the whole path; `~/` alone stands for your home folder, and `./~` for a name that begins so";
        let message = format!("`{text}` names the home folder of another user");
        return Some(Fault::new(message).hint(hint));
    }
    if text.starts_with('~') && home().is_none() {
        let message = format!("`{text}` needs a home folder, and there is none");
        return Some(Fault::new(message).hint("set `HOME`, or write the whole path"));
    }
    let (scheme, rest) = text.split_once("://")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if scheme.is_empty() || !scheme.chars().all(is_name) {
        return None;
    }
    let hint = match scheme {
        "file" => format!("write `{}`", rest.strip_prefix("localhost").unwrap_or(rest)),
        _ if text.starts_with(HubFile::SCHEME) => {
            "download it first; only `[model] init` takes files of the hub".into()
        }
        _ => "download it first, and write where it lies".into(),
    };
    Some(Fault::new(format!("`{text}` is an address, not a path of this disk")).hint(hint))
}

/// The path of a text, in which `~` alone or before a slash stands for the home folder.
#[must_use]
pub fn expand(text: &str) -> PathBuf {
    let rest = match text.strip_prefix('~') {
        Some("") => Some(""),
        Some(rest) => rest.strip_prefix('/'),
        None => None,
    };
    match (rest, home()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => text.into(),
    }
}

fn home() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    home.is_absolute().then_some(home)
}

/// The path from the root, without asking the file system.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// The path with every link followed, as far as it exists.
pub(super) fn canonical(path: &Path) -> PathBuf {
    let path = absolute(path);
    let mut rest = Vec::new();
    let mut at = path.as_path();
    loop {
        if let Ok(found) = at.canonicalize() {
            return rest.iter().rev().fold(found, |path, part| path.join(part));
        }
        match (at.parent(), at.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name);
                at = parent;
            }
            _ => return path.clone(),
        }
    }
}

/// The way from a folder to a path, where both lie below one folder that is not the root; such a
/// pair can be moved together.
pub(super) fn relative(folder: &Path, path: &Path) -> Option<PathBuf> {
    let (from, to) = (canonical(folder), canonical(path));
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let is_below_root = to
        .components()
        .take(common)
        .any(|part| matches!(part, Component::Normal(_)));
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let down = to.components().skip(common);
    let way: PathBuf = up.chain(down).collect();
    let way = match way.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => way,
    };
    is_below_root.then_some(way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_proposed_as_the_config_would_name_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("flowers.csv"), "").unwrap();
        for (written, near) in [
            ("../data/flower.csv", "../data/flowers.csv"),
            ("flowrs.csv", "flowers.csv"),
            ("a/flowers.tsv", "a/flowers.csv"),
        ] {
            let path = folder.path().join(written.rsplit('/').next().unwrap());
            assert_eq!(similar(&path, written).unwrap(), near);
        }
    }

    #[test]
    fn the_way_between_two_folders_is_short() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (from, to, way) in [
            ("a", "a/b/c", "b/c"),
            ("a/b", "a/c", "../c"),
            ("a", "a", "."),
            ("runs/x", "data/d.csv", "../../data/d.csv"),
        ] {
            assert_eq!(relative(&at(from), &at(to)), Some(way.into()), "{from}");
        }
        assert_eq!(relative(&at("a"), Path::new("/dev/null")), None);
    }

    #[test]
    fn no_folder_is_the_current_one() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute(Path::new("")), here);
        assert_eq!(relative(Path::new(""), &here.join("a")), Some("a".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_before_the_way_up() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("deep/er")).unwrap();
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink(at("deep/er"), at("link")).unwrap();
        let way = relative(&at("link"), &at("file")).unwrap();
        assert_eq!(way, Path::new("../../file"));
        assert!(at("link").join(way).exists());
    }

    #[test]
    fn the_first_folder_that_has_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(&folders[1]).unwrap();
        std::fs::write(folders[1].join("d.csv"), "").unwrap();
        let found = PathKey::find("dataset.path", "d.csv", &folders);
        assert_eq!(found.path, folders[1].join("d.csv"));
        assert_eq!(found.tried.len(), 2);
        let none = PathKey::find("dataset.path", "e.csv", &folders);
        assert_eq!(none.path, folders[0].join("e.csv"));
        let root = PathKey::find("dataset.path", "/dev/null", &folders);
        assert_eq!(root.tried, [Path::new("/dev/null")]);
    }

    #[test]
    fn what_is_no_path_is_told_with_a_remedy() {
        for path in ["a", "a b/ü#.csv", "~/a", "./~", "a:b", "C:/x", "/x/"] {
            assert_eq!(path_fault(path), None, "{path}");
        }
        let fault = |text| path_fault(text).unwrap();
        assert_eq!(fault("").message, "the path is empty");
        assert_eq!(fault("file:///x/d.csv").hint.unwrap(), "write `/x/d.csv`");
        for address in ["https://h/d.csv", "s3://b/k", "hf://a/b/c.safetensors"] {
            assert!(
                fault(address)
                    .hint
                    .unwrap()
                    .starts_with("download it first")
            );
        }
        assert!(fault("~someone/x").message.contains("another user"));
    }
}
