//! The list of what other tools call the keys and tables of this language.

use std::sync::LazyLock;

/// Its name in other tools, the table where it belongs here, and its keys there. A number or name
/// in `<…>` gives way to the one that was written, where that fits.
pub(super) struct Entry {
    pub(super) names: Vec<&'static str>,
    pub(super) table: &'static str,
    pub(super) lines: Vec<&'static str>,
}

impl Entry {
    /// Returns whether another tool calls it so.
    pub(super) fn names(&self, word: &str) -> bool {
        self.names.contains(&word)
    }

    /// Returns whether a key stands for it, and not a flag or a verb.
    pub(super) fn is_key(&self) -> bool {
        self.table.is_empty() || self.table.starts_with('[')
    }
}

/// The keys of other tools.
pub(super) static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entries = entries();
    entries.filter(|entry| !entry.lines.is_empty()).collect()
});

/// Words of other tools that name a table of this language.
pub(super) static TABLES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entries = entries();
    entries.filter(|entry| entry.lines.is_empty()).collect()
});

/// The lines of the list: names, table and keys.
fn entries() -> impl Iterator<Item = Entry> {
    let lines = include_str!("../other_tools.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut parts = line.split('|');
            let (names, table, keys) = (parts.next()?, parts.next()?, parts.next()?);
            let keys = keys.split(';').map(str::trim);
            Some(Entry {
                names: names.split_whitespace().collect(),
                table: table.trim(),
                lines: keys.filter(|key| !key.is_empty()).collect(),
            })
        })
}
