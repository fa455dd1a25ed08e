//! Backward pass of the 2-d convolution.
//!
//! With g = ∂L/∂(map), unpooled and masked where ReLU cut, and padded by zeros, per image:
//! ∂L/∂W[kh, kw, ci, co] = Σ x[y·s + kh, x·s + kw, ci]·g[y, x, co], each row of the window a
//! product over all pixels; ∂L/∂b = Σ g over the pixels; and ∂L/∂x is a convolution of g with the
//! transposed weights. For strides s > 1 the pixels of x fall into s·s phases, each of which sees only
//! every s-th row and column of the window: no product with zeros is computed. Where the forward
//! pass took `winograd`'s form, so do both gradients.

use std::ops::Range;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::{BATCH_CHUNKS, Padding, Plan, Winograd, unpool_image};
use crate::kernel::{
    gemm::{Block, Finish, Left, Right, WIDEST, transpose, width},
    memory::{CHUNK, tensor, uninit, wanted, with_ref},
    simd::dispatch,
};

/// What the backward pass knows of the forward pass.
pub(crate) struct Backward<'a> {
    plan: Plan,
    relu: bool,
    /// Places of the maxima, where pooling followed.
    argmax: &'a [u16],
    winograd: Option<Winograd>,
    /// The maps' gradients with the zeros that the phases reach for.
    padding: Padding,
}

/// The pixels of x along one axis that see the same rows (or columns) of the window.
struct Phase {
    /// The first of them, and how many there are, `stride` apart.
    first: usize,
    count: usize,
    /// The window's rows that they see, in the order of the gradients that come with them.
    taps: Vec<usize>,
    /// The padded gradient's row that the first of them begins with.
    start: usize,
}

/// Slices of a whole batch.
struct Operands<'a> {
    x: &'a [f32],
    result: &'a [f32],
    grad: &'a [f32],
    /// Whether ∂L/∂W is wanted, and ∂L/∂b.
    weights: bool,
    biases: bool,
}

/// Sums of a group of images.
struct Sums {
    /// [kh, kw, ci, co]
    weight: Vec<f32>,
    bias: Vec<f64>,
}

impl<'a> Backward<'a> {
    pub fn new(plan: Plan, relu: bool, argmax: &'a [u16]) -> Self {
        let (w, (height, width)) = (&plan.window, plan.size);
        // Zeros above and left: as far as the window's last tap looks back. Below and right: as far
        // as the last pixel of x lies behind the last place.
        let along = |extent: usize, kernel: usize, places: usize| {
            let before = kernel.div_ceil(w.stride) - 1;
            let last = (extent + w.padding).saturating_sub(1) / w.stride;
            (before, before + places.max(last + 1))
        };
        let (top, rows) = along(w.height, w.rows, height);
        let (left, cols) = along(w.width, w.cols, width);
        let winograd = plan.winograd();
        let (size, start) = match winograd {
            Some(_) => (plan.size, (0, 0)),
            None => ((rows, cols), (top, left)),
        };
        let padding = Padding {
            size,
            channels: plan.channels,
            start,
            image: plan.size,
        };
        Self {
            plan,
            relu,
            argmax,
            winograd,
            padding,
        }
    }

    pub fn run(
        &self,
        [x, weight]: [&Tensor; 2],
        bias: Option<&Tensor>,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let mut dx = uninit(if wanted(x) { x.elem_count() } else { 0 });
        let groups = with_ref(x, |x| {
            with_ref(weight, |w| {
                with_ref(result, |result| {
                    with_ref(grad, |grad| {
                        let all = Operands {
                            x,
                            result,
                            grad,
                            weights: wanted(weight),
                            biases: bias.is_some_and(wanted),
                        };
                        Ok(self.groups(&all, w, &mut dx))
                    })
                })
            })
        })?;
        let dx = if wanted(x) {
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let dw = if wanted(weight) {
            Some(tensor(self.total(&groups), weight.shape())?)
        } else {
            None
        };
        let db = match bias.filter(|b| wanted(b)) {
            Some(bias) => {
                let total = |i: usize| groups.iter().map(|g| g.bias[i]).sum::<f64>() as f32;
                let values = (0..self.plan.channels).map(total).collect();
                Some(tensor(values, bias.shape())?)
            }
            None => None,
        };
        Ok([dx, dw, db])
    }

    /// Each group's sums, in order; fills `dx` where it is not empty.
    fn groups(&self, all: &Operands, weight: &[f32], dx: &mut [f32]) -> Vec<Sums> {
        let w = &self.plan.window;
        let image = w.image().max(1);
        let n = all.x.len() / image;
        let size = n.div_ceil(BATCH_CHUNKS).max(1);
        let way = Way::new(self, weight, !dx.is_empty());
        let mut targets: Vec<&mut [f32]> = dx.chunks_mut(size * image).collect();
        targets.resize_with(n.div_ceil(size), Default::default);
        let run = |(group, dx): (usize, &mut [f32])| {
            let images = group * size..((group + 1) * size).min(n);
            match &way {
                Way::Direct(phases) => self.direct(all, phases.as_ref(), images, dx),
                Way::Winograd(winograd, weights) => {
                    self.by_winograd(all, winograd, weights, images, dx)
                }
            }
        };
        targets.into_par_iter().enumerate().map(run).collect()
    }

    /// The sums of a group of images by products with the window's own weights.
    fn direct(
        &self,
        all: &Operands,
        phases: Option<&Phases>,
        group: Range<usize>,
        dx: &mut [f32],
    ) -> Sums {
        let w = &self.plan.window;
        let (image, result) = (w.image().max(1), self.plan.result_len().max(1));
        let len = w.rows * w.cols * w.channels * self.plan.channels;
        let mut sums = Sums {
            weight: vec![0.0; if all.weights { len } else { 0 }],
            bias: vec![0.0; self.plan.channels],
        };
        let few = self.together();
        let (x_len, g_len) = (self.plan.padding().len(), self.padding.len());
        let pads = w.padding > 0 && all.weights;
        let mut scratch = vec![0.0; if pads { few * x_len } else { 0 }];
        // The last tile reads past the last channel.
        let mut padded = vec![0.0; few * g_len + WIDEST];
        let mut images = dx.chunks_mut(image);
        for first in group.clone().step_by(few) {
            let places = first..(first + few).min(group.end);
            let x = &all.x[places.start * image..places.end * image];
            for (i, padded) in places.clone().zip(padded.chunks_mut(g_len.max(1))) {
                self.place_gradient(all, i * result..(i + 1) * result, padded);
                if all.biases {
                    self.add_bias(padded, &mut sums.bias);
                }
                if let (Some(phases), Some(dx)) = (phases, images.next()) {
                    phases.image(self, padded, dx);
                }
            }
            if pads {
                let targets = scratch.chunks_exact_mut(x_len.max(1));
                for (x, padded) in x.chunks_exact(image).zip(targets) {
                    self.plan.padding().place(x, padded);
                }
            }
            if all.weights {
                let x = if pads { &scratch } else { x };
                self.add_weights(places.len(), x, &padded, &mut sums.weight);
            }
        }
        sums
    }

    /// The sums of a group of images by Winograd's products.
    fn by_winograd(
        &self,
        all: &Operands,
        winograd: &Winograd,
        weights: &[f32],
        group: Range<usize>,
        dx: &mut [f32],
    ) -> Sums {
        let (image, result) = (self.plan.window.image(), self.plan.result_len());
        let (len, few) = (self.padding.len(), self.together());
        let mut sums = if all.weights {
            winograd.sums()
        } else {
            Vec::new()
        };
        let mut bias = vec![0.0; self.plan.channels];
        let as_it_is = !self.relu && self.plan.pool.is_none();
        let mut scratch = vec![0.0; if as_it_is { 0 } else { few * len }];
        let mut targets = dx.chunks_mut(few * image);
        for first in group.clone().step_by(few) {
            let places = first..(first + few).min(group.end);
            let grads = if as_it_is {
                &all.grad[places.start * result..places.end * result]
            } else {
                for (i, map) in places.clone().zip(scratch.chunks_exact_mut(len)) {
                    self.place_gradient(all, i * result..(i + 1) * result, map);
                }
                &scratch[..places.len() * len]
            };
            if all.biases {
                for map in grads.chunks_exact(len) {
                    self.add_bias(map, &mut bias);
                }
            }
            let x = &all.x[places.start * image..places.end * image];
            let dx = targets.next().unwrap_or_default();
            if all.weights {
                winograd.add_weights(x, grads, &mut sums);
            }
            if !dx.is_empty() {
                winograd
                    .transposed()
                    .forward(grads, weights, (None, false), dx);
            }
        }
        if all.weights {
            sums = winograd.weight_gradient(&sums);
        }
        Sums { weight: sums, bias }
    }

    /// Images whose frames fit into the second-level cache together.
    fn together(&self) -> usize {
        const NUMBERS: usize = 96 << 10;
        (NUMBERS / (self.plan.padding().len() + self.padding.len()).max(1)).max(1)
    }

    /// The groups' weight gradients, added from the first to the last, as [co, ci, kh, kw].
    fn total(&self, groups: &[Sums]) -> Vec<f32> {
        let (w, outputs) = (&self.plan.window, self.plan.channels);
        let (taps, inputs) = (w.rows * w.cols, w.channels);
        let mut sums = vec![0.0; taps * inputs * outputs];
        let chunks = sums.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(i, sums)| {
            for group in groups {
                let part = &group.weight[i * CHUNK..];
                dispatch(
                    #[inline(always)]
                    || {
                        for (sum, part) in sums.iter_mut().zip(part) {
                            *sum += part;
                        }
                    },
                );
            }
        });
        let mut out = uninit(sums.len());
        let channels = out.par_chunks_mut((inputs * taps).max(1)).enumerate();
        channels.for_each(|(output, out)| {
            for (input, out) in out.chunks_exact_mut(taps).enumerate() {
                for (tap, out) in out.iter_mut().enumerate() {
                    *out = sums[(tap * inputs + input) * outputs + output];
                }
            }
        });
        out
    }

    /// ∂L/∂(map) of one image into its place, unpooled and masked.
    fn place_gradient(&self, all: &Operands, range: Range<usize>, padded: &mut [f32]) {
        let (y, g) = (&all.result[range.clone()], &all.grad[range.clone()]);
        if let Some((window, places)) = &self.plan.pool {
            let first = self.padding.at(self.padding.start.0, self.padding.start.1);
            let (argmax, line) = (&self.argmax[range], self.padding.line());
            let image = &mut padded[first..];
            unpool_image(window, *places, (argmax, y, g), self.relu, image, line);
            return;
        }
        if !self.relu {
            self.padding.place(g, padded);
            return;
        }
        let line = (self.plan.size.1 * self.plan.channels).max(1);
        let sources = y.chunks_exact(line).zip(g.chunks_exact(line));
        dispatch(
            #[inline(always)]
            || {
                for (to, (y, g)) in self.padding.rows(padded).zip(sources) {
                    for (to, (y, g)) in to.iter_mut().zip(y.iter().zip(g)) {
                        *to = if *y <= 0.0 { 0.0 } else { *g };
                    }
                }
            },
        );
    }

    /// Adds the sums over one image's pixels.
    fn add_bias(&self, padded: &[f32], bias: &mut [f64]) {
        let channels = self.plan.channels.max(1);
        let mut sums = vec![0f32; channels];
        dispatch(
            #[inline(always)]
            || {
                for line in self.padding.lines(padded) {
                    for pixel in line.chunks_exact(channels) {
                        for (sum, g) in sums.iter_mut().zip(pixel) {
                            *sum += g;
                        }
                    }
                }
            },
        );
        for (bias, sum) in bias.iter_mut().zip(sums) {
            *bias += f64::from(sum);
        }
    }

    /// Adds the weight gradient of a few padded images that follow one another.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn add_weights(&self, images: usize, x: &[f32], padded: &[f32], sums: &mut [f32]) {
        let (w, padding, outputs) = (&self.plan.window, self.plan.padding(), self.plan.channels);
        let stretch = w.cols * w.channels;
        assert!(x.len() >= images * padding.len());
        assert!(padded.len() >= images * self.padding.len() + WIDEST);
        let first = self.padding.at(self.padding.start.0, self.padding.start.1);
        for (row, sums) in sums
            .chunks_exact_mut((stretch * outputs).max(1))
            .enumerate()
        {
            let block = Block {
                rows: stretch,
                cols: outputs,
                depth: [images, self.plan.size.0, self.plan.size.1],
                left: Left {
                    start: x[padding.at(row, 0)..].as_ptr(),
                    row: 1,
                    image: padding.len(),
                    segment: w.stride * padding.line(),
                    step: w.stride * w.channels,
                },
                right: Right {
                    start: padded[first..].as_ptr(),
                    panel: width(),
                    image: self.padding.len(),
                    segment: self.padding.line(),
                    step: outputs,
                },
                out: (sums.as_mut_ptr(), outputs),
                finish: Finish {
                    add: true,
                    ..Finish::PLAIN
                },
            };
            // SAFETY: the window lies inside the padded image at all places; the padded gradient
            // holds a row of channels for each place and room for a vector behind the last; the
            // sums of this row of the window are [stretch, outputs].
            unsafe { block.run() };
        }
    }

    /// The phases along one axis of x: its extent, the window's, and the padding's zeros before.
    fn phases(&self, extent: usize, kernel: usize, before: usize) -> Vec<Phase> {
        let w = &self.plan.window;
        let phase = |first: usize| {
            let place = first + w.padding;
            let taps: Vec<usize> = (place % w.stride..kernel).step_by(w.stride).collect();
            Phase {
                first,
                count: (extent - first).div_ceil(w.stride),
                // The gradient of an earlier place comes through a later tap.
                start: (before + place / w.stride + 1).saturating_sub(taps.len()),
                taps: taps.into_iter().rev().collect(),
            }
        };
        (0..w.stride.min(extent)).map(phase).collect()
    }
}

/// How the products are made.
enum Way {
    /// With the window's weights; phases where ∂L/∂x is wanted.
    Direct(Option<Phases>),
    /// Winograd's, with the transposed weights for ∂L/∂x.
    Winograd(Winograd, Vec<f32>),
}

impl Way {
    fn new(backward: &Backward, weight: &[f32], inputs: bool) -> Self {
        let plan = &backward.plan;
        match backward.winograd {
            Some(winograd) if inputs => {
                let taps: Vec<usize> = (0..plan.window.rows * plan.window.cols).rev().collect();
                let panels = panels(plan, &transposed(plan, weight), &taps);
                Self::Winograd(winograd, Winograd::weights(&panels, plan.channels))
            }
            Some(winograd) => Self::Winograd(winograd, Vec::new()),
            None => Self::Direct(inputs.then(|| Phases::new(backward, weight))),
        }
    }
}

/// Weights as [output channel, tap, input channel].
fn transposed(plan: &Plan, weight: &[f32]) -> Vec<f32> {
    let (taps, inputs) = (plan.window.rows * plan.window.cols, plan.window.channels);
    let mut out = uninit(weight.len());
    let filters = out.chunks_exact_mut((taps * inputs).max(1));
    for (out, from) in filters.zip(weight.chunks_exact((taps * inputs).max(1))) {
        transpose((from, taps), (inputs, taps), (out, inputs));
    }
    out
}

/// Such weights in panels of input channels: steps are (one of `taps`, output channel).
fn panels(plan: &Plan, transposed: &[f32], taps: &[usize]) -> Vec<f32> {
    let (inputs, outputs, width) = (plan.window.channels, plan.channels, width());
    let filter = plan.window.rows * plan.window.cols * inputs;
    let panel = taps.len() * outputs * width;
    let mut out = vec![0.0; inputs.div_ceil(width) * panel];
    for (i, out) in out.chunks_exact_mut(panel.max(1)).enumerate() {
        let seen = i * width..((i + 1) * width).min(inputs);
        let steps = taps
            .iter()
            .flat_map(|tap| (0..outputs).map(move |o| (tap, o)));
        for ((tap, output), step) in steps.zip(out.chunks_exact_mut(width)) {
            let from = &transposed[output * filter + tap * inputs..][seen.clone()];
            step[..from.len()].copy_from_slice(from);
        }
    }
    out
}

/// The phases of a convolution's inputs, with the weights that each of them sees, in panels.
struct Phases(Vec<(Phase, Vec<Seen>)>);

/// A phase of the columns, and the weights that it and the phase of the rows see.
type Seen = (Phase, Vec<f32>);

impl Phases {
    fn new(backward: &Backward, weight: &[f32]) -> Self {
        let w = &backward.plan.window;
        let (top, left) = backward.padding.start;
        let transposed = transposed(&backward.plan, weight);
        let seen = |rows: &Phase, cols: &Phase| {
            let taps = rows.taps.iter();
            let taps = taps.flat_map(|row| cols.taps.iter().map(move |col| row * w.cols + col));
            panels(&backward.plan, &transposed, &taps.collect::<Vec<_>>())
        };
        let rows = backward.phases(w.height, w.rows, top).into_iter();
        let all = rows.map(|rows| {
            let cols = backward.phases(w.width, w.cols, left).into_iter();
            let cols = cols.map(|cols| {
                let panels = seen(&rows, &cols);
                (cols, panels)
            });
            let cols = cols.collect();
            (rows, cols)
        });
        Self(all.collect())
    }

    /// ∂L/∂x of one image.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn image(&self, backward: &Backward, padded: &[f32], dx: &mut [f32]) {
        let (w, padding) = (&backward.plan.window, &backward.padding);
        let width = width();
        assert!(padded.len() >= padding.len() && dx.len() == w.image());
        for (rows, cols) in &self.0 {
            for (cols, panels) in cols {
                let stretch = cols.taps.len() * backward.plan.channels;
                for i in 0..rows.count {
                    let y = rows.first + i * w.stride;
                    let target = &mut dx[(y * w.width + cols.first) * w.channels..];
                    let block = Block {
                        rows: cols.count,
                        cols: w.channels,
                        depth: [1, rows.taps.len(), stretch],
                        left: Left {
                            start: padded
                                .as_ptr()
                                .wrapping_add(padding.at(rows.start + i, cols.start)),
                            row: padding.channels,
                            image: 0,
                            segment: padding.line(),
                            step: 1,
                        },
                        right: Right {
                            start: panels.as_ptr(),
                            panel: rows.taps.len() * stretch * width,
                            image: 0,
                            segment: stretch * width,
                            step: width,
                        },
                        out: (target.as_mut_ptr(), w.stride * w.channels),
                        finish: Finish::PLAIN,
                    };
                    // SAFETY: the frame reaches from the first gradient that the first pixel sees to
                    // the last one that the last pixel sees; the panels hold every tap; the pixels
                    // of a phase lie `stride` apart within the image's row.
                    unsafe { block.run() };
                }
            }
        }
    }
}
