//! The transforms around Winograd's products, a row of pixels at a time, a vector of channels at a
//! time: pixels and gradients become six positions, and products become places;
//! weights likewise.
//!
//! Rows are [cols, channels], transformed tiles [6, tiles, channels]; a tile covers [`PLACES`] places.

use pulp::{Simd, WithSimd};

/// Places of the map that a tile gives.
pub(crate) const PLACES: usize = 4;
/// Positions of a transformed tile; the pixels that it sees.
pub(crate) const POSITIONS: usize = 6;

/// A row of pixels or places, and the tiles along it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub tiles: usize,
    /// A multiple of every vector's length.
    pub channels: usize,
    /// Numbers from a position of the transformed tiles to the next.
    pub position: usize,
    pub cols: usize,
    /// Columns of zeros on the left.
    pub padding: usize,
}

impl Row {
    /// Vectors of a pixel, and from a position to the next.
    fn steps<S: Simd>(&self) -> (usize, usize) {
        (self.channels / S::F32_LANES, self.position / S::F32_LANES)
    }

    /// The column that the `i`th pixel or place of a tile stands for.
    #[inline(always)]
    fn col(&self, tile: usize, i: usize) -> Option<usize> {
        let col = (tile * PLACES + i).checked_sub(self.padding);
        col.filter(|col| *col < self.cols)
    }
}

/// Bᵀ d of the six pixels that each tile sees.
pub(crate) struct InputTransform<'a> {
    pub row: Row,
    pub pixels: &'a [f32],
    pub out: &'a mut [f32],
}

impl WithSimd for InputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (row, (pixel, position)) = (self.row, self.row.steps::<S>());
        let pixels = S::as_simd_f32s(self.pixels).0;
        let out = S::as_mut_simd_f32s(self.out).0;
        for tile in 0..row.tiles {
            for v in 0..pixel {
                let mut seen = [simd.splat_f32s(0.0); POSITIONS];
                for (i, seen) in seen.iter_mut().enumerate() {
                    if let Some(col) = row.col(tile, i) {
                        *seen = pixels[col * pixel + v];
                    }
                }
                for (i, number) in transform_input(simd, seen).into_iter().enumerate() {
                    out[tile * pixel + v + i * position] = number;
                }
            }
        }
    }
}

/// Aᵀ m for the four places of each tile, with bias and ReLU.
pub(crate) struct OutputTransform<'a> {
    pub row: Row,
    pub tiles: &'a [f32],
    pub places: &'a mut [f32],
    pub bias: Option<&'a [f32]>,
    pub relu: bool,
}

impl WithSimd for OutputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (row, (pixel, position)) = (self.row, self.row.steps::<S>());
        let tiles = S::as_simd_f32s(self.tiles).0;
        let places = S::as_mut_simd_f32s(self.places).0;
        let bias = self.bias.map(|bias| S::as_simd_f32s(bias).0);
        let zero = simd.splat_f32s(0.0);
        for tile in 0..row.tiles {
            for v in 0..pixel {
                let mut products = [zero; POSITIONS];
                for (i, product) in products.iter_mut().enumerate() {
                    *product = tiles[tile * pixel + v + i * position];
                }
                for (i, sum) in transform_output(simd, products).into_iter().enumerate() {
                    let Some(col) = row.col(tile, i) else {
                        continue;
                    };
                    let mut sum = match bias {
                        Some(bias) => simd.add_f32s(sum, bias[v]),
                        None => sum,
                    };
                    if self.relu {
                        let cut = simd.less_than_or_equal_f32s(sum, zero);
                        sum = simd.select_f32s(cut, zero, sum);
                    }
                    places[col * pixel + v] = sum;
                }
            }
        }
    }
}

/// A g of the gradients of each tile's four places: [`OutputTransform`] from behind.
pub(crate) struct OutputGradientTransform<'a> {
    pub row: Row,
    pub places: &'a [f32],
    pub out: &'a mut [f32],
}

impl WithSimd for OutputGradientTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (row, (pixel, position)) = (self.row, self.row.steps::<S>());
        let places = S::as_simd_f32s(self.places).0;
        let out = S::as_mut_simd_f32s(self.out).0;
        for tile in 0..row.tiles {
            for v in 0..pixel {
                let mut grads = [simd.splat_f32s(0.0); PLACES];
                for (i, grad) in grads.iter_mut().enumerate() {
                    if let Some(col) = row.col(tile, i) {
                        *grad = places[col * pixel + v];
                    }
                }
                for (i, number) in transform_output_gradient(simd, grads)
                    .into_iter()
                    .enumerate()
                {
                    out[tile * pixel + v + i * position] = number;
                }
            }
        }
    }
}

/// G g of blocks of numbers, one for each place of a 3×3 window: each row of the window apart.
pub(crate) struct WeightTransform<'a> {
    pub taps: &'a [f32],
    /// Numbers of a block; a multiple of every vector's length.
    pub block: usize,
    /// [6, 3, block]
    pub out: &'a mut [f32],
    /// Numbers from a position to the next.
    pub position: usize,
}

impl WithSimd for WeightTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let taps = S::as_simd_f32s(self.taps).0;
        let out = S::as_mut_simd_f32s(self.out).0;
        let (block, position) = (self.block / S::F32_LANES, self.position / S::F32_LANES);
        for row in 0..3 {
            for i in 0..block {
                let at = 3 * row * block + i;
                let weights = [taps[at], taps[at + block], taps[at + 2 * block]];
                for (x, number) in transform_weights(simd, weights).into_iter().enumerate() {
                    out[x * position + row * block + i] = number;
                }
            }
        }
    }
}

/// Gᵀ u of blocks of numbers: [`WeightTransform`] from behind.
pub(crate) struct WeightGradientTransform<'a> {
    /// [6, 3, block]
    pub tiles: &'a [f32],
    /// Numbers of a block; a multiple of every vector's length.
    pub block: usize,
    pub taps: &'a mut [f32],
}

impl WithSimd for WeightGradientTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tiles = S::as_simd_f32s(self.tiles).0;
        let taps = S::as_mut_simd_f32s(self.taps).0;
        let block = self.block / S::F32_LANES;
        for row in 0..3 {
            for i in 0..block {
                let mut products = [simd.splat_f32s(0.0); POSITIONS];
                for (x, product) in products.iter_mut().enumerate() {
                    *product = tiles[(3 * x + row) * block + i];
                }
                for (x, number) in transform_weight_gradient(simd, products)
                    .into_iter()
                    .enumerate()
                {
                    taps[(3 * row + x) * block + i] = number;
                }
            }
        }
    }
}

/// The points that polynomials are evaluated at: 0, ±NEAR, ±FAR and ∞, with NEAR · FAR = 1.
const NEAR: f32 = 2.0 / 3.0;
const FAR: f32 = 1.5;
/// G's rows for them: ∏ of the differences from the other points, divided into 1, p and p².
const NEAR_WEIGHTS: [f32; 3] = [-81.0 / 130.0, -54.0 / 130.0, -36.0 / 130.0];
const FAR_WEIGHTS: [f32; 3] = [8.0 / 65.0, 12.0 / 65.0, 18.0 / 65.0];

/// x·a + y·b.
#[inline(always)]
fn two<S: Simd>(simd: S, (x, a): (f32, S::f32s), (y, b): (f32, S::f32s)) -> S::f32s {
    let b = simd.mul_f32s(simd.splat_f32s(y), b);
    simd.mul_add_e_f32s(simd.splat_f32s(x), a, b)
}

/// x·a + b.
#[inline(always)]
fn more<S: Simd>(simd: S, (x, a): (f32, S::f32s), b: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(simd.splat_f32s(x), a, b)
}

/// The sum and the difference.
#[inline(always)]
fn both<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> (S::f32s, S::f32s) {
    (simd.add_f32s(a, b), simd.sub_f32s(a, b))
}

/// Bᵀ d.
#[inline(always)]
fn transform_input<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; 6]) -> [S::f32s; 6] {
    const SQUARES: f32 = -(NEAR * NEAR + FAR * FAR);
    let (even, odd) = (
        more(simd, (-FAR * FAR, c), e),
        two(simd, (NEAR, d), (-FAR, b)),
    );
    let near = both(simd, even, odd);
    let (even, odd) = (
        more(simd, (-NEAR * NEAR, c), e),
        two(simd, (FAR, d), (-NEAR, b)),
    );
    let far = both(simd, even, odd);
    [
        more(simd, (SQUARES, c), simd.add_f32s(a, e)),
        near.0,
        near.1,
        far.0,
        far.1,
        more(simd, (SQUARES, d), simd.add_f32s(b, f)),
    ]
}

/// Aᵀ m.
#[inline(always)]
fn transform_output<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; 6]) -> [S::f32s; 4] {
    let (near, far) = (both(simd, b, c), both(simd, d, e));
    let cubes = two(simd, (NEAR * NEAR * NEAR, near.1), (FAR * FAR * FAR, far.1));
    [
        simd.add_f32s(a, simd.add_f32s(near.0, far.0)),
        two(simd, (NEAR, near.1), (FAR, far.1)),
        two(simd, (NEAR * NEAR, near.0), (FAR * FAR, far.0)),
        simd.add_f32s(f, cubes),
    ]
}

/// A g.
#[inline(always)]
fn transform_output_gradient<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 6] {
    let at = |p: f32| {
        let odd = two(simd, (p, b), (p * p * p, d));
        both(simd, more(simd, (p * p, c), a), odd)
    };
    let (near, far) = (at(NEAR), at(FAR));
    [a, near.0, near.1, far.0, far.1, d]
}

/// G g.
#[inline(always)]
fn transform_weights<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 6] {
    let at = |[x, y, z]: [f32; 3]| {
        let odd = simd.mul_f32s(simd.splat_f32s(y), b);
        both(simd, two(simd, (x, a), (z, c)), odd)
    };
    let (near, far) = (at(NEAR_WEIGHTS), at(FAR_WEIGHTS));
    [a, near.0, near.1, far.0, far.1, c]
}

/// Gᵀ u.
#[inline(always)]
fn transform_weight_gradient<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; 6]) -> [S::f32s; 3] {
    let (near, far) = (both(simd, b, c), both(simd, d, e));
    let sum = |i: usize, near, far| two(simd, (NEAR_WEIGHTS[i], near), (FAR_WEIGHTS[i], far));
    [
        simd.add_f32s(a, sum(0, near.0, far.0)),
        sum(1, near.1, far.1),
        simd.add_f32s(f, sum(2, near.0, far.0)),
    ]
}
