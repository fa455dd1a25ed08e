//! Convolutions out of Candle's, arranged so that its backward pass is right.

use candle_core::{Result, Tensor};

use super::{channels_first, channels_last, max_pool2d, relu};
use crate::kernel::conv2d::Conv;

/// x `[n, h, w, ci]` with weight `[co, ci, kh, kw]` and bias `[co]`, then ReLU and max pooling where
/// `conv` says so.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: &Conv) -> Result<Tensor> {
    let window = conv.window(x.shape(), weight.shape())?;
    let (height, width) = window.output()?;
    let (padding, stride) = (conv.padding, conv.stride);
    let x = channels_first(x)?;
    let x = x.pad_with_zeros(2, padding, padding)?;
    let x = x.pad_with_zeros(3, padding, padding)?;
    // Pixels that no window reaches would make the backward pass guess a wrong size.
    let x = x.narrow(2, 0, (height - 1) * stride + window.rows)?;
    let x = x.narrow(3, 0, (width - 1) * stride + window.cols)?;
    let y = x.contiguous()?.conv2d(weight, 0, stride, 1, 1)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?,
        None => y,
    };
    let y = if conv.relu { relu(&y)? } else { y };
    let y = channels_last(&y)?;
    match conv.pool {
        Some(pool) => max_pool2d(&y, pool),
        None => Ok(y),
    }
}
