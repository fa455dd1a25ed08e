//! Activations out of Candle's elementwise operations, with ReLU's gradient 0 at 0.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A function applied to each element: `relu` max(x, 0); `leaky_relu` x, or x/100 below 0; `gelu`
/// x·Φ(x), exact (Hendrycks & Gimpel 2016); `silu` x·sigmoid(x), also called swish; `tanh`;
/// `sigmoid` 1/(1+e⁻ˣ).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are described together")]
pub enum Activation {
    Relu,
    LeakyRelu,
    Gelu,
    Silu,
    Tanh,
    Sigmoid,
}

/// Slope of the leaky ReLU below 0.
pub const LEAK: f64 = 0.01;

impl Activation {
    /// Its name in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }
}

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
