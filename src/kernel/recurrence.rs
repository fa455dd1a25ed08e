//! The LSTM's forward and backward pass on the CPU.
//!
//! Each step is a small product that must wait for the one before, but samples are independent: a
//! few of them go through all steps on one thread, with the weights in panels that stay in its
//! cache, and no thread waits for another. The gradient of the weights is one product over all
//! samples and steps at the end.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{
    collect::hand_over,
    fresh::fresh,
    inplace::with_ref,
    linear::column_sums,
    math::{sigmoid, tanh},
    matmul::{Matrix, Then, multiply, packed},
    operand::{output, slice, tensor, wanted},
    tile::{Block, Finish, Left, Right, width},
    wide,
};

/// Samples that go through the steps together.
const SAMPLES: usize = 16;

/// The recurrence over gates [n, t, 4h], weights `[4h, h]` and biases `[4h]`.
#[derive(Default)]
pub(super) struct Recurrence {
    kept: OnceLock<Kept>,
}

/// What the backward pass needs: the gates after their functions [n, t, 4h], and the cells [n, t, h].
struct Kept {
    gates: Vec<f32>,
    cells: Vec<f32>,
}

/// Extents of one application.
#[derive(Clone, Copy)]
struct Dims {
    steps: usize,
    hidden: usize,
}

impl Dims {
    fn new(gates: &Shape, weight: &Shape, bias: &Shape) -> Result<Self> {
        let (_, steps, columns) = gates.dims3()?;
        let (rows, hidden) = weight.dims2()?;
        if steps == 0 || columns != 4 * hidden || rows != columns || bias.dims() != [columns] {
            bail!(
                "gates of shape {:?} do not fit a memory with weights {:?} and biases {:?}",
                gates.dims(),
                weight.dims(),
                bias.dims()
            )
        }
        Ok(Self { steps, hidden })
    }

    /// Numbers of one sample's states.
    fn states(&self) -> usize {
        self.steps * self.hidden
    }

    /// out[rows, cols] = left·right (+ bias): one step of several samples.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn product(
        rows: usize,
        (left, row, depth): (&[f32], usize, usize),
        right: &[f32],
        bias: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let (cols, width) = (out.len() / rows, width());
        assert!(left.len() >= (rows - 1) * row + depth);
        assert!(right.len() >= cols.div_ceil(width) * width * depth);
        assert!(bias.is_none_or(|bias| bias.len() >= cols));
        let block = Block {
            rows,
            cols,
            depth: [1, 1, depth],
            left: Left::rows(left, row),
            right: Right::panels(right, depth),
            out: (out.as_mut_ptr(), cols),
            finish: Finish {
                bias: bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
                ..Finish::PLAIN
            },
        };
        // SAFETY: the operands hold these rows, panels and biases, as asserted.
        unsafe { block.run() };
    }

    /// All steps of a few samples; `gates` become what their functions make of them.
    fn forward(
        &self,
        (x, weights, bias): (&[f32], &[f32], &[f32]),
        out: &mut [f32],
        gates: &mut [f32],
        cells: &mut [f32],
    ) {
        let h = self.hidden;
        let samples = out.len() / self.states();
        let mut sums = vec![0.0; samples * 4 * h];
        let nothing = vec![0.0; h];
        for step in 0..self.steps {
            if step == 0 {
                sums.chunks_exact_mut(4 * h)
                    .for_each(|sums| sums.copy_from_slice(bias));
            } else {
                let before = (&out[(step - 1) * h..], self.states(), h);
                Self::product(samples, before, weights, Some(bias), &mut sums);
            }
            for (sample, sums) in sums.chunks_exact(4 * h).enumerate() {
                let at = sample * self.states() + step * h;
                let (own, gates) = (&x[4 * at..][..4 * h], &mut gates[4 * at..][..4 * h]);
                let (past, cells) = cells.split_at_mut(at);
                let past = if step > 0 { &past[at - h..] } else { &nothing };
                let (cells, out) = (&mut cells[..h], &mut out[at..at + h]);
                wide(
                    #[inline(always)]
                    || cell((sums, own, past), gates, cells, out),
                );
            }
        }
    }

    /// The gradients of a few samples' gates.
    fn backward(
        &self,
        weights: &[f32],
        (gates, cells): (&[f32], &[f32]),
        g: &[f32],
        out: &mut [f32],
    ) {
        let h = self.hidden;
        let samples = g.len() / self.states();
        // What comes back from the step after: the gradients of its state and its cell.
        let (mut states, mut memory) = (vec![0.0; samples * h], vec![0.0; samples * h]);
        let nothing = vec![0.0; h];
        for step in (0..self.steps).rev() {
            for sample in 0..samples {
                let at = sample * self.states() + step * h;
                let past = if step > 0 {
                    &cells[at - h..at]
                } else {
                    &nothing
                };
                let own = (&gates[4 * at..][..4 * h], &cells[at..at + h], past);
                let back = (&g[at..at + h], &states[sample * h..][..h]);
                let memory = &mut memory[sample * h..][..h];
                let slopes = &mut out[4 * at..][..4 * h];
                wide(
                    #[inline(always)]
                    || cell_back(own, back, memory, slopes),
                );
            }
            if step > 0 {
                let slopes = (&out[4 * step * h..], 4 * self.states(), 4 * h);
                Self::product(samples, slopes, weights, None, &mut states);
            }
        }
    }
}

/// Numbers that are worked on side by side.
const LANES: usize = 16;

/// The `i`th few of `numbers`, zeros past the last.
#[inline(always)]
fn load(numbers: &[f32], i: usize) -> [f32; LANES] {
    let rest = &numbers[i * LANES..];
    if let Some(whole) = rest.first_chunk() {
        return *whole;
    }
    let mut lanes = [0.0; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

#[inline(always)]
fn store(numbers: &mut [f32], i: usize, lanes: &[f32; LANES]) {
    let rest = &mut numbers[i * LANES..];
    if let Some(whole) = rest.first_chunk_mut() {
        *whole = *lanes;
    } else {
        let count = rest.len();
        rest.copy_from_slice(&lanes[..count]);
    }
}

/// f of each number, in place.
#[inline(always)]
fn each(lanes: &mut [f32; LANES], f: impl Fn(f32) -> f32) {
    for lane in lanes {
        *lane = f(*lane);
    }
}

/// One step of one sample: c = σ(f)·c' + σ(i)·tanh(g), y = σ(o)·tanh(c).
#[inline(always)]
fn cell(
    (sums, own, past): (&[f32], &[f32], &[f32]),
    gates: &mut [f32],
    cells: &mut [f32],
    out: &mut [f32],
) {
    let h = out.len();
    for i in 0..h.div_ceil(LANES) {
        let mut four = [[0.0; LANES]; 4];
        for (gate, lanes) in four.iter_mut().enumerate() {
            let part = gate * h..(gate + 1) * h;
            *lanes = load(&sums[part.clone()], i);
            for (lane, own) in lanes.iter_mut().zip(load(&own[part], i)) {
                *lane += own;
            }
        }
        each(&mut four[0], sigmoid);
        each(&mut four[1], sigmoid);
        each(&mut four[2], tanh);
        each(&mut four[3], sigmoid);
        for (gate, lanes) in four.iter().enumerate() {
            store(&mut gates[gate * h..(gate + 1) * h], i, lanes);
        }
        let [input, forget, new, last] = &four;
        let mut c = load(past, i);
        for l in 0..LANES {
            c[l] = forget[l] * c[l] + input[l] * new[l];
        }
        let mut y = c;
        each(&mut y, tanh);
        for l in 0..LANES {
            y[l] *= last[l];
        }
        store(cells, i, &c);
        store(out, i, &y);
    }
}

/// The same backward: `slopes`, the gradients before the gates' functions, gate by gate, and
/// `memory`, what goes back to the cell before.
#[inline(always)]
fn cell_back(
    (gates, cells, past): (&[f32], &[f32], &[f32]),
    (g, states): (&[f32], &[f32]),
    memory: &mut [f32],
    slopes: &mut [f32],
) {
    let h = memory.len();
    for i in 0..h.div_ceil(LANES) {
        let gate = |gate: usize| load(&gates[gate * h..(gate + 1) * h], i);
        let (input, forget, new, last) = (gate(0), gate(1), gate(2), gate(3));
        let (c, past, g, state) = (load(cells, i), load(past, i), load(g, i), load(states, i));
        let (mut m, mut four) = (load(memory, i), [[0.0; LANES]; 4]);
        for l in 0..LANES {
            let (g, bent) = (g[l] + state[l], tanh(c[l]));
            m[l] += g * last[l] * (1.0 - bent * bent);
            four[0][l] = m[l] * new[l] * input[l] * (1.0 - input[l]);
            four[1][l] = m[l] * past[l] * forget[l] * (1.0 - forget[l]);
            four[2][l] = m[l] * input[l] * (1.0 - new[l] * new[l]);
            four[3][l] = g * bent * last[l] * (1.0 - last[l]);
            m[l] *= forget[l];
        }
        store(memory, i, &m);
        for (gate, lanes) in four.iter().enumerate() {
            store(&mut slopes[gate * h..(gate + 1) * h], i, lanes);
        }
    }
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "lstm"
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
        let dims = Dims::new(x_layout.shape(), weight_layout.shape(), bias_layout.shape())?;
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let (bias, n, h) = (slice(bias, bias_layout)?, x_layout.dims()[0], dims.hidden);
        let weights = packed(Matrix::new(weight, 4 * h, h).t());
        let size = (SAMPLES * dims.states()).max(1);
        let mut out = fresh(n * dims.states());
        let (mut gates, mut cells) = (fresh(x.len()), fresh(out.len()));
        let kept = gates
            .par_chunks_mut(4 * size)
            .zip(cells.par_chunks_mut(size));
        let groups = x.par_chunks(4 * size).zip(kept);
        out.par_chunks_mut(size)
            .zip(groups)
            .for_each(|(out, (x, (gates, cells)))| {
                dims.forward((x, &weights, bias), out, gates, cells);
            });
        // A second forward pass of the same operation would find the same.
        let _ = self.kept.set(Kept { gates, cells });
        output(out, (n, dims.steps, h))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dims = Dims::new(x.shape(), weight.shape(), bias.shape())?;
        let (n, h) = (x.dim(0)?, dims.hidden);
        let Some(kept) = self.kept.get() else {
            bail!("backward of a recurrence that never ran")
        };
        let weights = with_ref(weight, |weight| Ok(packed(Matrix::new(weight, 4 * h, h))))?;
        let size = (SAMPLES * dims.states()).max(1);
        let mut out = fresh(x.elem_count());
        with_ref(&grad.contiguous()?, |g| {
            let kept = kept
                .gates
                .par_chunks(4 * size)
                .zip(kept.cells.par_chunks(size));
            let groups = g.par_chunks(size).zip(kept);
            out.par_chunks_mut(4 * size)
                .zip(groups)
                .for_each(|(out, (g, kept))| {
                    dims.backward(&weights, kept, g, out);
                });
            Ok(())
        })?;
        let dw = if wanted(weight) {
            let before = with_ref(result, |states| Ok(shifted(states, &dims)))?;
            let mut dw = fresh(weight.elem_count());
            let slopes = Matrix::new(&out, n * dims.steps, 4 * h).t();
            multiply(
                &mut dw,
                slopes,
                Matrix::new(&before, n * dims.steps, h),
                Then::default(),
            );
            hand_over(weight, tensor(dw, weight.shape())?)?
        } else {
            None
        };
        let db = if wanted(bias) {
            hand_over(bias, tensor(column_sums(&out, 4 * h), bias.shape())?)?
        } else {
            None
        };
        Ok((Some(tensor(out, x.shape())?), dw, db))
    }
}

/// The state before each step: zeros, then all but the last.
fn shifted(states: &[f32], dims: &Dims) -> Vec<f32> {
    let mut out = fresh(states.len());
    let size = dims.states().max(1);
    for (to, from) in out.chunks_exact_mut(size).zip(states.chunks_exact(size)) {
        to[..dims.hidden].fill(0.0);
        to[dims.hidden..].copy_from_slice(&from[..size - dims.hidden]);
    }
    out
}
