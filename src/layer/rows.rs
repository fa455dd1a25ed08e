//! An image as a sequence: its rows, from top to bottom.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode, error::images};

/// Reads an image row by row: [c, h, w] → [h, c·w], the row of one channel after that of another.
#[derive(Debug)]
pub struct Rows {
    output: Vec<usize>,
}

impl Rows {
    /// The rows of samples of shape `input`.
    ///
    /// # Errors
    /// Where the samples are no images.
    pub fn new(b: &Builder, name: &str, input: &[usize]) -> Result<Self, LayerError> {
        let path = b.child(name).path().to_owned();
        let [channels, height, width] = images(&path, input)?;
        let output = vec![height, channels * width];
        b.record(LayerInfo {
            flops: 0,
            activations: 0,
            ..LayerInfo::elementwise(path, "rows", &output)
        });
        Ok(Self { output })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, c, h, w] → [n, h, c·w].
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        x.transpose(1, 2)?.contiguous()?.flatten_from(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_step_is_a_row_of_every_channel() {
        let layer = Rows::new(&Builder::plan(), "rows", &[2, 3, 2]).unwrap();
        assert_eq!(layer.output(), [3, 4]);
        let x = Tensor::arange(0u32, 12, &Device::Cpu).unwrap();
        let x = x.reshape((1, 2, 3, 2)).unwrap();
        let y = layer.forward(&x, &Mode::Eval).unwrap();
        let want = [[[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]];
        assert_eq!(y.to_vec3::<u32>().unwrap(), want);
    }
}
