//! Batch normalisation out of elementwise operations and means; `candle_nn`'s has no gradients.

use candle_core::{D, Result, Tensor};

use super::relu as cut;

/// Added to the variance.
pub const EPSILON: f64 = 1e-5;

/// Mean and biased variance of a batch, `[c]` each.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Mean `[c]`.
    pub mean: Tensor,
    /// Variance `[c]`, divided by the number of values.
    pub variance: Tensor,
}

/// Normalises each channel of x [.., c]: by the batch's own moments, or by `fixed` (mean and
/// variance `[c]`). Returns the batch's moments where it used them.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    fixed: Option<(&Tensor, &Tensor)>,
    relu: bool,
) -> Result<(Tensor, Option<Moments>)> {
    let flat = x.reshape(((), x.dim(D::Minus1)?))?;
    let (mean, variance) = match fixed {
        Some((mean, variance)) => (mean.clone(), variance.clone()),
        None => {
            let mean = flat.mean(0)?;
            let variance = flat.broadcast_sub(&mean)?.sqr()?.mean(0)?;
            (mean, variance)
        }
    };
    let scale = (&variance + EPSILON)?.sqrt()?;
    let y = flat.broadcast_sub(&mean)?.broadcast_div(&scale)?;
    let y = y.broadcast_mul(gamma)?.broadcast_add(beta)?;
    let y = y.reshape(x.shape())?;
    let y = if relu { cut(&y)? } else { y };
    let moments = Moments {
        mean: mean.detach(),
        variance: variance.detach(),
    };
    Ok((y, fixed.is_none().then_some(moments)))
}
