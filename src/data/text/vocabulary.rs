//! The characters of a text, and the text as their numbers.

use std::collections::BTreeMap;

/// Every character that occurs, in order of its code point; its place is its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vocabulary(Vec<char>);

impl Vocabulary {
    /// That of `text`, and how many characters the text has.
    pub fn of(text: &str) -> (Self, usize) {
        // Nearly all characters of nearly all texts are among the first ones.
        let mut low = [false; 1024];
        let mut high = BTreeMap::new();
        let mut length = 0;
        for character in text.chars() {
            match low.get_mut(character as usize) {
                Some(seen) => *seen = true,
                None => _ = high.insert(character, ()),
            }
            length += 1;
        }
        let low = (0u32..).zip(low).filter(|(_, seen)| *seen);
        let low = low.filter_map(|(code, _)| char::from_u32(code));
        (Self(low.chain(high.into_keys()).collect()), length)
    }

    /// The characters by their tokens.
    pub fn characters(&self) -> &[char] {
        &self.0
    }

    /// The same as texts.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(char::to_string).collect()
    }

    /// The text as tokens; every character of it is in the vocabulary.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        let token = |character| self.0.partition_point(|own| *own < character) as u32;
        let mut low = [0; 1024];
        for (place, code) in low.iter_mut().zip(0u32..) {
            *place = char::from_u32(code).map_or(0, token);
        }
        let low = |character: char| low.get(character as usize).copied();
        text.chars()
            .map(|character| low(character).unwrap_or_else(|| token(character)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_places_among_the_sorted_characters() {
        let text = "bé a→b😀→";
        let (vocabulary, length) = Vocabulary::of(text);
        assert_eq!(length, 8);
        assert_eq!(vocabulary.characters(), [' ', 'a', 'b', 'é', '→', '😀']);
        assert_eq!(vocabulary.tokens(text), [2, 3, 0, 1, 4, 2, 5, 4]);
        assert_eq!(vocabulary.names()[5], "😀");
    }
}
