//! Batch normalisation (Ioffe & Szegedy 2015), optionally with ReLU in the same pass.
//!
//! x [.., c], channels last; per channel y = γ·(x − μ)/√(σ² + 10⁻⁵) + β. In training μ and σ² are the
//! batch's and move the running ones by a tenth, the variance unbiased, as in
//! PyTorch; otherwise they are the running ones. Backward in training, with x̂ = (x − μ)/σ over M
//! values a channel: ∂x = γ/σ·(g − (Σg + x̂·Σg·x̂)/M), ∂γ = Σ g·x̂, ∂β = Σ g.
//!
//! Sums run over blocks of rows, in f32 over a few rows at a time and in f64 beyond, then over the
//! blocks in order; each block's variance is around its own mean (Chan, Golub & LeVeque 1979), so
//! that one pass through memory is enough.

use candle_core::{Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widen},
    composed::{self, EPSILON, Moments},
    memory::{CHUNK, fused, output, tensor, uninit, wanted, with_ref},
    simd::dispatch,
};
use crate::units::counted;

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

/// Normalises each channel of x [.., c] by the batch's moments (`train`, which also moves the
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
    let count = Dims::new(x.shape())?.count;
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
        Some((mean, variance)) => (doubles(mean)?, doubles(variance)?),
        None => with_ref(&widen(x)?, |x| Ok(dims.moments(x)))?,
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
    let y = apply(
        [(x, Role::Input), (gamma, Role::Exact), (beta, Role::Exact)],
        operation,
    )?;
    Ok((y, own))
}

/// The numbers of a small tensor, as f64.
fn doubles(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor
        .to_vec1::<f32>()?
        .into_iter()
        .map(f64::from)
        .collect())
}

/// Extents: values of one channel, and channels.
struct Dims {
    count: usize,
    channels: usize,
}

impl Dims {
    fn new(shape: &Shape) -> Result<Self> {
        match shape.dims() {
            [rest @ .., channels] if !rest.is_empty() => Ok(Self {
                count: rest.iter().product(),
                channels: *channels,
            }),
            other => bail!("batch norm of a tensor of shape {other:?}, which has no channels"),
        }
    }

    /// Numbers that the inner loops take at a time: rows side by side, so that a few channels make
    /// long loops too.
    fn span(&self) -> usize {
        const SHORTEST: usize = 128;
        let channels = self.channels.max(1);
        (SHORTEST / channels).max(1) * channels
    }

    /// Numbers in one block of rows.
    fn block(&self) -> usize {
        (4 * CHUNK / self.span()).max(1) * self.span()
    }

    /// One number a channel, repeated over a span.
    fn repeated(&self, value: impl Fn(usize) -> f32) -> Vec<f32> {
        let channels = self.channels.max(1);
        (0..self.span()).map(|i| value(i % channels)).collect()
    }

    /// Two sums per channel over a block of rows that lie side by side in two slices: in f32 over a
    /// few rows, in f64 beyond. `term` gets a number of each and the channel's of `line`.
    #[inline(always)]
    fn sums(
        &self,
        [a, b]: [&[f32]; 2],
        line: &Line,
        term: impl Fn([f32; 2], [f32; 3]) -> [f32; 2],
    ) -> [Vec<f64>; 2] {
        /// Spans added up in f32.
        const FEW: usize = 16;
        let (channels, span) = (self.channels.max(1), self.span());
        let mut totals = [vec![0f64; channels], vec![0f64; channels]];
        let (mut first, mut second) = (vec![0f32; span], vec![0f32; span]);
        for (a, b) in a.chunks(FEW * span).zip(b.chunks(FEW * span)) {
            first.fill(0.0);
            second.fill(0.0);
            dispatch(
                #[inline(always)]
                || {
                    for (a, b) in a.chunks(span).zip(b.chunks(span)) {
                        let len = a.len();
                        let (first, second) = (&mut first[..len], &mut second[..len]);
                        add_terms(first, second, (a, &b[..len]), line.slices(len), &term);
                    }
                },
            );
            for (totals, parts) in totals.iter_mut().zip([&first, &second]) {
                for parts in parts.chunks_exact(channels) {
                    for (total, part) in totals.iter_mut().zip(parts) {
                        *total += f64::from(*part);
                    }
                }
            }
        }
        totals
    }

    /// Mean and biased variance of each channel.
    fn moments(&self, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let channels = self.channels.max(1);
        let block = |x: &[f32]| {
            let count = (x.len() / channels) as f64;
            let nothing = Line::new(self, |_| 0.0, |_| 0.0, |_| 0.0);
            let [mut mean, _] = self.sums(
                [x, x],
                &nothing,
                #[inline(always)]
                |[x, _], _| [x, 0.0],
            );
            mean.iter_mut().for_each(|sum| *sum /= count);
            let centre = Line::new(self, |c| mean[c] as f32, |_| 0.0, |_| 0.0);
            let around = self.sums(
                [x, x],
                &centre,
                #[inline(always)]
                |[x, _], [mean, ..]| {
                    let d = x - mean;
                    [d * d, d]
                },
            );
            // The mean was rounded: the squares are moved to the true one.
            let [mut squares, rest] = around;
            for (square, rest) in squares.iter_mut().zip(rest) {
                *square -= rest * rest / count;
            }
            (count, mean, squares)
        };
        let blocks: Vec<_> = x.par_chunks(self.block()).map(block).collect();
        let (mut total, mut mean, mut squares) = (0.0, vec![0.0; channels], vec![0.0; channels]);
        for (count, means, more) in blocks {
            let both: f64 = total + count;
            for c in 0..channels {
                let gap = means[c] - mean[c];
                squares[c] += more[c] + gap * gap * total * count / both;
                mean[c] += gap * count / both;
            }
            total = both;
        }
        squares.iter_mut().for_each(|sum| *sum /= total);
        (mean, squares)
    }
}

/// y = (x − mean)·scale + shift, by channel, in f32; each repeated over a span.
struct Line {
    mean: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Line {
    fn new(
        dims: &Dims,
        mean: impl Fn(usize) -> f32,
        scale: impl Fn(usize) -> f32,
        shift: impl Fn(usize) -> f32,
    ) -> Self {
        Self {
            mean: dims.repeated(mean),
            scale: dims.repeated(scale),
            shift: dims.repeated(shift),
        }
    }

    /// Their first `len` numbers: slices of one known length, so that loops check no bounds.
    #[inline(always)]
    fn slices(&self, len: usize) -> [&[f32]; 3] {
        [&self.mean[..len], &self.scale[..len], &self.shift[..len]]
    }
}

// The inner loops are functions of their own: what their arguments promise lets the compiler use
// vectors without asking whether one slice reaches into another.

/// Adds `term` of each pair of numbers to two rows of sums; all slices have one length.
#[inline(always)]
fn add_terms(
    first: &mut [f32],
    second: &mut [f32],
    (a, b): (&[f32], &[f32]),
    [mean, scale, shift]: [&[f32]; 3],
    term: &impl Fn([f32; 2], [f32; 3]) -> [f32; 2],
) {
    for i in 0..first.len() {
        let [s, t] = term([a[i], b[i]], [mean[i], scale[i], shift[i]]);
        first[i] += s;
        second[i] += t;
    }
}

/// One span of the result; all slices have one length.
#[inline(always)]
fn map_row(out: &mut [f32], x: &[f32], [mean, scale, shift]: [&[f32]; 3], relu: bool) {
    for i in 0..out.len() {
        let y = (x[i] - mean[i]) * scale[i] + shift[i];
        out[i] = if relu && y <= 0.0 { 0.0 } else { y };
    }
}

/// One span of ∂x; all slices have one length.
#[inline(always)]
fn gradient_row(
    out: &mut [f32],
    (x, g): (&[f32], &[f32]),
    [mean, scale, shift]: [&[f32]; 3],
    [slope, offset]: [&[f32]; 2],
    relu: bool,
) {
    for i in 0..out.len() {
        let g = cut(relu, x[i], [mean[i], scale[i], shift[i]], g[i]);
        out[i] = scale[i] * g + slope[i] * (x[i] - mean[i]) + offset[i];
    }
}

/// What ReLU lets through of `g` where the forward pass gave y: computed again, by the same
/// operations.
#[inline(always)]
fn cut(relu: bool, x: f32, [mean, scale, shift]: [f32; 3], g: f32) -> f32 {
    if relu && (x - mean) * scale + shift <= 0.0 {
        0.0
    } else {
        g
    }
}

struct BatchNorm {
    mean: Vec<f64>,
    deviation: Vec<f64>,
    train: bool,
    relu: bool,
}

impl BatchNorm {
    fn line(&self, dims: &Dims, gamma: &[f32], beta: &[f32]) -> Line {
        Line::new(
            dims,
            |c| self.mean[c] as f32,
            |c| (f64::from(gamma[c]) / self.deviation[c]) as f32,
            |c| beta[c],
        )
    }

    fn normalised(&self, dims: &Dims, x: &[f32], line: &Line) -> Vec<f32> {
        let (block, span, relu) = (dims.block(), dims.span(), self.relu);
        let mut out = uninit(x.len());
        out.par_chunks_mut(block)
            .zip(x.par_chunks(block))
            .for_each(|(out, x)| {
                dispatch(
                    #[inline(always)]
                    || {
                        for (out, x) in out.chunks_mut(span).zip(x.chunks(span)) {
                            let len = x.len();
                            map_row(&mut out[..len], x, line.slices(len), relu);
                        }
                    },
                );
            });
        out
    }

    /// The gradient of x, where it is wanted, and Σ g·x̂ and Σ g per channel.
    fn gradients(
        &self,
        dims: &Dims,
        (x, line, g): (&[f32], &Line, &[f32]),
        wanted: bool,
    ) -> (Option<Vec<f32>>, [Vec<f64>; 2]) {
        let (channels, block, relu) = (dims.channels.max(1), dims.block(), self.relu);
        let blocks = x.par_chunks(block).zip(g.par_chunks(block)).map(|(x, g)| {
            dims.sums(
                [x, g],
                line,
                #[inline(always)]
                |[x, g], line| {
                    let g = cut(relu, x, line, g);
                    [g * (x - line[0]), g]
                },
            )
        });
        let mut totals = [vec![0.0; channels], vec![0.0; channels]];
        for block in blocks.collect::<Vec<_>>() {
            for (totals, sums) in totals.iter_mut().zip(block) {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    *total += sum;
                }
            }
        }
        for (sum, deviation) in totals[0].iter_mut().zip(&self.deviation) {
            *sum /= deviation;
        }
        let dx = wanted.then(|| self.input_gradient(dims, (x, line, g), &totals));
        (dx, totals)
    }

    /// ∂x = scale·g + slope·(x − mean) + shift, by channel.
    fn input_gradient(
        &self,
        dims: &Dims,
        (x, line, g): (&[f32], &Line, &[f32]),
        totals: &[Vec<f64>; 2],
    ) -> Vec<f32> {
        let (block, span, relu) = (dims.block(), dims.span(), self.relu);
        let share = |c: usize, sum: f64| {
            let scale = f64::from(line.scale[c]);
            if self.train {
                (-scale * sum / dims.count as f64) as f32
            } else {
                0.0
            }
        };
        let slope = dims.repeated(|c| share(c, totals[0][c] / self.deviation[c]));
        let offset = dims.repeated(|c| share(c, totals[1][c]));
        let mut out = uninit(x.len());
        let sources = x.par_chunks(block).zip(g.par_chunks(block));
        out.par_chunks_mut(block)
            .zip(sources)
            .for_each(|(out, (x, g))| {
                dispatch(
                    #[inline(always)]
                    || {
                        let rows = x.chunks(span).zip(g.chunks(span));
                        for (out, (x, g)) in out.chunks_mut(span).zip(rows) {
                            let len = x.len();
                            let more = [&slope[..len], &offset[..len]];
                            let sources = (x, &g[..len]);
                            gradient_row(&mut out[..len], sources, line.slices(len), more, relu);
                        }
                    },
                );
            });
        out
    }
}

impl Fused<3> for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn forward(&self, [x, gamma, beta]: [Operand; 3]) -> Result<(Vec<f32>, Shape)> {
        let dims = Dims::new(x.shape)?;
        let (gamma, beta) = (gamma.values, beta.values);
        let (means, deviations) = (self.mean.len(), self.deviation.len());
        if [gamma.len(), beta.len(), means, deviations] != [dims.channels; 4] {
            bail!(
                "batch norm of {} got parameters of others",
                counted(dims.channels as u64, "channel")
            )
        }
        let out = self.normalised(&dims, x.values, &self.line(&dims, gamma, beta));
        output(out, x.shape)
    }

    fn backward(
        &self,
        [x, gamma, beta]: [&Tensor; 3],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let dims = Dims::new(x.shape())?;
        let line = with_ref(gamma, |gamma| {
            with_ref(beta, |beta| Ok(self.line(&dims, gamma, beta)))
        })?;
        let (dx, [slopes, sums]) = with_ref(x, |values| {
            with_ref(grad, |g| {
                Ok(self.gradients(&dims, (values, &line, g), wanted(x)))
            })
        })?;
        let column = |sums: Vec<f64>| {
            let values = sums.into_iter().map(|s| s as f32).collect();
            tensor(values, gamma.shape())
        };
        let dx = dx.map(|dx| tensor(dx, x.shape())).transpose()?;
        let (dgamma, dbeta) = (column(slopes)?, column(sums)?);
        Ok([dx, Some(dgamma), Some(dbeta)])
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
        for shape in [
            &[5, 3][..],
            &[2, 4, 5, 3],
            &[2, 1, 1, 1],
            &[3, 2, 1, 70],
            &[40, 2, 2],
        ] {
            let c = shape[shape.len() - 1];
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
        for shape in [&[33, 7, 5, 19][..], &[129, 300], &[64, 20, 20, 16]] {
            let c = shape[shape.len() - 1];
            let vars = [var(shape, 1), var(&[c], 2), var(&[c], 3)];
            let run = |t: &[Tensor]| {
                let (mean, variance) = running(c, DType::F32);
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
