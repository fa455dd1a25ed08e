//! Attention's forward and backward pass on the CPU, head by head.
//!
//! With s = q·kᵀ/√h: p = softmax(s), y = p·v. Backward, with δ = Σ g·y over a row: ∂v = pᵀ·g,
//! ∂s = p·(g·vᵀ − δ), ∂q = ∂s·k/√h, ∂k = ∂sᵀ·q/√h. Only each row's log Σ eˢ is kept; the probabilities
//! are computed again, a few rows at a time against the columns that they see (Dao et al. 2022), so
//! that no matrix of t × t is ever stored. Samples are independent and run in parallel.

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand},
    gemm::{Block, Finish, Left, Right, transpose, width},
    memory::{output, tensor, uninit, with_ref},
    simd::{dispatch, lanes, math::exp},
};
use crate::units::counted;

/// Rows of scores computed at a time.
const ROWS: usize = 32;

/// Attention with `heads` heads over qkv [n, t, 3·d].
pub(crate) struct Heads {
    pub heads: usize,
    pub causal: bool,
    /// Places of each sample, where they have not all of them.
    pub lengths: Option<Vec<u32>>,
    /// log Σ eˢ by sample, head and place.
    pub sums: OnceLock<Vec<f32>>,
}

/// Extents of one application.
#[derive(Clone, Copy)]
struct Dims {
    /// Places of a sample.
    places: usize,
    /// d, the width of all heads.
    width: usize,
    /// h, the width of one.
    head: usize,
    /// h rounded up to whole panels.
    padded: usize,
    causal: bool,
}

/// One operand of one head, [places, padded] with zeros behind its columns, or its transpose in
/// panels of places.
struct Matrices {
    rows: Vec<f32>,
    panels: Vec<f32>,
}

impl Dims {
    /// Columns that rows up to `end` see.
    fn seen(&self, end: usize) -> usize {
        if self.causal { end } else { self.places }
    }

    /// Copies the columns from `first` of a sample's rows, `stride` numbers each.
    fn rows(&self, sample: &[f32], stride: usize, first: usize) -> Vec<f32> {
        let mut out = vec![0.0; self.places * self.padded];
        let lines = out
            .chunks_exact_mut(self.padded)
            .zip(sample.chunks_exact(stride));
        for (to, from) in lines {
            to[..self.head].copy_from_slice(&from[first..first + self.head]);
        }
        out
    }

    /// The same as the right side of a product with its transpose: steps are columns.
    fn panels(&self, rows: &[f32]) -> Vec<f32> {
        let width = width();
        let mut out = vec![0.0; self.places.div_ceil(width) * width * self.head];
        for (panel, lines) in rows.chunks(width * self.padded).enumerate() {
            let panel = &mut out[panel * width * self.head..][..width * self.head];
            let places = lines.len() / self.padded;
            transpose((lines, self.padded), (places, self.head), (panel, width));
        }
        out
    }

    fn matrices(&self, sample: &[f32], stride: usize, first: usize) -> Matrices {
        let rows = self.rows(sample, stride, first);
        let panels = self.panels(&rows);
        Matrices { rows, panels }
    }

    /// out[rows, seen] = left·rightᵀ for the places `first..end` of `left`.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn scores(&self, left: &[f32], right: &[f32], (first, end): (usize, usize), out: &mut [f32]) {
        let (seen, width) = (self.seen(end), width());
        assert!(left.len() >= end * self.padded && out.len() >= (end - first) * self.places);
        assert!(right.len() >= seen.div_ceil(width) * width * self.head);
        let block = Block {
            rows: end - first,
            cols: seen,
            depth: [1, 1, self.head],
            left: Left::rows(&left[first * self.padded..], self.padded),
            right: Right::panels(right, self.head),
            out: (out.as_mut_ptr(), self.places),
            finish: Finish::PLAIN,
        };
        // SAFETY: the operands hold these rows, panels and results, as asserted.
        unsafe { block.run() };
    }

    /// out[rows, head] = scores[rows, seen]·right for the places `first..end`; `out` begins with
    /// the first of them and has `stride` numbers from row to row.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn mix(
        &self,
        scores: &[f32],
        right: &[f32],
        (first, end): (usize, usize),
        (out, stride): (&mut [f32], usize),
    ) {
        let seen = self.seen(end);
        assert!(scores.len() >= (end - first) * self.places && right.len() >= seen * self.padded);
        assert!(out.len() >= (end - first - 1) * stride + self.head);
        let block = Block {
            rows: end - first,
            cols: self.head,
            depth: [1, 1, seen],
            left: Left::rows(scores, self.places),
            right: Right::rows(right, self.padded),
            out: (out.as_mut_ptr(), stride),
            finish: Finish::PLAIN,
        };
        // SAFETY: as asserted; a row of `right` is padded to whole panels.
        unsafe { block.run() };
    }

    /// out[seen, head] += scoresᵀ·right, where `right` begins with place `first`.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn mix_transposed(
        &self,
        scores: &[f32],
        right: &[f32],
        (first, end): (usize, usize),
        out: &mut [f32],
    ) {
        let seen = self.seen(end);
        assert!(scores.len() >= (end - first) * self.places && right.len() >= end * self.padded);
        assert!(out.len() >= seen * self.padded);
        let block = Block {
            rows: seen,
            cols: self.head,
            depth: [1, 1, end - first],
            left: Left::columns(scores, self.places),
            right: Right::rows(&right[first * self.padded..], self.padded),
            out: (out.as_mut_ptr(), self.padded),
            finish: Finish {
                add: true,
                ..Finish::PLAIN
            },
        };
        // SAFETY: as asserted; a row of `right` is padded to whole panels.
        unsafe { block.run() };
    }

    /// Makes scores probabilities, row by row, and returns each row's log Σ eˢ through `sums`.
    fn softmax(&self, first: usize, scores: &mut [f32], sums: &mut [f32]) {
        let (scale, full) = (
            (self.head as f32).sqrt().recip(),
            self.seen(first + sums.len()),
        );
        dispatch(
            #[inline(always)]
            || {
                let rows = scores.chunks_exact_mut(self.places).zip(sums);
                for (i, (row, log)) in rows.enumerate() {
                    let seen = self.seen(first + i + 1);
                    let (row, unseen) = row[..full].split_at_mut(seen);
                    unseen.fill(0.0);
                    let most = lanes::maximum(row) * scale;
                    for x in row.iter_mut() {
                        *x = exp(*x * scale - most);
                    }
                    let sum = lanes::sum(
                        row.len(),
                        #[inline(always)]
                        |i| row[i],
                    ) as f32;
                    let share = sum.recip();
                    for x in row {
                        *x *= share;
                    }
                    *log = most + sum.ln();
                }
            },
        );
    }

    /// One head's result, into its columns of `out`.
    fn forward(&self, sample: &[f32], head: usize, out: &mut [f32], sums: &mut [f32]) {
        let first = head * self.head;
        let stride = 3 * self.width;
        let q = self.rows(sample, stride, first);
        let k = self.panels(&self.rows(sample, stride, self.width + first));
        let v = self.rows(sample, stride, 2 * self.width + first);
        let mut scores = uninit(ROWS * self.places);
        for (start, sums) in (0..self.places).step_by(ROWS).zip(sums.chunks_mut(ROWS)) {
            let places = (start, start + sums.len());
            self.scores(&q, &k, places, &mut scores);
            self.softmax(start, &mut scores, sums);
            let out = &mut out[start * self.width + first..];
            self.mix(&scores, &v, places, (out, self.width));
        }
    }

    /// One head's gradients, into its columns of `out` [t, 3·d].
    fn backward(
        &self,
        (sample, y, g): (&[f32], &[f32], &[f32]),
        sums: &[f32],
        head: usize,
        out: &mut [f32],
    ) {
        let (first, stride) = (head * self.head, 3 * self.width);
        let q = self.rows(sample, stride, first);
        let k = self.matrices(sample, stride, self.width + first);
        let v = self.panels(&self.rows(sample, stride, 2 * self.width + first));
        let (y, g) = (
            self.rows(y, self.width, first),
            self.rows(g, self.width, first),
        );
        let (mut dk, mut dv) = (vec![0.0; q.len()], vec![0.0; q.len()]);
        let (mut scores, mut slopes) = (uninit(ROWS * self.places), uninit(ROWS * self.places));
        for (start, sums) in (0..self.places).step_by(ROWS).zip(sums.chunks(ROWS)) {
            let places = (start, start + sums.len());
            self.scores(&q, &k.panels, places, &mut scores);
            self.scores(&g, &v, places, &mut slopes);
            let range = places.0 * self.padded..places.1 * self.padded;
            let deltas = y[range.clone()]
                .chunks_exact(self.padded)
                .zip(g[range].chunks_exact(self.padded));
            let deltas = deltas.map(|(y, g)| y.iter().zip(g).map(|(y, g)| y * g).sum());
            self.slopes(start, (&mut scores, &mut slopes), sums, deltas);
            self.mix_transposed(&scores, &g, places, &mut dv);
            self.mix(
                &slopes,
                &k.rows,
                places,
                (&mut out[start * stride + first..], stride),
            );
            self.mix_transposed(&slopes, &q, places, &mut dk);
        }
        let lines = dk
            .chunks_exact(self.padded)
            .zip(dv.chunks_exact(self.padded));
        for (out, (dk, dv)) in out.chunks_exact_mut(stride).zip(lines) {
            out[self.width + first..][..self.head].copy_from_slice(&dk[..self.head]);
            out[2 * self.width + first..][..self.head].copy_from_slice(&dv[..self.head]);
        }
    }

    /// Makes scores probabilities again, and what came through them ∂s/√h.
    fn slopes(
        &self,
        first: usize,
        (scores, slopes): (&mut [f32], &mut [f32]),
        sums: &[f32],
        deltas: impl Iterator<Item = f32>,
    ) {
        let (scale, full) = (
            (self.head as f32).sqrt().recip(),
            self.seen(first + sums.len()),
        );
        dispatch(
            #[inline(always)]
            || {
                let rows = scores
                    .chunks_exact_mut(self.places)
                    .zip(slopes.chunks_exact_mut(self.places));
                for (i, ((scores, slopes), (log, delta))) in
                    rows.zip(sums.iter().zip(deltas)).enumerate()
                {
                    let seen = self.seen(first + i + 1);
                    scores[seen..full].fill(0.0);
                    slopes[seen..full].fill(0.0);
                    for (s, d) in scores[..seen].iter_mut().zip(&mut slopes[..seen]) {
                        let p = exp(*s * scale - log);
                        *d = p * (*d - delta) * scale;
                        *s = p;
                    }
                }
            },
        );
    }
}

impl Heads {
    /// The extents of sample `i`: the batch's, but for its own places.
    fn within(&self, dims: Dims, i: usize) -> Dims {
        let own = self.lengths.as_ref().map(|lengths| lengths[i] as usize);
        Dims {
            places: own.unwrap_or(dims.places),
            ..dims
        }
    }

    fn dims(&self, shape: &Shape) -> Result<Dims> {
        let (_, places, packed) = shape.dims3()?;
        let width = packed / 3;
        if self.heads == 0 || !packed.is_multiple_of(3 * self.heads) {
            bail!(
                "queries, keys and values of {} do not fit into {}",
                counted(self.heads as u64, "head"),
                counted(packed as u64, "column")
            )
        }
        let head = width / self.heads;
        Ok(Dims {
            places,
            width,
            head,
            padded: head.next_multiple_of(self::width()),
            causal: self.causal,
        })
    }
}

impl Fused<1> for Heads {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn forward(&self, [qkv]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let dims = self.dims(qkv.shape)?;
        let (n, t, d) = (qkv.shape.dims()[0], dims.places, dims.width);
        let mut out = uninit(n * t * d);
        let mut sums = uninit(n * t * self.heads);
        let outputs = out.par_chunks_mut((t * d).max(1));
        let outputs = outputs.zip(sums.par_chunks_mut((t * self.heads).max(1)));
        let samples = qkv.values.par_chunks((t * 3 * d).max(1));
        outputs
            .zip(samples)
            .enumerate()
            .for_each(|(i, ((out, sums), sample))| {
                let dims = self.within(dims, i);
                out[dims.places * d..].fill(0.0);
                for (head, sums) in sums.chunks_mut(t).enumerate() {
                    dims.forward(sample, head, out, &mut sums[..dims.places]);
                }
            });
        // A second forward pass of the same operation would find the same.
        let _ = self.sums.set(sums);
        output(out, (n, t, d))
    }

    fn backward(
        &self,
        [qkv]: [&Tensor; 1],
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let dims = self.dims(qkv.shape())?;
        let (t, d) = (dims.places, dims.width);
        let Some(sums) = self.sums.get() else {
            bail!("backward of an attention that never ran")
        };
        let mut out = uninit(qkv.elem_count());
        let mut run = |values: &[f32], y: &[f32], g: &[f32]| {
            let samples = values
                .par_chunks((t * 3 * d).max(1))
                .zip(y.par_chunks((t * d).max(1)));
            let samples = samples.zip(g.par_chunks((t * d).max(1)));
            let samples = samples.zip(sums.par_chunks((t * self.heads).max(1)));
            let targets = out.par_chunks_mut((t * 3 * d).max(1));
            targets
                .zip(samples)
                .enumerate()
                .for_each(|(i, (out, (((sample, y), g), sums)))| {
                    let dims = self.within(dims, i);
                    out[dims.places * 3 * d..].fill(0.0);
                    for (head, sums) in sums.chunks(t).enumerate() {
                        dims.backward((sample, y, g), &sums[..dims.places], head, out);
                    }
                });
            Ok(())
        };
        with_ref(qkv, |values| {
            with_ref(y, |y| with_ref(grad, |g| run(values, y, g)))
        })?;
        Ok([Some(tensor(out, qkv.shape())?)])
    }
}
