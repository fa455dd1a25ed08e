//! Channels of zeros after an image's own: the shortcut of a residual network that has no parameters
//! (He et al. 2016, option A).

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    memory::{fused, output, tensor, with_ref},
};
use crate::units::counted;

/// x [n, h, w, c] → [n, h, w, `channels`]: channels of zeros after its own.
///
/// # Errors
/// Where x is no batch of images, has more channels than that, or the device fails.
pub fn pad_channels(x: &Tensor, channels: usize) -> Result<Tensor> {
    if !fused(x) {
        return composed::pad_channels(x, channels);
    }
    let (_, _, _, own) = x.dims4()?;
    if own > channels {
        bail!(
            "{} cannot be padded to {channels}",
            counted(own as u64, "channel")
        )
    }
    apply([(x, Role::Input)], Pad { channels })
}

struct Pad {
    channels: usize,
}

/// `count` rows of `own` numbers as rows of `width`: cut off, or with zeros after them.
fn resized(rows: &[f32], count: usize, own: usize, width: usize) -> Vec<f32> {
    /// Rows that one unit of work covers.
    const ROWS: usize = 256;
    let mut out = vec![0.0; count * width];
    let both = own.min(width);
    let blocks = out.par_chunks_mut((ROWS * width).max(1));
    let blocks = blocks.zip(rows.par_chunks((ROWS * own).max(1)));
    blocks.for_each(|(out, rows)| {
        for (to, from) in out.chunks_exact_mut(width).zip(rows.chunks_exact(own)) {
            to[..both].copy_from_slice(&from[..both]);
        }
    });
    out
}

impl Fused<1> for Pad {
    fn name(&self) -> &'static str {
        "pad-channels"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (n, height, width, own) = x.shape.dims4()?;
        let x = x.values;
        let out = resized(x, n * height * width, own, self.channels);
        output(out, (n, height, width, self.channels))
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (n, height, width, own) = x.dims4()?;
        let out = with_ref(grad, |grad| {
            Ok(resized(grad, n * height * width, self.channels, own))
        })?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (shape, channels) in [([2, 4, 5, 3], 5), ([1, 1, 1, 1], 9), ([2, 3, 2, 4], 4)] {
            gradients(
                "pad_channels",
                &[var(&shape, 1)],
                &|t| pad_channels(&t[0], channels),
                &|t| composed::pad_channels(&t[0], channels),
            );
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = [var(&[3, 17, 19, 5], 1)];
        threads(|| everything(&x, &|t| pad_channels(&t[0], 8)));
    }

    #[test]
    fn channels_are_never_dropped() {
        for pad in [pad_channels, composed::pad_channels] {
            let message = pad(&var(&[2, 4, 4, 3], 1), 2).unwrap_err().to_string();
            let words = "3 channels cannot be padded to 2";
            assert!(message.contains(words), "{message}");
        }
    }
}
