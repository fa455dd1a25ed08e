//! Bounds on gradients, before a step.

use candle_core::Result;

use crate::kernel::Grads;

/// Scales all gradients together so that their Euclidean norm is at most `max`, and returns the norm
/// before: g ← g·min(1, max / (norm + 10⁻⁶)) (Pascanu 2013; PyTorch's `clip_grad_norm_`). The norm is
/// summed in f64 in a fixed order. Where it is not finite the gradients are left for the caller to
/// discard.
///
/// # Errors
/// Where the device fails.
pub fn clip_norm(grads: &mut Grads, max: f64) -> Result<f64> {
    let norm = grads.norm()?;
    let factor = max / (norm + 1e-6);
    if norm.is_finite() && factor < 1.0 {
        grads.scale(factor)?;
    }
    Ok(norm)
}

/// Limits every element of every gradient to [−limit, limit] (PyTorch's `clip_grad_value_`).
/// `limit` is at least 0.
///
/// # Errors
/// Where the device fails.
pub fn clip_value(grads: &mut Grads, limit: f64) -> Result<()> {
    grads.clamp(limit)
}
