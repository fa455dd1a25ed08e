//! Attention out of matrix products and a softmax.

use candle_core::{Result, Tensor};

use super::softmax;
use crate::kernel::autograd::widened;

/// As [`crate::kernel::attention()`]: qkv `[n, t, 3·d]` → `[n, t, d]`.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn attention(qkv: &Tensor, heads: usize, causal: bool) -> Result<Tensor> {
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
    let y = widened(&scores, softmax)?.matmul(&v)?;
    y.transpose(1, 2)?.contiguous()?.reshape((n, t, width))
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
