//! Dropout layer.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::{
    kernel,
    rng::{Purpose, Stream},
};

/// Drops elements in training, each with probability `p`, and scales the others by 1/(1 − p).
/// The mask is a function of the run's seed, the layer's name, the step and the element.
#[derive(Debug)]
pub struct Dropout {
    name: String,
    p: f64,
}

impl Dropout {
    /// A dropout of samples of shape `input`.
    ///
    /// # Errors
    /// Where `p` is not in [0, 1).
    pub fn new(b: &Builder, name: &str, input: &[usize], p: f64) -> Result<Self, LayerError> {
        let name = b.child(name).path().to_owned();
        if !(0.0..1.0).contains(&p) {
            return Err(LayerError::shape(format!(
                "`{name}` drops with probability `{p}`, which is not in [0, 1)"
            )));
        }
        b.record(LayerInfo::elementwise(name.clone(), "dropout", input));
        Ok(Self { name, p })
    }

    /// x [n, ..] → the same shape; in evaluation x itself.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        match *mode {
            Mode::Eval => Ok(x.clone()),
            Mode::Train { seed, step, micro } => {
                let stream = Stream::new(seed, Purpose::Dropout, &self.name);
                kernel::dropout(x, self.p, stream, step, micro)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn two_layers_drop_different_elements_and_evaluation_drops_none() {
        let b = Builder::plan();
        let drop = |name| Dropout::new(&b, name, &[1000], 0.5).unwrap();
        let ones = Tensor::ones((1, 1000), DType::F32, &Device::Cpu).unwrap();
        let train = Mode::Train {
            seed: 1,
            step: 0,
            micro: 0,
        };
        let run = |layer: &Dropout, mode| layer.forward(&ones, &mode).unwrap().to_vec2::<f32>();
        let (one, two) = (drop("drop1"), drop("drop2"));
        assert_ne!(run(&one, train).unwrap(), run(&two, train).unwrap());
        assert_eq!(run(&one, Mode::Eval).unwrap(), [[1.0; 1000]]);
    }

    #[test]
    fn everything_cannot_be_dropped() {
        let error = Dropout::new(&Builder::plan(), "drop1", &[1], 1.0).unwrap_err();
        assert!(error.to_string().contains("not in [0, 1)"), "{error}");
    }
}
