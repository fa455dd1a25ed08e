//! Batch normalisation layer.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::kernel::{self, Init, Param, Running};

/// Batch norm over the first dimension of a sample: features `[c]` or images `[c, h, w]`. `weight` and
/// `bias` `[c]` are trained, `running_mean` and `running_var` `[c]` follow the batches by a tenth.
/// Where both are [frozen](Param::freeze), the running statistics stay, and are what training
/// normalises by.
#[derive(Debug)]
pub struct BatchNorm {
    weight: Param,
    bias: Param,
    mean: Param,
    variance: Param,
    relu: bool,
    output: Vec<usize>,
}

impl BatchNorm {
    /// A batch norm of samples of shape `input`, followed by ReLU in the same pass where `relu`.
    ///
    /// # Errors
    /// Where the samples have no channels.
    pub fn new(b: &Builder, name: &str, input: &[usize], relu: bool) -> Result<Self, LayerError> {
        let b = b.child(name);
        let channels = input.first().copied().unwrap_or(0);
        if channels == 0 {
            return Err(LayerError::shape(format!(
                "`{}` normalises channels, but samples of shape {input:?} have none",
                b.path()
            )));
        }
        b.record(LayerInfo {
            kind: if relu {
                "batch_norm + relu"
            } else {
                "batch_norm"
            }
            .to_owned(),
            params: 2 * channels,
            ..LayerInfo::elementwise(b.path().to_owned(), "", input)
        });
        // A variance needs two values of each channel.
        if input[1..].iter().product::<usize>() == 1 {
            b.least_batch(2);
        }
        Ok(Self {
            weight: b.param("weight", &[channels], Init::Constant(1.0)),
            bias: b.param("bias", &[channels], Init::Constant(0.0)),
            mean: b.buffer("running_mean", &[channels], 0.0),
            variance: b.buffer("running_var", &[channels], 1.0),
            relu,
            output: input.to_vec(),
        })
    }

    /// Shape of one sample's output: that of its input.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, .., c], channels last → the same shape. In training, moves the running statistics,
    /// unless it is frozen.
    ///
    /// # Errors
    /// Where the input has another shape, a training batch gives one value per channel, or the
    /// device fails.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let running = Running {
            mean: self.mean.var(),
            variance: self.variance.var(),
        };
        let (gamma, beta) = (self.weight.tensor(), self.bias.tensor());
        let is_frozen = self.weight.is_frozen() && self.bias.is_frozen();
        let train = mode.is_train() && !is_frozen;
        kernel::batch_norm(x, gamma, beta, running, train, self.relu)
    }
}
