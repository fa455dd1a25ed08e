//! Text → Spec: what was written, in layers: `extends`, the file, overrides, the environment.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{
    diagnostic::Diagnostic,
    environment,
    layers::LayerReader,
    node::{Node, Table},
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
}

/// What the command line says on top of a file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE`, in order.
    pub set: Vec<String>,
    /// Flags that stand for a key: (flag, key, value as TOML), such as (`--seed`, `seed`, `3`).
    pub flags: Vec<(String, String, String)>,
}

impl Overrides {
    /// A flag that stands for a key and holds a text.
    pub fn flag_text(&mut self, flag: &str, key: &str, value: &str) {
        self.flags.push((
            flag.into(),
            key.into(),
            toml::Value::from(value).to_string(),
        ));
    }

    /// A flag that stands for a key and holds a number.
    pub fn flag_number(&mut self, flag: &str, key: &str, value: u64) {
        self.flags
            .push((flag.into(), key.into(), value.to_string()));
    }
}

impl Spec {
    /// Reads a file with its bases, lays the overrides on top and fills in the environment. Faults
    /// are collected, not returned: whatever could be read is there to be checked further.
    #[must_use]
    pub fn load(path: &Path, overrides: &Overrides) -> Self {
        let mut reader = LayerReader::default();
        let root = reader.file(path, None);
        Self::finish(reader, root, path, overrides)
    }

    /// The same for a text that is not a file; `name` stands in messages, relative paths refer to
    /// the current folder.
    #[must_use]
    pub fn parse(name: &str, text: &str, overrides: &Overrides) -> Self {
        let mut reader = LayerReader::default();
        let root = reader.text(Path::new(name), text.into());
        Self::finish(reader, root, Path::new(name), overrides)
    }

    fn finish(mut reader: LayerReader, root: Node, path: &Path, overrides: &Overrides) -> Self {
        let mut root = root;
        for text in &overrides.set {
            reader.set(&mut root, text);
        }
        let length_before_flags = reader.flags(&mut root, &overrides.flags);
        environment::fill_in(&mut root, &mut reader.faults);
        Self {
            root,
            sources: reader.sources,
            is_broken: reader.is_broken,
            faults: reader.faults,
            path: path.into(),
            length_before_flags,
        }
    }
}
<<<<<<< HEAD

#[derive(Default)]
struct LayerReader {
    sources: Sources,
    faults: Vec<Diagnostic>,
    is_broken: bool,
}

impl LayerReader {
    fn file(&mut self, path: &Path, named_at: Option<&Place>, chain: &mut Vec<PathBuf>) -> Node {
        match read(path) {
            Ok(text) => self.text(path, text, chain),
            Err(error) => {
                let is_missing = error.kind() == std::io::ErrorKind::NotFound;
                self.is_broken = true;
                self.faults.push(Diagnostic {
                    severity: super::Severity::Error,
                    message: format!("cannot read `{}`: {}", path.display(), plain_reason(&error)),
                    place: named_at.cloned(),
                    hint: is_missing.then(|| similar_files(path)).flatten(),
                });
                empty_table(0)
            }
        }
    }

    fn text(&mut self, path: &Path, text: String, chain: &mut Vec<PathBuf>) -> Node {
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let source = self.sources.add(Source {
            name: path.display().to_string(),
            text: text.clone(),
            folder,
        });
        let (document, errors) = DeTable::parse_recoverable(&text);
        self.is_broken |= !errors.is_empty();
        for error in errors {
            let range = error.span().unwrap_or(0..0);
            let message = format!("invalid TOML: {}", error.message().replace('\n', ", "));
            self.faults
                .push(Diagnostic::error(&Place { source, range }, message));
        }
        let mut own = empty_table(source);
        own.value = Value::Table(Table::read(document.get_ref(), source));
        self.with_bases(own, path, chain)
    }

    /// Lays a file's own tree over those that it extends.
    fn with_bases(&mut self, mut own: Node, path: &Path, chain: &mut Vec<PathBuf>) -> Node {
        let Value::Table(table) = &mut own.value else {
            return own;
        };
        let Some(extends) = table.remove("extends") else {
            return own;
        };
        let names: Vec<Node> = match extends.value {
            Value::Array(items) => items,
            _ => vec![extends],
        };
        chain.push(std::path::absolute(path).unwrap_or_else(|_| path.into()));
        let mut merged = empty_table(own.place.source);
        for name in names {
            let Some(text) = name.text() else {
                let message = format!(
                    "`extends` takes a path or a list of paths, found {}",
                    name.noun()
                );
                self.faults.push(Diagnostic::error(&name.place, message));
                continue;
            };
            let base = lexical(&path.parent().unwrap_or(Path::new("")).join(text));
            let absolute = std::path::absolute(&base).unwrap_or_else(|_| base.clone());
            if chain.contains(&absolute) {
                let message = format!("`{text}` extends itself in a cycle");
                let hint = format!("{} is already being read", absolute.display());
                self.faults
                    .push(Diagnostic::error(&name.place, message).hint(hint));
                continue;
            }
            let tree = self.file(&base, Some(&name.place), chain);
            self.merge(&mut merged, tree);
        }
        chain.pop();
        let place = own.place.clone();
        self.merge(&mut merged, own);
        merged.place = place;
        merged
    }

    fn merge(&mut self, base: &mut Node, over: Node) {
        if let Err(IndexFault { place, key, length }) = base.merge(over) {
            let message = format!("there is no entry {key}: the list has {length}");
            let hint = (length > 0).then(|| format!("entries count from 0 to {}", length - 1));
            self.faults
                .push(Diagnostic::error(&place, message).hint(hint));
        }
    }

    /// `key.path=value`: TOML, or a bare word taken as a text.
    fn set(&mut self, root: &mut Node, text: &str) {
        let source = self.sources.add(Source {
            name: "--set".into(),
            text: text.into(),
            folder: PathBuf::new(),
        });
        let all = Place {
            source,
            range: 0..text.len(),
        };
        let Some(equals) = text.find('=') else {
            let message = format!("`{text}` is not KEY=VALUE");
            let hint = "for example --set optimizer.lr=0.05".to_string();
            self.faults
                .push(Diagnostic::error(&all, message).hint(hint));
            return;
        };
        let tree = match DeTable::parse(text) {
            Ok(document) => Some(Table::read(document.get_ref(), source)),
            Err(_) => self.bare_word(source, text, equals),
        };
        if let Some(table) = tree {
            self.merge(root, Node::new(Value::Table(table), all));
        }
    }

    fn bare_word(&mut self, source: usize, text: &str, equals: usize) -> Option<Table> {
        let keys = format!("{}=0", &text[..equals]);
        match DeTable::parse(&keys) {
            Ok(document) => {
                let word = &text[equals + 1..];
                let start = equals + 1 + (word.len() - word.trim_start().len());
                let place = Place {
                    source,
                    range: start..start + word.trim().len(),
                };
                let leaf = Node::new(Value::String(word.trim().into()), place);
                let mut table = Table::read(document.get_ref(), source);
                set_leaf(&mut table, leaf);
                Some(table)
            }
            Err(error) => {
                let range = error.span().unwrap_or(0..equals);
                let message = format!("`{}` is not a key path", &text[..equals]);
                self.faults
                    .push(Diagnostic::error(&Place { source, range }, message));
                None
            }
        }
    }

    fn flags(&mut self, root: &mut Node, flags: &[(String, String, String)]) -> Option<Table> {
        let mut before = None;
        for (flag, key, value) in flags {
            if key == "train.epochs" || key == "train.steps" {
                if let Value::Table(table) = &mut root.value {
                    if let Some(Node {
                        value: Value::Table(train),
                        ..
                    }) = table.get_mut("train")
                    {
                        before = Some(train.only(|key| key == "epochs" || key == "steps"));
                        train.remove("epochs");
                        train.remove("steps");
                    }
                }
            }
            let source = self.sources.add(Source {
                name: flag.clone(),
                text: value.clone(),
                folder: PathBuf::new(),
            });
            let place = Place {
                source,
                range: 0..value.len(),
            };
            if let Ok(document) = DeTable::parse(&format!("{key}={value}")) {
                let mut table = Table::read(document.get_ref(), source);
                relocate(&mut table, &place);
                self.merge(root, Node::new(Value::Table(table), place));
            }
        }
        before
    }

    /// Fills in `${env:NAME}` and `${env:NAME:-default}` in every text.
    fn environment(&mut self, root: &mut Node) {
        let faults = &mut self.faults;
        root.for_each_string(&mut |text, place, raw| {
            if !text.contains("${env:") {
                return;
            }
            match substitute(text) {
                Ok((filled, recorded)) => {
                    *text = filled;
                    *raw = recorded;
                }
                Err((message, hint)) => {
                    faults.push(Diagnostic::error(place, message).hint(hint));
                }
            }
        });
    }
}

/// The text with the environment filled in, and what a plan records of it: values that came from
/// the environment stay `${env:NAME}`. The message and the hint where that fails.
fn substitute(text: &str) -> Result<(String, Option<String>), (String, String)> {
    let (mut filled, mut recorded) = (String::new(), String::new());
    let mut used = false;
    let mut rest = text;
    while let Some(start) = rest.find("${env:") {
        let Some(length) = rest[start..].find('}') else {
            let hint = "write `${env:NAME}` or `${env:NAME:-default}`".into();
            return Err(("`${env:` is not closed".into(), hint));
        };
        filled.push_str(&rest[..start]);
        recorded.push_str(&rest[..start]);
        let inner = &rest[start + 6..start + length];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        match (std::env::var(name), default) {
            (Ok(value), _) => {
                filled.push_str(&value);
                recorded.push_str(&format!("${{env:{name}}}"));
                used = true;
            }
            (Err(_), Some(default)) => {
                filled.push_str(default);
                recorded.push_str(default);
            }
            (Err(_), None) => {
                let hint = format!("set it, or write `${{env:{name}:-default}}`");
                return Err((
                    format!("the environment variable `{name}` is not set"),
                    hint,
                ));
            }
        }
        rest = &rest[start + length + 1..];
    }
    Ok((filled + rest, used.then(|| recorded + rest)))
}

fn empty_table(source: usize) -> Node {
    Node::new(
        Value::Table(Table::default()),
        Place {
            source,
            range: 0..0,
        },
    )
}

/// Puts a value at the end of a path of single-key tables.
fn set_leaf(table: &mut Table, leaf: Node) {
    let Some(key) = table.iter().next().map(|(key, _, _)| key.to_string()) else {
        return;
    };
    if let Some(node) = table.get_mut(&key) {
        match &mut node.value {
            Value::Table(inner) => set_leaf(inner, leaf),
            _ => *node = leaf,
        }
    }
}

/// Gives every key and value of a flag's tree the flag's own place.
fn relocate(table: &mut Table, place: &Place) {
    table.for_each_mut(&mut |key_place, node| {
        *key_place = place.clone();
        node.place = place.clone();
        if let Value::Table(inner) = &mut node.value {
            relocate(inner, place);
        }
    });
}

/// `a/../b` → `b`, without asking the file system.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Longest config that is read, in bytes: what is longer is no config.
const LONGEST: u64 = 16 << 20;

/// The text of a file, or of a pipe.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let length = std::fs::File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    if length as u64 > LONGEST {
        let why = format!("it is longer than {} MB", LONGEST >> 20);
        return Err(std::io::Error::other(why));
    }
    Ok(text)
}

/// The folder's TOML files that look like the one that was named.
fn similar_files(path: &Path) -> Option<String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let wanted = path.file_name()?.to_str()?;
    let near = crate::error::nearest(wanted, names.iter().map(String::as_str))?;
    Some(format!("did you mean `{}`?", folder.join(near).display()))
}

/// An I/O error without the number that Rust appends.
fn plain_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".into(),
        _ => error.to_string(),
    }
}
=======
>>>>>>> main
