//! A model: its keys, its layers, its forward pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::{
    layer::{Linear, LinearKeys},
    prelude::*,
};

/// A linear layer, a bell curve `exp(−h²)` of each of its outputs, and a linear layer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bumps {
    /// Width of the hidden layer. Default 16.
    #[serde(default = "sixteen")]
    #[schemars(range(min = 1, max = 4096))]
    width: usize,
}

fn sixteen() -> usize {
    16
}

impl ModelSpec for Bumps {
    /// `io` says what the dataset gives and what the loss wants.
    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let linear = |name, input: &[usize], outputs| {
            let (bias, relu) = (true, false);
            let keys = LinearKeys {
                outputs,
                bias,
                relu,
            };
            Linear::new(b, name, input, keys)
        };
        let enter = linear("enter", io.input(), self.width)?;
        let out = linear("out", enter.output(), io.outputs)?;
        Ok(Box::new(Network { enter, out }))
    }
}

struct Network {
    enter: Linear,
    out: Linear,
}

impl Model for Network {
    /// Samples [n, inputs] → logits [n, outputs]; gradients come by themselves.
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let h = self
            .enter
            .forward(inputs.only()?, mode)?
            .sqr()?
            .neg()?
            .exp()?;
        self.out.forward(&h, mode)
    }
}
