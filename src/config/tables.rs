//! Reading one table of a Spec: find the component of its `type`, check every key, fill in the
//! defaults; each fault lands at its place.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value as Schema;

use super::{
    aliases,
    diagnostic::Diagnostic,
    init::HubFile,
    node::{Node, Table, Value},
    paths::{self, PathKey},
    registry::{Component, LoadFault, Registry, read_keys},
    repair,
    source::Place,
    spec::Spec,
    validate,
};
use crate::{
    error::{Fault, KeyFault, Severity},
    suggest::did_you_mean,
};

/// Collects faults while the tables of a Spec are read.
pub(super) struct Tables<'a> {
    pub(super) spec: &'a Spec,
    pub(super) faults: Vec<Diagnostic>,
    /// The paths that were read.
    pub(super) paths: Vec<PathKey>,
}

/// A component with the common keys of its table.
pub(super) struct Loaded<T: ?Sized> {
    pub(super) component: Component<T>,
    pub(super) common: toml::Table,
}

impl<'a> Tables<'a> {
    pub(super) fn new(spec: &'a Spec) -> Self {
        Self {
            spec,
            faults: spec.faults.clone(),
            paths: Vec::new(),
        }
    }

    /// A top-level table, or a fault where it is something else; `None` where it is absent.
    pub(super) fn table(&mut self, key: &str) -> Option<(&'a Node, &'a Table)> {
        let node = self.spec.root.table()?.get(key)?;
        self.as_table(key, node)
    }

    /// The tables of a list, each with its path: `schedule[0]`; `None` where it is no list.
    pub(super) fn list(
        &mut self,
        path: &str,
        node: &'a Node,
    ) -> Option<Vec<(String, &'a Node, &'a Table)>> {
        let key = path.rsplit('.').next().unwrap_or(path);
        let Some(items) = node.items() else {
            let message = format!("`{key}` takes a list of tables, found {}", node.noun());
            let hint = format!("write `[[{path}]]` above each entry");
            self.faults
                .push(Diagnostic::error(&node.place, message).hint(hint));
            return None;
        };
        let paths = (0..items.len()).map(|i| format!("{path}[{i}]"));
        let tables: Vec<_> = paths
            .zip(items)
            .filter_map(|(path, item)| {
                let (node, table) = self.as_table(&path, item)?;
                Some((path, node, table))
            })
            .collect();
        (tables.len() == items.len()).then_some(tables)
    }

    fn as_table(&mut self, key: &str, node: &'a Node) -> Option<(&'a Node, &'a Table)> {
        let table = node.table();
        if table.is_none() {
            let message = format!("`{key}` takes a table, found {}", node.noun());
            let hint = match &node.value {
                Value::String(text) if !key.contains('[') => {
                    Some(format!("write `[{key}]` and below it `type = {text:?}`"))
                }
                Value::Array(items) if items.iter().all(|item| item.table().is_some()) => {
                    Some(format!("write `[{key}]`, with single brackets"))
                }
                _ => None,
            };
            self.faults
                .push(Diagnostic::error(&node.place, message).hint(hint));
        }
        Some((node, table?))
    }

    /// A fault about something that is not there at all: points at the file's beginning.
    pub(super) fn missing(&mut self, message: String, hint: &str) {
        let place = Place {
            source: self.spec.root.place.source,
            range: 0..0,
        };
        self.faults
            .push(Diagnostic::error(&place, message).hint(hint.to_string()));
    }

    /// A component's own finding, at `path` (`optimizer`, `schedule[2]`) plus its key. What is said
    /// of a component as a whole stands at its `type`.
    pub(super) fn key_fault(&mut self, path: &str, fault: KeyFault) {
        let whole = format!("{path}.type");
        let full = match fault.key.as_str() {
            "" if self.spec.root.at(&whole).is_some() => whole,
            "" => path.to_string(),
            key => format!("{path}.{key}"),
        };
        let place = self.spec.root.place_of(&full, &self.spec.sources);
        let written = self.spec.sources.written(&place);
        let key = full.rsplit('.').next().unwrap_or(&full);
        self.faults.push(Diagnostic {
            severity: fault.severity,
            message: fault.message,
            hint: repair::escapes_hint(key, written).or(fault.hint),
            place: Some(place),
        });
    }

    /// Several findings of one component.
    pub(super) fn key_faults(&mut self, path: &str, faults: Vec<KeyFault>) {
        for fault in faults {
            self.key_fault(path, fault);
        }
    }

    /// A plain struct of keys; `None` where it has faults.
    pub(super) fn keys<C: DeserializeOwned>(
        &mut self,
        what: &str,
        path: &str,
        place: &Place,
        table: &Table,
        schema: &Schema,
    ) -> Option<C> {
        if !self.fits(what, place, table, schema) {
            return None;
        }
        let keys = self.plain(path, table, schema);
        self.read(path, keys)
    }

    /// A struct of keys from a table that fits its schema.
    pub(super) fn read<C: DeserializeOwned>(&mut self, path: &str, keys: toml::Table) -> Option<C> {
        read_keys(keys)
            .map_err(|fault| self.load_fault(path, fault))
            .ok()
    }

    /// Whether a table fits its schema and all its texts could be filled in; notes what does not.
    fn fits(&mut self, what: &str, place: &Place, table: &Table, schema: &Schema) -> bool {
        let mut found = Vec::new();
        validate::table(what, place, table, schema, &mut found);
        let fits = found.is_empty() && !table.is_incomplete();
        self.faults.append(&mut found);
        fits
    }

    /// A table with a `type`: its component and its common keys. The common keys are those of
    /// `common`'s schema; they were checked together with the component's own.
    pub(super) fn component<T: ?Sized + 'static>(
        &mut self,
        what: &str,
        path: &str,
        (node, table): (&Node, &Table),
        registry: &Registry<T>,
        common: &Schema,
    ) -> Option<Loaded<T>> {
        let is_common = |key: &str| common["properties"].get(key).is_some();
        let kind_key = type_key(table, is_common);
        let kind_name = self.kind_name(what, kind_key, (node, table), registry);
        let Some(kind) = kind_name.and_then(|name| registry.get(name)) else {
            self.common_only(table, common);
            return None;
        };
        let own = kind.schema();
        let mut rest = table.only(|key| key != kind_key);
        self.drop_replaced(&mut rest, table, registry, (&own, common));
        let what = format!("{what} of type `{}`", kind.name);
        let schema = merged(&own, common);
        if !self.fits(&what, &node.place, &rest, &schema) {
            return None;
        }
        let keys = self.plain(path, &rest.only(|key| !is_common(key)), &own);
        let common = self.plain(path, &rest.only(is_common), common);
        match kind.load(keys) {
            Ok(component) => Some(Loaded { component, common }),
            Err(fault) => {
                self.load_fault(path, fault);
                None
            }
        }
    }

    /// Where the type is unknown the common keys can still be checked.
    fn common_only(&mut self, table: &Table, common: &Schema) {
        let known = table.only(|key| common["properties"].get(key).is_some());
        let mut relaxed = common.clone();
        relaxed["required"] = Schema::Null;
        let nowhere = &self.spec.root.place;
        validate::table("", nowhere, &known, &relaxed, &mut self.faults);
    }

    fn kind_name<'t, T: ?Sized + 'static>(
        &mut self,
        what: &str,
        key: &str,
        (node, table): (&Node, &'t Table),
        registry: &Registry<T>,
    ) -> Option<&'t str> {
        let allowed = || registry.names().collect::<Vec<_>>().join(", ");
        if let Some(place) = table.key_place(key).filter(|_| key != "type") {
            let message = format!("unknown key `{key}` in {what}");
            let hint = did_you_mean("type");
            self.faults
                .push(Diagnostic::error(place, message).hint(hint));
        }
        let Some(kind) = table.get(key) else {
            let message = format!("missing key `type` in {what}");
            let first = registry.names().next().unwrap_or_default();
            let hint = format!(
                "add, for example, `type = \"{first}\"` (allowed: {})",
                allowed()
            );
            self.faults
                .push(Diagnostic::error(&node.place, message).hint(hint));
            return None;
        };
        let Some(name) = kind.text() else {
            let message = format!("`type` takes a name, found {}", kind.noun());
            self.faults.push(
                Diagnostic::error(&kind.place, message).hint(format!("allowed: {}", allowed())),
            );
            return None;
        };
        if registry.get(name).is_none() {
            let message = format!("unknown {} type `{name}`", registry.noun);
            let hint = aliases::hint(name, &registry.names().collect::<Vec<_>>());
            self.faults
                .push(Diagnostic::error(&kind.place, message).hint(hint));
            return None;
        }
        Some(name)
    }

    /// Keys that a lower layer wrote for a type that a higher layer replaced are left out, with a
    /// warning, unless the new type has them, too.
    fn drop_replaced<T: ?Sized + 'static>(
        &mut self,
        rest: &mut Table,
        table: &Table,
        registry: &Registry<T>,
        (own, common): (&Schema, &Schema),
    ) {
        let knows = |schema: &Schema, key: &str| schema["properties"].get(key).is_some();
        let kind = table.get("type").and_then(Node::text).unwrap_or_default();
        for (key, old) in table.replaced() {
            let is_old = registry
                .get(old)
                .is_some_and(|old| knows(&old.schema(), key));
            if !is_old || knows(own, key) || knows(common, key) {
                continue;
            }
            let Some(place) = rest.key_place(key).cloned() else {
                continue;
            };
            rest.remove(key);
            let message =
                format!("`{key}` is a key of `{old}` and is left out: `type` is now `{kind}`");
            self.faults.push(Diagnostic {
                severity: Severity::Warning,
                ..Diagnostic::error(&place, message)
            });
        }
    }

    /// Plain TOML of a table at `path`; paths in it become absolute, and are noted.
    fn plain(&mut self, path: &str, table: &Table, schema: &Schema) -> toml::Table {
        let mut out = toml::Table::new();
        for (key, _, node) in table.iter() {
            let own = match schema["properties"].get(key) {
                Some(own) => own,
                None => &schema["additionalProperties"],
            };
            let dot = if path.is_empty() { "" } else { "." };
            let value = self.plain_value(&format!("{path}{dot}{}", quoted(key)), node, own);
            out.insert(key.into(), value);
        }
        out
    }

    fn plain_value(&mut self, path: &str, node: &Node, schema: &Schema) -> toml::Value {
        match &node.value {
            Value::String(text) if is_path(schema, text) => {
                let folders = &self.spec.sources.get(&node.place).folders;
                let mut found = PathKey::find(path, text, folders);
                let table = self.spec.root.at(found.table()).and_then(Node::table);
                let kind = table.and_then(|table| table.get("type"));
                found.kind = kind.and_then(Node::text).map(Into::into);
                let elsewhere = self.spec.elsewhere.iter().find(|(key, _)| key == path);
                if let Some((_, place)) = elsewhere {
                    found.path.clone_from(place);
                } else {
                    found.rebase(&self.plan_folders(), node.raw.is_some());
                }
                let path = found.path.to_string_lossy().into_owned();
                self.paths.push(found);
                toml::Value::String(path)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate().map(|(i, item)| {
                    self.plain_value(&format!("{path}[{i}]"), item, &schema["items"])
                });
                toml::Value::Array(items.collect())
            }
            Value::Table(inner) => toml::Value::Table(self.plain(path, inner, of_table(schema))),
            _ => node.to_toml(),
        }
    }

    /// The folders that relative paths in the plan start from, absolute: those of the named file.
    pub(super) fn plan_folders(&self) -> Vec<PathBuf> {
        let folders = &self.spec.sources.get(&self.spec.root.place).folders;
        folders
            .iter()
            .map(|folder| paths::absolute(folder))
            .collect()
    }

    /// What the struct refused although its schema allowed it.
    fn load_fault(&mut self, path: &str, fault: LoadFault) {
        let Fault { message, hint } = Fault::of(&fault.message);
        let key_fault = KeyFault {
            hint,
            ..KeyFault::error(fault.key, message)
        };
        self.key_fault(path, key_fault);
    }
}

/// The key that says the type: `type`, or one that was written in its place.
fn type_key(table: &Table, is_common: impl Fn(&str) -> bool) -> &str {
    let is_meant = |key: &str, node: &Node| {
        let is_name = node.text().is_some() && !is_common(key);
        is_name && aliases::near(key, &["type"]).is_some()
    };
    let mut others = table.iter();
    let other = others.find(|(key, _, node)| is_meant(key, node));
    match (table.get("type"), other) {
        (None, Some((key, ..))) => key,
        _ => "type",
    }
}

/// One object schema with the properties and required keys of both.
pub(super) fn merged(own: &Schema, common: &Schema) -> Schema {
    let mut out = own.clone();
    let mut properties = own["properties"].as_object().cloned().unwrap_or_default();
    for (key, schema) in common["properties"].as_object().into_iter().flatten() {
        properties
            .entry(key.clone())
            .or_insert_with(|| schema.clone());
    }
    out["properties"] = Schema::Object(properties);
    let required = [own, common]
        .into_iter()
        .filter_map(|s| s["required"].as_array())
        .flatten();
    out["required"] = required.cloned().collect();
    out
}

/// The alternative that a table is held against, where a key takes other values, too.
fn of_table(schema: &Schema) -> &Schema {
    let mut any = schema["anyOf"].as_array().into_iter().flatten();
    any.find(|schema| schema["properties"].is_object())
        .unwrap_or(schema)
}

/// A key as a part of a path of keys.
fn quoted(key: &str) -> String {
    match key.contains(['.', '[', ']', '"', '\\']) {
        true => format!("{key:?}"),
        false => key.into(),
    }
}

/// Is true of a key whose schema says that it holds a path of this disk.
fn is_path(schema: &Schema, text: &str) -> bool {
    let any = schema["anyOf"].as_array();
    let has = |format: &str| {
        let is = |s: &Schema| s["format"] == format;
        is(schema) || any.is_some_and(|list| list.iter().any(is))
    };
    has("path") || has("weights") && !text.starts_with(HubFile::SCHEME)
}
