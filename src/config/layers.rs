//! The layers of a config: `extends`, the file, `--set`, flags.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::{
    diagnostic::{Diagnostic, Severity},
    node::{IndexFault, Node, Table, Value},
    paths::{expand, path_fault, similar},
    read::{self, Unreadable},
    repair,
    source::{Place, Source, Sources},
    syntax,
};
use crate::{error::Fault, suggest::did_you_mean, units::lexical};

/// Most files of a chain, each extended by the one before it.
const LONGEST_CHAIN: usize = 32;

/// Most files of a config.
const MOST_FILES: usize = 256;

/// Reads texts and lays them over one another; collects what is wrong with them.
#[derive(Default)]
pub(super) struct LayerReader {
    pub(super) sources: Sources,
    pub(super) faults: Vec<Diagnostic>,
    /// Whether a text is missing or no TOML: what the others lack may stand there.
    pub(super) is_broken: bool,
    /// The files that are being read, each extended by the one before it.
    chain: Vec<PathBuf>,
    /// Number of files that were read; one that is extended twice counts twice.
    files: usize,
    /// True where more were named than are read.
    is_full: bool,
}

impl LayerReader {
    /// A file, laid over those that it extends.
    pub(super) fn file(&mut self, path: &Path, named_at: Option<&Place>) -> Node {
        self.files += 1;
        match read::text(path, named_at.is_some()) {
            Ok(text) => self.text(path, text),
            Err(Unreadable { reason, hint }) => {
                self.is_broken = true;
                let written = named_at.map_or("", |place| self.sources.written(place));
                let near = match path.exists() {
                    true => None,
                    false => similar(path, written.trim_matches(['"', '\''])),
                };
                let near = near.filter(|near| near.ends_with(".toml") && named_at.is_some());
                let near = near.map(did_you_mean);
                let hint = repair::escapes_hint("extends", written).or(near).or(hint);
                self.faults.push(Diagnostic {
                    severity: Severity::Error,
                    message: format!("cannot read `{}`: {reason}", path.display()),
                    place: named_at.cloned(),
                    hint,
                });
                empty_table(0)
            }
        }
    }

    /// A text, laid over the files that it extends.
    pub(super) fn text(&mut self, path: &Path, text: String) -> Node {
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let source = self.sources.add(Source {
            name: path.display().to_string(),
            text: text.clone(),
            folders: vec![folder.clone()],
        });
        let (document, errors) = DeTable::parse_recoverable(&text);
        self.is_broken |= !errors.is_empty();
        self.faults.extend(syntax::faults(&text, source, &errors));
        let mut own = empty_table(source);
        let mut table = Table::read(document.get_ref(), source);
        if let Some(folders) = table.remove("paths_from") {
            let folders = self.folders(&folder, folders);
            self.sources.start_from(source, folders);
        }
        let Some(extends) = table.remove("extends") else {
            own.value = Value::Table(table);
            return own;
        };
        own.value = Value::Table(table);
        self.chain.push(path.into());
        let mut merged = self.bases(path, extends);
        self.chain.pop();
        let place = own.place.clone();
        self.merge(&mut merged, own);
        merged.place = place;
        merged
    }

    /// The folders that `paths_from` of a file in `folder` names.
    fn folders(&mut self, folder: &Path, value: Node) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        let entries = match value.value {
            Value::Array(items) => items,
            _ => vec![value],
        };
        for entry in entries {
            match path_text("paths_from", &entry) {
                Ok(text) => folders.push(folder.join(expand(text))),
                Err(fault) => self.faults.push(fault),
            }
        }
        folders
    }

    /// The files that `extends` names, each laid over the one before it.
    fn bases(&mut self, path: &Path, extends: Node) -> Node {
        let mut merged = empty_table(extends.place.source);
        let names = match extends.value {
            Value::Array(items) => items,
            _ => vec![extends],
        };
        for name in names {
            if self.files >= MOST_FILES {
                // Said once: the files above them are not read to their end either.
                if !std::mem::replace(&mut self.is_full, true) {
                    self.faults.push(too_many_files(&name.place));
                }
                break;
            }
            match self.base_path(path, &name) {
                Ok(base) => {
                    let tree = self.file(&base, Some(&name.place));
                    self.merge(&mut merged, tree);
                }
                Err(fault) => {
                    self.is_broken = true;
                    self.faults.push(fault);
                }
            }
        }
        merged
    }

    /// The file that an entry of `extends` names, unless it is being read already.
    fn base_path(&self, path: &Path, name: &Node) -> Result<PathBuf, Diagnostic> {
        let text = path_text("extends", name)?;
        let base = lexical(&path.parent().unwrap_or(Path::new("")).join(expand(text)));
        let absolute = |path: &Path| std::path::absolute(path).map(|path| lexical(&path)).ok();
        if self.chain.len() >= LONGEST_CHAIN {
            let message = format!("`extends` leads through more than {LONGEST_CHAIN} files");
            let hint = "let files extend the last one directly, or put several into one";
            return Err(Diagnostic::error(&name.place, message).hint(hint.to_string()));
        }
        let is_same = |open: &PathBuf| absolute(open) == absolute(&base);
        let Some(first) = self.chain.iter().position(is_same) else {
            return Ok(base);
        };
        let names = self.chain[first..].iter().chain([&base]);
        let circle: Vec<String> = names.map(|path| path.display().to_string()).collect();
        let message = format!("`{text}` extends itself in a cycle");
        Err(Diagnostic::error(&name.place, message).hint(circle.join(" → ")))
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
    pub(super) fn set(&mut self, root: &mut Node, flag: &str, text: &str) {
        let source = self.sources.add(Source {
            name: flag.into(),
            text: text.into(),
            folders: vec![PathBuf::new()],
        });
        let all = Place {
            source,
            range: 0..text.len(),
        };
        let Some(equals) = text.find('=') else {
            let message = format!("`{text}` is not KEY=VALUE");
            let hint = format!("for example {flag} optimizer.lr=0.05");
            self.faults
                .push(Diagnostic::error(&all, message).hint(hint));
            return;
        };
        let tree = match DeTable::parse(text) {
            Ok(document) => Some(Table::read(document.get_ref(), source)),
            Err(error) => match text[equals + 1..].trim_start().chars().next() {
                // What begins like a value is meant as one.
                Some('[' | '{' | '"' | '\'' | '“' | '”' | '„' | '‘' | '’' | '`') => {
                    self.faults.extend(syntax::faults(text, source, &[error]));
                    None
                }
                _ => self.bare_word(source, text, equals),
            },
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
                let hint = "keys are joined by points, and entries of a list are numbers: `schedule.1.power=2`";
                self.faults.push(
                    Diagnostic::error(&Place { source, range }, message).hint(hint.to_string()),
                );
                None
            }
        }
    }

    /// Flags that stand for keys; gives back the length that a flag replaced.
    pub(super) fn flags(
        &mut self,
        root: &mut Node,
        flags: &[(String, String, String)],
    ) -> Option<Table> {
        let mut before = None;
        for (flag, key, value) in flags {
            if key == "train.epochs" || key == "train.steps" {
                before = take_length(root).or(before);
            }
            let source = self.sources.add(Source {
                name: flag.clone(),
                text: value.clone(),
                folders: vec![PathBuf::new()],
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
}

/// Takes `[train] epochs` and `steps` out.
fn take_length(root: &mut Node) -> Option<Table> {
    let Value::Table(table) = &mut root.value else {
        return None;
    };
    let Value::Table(train) = &mut table.get_mut("train")?.value else {
        return None;
    };
    let length = train.only(|key| key == "epochs" || key == "steps");
    train.remove("epochs");
    train.remove("steps");
    Some(length)
}

/// The text of a key at the top that takes a path or a list of them.
fn path_text<'a>(key: &str, node: &'a Node) -> Result<&'a str, Diagnostic> {
    let Some(text) = node.text() else {
        let found = node.noun();
        let message = format!("`{key}` takes a path or a list of paths, found {found}");
        let example = if key == "extends" { "base.toml" } else { ".." };
        return Err(
            Diagnostic::error(&node.place, message).hint(format!("`{key} = \"{example}\"`"))
        );
    };
    match path_fault(text) {
        None => Ok(text),
        Some(Fault { message, hint }) => {
            let message = format!("`{key}`: {message}");
            Err(Diagnostic::error(&node.place, message).hint(hint))
        }
    }
}

fn too_many_files(place: &Place) -> Diagnostic {
    let message = format!("the config extends more than {MOST_FILES} files");
    let hint = "a file that is reached in several ways counts each time; name it once";
    Diagnostic::error(place, message).hint(hint.to_string())
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
