//! What a step costs, estimated from the layer table.

use serde::Serialize;

use crate::layer::Architecture;

/// Estimates for one update.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Floating-point operations of one update: three times the forward pass (one for the forward,
    /// two for the backward pass), a multiply-add counted as two.
    pub flops_per_step: u64,
    /// Bytes of parameters and buffers.
    pub weights: u64,
    /// Bytes of gradients.
    pub gradients: u64,
    /// Bytes of optimizer state and averages.
    pub optimizer: u64,
    /// Bytes of activations kept for the backward pass.
    pub activations: u64,
}

impl Cost {
    /// Estimates for `batch` samples a batch, `batches` of them an update, `state` numbers of
    /// optimizer state and averages for each parameter.
    #[must_use]
    pub fn estimate(
        architecture: &Architecture,
        batch: usize,
        batches: usize,
        state: usize,
    ) -> Self {
        let count =
            |params: &[crate::kernel::Param]| params.iter().map(|p| p.count() as u64).sum::<u64>();
        let (params, buffers) = (count(&architecture.params), count(&architecture.buffers));
        let flops: u64 = architecture.layers.iter().map(|layer| layer.flops).sum();
        let activations: u64 = architecture
            .layers
            .iter()
            .map(|layer| layer.activations as u64)
            .sum();
        let samples = (batch as u64).saturating_mul(batches as u64);
        Self {
            flops_per_step: flops.saturating_mul(3).saturating_mul(samples),
            weights: 4 * (params + buffers),
            gradients: 4 * params,
            optimizer: 4 * params * state as u64,
            activations: activations
                .saturating_mul(2 * 4)
                .saturating_mul(batch as u64),
        }
    }

    /// Bytes of everything together.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let state = self.weights + self.gradients + self.optimizer;
        state.saturating_add(self.activations)
    }
}
