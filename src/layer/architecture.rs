//! What a model turned out to be: its layers in order, its parameters and buffers by name.

use crate::kernel::Param;

/// A built model, as data.
#[derive(Debug, Clone, Default)]
pub struct Architecture {
    /// Layers in the order they run.
    pub layers: Vec<LayerInfo>,
    /// Trainable parameters, sorted by name.
    pub params: Vec<Param>,
    /// Running statistics, sorted by name.
    pub buffers: Vec<Param>,
    /// The layer that needs the most samples in a training batch, where one sample is not enough.
    pub least_batch: Option<LeastBatch>,
    /// Names that the model looked for in the file of weights and found, sorted.
    pub found: Vec<String>,
}

/// How many samples a layer needs in a training batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeastBatch {
    /// The layer's dotted path.
    pub layer: String,
    /// At least so many.
    pub samples: usize,
}

/// One layer: what it gives and what it costs, per sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Dotted path, the prefix of its parameters' names.
    pub name: String,
    /// What it does, such as `linear` or `conv2d + relu`.
    pub kind: String,
    /// Shape of its output for one sample.
    pub output: Vec<usize>,
    /// Trainable numbers.
    pub params: usize,
    /// Floating-point operations of the forward pass: a multiply-add in a matrix product or a
    /// convolution counts 2, an element of anything else counts 1.
    pub flops: u64,
    /// Numbers kept for the backward pass.
    pub activations: usize,
}

impl LayerInfo {
    /// A layer without parameters that does one operation per element it gives.
    #[must_use]
    pub fn elementwise(name: String, kind: impl Into<String>, output: &[usize]) -> Self {
        let count = output.iter().product();
        Self {
            name,
            kind: kind.into(),
            output: output.to_vec(),
            params: 0,
            flops: count as u64,
            activations: count,
        }
    }
}

impl Architecture {
    /// Trainable numbers.
    #[must_use]
    pub fn param_count(&self) -> usize {
        self.params.iter().map(Param::count).sum()
    }

    /// Floating-point operations of a forward pass, per sample.
    #[must_use]
    pub fn flops(&self) -> u64 {
        self.layers
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.flops))
    }

    /// Numbers kept for the backward pass, per sample.
    #[must_use]
    pub fn activations(&self) -> usize {
        self.layers.iter().map(|layer| layer.activations).sum()
    }
}
