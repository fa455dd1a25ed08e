//! Decoder-only transformer in the form of GPT-2 (Radford et al. 2019), as nanoGPT builds it.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inputs, Io, Model, ModelSpec, Takes};
use crate::{
    error::KeyFault,
    kernel::{self, Init},
    layer::{
        Activate, Activation, Attention, AttentionKeys, Builder, Dropout, Embedding, LayerError,
        LayerInfo, LayerNorm, Linear, LinearKeys, Mode,
    },
};

/// Decoder-only transformer for tokens (GPT-2): embeddings of token and place, then `layers` blocks of
/// layer norm → causal self-attention → sum, layer norm → linear 4·`width` → gelu → linear → sum; at the
/// end layer norm and a linear map to the vocabulary. Weights begin at N(0, 0.02), those before a sum at
/// N(0, 0.02 / √(2·layers)). Parameters: `token.weight`, `position.weight`, `block1.norm1.weight`,
/// `block1.attention.qkv.weight`, `block1.attention.out.weight`, `block1.norm2.weight`, `block1.fc1.weight`,
/// `block1.fc2.weight`, …, `norm.weight`, `head.weight`.
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

/// Standard deviation of a weight's first values.
const DEVIATION: f64 = 0.02;

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
        let (width, heads) = (self.width, self.heads);
        if width.is_multiple_of(heads) {
            return Vec::new();
        }
        let message = format!("`width` {width} cannot be divided among `{heads}` heads");
        let (less, more) = (width / heads * heads, width.next_multiple_of(heads));
        let hint = match less {
            0 => format!("width = {more}"),
            less => format!("width = {less} or {more}"),
        };
        vec![KeyFault::error("heads", message).hint(hint)]
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
        let drop = self.drop(b, &shape)?;
        let blocks = (1..=self.layers).map(|i| self.block(&b.child(&format!("block{i}")), &shape));
        let blocks = blocks.collect::<Result<_, _>>()?;
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

impl Gpt {
    fn drop(&self, b: &Builder, shape: &[usize]) -> Result<Option<Dropout>, LayerError> {
        let layer = (self.dropout > 0.0).then(|| Dropout::new(b, "drop", shape, self.dropout));
        layer.transpose()
    }

    fn block(&self, b: &Builder, shape: &[usize]) -> Result<Block, LayerError> {
        let normal = Init::Normal(DEVIATION);
        let branch = Init::Normal(DEVIATION / (2.0 * self.layers as f64).sqrt());
        let linear = |name: &str, input: &[usize], outputs, init| {
            let keys = LinearKeys {
                outputs,
                bias: self.bias,
                relu: false,
            };
            Linear::starting(b, name, input, keys, [init, Init::Constant(0.0)])
        };
        let norm1 = LayerNorm::new(b, "norm1", shape, 1)?;
        let keys = AttentionKeys {
            heads: self.heads,
            causal: true,
            bias: self.bias,
            init: [normal, branch],
        };
        let attention = Attention::new(b, "attention", shape, keys);
        let attention = attention.map_err(|e| e.at("heads"))?;
        let drop1 = self.drop(&b.child("attention"), shape)?;
        let norm2 = LayerNorm::new(b, "norm2", shape, 1)?;
        let fc1 = linear("fc1", shape, 4 * self.width, normal)?;
        let act = Activate::new(b, "act", fc1.output(), Activation::Gelu);
        let fc2 = linear("fc2", fc1.output(), self.width, branch)?;
        Ok(Block {
            norm1,
            attention,
            drop1,
            norm2,
            fc1,
            act,
            fc2,
            drop2: self.drop(b, shape)?,
        })
    }
}

/// x ← x + attention(norm(x)), then x ← x + fc2(gelu(fc1(norm(x)))).
struct Block {
    norm1: LayerNorm,
    attention: Attention,
    drop1: Option<Dropout>,
    norm2: LayerNorm,
    fc1: Linear,
    act: Activate,
    fc2: Linear,
    drop2: Option<Dropout>,
}

impl Block {
    fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let branch = self.norm1.forward(x, mode)?;
        let branch = self.attention.forward(&branch, mode)?;
        let x = kernel::add(x, &dropped(&self.drop1, branch, mode)?)?;
        let branch = self.norm2.forward(&x, mode)?;
        let branch = self.fc1.forward(&branch, mode)?;
        let branch = self.act.forward(&branch, mode)?;
        let branch = self.fc2.forward(&branch, mode)?;
        kernel::add(&x, &dropped(&self.drop2, branch, mode)?)
    }
}

fn dropped(drop: &Option<Dropout>, x: Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
    match drop {
        Some(drop) => drop.forward(&x, mode),
        None => Ok(x),
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
        let places: Vec<u32> = (0..n).flat_map(|_| 0..t as u32).collect();
        let places = Tensor::from_vec(places, (n, t), input.device())?;
        let tokens = self.token.forward(input, mode)?;
        let x = kernel::add(&tokens, &self.position.forward(&places, mode)?)?;
        let mut x = dropped(&self.drop, x, mode)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
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
