//! Text → Spec: what was written, in layers: `extends`, the file, overrides, the environment.

use std::path::{Path, PathBuf};

use super::{
    diagnostic::Diagnostic,
    environment,
    init::HubFile,
    layers::LayerReader,
    node::{Node, Table, Value},
    old_meaning::{self, OLD_MEANINGS},
    paths::{PathKey, relative},
    source::Sources,
};

/// What was written, untouched: one merged tree whose every value knows its place.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The merged document; always a table.
    pub root: Node,
    /// The texts it came from.
    pub sources: Sources,
    /// What was wrong so far.
    pub faults: Vec<Diagnostic>,
    /// Whether a text could not be read as TOML: its other keys are then not to be believed.
    pub is_broken: bool,
    /// The file that was named.
    pub path: PathBuf,
    /// `[train] epochs` or `steps` as they stood before `--epochs` or `--steps`.
    pub length_before_flags: Option<Table>,
    /// Whether it is the stored plan of a run, see [`stored`](Self::stored).
    pub is_stored: bool,
    /// The places of files now, by their key, whatever is written; see [`found_at`](Self::found_at).
    pub(super) elsewhere: Vec<(String, PathBuf)>,
    /// The texts and overrides, for the record.
    pub written: Written,
    /// The weights to start from as they were written, where [`start_from`](Self::start_from) put a
    /// file in their place.
    pub weights: Option<String>,
}

/// What the command line says on top of a file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE`, in order.
    pub set: Vec<String>,
    /// `KEY=VALUE` of one curve of `--vary`, above them.
    pub vary: Vec<String>,
    /// Flags that stand for a key: (flag, key, value as TOML), such as (`--seed`, `seed`, `3`).
    pub flags: Vec<(String, String, String)>,
}

/// The texts that a config came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Its files as (name, text): first the one that was named, then its bases.
    pub files: Vec<(String, String)>,
    /// Overrides in order, as `key=value`.
    pub overrides: Vec<String>,
}

impl<const N: usize> From<[&str; N]> for Overrides {
    /// Each text is `KEY=VALUE`, as after `--set`.
    fn from(set: [&str; N]) -> Self {
        Self {
            set: set.map(String::from).into(),
            ..Self::default()
        }
    }
}

impl Overrides {
    /// A flag that stands for a key and holds a text.
    pub fn flag_text(&mut self, flag: &str, key: &str, value: &str) {
        self.flag_value(flag, key, &value.into());
    }

    /// A flag that stands for a key and holds any value.
    pub(crate) fn flag_value(&mut self, flag: &str, key: &str, value: &toml::Value) {
        self.flags
            .push((flag.into(), key.into(), value.to_string()));
    }

    /// Returns all of them as one would type them after `--set`.
    pub(super) fn record(&self) -> Vec<String> {
        let flags = self.flags.iter();
        let flags = flags.map(|(_, key, value)| format!("{key}={value}"));
        self.set.iter().cloned().chain(flags).collect()
    }

    /// Is true where nothing is laid over the file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.vary.is_empty() && self.flags.is_empty()
    }

    /// A flag that stands for a key and holds a number.
    pub fn flag_number(&mut self, flag: &str, key: &str, value: u64) {
        self.flags
            .push((flag.into(), key.into(), value.to_string()));
    }
}

impl Spec {
    /// Reads a file with its bases, lays the overrides on top and fills in the environment. Faults
    /// are collected, not returned: whatever could be read is there to be checked further. The plan in
    /// a run directory may be old: keys that it lacks mean what was done when it was stored.
    #[must_use]
    pub fn load(path: &Path, overrides: &Overrides) -> Self {
        let mut reader = LayerReader::default();
        let root = reader.file(path, None);
        let spec = Self::finish(reader, root, path, overrides);
        // The plan of a run is the same experiment when it is run as a config, too.
        let is_plan = path.file_name().is_some_and(|name| name == "plan.toml");
        match is_plan && path.with_file_name("run.json").is_file() {
            true => spec.with_old_meanings(),
            false => spec,
        }
    }

    /// The same for a text that is not a file; `name` stands in messages, relative paths refer to
    /// the current folder.
    #[must_use]
    pub fn parse(name: &str, text: &str, overrides: &Overrides) -> Self {
        let mut reader = LayerReader::default();
        let root = reader.text(Path::new(name), text.into());
        Self::finish(reader, root, Path::new(name), overrides)
    }

    /// The same for the text of the file at `path`, which somebody has read.
    #[must_use]
    pub fn read(path: &Path, text: String, overrides: &Overrides) -> Self {
        let mut reader = LayerReader::default();
        let root = reader.text(path, text);
        Self::finish(reader, root, path, overrides)
    }

    fn finish(mut reader: LayerReader, root: Node, path: &Path, overrides: &Overrides) -> Self {
        let mut root = root;
        let flags = [("--set", &overrides.set), ("--vary", &overrides.vary)];
        for (flag, texts) in flags {
            for text in texts {
                reader.set(&mut root, flag, text);
            }
        }
        let written = Written {
            files: files(&reader.sources, path),
            overrides: overrides.record(),
        };
        let length_before_flags = reader.flags(&mut root, &overrides.flags);
        environment::fill_in(&mut root, &mut reader.faults);
        Self {
            root,
            sources: reader.sources,
            is_broken: reader.is_broken,
            faults: reader.faults,
            path: path.into(),
            length_before_flags,
            is_stored: false,
            elsewhere: Vec::new(),
            written,
            weights: None,
        }
    }

    /// The weights that `[model] init` names as a path, where it does, and the folders that a
    /// relative path starts from.
    #[must_use]
    pub fn init(&self) -> Option<(&str, &[PathBuf])> {
        let text = |path| {
            self.root
                .at(path)
                .and_then(|node| Some((node.text()?, node)))
        };
        let (text, node) = text("model.init").or_else(|| text("model.init.path"))?;
        let is_path = !text.starts_with(HubFile::SCHEME);
        is_path.then(|| (text, self.sources.get(&node.place).folders.as_slice()))
    }

    /// Puts a file in the place of the run or folder that `[model] init` names; or the fault that
    /// there is none, as message and hint.
    pub fn start_from(&mut self, found: Result<PathBuf, (String, String)>) {
        let (key, text) = match self.init() {
            Some((text, _)) if self.root.at("model.init.path").is_some() => ("path", text.into()),
            Some((text, _)) => ("init", String::from(text)),
            None => return,
        };
        let mut node = self.root.table_mut().and_then(|root| root.get_mut("model"));
        for key in ["init", key].iter().take(1 + usize::from(key == "path")) {
            node = node.and_then(|node| node.table_mut()?.get_mut(key));
        }
        let Some(node) = node else { return };
        match found {
            Ok(path) => {
                // Relative where it can be, so that a project moves with its runs.
                let folder = self.sources.get(&node.place).folders.first();
                let near = folder.and_then(|folder| relative(folder, &path));
                let path = near.unwrap_or(path);
                node.value = Value::String(path.to_string_lossy().into_owned());
                node.raw = None;
                self.weights = Some(text);
            }
            Err((message, hint)) => {
                node.is_incomplete = true;
                self.faults.push(
                    Diagnostic::error(&node.place, message)
                        .hint((!hint.is_empty()).then_some(hint)),
                );
            }
        }
    }

    /// The same as the plan that a run was begun with: its `[model] init` may be gone meanwhile,
    /// for a checkpoint takes its place, and is looked at where it is used.
    #[must_use]
    pub fn stored(self) -> Self {
        Self {
            is_stored: true,
            ..self
        }
    }

    /// The same where files lie now: the texts stay, and the files of the same keys are looked for
    /// where another plan has found them.
    #[must_use]
    pub fn found_at(self, paths: &[PathKey]) -> Self {
        let elsewhere = paths.iter().map(|own| (own.key.clone(), own.path.clone()));
        Self {
            elsewhere: elsewhere.collect(),
            ..self
        }
    }

    /// The same with the keys that did not exist when it was stored, each with the value that means
    /// what was done then. For the `plan.toml` of a run directory, which may be old.
    #[must_use]
    pub fn with_old_meanings(mut self) -> Self {
        old_meaning::complete(&mut self.root, &mut self.sources, OLD_MEANINGS);
        old_meaning::name_groups(&mut self.root, &mut self.sources);
        self
    }

    /// The same with the old meaning of each key that neither it nor the text of a stored plan has.
    /// For a config that takes the place of a plan, which may be older than some keys.
    #[must_use]
    pub fn with_old_meanings_of(mut self, plan: &str) -> Self {
        let rows = old_meaning::lacking(plan, OLD_MEANINGS);
        old_meaning::complete(&mut self.root, &mut self.sources, rows);
        if old_meaning::has_nameless_groups(plan) {
            old_meaning::name_groups(&mut self.root, &mut self.sources);
        }
        self
    }
}

/// The texts that were read before anything was laid over them, the one of `path` first.
fn files(sources: &Sources, path: &Path) -> Vec<(String, String)> {
    let named = path.display().to_string();
    let is_file = |name: &str| !name.starts_with("--");
    let files = sources.iter().filter(|source| is_file(&source.name));
    let mut files: Vec<_> = files.map(|s| (s.name.clone(), s.text.clone())).collect();
    files.sort_by_key(|(name, _)| *name != named);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, set: &[&str], flags: &[(&str, &str, u64)]) -> Spec {
        let mut overrides = Overrides {
            set: set.iter().map(|s| s.to_string()).collect(),
            ..Overrides::default()
        };
        for (flag, key, value) in flags {
            overrides.flag_number(flag, key, *value);
        }
        Spec::parse("a.toml", text, &overrides)
    }

    #[test]
    fn flags_lie_above_overrides_and_overrides_above_the_file() {
        let spec = read("seed = 1", &["seed=2"], &[("--seed", "seed", 3)]);
        assert_eq!(spec.root.to_toml()["seed"].as_integer(), Some(3));
        assert_eq!(spec.faults, []);
        let place = &spec.root.nearest("seed").place;
        assert_eq!(spec.sources.get(place).name, "--seed");
    }

    #[test]
    fn a_flag_that_changes_the_length_remembers_the_old_one() {
        let text = "[train]\nsteps = 9";
        let spec = read(text, &[], &[("--epochs", "train.epochs", 2)]);
        assert_eq!(spec.root.to_toml()["train"].to_string(), "{ epochs = 2 }");
        let before = spec.length_before_flags.map(|table| table.to_toml());
        assert_eq!(before, Some(toml::toml! { steps = 9 }));
        assert_eq!(read(text, &[], &[]).length_before_flags, None);
    }

    #[test]
    fn an_override_is_toml_or_a_bare_word() {
        let value = |set: &str| read("[[s]]\nx = 1", &[set], &[]).root.to_toml().to_string();
        assert_eq!(value("s.0.x=two words"), "{ s = [{ x = \"two words\" }] }");
        assert_eq!(
            value("a.b.c=[1, 2]"),
            "{ s = [{ x = 1 }], a = { b = { c = [1, 2] } } }"
        );
        assert_eq!(value("a=x=y"), "{ s = [{ x = 1 }], a = \"x=y\" }");
        for wrong in ["a", "=1", "s.5.x=1", "a=[1,", "a b=1"] {
            assert_eq!(
                read("[[s]]\nx = 1", &[wrong], &[]).faults.len(),
                1,
                "{wrong}"
            );
        }
    }
}
