//! Documents as tokens, and the vocabulary of the training split.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// characters, bytes or words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the key that holds it says what each name means"
)]
pub enum TokenKind {
    #[default]
    Characters,
    Bytes,
    Words,
}

impl TokenKind {
    /// Returns whether a document has to be UTF-8.
    pub(super) fn needs_text(self) -> bool {
        self != Self::Bytes
    }

    /// Returns the first `most` tokens of a document.
    pub(super) fn of(self, document: &[u8], most: usize) -> Vec<Vec<u8>> {
        let text = || std::str::from_utf8(document).unwrap_or_default();
        match self {
            Self::Bytes => document.iter().take(most).map(|b| vec![*b]).collect(),
            Self::Characters => {
                let one = |c: char| c.to_string().into_bytes();
                text().chars().take(most).map(one).collect()
            }
            Self::Words => words(text(), most),
        }
    }
}

fn words(text: &str, most: usize) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word = String::new();
    // A space ends the last word.
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word).into_bytes());
        }
        if !c.is_whitespace() {
            words.push(c.to_string().into_bytes());
        }
        if words.len() >= most {
            break;
        }
    }
    words.truncate(most);
    words
}

/// Tokens by their ids.
pub(super) struct Vocabulary(BTreeMap<Vec<u8>, u32>);

impl Vocabulary {
    /// The id of every token that it does not have.
    pub(super) const UNKNOWN: u32 = 0;

    /// The `most` most frequent tokens of documents; of equally frequent ones, the first in order.
    pub(super) fn of(documents: impl Iterator<Item = Vec<Vec<u8>>>, most: usize) -> Self {
        let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for token in documents.flatten() {
            *counts.entry(token).or_default() += 1;
        }
        let mut frequent: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
        // Stable: equals stay in their order.
        frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        frequent.truncate(most);
        let mut tokens: Vec<Vec<u8>> = frequent.into_iter().map(|(token, _)| token).collect();
        tokens.sort();
        Self(tokens.into_iter().zip(1..).collect())
    }

    /// Returns the id of a token.
    pub(super) fn id(&self, token: &[u8]) -> u32 {
        self.0.get(token).copied().unwrap_or(Self::UNKNOWN)
    }

    /// Returns how many ids there are, that of unknown tokens included.
    pub(super) fn len(&self) -> usize {
        self.0.len() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tokens: Vec<Vec<u8>>) -> Vec<String> {
        let text = |token| String::from_utf8(token).unwrap();
        tokens.into_iter().map(text).collect()
    }

    #[test]
    fn documents_are_cut_into_characters_bytes_or_words() {
        let of = |kind: TokenKind, most| texts(kind.of("Ça va? 42x".as_bytes(), most));
        assert_eq!(of(TokenKind::Characters, 3), ["Ç", "a", " "]);
        assert_eq!(of(TokenKind::Words, 9), ["ça", "va", "?", "42x"]);
        assert_eq!(of(TokenKind::Words, 2), ["ça", "va"]);
        let bytes = TokenKind::Bytes.of(&[0xff, 0, 7], 2);
        assert_eq!(bytes, [[0xff], [0]]);
        assert!(TokenKind::Words.of(b"  \n", 9).is_empty());
    }

    #[test]
    fn the_vocabulary_keeps_the_most_frequent_tokens() {
        let documents = ["b a b c", "a d b"].map(|text| words(text, 99));
        let vocabulary = Vocabulary::of(documents.into_iter(), 3);
        assert_eq!(vocabulary.len(), 4);
        let ids = ["a", "b", "c", "d"].map(|token| vocabulary.id(token.as_bytes()));
        assert_eq!(ids, [1, 2, 3, Vocabulary::UNKNOWN]);
    }
}
