//! The LSTM's forward and backward pass on the CPU.
//!
//! Each step is a small product that must wait for the one before, but samples are independent: a
//! few of them go through all steps on one thread, with the weights in panels that stay in its
//! cache, and no thread waits for another. A step's input and the state before lie side by side,
//! so that one product makes the gates, and one at the end, over all samples and steps, the gradient
//! of both weights.

use std::sync::Mutex;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::linear::column_sums;
use crate::kernel::{
    autograd::{Fused, Operand},
    gemm::{Block, Epilogue, Finish, Left, Matrix, Right, multiply, packed, prefetch, width},
    memory::{output, tensor, uninit, wanted, with_ref},
    simd::{
        dispatch,
        math::{sigmoid, tanh},
    },
};
use crate::units::counted;

/// Samples that go through the steps together.
const SAMPLES: usize = 16;
/// Samples whose numbers are asked for before they are read: each step's lie far from the next's.
const DISTANCE: usize = 2;

/// The recurrence over x [n, t, i], weights [W_ih, W_hh] `[4h, i + h]` and biases `[4h]`.
#[derive(Default)]
pub(crate) struct Recurrence {
    /// Taken by the backward pass, which leaves the gradients where the gates were.
    kept: Mutex<Option<Kept>>,
}

/// What the backward pass needs: each step's input and the state before it [n, t, i + h], the gates
/// after their functions [n, t, 4h], and the cells [n, t, h].
struct Kept {
    joint: Vec<f32>,
    gates: Vec<f32>,
    cells: Vec<f32>,
}

/// Extents of one application.
#[derive(Clone, Copy)]
struct Dims {
    samples: usize,
    steps: usize,
    inputs: usize,
    hidden: usize,
}

impl Dims {
    fn new(x: &Shape, weight: &Shape, bias: &Shape) -> Result<Self> {
        let (samples, steps, inputs) = x.dims3()?;
        let (gates, joint) = weight.dims2()?;
        let hidden = gates / 4;
        if steps * inputs == 0 || joint != inputs + hidden || bias.dims() != [4 * hidden] {
            bail!(
                "samples of {} with {} each do not fit weights {:?} and biases {:?}",
                counted(steps as u64, "step"),
                counted(inputs as u64, "number"),
                weight.dims(),
                bias.dims()
            )
        }
        Ok(Self {
            samples,
            steps,
            inputs,
            hidden,
        })
    }

    /// Numbers that a step's product reads of a sample.
    fn joint(&self) -> usize {
        self.inputs + self.hidden
    }

    /// Numbers of a few samples, `width` at each step.
    fn part(&self, width: usize) -> usize {
        (SAMPLES * self.steps * width).max(1)
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

    /// All steps of a few samples; what the backward pass needs is left in `kept`.
    fn forward(
        &self,
        (x, weights, bias): (&[f32], &[f32], &[f32]),
        out: &mut [f32],
        (joint, gates, cells): (&mut [f32], &mut [f32], &mut [f32]),
    ) {
        let (h, inputs, both) = (self.hidden, self.inputs, self.joint());
        let samples = x.len() / (self.steps * inputs);
        for (joint, x) in joint.chunks_exact_mut(both).zip(x.chunks_exact(inputs)) {
            joint[..inputs].copy_from_slice(x);
        }
        let mut sums = vec![0.0; samples * 4 * h];
        let nothing = vec![0.0; h];
        for step in 0..self.steps {
            for sample in 0..samples {
                let at = sample * self.steps + step;
                let before = &mut joint[at * both + inputs..][..h];
                match step {
                    0 => before.fill(0.0),
                    _ => before.copy_from_slice(&out[(at - 1) * h..][..h]),
                }
            }
            let left = (&joint[step * both..], self.steps * both, both);
            Self::product(samples, left, weights, Some(bias), &mut sums);
            for (sample, sums) in sums.chunks_exact(4 * h).enumerate() {
                let at = sample * self.states() + step * h;
                let later = at + DISTANCE * self.states();
                prefetch(gates, 4 * later, 4 * h);
                prefetch(cells, later, h);
                prefetch(out, later, h);
                let gates = &mut gates[4 * at..][..4 * h];
                let (past, cells) = cells.split_at_mut(at);
                let past = if step > 0 { &past[at - h..] } else { &nothing };
                let (cells, out) = (&mut cells[..h], &mut out[at..at + h]);
                dispatch(
                    #[inline(always)]
                    || cell((sums, past), gates, cells, out),
                );
            }
        }
    }

    /// The gates of a few samples become their gradients.
    fn backward(&self, weights: &[f32], gates: &mut [f32], cells: &[f32], g: &[f32]) {
        let h = self.hidden;
        let samples = g.len() / self.states();
        // What comes back from the step after: the gradients of its state and its cell.
        let (mut states, mut memory) = (vec![0.0; samples * h], vec![0.0; samples * h]);
        let nothing = vec![0.0; h];
        for step in (0..self.steps).rev() {
            for sample in 0..samples {
                let at = sample * self.states() + step * h;
                let later = at + DISTANCE * self.states();
                prefetch(gates, 4 * later, 4 * h);
                prefetch(cells, later.saturating_sub(h), 2 * h);
                prefetch(g, later, h);
                let past = if step > 0 {
                    &cells[at - h..at]
                } else {
                    &nothing
                };
                let (gates, cells) = (&mut gates[4 * at..][..4 * h], (&cells[at..at + h], past));
                let back = (&g[at..at + h], &states[sample * h..][..h]);
                let memory = &mut memory[sample * h..][..h];
                dispatch(
                    #[inline(always)]
                    || cell_back(gates, cells, back, memory),
                );
            }
            if step > 0 {
                let slopes = (&gates[4 * step * h..], 4 * self.states(), 4 * h);
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
fn cell((sums, past): (&[f32], &[f32]), gates: &mut [f32], cells: &mut [f32], out: &mut [f32]) {
    let h = out.len();
    for i in 0..h.div_ceil(LANES) {
        let mut four = [[0.0; LANES]; 4];
        for (gate, lanes) in four.iter_mut().enumerate() {
            *lanes = load(&sums[gate * h..(gate + 1) * h], i);
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

/// The same backward: `gates` become the gradients before their functions, and `memory` what goes
/// back to the cell before.
#[inline(always)]
fn cell_back(
    gates: &mut [f32],
    (cells, past): (&[f32], &[f32]),
    (g, states): (&[f32], &[f32]),
    memory: &mut [f32],
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
            store(&mut gates[gate * h..(gate + 1) * h], i, lanes);
        }
    }
}

impl Fused<3> for Recurrence {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn forward(&self, [x, weight, bias]: [Operand; 3]) -> Result<(Vec<f32>, Shape)> {
        let dims = Dims::new(x.shape, weight.shape, bias.shape)?;
        let (h, both) = (dims.hidden, dims.joint());
        let weights = packed(Matrix::new(weight.values, 4 * h, both).t());
        let rows = dims.samples * dims.steps;
        let mut out = uninit(rows * h);
        let (mut joint, mut gates) = (uninit(rows * both), uninit(rows * 4 * h));
        let mut cells = uninit(rows * h);
        let kept = joint
            .par_chunks_mut(dims.part(both))
            .zip(gates.par_chunks_mut(dims.part(4 * h)))
            .zip(cells.par_chunks_mut(dims.part(h)));
        let groups = x.values.par_chunks(dims.part(dims.inputs)).zip(kept);
        out.par_chunks_mut(dims.part(h)).zip(groups).for_each(
            |(out, (x, ((joint, gates), cells)))| {
                dims.forward((x, &weights, bias.values), out, (joint, gates, cells));
            },
        );
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Some(Kept {
                joint,
                gates,
                cells,
            });
        }
        output(out, (dims.samples, dims.steps, h))
    }

    fn backward(
        &self,
        [x, weight, bias]: [&Tensor; 3],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let dims = Dims::new(x.shape(), weight.shape(), bias.shape())?;
        let (rows, h, both) = (dims.samples * dims.steps, dims.hidden, dims.joint());
        let kept = self.kept.lock().ok().and_then(|mut kept| kept.take());
        let Some(Kept {
            joint,
            gates: mut slopes,
            cells,
        }) = kept
        else {
            bail!("the backward pass of a recurrence that never ran, or a second one")
        };
        let dx = with_ref(weight, |weight| {
            let weight = Matrix::new(weight, 4 * h, both);
            let past = packed(weight.columns(dims.inputs..both));
            with_ref(grad, |g| {
                let cells = cells.par_chunks(dims.part(h));
                let groups = cells.zip(g.par_chunks(dims.part(h)));
                slopes
                    .par_chunks_mut(dims.part(4 * h))
                    .zip(groups)
                    .for_each(|(gates, (cells, g))| dims.backward(&past, gates, cells, g));
                Ok(())
            })?;
            if !wanted(x) {
                return Ok(None);
            }
            let mut dx = uninit(x.elem_count());
            let slopes = Matrix::new(&slopes, rows, 4 * h);
            multiply(
                &mut dx,
                slopes,
                weight.columns(0..dims.inputs),
                Epilogue::default(),
            );
            tensor(dx, x.shape()).map(Some)
        })?;
        let dw = if wanted(weight) {
            let mut dw = uninit(weight.elem_count());
            let (slopes, joint) = (
                Matrix::new(&slopes, rows, 4 * h),
                Matrix::new(&joint, rows, both),
            );
            multiply(&mut dw, slopes.t(), joint, Epilogue::default());
            Some(tensor(dw, weight.shape())?)
        } else {
            None
        };
        let db = if wanted(bias) {
            Some(tensor(column_sums(&slopes, 4 * h), bias.shape())?)
        } else {
            None
        };
        Ok([dx, dw, db])
    }
}
