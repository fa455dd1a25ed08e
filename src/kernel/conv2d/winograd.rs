//! 3×3 convolutions of stride 1 with half the products: Winograd's F(4, 3) along each row (Lavin &
//! Gray 2016, "Fast Algorithms for Convolutional Neural Networks", in one dimension).
//!
//! Four neighbouring places of a map see six pixels d of each of three rows. With g a row of the
//! window, they are Aᵀ[(G g) ⊙ (Bᵀ d)], summed over rows and input channels: each of the six
//! positions of a transformed tile is a product of its own, [tiles, 3·ci] · [3·ci, co], of 18 numbers for
//! the direct 36. The weights' gradient goes the same way from behind, through A, the products'
//! transposes and Gᵀ; ∂L/∂x is a convolution of its own, with the transposed weights.
//!
//! The transforms are polynomials' values at 0, ±p, ±1/p and ∞ with p = ⅔: with these points (Barabasz
//! et al. 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution") the error of a
//! sum is 1.3 times that of a direct one (`tests/reference/winograd_points.py`). Column j of A is
//! (1, x, x², x³) for the jth point x, a row of G is (1, x, x²) over the product of x's differences
//! from the other points, and Bᵀ has the coefficients of the polynomials that are 0 at all points but
//! one. A pixel that is not finite makes its whole tile NaN. Images are [h, w, c], c in multiples of
//! [`CHANNELS`], so that every transform works on whole vectors.

use std::ops::Range;

use super::{
    Window,
    winograd_transform::{
        InputTransform, OutputGradientTransform, OutputTransform, PLACES, POSITIONS, Row,
        WeightGradientTransform, WeightTransform,
    },
};
use crate::kernel::{
    gemm::{Block, Finish, Left, Right, width},
    memory::uninit,
    simd::dispatch_simd,
};

/// What both channel counts must be a multiple of.
const CHANNELS: usize = 16;
/// Rows of the window.
const ROWS: usize = 3;
/// Transformed numbers that are worked on at a time: they stay in the second-level cache.
const NUMBERS: usize = 32 << 10;

/// The extents of one convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Winograd {
    /// Rows, columns and channels of x.
    image: Map,
    /// Those of the map.
    map: Map,
    /// Zeros around x.
    padding: usize,
}

/// Rows, columns and channels of an image.
#[derive(Debug, Clone, Copy)]
struct Map {
    rows: usize,
    cols: usize,
    channels: usize,
}

impl Map {
    fn row(&self) -> usize {
        self.cols * self.channels
    }

    fn len(&self) -> usize {
        self.rows * self.row()
    }
}

/// Transformed tiles, [6, rows, tiles, channels], with a gap between positions that keeps them from
/// sharing cache sets.
struct Tiles {
    numbers: Vec<f32>,
    position: usize,
    /// Numbers in a row.
    row: usize,
}

impl Tiles {
    fn new(rows: usize, tiles: usize, channels: usize) -> Self {
        let row = tiles * channels;
        let position = rows * row + CHANNELS;
        Self {
            numbers: uninit(POSITIONS * position),
            position,
            row,
        }
    }

    /// Position `i` of row `row` and the rows below.
    fn at(&self, i: usize, row: usize) -> &[f32] {
        &self.numbers[i * self.position + row * self.row..]
    }

    fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.numbers[row * self.row..]
    }
}

/// Images, and rows of their maps, that are worked on at a time.
struct Batch {
    images: Range<usize>,
    rows: Range<usize>,
}

impl Winograd {
    /// The same convolution in this form, where it has one.
    pub fn of(w: &Window, (rows, cols): (usize, usize), channels: usize) -> Option<Self> {
        let fits = (w.rows, w.cols, w.stride) == (ROWS, 3, 1)
            && w.padding < ROWS
            && w.height.min(w.width) > 0;
        let whole = |c: usize| c > 0 && c.is_multiple_of(CHANNELS);
        (fits && whole(w.channels) && whole(channels)).then_some(Self {
            image: Map {
                rows: w.height,
                cols: w.width,
                channels: w.channels,
            },
            map: Map {
                rows,
                cols,
                channels,
            },
            padding: w.padding,
        })
    }

    /// The convolution of ∂L/∂(map) that gives ∂L/∂x; its window is transposed by half a turn.
    pub fn transposed(&self) -> Self {
        Self {
            image: self.map,
            map: self.image,
            padding: ROWS - 1 - self.padding,
        }
    }

    /// Tiles in a row.
    fn tiles(&self) -> usize {
        self.map.cols.div_ceil(PLACES)
    }

    /// Cuts a number of images into batches: whole images, or bands of one.
    fn batches(&self, images: usize) -> impl Iterator<Item = Batch> {
        let row = POSITIONS * self.tiles() * self.image.channels.max(self.map.channels);
        let rows = (NUMBERS / row.max(1)).clamp(2 * ROWS, self.map.rows.max(2 * ROWS));
        let few = (NUMBERS / (row * self.map.rows).max(1)).max(1);
        let height = self.map.rows;
        (0..images).step_by(few).flat_map(move |image| {
            (0..height).step_by(rows).map(move |row| Batch {
                images: image..(image + few).min(images),
                rows: row..(row + rows).min(height),
            })
        })
    }

    /// The maps of images `x`, for weights that [`Winograd::weights`] transformed: panels of output
    /// channels, steps are input channels.
    pub fn forward(
        &self,
        x: &[f32],
        weights: &[f32],
        (bias, relu): (Option<&[f32]>, bool),
        out: &mut [f32],
    ) {
        for batch in self.batches(out.len() / self.map.len().max(1)) {
            let seen = self.seen(x, &batch);
            let rows = batch.rows.len();
            let mut sums = Tiles::new(rows, self.tiles(), self.map.channels);
            for (i, image) in batch.images.enumerate() {
                self.product(&seen, i * (rows + ROWS - 1), weights, (rows, &mut sums));
                let map = &mut out[image * self.map.len()..][..self.map.len()];
                let places =
                    map[batch.rows.start * self.map.row()..].chunks_exact_mut(self.map.row());
                for (row, places) in places.take(rows).enumerate() {
                    dispatch_simd(OutputTransform {
                        row: self.row(&sums, self.map, 0),
                        tiles: sums.at(0, row),
                        places,
                        bias,
                        relu,
                    });
                }
            }
        }
    }

    /// For gradients `g` of the maps of images `x`: adds ∂L/∂(transformed weights), [6, 3, ci, co], to
    /// `sums`.
    pub fn add_weights(&self, x: &[f32], g: &[f32], sums: &mut [f32]) {
        for batch in self.batches(g.len() / self.map.len().max(1)) {
            let (seen, rows) = (self.seen(x, &batch), batch.rows.len());
            let mut grads = Tiles::new(batch.images.len() * rows, self.tiles(), self.map.channels);
            for (i, image) in batch.images.clone().enumerate() {
                let map = &g[image * self.map.len()..][..self.map.len()];
                let places = map[batch.rows.start * self.map.row()..].chunks_exact(self.map.row());
                for (row, places) in places.take(rows).enumerate() {
                    dispatch_simd(OutputGradientTransform {
                        row: self.row(&grads, self.map, 0),
                        places,
                        out: grads.row_mut(i * rows + row),
                    });
                }
            }
            self.add_products(&seen, &grads, (batch.images.len(), rows), sums);
        }
    }

    /// Weights in panels, as [9, steps · width] each, transformed: [6, panels, 3, steps · width].
    pub fn weights(panels: &[f32], steps: usize) -> Vec<f32> {
        let block = steps * width();
        let count = panels.len() / (9 * block).max(1);
        let mut out = uninit(POSITIONS * count * ROWS * block);
        for (i, taps) in panels.chunks_exact((9 * block).max(1)).enumerate() {
            dispatch_simd(WeightTransform {
                taps,
                block,
                out: &mut out[i * ROWS * block..],
                position: count * ROWS * block,
            });
        }
        out
    }

    /// Scratch for the sums that [`Winograd::add_weights`] adds to.
    pub fn sums(&self) -> Vec<f32> {
        vec![0.0; POSITIONS * ROWS * self.image.channels * self.map.channels]
    }

    /// ∂L/∂W as [3, 3, ci, co] from those sums.
    pub fn weight_gradient(&self, sums: &[f32]) -> Vec<f32> {
        let block = self.image.channels * self.map.channels;
        let mut taps = uninit(9 * block);
        dispatch_simd(WeightGradientTransform {
            tiles: sums,
            block,
            taps: &mut taps,
        });
        taps
    }

    fn row(&self, tiles: &Tiles, map: Map, padding: usize) -> Row {
        Row {
            tiles: self.tiles(),
            channels: map.channels,
            position: tiles.position,
            cols: map.cols,
            padding,
        }
    }

    /// The rows of pixels that a batch sees, transformed; two more than rows of the map for each image.
    fn seen(&self, x: &[f32], batch: &Batch) -> Tiles {
        let rows = batch.rows.len() + ROWS - 1;
        let mut out = Tiles::new(batch.images.len() * rows, self.tiles(), self.image.channels);
        for (i, image) in batch.images.clone().enumerate() {
            let image = &x[image * self.image.len()..][..self.image.len()];
            for row in 0..rows {
                let y = (batch.rows.start + row).checked_sub(self.padding);
                let row = i * rows + row;
                if let Some(y) = y.filter(|y| *y < self.image.rows) {
                    dispatch_simd(InputTransform {
                        row: self.row(&out, self.image, self.padding),
                        pixels: &image[y * self.image.row()..][..self.image.row()],
                        out: out.row_mut(row),
                    });
                } else {
                    for i in 0..POSITIONS {
                        let (first, len) = (i * out.position + row * out.row, out.row);
                        out.numbers[first..first + len].fill(0.0);
                    }
                }
            }
        }
        out
    }

    /// out = the sum over the window's rows of (row of `seen` from `first` on) · weights, for each
    /// position.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn product(
        &self,
        seen: &Tiles,
        first: usize,
        weights: &[f32],
        (rows, out): (usize, &mut Tiles),
    ) {
        let (steps, cols) = (self.image.channels, self.map.channels);
        let block = weights.len() / POSITIONS;
        assert!(block == cols.div_ceil(width()) * ROWS * steps * width());
        assert!((first + rows + ROWS - 1) * seen.row <= seen.position);
        for i in 0..POSITIONS {
            let target = &mut out.numbers[i * out.position..][..rows * out.row];
            let block = Block {
                rows: rows * self.tiles(),
                cols,
                depth: [1, ROWS, steps],
                left: Left {
                    segment: seen.row,
                    ..Left::rows(seen.at(i, first), steps)
                },
                right: Right {
                    segment: steps * width(),
                    ..Right::panels(&weights[i * block..], ROWS * steps)
                },
                out: (target.as_mut_ptr(), cols),
                finish: Finish::PLAIN,
            };
            // SAFETY: both sides hold these rows and panels, as asserted; the target is this
            // position's alone.
            unsafe { block.run() };
        }
    }

    /// sums += (rows of `seen`)ᵀ · grads, for each position and row of the window.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn add_products(
        &self,
        seen: &Tiles,
        grads: &Tiles,
        (images, rows): (usize, usize),
        sums: &mut [f32],
    ) {
        let (inputs, outputs) = (self.image.channels, self.map.channels);
        assert!(sums.len() == POSITIONS * ROWS * inputs * outputs);
        assert!(images * (rows + ROWS - 1) * seen.row <= seen.position);
        assert!(images * rows * grads.row <= grads.position);
        for (i, sums) in sums.chunks_exact_mut(inputs * outputs).enumerate() {
            let (position, row) = (i / ROWS, i % ROWS);
            let block = Block {
                rows: inputs,
                cols: outputs,
                depth: [images, 1, rows * self.tiles()],
                left: Left {
                    image: (rows + ROWS - 1) * seen.row,
                    ..Left::columns(seen.at(position, row), inputs)
                },
                right: Right {
                    image: rows * grads.row,
                    ..Right::rows(grads.at(position, 0), outputs)
                },
                out: (sums.as_mut_ptr(), outputs),
                finish: Finish {
                    add: true,
                    ..Finish::PLAIN
                },
            };
            // SAFETY: both sides hold these rows, as asserted, and channels fill whole vectors; the
            // sums are this position's alone.
            unsafe { block.run() };
        }
    }
}
