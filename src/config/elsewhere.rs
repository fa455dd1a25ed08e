//! Keys of other tools, and keys in the wrong table: what to write instead, and where.

use std::sync::LazyLock;

use serde_json::Value as Schema;

use super::{
    extensions::Extensions,
    node::{Node, Value},
    sections::{Section, sections},
    suggest,
    validate::accepts,
};

/// What other tools call it, the table where it belongs here, and its keys there. A number or name
/// in `<…>` gives way to the one that was written, where that fits.
struct Entry {
    names: Vec<&'static str>,
    table: &'static str,
    lines: Vec<&'static str>,
}

impl Entry {
    /// Returns whether another tool calls it so.
    fn names(&self, word: &str) -> bool {
        self.names.contains(&word)
    }

    /// Returns whether a key stands for it, and not a flag or a verb.
    fn is_key(&self) -> bool {
        self.table.is_empty() || self.table.starts_with('[')
    }
}

/// The keys of other tools.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entries = entries();
    entries.filter(|entry| !entry.lines.is_empty()).collect()
});

/// Words of other tools that name a table of this language.
static TABLES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entries = entries();
    entries.filter(|entry| entry.lines.is_empty()).collect()
});

/// The lines of the list: names, table and keys.
fn entries() -> impl Iterator<Item = Entry> {
    let lines = include_str!("other_tools.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut parts = line.split('|');
            let (names, table, keys) = (parts.next()?, parts.next()?, parts.next()?);
            let keys = keys.split(';').map(str::trim);
            Some(Entry {
                names: names.split_whitespace().collect(),
                table: table.trim(),
                lines: keys.filter(|key| !key.is_empty()).collect(),
            })
        })
}

/// The language without a user's own components.
static LANGUAGE: LazyLock<Vec<Section>> = LazyLock::new(|| sections(&Extensions::new()));

/// The tables of the language, for tests.
#[cfg(test)]
pub(super) fn language() -> &'static [Section] {
    &LANGUAGE
}

/// The table that another tool calls `word`.
pub(super) fn table(word: &str) -> Option<&'static str> {
    let word = plain(word);
    let found = TABLES.iter().find(|entry| entry.names(&word));
    found.map(|entry| entry.table)
}

/// Returns the text to write instead of a key that a table does not have.
pub(super) fn hint(home: Home<'_>, key: &str, node: Option<&Node>) -> Option<String> {
    let word = plain(key);
    let mut entries: Vec<&Entry> = ENTRIES.iter().filter(|e| e.names(&word)).collect();
    entries.sort_by_key(|entry| entry.table != home.header);
    let mut told = entries
        .into_iter()
        .filter_map(|entry| of_entry(home, entry, node));
    told.next().or_else(|| own(home.header, &word, node))
}

/// The keys of this language that another tool calls `word`.
pub(super) fn keys(word: &str) -> Vec<String> {
    let word = plain(word);
    let entries = ENTRIES.iter().filter(|entry| entry.names(&word));
    let lines = entries.flat_map(|entry| &entry.lines);
    lines
        .map(|line| line.split(' ').next().unwrap_or_default().into())
        .collect()
}

/// The path of the key that a word means, of this language or of another tool: `optimizer.lr` for
/// `learning-rate`; none where a schedule of its own does it, or where several keys could be meant.
#[must_use]
pub fn key_path(word: &str) -> Option<String> {
    let word = plain(word);
    let joined = |path: &str, key: &str| match path {
        "" => key.to_string(),
        path => format!("{path}.{key}"),
    };
    let has = |section: &&Section| section.common["properties"].get(&word).is_some();
    if let Some(section) = LANGUAGE.iter().find(has) {
        return Some(joined(section.path, &word)).filter(|_| section.path != "schedule");
    }
    let entry = ENTRIES.iter().find(|entry| entry.names(&word))?;
    let mut sections = LANGUAGE.iter();
    let section = sections.find(|section| section.header == in_full(entry.table))?;
    match entry.lines.as_slice() {
        [line] if section.path != "schedule" => {
            let (key, value) = line.split_once(" = ")?;
            let inner = value
                .strip_prefix("{ ")
                .and_then(|inner| inner.split(' ').next());
            let key = inner.map_or(key.to_string(), |inner| format!("{key}.{inner}"));
            Some(joined(section.path, &key))
        }
        _ => None,
    }
}

/// The header of a table as sections have it.
fn in_full(header: &str) -> &str {
    if header.is_empty() {
        "top level"
    } else {
        header
    }
}

/// `batchSize`, `batch-size` and `Batch_Size` as `batch_size`.
fn plain(key: &str) -> String {
    let mut word = String::new();
    let mut was_lower = false;
    for c in key.chars() {
        if c.is_uppercase() && was_lower {
            word.push('_');
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        word.extend(c.to_lowercase().map(|c| if c == '-' { '_' } else { c }));
    }
    word
}

/// A table's header and the schema of its keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home<'a> {
    pub(super) header: &'a str,
    pub(super) schema: &'a Schema,
}

impl Home<'_> {
    /// Returns whether the table takes this line.
    fn takes(&self, line: &str) -> bool {
        let (key, value) = line.split_once(" = ").unwrap_or_default();
        let schema = self.schema["properties"].get(key);
        schema.is_some_and(|schema| accepts(value, schema))
    }
}

/// Returns whether a line is one of the language's table `header`, whatever the type.
fn is_known(header: &str, line: &str) -> bool {
    let (key, value) = line.split_once(" = ").unwrap_or_default();
    key == "type" || key_schemas(header, key).any(|schema| accepts(value, schema))
}

fn of_entry(home: Home<'_>, entry: &Entry, node: Option<&Node>) -> Option<String> {
    let table = entry.table;
    if !entry.is_key() {
        return entry.lines.first().map(ToString::to_string);
    }
    let all = |takes: &dyn Fn(&str) -> bool| -> Vec<String> {
        let lines = entry.lines.iter().enumerate();
        lines
            .map(|(i, line)| filled(line, i, node, takes))
            .collect()
    };
    let is_own = |line: &&String| !line.starts_with("type = ");
    let is_phase = table == "[[schedule]]" && entry.lines[0].starts_with("type = ");
    if table == home.header && entry.lines[0] != "type = \"warmup\"" {
        let lines = all(&|line| home.takes(line));
        let own: Vec<&String> = lines.iter().filter(is_own).collect();
        let fits = !own.is_empty() && own.iter().all(|line| home.takes(line));
        return match fits {
            true => Some(format!("write {}", listed(&own))),
            // Another type has it.
            false => is_phase.then(|| format!("`{}` has it", lines[0])),
        };
    }
    let lines = all(&|line| is_known(table, line));
    match table {
        "" => Some(format!("write {} above the first table", listed(&lines))),
        "[[schedule]]" if !is_phase => None,
        "[[schedule]]" => Some(format!("write `[[schedule]]` with {}", listed(&lines))),
        _ => Some(format!("write {} in `{table}`", listed(&lines))),
    }
}

fn listed<S: AsRef<str>>(keys: &[S]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| format!("`{}`", key.as_ref()))
        .collect();
    keys.join(" and ")
}

/// A key's line with the value that was written, where the key takes it.
fn filled(line: &str, index: usize, node: Option<&Node>, takes: &dyn Fn(&str) -> bool) -> String {
    let (Some(start), Some(end)) = (line.find('<'), line.find('>')) else {
        return line.into();
    };
    let fixed = &line[start + 1..end];
    let with = |value: &str| {
        let text = format!("{}{value}{}", &line[..start], &line[end + 1..]);
        text.replace("\"1 epochs\"", "\"1 epoch\"")
            .replace("\"1 steps\"", "\"1 step\"")
    };
    let written = node.map_or(Vec::new(), |node| written(node, index, fixed));
    let lines = written.iter().map(|value| with(value));
    let is_type = line.starts_with("type = ");
    let mut fitting = lines.filter(|line| is_type || takes(line));
    fitting.next().unwrap_or_else(|| with(fixed))
}

/// A value in the forms of the one that it replaces: a number, a share, a word or a list.
fn written(node: &Node, index: usize, fixed: &str) -> Vec<String> {
    let plain = |node: &Node| node.to_toml().to_string();
    let is_list = fixed.starts_with('[');
    let node = match &node.value {
        Value::Array(items) if !is_list => items.get(index),
        _ => Some(node),
    };
    let Some(node) = node else {
        return Vec::new();
    };
    let is_word = fixed.starts_with(|c: char| c.is_alphabetic());
    match &node.value {
        Value::Integer(n) if is_list => vec![format!("[{n}]"), n.to_string()],
        Value::Array(_) if is_list => vec![plain(node)],
        Value::Float(share) if fixed.ends_with('%') => vec![super::repair::percent(*share)],
        Value::Integer(_) | Value::Float(_) if !is_word && !fixed.ends_with('%') => {
            vec![plain(node)]
        }
        Value::String(text) if is_word => word(text, fixed).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A name of this language for one of another; a text that is no name stays as it is.
fn word(text: &str, fixed: &str) -> Option<String> {
    let kinds = |section: &'static Section| section.kinds.iter().map(|(name, _)| name.as_str());
    let home = LANGUAGE
        .iter()
        .find(|&section| kinds(section).any(|kind| kind == fixed));
    match home {
        Some(section) => suggest::near(text, &kinds(section).collect::<Vec<_>>()).map(String::from),
        None => Some(text.into()).filter(|text: &String| {
            !text.contains(['"', '\\']) && !text.contains(char::is_control)
        }),
    }
}

/// The schemas of a key: of a table's common keys and of its types.
fn key_schemas<'a>(header: &'a str, key: &'a str) -> impl Iterator<Item = &'static Schema> + 'a {
    let header = in_full(header);
    let sections = LANGUAGE
        .iter()
        .filter(move |section| section.header == header);
    let tables = sections
        .flat_map(|s| std::iter::once(&s.common).chain(s.kinds.iter().map(|(_, schema)| schema)));
    tables.filter_map(move |table| table["properties"].get(key))
}

/// The place of a key of this language.
fn own(header: &str, key: &str, node: Option<&Node>) -> Option<String> {
    let common = |s: &&Section| s.header != header && s.common["properties"].get(key).is_some();
    if let Some(section) = LANGUAGE.iter().find(common) {
        let schema = &section.common["properties"][key];
        let written = node.map(|node| node.to_toml().to_string());
        let line = match written.filter(|value| accepts(value, schema)) {
            Some(value) => format!("{key} = {value}"),
            None => super::example_text(key, schema),
        };
        return Some(match section.path {
            "" => format!("write `{line}` above the first table"),
            _ => format!("write `{line}` in `{}`", section.header),
        });
    }
    let has = |(_, schema): &&(String, Schema)| schema["properties"].get(key).is_some();
    let of_kinds = LANGUAGE.iter().find_map(|section| {
        let kinds: Vec<String> = section
            .kinds
            .iter()
            .filter(has)
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        (!kinds.is_empty()).then_some((section, kinds))
    });
    let (section, kinds) = of_kinds?;
    let types = kinds.join(" or ");
    Some(format!(
        "it is a key of `{}` of type {types}",
        section.header
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Place, Plan, Spec};

    #[test]
    fn every_key_that_is_named_instead_exists_and_takes_its_value() {
        for entry in ENTRIES.iter().filter(|entry| entry.is_key()) {
            for (i, line) in entry.lines.iter().enumerate() {
                let line = filled(line, i, None, &|_| false);
                let (key, value) = line.split_once(" = ").unwrap_or_default();
                let mut sections = LANGUAGE.iter();
                let section = sections.find(|s| s.header == in_full(entry.table)).unwrap();
                let is_named = |(name, _): &(String, Schema)| format!("\"{name}\"") == value;
                let is_taken = match key {
                    "type" => section.kinds.iter().any(is_named),
                    key => key_schemas(entry.table, key).any(|s| accepts(value, s)),
                };
                assert!(is_taken, "{:?}: {} {line}", entry.names, entry.table);
            }
        }
    }

    #[test]
    fn a_phase_that_is_named_instead_is_complete() {
        let text = "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"digits\"\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 200\n[[schedule]]\n";
        for entry in ENTRIES
            .iter()
            .filter(|entry| entry.table == "[[schedule]]" && entry.lines[0].starts_with("type"))
        {
            let lines = entry.lines.iter();
            let lines: Vec<String> = lines
                .map(|line| filled(line, 0, None, &|_| false))
                .collect();
            let text = format!("{text}{}\n", lines.join("\n"));
            let spec = Spec::parse("a.toml", &text, &Overrides::default());
            if let Err(error) = Plan::resolve(&spec, &Extensions::new()) {
                panic!("{:?}: {error}", entry.names);
            }
        }
    }

    #[test]
    fn no_key_of_this_language_is_taken_for_one_of_another_tool() {
        let sections = LANGUAGE
            .iter()
            .filter(|section| section.header != "[[schedule]]");
        for section in sections {
            let common = section.common["properties"].as_object();
            for key in common.into_iter().flatten().map(|(key, _)| key) {
                let is_taken =
                    |entry: &Entry| entry.names(key) && in_full(entry.table) == section.header;
                assert!(!ENTRIES.iter().any(is_taken), "{} {key}", section.header);
            }
        }
    }

    /// The hint for a key of a table whose type, if it has one, is `kind`.
    fn told(header: &str, kind: &str, key: &str, value: Value) -> String {
        let section = LANGUAGE
            .iter()
            .find(|s| s.header == in_full(header))
            .unwrap();
        let own = section.kinds.iter().find(|(name, _)| name == kind);
        let own = own.map_or(serde_json::json!({}), |(_, schema)| schema.clone());
        let schema = crate::config::tables::merged(&own, &section.common);
        let place = Place {
            source: 0,
            range: 0..0,
        };
        let home = Home {
            header,
            schema: &schema,
        };
        hint(home, key, Some(&Node::new(value, place))).unwrap_or_default()
    }

    #[test]
    fn what_was_written_stands_in_the_hint() {
        let integer = Value::Integer;
        let text = |text: &str| Value::String(text.into());
        let float = Value::Float;
        let numbers = |numbers: [f64; 2]| {
            let place = Place {
                source: 0,
                range: 0..0,
            };
            Value::Array(numbers.map(|n| Node::new(float(n), place.clone())).to_vec())
        };
        let betas = || numbers([0.8, 0.99]);
        let flag = Value::Bool(true);
        let table = [
            (
                "[train]",
                "",
                "seed",
                integer(3),
                "write `seed = 3` above the first table",
            ),
            (
                "[train]",
                "",
                "lr",
                float(0.3),
                "write `lr = 0.3` in `[optimizer]`",
            ),
            (
                "[train]",
                "",
                "fp16",
                flag.clone(),
                "write `precision = \"f16\"`",
            ),
            (
                "[optimizer]",
                "sgd",
                "fp16",
                flag,
                "write `precision = \"f16\"` in `[train]`",
            ),
            (
                "",
                "",
                "max_epochs",
                integer(7),
                "write `epochs = 7` in `[train]`",
            ),
            (
                "",
                "",
                "log_interval",
                integer(1),
                "write `log_every = \"1 step\"` in `[train]`",
            ),
            (
                "[train]",
                "",
                "warmup_ratio",
                float(0.06),
                "write `[[schedule]]` with `type = \"warmup\"` and `for = \"6%\"`",
            ),
            (
                "[optimizer]",
                "sgd",
                "learningRate",
                float(0.3),
                "write `lr = 0.3`",
            ),
            (
                "[optimizer]",
                "adam",
                "betas",
                betas(),
                "write `beta1 = 0.8` and `beta2 = 0.99`",
            ),
            ("[optimizer]", "sgd", "betas", betas(), ""),
            (
                "[train]",
                "",
                "lr_scheduler_type",
                text("CosineAnnealingLR"),
                "write `[[schedule]]` with `type = \"cosine\"`",
            ),
            (
                "[train]",
                "",
                "val_split",
                float(0.2),
                "write `split = { val = \"20%\" }` in `[dataset]`",
            ),
            (
                "[train]",
                "",
                "hidden_size",
                integer(64),
                "write `hidden = [64]` in `[model]`",
            ),
            (
                "[model]",
                "mlp",
                "hidden_size",
                integer(64),
                "write `hidden = [64]`",
            ),
            (
                "[model]",
                "lstm",
                "hidden_size",
                integer(64),
                "write `hidden = 64`",
            ),
            (
                "[train]",
                "",
                "patience",
                integer(5),
                "write `early_stop = { patience = \"5 evals\" }`",
            ),
            (
                "[dataset]",
                "digits",
                "momentum",
                float(0.9),
                "it is a key of `[optimizer]` of type `sgd`",
            ),
            (
                "[train]",
                "",
                "output_dir",
                text("x"),
                "`--runs DIR` says where runs are kept",
            ),
            ("[train]", "", "colour", integer(1), ""),
            (
                "[[schedule]]",
                "cosine",
                "T_max",
                integer(5),
                "write `for = \"5 epochs\"`",
            ),
            (
                "[[schedule]]",
                "cosine",
                "eta_min",
                float(1e-6),
                "write `to_value = 0.000001`",
            ),
            (
                "[[schedule]]",
                "warmup",
                "steps",
                integer(9),
                "write `for = \"9 steps\"`",
            ),
            (
                "[[schedule]]",
                "step",
                "step_size",
                integer(9),
                "write `size = \"9 epochs\"`",
            ),
            (
                "[[schedule]]",
                "cosine",
                "step_size",
                integer(9),
                "`type = \"step\"` has it",
            ),
            (
                "[optimizer]",
                "sgd",
                "epochs",
                integer(9),
                "write `epochs = 9` in `[train]`",
            ),
        ];
        for (header, kind, key, value, expected) in table {
            assert_eq!(
                told(header, kind, key, value),
                expected,
                "{header} {kind} {key}"
            );
        }
    }

    #[test]
    fn tables_of_other_tools_are_known() {
        assert_eq!(super::table("scheduler"), Some("[[schedule]]"));
        assert_eq!(super::table("training"), Some("[train]"));
        assert_eq!(super::table("train"), None);
        let headers: Vec<&str> = LANGUAGE.iter().map(|section| section.header).collect();
        assert!(TABLES.iter().all(|entry| headers.contains(&entry.table)));
    }
}
