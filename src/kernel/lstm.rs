//! Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000), and
//! the last state of a sequence.
//!
//! With [i, f, g, o] = gates_t + W_hh·h_(t−1) + b_hh: c_t = σ(f)·c_(t−1) + σ(i)·tanh(g) and
//! h_t = σ(o)·tanh(c_t), from h_0 = c_0 = 0. Order, names and shapes are those of `torch.nn.LSTM`.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{
    composed,
    inplace::with_ref,
    mixed::{Params, apply1, apply3},
    operand::{fused, output, slice, tensor},
    recurrence::Recurrence,
};

/// All hidden states [n, t, h] for `gates` [n, t, 4h] = x·W_ihᵀ + b_ih, with `weight_hh` `[4h, h]` and
/// `bias_hh` `[4h]`. Between the steps everything is f32 or wider.
///
/// # Errors
/// Where the shapes do not fit together, there are no steps, or the device fails.
pub fn lstm(gates: &Tensor, weight_hh: &Tensor, bias_hh: &Tensor) -> Result<Tensor> {
    if !fused(gates) {
        return composed::lstm(gates, weight_hh, bias_hh);
    }
    apply3(
        gates,
        [weight_hh, bias_hh],
        Params::Rounded,
        Recurrence::default(),
    )
}

/// The last state [n, h] of x [n, t, h].
///
/// # Errors
/// Where there are no steps, or the device fails.
pub fn last(x: &Tensor) -> Result<Tensor> {
    if !fused(x) {
        return composed::last(x);
    }
    apply1(x, Last)
}

struct Last;

impl CustomOp1 for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, steps, width) = layout.shape().dims3()?;
        if steps == 0 {
            bail!("a sequence without steps has no last state")
        }
        let mut out = Vec::with_capacity(n * width);
        for sample in slice(storage, layout)?.chunks_exact((steps * width).max(1)) {
            out.extend_from_slice(&sample[(steps - 1) * width..]);
        }
        output(out, (n, width))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, steps, width) = x.dims3()?;
        let mut out = vec![0.0; x.elem_count()];
        with_ref(&grad.contiguous()?, |grad| {
            let samples = out.chunks_exact_mut((steps * width).max(1));
            for (to, from) in samples.zip(grad.chunks_exact(width.max(1))) {
                to[(steps - 1) * width..].copy_from_slice(from);
            }
            Ok(())
        })?;
        Ok(Some(tensor(out, x.shape())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{close, everything, flat, gradients, threads, var};
    use candle_core::{DType, Var};

    fn inputs(samples: usize, steps: usize, size: usize) -> [Var; 3] {
        [
            var(&[samples, steps, 4 * size], 1),
            var(&[4 * size, size], 2),
            var(&[4 * size], 3),
        ]
    }

    fn run(t: &[Tensor]) -> Result<Tensor> {
        lstm(&t[0], &t[1], &t[2])
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (samples, steps, size) in [(2, 3, 2), (1, 1, 3), (3, 2, 1), (17, 2, 3), (1, 2, 9)] {
            gradients("lstm", &inputs(samples, steps, size), &run, &|t| {
                composed::lstm(&t[0], &t[1], &t[2])
            });
        }
        gradients("last", &[var(&[2, 3, 4], 1)], &|t| last(&t[0]), &|t| {
            composed::last(&t[0])
        });
    }

    #[test]
    fn saturated_gates_have_finite_gradients() {
        let inputs = inputs(2, 3, 2);
        let far = (inputs[0].as_tensor() * 1e4).unwrap();
        let inputs = [
            Var::from_tensor(&far).unwrap(),
            inputs[1].clone(),
            inputs[2].clone(),
        ];
        assert!(everything(&inputs, &run).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn low_precision_follows_its_input() {
        let [gates, weight, bias] = inputs(2, 3, 4);
        let want = flat(&lstm(&gates, &weight, &bias).unwrap());
        for (dtype, tolerance) in [(DType::BF16, 2e-2), (DType::F16, 2e-3)] {
            let low = gates.to_dtype(dtype).unwrap();
            let y = lstm(&low, &weight, &bias).unwrap();
            assert_eq!(y.dtype(), dtype);
            close("states", &flat(&y), &want, tolerance);
            let store = y.sum_all().unwrap().backward().unwrap();
            let grad = store.get(weight.as_tensor()).unwrap();
            assert_eq!(grad.dtype(), DType::F32);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let inputs = inputs(33, 5, 64);
        threads(|| everything(&inputs, &run));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let [gates, weight, _] = inputs(2, 3, 4);
        let message = lstm(&gates, &weight, &var(&[4], 1))
            .unwrap_err()
            .to_string();
        assert!(message.contains("gates of shape [2, 3, 16]"), "{message}");
    }
}
