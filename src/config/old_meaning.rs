//! Keys that did not exist when a plan was stored, and the value that means what was done then.
//!
//! A stored plan is complete when it is written. A later version of the program may know another
//! key, whose default for new configs is not what the old version did. Each such key has a row
//! here. A stored plan without the key is read as if it held the row's value; the plan's hash leaves
//! the key out where it holds this value, so that an old run keeps its hash.

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

/// Adds the keys that a stored plan lacks.
pub(super) fn complete(root: &mut Node, sources: &mut Sources, rows: &[OldMeaning]) {
    for row in rows {
        let Some(table) = root.table().and_then(|root| root.get(row.table)?.table()) else {
            continue;
        };
        let kind = table.get("type").and_then(Node::text);
        if !row.applies(kind) || table.get(row.key).is_some() {
            continue;
        }
        let text = format!("{}.{} = {}", row.table, row.key, row.value);
        let Ok(document) = DeTable::parse(&text) else {
            continue;
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
        // No list is reached into, so nothing can be beyond an end.
        let _ = root.merge(Node::new(Value::Table(table), place));
    }
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Spec};

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
