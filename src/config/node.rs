//! A TOML document as a tree whose every key and value knows its place.

use indexmap::IndexMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::source::Place;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// The text with `${env:NAME}` where the environment gave a value, where it did.
    pub raw: Option<String>,
}

/// What a value can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
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
    /// The `type` that a later layer replaced.
    pub replaced_type: Option<String>,
}

impl Node {
    /// A node without environment references.
    #[must_use]
    pub fn new(value: Value, place: Place) -> Self {
        Self {
            value,
            place,
            raw: None,
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
                    Err(_) => Value::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
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
                *self = Node {
                    value,
                    place: over.place,
                    raw: over.raw,
                };
                Ok(())
            }
        }
    }

    /// Visits every text in the tree.
    pub fn for_each_string(
        &mut self,
        f: &mut impl FnMut(&mut String, &Place, &mut Option<String>),
    ) {
        match &mut self.value {
            Value::String(text) => f(text, &self.place, &mut self.raw),
            Value::Array(items) => items.iter_mut().for_each(|item| item.for_each_string(f)),
            Value::Table(table) => {
                table
                    .entries
                    .values_mut()
                    .for_each(|(_, node)| node.for_each_string(f));
            }
            _ => {}
        }
    }

    /// The node at a dotted path such as `schedule[1].power`, or the nearest one above it; with the
    /// place of the key where the path names a missing value's table.
    #[must_use]
    pub fn nearest(&self, path: &str) -> &Node {
        let mut node = self;
        for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
            let next = match &node.value {
                Value::Table(table) => table.get(part),
                Value::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The same tree as a plain TOML value.
    #[must_use]
    pub fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Bool(flag) => toml::Value::Boolean(*flag),
            Value::Integer(number) => toml::Value::Integer(*number),
            Value::Float(number) => toml::Value::Float(*number),
            Value::String(text) | Value::Datetime(text) => toml::Value::String(text.clone()),
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
            replaced_type: None,
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
            replaced_type: self.replaced_type.clone(),
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

    fn is_indices(&self) -> bool {
        !self.entries.is_empty() && self.entries.keys().all(|key| key.parse::<usize>().is_ok())
    }

    fn merge(&mut self, over: Table) -> Result<(), IndexFault> {
        for (key, (place, node)) in over.entries {
            if key == "type" {
                let (old, new) = (self.get("type").and_then(Node::text), node.text());
                if old.is_some() && old != new {
                    self.replaced_type = old.map(Into::into);
                }
            }
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
        Ok(())
    }
}
