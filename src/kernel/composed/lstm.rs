//! Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000), out
//! of Candle's operations, one step after the other.
//!
//! With [i, f, g, o] = W_ih·x_t + b_ih + W_hh·h_(t−1) + b_hh: c_t = σ(f)·c_(t−1) + σ(i)·tanh(g) and
//! h_t = σ(o)·tanh(c_t), from h_0 = c_0 = 0. Order, names and shapes are those of `torch.nn.LSTM`.

use candle_core::{Result, Tensor, bail};

use super::linear;
use crate::kernel::autograd::{like, widen, widened};

/// All hidden states [n, t, h] for x [n, t, i], with weights `[4h, i]` and `[4h, h]` and two
/// biases `[4h]`. Between the steps everything is f32 or wider.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn lstm(x: &Tensor, weights: [&Tensor; 2], biases: [&Tensor; 2]) -> Result<Tensor> {
    let same = |parameter| widen(&like(parameter, x)?);
    let ([ih, hh], [own, past]) = (weights, biases);
    let (ih, hh, bias) = (same(ih)?, same(hh)?, (same(own)? + same(past)?)?);
    widened(x, |x| unrolled(&linear(x, &ih, Some(&bias), false)?, &hh))
}

/// The steps in order.
fn unrolled(gates: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (samples, steps, width) = gates.dims3()?;
    let size = width / 4;
    let weight = weight.t()?;
    let mut hidden = Tensor::zeros((samples, size), gates.dtype(), gates.device())?;
    let mut cell = hidden.clone();
    let mut all = Vec::with_capacity(steps);
    for step in 0..steps {
        let own = gates.narrow(1, step, 1)?.squeeze(1)?;
        let sum = (own + hidden.matmul(&weight)?)?;
        let gate = |i: usize| sum.narrow(1, i * size, size);
        let (input, forget) = (sigmoid(&gate(0)?)?, sigmoid(&gate(1)?)?);
        let (new, output) = (gate(2)?.tanh()?, sigmoid(&gate(3)?)?);
        cell = ((forget * &cell)? + (input * new)?)?;
        hidden = (output * cell.tanh()?)?;
        all.push(hidden.clone());
    }
    Tensor::stack(&all, 1)
}

/// 1 / (1 + e⁻ˣ) as (1 + tanh(x/2)) / 2, whose gradient is finite everywhere.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x * 0.5)?.tanh()?.affine(0.5, 0.5)
}

/// The last state [n, h] of x [n, t, h].
///
/// # Errors
/// Where there are no steps, or the device fails.
pub fn last(x: &Tensor) -> Result<Tensor> {
    let (_, steps, _) = x.dims3()?;
    if steps == 0 {
        bail!("a sequence without steps has no last state")
    }
    x.narrow(1, steps - 1, 1)?.squeeze(1)?.contiguous()
}
