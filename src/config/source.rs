//! The texts a config is made of, and places in them.

use std::ops::Range;

/// All texts that were read, in order: base files first, then the file itself, then overrides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources(Vec<Source>);

/// One text: a file or a command-line override.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What a person calls it: the path as given, or `--set`.
    pub name: String,
    /// The text.
    pub text: String,
    /// The folders that relative paths in it start from, in the order in which they are tried.
    pub folders: Vec<std::path::PathBuf>,
}

/// A range of bytes in one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Index of the source.
    pub source: usize,
    /// Bytes of its text.
    pub range: Range<usize>,
}

impl Sources {
    /// Adds a text and tells its index.
    pub fn add(&mut self, source: Source) -> usize {
        self.0.push(source);
        self.0.len() - 1
    }

    /// Changes the folders that relative paths in a source start from.
    pub(super) fn start_from(&mut self, source: usize, folders: Vec<std::path::PathBuf>) {
        if let Some(source) = self.0.get_mut(source).filter(|_| !folders.is_empty()) {
            source.folders = folders;
        }
    }

    /// The source of a place.
    #[must_use]
    pub fn get(&self, place: &Place) -> &Source {
        &self.0[place.source]
    }

    /// The text at a place.
    #[must_use]
    pub fn written(&self, place: &Place) -> &str {
        let text = &self.get(place).text;
        text.get(place.range.clone()).unwrap_or_default()
    }

    /// All sources.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// 1-based line and column (in characters) of a byte of a source.
    #[must_use]
    pub fn line_column(&self, source: usize, byte: usize) -> (usize, usize) {
        let text = &self.0[source].text;
        let before = &text[..text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let mut sources = Sources::default();
        let source = sources.add(Source {
            name: "a.toml".into(),
            text: "a = 1\nü = \"x\"\n".into(),
            folders: vec!["".into()],
        });
        assert_eq!(sources.line_column(source, 0), (1, 1));
        assert_eq!(sources.line_column(source, 6), (2, 1));
        assert_eq!(sources.line_column(source, 11), (2, 5));
        assert_eq!(sources.line_column(source, 16), (3, 1));
    }
}
