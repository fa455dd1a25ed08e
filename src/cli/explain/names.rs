//! Every name of the config language with its full path, so that the last part of it is enough.

use serde_json::Value as Schema;

use crate::config::{Section, about, inner_table};

/// A table, component, key or metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its full path: `optimizer.sgd.momentum`, `metrics.accuracy`.
    pub path: String,
    /// One line about it.
    pub about: String,
}

/// The names that end in `path`: itself, or after a point.
pub fn ending_in(path: &str, all: &[Section], metrics: &[(String, String)]) -> Vec<Name> {
    let ends_so = |name: &Name| {
        let before = name.path.strip_suffix(path);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let mut names: Vec<Name> = every(all, metrics).into_iter().filter(ends_so).collect();
    names.dedup_by(|a, b| a.path == b.path);
    names
}

fn every(all: &[Section], metrics: &[(String, String)]) -> Vec<Name> {
    let mut names = Vec::new();
    for section in all {
        keys(section.path, &section.common, &mut names);
        for (kind, schema) in &section.kinds {
            let path = joined(section.path, kind);
            keys(&path, schema, &mut names);
            names.push(Name {
                about: about(schema),
                path,
            });
        }
    }
    names.extend(metrics.iter().map(|(name, about)| Name {
        path: joined("metrics", name),
        about: about.clone(),
    }));
    names
}

/// The keys of a table, and those of the tables in them.
fn keys(path: &str, table: &Schema, names: &mut Vec<Name>) {
    for (key, schema) in table["properties"].as_object().into_iter().flatten() {
        let path = joined(path, key);
        keys(&path, inner_table(schema), names);
        names.push(Name {
            about: about(schema),
            path,
        });
    }
}

fn joined(path: &str, key: &str) -> String {
    match path {
        "" => key.into(),
        path => format!("{path}.{key}"),
    }
}
