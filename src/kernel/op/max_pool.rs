//! Max pooling over images [n, h, w, c], with the places of the maxima kept for the backward pass.
//!
//! The first of equal pixels wins, as in PyTorch; not-a-number wins over everything. Pixels that no
//! window reaches get gradient 0; overlapping windows add up.

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    conv2d::{Pool, pool_image, unpool_image},
    memory::{fused, output, tensor, with_ref},
};

/// Maxima of the windows: [n, h, w, c] → [n, h', w', c] with h' = (h − kernel) / stride + 1,
/// rounded down.
///
/// # Errors
/// Where the window does not fit on the image, or the device fails.
pub fn max_pool2d(x: &Tensor, pool: Pool) -> Result<Tensor> {
    if fused(x) {
        let argmax = OnceLock::new();
        apply([(x, Role::Input)], MaxPool { pool, argmax })
    } else {
        composed::max_pool2d(x, pool)
    }
}

struct MaxPool {
    pool: Pool,
    argmax: OnceLock<Vec<u16>>,
}

impl Fused<1> for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (n, w, (height, width)) = self.pool.on(x.shape)?;
        let pooled = w.channels * height * width;
        let mut out = vec![0.0; n * pooled];
        let mut argmax = vec![0; out.len()];
        let outputs = out
            .par_chunks_mut(pooled.max(1))
            .zip(argmax.par_chunks_mut(pooled.max(1)));
        outputs
            .zip(x.values.par_chunks(w.image().max(1)))
            .for_each(|((out, argmax), image)| {
                pool_image(&w, (height, width), image, out, argmax);
            });
        // A second forward pass of the same operation would find the same.
        let _ = self.argmax.set(argmax);
        output(out, (n, height, width, w.channels))
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (_, w, places) = self.pool.on(x.shape())?;
        let Some(argmax) = self.argmax.get() else {
            bail!("backward of a pooling that never ran")
        };
        let pooled = (w.channels * places.0 * places.1).max(1);
        let mut out = vec![0.0; x.elem_count()];
        with_ref(grad, |grad| {
            let inputs = argmax.par_chunks(pooled).zip(grad.par_chunks(pooled));
            out.par_chunks_mut(w.image().max(1))
                .zip(inputs)
                .for_each(|(image, (argmax, grad))| {
                    let line = w.width * w.channels;
                    unpool_image(&w, places, (argmax, grad, grad), false, image, line);
                });
            Ok(())
        })?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};
    use candle_core::{Device, Var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [[2, 4, 4, 3], [1, 5, 7, 1], [1, 3, 3, 2]] {
            for (kernel, stride) in [(2, 2), (3, 2), (2, 1), (1, 1), (3, 3)] {
                let pool = Pool { kernel, stride };
                gradients(
                    "max pool",
                    &[var(&shape, 1)],
                    &|t| max_pool2d(&t[0], pool),
                    &|t| composed::max_pool2d(&t[0], pool),
                );
            }
        }
    }

    #[test]
    fn the_first_of_equal_pixels_gets_the_whole_gradient_on_every_path() {
        let x = Var::new(&[[[[1f32], [1.0]], [[1.0], [1.0]]]], &Device::Cpu).unwrap();
        let pool = Pool {
            kernel: 2,
            stride: 2,
        };
        for f in [max_pool2d, composed::max_pool2d] {
            let store = f(x.as_tensor(), pool).unwrap().backward().unwrap();
            assert_eq!(
                flat(store.get(x.as_tensor()).unwrap()),
                [1.0, 0.0, 0.0, 0.0]
            );
        }
    }

    #[test]
    fn not_a_number_is_never_hidden() {
        let x = Tensor::new(&[[[[1f32], [f32::NAN]], [[2.0], [1.0]]]], &Device::Cpu).unwrap();
        let y = max_pool2d(
            &x,
            Pool {
                kernel: 2,
                stride: 2,
            },
        )
        .unwrap();
        assert!(flat(&y)[0].is_nan());
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = [var(&[5, 13, 11, 3], 1)];
        threads(|| {
            everything(&x, &|t| {
                max_pool2d(
                    &t[0],
                    Pool {
                        kernel: 3,
                        stride: 2,
                    },
                )
            })
        });
    }

    #[test]
    fn a_window_larger_than_the_image_is_refused() {
        let x = var(&[1, 2, 5, 1], 1);
        let message = max_pool2d(
            &x,
            Pool {
                kernel: 3,
                stride: 1,
            },
        )
        .unwrap_err()
        .to_string();
        assert!(message.contains("3×3 window"), "{message}");
    }
}
