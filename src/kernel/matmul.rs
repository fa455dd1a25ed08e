//! Matrix products of f32 slices through the `gemm` crate, and how they are split over threads.
//!
//! Bits depend on the shapes only: `gemm` runs on one thread per block, blocks follow from the
//! shapes, and the inner dimension is cut into pieces of at most `DEPTH`, because `gemm` cuts
//! longer ones by the machine's cache sizes.

use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

/// Longest inner dimension given to `gemm` at once.
const DEPTH: usize = 512;
/// Multiply-adds below which a product is not worth a second thread.
const SMALL: usize = 1 << 19;
/// A block's extent is a multiple of this: a multiple of the micro-kernels' heights.
const ALIGN: usize = 48;
/// Blocks a product is cut into at most.
const BLOCKS: usize = 8;

/// A matrix to read: numbers with a stride between rows and one between columns.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
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

    /// The columns `range` of a dense matrix of `rows` × `cols` numbers.
    ///
    /// # Panics
    /// Where `values` holds fewer, or the range is outside.
    #[must_use]
    pub fn columns(values: &'a [f32], rows: usize, cols: usize, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= cols,
            "columns outside of a matrix"
        );
        Self {
            values: &values[range.start.min(values.len())..],
            cols: range.len(),
            ..Self::new(values, rows, cols)
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

/// out = a·b, or out += a·b where `add`, on this thread. `out` is row-major with `stride` numbers
/// from one row to the next.
///
/// # Panics
/// Where the shapes do not fit together or `out` is too short.
pub fn multiply(out: &mut [f32], stride: usize, a: Matrix, b: Matrix, add: bool) {
    if a.rows == 0 || b.cols == 0 {
        return;
    }
    assert!(stride >= b.cols || a.rows == 1, "rows of a product overlap");
    assert!(
        out.len() >= (a.rows - 1) * stride + b.cols,
        "a product larger than its numbers"
    );
    let all = 0..b.cols;
    block(Out(out.as_mut_ptr()), stride, (0..a.rows, all), a, b, add);
}

/// [`multiply`] in parallel; `out` is dense, [a.rows, b.cols].
///
/// # Panics
/// Where the shapes do not fit together or `out` has another length.
pub fn multiply_parallel(out: &mut [f32], a: Matrix, b: Matrix, add: bool) {
    let (m, n) = (a.rows, b.cols);
    assert_eq!(out.len(), m * n, "a product of another size");
    if m == 0 || n == 0 {
        return;
    }
    let longest = m.max(n);
    let size = extent(longest, m * n * a.cols);
    let target = Out(out.as_mut_ptr());
    let run = |start: usize| {
        let part = start..(start + size).min(longest);
        let (rows, cols) = if n >= m { (0..m, part) } else { (part, 0..n) };
        block(target, n, (rows, cols), a, b, add);
    };
    if size >= longest {
        run(0);
    } else {
        let starts = longest.div_ceil(size);
        (0..starts).into_par_iter().for_each(|i| run(i * size));
    }
}

/// Extent of a block along the longer side of a product with `work` multiply-adds.
fn extent(longest: usize, work: usize) -> usize {
    let blocks = (work / SMALL).clamp(1, BLOCKS);
    longest.div_ceil(blocks).next_multiple_of(ALIGN)
}

/// Where a product goes; several threads write to disjoint parts of it.
#[derive(Clone, Copy)]
struct Out(*mut f32);

#[expect(
    unsafe_code,
    reason = "threads write to disjoint blocks of one product"
)]
// SAFETY: the pointer is only written through `block`, whose callers give each thread its own
// range of rows and columns.
unsafe impl Send for Out {}
#[expect(
    unsafe_code,
    reason = "threads write to disjoint blocks of one product"
)]
// SAFETY: as for `Send`.
unsafe impl Sync for Out {}

/// The block `rows` × `cols` of out = a·b (+ out), on this thread.
#[expect(unsafe_code, reason = "`gemm` takes pointers")]
fn block(
    out: Out,
    stride: usize,
    (rows, cols): (Range<usize>, Range<usize>),
    a: Matrix,
    b: Matrix,
    add: bool,
) {
    assert_eq!(a.cols, b.rows, "inner dimensions differ");
    let (m, n, depth) = (rows.len(), cols.len(), a.cols);
    let pieces = depth.div_ceil(DEPTH).max(1);
    let piece = depth.div_ceil(pieces).max(1);
    for first in (0..depth.max(1)).step_by(piece) {
        let k = piece.min(depth - first);
        let read = add || first > 0;
        // SAFETY: a `Matrix` is a range of columns of a dense matrix that its slice holds wholly,
        // so every (row, col) of `a` and `b` is inside, and `t` keeps that; rows, cols and first + k stay inside. The
        // callers have checked that `out` holds all rows and columns of the product, and no
        // other thread touches this block. With k = 0 nothing of `a` and `b` is read.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.0.add(rows.start * stride + cols.start),
                1,
                stride as isize,
                read,
                a.values
                    .as_ptr()
                    .wrapping_add(rows.start * a.row_stride + first * a.col_stride),
                a.col_stride as isize,
                a.row_stride as isize,
                b.values
                    .as_ptr()
                    .wrapping_add(first * b.row_stride + cols.start * b.col_stride),
                b.col_stride as isize,
                b.row_stride as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
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
    fn turned(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
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
            let (at, bt) = (turned(&a, m, k), turned(&b, k, n));
            let want = reference(&a, &b, shape);
            for turn in 0..4 {
                let left = if turn & 1 == 0 {
                    Matrix::new(&a, m, k)
                } else {
                    Matrix::new(&at, k, m).t()
                };
                let right = if turn & 2 == 0 {
                    Matrix::new(&b, k, n)
                } else {
                    Matrix::new(&bt, n, k).t()
                };
                let mut out = vec![f32::NAN; m * n];
                multiply_parallel(&mut out, left, right, false);
                multiply_parallel(&mut out, left, right, true);
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
        multiply_parallel(
            &mut out,
            Matrix::new(&[], 2, 0),
            Matrix::new(&[], 0, 3),
            false,
        );
        assert_eq!(out, [0.0; 6]);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let (m, n, k) = (61, 517, 900);
        let (a, b) = (numbers(m * k, 3), numbers(k * n, 4));
        threads(|| {
            let mut out = vec![0.0; m * n];
            multiply_parallel(
                &mut out,
                Matrix::new(&a, m, k),
                Matrix::new(&b, k, n),
                false,
            );
            out
        });
    }
}
