//! Keys that did not exist when a plan was stored, and the value that means what was done then.
//!
//! A stored plan is complete when it is written. A later version of the program may know another
//! key, whose default for new configs is not what the old version did. Each such key has a row
//! here. A stored plan without the key is read as if it held the row's value; the plan's hash leaves
//! the key out where it holds this value, so that an old run keeps its hash. A config that takes the
//! place of such a plan and does not write the key is read the same way.

use std::path::PathBuf;

use toml::de::DeTable;

use super::{
    node::{Node, Table, Value},
    source::{Place, Source, Sources},
};

/// A key and the value that stands for "as before the key existed".
#[derive(Debug, Clone, Copy)]
pub(super) struct OldMeaning {
    /// The table, such as `dataset`.
    pub table: &'static str,
    /// The component's `type`; `None` for the common keys of a table.
    pub kind: Option<&'static str>,
    /// The key.
    pub key: &'static str,
    /// The value as TOML.
    pub value: &'static str,
}

/// All of them.
pub(super) const OLD_MEANINGS: &[OldMeaning] = &[
    // A frozen norm's statistics went on following its batches.
    OldMeaning {
        table: "model",
        kind: None,
        key: "freeze_statistics",
        value: "false",
    },
    csv("encoding", "\"ordinal\""),
    csv("categories_by", "\"number\""),
    csv("separator", "\"auto\""),
    csv("decimal", "\".\""),
    csv("header", "true"),
];

/// A key of `[dataset]` of type `csv`.
const fn csv(key: &'static str, value: &'static str) -> OldMeaning {
    OldMeaning {
        table: "dataset",
        kind: Some("csv"),
        key,
        value,
    }
}

impl OldMeaning {
    /// Returns whether a table with this `type` has the key at all.
    fn applies(&self, kind: Option<&str>) -> bool {
        self.kind.is_none_or(|own| kind == Some(own))
    }
}

/// Returns the rows of the keys that the text of a stored plan lacks.
pub(super) fn lacking<'a>(plan: &str, rows: &'a [OldMeaning]) -> Vec<&'a OldMeaning> {
    let plan: toml::Table = plan.parse().unwrap_or_default();
    let lacks = |row: &&OldMeaning| {
        plan.get(row.table)
            .and_then(toml::Value::as_table)
            .is_some_and(|table| {
                let kind = table.get("type").and_then(toml::Value::as_str);
                row.applies(kind) && !table.contains_key(row.key)
            })
    };
    rows.iter().filter(lacks).collect()
}

/// Returns whether the text of a stored plan has an optimizer group without a name. Its name is its
/// first pattern.
pub(super) fn has_nameless_groups(plan: &str) -> bool {
    let mut plan: toml::Table = plan.parse().unwrap_or_default();
    groups(&mut plan).any(|group| !group.contains_key("name"))
}

/// Names each optimizer group that has no name after its first pattern.
pub(super) fn name_groups(root: &mut Node, sources: &mut Sources) {
    let groups = root.at("optimizer.group").and_then(Node::items);
    let nameless = groups.into_iter().flatten().enumerate();
    let nameless = nameless.filter_map(|(index, group)| {
        let pattern = group.at("match.0")?.text()?;
        let name = toml::Value::from(pattern);
        (group.at("name").is_none()).then(|| format!("optimizer.group.{index}.name = {name}"))
    });
    for text in nameless.collect::<Vec<_>>() {
        lay(root, sources, text);
    }
}

/// The optimizer groups of a plan.
fn groups(plan: &mut toml::Table) -> impl Iterator<Item = &mut toml::Table> {
    let groups = plan
        .get_mut("optimizer")
        .and_then(|table| table.get_mut("group"));
    let groups = groups.and_then(toml::Value::as_array_mut);
    groups
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table_mut)
}

/// Adds the keys of these rows that are not written.
pub(super) fn complete<'a>(
    root: &mut Node,
    sources: &mut Sources,
    rows: impl IntoIterator<Item = &'a OldMeaning>,
) {
    for row in rows {
        let Some(table) = root.table().and_then(|root| root.get(row.table)?.table()) else {
            continue;
        };
        let kind = table.get("type").and_then(Node::text);
        if !row.applies(kind) || table.get(row.key).is_some() {
            continue;
        }
        let text = format!("{}.{} = {}", row.table, row.key, row.value);
        lay(root, sources, text);
    }
}

/// Lays a line of TOML over the plan.
fn lay(root: &mut Node, sources: &mut Sources, text: String) {
    let Ok(document) = DeTable::parse(&text) else {
        return;
    };
    let place = Place {
        source: sources.add(Source {
            // As of a flag: it is no file that a run should keep.
            name: "--plan.toml".into(),
            text: text.clone(),
            folders: vec![PathBuf::new()],
        }),
        range: 0..text.len(),
    };
    let table = Table::read(document.get_ref(), place.source);
    // Only items that are there are named, so nothing can be beyond an end.
    let _ = root.merge(Node::new(Value::Table(table), place));
}

/// Removes the keys that hold the old meaning, for the plan's hash.
pub(super) fn leave_out(plan: &mut toml::Table, rows: &[OldMeaning]) {
    for row in rows {
        let Some(toml::Value::Table(table)) = plan.get_mut(row.table) else {
            continue;
        };
        let kind = table.get("type").and_then(toml::Value::as_str);
        let old = row.value.parse::<toml::Value>().ok();
        if row.applies(kind) && old.is_some() && table.get(row.key) == old.as_ref() {
            table.remove(row.key);
        }
    }
    for group in groups(plan) {
        let first = group.get("match").and_then(|patterns| patterns.get(0));
        if group.get("name") == first {
            group.remove("name");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Extensions, Overrides, Plan, Spec};

    const ROWS: &[OldMeaning] = &[OldMeaning {
        table: "dataset",
        kind: Some("csv"),
        key: "encoding",
        value: "\"ordinal\"",
    }];

    fn completed(text: &str) -> toml::Value {
        let mut spec = Spec::parse("plan.toml", text, &Overrides::default());
        complete(&mut spec.root, &mut spec.sources, ROWS);
        spec.root.to_toml()
    }

    #[test]
    fn a_plan_without_the_key_gets_the_old_meaning() {
        let text = "[dataset]\ntype = \"csv\"\npath = \"a.csv\"";
        assert_eq!(
            completed(text)["dataset"]["encoding"].as_str(),
            Some("ordinal")
        );
        let text = "[dataset]\ntype = \"csv\"\nencoding = \"one_hot\"";
        assert_eq!(
            completed(text)["dataset"]["encoding"].as_str(),
            Some("one_hot")
        );
        let text = "[dataset]\ntype = \"digits\"";
        assert_eq!(completed(text)["dataset"].get("encoding"), None);
    }

    #[test]
    fn a_key_is_lacking_where_its_table_has_no_such_line() {
        let lacks = |text: &str| !lacking(text, ROWS).is_empty();
        assert!(lacks("[dataset]\ntype = \"csv\""));
        assert!(!lacks("[dataset]\ntype = \"csv\"\nencoding = \"one_hot\""));
        assert!(!lacks("[dataset]\ntype = \"digits\""));
        assert!(!lacks("[model]\ntype = \"mlp\""));
    }

    /// A config that has every table of the rows, in the folder of its data.
    fn config(folder: &Path) -> String {
        let rows = (0..40).map(|i| format!("{},{},{}\n", i % 7, ["p", "q"][i % 2], i % 3));
        let rows = format!("u,v,y\n{}", rows.collect::<String>());
        std::fs::write(folder.join("d.csv"), rows).unwrap();
        let path = toml::Value::from(folder.join("d.csv").to_str().unwrap());
        format!(
            "[model]\ntype = \"mlp\"\nhidden = [4]\nnorm = \"batch\"\n[dataset]\ntype = \"csv\"\npath = {path}\ntarget = \"y\"\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 2\n"
        )
    }

    #[test]
    fn a_group_of_an_old_plan_keeps_its_name_and_the_plan_its_hash() {
        let config = |name: &str| {
            format!(
                "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"digits\"\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[[optimizer.group]]\nmatch = [\"*.bias\"]\n{name}[train]\nepochs = 2\n"
            )
        };
        let spec = |text: &str| Spec::parse("c.toml", text, &Overrides::default());
        let today = plan(&spec(&config("")));
        assert_eq!(today.optimizer_keys.group[0].name.as_deref(), Some("bias"));
        let named = today.to_toml();
        let old = named.replace("name = \"bias\"\n", "");
        assert_ne!(old, named);
        for spec in [
            spec(&old).stored().with_old_meanings(),
            spec(&config("")).stored().with_old_meanings_of(&old),
        ] {
            let read = plan(&spec);
            assert_eq!(read.optimizer_keys.group[0].name.as_deref(), Some("*.bias"));
            assert_eq!(Some(read.hash()), Plan::hash_of_text(&old));
        }
        for spec in [
            spec(&named).stored().with_old_meanings(),
            spec(&config("")).stored().with_old_meanings_of(&named),
        ] {
            assert_eq!(plan(&spec).hash(), today.hash());
        }
        let given = plan(&spec(&config("name = \"b\"\n")).with_old_meanings_of(&old));
        assert_eq!(given.optimizer_keys.group[0].name.as_deref(), Some("b"));
    }

    fn plan(spec: &Spec) -> Plan {
        Plan::resolve(spec, &Extensions::new()).unwrap()
    }

    fn remove(plan: &mut toml::Table, row: &OldMeaning) -> toml::Value {
        let table = plan[row.table].as_table_mut().unwrap();
        table.remove(row.key).unwrap()
    }

    #[test]
    fn a_config_means_by_every_newer_key_what_an_old_plan_means() {
        let folder = tempfile::tempdir().unwrap();
        let text = config(folder.path());
        let spec = |set: Vec<String>| {
            let overrides = Overrides {
                set,
                ..Overrides::default()
            };
            Spec::parse("c.toml", &text, &overrides).stored()
        };
        let today = plan(&spec(Vec::new()));
        let one = OLD_MEANINGS.iter().map(std::slice::from_ref);
        for rows in one.chain([OLD_MEANINGS]) {
            let mut table = today.to_table();
            let set = rows.iter().map(|row| {
                let value = remove(&mut table, row);
                format!("{}.{}={value}", row.table, row.key)
            });
            let set = set.collect();
            let old = toml::to_string(&table).unwrap();
            let stored = Spec::parse("plan.toml", &old, &Overrides::default()).stored();
            let stored = plan(&stored.with_old_meanings());
            let silent = plan(&spec(Vec::new()).with_old_meanings_of(&old));
            assert_eq!(silent.to_toml(), stored.to_toml(), "{rows:?}");
            assert_eq!(Some(silent.hash()), Plan::hash_of_text(&old), "{rows:?}");
            // A value that is written stands.
            let written = plan(&spec(set).with_old_meanings_of(&old));
            assert_eq!(written.to_toml(), today.to_toml(), "{rows:?}");
            // A plan that has the keys changes nothing.
            let same = plan(&spec(Vec::new()).with_old_meanings_of(&today.to_toml()));
            assert_eq!(same.to_toml(), today.to_toml(), "{rows:?}");
        }
    }

    #[test]
    fn the_hash_sees_only_another_meaning() {
        let seen = |text: &str| {
            let mut plan: toml::Table = text.parse().unwrap();
            leave_out(&mut plan, ROWS);
            plan["dataset"].get("encoding").is_some()
        };
        assert!(!seen("[dataset]\ntype = \"csv\"\nencoding = \"ordinal\""));
        assert!(seen("[dataset]\ntype = \"csv\"\nencoding = \"one_hot\""));
        assert!(seen("[dataset]\ntype = \"other\"\nencoding = \"ordinal\""));
    }
}
