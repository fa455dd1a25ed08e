//! Pooling layer over images [channels, height, width].

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode, conv2d::slide, error::images};
use crate::kernel::{self, Pool};

/// Takes the maximum or the average of windows of pixels.
#[derive(Debug)]
pub struct Pool2d {
    kind: PoolKind,
    output: Vec<usize>,
}

/// What a pooling does with which window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// Maxima of the windows.
    Max(Pool),
    /// Averages of the windows.
    Average(Pool),
    /// The average of each whole channel; the output has no pixels any more, `[channels]`.
    GlobalAverage,
}

impl Pool2d {
    /// A pooling of samples of shape `input`.
    ///
    /// # Errors
    /// Where the samples are no images, or the window does not fit on them.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        kind: PoolKind,
    ) -> Result<Self, LayerError> {
        let path = b.child(name).path().to_owned();
        let [channels, height, width] = images(&path, input)?;
        let (label, output) = match kind {
            PoolKind::GlobalAverage => ("global_avg_pool2d", vec![channels]),
            PoolKind::Max(pool) | PoolKind::Average(pool) => {
                let [height, width] = slide(&path, [height, width], pool.kernel, pool.stride, 0)?;
                let max = matches!(kind, PoolKind::Max(_));
                let label = if max { "max_pool2d" } else { "avg_pool2d" };
                (label, vec![channels, height, width])
            }
        };
        b.record(LayerInfo {
            flops: input.iter().product::<usize>() as u64,
            ..LayerInfo::elementwise(path, label, &output)
        });
        Ok(Self { kind, output })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, h, w, c] → [n, h', w', c], or [n, c] for the global average.
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        match self.kind {
            PoolKind::Max(pool) => kernel::max_pool2d(x, pool),
            PoolKind::Average(pool) => kernel::avg_pool2d(x, pool),
            PoolKind::GlobalAverage => kernel::global_avg_pool2d(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_the_window() {
        let b = Builder::plan();
        let pool = Pool {
            kernel: 2,
            stride: 2,
        };
        let shape = |kind| Pool2d::new(&b, "pool", &[8, 7, 4], kind).map(|p| p.output.clone());
        assert_eq!(shape(PoolKind::Max(pool)).unwrap(), [8, 3, 2]);
        assert_eq!(shape(PoolKind::Average(pool)).unwrap(), [8, 3, 2]);
        assert_eq!(shape(PoolKind::GlobalAverage).unwrap(), [8]);
        let wide = Pool {
            kernel: 5,
            stride: 1,
        };
        let error = shape(PoolKind::Max(wide)).unwrap_err().to_string();
        assert!(error.contains("5×5 window"), "{error}");
    }
}
