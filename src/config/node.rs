//! A TOML document as a tree whose every key and value knows its place.

use indexmap::IndexMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::source::{Place, Sources};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// The text with `${env:NAME}` where the environment gave a value, where it did.
    pub raw: Option<String>,
    /// A text that refers to an environment that does not hold what it names.
    pub is_incomplete: bool,
}

/// What a value can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number, as written, that is not between −2⁶³ and 2⁶³ − 1; no key takes one.
    TooLarge(String),
    /// A number, perhaps not finite.
    Float(f64),
    /// A text.
    String(String),
    /// A date or time; no key takes one.
    Datetime(String),
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A table: keys in order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    entries: IndexMap<String, (Place, Node)>,
    /// Keys of lower layers, with the `type` that they were written for and that was replaced.
    replaced: IndexMap<String, String>,
}

impl Node {
    /// A node without environment references.
    #[must_use]
    pub fn new(value: Value, place: Place) -> Self {
        Self {
            value,
            place,
            raw: None,
            is_incomplete: false,
        }
    }

    /// Converts a parsed value of source number `source`.
    #[must_use]
    pub fn read(value: &Spanned<DeValue<'_>>, source: usize) -> Self {
        let place = Place {
            source,
            range: value.span(),
        };
        let value = match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(time) => Value::Datetime(time.to_string()),
            DeValue::Float(number) => {
                Value::Float(number.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
            }
            DeValue::Integer(number) => {
                match i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::TooLarge(number.as_str().into()),
                }
            }
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| Self::read(item, source)).collect())
            }
            DeValue::Table(table) => Value::Table(Table::read(table, source)),
        };
        Self::new(value, place)
    }

    /// The table, where it is one.
    #[must_use]
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The table to change, where it is one.
    pub fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, where it is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// What it is, for a message.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self.value {
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::TooLarge(_) => "a number beyond 64 bits",
            Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Datetime(_) => "a date",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// Lays `over` on top: tables merge, everything else replaces; a table whose keys are all
    /// numbers reaches into a list.
    ///
    /// # Errors
    /// The place of an index beyond a list's end.
    pub fn merge(&mut self, over: Node) -> Result<(), IndexFault> {
        match (&mut self.value, over.value) {
            (Value::Table(base), Value::Table(over)) => base.merge(over),
            (Value::Array(items), Value::Table(over)) if over.is_indices() => {
                for (key, (place, node)) in over.entries {
                    let length = items.len();
                    match key.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
                        Some(item) => item.merge(node)?,
                        None => return Err(IndexFault { place, key, length }),
                    }
                }
                Ok(())
            }
            (_, value) => {
                *self = Node { value, ..over };
                Ok(())
            }
        }
    }

    /// Visits every text in the tree.
    pub fn for_each_text(&mut self, f: &mut impl FnMut(&mut Self)) {
        match &mut self.value {
            Value::String(_) => f(self),
            Value::Array(items) => items.iter_mut().for_each(|item| item.for_each_text(f)),
            Value::Table(table) => table
                .entries
                .values_mut()
                .for_each(|(_, node)| node.for_each_text(f)),
            _ => {}
        }
    }

    /// The value under a key or an index.
    fn child(&self, part: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(table) => table.get(part),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        }
    }

    /// The node at a path such as `schedule[1].power` or `columns."a.b".type`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        parts(path)
            .iter()
            .try_fold(self, |node, part| node.child(part))
    }

    /// The node at a path, or the nearest one above it.
    #[must_use]
    pub fn nearest(&self, path: &str) -> &Self {
        let mut node = self;
        for part in parts(path) {
            match node.child(&part) {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// Where a path points: its value; the header of a table; the key of an inline table.
    #[must_use]
    pub fn place_of(&self, path: &str, sources: &Sources) -> Place {
        let (mut node, mut key) = (self, None);
        for part in parts(path) {
            let Some(next) = node.child(&part) else { break };
            key = node.table().and_then(|table| table.key_place(&part));
            node = next;
        }
        let text = &sources.get(&node.place).text;
        let is_inline = text
            .get(node.place.range.start..)
            .is_some_and(|t| t.starts_with('{'));
        match key {
            Some(key) if is_inline && key.source == node.place.source => key.clone(),
            _ => node.place.clone(),
        }
    }

    /// The same tree as a plain TOML value.
    #[must_use]
    pub fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Bool(flag) => toml::Value::Boolean(*flag),
            Value::Integer(number) => toml::Value::Integer(*number),
            Value::Float(number) => toml::Value::Float(*number),
            Value::String(text) | Value::Datetime(text) | Value::TooLarge(text) => {
                toml::Value::String(text.clone())
            }
            Value::Array(items) => toml::Value::Array(items.iter().map(Self::to_toml).collect()),
            Value::Table(table) => toml::Value::Table(table.to_toml()),
        }
    }
}

/// An override's index that does not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexFault {
    /// Where the index stands.
    pub place: Place,
    /// The index as written.
    pub key: String,
    /// The list's length.
    pub length: usize,
}

impl Table {
    /// Converts a parsed table of source number `source`.
    #[must_use]
    pub fn read(table: &DeTable<'_>, source: usize) -> Self {
        let entry = |(key, value): (&Spanned<toml::de::DeString<'_>>, _)| {
            let place = Place {
                source,
                range: key.span(),
            };
            (
                key.get_ref().to_string(),
                (place, Node::read(value, source)),
            )
        };
        Self {
            entries: table.iter().map(entry).collect(),
            replaced: IndexMap::new(),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.get(key).map(|(_, node)| node)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.get_mut(key).map(|(_, node)| node)
    }

    /// Visits every key's place and value.
    pub fn for_each_mut(&mut self, f: &mut impl FnMut(&mut Place, &mut Node)) {
        self.entries
            .values_mut()
            .for_each(|(place, node)| f(place, node));
    }

    /// Where a key itself stands.
    #[must_use]
    pub fn key_place(&self, key: &str) -> Option<&Place> {
        self.entries.get(key).map(|(place, _)| place)
    }

    /// Keys with their places and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Place, &Node)> {
        self.entries
            .iter()
            .map(|(key, (place, node))| (key.as_str(), place, node))
    }

    /// Sets a key.
    pub fn insert(&mut self, key: &str, place: Place, node: Node) {
        self.entries.insert(key.into(), (place, node));
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        self.entries.shift_remove(key).map(|(_, node)| node)
    }

    /// The table with only those keys.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let entries = self.entries.iter().filter(|(key, _)| keep(key));
        Self {
            entries: entries
                .map(|(key, entry)| (key.clone(), entry.clone()))
                .collect(),
            replaced: self.replaced.clone(),
        }
    }

    /// The same table as plain TOML.
    #[must_use]
    pub fn to_toml(&self) -> toml::Table {
        self.entries
            .iter()
            .map(|(key, (_, node))| (key.clone(), node.to_toml()))
            .collect()
    }

    /// Keys that were written for a `type` that a higher layer replaced, each with that type.
    pub fn replaced(&self) -> impl Iterator<Item = (&str, &str)> {
        self.replaced
            .iter()
            .map(|(key, kind)| (key.as_str(), kind.as_str()))
    }

    /// Returns whether a text anywhere in it could not be filled in.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        fn incomplete(node: &Node) -> bool {
            match &node.value {
                Value::Table(table) => table.is_incomplete(),
                Value::Array(items) => items.iter().any(incomplete),
                _ => node.is_incomplete,
            }
        }
        self.entries.values().any(|(_, node)| incomplete(node))
    }

    fn is_indices(&self) -> bool {
        !self.entries.is_empty() && self.entries.keys().all(|key| key.parse::<usize>().is_ok())
    }

    fn merge(&mut self, over: Table) -> Result<(), IndexFault> {
        self.note_replaced(&over);
        let replaced_below = over.replaced;
        for (key, (place, node)) in over.entries {
            match self.entries.get_mut(&key) {
                Some((old_place, old)) => {
                    *old_place = place;
                    old.merge(node)?;
                }
                None => {
                    self.entries.insert(key, (place, node));
                }
            }
        }
        self.replaced.extend(replaced_below);
        Ok(())
    }

    /// Where `over` changes the `type`, the keys that it does not write itself are the old type's.
    fn note_replaced(&mut self, over: &Self) {
        self.replaced.retain(|key, _| over.get(key).is_none());
        let kind = |table: &Self| table.get("type").and_then(Node::text).map(String::from);
        let (Some(old), Some(new)) = (kind(self), kind(over)) else {
            return;
        };
        if old == new {
            return;
        }
        for key in self.entries.keys().filter(|key| over.get(key).is_none()) {
            self.replaced
                .entry(key.clone())
                .or_insert_with(|| old.clone());
        }
    }
}

/// The value of a plan at keys and indices.
pub fn value_at<'t>(root: &'t mut toml::Table, parts: &[String]) -> Option<&'t mut toml::Value> {
    let (first, rest) = parts.split_first()?;
    rest.iter()
        .try_fold(root.get_mut(first)?, |value, part| match value {
            toml::Value::Table(table) => table.get_mut(part),
            toml::Value::Array(items) => part.parse().ok().and_then(|i: usize| items.get_mut(i)),
            _ => None,
        })
}

/// The keys and indices of a path: `a[1]."b.c"` → `a`, `1`, `b.c`.
pub fn parts(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = path.chars();
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        let last = parts.len() - 1;
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => parts[last].extend(chars.next()),
            '.' | '[' | ']' if !is_quoted => parts.push(String::new()),
            c => parts[last].push(c),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source::Source;

    fn read(text: &str) -> (Node, Sources) {
        let document = DeTable::parse(text).unwrap();
        let mut sources = Sources::default();
        let source = sources.add(Source {
            name: "a.toml".into(),
            text: text.into(),
            folders: vec!["".into()],
        });
        let place = Place {
            source,
            range: 0..0,
        };
        let table = Table::read(document.get_ref(), source);
        (Node::new(Value::Table(table), place), sources)
    }

    fn merged(base: &str, over: &str) -> Result<Node, IndexFault> {
        let (mut base, _) = read(base);
        base.merge(read(over).0)?;
        Ok(base)
    }

    #[test]
    fn tables_merge_and_lists_and_scalars_are_replaced() {
        let node = merged(
            "a = 1\nb = [1, 2]\n[c]\nx = 1\ny = 2",
            "b = [3]\n[c]\ny = { z = 3 }\n[d]",
        );
        assert_eq!(
            node.unwrap().to_toml().to_string(),
            "{ a = 1, b = [3], c = { x = 1, y = { z = 3 } }, d = {} }"
        );
    }

    #[test]
    fn numbers_as_keys_reach_into_a_list() {
        let base = "[[s]]\nx = 1\n[[s]]\nx = 2";
        let node = merged(base, "s.1.x = 5").unwrap();
        assert_eq!(node.to_toml()["s"][1]["x"].as_integer(), Some(5));
        let fault = merged(base, "s.2.x = 5").unwrap_err();
        assert_eq!((fault.key.as_str(), fault.length), ("2", 2));
    }

    #[test]
    fn keys_of_a_replaced_type_are_remembered_until_they_are_written_again() {
        let base = "type = \"sgd\"\nlr = 1\nmomentum = 0.9";
        let mut node = merged(base, "type = \"adam\"\nlr = 2").unwrap();
        let replaced = |node: &Node| -> Vec<(String, String)> {
            let table = node.table().unwrap();
            table
                .replaced()
                .map(|(k, t)| (k.into(), t.into()))
                .collect()
        };
        assert_eq!(replaced(&node), [("momentum".into(), "sgd".into())]);
        let mut twice = read(base).0;
        twice.merge(node.clone()).unwrap();
        assert_eq!(replaced(&twice), [("momentum".into(), "sgd".into())]);
        node.merge(read("momentum = 0.5").0).unwrap();
        assert_eq!(replaced(&node), []);
    }

    #[test]
    fn a_path_names_the_key_of_an_inline_table_and_else_the_value() {
        let text = "x = { y = 1 }\n[t]\n\"a.b\" = [1, 22]\nc = {}";
        let (node, sources) = read(text);
        let shown = |path: &str| &text[node.place_of(path, &sources).range];
        assert_eq!(shown("x"), "x");
        assert_eq!(shown("x.y"), "1");
        assert_eq!(shown("x.z"), "x");
        assert_eq!(shown("t.\"a.b\"[1]"), "22");
        assert_eq!(shown("t"), "[t]");
        assert_eq!(shown("t.c.d"), "c");
        assert_eq!(node.at("t.c.d"), None);
        assert!(node.at("t.\"a.b\"[1]").is_some());
    }

    #[test]
    fn whole_numbers_of_any_radix_are_read_and_large_ones_kept_as_text() {
        let (node, _) = read("a = 0xff\nb = 1_000\nc = 99999999999999999999\nd = 1_0.5");
        let values = ["a", "b", "c", "d"].map(|key| node.nearest(key).value.clone());
        assert_eq!(values[0], Value::Integer(255));
        assert_eq!(values[1], Value::Integer(1000));
        assert_eq!(values[2], Value::TooLarge("99999999999999999999".into()));
        assert_eq!(values[3], Value::Float(10.5));
    }
}
