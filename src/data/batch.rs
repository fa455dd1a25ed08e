//! What a loader hands out, as plain numbers.

/// Samples side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Inputs, sample after sample, each row-major in the loader's shape.
    pub input: Vec<f32>,
    /// How many samples there are.
    pub len: usize,
    /// What is to be predicted for each.
    pub targets: Targets,
    /// Each sample's number in the whole dataset.
    pub ids: Vec<u32>,
}

/// What is to be predicted for the samples of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// One class index a sample, or one for each place of a sample, sample after sample.
    Classes(Vec<u32>),
    /// The same count of numbers for each sample, sample after sample.
    Values(Vec<f32>),
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
