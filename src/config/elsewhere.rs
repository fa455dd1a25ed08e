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
    /// Whether another tool calls it so.
    fn names(&self, word: &str) -> bool {
        self.names.contains(&word)
    }

    /// Whether a key stands for it, and not a flag or a verb.
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

/// The table that another tool calls `word`.
pub(super) fn table(word: &str) -> Option<&'static str> {
    let word = plain(word);
    let found = TABLES.iter().find(|entry| entry.names(&word));
    found.map(|entry| entry.table)
}

/// What to write instead of a key that the table `header` does not have; `allowed` are those that it
/// has.
pub(super) fn hint(
    header: &str,
    key: &str,
    node: Option<&Node>,
    allowed: &[&str],
) -> Option<String> {
    let word = plain(key);
    let entries = ENTRIES.iter().filter(|entry| entry.names(&word));
    let mut told = entries.filter_map(|entry| of_entry(header, entry, node, allowed));
    told.next().or_else(|| own(header, &word, node))
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

fn of_entry(header: &str, entry: &Entry, node: Option<&Node>, allowed: &[&str]) -> Option<String> {
    let table = entry.table;
    if !entry.is_key() {
        return entry.lines.first().map(ToString::to_string);
    }
    let keys: Vec<String> = entry
        .lines
        .iter()
        .enumerate()
        .map(|(i, key)| filled(table, key, i, node))
        .collect();
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_string();
    let own: Vec<&String> = keys.iter().filter(|line| name(line) != "type").collect();
    if table == header {
        // The table itself takes them, or another type of it does.
        let fits = !own.is_empty()
            && own
                .iter()
                .all(|line| allowed.contains(&name(line).as_str()));
        let lines: Vec<&str> = own.iter().map(|line| line.as_str()).collect();
        return match fits {
            true => Some(format!("write {}", listed(&lines))),
            false if header == "[[schedule]]" => Some(format!("{} has it", with(&keys))),
            false => None,
        };
    }
    Some(match table {
        "" => format!("write {} above the first table", listed(&keys)),
        "[[schedule]]" => format!("write `[[schedule]]` with {}", listed(&keys)),
        _ => format!("write {} in `{table}`", listed(&keys)),
    })
}

/// `` `type = "warmup"` ``: the type that a whole phase has.
fn with(keys: &[String]) -> String {
    keys.first()
        .map_or(String::new(), |line| format!("`{line}`"))
}

fn listed<S: AsRef<str>>(keys: &[S]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| format!("`{}`", key.as_ref()))
        .collect();
    keys.join(" and ")
}

/// A key's line with the value that was written, where the key takes it.
fn filled(table: &str, line: &str, index: usize, node: Option<&Node>) -> String {
    let (Some(start), Some(end)) = (line.find('<'), line.find('>')) else {
        return line.into();
    };
    let fixed = &line[start + 1..end];
    let with = |value: &str| {
        let text = format!("{}{value}{}", &line[..start], &line[end + 1..]);
        text.replace("\"1 epochs\"", "\"1 epoch\"")
            .replace("\"1 steps\"", "\"1 step\"")
    };
    let written = node.and_then(|node| written(node, index, fixed));
    let fits = |line: &String| {
        let (key, value) = line.split_once(" = ").unwrap_or_default();
        match key {
            "type" => true,
            key => key_schemas(table, key).any(|schema| accepts(key, value, schema)),
        }
    };
    written
        .map(|value| with(&value))
        .filter(fits)
        .unwrap_or_else(|| with(fixed))
}

/// A value in the form of the one that it replaces: a number, a share or a word.
fn written(node: &Node, index: usize, fixed: &str) -> Option<String> {
    let node = match &node.value {
        Value::Array(items) if !fixed.starts_with('[') => items.get(index)?,
        _ => node,
    };
    let is_word = fixed.starts_with(|c: char| c.is_alphabetic());
    match &node.value {
        Value::Integer(n) if fixed.starts_with('[') => Some(format!("[{n}]")),
        Value::Float(share) if fixed.ends_with('%') => Some(super::repair::percent(*share)),
        Value::Integer(_) | Value::Float(_) if !is_word && !fixed.ends_with('%') => {
            Some(node.to_toml().to_string())
        }
        Value::Array(_) if fixed.starts_with('[') => Some(node.to_toml().to_string()),
        Value::String(text) if is_word => word(text, fixed),
        _ => None,
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

/// Where a key of this language belongs.
fn own(header: &str, key: &str, node: Option<&Node>) -> Option<String> {
    let common = |s: &&Section| s.header != header && s.common["properties"].get(key).is_some();
    if let Some(section) = LANGUAGE.iter().find(common) {
        let schema = &section.common["properties"][key];
        let written = node.map(|node| node.to_toml().to_string());
        let line = match written.filter(|value| accepts(key, value, schema)) {
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
                let line = filled(entry.table, line, i, None);
                let (key, value) = line.split_once(" = ").unwrap_or_default();
                let mut sections = LANGUAGE.iter();
                let section = sections.find(|s| s.header == in_full(entry.table)).unwrap();
                let is_named = |(name, _): &(String, Schema)| format!("\"{name}\"") == value;
                let is_taken = match key {
                    "type" => section.kinds.iter().any(is_named),
                    key => key_schemas(entry.table, key).any(|s| accepts(key, value, s)),
                };
                assert!(is_taken, "{:?}: {} {line}", entry.names, entry.table);
            }
        }
    }

    #[test]
    fn a_phase_that_is_named_instead_is_complete() {
        let text = "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"digits\"\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 200\n[[schedule]]\n";
        for entry in ENTRIES.iter().filter(|entry| entry.table == "[[schedule]]") {
            let lines = entry.lines.iter();
            let lines: Vec<String> = lines
                .map(|line| filled(entry.table, line, 0, None))
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

    fn told(header: &str, key: &str, value: Value, allowed: &[&str]) -> String {
        let place = Place {
            source: 0,
            range: 0..0,
        };
        hint(header, key, Some(&Node::new(value, place)), allowed).unwrap_or_default()
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
        let table = [
            (
                "[train]",
                "seed",
                integer(3),
                "write `seed = 3` above the first table",
            ),
            (
                "[train]",
                "lr",
                float(0.3),
                "write `lr = 0.3` in `[optimizer]`",
            ),
            (
                "[train]",
                "fp16",
                Value::Bool(true),
                "write `precision = \"f16\"` in `[train]`",
            ),
            (
                "",
                "max_epochs",
                integer(7),
                "write `epochs = 7` in `[train]`",
            ),
            (
                "",
                "log_interval",
                integer(20),
                "write `log_every = \"20 steps\"` in `[train]`",
            ),
            (
                "[train]",
                "warmup_ratio",
                float(0.06),
                "write `[[schedule]]` with `type = \"warmup\"` and `for = \"6%\"`",
            ),
            (
                "[optimizer]",
                "learningRate",
                float(0.3),
                "write `lr = 0.3` in `[optimizer]`",
            ),
            (
                "[train]",
                "betas",
                numbers([0.8, 0.99]),
                "write `beta1 = 0.8` and `beta2 = 0.99` in `[optimizer]`",
            ),
            (
                "[train]",
                "lr_scheduler_type",
                text("CosineAnnealingLR"),
                "write `[[schedule]]` with `type = \"cosine\"`",
            ),
            (
                "[train]",
                "val_split",
                float(0.2),
                "write `split = { val = \"20%\" }` in `[dataset]`",
            ),
            (
                "[train]",
                "hidden_size",
                integer(64),
                "write `hidden = [64]` in `[model]`",
            ),
            (
                "[train]",
                "patience",
                integer(5),
                "write `early_stop = { patience = \"5 evals\" }`",
            ),
            (
                "[dataset]",
                "momentum",
                float(0.9),
                "it is a key of `[optimizer]` of type `sgd`",
            ),
            (
                "[train]",
                "output_dir",
                text("x"),
                "`--runs DIR` says where runs are kept",
            ),
            ("[train]", "colour", integer(1), ""),
        ];
        let allowed = ["epochs", "precision", "early_stop"];
        for (header, key, value, expected) in table {
            let allowed = if header == "[train]" {
                &allowed[..]
            } else {
                &["lr"]
            };
            let told = told(header, key, value, allowed);
            let expected = expected.trim_end_matches(" in `[train]`");
            let expected = if header == "[optimizer]" {
                "write `lr = 0.3`"
            } else {
                expected
            };
            assert!(told.starts_with(expected), "{header} {key}: {told}");
            assert!(!expected.is_empty() || told.is_empty(), "{told}");
        }
        let phase = ["for", "to_value"];
        assert_eq!(
            told("[[schedule]]", "T_max", integer(5), &phase),
            "write `for = \"5 epochs\"`"
        );
        assert_eq!(
            told("[[schedule]]", "eta_min", float(1e-6), &phase),
            "write `to_value = 1e-6`"
        );
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
