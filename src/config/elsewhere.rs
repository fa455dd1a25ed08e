//! Keys of other tools, and keys in the wrong table: what to write instead, and where.

mod entries;
mod filled;
mod language;

use serde_json::Value as Schema;

use self::{
    entries::{ENTRIES, Entry, TABLES},
    filled::filled,
    language::{LANGUAGE, in_full, key_schemas},
};
use super::{node::Node, sections::Section, validate::accepts};

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
mod tests;
