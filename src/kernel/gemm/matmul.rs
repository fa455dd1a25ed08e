//! Matrix products of f32 slices, and how they are split over threads.
//!
//! A product is cut into blocks, each on one thread; the right side is copied into panels that suit
//! the tiles, the left side is read where it lies. The inner dimension is cut into
//! pieces of at most `DEPTH`, added up in order: the bits depend on the shapes only.

use std::ops::Range;

use rayon::prelude::*;

use super::{Block, Finish, Left, Right, prefetch, tile, transpose};
use crate::kernel::memory::uninit;

/// Longest inner dimension that is added up in registers: a panel of it stays in the second-level
/// cache.
const DEPTH: usize = 512;
/// Numbers from one step of the left side to the next, and steps, that are many.
const FAR: usize = 256;
/// Rows that are asked for before they are copied.
const DISTANCE: usize = 16;
/// Multiply-adds below which a product is not worth a second thread.
const SMALL: usize = 1 << 18;
/// A block's extent is a multiple of this.
const ALIGN: usize = 32;
/// Blocks a product is cut into at most.
const BLOCKS: usize = 16;

/// A matrix to read: numbers with a stride between rows and one between columns.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// What happens to a product before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Whether it is added to what the result holds.
    pub add: bool,
    /// One number a column, added.
    pub bias: Option<&'a [f32]>,
    /// Whether what is not above zero becomes zero. NaN stays.
    pub relu: bool,
}
impl<'a> Matrix<'a> {
    /// `rows` × `cols` numbers, row after row.
    ///
    /// # Panics
    /// Where `values` holds fewer.
    #[must_use]
    pub fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        assert!(
            values.len() >= rows * cols,
            "a matrix larger than its numbers"
        );
        Self {
            values,
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
        }
    }

    /// Some of the columns, without moving a number.
    ///
    /// # Panics
    /// Where there are fewer.
    #[must_use]
    pub fn columns(self, columns: Range<usize>) -> Self {
        assert!(columns.end <= self.cols, "columns that a matrix has not");
        let first = (columns.start * self.col_stride).min(self.values.len());
        Self {
            values: &self.values[first..],
            cols: columns.len(),
            ..self
        }
    }

    /// The transpose, without moving a number.
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

/// out = a·b, in parallel; `out` is dense, [a.rows, b.cols].
///
/// # Panics
/// Where the shapes do not fit together or `out` has another length.
#[expect(
    unsafe_code,
    reason = "blocks of one result are written by several threads"
)]
pub fn multiply(out: &mut [f32], a: Matrix, b: Matrix, epilogue: Epilogue) {
    let (m, n) = (a.rows, b.cols);
    assert_eq!(out.len(), m * n, "a product of another size");
    assert_eq!(a.cols, b.rows, "inner dimensions differ");
    assert!(
        epilogue.bias.is_none_or(|bias| bias.len() == n),
        "another number of biases"
    );
    if m == 0 || n == 0 {
        return;
    }
    let target = Out(out.as_mut_ptr());
    let all = 0..n;
    // The longer side is split. Columns bring their part of the right side with them; for rows it
    // is made ready first.
    if n > m {
        split(n, m * n * a.cols, |part| {
            let packed = Panels::of(b, part.clone(), m, false);
            // SAFETY: each part of the columns is written by one thread.
            unsafe { block(target, n, (0..m, part), a, &packed, epilogue) }
        });
    } else {
        let packed = Panels::of(b, all.clone(), m, true);
        split(m, m * n * a.cols, |part| {
            // SAFETY: each part of the rows is written by one thread.
            unsafe { block(target, n, (part, all.clone()), a, &packed, epilogue) }
        });
    }
}

/// Runs the parts of `extent` in parallel, cut by the multiply-adds of the whole.
fn split(extent: usize, work: usize, run: impl Fn(Range<usize>) + Sync) {
    let parts = (work / SMALL).clamp(1, BLOCKS);
    let size = extent.div_ceil(parts).next_multiple_of(ALIGN);
    if size >= extent {
        run(0..extent);
    } else {
        let starts = (0..extent.div_ceil(size)).into_par_iter();
        starts.for_each(|i| run(i * size..((i + 1) * size).min(extent)));
    }
}

/// A result that several threads write, each its own numbers.
#[derive(Clone, Copy)]
struct Out(*mut f32);

#[expect(unsafe_code, reason = "threads share the pointer")]
// SAFETY: whoever uses it writes to places that no other thread touches.
unsafe impl Send for Out {}
#[expect(unsafe_code, reason = "threads share the pointer")]
// SAFETY: as above.
unsafe impl Sync for Out {}

/// Rows and columns of a product, on this thread.
///
/// # Safety
/// `out` holds a product of `stride` columns that has these rows and columns, and no other thread
/// touches them meanwhile.
#[expect(
    unsafe_code,
    reason = "the inner loops read and write through pointers"
)]
unsafe fn block(
    out: Out,
    stride: usize,
    (rows, cols): (Range<usize>, Range<usize>),
    a: Matrix,
    b: &Panels,
    epilogue: Epilogue,
) {
    let pieces = a.cols.div_ceil(DEPTH).max(1);
    // Steps that lie far apart would each miss the cache, once for every tile: they are copied.
    let far = a.row_stride == 1 && a.col_stride >= FAR && a.cols >= FAR;
    let mut near = uninit(if far {
        a.cols.div_ceil(pieces) * rows.len()
    } else {
        0
    });
    for piece in 0..pieces {
        let (first, end) = (a.cols * piece / pieces, a.cols * (piece + 1) / pieces);
        let last = piece + 1 == pieces;
        let (start, steps) = b.from(first);
        let bias = epilogue.bias.filter(|_| last);
        let mut left = Left {
            start: a
                .values
                .as_ptr()
                .wrapping_add(rows.start * a.row_stride + first * a.col_stride),
            row: a.row_stride,
            image: 0,
            segment: 0,
            step: a.col_stride,
        };
        if far {
            for (step, copy) in near
                .chunks_exact_mut(rows.len())
                .take(end - first)
                .enumerate()
            {
                let start = (first + step) * a.col_stride + rows.start;
                prefetch(a.values, start + DISTANCE * a.col_stride, rows.len());
                copy.copy_from_slice(&a.values[start..start + rows.len()]);
            }
            left.start = near.as_ptr();
            left.step = rows.len();
        }
        let block = Block {
            rows: rows.len(),
            cols: cols.len(),
            depth: [1, 1, end - first],
            left,
            right: Right {
                start,
                panel: b.panel,
                image: 0,
                segment: 0,
                step: steps,
            },
            out: (out.0.wrapping_add(rows.start * stride + cols.start), stride),
            finish: Finish {
                add: epilogue.add || piece > 0,
                bias: bias.map_or(std::ptr::null(), |bias| bias[cols.start..].as_ptr()),
                relu: epilogue.relu && last,
            },
        };
        // SAFETY: a `Matrix` holds every (row, col) inside its extents; the panels hold `cols`
        // columns, rounded up to a vector; a bias has a number for each column; the result is
        // the caller's promise.
        unsafe { block.run() };
    }
}

/// The right side of a product in panels.
pub(crate) struct Panels<'a> {
    /// What `start` points into, where the numbers were copied.
    #[expect(dead_code, reason = "it keeps the numbers alive")]
    packed: Vec<f32>,
    start: *const f32,
    panel: usize,
    step: usize,
    whole: std::marker::PhantomData<&'a [f32]>,
}

#[expect(unsafe_code, reason = "threads share the pointer")]
// SAFETY: the numbers are only read, and outlive it by its lifetime or because it owns them.
unsafe impl Sync for Panels<'_> {}

impl<'a> Panels<'a> {
    /// The columns `cols` of `b`, for a left side of `rows` rows; packed by several threads where
    /// `parallel`.
    fn of(b: Matrix<'a>, cols: Range<usize>, rows: usize, parallel: bool) -> Self {
        /// Rows that a panel must serve before it pays to pack it.
        const FEW: usize = 48;
        let width = tile::width();
        let here = b.values.as_ptr().wrapping_add(cols.start * b.col_stride);
        if b.col_stride == 1 && cols.len().is_multiple_of(width) && rows < FEW {
            let (panel, step, packed) = (width, b.row_stride, Vec::new());
            let (start, whole) = (here, std::marker::PhantomData);
            return Self {
                packed,
                start,
                panel,
                step,
                whole,
            };
        }
        let packed = pack_all(b, cols, parallel);
        Self {
            start: packed.as_ptr(),
            packed,
            panel: b.rows * width,
            step: width,
            whole: std::marker::PhantomData,
        }
    }

    /// Where step `first` of the inner dimension begins, and the numbers between steps.
    fn from(&self, first: usize) -> (*const f32, usize) {
        (self.start.wrapping_add(first * self.step), self.step)
    }
}

/// All columns of `b` in panels, one after the other.
pub(crate) fn packed(b: Matrix) -> Vec<f32> {
    pack_all(b, 0..b.cols, false)
}

/// The columns `cols` of `b` in panels, one after the other; by several threads where `parallel`.
fn pack_all(b: Matrix, cols: Range<usize>, parallel: bool) -> Vec<f32> {
    let width = tile::width();
    let (panel, count) = (b.rows * width, cols.len().div_ceil(width));
    let mut packed = uninit(count * panel);
    let pack = |(i, out): (usize, &mut [f32])| {
        let first = cols.start + i * width;
        pack(b, first..(first + width).min(cols.end), width, out);
    };
    if parallel && count * panel > SMALL / 8 {
        packed.par_chunks_mut(panel).enumerate().for_each(pack);
    } else {
        packed.chunks_mut(panel.max(1)).enumerate().for_each(pack);
    }
    packed
}

/// Copies columns of `b` into a panel: `width` numbers for each row of `b`, zeros past the last.
fn pack(b: Matrix, cols: Range<usize>, width: usize, out: &mut [f32]) {
    let count = cols.len();
    if b.col_stride == 1 {
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let start = row * b.row_stride + cols.start;
            prefetch(b.values, start + DISTANCE * b.row_stride, count);
            out[..count].copy_from_slice(&b.values[start..start + count]);
            out[count..].fill(0.0);
        }
        return;
    }
    let rows = out.len() / width;
    if b.row_stride == 1 {
        let from = &b.values[(cols.start * b.col_stride).min(b.values.len())..];
        transpose((from, b.col_stride), (count, rows), (out, width));
    } else {
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            for (out, col) in out.iter_mut().zip(cols.clone()) {
                *out = b.values[row * b.row_stride + col * b.col_stride];
            }
        }
    }
    for row in out.chunks_exact_mut(width) {
        row[count..].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{numbers, threads};

    fn reference(a: &[f32], b: &[f32], (m, n, k): (usize, usize, usize)) -> Vec<f64> {
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                for l in 0..k {
                    out[i * n + j] += f64::from(a[i * k + l]) * f64::from(b[l * n + j]);
                }
            }
        }
        out
    }

    /// The transpose of a dense [rows, cols] matrix, moved.
    fn transposed(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
        let at = |i: usize| values[(i % rows) * cols + i / rows];
        (0..rows * cols).map(at).collect()
    }

    #[test]
    fn products_equal_the_definition_on_ragged_shapes_and_all_transposes() {
        for shape @ (m, n, k) in [
            (1, 1, 1),
            (3, 5, 7),
            (1, 9, 600),
            (130, 70, 1100),
            (7, 300, 3),
        ] {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            let want = reference(&a, &b, shape);
            for sides in 0..4 {
                let left = if sides & 1 == 0 {
                    Matrix::new(&a, m, k)
                } else {
                    Matrix::new(&at, k, m).t()
                };
                let right = if sides & 2 == 0 {
                    Matrix::new(&b, k, n)
                } else {
                    Matrix::new(&bt, n, k).t()
                };
                let mut out = vec![f32::NAN; m * n];
                multiply(&mut out, left, right, Epilogue::default());
                multiply(
                    &mut out,
                    left,
                    right,
                    Epilogue {
                        add: true,
                        ..Epilogue::default()
                    },
                );
                for (got, want) in out.iter().zip(&want) {
                    assert!(
                        (f64::from(*got) - 2.0 * want).abs() < 1e-3,
                        "{shape:?} {got} {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_empty_inner_dimension_gives_zeros() {
        let mut out = vec![1.0; 6];
        multiply(
            &mut out,
            Matrix::new(&[], 2, 0),
            Matrix::new(&[], 0, 3),
            Epilogue::default(),
        );
        assert_eq!(out, [0.0; 6]);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let (m, n, k) = (61, 517, 900);
        let (a, b) = (numbers(m * k, 3), numbers(k * n, 4));
        threads(|| {
            let mut out = vec![0.0; m * n];
            multiply(
                &mut out,
                Matrix::new(&a, m, k),
                Matrix::new(&b, k, n),
                Epilogue::default(),
            );
            out
        });
    }
}
