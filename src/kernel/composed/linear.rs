//! Linear maps out of Candle's matrix product.

use candle_core::{Result, Tensor};

use super::relu as cut;

/// y = x·Wᵀ (+ b), then ReLU where `relu`: x `[.., in]`, W `[out, in]`, b `[out]`.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let y = x.reshape(((), inputs))?.matmul(&weight.t()?)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    let y = if relu { cut(&y)? } else { y };
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    y.reshape(shape)
}
