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
    /// optimizer state and averages for each parameter, and activations of so many `bytes`.
    #[must_use]
    pub fn estimate(
        architecture: &Architecture,
        batch: usize,
        batches: usize,
        state: usize,
        bytes: u64,
    ) -> Self {
        let count =
            |params: &[crate::kernel::Param]| total(params.iter().map(|p| p.count() as u64));
        let (params, buffers) = (count(&architecture.params), count(&architecture.buffers));
        let layers = &architecture.layers;
        let flops = total(layers.iter().map(|layer| layer.flops));
        let activations = total(layers.iter().map(|layer| layer.activations as u64));
        let samples = (batch as u64).saturating_mul(batches as u64);
        Self {
            flops_per_step: flops.saturating_mul(3).saturating_mul(samples),
            weights: params.saturating_add(buffers).saturating_mul(4),
            gradients: params.saturating_mul(4),
            optimizer: params.saturating_mul(4).saturating_mul(state as u64),
            activations: activations
                .saturating_mul(2 * bytes)
                .saturating_mul(batch as u64),
        }
    }

    /// Bytes of everything together.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let parts = [self.gradients, self.optimizer, self.activations];
        parts.into_iter().fold(self.weights, u64::saturating_add)
    }
}

fn total(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        layer::Builder,
        model::{Io, Mlp, ModelSpec},
    };

    #[test]
    fn a_step_costs_three_forward_passes_of_every_sample() -> Result<(), crate::layer::LayerError> {
        let builder = Builder::plan();
        let io = Io::numbers(&[4], 2);
        let model = Mlp {
            hidden: Vec::new(),
            ..Mlp::default()
        };
        model.build(&builder, &io)?;
        let cost = Cost::estimate(&builder.finish(), 10, 3, 2, 4);
        // A linear layer of 4 by 2: 2·4·2 FLOPs a sample, and 10 parameters of 4 bytes.
        assert_eq!(cost.flops_per_step, 3 * 16 * 30);
        assert_eq!((cost.weights, cost.gradients, cost.optimizer), (40, 40, 80));
        assert_eq!(cost.memory(), 160 + cost.activations);
        let huge = Cost::estimate(&builder.finish(), usize::MAX, 3, 2, 4);
        assert_eq!(huge.flops_per_step, u64::MAX);
        // Only activations are narrower in bf16 and f16.
        let low = Cost::estimate(&builder.finish(), 10, 3, 2, 2);
        assert_eq!(2 * low.activations, cost.activations);
        assert_eq!(low.memory() - low.activations, 160);
        Ok(())
    }
}
