//! Attention out of matrix products and a softmax.

use candle_core::{Result, Tensor};

use super::softmax;
use crate::kernel::autograd::widened;

/// As [`crate::kernel::attention()`]: qkv `[n, t, 3·d]` → `[n, t, d]`; with `lengths`, each sample
/// sees its own places only, and has zeros behind them.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn attention(
    qkv: &Tensor,
    heads: usize,
    causal: bool,
    lengths: Option<&[u32]>,
) -> Result<Tensor> {
    let (n, t, packed) = qkv.dims3()?;
    let (width, head) = (packed / 3, packed / 3 / heads);
    let part = |i: usize| {
        let part = qkv.narrow(2, i * width, width)?;
        part.reshape((n, t, heads, head))?
            .transpose(1, 2)?
            .contiguous()
    };
    let (q, k, v) = (part(0)?, part(1)?, part(2)?);
    let q = (q * (head as f64).sqrt().recip())?;
    let scores = q.matmul(&k.transpose(2, 3)?.contiguous()?)?;
    let scores = if causal {
        scores.broadcast_add(&future(t, &scores)?)?
    } else {
        scores
    };
    let scores = match lengths {
        Some(lengths) => {
            let unseen = by_place(lengths, t, [0.0, f32::NEG_INFINITY], &scores)?;
            scores.broadcast_add(&unseen.reshape((n, 1, 1, t))?)?
        }
        None => scores,
    };
    let y = widened(&scores, softmax)?.matmul(&v)?;
    let y = y.transpose(1, 2)?.contiguous()?.reshape((n, t, width))?;
    match lengths {
        Some(lengths) => {
            let own = by_place(lengths, t, [1.0, 0.0], &y)?;
            y.broadcast_mul(&own.reshape((n, t, 1))?)
        }
        None => Ok(y),
    }
}

/// `[n, t]`: the first number at the places of a sample, the second behind its end.
pub(super) fn by_place(
    lengths: &[u32],
    t: usize,
    [own, behind]: [f32; 2],
    like: &Tensor,
) -> Result<Tensor> {
    let sample = |length: &u32| {
        let length = *length as usize;
        (0..t).map(move |place| if place < length { own } else { behind })
    };
    let values: Vec<f32> = lengths.iter().flat_map(sample).collect();
    Tensor::from_vec(values, (lengths.len(), t), like.device())?.to_dtype(like.dtype())
}

/// `[t, t]`: −∞ where the column comes after the row, 0 elsewhere.
fn future(t: usize, like: &Tensor) -> Result<Tensor> {
    let value = |i: usize| match i % t > i / t {
        true => f32::NEG_INFINITY,
        false => 0.0,
    };
    let values: Vec<f32> = (0..t * t).map(value).collect();
    Tensor::from_vec(values, (t, t), like.device())?.to_dtype(like.dtype())
}
