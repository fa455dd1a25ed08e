//! Convolutional network in the manner of LeNet.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Io, Mlp, Model, ModelSpec, Norm, norm::NormLayer};
use crate::{
    error::KeyFault,
    kernel::{Conv, Pool, channels_first, channels_last},
    layer::{
        Activate, Activation, Builder, Conv2d, Conv2dKeys, LayerError, Mode, Pool2d, PoolKind,
    },
};

/// Convolutional network for images (LeCun et al. 1998): for each entry of `channels` convolution
/// (keeping the size) → norm → relu → max pooling, then an mlp of `hidden` layers with dropout.
/// Parameters: `conv1.weight`, `conv1.bias`, `norm1.weight`, …, `fc1.weight`, …, `out.weight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cnn {
    /// Channels of the convolutions, first to last. Default [32, 64].
    #[serde(default = "channels")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 65_536)))]
    pub channels: Vec<usize>,
    /// Extent of each convolution's window in pixels; odd. Default 5.
    #[serde(default = "kernel")]
    #[schemars(range(min = 1, max = 63))]
    pub kernel: usize,
    /// Factor by which each max pooling shrinks the image; 1 is none. Default 2.
    #[serde(default = "pool")]
    #[schemars(range(min = 1, max = 256))]
    pub pool: usize,
    /// Widths of the hidden layers after the convolutions. Default `[128]`.
    #[serde(default = "hidden")]
    #[schemars(inner(range(min = 1, max = 1_048_576)))]
    pub hidden: Vec<usize>,
    /// Share of each hidden layer's outputs dropped in training, 0 to below 1. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
    /// Normalisation before each relu. Default none.
    #[serde(default)]
    pub norm: Norm,
}

fn channels() -> Vec<usize> {
    vec![32, 64]
}

fn kernel() -> usize {
    5
}

fn pool() -> usize {
    2
}

fn hidden() -> Vec<usize> {
    vec![128]
}

impl Default for Cnn {
    fn default() -> Self {
        Self {
            channels: channels(),
            kernel: kernel(),
            pool: pool(),
            hidden: hidden(),
            dropout: 0.0,
            norm: Norm::None,
        }
    }
}

impl ModelSpec for Cnn {
    fn check(&self) -> Vec<KeyFault> {
        if self.kernel % 2 == 1 {
            return Vec::new();
        }
        let message = format!(
            "`{}` is even, so the window has no middle pixel",
            self.kernel
        );
        let odd = format!(
            "{} or {}",
            self.kernel.saturating_sub(1).max(1),
            self.kernel + 1
        );
        vec![KeyFault::error("kernel", message).hint(odd)]
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        if io.input.len() != 3 {
            let message = format!("samples of shape {:?} are not images", io.input);
            let hint = "`cnn` takes [channels, height, width]; `type = \"mlp\"` takes any shape";
            return Err(LayerError::shape(message).hint(hint));
        }
        let mut shape = io.input.clone();
        let mut stages = Vec::with_capacity(self.channels.len());
        for i in 0..self.channels.len() {
            let stage = self.stage(b, i, &shape)?;
            shape = stage.output.clone();
            stages.push(stage);
        }
        let Io { outputs, .. } = *io;
        let head = self.head().build_from(
            b,
            self.channels.len(),
            &Io {
                input: shape,
                outputs,
            },
        )?;
        Ok(Box::new(Network { stages, head }))
    }
}

impl Cnn {
    /// The layers after the convolutions.
    fn head(&self) -> Mlp {
        Mlp {
            hidden: self.hidden.clone(),
            activation: Activation::Relu,
            dropout: self.dropout,
            norm: self.norm,
        }
    }

    /// The convolution of `channels[i]` and what follows it. Without a norm, ReLU and pooling run
    /// inside the convolution's own pass.
    fn stage(&self, b: &Builder, i: usize, input: &[usize]) -> Result<Stage, LayerError> {
        let (channels, number) = (self.channels[i], i + 1);
        let shrinks = self.pool > 1;
        if shrinks && input[1..].iter().any(|extent| *extent < self.pool) {
            return Err(self.vanished(i, input));
        }
        let at = |e: LayerError| e.at(format!("channels[{i}]"));
        let window = Pool {
            kernel: self.pool,
            stride: self.pool,
        };
        let alone = self.norm == Norm::None;
        let keys = Conv2dKeys {
            channels,
            kernel: self.kernel,
            bias: self.norm != Norm::Batch,
            conv: Conv {
                stride: 1,
                padding: self.kernel / 2,
                relu: alone,
                pool: (alone && shrinks).then_some(window),
            },
        };
        let conv = Conv2d::new(b, &format!("conv{number}"), input, keys).map_err(at)?;
        let mut output = conv.output().to_vec();
        let norm = self
            .norm
            .build(b, &format!("norm{number}"), &output, true)
            .map_err(at)?;
        let name = format!("act{number}");
        let separate = self.norm == Norm::Layer;
        let relu = separate.then(|| Activate::new(b, &name, &output, Activation::Relu));
        let mut pool = None;
        if shrinks && !alone {
            let kind = PoolKind::Max(window);
            let layer = Pool2d::new(b, &format!("pool{number}"), &output, kind).map_err(at)?;
            output = layer.output().to_vec();
            pool = Some(layer);
        }
        Ok(Stage {
            conv,
            norm,
            relu,
            pool,
            output,
        })
    }

    /// The image is smaller than the pooling's window.
    fn vanished(&self, i: usize, input: &[usize]) -> LayerError {
        let message = format!(
            "`pool` = {} leaves nothing of the {}×{} pixels that reach convolution {}",
            self.pool,
            input[1],
            input[2],
            i + 1
        );
        let hint = match i {
            0 => "a smaller `pool`; 1 is none".to_owned(),
            1 => "at most 1 entry in `channels`, or a smaller `pool`".to_owned(),
            _ => format!("at most {i} entries in `channels`, or a smaller `pool`"),
        };
        LayerError::shape(message)
            .hint(hint)
            .at(format!("channels[{i}]"))
    }
}

/// A convolution and what follows it.
struct Stage {
    conv: Conv2d,
    norm: NormLayer,
    relu: Option<Activate>,
    pool: Option<Pool2d>,
    output: Vec<usize>,
}

impl Stage {
    fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let x = self.conv.forward(x, mode)?;
        let x = match self.norm {
            // Its parameters have the sample's shape, channels first.
            NormLayer::Layer(_) => {
                let x = self.norm.forward(channels_first(&x)?, mode)?;
                channels_last(&x)?
            }
            _ => self.norm.forward(x, mode)?,
        };
        let x = match &self.relu {
            Some(relu) => relu.forward(&x, mode)?,
            None => x,
        };
        match &self.pool {
            Some(pool) => pool.forward(&x, mode),
            None => Ok(x),
        }
    }
}

struct Network {
    stages: Vec<Stage>,
    head: Box<dyn Model>,
}

impl Model for Network {
    fn forward(&self, input: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let mut x = channels_last(input)?;
        for stage in &self.stages {
            x = stage.forward(&x, mode)?;
        }
        self.head.forward(&channels_first(&x)?, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(spec: &Cnn, input: &[usize]) -> Result<Vec<String>, String> {
        let (b, io) = (
            Builder::plan(),
            Io {
                input: input.to_vec(),
                outputs: 10,
            },
        );
        spec.build(&b, &io).map_err(|e| e.to_string())?;
        let show = |l: &crate::layer::LayerInfo| format!("{}: {} {:?}", l.name, l.kind, l.output);
        Ok(b.finish().layers.iter().map(show).collect())
    }

    #[test]
    fn layers_follow_the_keys() {
        let want = [
            "conv1: conv2d + relu + max_pool2d [32, 14, 14]",
            "conv2: conv2d + relu + max_pool2d [64, 7, 7]",
            "flatten: flatten [3136]",
            "fc1: linear + relu [128]",
            "out: linear [10]",
        ];
        assert_eq!(build(&Cnn::default(), &[1, 28, 28]).unwrap(), want);
        let spec = Cnn {
            channels: vec![4],
            norm: Norm::Batch,
            hidden: vec![],
            ..Cnn::default()
        };
        let want = [
            "conv1: conv2d [4, 9, 8]",
            "norm1: batch_norm + relu [4, 9, 8]",
            "pool1: max_pool2d [4, 4, 4]",
            "flatten: flatten [64]",
            "out: linear [10]",
        ];
        assert_eq!(build(&spec, &[3, 9, 8]).unwrap(), want);
    }

    #[test]
    fn misfits_blame_the_key() {
        let deep = Cnn {
            channels: vec![8; 6],
            ..Cnn::default()
        };
        assert_eq!(
            build(&deep, &[1, 28, 28]).unwrap_err(),
            "`channels[4]`: `pool` = 2 leaves nothing of the 1×1 pixels that reach convolution 5; \
             hint: at most 4 entries in `channels`, or a smaller `pool`"
        );
        assert_eq!(
            build(&Cnn::default(), &[13]).unwrap_err(),
            "samples of shape [13] are not images; hint: `cnn` takes [channels, height, width]; \
             `type = \"mlp\"` takes any shape"
        );
        let even = Cnn {
            kernel: 4,
            ..Cnn::default()
        };
        assert_eq!(
            even.check()[0].to_string(),
            "`kernel`: `4` is even, so the window has no middle pixel; hint: 3 or 5"
        );
    }

    #[test]
    fn defaults_fill_an_empty_table() {
        assert_eq!(toml::from_str::<Cnn>("").unwrap(), Cnn::default());
        assert!(toml::from_str::<Cnn>("chanels = [1]").is_err());
    }
}
