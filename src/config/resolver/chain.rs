//! `[[schedule]]`: the entries with their factors, and their meaning over the parameter groups.

use super::{
    super::{
        groups,
        length::Length,
        node::{Node, Table},
        registry::{schema_of, write_keys},
        tables::Loaded,
        train::TrainKeys,
    },
    OptimizerParts, Resolver, ScheduleParts,
};
use crate::{layer::Architecture, optim, schedule};

/// An entry with its complete table.
type EntryParts = (schedule::Entry, toml::Table);

impl<'a> Resolver<'a> {
    /// The entries in order, each with its complete table.
    pub(super) fn schedule(&mut self) -> Option<ScheduleParts> {
        let Some(node) = self.tables.spec.root.table()?.get("schedule") else {
            return Some(ScheduleParts::default());
        };
        let entries = self.entries("`[[schedule]]`", "schedule", node)?;
        let mut sound = true;
        for (i, entry) in entries.iter().enumerate() {
            if let Some((entry, _)) = entry {
                sound &= self.accepted(&format!("schedule[{i}]"), entry.check());
            }
        }
        let entries: Option<Vec<_>> = entries.into_iter().collect();
        sound.then(|| Some(entries?.into_iter().unzip())).flatten()
    }

    /// The entries of a list: the schedule itself, or the body of one that repeats phases. One with faults is `None`.
    fn entries(
        &mut self,
        what: &str,
        path: &str,
        node: &'a Node,
    ) -> Option<Vec<Option<EntryParts>>> {
        let tables = self.tables.list(path, node)?.into_iter();
        let entries = tables.map(|(path, node, table)| self.entry(what, &path, node, table));
        Some(entries.collect())
    }

    fn entry(
        &mut self,
        what: &str,
        path: &str,
        node: &'a Node,
        table: &'a Table,
    ) -> Option<EntryParts> {
        let registry = &self.extensions.schedules;
        let common = schema_of::<schedule::Keys>();
        let found = (node, table);
        let loaded = self.tables.component(what, path, found, registry, &common);
        let times = self.factors(path, table);
        let body = self.body(path, table);
        let (Loaded { component, common }, times, body) = (loaded?, times?, body?);
        let keys: schedule::Keys = self.tables.read(path, common)?;
        let mut complete = complete(&component.kind, &keys, component.keys)?;
        let mut lists = [("times", Vec::new()), ("phase", Vec::new())];
        let mut apart = |list: usize, table| lists[list].1.push(toml::Value::Table(table));
        let entry = schedule::Entry {
            kind: component.kind,
            keys,
            curve: component.spec,
            times: take_apart(times, |table| apart(0, table)),
            body: take_apart(body, |table| apart(1, table)),
            watched: None,
        };
        for (key, list) in lists {
            if !list.is_empty() {
                complete.insert(key.into(), toml::Value::Array(list));
            }
        }
        Some((entry, complete))
    }

    /// The phases of an entry's body, where its type repeats some.
    fn body(&mut self, path: &str, table: &'a Table) -> Option<Vec<EntryParts>> {
        let kind = table.get("type").and_then(Node::text).unwrap_or_default();
        let kind = self.extensions.schedules.get(kind);
        let has_body = kind.is_some_and(|kind| !kind.schema()["properties"]["phase"].is_null());
        match table.get("phase").filter(|_| has_body) {
            Some(list) => {
                let path = format!("{path}.phase");
                let phases = self.entries("`[[schedule.phase]]`", &path, list)?;
                phases.into_iter().collect()
            }
            None => Some(Vec::new()),
        }
    }

    /// The factors of an entry's `times`, each with its complete table.
    fn factors(
        &mut self,
        path: &str,
        table: &'a Table,
    ) -> Option<Vec<(schedule::Factor, toml::Table)>> {
        let Some(list) = table.get("times") else {
            return Some(Vec::new());
        };
        let tables = self.tables.list(&format!("{path}.times"), list)?;
        let mut all = Some(Vec::new());
        for (path, node, table) in tables {
            match (self.factor(&path, node, table), &mut all) {
                (Some(factor), Some(list)) => list.push(factor),
                _ => all = None,
            }
        }
        all
    }

    fn factor(
        &mut self,
        path: &str,
        node: &Node,
        table: &Table,
    ) -> Option<(schedule::Factor, toml::Table)> {
        let registry = &self.extensions.schedules;
        let common = schema_of::<schedule::FactorKeys>();
        let Loaded { component, common } =
            self.tables
                .component("`times`", path, (node, table), registry, &common)?;
        let keys: schedule::FactorKeys = self.tables.read(path, common)?;
        let table = complete(&component.kind, &keys, component.keys)?;
        let factor = schedule::Factor {
            kind: component.kind,
            keys,
            curve: component.spec,
        };
        Some((factor, table))
    }

    /// The schedules over the parameter groups, and the frozen parameters: those of `freeze` and
    /// of frozen groups. Without a model, a glob stands for the parameters that it would match and
    /// `other` for all the rest.
    pub(super) fn scheduled(
        &mut self,
        schedule: Option<&ScheduleParts>,
        optimizer: Option<&OptimizerParts>,
        train: Option<&TrainKeys>,
        length: Option<&Length>,
        built: Option<&Architecture>,
        mut frozen: Vec<String>,
    ) -> Option<(schedule::Schedules, Vec<String>)> {
        let (entries, _) = schedule?;
        let (optimizer, keys) = optimizer?;
        let names: Vec<String> = match built {
            Some(built) => built.params.iter().map(|p| p.name().to_string()).collect(),
            None => stand_ins(&self.tables.spec.root),
        };
        let parts = (&*optimizer.spec, keys, train?);
        let clock = length?.clock();
        let schedules = groups::schedules(
            &mut self.tables,
            entries,
            parts,
            &clock,
            &names,
            &mut frozen,
        )?;
        Some((schedules, frozen))
    }
}

/// The parts by themselves; their tables go elsewhere.
fn take_apart<T>(parts: Vec<(T, toml::Table)>, mut table: impl FnMut(toml::Table)) -> Vec<T> {
    let mut part = |(part, own)| {
        table(own);
        part
    };
    parts.into_iter().map(&mut part).collect()
}

/// An entry's or a factor's table: `type`, the common keys, its own keys.
fn complete(kind: &str, common: &impl serde::Serialize, own: toml::Table) -> Option<toml::Table> {
    let mut table = toml::Table::new();
    table.insert("type".into(), kind.into());
    table.extend(write_keys(common).ok()?);
    table.extend(own);
    Some(table)
}

/// Names of parameters as they would be matched: the globs of `[[optimizer.group]]`, those of
/// `[[schedule]]` that are no group's name, and one that none of them names.
fn stand_ins(root: &Node) -> Vec<String> {
    let entries = |path: &str| root.nearest(path).items().into_iter().flatten();
    let texts = |path: &str, key: &str| -> Vec<String> {
        let lists = entries(path).filter_map(|entry| entry.table()?.get(key)?.items());
        let texts = lists.flatten().filter_map(|glob| glob.text());
        texts.map(String::from).collect()
    };
    let names = entries("optimizer.group").filter_map(|group| group.table()?.get("name")?.text());
    let names: Vec<&str> = names.collect();
    let mut params = texts("optimizer.group", "match");
    for glob in texts("schedule", "groups") {
        if !names.contains(&glob.as_str())
            && glob != optim::DEFAULT_GROUP
            && !params.contains(&glob)
        {
            params.push(glob);
        }
    }
    params.push("other".into());
    params
}
