//! What a loader hands out, as plain numbers.

use super::DataError;
use crate::{
    field::{Field, Kind},
    task::Targets,
};

/// Samples side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The values of each field, in the order of the loader's fields.
    pub columns: Vec<Column>,
    /// How many samples there are.
    pub len: usize,
    /// What is to be predicted for each.
    pub targets: Targets,
    /// Each sample's number in the whole dataset.
    pub ids: Vec<u32>,
}

/// One field of the samples of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Sample after sample, each row-major in `shape`.
    pub values: Values,
    /// Shape of one sample; where lengths vary, of the longest one of the batch.
    pub shape: Vec<usize>,
    /// Places of each sample where lengths vary; what is behind them is 0.
    pub lengths: Option<Vec<u32>>,
}

/// Values in the type of their field.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of a field of numbers.
    Numbers(Vec<f32>),
    /// Of a field of pixels.
    Pixels(Vec<u8>),
    /// Of a field of tokens or categories.
    Ids(Vec<u32>),
}

impl Values {
    /// Returns no values of a field, with room for so many samples.
    #[must_use]
    pub fn with_room(field: &Field, samples: usize) -> Self {
        let room = field.size().saturating_mul(samples);
        match field.kind {
            Kind::Numbers => Self::Numbers(Vec::with_capacity(room)),
            Kind::Pixels { .. } => Self::Pixels(Vec::with_capacity(room)),
            Kind::Tokens { .. } | Kind::Categories { .. } => Self::Ids(Vec::with_capacity(room)),
        }
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Pixels(values) => values.len(),
            Self::Ids(values) => values.len(),
        }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the numbers of a field of numbers, to append to.
    ///
    /// # Errors
    /// The field is of another kind.
    pub fn numbers(&mut self) -> Result<&mut Vec<f32>, DataError> {
        match self {
            Self::Numbers(values) => Ok(values),
            _ => Err(DataError::OtherKind("numbers")),
        }
    }

    /// Returns the bytes of a field of pixels, to append to.
    ///
    /// # Errors
    /// The field is of another kind.
    pub fn pixels(&mut self) -> Result<&mut Vec<u8>, DataError> {
        match self {
            Self::Pixels(values) => Ok(values),
            _ => Err(DataError::OtherKind("pixels")),
        }
    }

    /// Returns the ids of a field of tokens or categories, to append to.
    ///
    /// # Errors
    /// The field is of another kind.
    pub fn ids(&mut self) -> Result<&mut Vec<u32>, DataError> {
        match self {
            Self::Ids(values) => Ok(values),
            _ => Err(DataError::OtherKind("ids")),
        }
    }

    /// Takes all values out and keeps the memory.
    pub fn clear(&mut self) {
        match self {
            Self::Numbers(values) => values.clear(),
            Self::Pixels(values) => values.clear(),
            Self::Ids(values) => values.clear(),
        }
    }
}

/// BLAKE3 of sample ids in order (little-endian u32), in hexadecimal: two epochs with the same hash
/// saw the same samples in the same order.
#[must_use]
pub fn order_hash(ids: &[u32]) -> String {
    let mut hasher = blake3::Hasher::new();
    for chunk in ids.chunks(1024) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|id| id.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_bytes_and_knows_the_order() {
        let ids: Vec<u32> = (0..3000).collect();
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        assert_eq!(order_hash(&ids), blake3::hash(&bytes).to_hex().to_string());
        assert_ne!(order_hash(&[0, 1]), order_hash(&[1, 0]));
    }
}
