//! Backward pass of the 2-d convolution.
//!
//! With g = ∂L/∂(map), unpooled and masked where ReLU cut, per image: ∂L/∂W += g·patchesᵀ,
//! ∂L/∂patches = Wᵀ·g, folded back to ∂L/∂x, and ∂L/∂b += Σ g over the pixels.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::{
    collect::hand_over,
    conv2d::Plan,
    inplace::{CHUNK, with_ref},
    matmul::{Matrix, multiply},
    max_pool::unpool_image,
    operand::{tensor, wanted},
    reduce::sum,
};

/// What the backward pass knows of the forward pass.
pub(super) struct Backward<'a> {
    pub plan: Plan,
    pub relu: bool,
    /// Places of the maxima, where pooling followed.
    pub winners: Option<&'a [u16]>,
}

/// Sums of a group of images.
struct Sums {
    weight: Vec<f32>,
    bias: Vec<f64>,
}

/// Slices of a whole batch.
struct Operands<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    result: &'a [f32],
    grad: &'a [f32],
    /// Whether ∂L/∂W is wanted.
    weights: bool,
}

/// Room that a thread reuses from image to image.
struct Scratch {
    patches: Vec<f32>,
    patch_grads: Vec<f32>,
    map: Vec<f32>,
}

type Gradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

impl Backward<'_> {
    pub fn run(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<Gradients> {
        let n = x.dim(0)?;
        let mut dx = vec![0.0; if wanted(x) { x.elem_count() } else { 0 }];
        let groups = with_ref(x, |x| {
            with_ref(weight, |w| {
                with_ref(result, |result| {
                    with_ref(&grad.contiguous()?, |grad| {
                        let weights = wanted(weight);
                        let all = Operands {
                            x,
                            weight: w,
                            result,
                            grad,
                            weights,
                        };
                        Ok(self.groups(n, &all, &mut dx))
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
            let total = self.total(&groups, weight.elem_count());
            hand_over(weight, tensor(total, weight.shape())?)?
        } else {
            None
        };
        let db = match bias.filter(|b| wanted(b)) {
            Some(bias) => {
                let total = |i: usize| groups.iter().map(|g| g.bias[i]).sum::<f64>() as f32;
                let values = (0..self.plan.channels).map(total).collect();
                hand_over(bias, tensor(values, bias.shape())?)?
            }
            None => None,
        };
        Ok((dx, dw, db))
    }

    /// Each group's sums, in order; fills `dx` where it is not empty.
    fn groups(&self, n: usize, all: &Operands, dx: &mut [f32]) -> Vec<Sums> {
        const GROUPS: usize = 8;
        let size = n.div_ceil(GROUPS).max(1);
        let image = self.plan.window.image();
        let mut targets: Vec<&mut [f32]> = dx.chunks_mut((size * image).max(1)).collect();
        targets.resize_with(n.div_ceil(size), Default::default);
        let run = |(group, dx): (usize, &mut [f32])| {
            let mut sums = Sums {
                weight: vec![0.0; if all.weights { all.weight.len() } else { 0 }],
                bias: vec![0.0; self.plan.channels],
            };
            let mut scratch = Scratch {
                patches: self.plan.patches(),
                patch_grads: if dx.is_empty() {
                    Vec::new()
                } else {
                    self.plan.patches()
                },
                map: vec![0.0; self.plan.channels * self.plan.places()],
            };
            let mut images = dx.chunks_mut(image.max(1));
            for i in group * size..((group + 1) * size).min(n) {
                self.image(i, all, images.next(), &mut scratch, &mut sums);
            }
            sums
        };
        targets.into_par_iter().enumerate().map(run).collect()
    }

    /// The groups' weight gradients, added from the first to the last.
    fn total(&self, groups: &[Sums], len: usize) -> Vec<f32> {
        let mut total = vec![0.0; len];
        total
            .par_chunks_mut(CHUNK)
            .enumerate()
            .for_each(|(i, total)| {
                for group in groups {
                    for (total, part) in total.iter_mut().zip(&group.weight[i * CHUNK..]) {
                        *total += part;
                    }
                }
            });
        total
    }

    /// One image: adds to `sums`, writes its gradient to `dx`.
    fn image(
        &self,
        i: usize,
        all: &Operands,
        mut dx: Option<&mut [f32]>,
        scratch: &mut Scratch,
        sums: &mut Sums,
    ) {
        let Plan {
            window,
            size,
            channels,
            ..
        } = &self.plan;
        let (places, width, depth) = (self.plan.places(), size.1, window.patch());
        let Scratch {
            patches,
            patch_grads,
            map,
        } = scratch;
        let g = self.map_gradient(i, all, map);
        for (total, plane) in sums.bias.iter_mut().zip(g.chunks(places.max(1))) {
            *total += sum(plane, f64::from);
        }
        let x = &all.x[i * window.image()..(i + 1) * window.image()];
        let weight = Matrix::new(all.weight, *channels, depth);
        if window.is_pointwise() {
            let g = Matrix::new(g, *channels, places);
            if all.weights {
                multiply(
                    &mut sums.weight,
                    depth,
                    g,
                    Matrix::new(x, depth, places).t(),
                    true,
                );
            }
            if let Some(dx) = dx {
                multiply(dx, places, weight.t(), g, false);
            }
            return;
        }
        for first in (0..size.0).step_by(self.plan.lines()) {
            let lines = first..(first + self.plan.lines()).min(size.0);
            let columns = lines.len() * width;
            let g = Matrix::columns(g, *channels, places, first * width..first * width + columns);
            if all.weights {
                window.gather(x, lines.clone(), width, patches);
                let patches = Matrix::new(patches, depth, columns);
                multiply(&mut sums.weight, depth, g, patches.t(), true);
            }
            if let Some(dx) = dx.as_deref_mut() {
                multiply(patch_grads, columns, weight.t(), g, false);
                window.scatter(patch_grads, lines, width, dx);
            }
        }
    }

    /// ∂L/∂(map) of one image: unpooled and masked into `map` where that is needed.
    fn map_gradient<'a>(&self, i: usize, all: &Operands<'a>, map: &'a mut [f32]) -> &'a [f32] {
        let range = i * self.plan.result_len()..(i + 1) * self.plan.result_len();
        let (y, g) = (&all.result[range.clone()], &all.grad[range.clone()]);
        let masked = |j: usize| if self.relu && y[j] <= 0.0 { 0.0 } else { g[j] };
        match (&self.plan.pool, self.winners) {
            (Some((window, places)), Some(winners)) => {
                map.fill(0.0);
                unpool_image(window, *places, &winners[range], masked, map);
                map
            }
            _ if self.relu => {
                for (j, slot) in map.iter_mut().enumerate() {
                    *slot = masked(j);
                }
                map
            }
            _ => g,
        }
    }
}
