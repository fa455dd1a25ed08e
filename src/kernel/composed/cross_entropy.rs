//! Cross-entropy out of elementwise operations.

use candle_core::{D, DType, Result, Tensor};

use super::log_softmax;

/// Σ over the rows of −Σ_c t_c log softmax(z)_c, t as in [`crate::kernel::cross_entropy()`].
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn cross_entropy(
    logits: &Tensor,
    targets: &Tensor,
    smoothing: f64,
    class_weights: Option<&[f32]>,
) -> Result<Tensor> {
    let (classes, device) = (logits.dim(D::Minus1)?, logits.device());
    let numbers: Vec<u32> = (0..classes as u32).collect();
    let numbers = Tensor::from_vec(numbers, (1, classes), device)?;
    let weights = match class_weights {
        Some(weights) => Tensor::from_slice(weights, (1, classes), device)?,
        None => Tensor::ones((1, classes), DType::F32, device)?,
    };
    let weights = weights.to_dtype(logits.dtype())?;
    let own = targets.unsqueeze(D::Minus1)?.broadcast_eq(&numbers)?;
    let own = own.to_dtype(logits.dtype())?.broadcast_mul(&weights)?;
    let even = (weights * (smoothing / classes as f64))?;
    let goal = (own * (1.0 - smoothing))?.broadcast_add(&even)?;
    (log_softmax(logits)? * goal)?.sum_all()?.neg()
}
