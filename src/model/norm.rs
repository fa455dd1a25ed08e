//! Which normalisation stands between a layer and its activation.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layer::{BatchNorm, Builder, LayerError, LayerNorm, Mode};

/// A normalisation: `none`; `batch` (Ioffe & Szegedy 2015), over the samples of a batch; `layer`
/// (Ba, Kiros & Hinton 2016), within each sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are described together")]
pub enum Norm {
    #[default]
    None,
    Batch,
    Layer,
}

/// A built normalisation.
#[derive(Debug)]
pub(super) enum NormLayer {
    None,
    Batch(BatchNorm),
    Layer(LayerNorm),
}

impl Norm {
    /// Builds it for samples of shape `input`; batch norm takes a ReLU that follows into its pass.
    pub(super) fn build(
        self,
        b: &Builder,
        name: &str,
        input: &[usize],
        relu: bool,
    ) -> Result<NormLayer, LayerError> {
        Ok(match self {
            Self::None => NormLayer::None,
            Self::Batch => NormLayer::Batch(BatchNorm::new(b, name, input, relu)?),
            Self::Layer => NormLayer::Layer(LayerNorm::new(b, name, input, input.len())?),
        })
    }
}

impl NormLayer {
    pub(super) fn forward(&self, x: Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        match self {
            Self::None => Ok(x),
            Self::Batch(norm) => norm.forward(&x, mode),
            Self::Layer(norm) => norm.forward(&x, mode),
        }
    }
}
