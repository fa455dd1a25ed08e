//! Softmax and its logarithm out of elementwise operations.

use candle_core::{D, Result, Tensor};

/// Softmax over the last dimension.
///
/// # Errors
/// Where the device fails.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    let e = x
        .broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?
        .exp()?;
    e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
}

/// Logarithm of softmax over the last dimension.
///
/// # Errors
/// Where the device fails.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let x = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    x.broadcast_sub(&x.exp()?.sum_keepdim(D::Minus1)?.log()?)
}
