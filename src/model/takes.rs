//! The samples that a model takes: rules over the fields of a sample, and their words in messages.

use crate::field::{Field, Kind};

/// A rule for the fields of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// One field of numbers, of any shape.
    Numbers,
    /// One field of images, [channels, height, width].
    Images,
    /// One field of sequences, [steps, features].
    Sequences,
    /// One field of tokens, the same number in each sample.
    Tokens,
    /// One field of tokens, also where their number differs from sample to sample.
    Texts,
    /// Numbers and categories in a field each, or categories alone.
    Categories,
}

impl Takes {
    /// Returns whether samples of these fields are it.
    #[must_use]
    pub fn accepts(self, fields: &[Field]) -> bool {
        let shape = |dims: usize| match fields {
            [field] => field.is_numeric() && field.shape.len() == dims,
            _ => false,
        };
        match self {
            Self::Numbers => matches!(fields, [field] if field.is_numeric() && !field.varies),
            Self::Images => shape(3),
            Self::Sequences => shape(2),
            Self::Tokens => matches!(fields, [field] if field.is_tokens() && !field.varies),
            Self::Texts => matches!(fields, [field] if field.is_tokens()),
            Self::Categories => match fields {
                [numbers, categories] => numbers.is_numeric() && is_categories(categories),
                [categories] => is_categories(categories),
                _ => false,
            },
        }
    }

    /// Returns it in the words of a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Numbers => "numbers of any shape",
            Self::Images => "images [channels, height, width]",
            Self::Sequences => "sequences [steps, features]",
            Self::Tokens => "tokens, the same number in each sample",
            Self::Texts => "tokens",
            Self::Categories => "numbers and categories",
        }
    }
}

fn is_categories(field: &Field) -> bool {
    matches!(field.kind, Kind::Categories { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_told_apart_by_their_fields() {
        let table = Field::numbers("numbers", &[4]);
        let categories = Field::categories("categories", vec![3]);
        let image = Field::pixels("image", &[1, 8, 8], 16);
        let series = Field::numbers("series", &[9, 2]);
        let tokens = Field::tokens("tokens", 8, 65);
        let cases: [(Vec<Field>, &[Takes]); 6] = [
            (vec![table.clone()], &[Takes::Numbers]),
            (vec![image], &[Takes::Numbers, Takes::Images]),
            (vec![series], &[Takes::Numbers, Takes::Sequences]),
            (vec![tokens.clone()], &[Takes::Tokens, Takes::Texts]),
            (vec![tokens.varying()], &[Takes::Texts]),
            (vec![table, categories], &[Takes::Categories]),
        ];
        let all = [
            Takes::Numbers,
            Takes::Images,
            Takes::Sequences,
            Takes::Tokens,
            Takes::Texts,
            Takes::Categories,
        ];
        for (fields, want) in cases {
            let taken = all.into_iter().filter(|takes| takes.accepts(&fields));
            assert_eq!(taken.collect::<Vec<_>>(), want, "{fields:?}");
        }
    }
}
