//! The mean of a sequence's states.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::kernel;

/// Takes the mean over the places of a sequence: [t, d] → `[d]`.
#[derive(Debug)]
pub struct Mean {
    output: Vec<usize>,
}

impl Mean {
    /// The mean of samples of shape `input`.
    ///
    /// # Errors
    /// Where the samples are no sequences.
    pub fn new(b: &Builder, name: &str, input: &[usize]) -> Result<Self, LayerError> {
        let path = b.child(name).path().to_owned();
        let [places, width] = *input else {
            return Err(LayerError::shape(format!(
                "`{path}` takes sequences [places, width], but gets samples of shape {input:?}"
            )));
        };
        b.record(LayerInfo {
            flops: (places * width) as u64,
            ..LayerInfo::elementwise(path, "mean", &[width])
        });
        Ok(Self {
            output: vec![width],
        })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, t, d] → [n, d]; over each sample's own places where there are `lengths`.
    ///
    /// # Errors
    /// Where the input has another shape, the lengths do not fit it, or the device fails.
    pub fn forward(
        &self,
        x: &Tensor,
        lengths: Option<&[u32]>,
        _: &Mode,
    ) -> candle_core::Result<Tensor> {
        match lengths {
            Some(lengths) => kernel::mean_within(x, lengths),
            None => {
                let (n, places, _) = x.dims3()?;
                kernel::mean_within(x, &vec![places as u32; n])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn without_lengths_every_place_counts() {
        let b = Builder::plan();
        let mean = Mean::new(&b, "mean", &[2, 1]).unwrap();
        let x = Tensor::new(&[[[1f32], [3.0]]], &Device::Cpu).unwrap();
        let of = |lengths| {
            let y = mean.forward(&x, lengths, &Mode::Eval).unwrap();
            y.to_vec2::<f32>().unwrap()
        };
        assert_eq!(of(None), [[2.0]]);
        assert_eq!(of(Some(&[1][..])), [[1.0]]);
        assert!(Mean::new(&b, "mean", &[1, 8, 8]).is_err());
    }
}
