//! Activations out of Candle's elementwise operations, with ReLU's gradient 0 at 0.

use candle_core::{Result, Tensor};

use crate::kernel::activation::{Activation, LEAK};

/// max(x, 0); the gradient at 0 is 0, and not-a-number stays.
///
/// # Errors
/// Where the device fails.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    x.le(0f64)?.where_cond(&x.zeros_like()?, x)
}

/// Any activation, elementwise.
///
/// # Errors
/// Where the device fails.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Relu => relu(x),
        Activation::LeakyRelu => x.le(0f64)?.where_cond(&(x * LEAK)?, x),
        Activation::Gelu => {
            let cdf = ((x * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)?;
            (x * 0.5)? * cdf
        }
        Activation::Silu => x * sigmoid(x)?,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// 1 / (1 + e⁻ˣ).
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}
