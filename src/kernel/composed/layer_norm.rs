//! Layer normalisation out of elementwise operations and means; `candle_nn`'s has no gradients.

use candle_core::{D, Result, Tensor};

use super::EPSILON;

/// Normalises each row of x `[.., d]`, then scales by `gamma` `[d]` and shifts by `beta` `[d]`.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let y = centred.broadcast_div(&(variance + EPSILON)?.sqrt()?)?;
    y.broadcast_mul(gamma)?.broadcast_add(beta)
}
