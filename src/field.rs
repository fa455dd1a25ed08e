//! The fields of a sample: name, shape, and kind of values.
//!
//! A dataset declares its fields; a batch holds one column of values for each, and a model takes
//! some of them. Where the samples of a field have different lengths, a batch pads each to the
//! longest one, and the lengths go with it.

use crate::units::counted;

/// One field of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, such as `image` or `tokens`.
    pub name: String,
    /// Shape of one sample's values; of the longest sample where lengths vary.
    pub shape: Vec<usize>,
    /// True where samples may have fewer places than `shape[0]`, but one at least.
    pub varies: bool,
    /// The kind of its values.
    pub kind: Kind,
}

/// The kind of a field's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Numbers, f32.
    Numbers,
    /// Pixels, a byte each.
    Pixels {
        /// The byte that becomes 1.0.
        white: u8,
    },
    /// Ids of tokens, u32.
    Tokens {
        /// Number of different tokens; ids are below it.
        vocabulary: usize,
    },
    /// Ids of categories, u32, one for each column of a table.
    Categories {
        /// Number of different ids of each column.
        sizes: Vec<usize>,
    },
}

impl Field {
    /// A field of numbers, all samples of one shape.
    #[must_use]
    pub fn numbers(name: &str, shape: &[usize]) -> Self {
        Self::fixed(name, shape, Kind::Numbers)
    }

    /// A field of bytes, the byte `white` being 1.0.
    #[must_use]
    pub fn pixels(name: &str, shape: &[usize], white: u8) -> Self {
        Self::fixed(name, shape, Kind::Pixels { white })
    }

    /// A field of tokens, `length` in each sample.
    #[must_use]
    pub fn tokens(name: &str, length: usize, vocabulary: usize) -> Self {
        Self::fixed(name, &[length], Kind::Tokens { vocabulary })
    }

    /// A field of categories, one for each of `sizes`.
    #[must_use]
    pub fn categories(name: &str, sizes: Vec<usize>) -> Self {
        let shape = [sizes.len()];
        Self::fixed(name, &shape, Kind::Categories { sizes })
    }

    fn fixed(name: &str, shape: &[usize], kind: Kind) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            varies: false,
            kind,
        }
    }

    /// The same field with samples of different lengths, `shape[0]` being the most.
    #[must_use]
    pub fn varying(self) -> Self {
        Self {
            varies: true,
            ..self
        }
    }

    /// The same field as numbers of another shape, as a transform leaves it.
    #[must_use]
    pub fn reshaped(&self, shape: Vec<usize>) -> Self {
        Self {
            name: self.name.clone(),
            shape,
            varies: self.varies,
            kind: Kind::Numbers,
        }
    }

    /// Returns how many values a sample has, the longest one where lengths vary.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether a model meets its values as floating-point numbers.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        matches!(self.kind, Kind::Numbers | Kind::Pixels { .. })
    }

    /// Returns whether its values are ids of tokens.
    #[must_use]
    pub fn is_tokens(&self) -> bool {
        matches!(self.kind, Kind::Tokens { .. })
    }

    /// Returns what a sample has of it in words, such as `4 numbers`.
    #[must_use]
    pub fn words(&self) -> String {
        let noun = match (&self.kind, &self.shape[..]) {
            (Kind::Tokens { .. }, _) => "token",
            (Kind::Categories { .. }, _) => "category",
            (Kind::Numbers | Kind::Pixels { .. }, [_]) => "number",
            (_, [_, _, _]) => return format!("images {:?}", self.shape),
            (_, [_, _]) => return format!("sequences {:?}", self.shape),
            (_, shape) => return format!("numbers of shape {shape:?}"),
        };
        let most = if self.varies { "up to " } else { "" };
        format!("{most}{}", counted(self.size() as u64, noun))
    }
}

/// Writes bytes as numbers, `white` as 1.0.
pub fn write_pixels(bytes: &[u8], white: u8, to: &mut [f32]) {
    let white = f32::from(white);
    // Compiled for the widest vectors the processor has; the bits are the same with any.
    pulp::Arch::new().dispatch(|| {
        for (value, &byte) in to.iter_mut().zip(bytes) {
            *value = f32::from(byte) / white;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_told_in_words() {
        let words = [
            Field::numbers("numbers", &[4]),
            Field::numbers("numbers", &[1]),
            Field::pixels("image", &[1, 8, 8], 16),
            Field::numbers("series", &[12, 3]),
            Field::tokens("tokens", 32, 65),
            Field::tokens("text", 32, 65).varying(),
            Field::categories("categories", vec![3, 2]),
        ]
        .map(|field| field.words());
        assert_eq!(
            words,
            [
                "4 numbers",
                "1 number",
                "images [1, 8, 8]",
                "sequences [12, 3]",
                "32 tokens",
                "up to 32 tokens",
                "2 categories"
            ]
        );
    }

    #[test]
    fn pixels_are_divided_by_white() {
        let mut numbers = [f32::NAN; 3];
        write_pixels(&[0, 4, 16], 16, &mut numbers);
        assert_eq!(numbers, [0.0, 0.25, 1.0]);
    }
}
