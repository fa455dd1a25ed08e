//! Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000), and
//! the last state of a sequence.
//!
//! With [i, f, g, o] = W_ih·x_t + b_ih + W_hh·h_(t−1) + b_hh: c_t = σ(f)·c_(t−1) + σ(i)·tanh(g) and
//! h_t = σ(o)·tanh(c_t), from h_0 = c_0 = 0. Order, names and shapes are those of `torch.nn.LSTM`.

use candle_core::{Result, Shape, Tensor, bail};

use super::{add, lstm_cpu::Recurrence, side_by_side};
use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    memory::{fused, output, tensor, with_ref},
};

/// All hidden states [n, t, h] for x [n, t, i], with `weights` W_ih `[4h, i]` and W_hh `[4h, h]` and
/// `biases` b_ih and b_hh `[4h]`. Between the steps everything is f32 or wider.
///
/// # Errors
/// Where the shapes do not fit together, there are no steps, or the device fails.
pub fn lstm(x: &Tensor, weights: [&Tensor; 2], biases: [&Tensor; 2]) -> Result<Tensor> {
    let (_, steps, inputs) = x.dims3()?;
    let (gates, hidden) = weights[1].dims2()?;
    let fits = weights[0].dims() == [gates, inputs]
        && gates == 4 * hidden
        && biases.iter().all(|bias| bias.dims() == [gates]);
    if steps * inputs == 0 || !fits {
        let [[ih, hh], [own, past]] = [weights, biases].map(|pair| pair.map(Tensor::dims));
        bail!(
            "a sequence of shape {:?} does not fit a memory with weights {ih:?} and {hh:?} and \
             biases {own:?} and {past:?}",
            x.dims()
        )
    }
    if !fused(x) {
        return composed::lstm(x, weights, biases);
    }
    let weight = side_by_side(weights[0], weights[1])?;
    let bias = add(biases[0], biases[1])?;
    apply(
        [
            (x, Role::Input),
            (&weight, Role::Rounded),
            (&bias, Role::Rounded),
        ],
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
    apply([(x, Role::Input)], Last)
}

struct Last;

impl Fused<1> for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (n, steps, width) = x.shape.dims3()?;
        if steps == 0 {
            bail!("a sequence without steps has no last state")
        }
        let mut out = Vec::with_capacity(n * width);
        for sample in x.values.chunks_exact((steps * width).max(1)) {
            out.extend_from_slice(&sample[(steps - 1) * width..]);
        }
        output(out, (n, width))
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (_, steps, width) = x.dims3()?;
        let mut out = vec![0.0; x.elem_count()];
        with_ref(grad, |grad| {
            let samples = out.chunks_exact_mut((steps * width).max(1));
            for (to, from) in samples.zip(grad.chunks_exact(width.max(1))) {
                to[(steps - 1) * width..].copy_from_slice(from);
            }
            Ok(())
        })?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{close, everything, flat, gradients, threads, var};
    use candle_core::{DType, Var};

    /// x, both weights and both biases.
    fn inputs(samples: usize, steps: usize, inputs: usize, size: usize) -> [Var; 5] {
        [
            var(&[samples, steps, inputs], 1),
            var(&[4 * size, inputs], 2),
            var(&[4 * size, size], 3),
            var(&[4 * size], 4),
            var(&[4 * size], 5),
        ]
    }

    fn run(t: &[Tensor]) -> Result<Tensor> {
        lstm(&t[0], [&t[1], &t[2]], [&t[3], &t[4]])
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (samples, steps, width, size) in [
            (2, 3, 5, 2),
            (1, 1, 1, 3),
            (3, 2, 4, 1),
            (17, 2, 1, 3),
            (1, 2, 3, 9),
        ] {
            gradients("lstm", &inputs(samples, steps, width, size), &run, &|t| {
                composed::lstm(&t[0], [&t[1], &t[2]], [&t[3], &t[4]])
            });
        }
        gradients("last", &[var(&[2, 3, 4], 1)], &|t| last(&t[0]), &|t| {
            composed::last(&t[0])
        });
    }

    #[test]
    fn saturated_gates_have_finite_gradients() {
        let mut inputs = inputs(2, 3, 4, 2);
        let far = (inputs[0].as_tensor() * 1e4).unwrap();
        inputs[0] = Var::from_tensor(&far).unwrap();
        assert!(everything(&inputs, &run).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn low_precision_follows_its_input() {
        let [x, ih, hh, own, past] = inputs(2, 3, 5, 4);
        let run = |x: &Tensor| lstm(x, [&ih, &hh], [&own, &past]).unwrap();
        let want = flat(&run(&x));
        for (dtype, tolerance) in [(DType::BF16, 2e-2), (DType::F16, 2e-3)] {
            let y = run(&x.to_dtype(dtype).unwrap());
            assert_eq!(y.dtype(), dtype);
            close("states", &flat(&y), &want, tolerance);
            let store = y.sum_all().unwrap().backward().unwrap();
            for weight in [&ih, &hh] {
                let grad = store.get(weight.as_tensor()).unwrap();
                assert_eq!(grad.dtype(), DType::F32);
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let inputs = inputs(33, 5, 40, 64);
        threads(|| everything(&inputs, &run));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let [x, ih, hh, own, past] = inputs(2, 3, 5, 4);
        let short = var(&[4], 1);
        for (weights, biases) in [
            ([&ih, &hh], [&own, &short]),
            ([&ih, &hh], [&short, &past]),
            ([&hh, &hh], [&own, &past]),
            ([&ih, &ih], [&own, &past]),
        ] {
            let [weights, biases] = [weights, biases].map(|pair| pair.map(|var| var.as_tensor()));
            let message = lstm(&x, weights, biases).unwrap_err().to_string();
            assert!(message.contains("of shape [2, 3, 5]"), "{message}");
        }
    }
}
