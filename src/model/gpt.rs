//! Decoder-only transformer in the form of GPT-2 (Radford et al. 2019), as nanoGPT builds it.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Inputs, Io, Model, ModelSpec, Takes,
    block::{Block, BlockKeys, DEVIATION, dropped, heads_fit, places},
};
use crate::{
    error::KeyFault,
    kernel::{self, Init},
    layer::{
        Builder, Dropout, Embedding, LayerError, LayerInfo, LayerNorm, Linear, LinearKeys, Mode,
    },
};

/// Decoder-only transformer for tokens, as GPT-2. Embeddings of token and place, then `layers`
/// blocks of layer norm → causal self-attention → sum, layer norm → linear 4·`width` → gelu →
/// linear → sum; at the end layer norm and a linear map to the vocabulary. Weights begin at N(0,
/// 0.02), those before a sum at N(0, 0.02 / √(2·layers)). Parameters: `token.weight`,
/// `position.weight`, `block1.norm1.weight`, `block1.attention.qkv.weight`,
/// `block1.attention.out.weight`, `block1.norm2.weight`, `block1.fc1.weight`, `block1.fc2.weight`,
/// …, `norm.weight`, `head.weight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gpt {
    /// Blocks. Default 4.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1024))]
    pub layers: usize,
    /// Numbers for each place, between the blocks. Default 128.
    #[serde(default = "width")]
    #[schemars(range(min = 1, max = 65_536))]
    pub width: usize,
    /// Heads of each attention; a divisor of `width`. Default 4.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1024))]
    pub heads: usize,
    /// Share of the numbers dropped in training, 0 to below 1: of the embeddings, and of what each branch adds. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
    /// Gives the linear layers of the blocks a bias; norms always have one, the head never. Default true.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Lets the head use the embedding's `token.weight` instead of a `head.weight` of its own. Default true.
    #[serde(default = "yes")]
    pub tied: bool,
}

fn four() -> usize {
    4
}

fn width() -> usize {
    128
}

fn yes() -> bool {
    true
}

impl Default for Gpt {
    fn default() -> Self {
        Self {
            layers: four(),
            width: width(),
            heads: four(),
            dropout: 0.0,
            bias: true,
            tied: true,
        }
    }
}

impl ModelSpec for Gpt {
    fn check(&self) -> Vec<KeyFault> {
        heads_fit(self.width, self.heads).into_iter().collect()
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Tokens]
    }

    fn predicts_places(&self) -> bool {
        true
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let &[context] = io.input() else {
            let message = format!("samples of shape {:?} are not tokens in a row", io.input());
            return Err(LayerError::shape(message));
        };
        let normal = Init::Normal(DEVIATION);
        let table = |name: &str, count| {
            let size = [count, self.width];
            Embedding::new(b, name, io.input(), size, normal)
        };
        let (token, position) = (table("token", io.outputs)?, table("position", context)?);
        let shape = [context, self.width];
        let keys = BlockKeys {
            layers: self.layers,
            heads: self.heads,
            dropout: self.dropout,
            bias: self.bias,
            causal: true,
        };
        let drop = keys.drop(b, &shape)?;
        let blocks = keys.blocks(b, &shape)?;
        let norm = LayerNorm::new(b, "norm", &shape, 1)?;
        let head = if self.tied {
            let output = vec![context, io.outputs];
            b.record(LayerInfo {
                flops: 2 * (self.width * context * io.outputs) as u64,
                ..LayerInfo::elementwise("head".to_owned(), "linear (tied)", &output)
            });
            None
        } else {
            let keys = LinearKeys {
                outputs: io.outputs,
                bias: false,
                relu: false,
            };
            Some(Linear::starting(b, "head", &shape, keys, [normal; 2])?)
        };
        Ok(Box::new(Network {
            token,
            position,
            drop,
            blocks,
            norm,
            head,
        }))
    }
}

struct Network {
    token: Embedding,
    position: Embedding,
    drop: Option<Dropout>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    /// `None` where it shares the table of tokens.
    head: Option<Linear>,
}

impl Model for Network {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let input = inputs.only()?;
        let (n, t) = input.dims2()?;
        let tokens = self.token.forward(input, mode)?;
        let places = places((n, t), input.device())?;
        let x = kernel::add(&tokens, &self.position.forward(&places, mode)?)?;
        let mut x = dropped(&self.drop, x, mode)?;
        for block in &self.blocks {
            x = block.forward(&x, None, mode)?;
        }
        let x = self.norm.forward(&x, mode)?;
        match &self.head {
            Some(head) => head.forward(&x, mode),
            None => kernel::linear(&x, self.token.weight().tensor(), None, false),
        }
    }
}

#[cfg(test)]
mod tests;
