//! 2-d convolution (cross-correlation) of images with channels last, optionally with bias, ReLU and
//! max pooling in one operation: with them fused the large map before the pooling is never stored.
//!
//! Shapes: x `[n, h, w, ci]`, weight as in PyTorch `[co, ci, kh, kw]`, bias `[co]`, y `[n, h', w', co]`
//! with h' = (h + 2·padding − kh) / stride + 1, rounded down. It is direct: a pixel's window is kh
//! stretches of kw·ci numbers that lie side by side in the framed image, and one row of the output
//! is a product of those with the weights. 3×3 windows that move by one pixel, on whole
//! sixteens of channels, take `winograd`'s form instead. Images are independent; weight gradients are
//! summed per group of images, then over the groups in order, and the groups follow from the batch
//! size alone.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{
    composed,
    conv2d_backward::Backward,
    frame::Frame,
    fresh::fresh,
    max_pool::{Pool, pool_image},
    mixed::{Low, Params, apply2, apply3, like},
    operand::{fused, output, slice},
    tile::{Block, Finish, Left, Right, width},
    turn::turn,
    window::Window,
    winograd::Winograd,
};
use crate::units::counted;

/// Groups that a batch is cut into at most: units of work, and of weight gradients.
pub(super) const GROUPS: usize = 16;

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
        let (_, height, width, channels) = x.dims4()?;
        let (_, inputs, rows, cols) = weight.dims4()?;
        if inputs != channels {
            bail!(
                "a convolution of {} got images of {channels}",
                counted(inputs as u64, "channel")
            )
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
                let (_, window, places) = pool.on(&Shape::from((1, size.0, size.1, channels)))?;
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

    /// Numbers of one image's map, before pooling.
    pub fn map_len(&self) -> usize {
        self.channels * self.size.0 * self.size.1
    }

    /// Height and width of the result.
    pub fn result(&self) -> (usize, usize) {
        self.pool.as_ref().map_or(self.size, |(_, places)| *places)
    }

    /// Numbers of one image's result.
    pub fn result_len(&self) -> usize {
        self.channels * self.result().0 * self.result().1
    }

    /// The same with fewer products, where its shapes have that form.
    pub fn winograd(&self) -> Option<Winograd> {
        Winograd::of(&self.window, self.size, self.channels)
    }

    /// The images with their padding.
    pub fn frame(&self) -> Frame {
        let w = &self.window;
        Frame {
            size: (w.height + 2 * w.padding, w.width + 2 * w.padding),
            channels: w.channels,
            start: (w.padding, w.padding),
            image: (w.height, w.width),
        }
    }

    /// `image` with its padding: itself where there is none, else a copy in `room`.
    pub fn framed<'a>(&self, image: &'a [f32], room: &'a mut [f32]) -> &'a [f32] {
        if self.window.padding == 0 {
            return image;
        }
        self.frame().place(image, room);
        room
    }

    /// Room for one framed image, zero all over; none where images are read where they lie.
    pub fn room(&self) -> Vec<f32> {
        let padded = self.window.padding > 0;
        vec![0.0; if padded { self.frame().len() } else { 0 }]
    }

    /// The weights in panels of output channels: steps are (row, column, input channel).
    fn panels(&self, weight: &[f32]) -> Vec<f32> {
        let (w, width) = (&self.window, width());
        let taps = w.rows * w.cols;
        let depth = taps * w.channels;
        let mut out = vec![0.0; self.channels.div_ceil(width) * depth * width];
        let mut turned = vec![0.0; depth * width];
        let panels = out.chunks_exact_mut((depth * width).max(1));
        for (out, weight) in panels.zip(weight.chunks((depth * width).max(1))) {
            let channels = weight.len() / depth;
            turn((weight, depth), (channels, depth), (&mut turned, width));
            for (step, out) in out.chunks_exact_mut(width).enumerate() {
                let (tap, input) = (step / w.channels, step % w.channels);
                let row = &turned[(input * taps + tap) * width..];
                out[..channels].copy_from_slice(&row[..channels]);
            }
        }
        out
    }
}

/// A convolution's maps [h', w', co], with bias and ReLU.
struct Maps<'a> {
    plan: &'a Plan,
    winograd: Option<Winograd>,
    /// The weights as its products read them.
    weights: Vec<f32>,
    bias: Option<&'a [f32]>,
    relu: bool,
}

impl<'a> Maps<'a> {
    fn new(plan: &'a Plan, weight: &[f32], bias: Option<&'a [f32]>, relu: bool) -> Self {
        let (winograd, panels) = (plan.winograd(), plan.panels(weight));
        Self {
            plan,
            winograd,
            weights: match winograd {
                Some(_) => Winograd::weights(&panels, plan.window.channels),
                None => panels,
            },
            bias,
            relu,
        }
    }

    /// The maps of images `x`.
    fn of(&self, x: &[f32], maps: &mut [f32]) {
        if let Some(winograd) = self.winograd {
            return winograd.forward(x, &self.weights, (self.bias, self.relu), maps);
        }
        let mut room = self.plan.room();
        let images = x.chunks_exact(self.plan.window.image().max(1));
        for (map, x) in maps
            .chunks_exact_mut(self.plan.map_len().max(1))
            .zip(images)
        {
            self.image(self.plan.framed(x, &mut room), map);
        }
    }

    /// One image's map.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn image(&self, framed: &[f32], map: &mut [f32]) {
        let plan = self.plan;
        let (w, frame) = (&plan.window, plan.frame());
        let (stretch, width) = (w.cols * w.channels, width());
        assert!(framed.len() >= frame.len() && map.len() == plan.map_len());
        for (y, line) in map
            .chunks_exact_mut((plan.size.1 * plan.channels).max(1))
            .enumerate()
        {
            let block = Block {
                rows: plan.size.1,
                cols: plan.channels,
                depth: [1, w.rows, stretch],
                left: Left {
                    start: framed[frame.at(y * w.stride, 0)..].as_ptr(),
                    row: w.stride * w.channels,
                    image: 0,
                    segment: frame.line(),
                    step: 1,
                },
                right: Right {
                    start: self.weights.as_ptr(),
                    panel: w.rows * stretch * width,
                    image: 0,
                    segment: stretch * width,
                    step: width,
                },
                out: (line.as_mut_ptr(), plan.channels),
                finish: Finish {
                    add: false,
                    bias: self.bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
                    relu: self.relu,
                },
            };
            // SAFETY: `Window::output` gives places whose windows lie inside the framed image;
            // `Plan::panels` makes a panel for each width of channels; the line is this place's
            // alone; there are as many biases as channels.
            unsafe { block.run() };
        }
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
                "a convolution to {} has another number of biases",
                counted(plan.channels as u64, "channel")
            )
        }
        let n = x_layout.shape().dim(0)?;
        let maps = Maps::new(&plan, weight, bias, self.conv.relu);
        let (image, result) = (plan.window.image().max(1), plan.result_len().max(1));
        let size = n.div_ceil(GROUPS).max(1);
        let mut out = fresh(n * plan.result_len());
        let mut winners = vec![0; if plan.pool.is_some() { out.len() } else { 0 }];
        let mut groups: Vec<_> = winners.chunks_mut(size * result).collect();
        groups.resize_with(n.div_ceil(size), Default::default);
        let groups = groups
            .into_par_iter()
            .zip(out.par_chunks_mut(size * result));
        groups
            .zip(x.par_chunks(size * image))
            .for_each(|((winners, out), x)| {
                let Some((window, places)) = &plan.pool else {
                    return maps.of(x, out);
                };
                let mut map = fresh(plan.map_len());
                let results = out.chunks_mut(result).zip(winners.chunks_mut(result));
                for ((out, winners), x) in results.zip(x.chunks(image)) {
                    maps.of(x, &mut map);
                    if let Some(low) = self.low {
                        low.round(&mut map);
                    }
                    pool_image(window, *places, &map, out, winners);
                }
            });
        // A second forward pass of the same operation would find the same.
        let _ = self.winners.set(winners);
        let (height, width) = plan.result();
        output(out, (n, height, width, plan.channels))
    }

    fn backward(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let plan = Plan::new(&self.conv, x.shape(), weight.shape())?;
        let winners = self.winners.get().map_or(&[][..], Vec::as_slice);
        Backward::new(plan, self.conv.relu, winners).run(x, weight, bias, result, grad)
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
