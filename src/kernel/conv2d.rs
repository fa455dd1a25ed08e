//! 2-d convolution (cross-correlation), optionally with bias, ReLU and max pooling in one
//! operation: with them fused the large map before the pooling is never stored.
//!
//! Shapes as in PyTorch: x `[n, ci, h, w]`, weight `[co, ci, kh, kw]`, bias `[co]`,
//! y [n, co, h', w'] with h' = (h + 2·padding − kh) / stride + 1, rounded down. Each image is
//! unfolded a few output rows at a time into a matrix of patches that stays in the cache, and
//! multiplied. Weight gradients are summed per group of images, then over the groups in order; the
//! groups follow from the batch size alone.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{
    composed,
    conv2d_backward::Backward,
    matmul::{Matrix, multiply},
    max_pool::{Pool, pool_image},
    mixed::{Low, Params, apply2, apply3, like},
    operand::{fused, output, slice},
    window::Window,
};

/// How a convolution slides, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    /// Pixels from one place to the next; at least 1.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Whether ReLU follows.
    pub relu: bool,
    /// Max pooling that follows.
    pub pool: Option<Pool>,
}

/// Convolution of x `[n, ci, h, w]` with weight `[co, ci, kh, kw]` and bias `[co]`.
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
        winners: OnceLock::new(),
    };
    match bias {
        Some(bias) => apply3(x, [weight, bias], Params::Rounded, operation),
        None => apply2(x, weight, Params::Rounded, operation),
    }
}

impl Conv {
    /// The window of `weight` on images `x`.
    ///
    /// # Errors
    /// Where the shapes do not fit together.
    pub(super) fn window(&self, x: &Shape, weight: &Shape) -> Result<Window> {
        let (_, channels, height, width) = x.dims4()?;
        let (_, inputs, rows, cols) = weight.dims4()?;
        if inputs != channels {
            bail!("a convolution of {inputs} channels got images of {channels}")
        }
        let (stride, padding) = (self.stride, self.padding);
        Ok(Window {
            channels,
            height,
            width,
            rows,
            cols,
            stride,
            padding,
        })
    }
}

/// Extents of one application.
pub(super) struct Plan {
    /// The convolution's window.
    pub window: Window,
    /// Its output height and width, before pooling.
    pub size: (usize, usize),
    /// Output channels.
    pub channels: usize,
    /// The pooling's window, and its output height and width.
    pub pool: Option<(Window, (usize, usize))>,
}

impl Plan {
    pub fn new(conv: &Conv, x: &Shape, weight: &Shape) -> Result<Self> {
        let window = conv.window(x, weight)?;
        let (size, channels) = (window.output()?, weight.dim(0)?);
        let pool = match conv.pool {
            Some(pool) => {
                let (_, window, places) = pool.on(&Shape::from((1, channels, size.0, size.1)))?;
                Some((window, places))
            }
            None => None,
        };
        Ok(Self {
            window,
            size,
            channels,
            pool,
        })
    }

    /// Places of the window on one image.
    pub fn places(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Height and width of the result.
    pub fn result(&self) -> (usize, usize) {
        self.pool.as_ref().map_or(self.size, |(_, places)| *places)
    }

    /// Numbers of one image's result.
    pub fn result_len(&self) -> usize {
        self.channels * self.result().0 * self.result().1
    }

    /// Output rows that are unfolded at once: their patches fit into the second-level cache.
    pub fn lines(&self) -> usize {
        const PATCHES: usize = 1 << 16;
        let line = (self.window.patch() * self.size.1).max(1);
        (PATCHES / line).clamp(1, self.size.0.max(1))
    }

    /// Room for the patches of [`Plan::lines`] output rows.
    pub fn patches(&self) -> Vec<f32> {
        if self.window.is_pointwise() {
            return Vec::new();
        }
        vec![0.0; self.window.patch() * self.lines() * self.size.1]
    }
}

struct Operation {
    conv: Conv,
    /// The type of the map that pooling sees, where it is not f32: equal pixels are equal in it.
    low: Option<Low>,
    winners: OnceLock<Vec<u16>>,
}

impl Operation {
    fn forward(
        &self,
        (x, x_layout): (&[f32], &Layout),
        (weight, weight_layout): (&[f32], &Layout),
        bias: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let plan = Plan::new(&self.conv, x_layout.shape(), weight_layout.shape())?;
        if bias.is_some_and(|b| b.len() != plan.channels) {
            bail!(
                "a convolution to {} channels has another number of biases",
                plan.channels
            )
        }
        let n = x_layout.shape().dim(0)?;
        let (height, width) = plan.result();
        let length = plan.result_len().max(1);
        let images = x.par_chunks(plan.window.image().max(1));
        let mut out = vec![0.0; n * plan.result_len()];
        let targets = out.par_chunks_mut(length).zip(images);
        if let Some((pool, places)) = &plan.pool {
            let mut winners = vec![0; out.len()];
            let targets = out
                .par_chunks_mut(length)
                .zip(winners.par_chunks_mut(length));
            let images = x.par_chunks(plan.window.image().max(1));
            targets.zip(images).for_each_init(
                || (plan.patches(), vec![0.0; plan.channels * plan.places()]),
                |(patches, map), ((out, winners), image)| {
                    self.image(&plan, image, weight, bias, patches, map);
                    if let Some(low) = self.low {
                        low.round(map);
                    }
                    pool_image(pool, *places, map, out, winners);
                },
            );
            // A second forward pass of the same operation would find the same.
            let _ = self.winners.set(winners);
        } else {
            targets.for_each_init(
                || plan.patches(),
                |patches, (out, image)| self.image(&plan, image, weight, bias, patches, out),
            );
        }
        output(out, (n, plan.channels, height, width))
    }

    /// One image's map [co, h'·w'], with bias and ReLU.
    fn image(
        &self,
        plan: &Plan,
        image: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        patches: &mut [f32],
        map: &mut [f32],
    ) {
        let (places, width) = (plan.places(), plan.size.1);
        let depth = plan.window.patch();
        let weight = Matrix::new(weight, plan.channels, depth);
        if plan.window.is_pointwise() {
            multiply(
                map,
                places,
                weight,
                Matrix::new(image, depth, places),
                false,
            );
        } else {
            for first in (0..plan.size.0).step_by(plan.lines()) {
                let lines = first..(first + plan.lines()).min(plan.size.0);
                let columns = lines.len() * width;
                plan.window.gather(image, lines, width, patches);
                let patches = Matrix::new(patches, depth, columns);
                multiply(&mut map[first * width..], places, weight, patches, false);
            }
        }
        for (channel, plane) in map.chunks_mut(places.max(1)).enumerate() {
            let bias = bias.map_or(0.0, |bias| bias[channel]);
            if self.conv.relu {
                for y in plane {
                    let value = *y + bias;
                    *y = if value <= 0.0 { 0.0 } else { value };
                }
            } else if bias != 0.0 {
                for y in plane {
                    *y += bias;
                }
            }
        }
    }

    fn backward(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let backward = Backward {
            plan: Plan::new(&self.conv, x.shape(), weight.shape())?,
            relu: self.conv.relu,
            winners: self.winners.get().map(Vec::as_slice),
        };
        backward.run(x, weight, bias, result, grad)
    }
}

impl CustomOp2 for Operation {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        self.forward((x, x_layout), (weight, weight_layout), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, _) = self.backward(x, weight, None, result, grad)?;
        Ok((dx, dw))
    }
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let bias = slice(bias, bias_layout)?;
        self.forward((x, x_layout), (weight, weight_layout), Some(bias))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.backward(x, weight, Some(bias), result, grad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

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
            ([2, 3, 5, 4], [2, 3, 3, 3], 1, 1),
            ([1, 1, 6, 7], [3, 1, 2, 3], 2, 1),
            ([3, 2, 4, 4], [2, 2, 1, 1], 1, 0),
            ([1, 2, 5, 5], [1, 2, 1, 1], 2, 0),
            ([9, 1, 7, 4], [2, 1, 4, 4], 3, 2),
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

    /// Large enough for several bands of output rows and a cut inner dimension.
    #[test]
    fn large_images_agree_with_candle() {
        let vars = [
            var(&[2, 70, 40, 41], 1),
            var(&[5, 70, 3, 3], 2),
            var(&[5], 3),
        ];
        let c = conv(1, 1, true, None);
        let flat = |f: &dyn Fn(&[Tensor]) -> Result<Tensor>| {
            let all = everything(&vars, f);
            all.into_iter().map(f64::from).collect::<Vec<_>>()
        };
        let got = flat(&|t| conv2d(&t[0], &t[1], Some(&t[2]), &c));
        let want = flat(&|t| composed::conv2d(&t[0], &t[1], Some(&t[2]), &c));
        crate::kernel::probe::close("large", &got, &want, 2e-4);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let vars = [
            var(&[21, 3, 12, 11], 1),
            var(&[10, 3, 5, 5], 2),
            var(&[10], 3),
        ];
        for pool in [None, Some((2, 2))] {
            let c = conv(1, 2, true, pool);
            threads(|| everything(&vars, &|t| conv2d(&t[0], &t[1], Some(&t[2]), &c)));
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let (x, w) = (var(&[1, 2, 3, 3], 1), var(&[1, 3, 3, 3], 2));
        assert!(conv2d(&x, &w, None, &conv(1, 0, false, None)).is_err());
        let w = var(&[1, 2, 5, 5], 2);
        assert!(conv2d(&x, &w, None, &conv(1, 0, false, None)).is_err());
    }
}
