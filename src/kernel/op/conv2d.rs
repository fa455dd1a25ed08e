//! 2-d convolution (cross-correlation) of images with channels last, optionally with bias, ReLU and
//! max pooling in one operation: with them fused the large map before the pooling is never stored.
//!
//! Shapes: x `[n, h, w, ci]`, weight as in PyTorch `[co, ci, kh, kw]`, bias `[co]`, y `[n, h', w', co]`
//! with h' = (h + 2·padding − kh) / stride + 1, rounded down. It is direct: a pixel's window is kh
//! stretches of kw·ci numbers that lie side by side in the padded image, and one row of the output
//! is a product of those with the weights. 3×3 windows that move by one pixel, on whole
//! sixteens of channels, take `winograd`'s form instead. Images are independent; weight gradients are
//! summed per group of images, then over the groups in order, and the groups follow from the batch
//! size alone.

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Low, Operand, Role, apply, like},
    composed,
    conv2d::{BATCH_CHUNKS, Backward, Conv, Maps, Plan, pool_image},
    memory::{fused, output, uninit},
};
use crate::units::counted;

/// Convolution of x `[n, h, w, ci]` with weight `[co, ci, kh, kw]` and bias `[co]`.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: &Conv) -> Result<Tensor> {
    if !fused(x) {
        let bias = bias.map(|bias| like(bias, x)).transpose()?;
        return composed::conv2d(x, &like(weight, x)?, bias.as_ref(), conv);
    }
    let operation = Operation {
        conv: *conv,
        low: Low::of(x.dtype()),
        argmax: OnceLock::new(),
    };
    match bias {
        Some(bias) => apply(
            [
                (x, Role::Input),
                (weight, Role::Rounded),
                (bias, Role::Rounded),
            ],
            operation,
        ),
        None => apply([(x, Role::Input), (weight, Role::Rounded)], operation),
    }
}

struct Operation {
    conv: Conv,
    /// The type of the map that pooling sees, where it is not f32: equal pixels are equal in it.
    low: Option<Low>,
    argmax: OnceLock<Vec<u16>>,
}

impl Operation {
    fn maps(&self, [x, weight]: [Operand; 2], bias: Option<Operand>) -> Result<(Vec<f32>, Shape)> {
        let bias = bias.map(|bias| bias.values);
        let plan = Plan::new(&self.conv, x.shape, weight.shape)?;
        if bias.is_some_and(|b| b.len() != plan.channels) {
            bail!(
                "a convolution to {} has another number of biases",
                counted(plan.channels as u64, "channel")
            )
        }
        let n = x.shape.dim(0)?;
        let maps = Maps::new(&plan, weight.values, bias, self.conv.relu);
        let (image, result) = (plan.window.image().max(1), plan.result_len().max(1));
        let size = n.div_ceil(BATCH_CHUNKS).max(1);
        let mut out = uninit(n * plan.result_len());
        let mut argmax = vec![0; if plan.pool.is_some() { out.len() } else { 0 }];
        let mut groups: Vec<_> = argmax.chunks_mut(size * result).collect();
        groups.resize_with(n.div_ceil(size), Default::default);
        let groups = groups
            .into_par_iter()
            .zip(out.par_chunks_mut(size * result));
        groups
            .zip(x.values.par_chunks(size * image))
            .for_each(|((argmax, out), x)| {
                let Some((window, places)) = &plan.pool else {
                    return maps.of(x, out);
                };
                let mut map = uninit(plan.map_len());
                let results = out.chunks_mut(result).zip(argmax.chunks_mut(result));
                for ((out, argmax), x) in results.zip(x.chunks(image)) {
                    maps.of(x, &mut map);
                    if let Some(low) = self.low {
                        low.round(&mut map);
                    }
                    pool_image(window, *places, &map, out, argmax);
                }
            });
        // A second forward pass of the same operation would find the same.
        let _ = self.argmax.set(argmax);
        let (height, width) = plan.result();
        output(out, (n, height, width, plan.channels))
    }

    fn gradients(
        &self,
        [x, weight]: [&Tensor; 2],
        bias: Option<&Tensor>,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let plan = Plan::new(&self.conv, x.shape(), weight.shape())?;
        let argmax = self.argmax.get().map_or(&[][..], Vec::as_slice);
        Backward::new(plan, self.conv.relu, argmax).run([x, weight], bias, result, grad)
    }
}

impl Fused<2> for Operation {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, [x, weight]: [Operand; 2]) -> Result<(Vec<f32>, Shape)> {
        self.maps([x, weight], None)
    }

    fn backward(
        &self,
        [x, weight]: [&Tensor; 2],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 2]> {
        let [dx, dw, _] = self.gradients([x, weight], None, result, grad)?;
        Ok([dx, dw])
    }
}

impl Fused<3> for Operation {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, [x, weight, bias]: [Operand; 3]) -> Result<(Vec<f32>, Shape)> {
        self.maps([x, weight], Some(bias))
    }

    fn backward(
        &self,
        [x, weight, bias]: [&Tensor; 3],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        self.gradients([x, weight], Some(bias), result, grad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::conv2d::Pool;
    use candle_core::{DType, Var};

    use crate::kernel::probe::{autograd, close, everything, flat, gradients, threads, var};

    fn conv(stride: usize, padding: usize, relu: bool, pool: Option<(usize, usize)>) -> Conv {
        let pool = pool.map(|(kernel, stride)| Pool { kernel, stride });
        Conv {
            stride,
            padding,
            relu,
            pool,
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (x, w, stride, padding) in [
            ([2, 5, 4, 3], [2, 3, 3, 3], 1, 1),
            ([1, 6, 7, 1], [3, 1, 2, 3], 2, 1),
            ([3, 4, 4, 2], [2, 2, 1, 1], 1, 0),
            ([1, 5, 5, 2], [1, 2, 1, 1], 2, 0),
            ([9, 7, 4, 1], [2, 1, 4, 4], 3, 2),
            ([1, 4, 3, 2], [35, 2, 3, 3], 1, 1),
            ([2, 1, 1, 5], [3, 5, 1, 1], 1, 0),
            ([17, 3, 3, 1], [1, 1, 3, 3], 2, 1),
        ] {
            let vars = [var(&x, 1), var(&w, 2), var(&w[..1], 3)];
            for relu in [false, true] {
                for pool in [None, Some((2, 2)), Some((2, 1))] {
                    let c = conv(stride, padding, relu, pool);
                    if Plan::new(&c, vars[0].shape(), vars[1].shape()).is_err() {
                        continue;
                    }
                    gradients(
                        &format!("{x:?} * {w:?} {c:?}"),
                        &vars,
                        &|t| conv2d(&t[0], &t[1], Some(&t[2]), &c),
                        &|t| composed::conv2d(&t[0], &t[1], Some(&t[2]), &c),
                    );
                    gradients(
                        "convolution without bias",
                        &vars[..2],
                        &|t| conv2d(&t[0], &t[1], None, &c),
                        &|t| composed::conv2d(&t[0], &t[1], None, &c),
                    );
                }
            }
        }
    }

    /// Fails where an error is above a few roundings of the largest number: that is what single
    /// precision leaves of long sums, whichever way they are made.
    fn near(what: &str, got: &[f64], want: &[f64]) {
        let largest = want.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        for (got, want) in got.iter().zip(want) {
            let error = (got - want).abs() / largest.max(1e-9);
            assert!(error < 16.0 * f64::from(f32::EPSILON), "{what}: {error:e}");
        }
        assert_eq!(got.len(), want.len(), "{what}: lengths");
    }

    /// Shapes whose products Winograd's form saves: odd and even maps, one pixel, several lines.
    #[test]
    fn windows_of_three_agree_with_candle_in_f64() {
        for (x, outputs, padding) in [
            ([2, 5, 4, 16], 16, 1),
            ([3, 4, 6, 32], 16, 0),
            ([1, 1, 1, 16], 48, 1),
            ([17, 3, 3, 16], 32, 0),
            ([1, 2, 3, 16], 16, 2),
            ([9, 17, 16, 48], 32, 1),
            // More than is worked on at a time.
            ([1, 15, 300, 16], 16, 1),
        ] {
            let w = [outputs, x[3], 3, 3];
            let vars = [var(&x, 1), var(&w, 2), var(&w[..1], 3)];
            let wide = vars.each_ref().map(|v| v.to_dtype(DType::F64).unwrap());
            let wide = wide.map(|v| Var::from_tensor(&v).unwrap());
            for (relu, pool) in [(false, None), (true, None), (true, Some((2, 2)))] {
                let c = conv(1, padding, relu, pool);
                let plan = Plan::new(&c, vars[0].shape(), vars[1].shape());
                let Ok(plan) = plan else { continue };
                assert!(plan.winograd().is_some());
                let run = |t: &[Tensor]| conv2d(&t[0], &t[1], Some(&t[2]), &c);
                let plain = |t: &[Tensor]| composed::conv2d(&t[0], &t[1], Some(&t[2]), &c);
                let ((y, grads), (want, slow)) = (autograd(&vars, &run), autograd(&wide, &plain));
                let what = format!("{x:?} to {outputs}, {c:?}");
                near(&what, &flat(&y), &flat(&want));
                for (i, (grad, slow)) in grads.iter().zip(&slow).enumerate() {
                    near(&format!("{what}: gradient {i}"), &flat(grad), &flat(slow));
                }
                threads(|| everything(&vars, &run));
            }
        }
    }

    /// Large enough for several tiles of everything.
    #[test]
    fn large_images_agree_with_candle() {
        let vars = [
            var(&[2, 40, 41, 70], 1),
            var(&[5, 70, 3, 3], 2),
            var(&[5], 3),
        ];
        let c = conv(1, 1, true, None);
        let all = |f: &dyn Fn(&[Tensor]) -> Result<Tensor>| {
            let all = everything(&vars, f);
            all.into_iter().map(f64::from).collect::<Vec<_>>()
        };
        let got = all(&|t| conv2d(&t[0], &t[1], Some(&t[2]), &c));
        let want = all(&|t| composed::conv2d(&t[0], &t[1], Some(&t[2]), &c));
        close("large", &got, &want, 2e-4);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let vars = [
            var(&[21, 12, 11, 3], 1),
            var(&[10, 3, 5, 5], 2),
            var(&[10], 3),
        ];
        for pool in [None, Some((2, 2))] {
            let c = conv(1, 2, true, pool);
            threads(|| everything(&vars, &|t| conv2d(&t[0], &t[1], Some(&t[2]), &c)));
        }
    }

    #[test]
    fn an_empty_batch_gives_an_empty_result() {
        for channels in [2, 16] {
            let x = Tensor::zeros((0, 4, 4, channels), DType::F32, &candle_core::Device::Cpu);
            let w = var(&[16, channels, 3, 3], 2);
            let y = conv2d(&x.unwrap(), &w, None, &conv(1, 1, true, None));
            assert_eq!(y.unwrap().dims(), [0, 4, 4, 16]);
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let (x, w) = (var(&[1, 3, 3, 2], 1), var(&[1, 3, 3, 3], 2));
        assert!(conv2d(&x, &w, None, &conv(1, 0, false, None)).is_err());
        let w = var(&[1, 2, 5, 5], 2);
        assert!(conv2d(&x, &w, None, &conv(1, 0, false, None)).is_err());
    }
}
