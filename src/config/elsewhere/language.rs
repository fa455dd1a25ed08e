//! The language without a user's own components: its tables and the schemas of its keys.

use std::sync::LazyLock;

use serde_json::Value as Schema;

use crate::config::{Extensions, Section, sections};

/// The language without a user's own components.
pub(super) static LANGUAGE: LazyLock<Vec<Section>> = LazyLock::new(|| sections(&Extensions::new()));

/// The header of a table as sections have it.
pub(super) fn in_full(header: &str) -> &str {
    if header.is_empty() {
        "top level"
    } else {
        header
    }
}

/// The schemas of a key: of a table's common keys and of its types.
pub(super) fn key_schemas<'a>(
    header: &'a str,
    key: &'a str,
) -> impl Iterator<Item = &'static Schema> + 'a {
    let header = in_full(header);
    let sections = LANGUAGE
        .iter()
        .filter(move |section| section.header == header);
    let tables = sections
        .flat_map(|s| std::iter::once(&s.common).chain(s.kinds.iter().map(|(_, schema)| schema)));
    tables.filter_map(move |table| table["properties"].get(key))
}
