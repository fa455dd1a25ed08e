//! Transformer encoder for whole texts.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Inputs, Io, Model, ModelSpec, Takes,
    block::{Block, BlockKeys, DEVIATION, dropped, heads_fit, places},
};
use crate::{
    error::KeyFault,
    field::Kind,
    kernel::{self, Init},
    layer::{Builder, Dropout, Embedding, LayerError, LayerNorm, Linear, LinearKeys, Mean, Mode},
};

/// Transformer encoder that classifies whole texts. Embeddings of token and place, then `layers`
/// blocks of layer norm → self-attention → sum, layer norm → linear 4·`width` → gelu → linear →
/// sum; at the end layer norm, the mean over the text's tokens, and a linear map to the outputs
/// (Vaswani et al. 2017, with the norms before each branch). Weights begin as those of `gpt`.
/// Parameters: `token.weight`, `position.weight`, `block1.norm1.weight`,
/// `block1.attention.qkv.weight`, …, `norm.weight`, `out.weight`, `out.bias`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transformer {
    /// Blocks. Default 2.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1024))]
    pub layers: usize,
    /// Numbers for each token, between the blocks. Default 64.
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
}

fn two() -> usize {
    2
}

fn width() -> usize {
    64
}

fn four() -> usize {
    4
}

impl Default for Transformer {
    fn default() -> Self {
        Self {
            layers: two(),
            width: width(),
            heads: four(),
            dropout: 0.0,
        }
    }
}

impl ModelSpec for Transformer {
    fn check(&self) -> Vec<KeyFault> {
        heads_fit(self.width, self.heads).into_iter().collect()
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Texts]
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let (Some(&Kind::Tokens { vocabulary }), &[most]) =
            (io.fields.first().map(|field| &field.kind), io.input())
        else {
            let message = format!("samples of shape {:?} are not tokens in a row", io.input());
            return Err(LayerError::shape(message));
        };
        let table = |name: &str, count| {
            let size = [count, self.width];
            Embedding::new(b, name, &[most], size, Init::Normal(DEVIATION))
        };
        let (token, position) = (table("token", vocabulary)?, table("position", most)?);
        let shape = [most, self.width];
        let keys = BlockKeys {
            layers: self.layers,
            heads: self.heads,
            dropout: self.dropout,
            bias: true,
            causal: false,
        };
        let drop = keys.drop(b, &shape)?;
        let blocks = keys.blocks(b, &shape)?;
        let norm = LayerNorm::new(b, "norm", &shape, 1)?;
        let mean = Mean::new(b, "mean", &shape)?;
        let keys = LinearKeys {
            outputs: io.outputs,
            bias: true,
            relu: false,
        };
        let init = [Init::Normal(DEVIATION), Init::Constant(0.0)];
        let out = Linear::starting(b, "out", mean.output(), keys, init)?;
        Ok(Box::new(Network {
            token,
            position,
            drop,
            blocks,
            norm,
            mean,
            out,
        }))
    }
}

struct Network {
    token: Embedding,
    position: Embedding,
    drop: Option<Dropout>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    mean: Mean,
    out: Linear,
}

impl Model for Network {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let (tokens, lengths) = inputs.sequence()?;
        let places = places(tokens.dims2()?, tokens.device())?;
        let tokens = self.token.forward(tokens, mode)?;
        let x = kernel::add(&tokens, &self.position.forward(&places, mode)?)?;
        let mut x = dropped(&self.drop, x, mode)?;
        for block in &self.blocks {
            x = block.forward(&x, lengths, mode)?;
        }
        let x = self.norm.forward(&x, mode)?;
        let x = self.mean.forward(&x, lengths, mode)?;
        self.out.forward(&x, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    #[test]
    fn layers_follow_the_keys_and_misfits_blame_them() {
        let spec = Transformer {
            layers: 1,
            width: 8,
            heads: 2,
            ..Transformer::default()
        };
        let (b, io) = (
            Builder::plan(),
            Io::new(Field::tokens("text", 5, 9).varying(), 3),
        );
        spec.build(&b, &io).unwrap();
        let built = b.finish();
        let names = built.params.iter().map(crate::kernel::Param::name);
        let names: Vec<&str> = names.collect();
        assert_eq!(names.len(), 18);
        assert!(names.contains(&"block1.attention.qkv.weight"), "{names:?}");
        let odd = Transformer { heads: 3, ..spec };
        assert_eq!(odd.check()[0].key, "heads");
        let images = odd.build(&Builder::plan(), &Io::numbers(&[1, 8, 8], 3));
        assert_eq!(
            images.err().unwrap().to_string(),
            "samples of shape [1, 8, 8] are not tokens in a row"
        );
    }
}
