//! A sum by Candle.

use candle_core::{Result, Tensor};

/// a + b, element by element, of tensors of the same shape.
///
/// # Errors
/// Where the shapes or types differ, or the device fails.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.add(b)
}
