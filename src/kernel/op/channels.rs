//! Where an image's channels stand: data and flattened samples have them first, as PyTorch; the
//! image operations have them last, because a pixel's channels are what they add up.

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    gemm::transpose,
    memory::{fused, output, tensor, uninit, with_ref},
};

/// [n, c, h, w] → [n, h, w, c].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn channels_last(x: &Tensor) -> Result<Tensor> {
    if fused(x) {
        x.dims4()?;
        apply([(x, Role::Input)], Order { last: true })
    } else {
        composed::channels_last(x)
    }
}

/// [n, h, w, c] → [n, c, h, w].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn channels_first(x: &Tensor) -> Result<Tensor> {
    if fused(x) {
        x.dims4()?;
        apply([(x, Role::Input)], Order { last: false })
    } else {
        composed::channels_first(x)
    }
}

struct Order {
    /// Whether the channels go last.
    last: bool,
}

impl Order {
    /// The other order's shape, and each image as a matrix to turn: rows and columns.
    fn other(&self, shape: &Shape) -> Result<([usize; 4], usize, usize)> {
        let (n, a, b, c) = shape.dims4()?;
        Ok(if self.last {
            ([n, b, c, a], a, b * c)
        } else {
            ([n, c, a, b], a * b, c)
        })
    }
}

/// The transposes of dense matrices [rows, cols] that follow one another.
fn transposed(x: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let mut out = uninit(x.len());
    let size = (rows * cols).max(1);
    let images = out.par_chunks_mut(size).zip(x.par_chunks(size));
    images.for_each(|(out, x)| transpose((x, cols), (rows, cols), (out, rows)));
    out
}

impl Fused<1> for Order {
    fn name(&self) -> &'static str {
        "channel-order"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (shape, rows, cols) = self.other(x.shape)?;
        output(transposed(x.values, rows, cols), &shape[..])
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (_, rows, cols) = self.other(x.shape())?;
        let out = with_ref(grad, |grad| Ok(transposed(grad, cols, rows)))?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{gradients, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [[2, 3, 4, 5], [1, 1, 1, 1], [1, 17, 3, 7], [3, 1, 2, 2]] {
            let x = [var(&shape, 1)];
            gradients("last", &x, &|t| channels_last(&t[0]), &|t| {
                composed::channels_last(&t[0])
            });
            gradients("first", &x, &|t| channels_first(&t[0]), &|t| {
                composed::channels_first(&t[0])
            });
        }
    }
}
