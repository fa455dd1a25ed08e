//! Elementwise activations.

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widened},
    composed::{self, Activation, LEAK},
    memory::{CHUNK, fused, output, tensor, uninit, with_ref},
    simd::{dispatch, math},
};

/// Applies an activation to each element; same shape.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use trainer::kernel::{Activation, activate};
/// let x = Tensor::new(&[-1f32, 0.0, 2.0], &Device::Cpu)?;
/// assert_eq!(activate(&x, Activation::Relu)?.to_vec1::<f32>()?, [0.0, 0.0, 2.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the device fails.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    if fused(x) {
        apply([(x, Role::Input)], activation)
    } else {
        widened(x, |x| composed::activate(x, activation))
    }
}

impl Fused<1> for Activation {
    fn name(&self) -> &'static str {
        Activation::name(*self)
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let out = match self {
            Self::Relu => map(
                x.values,
                #[inline(always)]
                |x| if x <= 0.0 { 0.0 } else { x },
            ),
            Self::LeakyRelu => map(
                x.values,
                #[inline(always)]
                |x| if x <= 0.0 { x * LEAK as f32 } else { x },
            ),
            Self::Gelu => map(
                x.values,
                #[inline(always)]
                |x| x * math::normal(x).0,
            ),
            Self::Silu => map(
                x.values,
                #[inline(always)]
                |x| x * math::sigmoid(x),
            ),
            Self::Tanh => map(x.values, math::tanh),
            Self::Sigmoid => map(x.values, math::sigmoid),
        };
        output(out, x.shape)
    }

    fn backward(
        &self,
        [arg]: [&Tensor; 1],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let out = with_ref(arg, |x| {
            with_ref(result, |y| with_ref(grad, |g| Ok(self.gradient(x, y, g))))
        })?;
        Ok([Some(tensor(out, arg.shape())?)])
    }
}

impl Activation {
    /// g·f′(x), where y = f(x).
    fn gradient(self, x: &[f32], y: &[f32], g: &[f32]) -> Vec<f32> {
        match self {
            Self::Relu => zip(
                y,
                g,
                #[inline(always)]
                |y, g| if y <= 0.0 { 0.0 } else { g },
            ),
            Self::LeakyRelu => zip(
                x,
                g,
                #[inline(always)]
                |x, g| if x <= 0.0 { g * LEAK as f32 } else { g },
            ),
            Self::Gelu => zip(
                x,
                g,
                #[inline(always)]
                |x, g| {
                    let (share, density) = math::normal(x);
                    g * (share + x * density)
                },
            ),
            Self::Silu => zip(
                x,
                g,
                #[inline(always)]
                |x, g| {
                    let s = math::sigmoid(x);
                    g * s * (1.0 + x * (1.0 - s))
                },
            ),
            Self::Tanh => zip(
                y,
                g,
                #[inline(always)]
                |y, g| g * (1.0 - y * y),
            ),
            Self::Sigmoid => zip(
                y,
                g,
                #[inline(always)]
                |y, g| g * y * (1.0 - y),
            ),
        }
    }
}

/// f of each element, in parallel.
fn map(x: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = uninit(x.len());
    let pairs = out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    pairs.for_each(|(out, x)| {
        dispatch(
            #[inline(always)]
            || {
                for (out, x) in out.iter_mut().zip(x) {
                    *out = f(*x);
                }
            },
        );
    });
    out
}

/// f of each pair of elements, in parallel.
fn zip(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = uninit(a.len());
    let inputs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    out.par_chunks_mut(CHUNK)
        .zip(inputs)
        .for_each(|(out, (a, b))| {
            dispatch(
                #[inline(always)]
                || {
                    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                        *out = f(*a, *b);
                    }
                },
            );
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};
    use candle_core::{Device, Var};

    const ALL: [Activation; 6] = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
    ];

    #[test]
    fn gradients_agree_with_finite_differences() {
        for activation in ALL {
            let x = (var(&[3, 7], 1).as_tensor() * 4.0).unwrap();
            let x = Var::from_tensor(&x.detach()).unwrap();
            gradients(
                activation.name(),
                &[x],
                &|t| activate(&t[0], activation),
                &|t| composed::activate(&t[0], activation),
            );
        }
    }

    #[test]
    fn the_gradient_of_relu_at_zero_is_zero_on_every_path() {
        let x = Var::new(&[0f32, -0.0, 1.0], &Device::Cpu).unwrap();
        for f in [activate, composed::activate] {
            let y = f(x.as_tensor(), Activation::Relu).unwrap();
            let store = y.sum_all().unwrap().backward().unwrap();
            assert_eq!(flat(store.get(x.as_tensor()).unwrap()), [0.0, 0.0, 1.0]);
        }
    }

    #[test]
    fn not_a_number_is_never_hidden() {
        let x = Tensor::new(&[f32::NAN], &Device::Cpu).unwrap();
        for activation in ALL {
            for f in [activate, composed::activate] {
                assert!(
                    flat(&f(&x, activation).unwrap())[0].is_nan(),
                    "{activation:?}"
                );
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = [var(&[3, 10_001], 1)];
        for activation in ALL {
            threads(|| everything(&x, &|t| activate(&t[0], activation)));
        }
    }
}
