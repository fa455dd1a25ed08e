//! Products of blocks whose sums stay in registers: the inner loop of every matrix product and
//! convolution.
//!
//! A block of the result, `rows` × `cols`, is cut into tiles of a few rows and one or two vectors
//! of columns; a tile's sums are kept in registers while the inner dimension goes by (Goto & van de
//! Geijn 2008). The left side is read in place, a number at a time, with any strides; the right
//! side lies in panels of [`width`] columns. `pulp` compiles it for AVX-512, AVX2 with FMA,
//! NEON and, without any of them, plain Rust. Each sum is added up from the first
//! step to the last, so its bits depend on neither the tile it falls into nor the threads.
#![expect(
    unsafe_code,
    reason = "the inner loops read and write through pointers"
)]

use pulp::{Simd, WithSimd};

use crate::kernel::simd::dispatch_simd;

/// Vectors of columns in a panel.
const VECTORS: usize = 2;
/// Columns of the widest panel that any processor has.
pub const WIDEST: usize = 32;

/// The left side: where the number at (row, image, segment, step) lies, counted from `start`.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    pub start: *const f32,
    pub row: usize,
    pub image: usize,
    pub segment: usize,
    pub step: usize,
}

/// The right side: `start` of the first panel, and what lies between panels, images, segments and
/// steps.
/// A panel's numbers of one step lie side by side; past the last column, up to a full vector,
/// anything may lie that can be read.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    pub start: *const f32,
    pub panel: usize,
    pub image: usize,
    pub segment: usize,
    pub step: usize,
}

impl Left {
    /// Rows of `row` numbers whose steps lie side by side.
    pub fn rows(numbers: &[f32], row: usize) -> Self {
        Self {
            start: numbers.as_ptr(),
            row,
            image: 0,
            segment: 0,
            step: 1,
        }
    }

    /// The transpose of rows of `step` numbers: its rows lie side by side.
    pub fn columns(numbers: &[f32], step: usize) -> Self {
        Self {
            row: 1,
            step,
            ..Self::rows(numbers, step)
        }
    }
}

impl Right {
    /// Panels of `depth` steps, one after the other.
    pub fn panels(numbers: &[f32], depth: usize) -> Self {
        Self {
            start: numbers.as_ptr(),
            panel: depth * width(),
            image: 0,
            segment: 0,
            step: width(),
        }
    }

    /// Rows of `step` numbers, which end with a whole panel.
    pub fn rows(numbers: &[f32], step: usize) -> Self {
        Self {
            panel: width(),
            step,
            ..Self::panels(numbers, step)
        }
    }
}

/// What happens to a sum before it is written.
#[derive(Debug, Clone, Copy)]
pub struct Finish {
    /// Whether it is added to what the result holds.
    pub add: bool,
    /// Whether the first of these, by column, is added; null for none.
    pub bias: *const f32,
    /// Whether what is not above zero becomes zero. NaN stays.
    pub relu: bool,
}

impl Finish {
    /// Nothing but the sum.
    pub const PLAIN: Self = Self {
        add: false,
        bias: std::ptr::null(),
        relu: false,
    };
}

/// One block of a product.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    pub rows: usize,
    pub cols: usize,
    /// The inner dimension: images, segments in each, and steps in each of those.
    pub depth: [usize; 3],
    pub left: Left,
    pub right: Right,
    /// The result's first number, and numbers from one row to the next.
    pub out: (*mut f32, usize),
    pub finish: Finish,
}

/// Columns of a panel on this processor.
pub fn width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * S::F32_LANES
        }
    }
    dispatch_simd(Width)
}

impl Block {
    /// Computes the block.
    ///
    /// # Safety
    /// Every number that `left`, `right` and `finish.bias` name for these extents can be read, the
    /// right side up to a full vector of columns; every number of the result can be written, and
    /// nobody else reads or writes it meanwhile.
    #[inline]
    pub unsafe fn run(self) {
        dispatch_simd(Run(self));
    }
}

struct Run(Block);

impl WithSimd for Run {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let block = self.0;
        let panel = VECTORS * S::F32_LANES;
        for col in (0..block.cols).step_by(panel) {
            // SAFETY: `Block::run` demands it of its caller.
            unsafe {
                if block.cols - col > S::F32_LANES {
                    strip::<S, 2>(simd, &block, col);
                } else {
                    strip::<S, 1>(simd, &block, col);
                }
            }
        }
    }
}

/// Rows of a tile: as many as leave registers for the operands.
const fn height<S: Simd>(vectors: usize) -> usize {
    match (S::REGISTER_COUNT >= 32, vectors) {
        (true, 1) => 16,
        (true, _) | (false, 1) => 12,
        (false, _) => 6,
    }
}

/// The tiles below one another from column `col` on, as equal in height as can be.
#[inline(always)]
unsafe fn strip<S: Simd, const V: usize>(simd: S, block: &Block, col: usize) {
    let tiles = block.rows.div_ceil(height::<S>(V));
    for i in 0..tiles {
        let (row, end) = (block.rows * i / tiles, block.rows * (i + 1) / tiles);
        macro_rules! by_height {
            ($($rows:literal)*) => {
                match end - row {
                    $($rows => tile::<S, $rows, V>(simd, block, row, col),)*
                    _ => {}
                }
            };
        }
        // SAFETY: rows and columns stay inside the block; the rest is the caller's promise.
        unsafe { by_height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
    }
}

/// `M` rows and up to `V` vectors of columns.
#[inline(always)]
unsafe fn tile<S: Simd, const M: usize, const V: usize>(
    simd: S,
    block: &Block,
    row: usize,
    col: usize,
) {
    if M > height::<S>(V) {
        return;
    }
    let (left, right) = (block.left, block.right);
    let mut sums = [[simd.splat_f32s(0.0); V]; M];
    // SAFETY: the caller's promise covers every number that this tile names.
    unsafe {
        let first = left.start.add(row * left.row);
        let panel = right
            .start
            .add(col / (VECTORS * S::F32_LANES) * right.panel);
        let [images, segments, steps] = block.depth;
        for segment in 0..images * segments {
            let (image, segment) = if images == 1 {
                (0, segment)
            } else {
                (segment / segments, segment % segments)
            };
            let mut a = first.add(image * left.image + segment * left.segment);
            let mut b = panel.add(image * right.image + segment * right.segment);
            for _ in 0..steps {
                let mut columns = [simd.splat_f32s(0.0); V];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = load::<S>(b.add(v * S::F32_LANES));
                }
                // Groups of three rows share an address, so that the addresses fit in registers.
                for group in 0..M.div_ceil(3) {
                    let base = a.add(3 * group * left.row);
                    for third in 0..3 {
                        if 3 * group + third < M {
                            let x = simd.splat_f32s(*base.add(third * left.row));
                            for (sum, column) in sums[3 * group + third].iter_mut().zip(columns) {
                                *sum = simd.mul_add_e_f32s(x, column, *sum);
                            }
                        }
                    }
                }
                a = a.wrapping_add(left.step);
                b = b.wrapping_add(right.step);
            }
        }
        finish(simd, block, (row, col), sums);
    }
}

/// Adds what is to be added, cuts what is to be cut, writes.
#[inline(always)]
unsafe fn finish<S: Simd, const M: usize, const V: usize>(
    simd: S,
    block: &Block,
    (row, col): (usize, usize),
    sums: [[S::f32s; V]; M],
) {
    let (Finish { add, bias, relu }, (out, stride)) = (block.finish, block.out);
    let cols = block.cols - col;
    // SAFETY: a whole tile's columns are inside the result, and of the bias.
    unsafe {
        if cols < V * S::F32_LANES {
            return finish_edge(simd, block, (row, col), &sums);
        }
        let mut biases = [simd.splat_f32s(0.0); V];
        if !bias.is_null() {
            for (v, each) in biases.iter_mut().enumerate() {
                *each = load::<S>(bias.add(col + v * S::F32_LANES));
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let target = out.add((row + i) * stride + col);
            write(simd, target, sums, biases, (add, relu));
        }
    }
}

/// The same where the last vector is not whole.
#[inline(always)]
unsafe fn finish_edge<S: Simd, const M: usize, const V: usize>(
    simd: S,
    block: &Block,
    (row, col): (usize, usize),
    sums: &[[S::f32s; V]; M],
) {
    let (Finish { add, bias, relu }, (out, stride)) = (block.finish, block.out);
    let cols = block.cols - col;
    let mut biases = [simd.splat_f32s(0.0); V];
    let mut edge = [0f32; WIDEST];
    // SAFETY: `cols` numbers of each row are inside the result, and of the bias; `edge` holds the
    // widest tile.
    unsafe {
        if !bias.is_null() {
            std::ptr::copy_nonoverlapping(bias.add(col), edge.as_mut_ptr(), cols);
            for (v, each) in biases.iter_mut().enumerate() {
                *each = load::<S>(edge.as_ptr().add(v * S::F32_LANES));
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let target = out.add((row + i) * stride + col);
            if add {
                std::ptr::copy_nonoverlapping(target, edge.as_mut_ptr(), cols);
            }
            write(simd, edge.as_mut_ptr(), sums, biases, (add, relu));
            std::ptr::copy_nonoverlapping(edge.as_ptr(), target, cols);
        }
    }
}

/// Finishes one row of a tile at `place`, which holds whole vectors.
#[inline(always)]
unsafe fn write<S: Simd, const V: usize>(
    simd: S,
    place: *mut f32,
    sums: &[S::f32s; V],
    biases: [S::f32s; V],
    (add, relu): (bool, bool),
) {
    let zero = simd.splat_f32s(0.0);
    for v in 0..V {
        // SAFETY: the caller's promise that `V` vectors can be read and written.
        unsafe {
            let place = place.add(v * S::F32_LANES);
            let mut sum = sums[v];
            if add {
                sum = simd.add_f32s(sum, load::<S>(place));
            }
            sum = simd.add_f32s(sum, biases[v]);
            if relu {
                let cut = simd.less_than_or_equal_f32s(sum, zero);
                sum = simd.select_f32s(cut, zero, sum);
            }
            store::<S>(place, sum);
        }
    }
}

/// A vector from any address.
#[inline(always)]
unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: the caller's promise that a vector can be read; any bits are numbers.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// A vector to any address.
#[inline(always)]
unsafe fn store<S: Simd>(to: *mut f32, vector: S::f32s) {
    // SAFETY: the caller's promise that a vector can be written.
    unsafe { to.cast::<S::f32s>().write_unaligned(vector) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::numbers;
    use pulp::Scalar256b;

    /// The product of dense sides with every kind of vector that this processor has.
    fn products(m: usize, n: usize, k: usize, transposed: bool) -> Vec<(&'static str, Vec<f32>)> {
        let (a, bias) = (numbers(m * k, 1), numbers(n, 3));
        let b = numbers(k * n, 2);
        let run = |what: &'static str, width: usize, go: &dyn Fn(Run)| {
            let panel = k * width;
            let mut panels = vec![0.0; n.div_ceil(width) * panel];
            for (i, x) in b.iter().enumerate() {
                let (step, col) = (i / n, i % n);
                panels[col / width * panel + step * width + col % width] = *x;
            }
            let mut out = vec![1.0; m * n];
            go(Run(Block {
                rows: m,
                cols: n,
                depth: [1, 1, k],
                left: Left {
                    start: a.as_ptr(),
                    row: if transposed { 1 } else { k },
                    image: 0,
                    segment: 0,
                    step: if transposed { m } else { 1 },
                },
                right: Right {
                    start: panels.as_ptr(),
                    panel,
                    image: 0,
                    segment: 0,
                    step: width,
                },
                out: (out.as_mut_ptr(), n),
                finish: Finish {
                    add: true,
                    bias: bias.as_ptr(),
                    relu: true,
                },
            }));
            (what, out)
        };
        let mut all = vec![
            run("dispatched", width(), &|run| dispatch_simd(run)),
            run("portable", VECTORS * 8, &|run| run.with_simd(Scalar256b)),
        ];
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            all.push(run("avx2", VECTORS * 8, &|run| Simd::vectorize(simd, run)));
        }
        let mut want = vec![0.0; m * n];
        for (i, want) in want.iter_mut().enumerate() {
            let (row, col) = (i / n, i % n);
            let terms = (0..k).map(|l| {
                let a = if transposed {
                    a[l * m + row]
                } else {
                    a[row * k + l]
                };
                f64::from(a) * f64::from(b[l * n + col])
            });
            *want = (terms.sum::<f64>() + 1.0 + f64::from(bias[col])).max(0.0) as f32;
        }
        all.push(("wanted", want));
        all
    }

    #[test]
    fn every_kind_of_vector_gives_the_same_within_rounding() {
        for (m, n, k) in [
            (1, 1, 1),
            (1, 33, 7),
            (13, 16, 5),
            (25, 70, 40),
            (3, 8, 0),
            (17, 9, 2),
        ] {
            for transposed in [false, true] {
                let mut all = products(m, n, k, transposed);
                let (_, want) = all.pop().unwrap();
                for (what, got) in all {
                    for (got, want) in got.iter().zip(&want) {
                        assert!((got - want).abs() < 1e-4, "{what}: {got} {want}");
                    }
                }
            }
        }
    }
}
