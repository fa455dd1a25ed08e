//! The block of a transformer, before its norms as GPT-2 has it: x ← x + attention(norm(x)), then
//! x ← x + fc2(gelu(fc1(norm(x)))).

use candle_core::{Device, Tensor};

use crate::{
    error::KeyFault,
    kernel::{self, Init},
    layer::{
        Activate, Activation, Attention, AttentionKeys, Builder, Dropout, LayerError, LayerNorm,
        Linear, LinearKeys, Mode,
    },
};

/// Standard deviation of a weight's first values.
pub(super) const DEVIATION: f64 = 0.02;

/// The values that all blocks of a transformer share.
pub(super) struct BlockKeys {
    /// Blocks of the whole model.
    pub layers: usize,
    /// Heads of each attention.
    pub heads: usize,
    /// Share of the numbers dropped of what each branch adds.
    pub dropout: f64,
    /// True where the linear layers have a bias.
    pub bias: bool,
    /// True where a place sees only itself and those before it.
    pub causal: bool,
}

impl BlockKeys {
    /// Returns the blocks `block1`, `block2`, … over samples of shape [places, width].
    pub fn blocks(&self, b: &Builder, shape: &[usize]) -> Result<Vec<Block>, LayerError> {
        let blocks = (1..=self.layers).map(|i| self.block(&b.child(&format!("block{i}")), shape));
        blocks.collect()
    }

    /// Returns the dropout `drop`, where there is one.
    pub fn drop(&self, b: &Builder, shape: &[usize]) -> Result<Option<Dropout>, LayerError> {
        let layer = (self.dropout > 0.0).then(|| Dropout::new(b, "drop", shape, self.dropout));
        layer.transpose()
    }

    fn block(&self, b: &Builder, shape: &[usize]) -> Result<Block, LayerError> {
        let width = shape.last().copied().unwrap_or(0);
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
            causal: self.causal,
            bias: self.bias,
            init: [normal, branch],
        };
        let attention = Attention::new(b, "attention", shape, keys);
        let attention = attention.map_err(|e| e.at("heads"))?;
        let drop1 = self.drop(&b.child("attention"), shape)?;
        let norm2 = LayerNorm::new(b, "norm2", shape, 1)?;
        let fc1 = linear("fc1", shape, 4 * width, normal)?;
        let act = Activate::new(b, "act", fc1.output(), Activation::Gelu);
        let fc2 = linear("fc2", fc1.output(), width, branch)?;
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

/// Returns the fault of heads that do not divide the width.
pub(super) fn heads_fit(width: usize, heads: usize) -> Option<KeyFault> {
    if width.is_multiple_of(heads) {
        return None;
    }
    let message = format!("`width` {width} cannot be divided among `{heads}` heads");
    let (less, more) = (width / heads * heads, width.next_multiple_of(heads));
    let hint = match less {
        0 => format!("width = {more}"),
        less => format!("width = {less} or {more}"),
    };
    Some(KeyFault::error("heads", message).hint(hint))
}

/// Returns the number of each place, 0 to t, of n samples: u32 [n, t].
pub(super) fn places((n, t): (usize, usize), device: &Device) -> candle_core::Result<Tensor> {
    let places: Vec<u32> = (0..n).flat_map(|_| 0..t as u32).collect();
    Tensor::from_vec(places, (n, t), device)
}

/// One block.
pub(super) struct Block {
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
    /// x [n, t, d] → the same shape; with `lengths`, each sample sees its own places only.
    pub fn forward(
        &self,
        x: &Tensor,
        lengths: Option<&[u32]>,
        mode: &Mode,
    ) -> candle_core::Result<Tensor> {
        let branch = self.norm1.forward(x, mode)?;
        let branch = match lengths {
            Some(lengths) => self.attention.forward_within(&branch, lengths, mode)?,
            None => self.attention.forward(&branch, mode)?,
        };
        let x = kernel::add(x, &dropped(&self.drop1, branch, mode)?)?;
        let branch = self.norm2.forward(&x, mode)?;
        let branch = self.fc1.forward(&branch, mode)?;
        let branch = self.act.forward(&branch, mode)?;
        let branch = self.fc2.forward(&branch, mode)?;
        kernel::add(&x, &dropped(&self.drop2, branch, mode)?)
    }
}

/// Drops where there is a dropout.
pub(super) fn dropped(
    drop: &Option<Dropout>,
    x: Tensor,
    mode: &Mode,
) -> candle_core::Result<Tensor> {
    match drop {
        Some(drop) => drop.forward(&x, mode),
        None => Ok(x),
    }
}
