//! Self-attention layer.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Linear, LinearKeys, Mode};
use crate::kernel::{self, Init};

/// Self-attention with several heads: a linear map to queries, keys and values side by side
/// (`qkv.weight` `[3·d, d]`), attention, and a linear map of what the heads give (`out.weight`
/// `[d, d]`).
#[derive(Debug)]
pub struct Attention {
    qkv: Linear,
    out: Linear,
    heads: usize,
    causal: bool,
}

/// What an attention layer holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionKeys {
    /// How many heads there are; a divisor of the width.
    pub heads: usize,
    /// True where a place sees only itself and those before it.
    pub causal: bool,
    /// Whether the two linear maps have a bias.
    pub bias: bool,
    /// First values of the weights of `qkv` and of `out`; biases begin at 0.
    pub init: [Init; 2],
}

impl Attention {
    /// Attention over samples of shape `input`, [t, d].
    ///
    /// # Errors
    /// Where the samples are no sequences, or the heads do not divide their width.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        keys: AttentionKeys,
    ) -> Result<Self, LayerError> {
        let b = b.child(name);
        let (path, heads) = (b.path().to_owned(), keys.heads);
        let &[t, d] = input else {
            return Err(LayerError::shape(format!(
                "`{path}` takes sequences [places, width], but gets samples of shape {input:?}"
            )));
        };
        if heads == 0 || !d.is_multiple_of(heads) {
            return Err(LayerError::shape(format!(
                "`{path}` cannot divide a width of {d} among {heads} heads"
            )));
        }
        let linear = |name: &str, outputs, init| {
            let keys = LinearKeys {
                outputs,
                bias: keys.bias,
                relu: false,
            };
            Linear::starting(&b, name, input, keys, [init, Init::Constant(0.0)])
        };
        let qkv = linear("qkv", 3 * d, keys.init[0])?;
        // Pairs of places, for each of which 2·d multiply-adds and a softmax in each head.
        let pairs = if keys.causal { t * (t + 1) / 2 } else { t * t };
        b.record(LayerInfo {
            flops: (4 * d + heads) as u64 * pairs as u64,
            // The result, and the sum of each row of scores.
            activations: t * d + heads * t,
            ..LayerInfo::elementwise(path, kind(keys.causal), input)
        });
        let out = linear("out", d, keys.init[1])?;
        Ok(Self {
            qkv,
            out,
            heads,
            causal: keys.causal,
        })
    }

    /// Shape of one sample's output: that of its input.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        self.out.output()
    }

    /// x [n, t, d] → the same shape.
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let qkv = self.qkv.forward(x, mode)?;
        let y = kernel::attention(&qkv, self.heads, self.causal)?;
        self.out.forward(&y, mode)
    }

    /// The same for samples of different lengths, each of which sees its own places only; not
    /// causal.
    ///
    /// # Errors
    /// As of [`forward`](Self::forward), and where the lengths do not fit the samples.
    pub fn forward_within(
        &self,
        x: &Tensor,
        lengths: &[u32],
        mode: &Mode,
    ) -> candle_core::Result<Tensor> {
        let qkv = self.qkv.forward(x, mode)?;
        let y = kernel::attention_within(&qkv, self.heads, lengths)?;
        self.out.forward(&y, mode)
    }
}

fn kind(causal: bool) -> &'static str {
    if causal {
        "causal_attention"
    } else {
        "attention"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attention(input: &[usize], heads: usize) -> Result<Builder, LayerError> {
        let b = Builder::plan();
        let keys = AttentionKeys {
            heads,
            causal: true,
            bias: true,
            init: [Init::Normal(0.02); 2],
        };
        Attention::new(&b, "attention", input, keys).map(|_| b)
    }

    #[test]
    fn a_layer_knows_its_shape_and_cost() {
        let built = attention(&[5, 6], 2).unwrap().finish();
        let layers: Vec<_> = built
            .layers
            .iter()
            .map(|l| (&l.name[..], l.flops))
            .collect();
        let want = [
            ("attention.qkv", 2 * 6 * 18 * 5),
            ("attention", 15 * (4 * 6 + 2)),
            ("attention.out", 2 * 6 * 6 * 5),
        ];
        assert_eq!(layers, want);
        assert_eq!(built.layers[1].output, [5, 6]);
        assert_eq!(built.param_count(), 18 * 7 + 6 * 7);
    }

    #[test]
    fn heads_divide_the_width_of_sequences() {
        let message = |input: &[usize], heads| attention(input, heads).unwrap_err().to_string();
        assert_eq!(
            message(&[5, 6], 4),
            "`attention` cannot divide a width of 6 among 4 heads"
        );
        assert!(message(&[6], 2).contains("takes sequences [places, width]"));
    }
}
