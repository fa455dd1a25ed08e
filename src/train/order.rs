//! A hash of the samples an epoch has seen, in order: two runs that see different data differ here
//! first.

use crate::data::Loader;

/// [`order_hash`](crate::data::order_hash), fed batch by batch.
#[derive(Debug, Clone)]
pub(super) struct Order(blake3::Hasher);

impl Order {
    /// No sample yet.
    pub fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    /// An epoch's first `samples` samples. The order of an epoch is a pure function of its number,
    /// so nothing about it needs to be in a checkpoint.
    pub fn resumed(loader: &Loader, epoch: u64, samples: usize) -> Self {
        let mut order = Self::new();
        if samples > 0 {
            let ids = loader.order(epoch as u32);
            order.add(&ids[..samples.min(ids.len())]);
        }
        order
    }

    /// Goes on with these samples.
    pub fn add(&mut self, ids: &[u32]) {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.0.update(&bytes);
    }

    /// The hash so far, in hexadecimal.
    pub fn hash(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
