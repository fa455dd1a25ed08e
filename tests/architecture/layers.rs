//! The table of layers in `docs/architecture.md`, read as the rule that it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A module's row of the table.
pub(crate) struct Row {
    pub layer: u32,
    /// The modules that it may import, beside itself.
    pub may_import: BTreeSet<String>,
    /// Whether it may name Candle.
    pub candle: bool,
}

/// Reads the table. Its columns are the layer, modules, what these may import (layers, ranges of
/// layers and modules), and whether they may name Candle.
pub(crate) fn layers() -> BTreeMap<String, Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let text = fs::read_to_string(path).unwrap();
    let after = text.split("| layer | modules |").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = after
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut layer_of = BTreeMap::new();
    for row in &rows {
        let layer: u32 = row[0].parse().unwrap();
        for module in listed(row[1]) {
            let before = layer_of.insert(module.to_owned(), layer);
            assert_eq!(before, None, "`{module}` has two rows");
        }
    }
    let mut table = BTreeMap::new();
    for row in &rows {
        for module in listed(row[1]) {
            let layer = layer_of[module];
            let may_import = allowed(row[2], &layer_of);
            for other in &may_import {
                let below = layer_of.get(other).is_some_and(|other| *other <= layer);
                assert!(
                    below,
                    "`{module}` may import `{other}`, which lies above it"
                );
            }
            let candle = row[3] != "never";
            table.insert(
                module.to_owned(),
                Row {
                    layer,
                    may_import,
                    candle,
                },
            );
        }
    }
    table
}

/// Returns the parts of a list: `0–2, kernel` without its backticks.
fn listed(cell: &str) -> impl Iterator<Item = &str> {
    let parts = cell.split(',').map(|part| part.trim().trim_matches('`'));
    parts.filter(|part| !part.is_empty())
}

/// Returns the modules that a cell allows.
fn allowed(cell: &str, layer_of: &BTreeMap<String, u32>) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for part in listed(cell) {
        let (first, last) = part.split_once('–').unwrap_or((part, part));
        match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => {
                let inside = layer_of
                    .iter()
                    .filter(|(_, layer)| (first..=last).contains(*layer));
                modules.extend(inside.map(|(module, _)| module.clone()));
            }
            _ => {
                modules.insert(part.to_owned());
            }
        }
    }
    modules
}
