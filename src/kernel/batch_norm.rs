//! Batch normalisation (Ioffe & Szegedy 2015), optionally with ReLU in the same pass.
//!
//! x [n, c] or [n, c, ..]; per channel y = γ·(x − μ)/√(σ² + 10⁻⁵) + β. In training μ and σ² are the
//! batch's (sums in f64) and move the running ones by a tenth, the variance unbiased, as in
//! PyTorch; otherwise they are the running ones. Backward in training, with x̂ = (x − μ)/σ over M
//! values a channel: ∂x = γ/σ·(g − (Σg + x̂·Σg·x̂)/M), ∂γ = Σ g·x̂, ∂β = Σ g.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

use super::{
    collect::hand_over,
    composed,
    inplace::{CHUNK, with_ref},
    mixed::{Params, apply3, widen},
    operand::{fused, output, slice, tensor, wanted},
};

/// Added to the variance.
pub const EPSILON: f64 = 1e-5;
/// Share of a batch's moments in the running ones.
pub const MOMENTUM: f64 = 0.1;

/// Running mean and variance, one number per channel; training moves them.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// Mean `[c]`.
    pub mean: &'a Var,
    /// Variance `[c]`.
    pub variance: &'a Var,
}

/// Mean and biased variance of a batch, `[c]` each.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Mean `[c]`.
    pub mean: Tensor,
    /// Variance `[c]`, divided by the number of values.
    pub variance: Tensor,
}

/// Normalises each channel of x [n, c, ..] by the batch's moments (`train`, which also moves the
/// running ones) or by the running ones; scales by `gamma` `[c]`, shifts by `beta` `[c]`, then ReLU
/// where `relu`.
///
/// # Errors
/// Where the shapes do not fit together, where training has a single value per channel (its
/// variance means nothing), or the device fails.
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    running: Running,
    train: bool,
    relu: bool,
) -> Result<Tensor> {
    let count = Dims::new(x.shape())?.count();
    if train && count < 2 {
        bail!(
            "batch norm got one value per channel in training; hint: larger batches, or \
             `drop_last = true`"
        )
    }
    let fixed = (running.mean.as_tensor(), running.variance.as_tensor());
    let fixed = (!train).then_some(fixed);
    let (y, moments) = if fused(x) {
        fused_norm(&x.contiguous()?, gamma, beta, fixed, relu)?
    } else {
        let (y, moments) = composed::batch_norm(&widen(x)?, gamma, beta, fixed, relu)?;
        (y.to_dtype(x.dtype())?, moments)
    };
    if let Some(moments) = moments {
        let unbiased = count as f64 / (count as f64 - 1.0);
        let blend = |old: &Var, new: &Tensor, share: f64| {
            old.set(&((old.as_tensor() * (1.0 - MOMENTUM))? + (new * share)?)?.detach())
        };
        blend(running.mean, &moments.mean, MOMENTUM)?;
        blend(running.variance, &moments.variance, MOMENTUM * unbiased)?;
    }
    Ok(y)
}

fn fused_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    fixed: Option<(&Tensor, &Tensor)>,
    relu: bool,
) -> Result<(Tensor, Option<Moments>)> {
    let dims = Dims::new(x.shape())?;
    let (mean, variance) = match fixed {
        Some((mean, variance)) => (wide(mean)?, wide(variance)?),
        None => with_ref(&widen(x)?, |x| Ok(moments(x, &dims)))?,
    };
    let narrow = |values: &[f64]| {
        let values = values.iter().map(|v| *v as f32).collect();
        tensor(values, dims.channels)
    };
    let own = match fixed {
        Some(_) => None,
        None => Some(Moments {
            mean: narrow(&mean)?,
            variance: narrow(&variance)?,
        }),
    };
    let operation = BatchNorm {
        deviation: variance.iter().map(|v| (v + EPSILON).sqrt()).collect(),
        mean,
        train: fixed.is_none(),
        relu,
    };
    let y = apply3(x, [gamma, beta], Params::Exact, operation)?;
    Ok((y, own))
}

/// The numbers of a small tensor, as f64.
fn wide(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor
        .to_vec1::<f32>()?
        .into_iter()
        .map(f64::from)
        .collect())
}

/// Extents: batch, channels, values of one channel of one sample.
struct Dims {
    batch: usize,
    channels: usize,
    plane: usize,
}

impl Dims {
    fn new(shape: &Shape) -> Result<Self> {
        match shape.dims() {
            [batch, channels, rest @ ..] => Ok(Self {
                batch: *batch,
                channels: *channels,
                plane: rest.iter().product(),
            }),
            other => bail!("batch norm of a tensor of shape {other:?}, which has no channels"),
        }
    }

    /// Values per channel.
    fn count(&self) -> usize {
        self.batch * self.plane
    }

    /// Two sums per channel: of `plane` over the ranges that hold the channel's values.
    fn sums(&self, plane: impl Fn(usize, Range<usize>) -> [f64; 2] + Sync) -> Vec<[f64; 2]> {
        let channel = |c: usize| {
            let mut total = [0.0; 2];
            for i in 0..self.batch {
                let start = (i * self.channels + c) * self.plane;
                let [a, b] = plane(c, start..start + self.plane);
                total = [total[0] + a, total[1] + b];
            }
            total
        };
        let few = (CHUNK / self.count().max(1)).max(1);
        let channels = (0..self.channels).into_par_iter().with_min_len(few);
        channels.map(channel).collect()
    }

    /// Calls `plane` for each channel of each sample with its range and its place in `out`.
    fn write(&self, out: &mut [f32], plane: impl Fn(usize, Range<usize>, &mut [f32]) + Sync) {
        let length = self.plane.max(1);
        let planes = (CHUNK / length).max(1);
        let chunks = out.par_chunks_mut(planes * length).enumerate();
        chunks.for_each(|(chunk, out)| {
            for (i, out) in out.chunks_mut(length).enumerate() {
                let index = chunk * planes + i;
                let start = index * length;
                plane(index % self.channels, start..start + length, out);
            }
        });
    }
}

/// Mean and biased variance of each channel.
fn moments(x: &[f32], dims: &Dims) -> (Vec<f64>, Vec<f64>) {
    let count = dims.count() as f64;
    let first = dims.sums(|_, range| pairs(&x[range.clone()], &x[range], |x, _| [x, 0.0]));
    let mean: Vec<f64> = first.iter().map(|[sum, _]| sum / count).collect();
    let second = dims.sums(|c, range| {
        let mean = mean[c];
        pairs(&x[range.clone()], &x[range], |x, _| {
            [(x - mean) * (x - mean), 0.0]
        })
    });
    let variance = second.iter().map(|[sum, _]| sum / count).collect();
    (mean, variance)
}

/// Σ f(a, b) over two slices of one length in f64, eight lanes wide.
#[inline]
fn pairs(a: &[f32], b: &[f32], f: impl Fn(f64, f64) -> [f64; 2]) -> [f64; 2] {
    const LANES: usize = 8;
    let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail = left.remainder().iter().zip(right.remainder());
    for (a, b) in left.zip(right) {
        for i in 0..LANES {
            let [s, t] = f(f64::from(a[i]), f64::from(b[i]));
            first[i] += s;
            second[i] += t;
        }
    }
    for (i, (a, b)) in tail.enumerate() {
        let [s, t] = f(f64::from(*a), f64::from(*b));
        first[i] += s;
        second[i] += t;
    }
    [first.iter().sum(), second.iter().sum()]
}

struct BatchNorm {
    mean: Vec<f64>,
    deviation: Vec<f64>,
    train: bool,
    relu: bool,
}

impl BatchNorm {
    fn gradients(
        &self,
        dims: &Dims,
        (x, gamma, y, g): (&[f32], &[f32], &[f32], &[f32]),
        wanted: bool,
    ) -> (Option<Vec<f32>>, Vec<[f64; 2]>) {
        let masked = self.relu.then(|| super::linear::mask(y, g));
        let g = masked.as_deref().unwrap_or(g);
        // Per channel Σ g and Σ g·x̂.
        let sums = dims.sums(|c, range| {
            let (mean, deviation) = (self.mean[c], self.deviation[c]);
            let [a, b] = pairs(&g[range.clone()], &x[range], |g, x| [g, g * (x - mean)]);
            [a, b / deviation]
        });
        let dx = wanted.then(|| {
            let count = dims.count() as f64;
            let mut out = vec![0.0; x.len()];
            dims.write(&mut out, |c, range, out| {
                let scale = f64::from(gamma[c]) / self.deviation[c];
                let (slope, shift) = if self.train {
                    let slope = -scale * sums[c][1] / count / self.deviation[c];
                    (slope as f32, (-scale * sums[c][0] / count) as f32)
                } else {
                    (0.0, 0.0)
                };
                let (scale, mean) = (scale as f32, self.mean[c] as f32);
                for ((out, g), x) in out.iter_mut().zip(&g[range.clone()]).zip(&x[range]) {
                    *out = scale * g + slope * (x - mean) + shift;
                }
            });
            out
        });
        (dx, sums)
    }
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let dims = Dims::new(x_layout.shape())?;
        let (x, gamma) = (slice(x, x_layout)?, slice(gamma, gamma_layout)?);
        let beta = slice(beta, beta_layout)?;
        if [
            gamma.len(),
            beta.len(),
            self.mean.len(),
            self.deviation.len(),
        ] != [dims.channels; 4]
        {
            bail!(
                "batch norm of {} channels got parameters of others",
                dims.channels
            )
        }
        let mut out = vec![0.0; x.len()];
        dims.write(&mut out, |c, range, out| {
            let scale = (f64::from(gamma[c]) / self.deviation[c]) as f32;
            let (mean, beta) = (self.mean[c] as f32, beta[c]);
            for (y, x) in out.iter_mut().zip(&x[range]) {
                *y = (x - mean) * scale + beta;
            }
            if self.relu {
                for y in out {
                    *y = if *y <= 0.0 { 0.0 } else { *y };
                }
            }
        });
        output(out, x_layout.shape())
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dims = Dims::new(x.shape())?;
        let (dx, sums) = with_ref(x, |x_values| {
            with_ref(gamma, |scales| {
                with_ref(result, |y| {
                    with_ref(&grad.contiguous()?, |g| {
                        Ok(self.gradients(&dims, (x_values, scales, y, g), wanted(x)))
                    })
                })
            })
        })?;
        let column = |i: usize| {
            let values = sums.iter().map(|s| s[i] as f32).collect();
            tensor(values, gamma.shape())
        };
        let dx = dx.map(|dx| tensor(dx, x.shape())).transpose()?;
        Ok((
            dx,
            hand_over(gamma, column(1)?)?,
            hand_over(beta, column(0)?)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{close, everything, flat, gradients, threads, var};
    use candle_core::{DType, Device};

    fn running(channels: usize, dtype: DType) -> (Var, Var) {
        let make = |seed, shift: f64| {
            let t = (var(&[channels], seed).as_tensor() + shift).unwrap();
            Var::from_tensor(&t.to_dtype(dtype).unwrap().detach()).unwrap()
        };
        (make(7, 0.0), make(8, 1.5))
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [&[5, 3][..], &[2, 3, 4, 5], &[2, 1, 1, 1], &[3, 70, 2, 1]] {
            let c = shape[1];
            let vars = [var(shape, 1), var(&[c], 2), var(&[c], 3)];
            for train in [true, false] {
                for relu in [false, true] {
                    let run = |t: &[Tensor]| {
                        let (mean, variance) = running(c, t[0].dtype());
                        let (mean, variance) = (&mean, &variance);
                        let r = Running { mean, variance };
                        batch_norm(&t[0], &t[1], &t[2], r, train, relu)
                    };
                    // The same function takes the fused path in f32 and the composed one in f64.
                    gradients(&format!("{shape:?} {train} {relu}"), &vars, &run, &run);
                }
            }
        }
    }

    #[test]
    fn training_moves_the_running_moments_by_a_tenth() {
        let x = Tensor::new(&[[1f32], [3.0], [5.0]], &Device::Cpu).unwrap();
        for dtype in [DType::F32, DType::F64] {
            let x = x.to_dtype(dtype).unwrap();
            let one = Tensor::ones(1, dtype, &Device::Cpu).unwrap();
            let (mean, variance) = (Var::from_tensor(&one).unwrap(), Var::from_tensor(&one));
            let variance = variance.unwrap();
            let r = Running {
                mean: &mean,
                variance: &variance,
            };
            batch_norm(&x, &one, &one, r, false, false).unwrap();
            assert_eq!(flat(&mean), [1.0]);
            batch_norm(&x, &one, &one, r, true, false).unwrap();
            close("mean", &flat(&mean), &[0.9 + 0.3], 1e-6);
            close("variance", &flat(&variance), &[0.9 + 0.4], 1e-6);
        }
    }

    #[test]
    fn one_value_per_channel_cannot_be_normalised() {
        let (mean, variance) = running(2, DType::F32);
        let r = Running {
            mean: &mean,
            variance: &variance,
        };
        let (x, p) = (var(&[1, 2], 1), var(&[2], 2));
        let message = batch_norm(&x, &p, &p, r, true, false)
            .unwrap_err()
            .to_string();
        assert!(message.contains("one value per channel"), "{message}");
        assert!(batch_norm(&x, &p, &p, r, false, false).is_ok());
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        for shape in [&[33, 19, 7, 5][..], &[129, 300]] {
            let vars = [var(shape, 1), var(&shape[1..2], 2), var(&shape[1..2], 3)];
            let run = |t: &[Tensor]| {
                let (mean, variance) = running(shape[1], DType::F32);
                let r = Running {
                    mean: &mean,
                    variance: &variance,
                };
                batch_norm(&t[0], &t[1], &t[2], r, true, true)
            };
            threads(|| everything(&vars, &run));
        }
    }
}
