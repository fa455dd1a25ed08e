//! Convolutional network in the manner of LeNet.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Factors, Inputs, Io, Mlp, Model, ModelSpec, Norm, Takes, mlp, norm::NormLayer};
use crate::{
    error::KeyFault,
    kernel::{Conv, Pool, channels_first, channels_last, places},
    layer::{
        Activate, Activation, Builder, Conv2d, Conv2dKeys, LayerError, Mode, Pool2d, PoolKind,
    },
};

/// Convolutional network for images. For each entry of `channels`: convolution → norm → relu → max
/// pooling; then an mlp of `hidden` layers with dropout (LeCun et al. 1998). Parameters:
/// `conv1.weight`, `conv1.bias`, `norm1.weight`, …, `fc1.weight`, …, `out.weight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cnn {
    /// Channels of the convolutions, first to last. Default [32, 64].
    #[serde(default = "channels")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 65_536)))]
    pub channels: Vec<usize>,
    /// Extent of each convolution's window in pixels; odd where `padding` is same. Default 5.
    #[serde(default = "kernel")]
    #[schemars(range(min = 1, max = 63))]
    pub kernel: usize,
    /// Border around the image of each convolution: zeros, so that its size stays (same), or
    /// nothing, so that it loses `kernel` − 1 pixels both ways (valid). Default same.
    #[serde(default)]
    pub padding: Padding,
    /// Factor by which max pooling shrinks the image after each convolution, or a list with one for
    /// each entry of `channels`, such as `[1, 2]`; 1 is none. Default 2.
    #[serde(default = "pool")]
    pub pool: Factors,
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

/// What surrounds an image under a window: zeros, so that its size stays (`same`), or nothing
/// (`valid`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are described together")]
pub enum Padding {
    #[default]
    Same,
    Valid,
}

fn channels() -> Vec<usize> {
    vec![32, 64]
}

fn kernel() -> usize {
    5
}

fn pool() -> Factors {
    Factors::All(2)
}

fn hidden() -> Vec<usize> {
    vec![128]
}

impl Default for Cnn {
    fn default() -> Self {
        Self {
            channels: channels(),
            kernel: kernel(),
            padding: Padding::Same,
            pool: pool(),
            hidden: hidden(),
            dropout: 0.0,
            norm: Norm::None,
        }
    }
}

impl ModelSpec for Cnn {
    fn check(&self) -> Vec<KeyFault> {
        let layers = self.channels.len();
        let what = match layers {
            1 => "convolution of `channels`",
            _ => "convolutions of `channels`",
        };
        let mut faults: Vec<KeyFault> = self.pool.fits("pool", layers, what).into_iter().collect();
        if self.kernel.is_multiple_of(2) && self.padding == Padding::Same {
            let message = format!(
                "`{}` is even, so the window has no middle pixel",
                self.kernel
            );
            let (below, above) = (self.kernel.saturating_sub(1).max(1), self.kernel + 1);
            let hint = format!("{below} or {above}, or `padding = \"valid\"`");
            faults.push(KeyFault::error("kernel", message).hint(hint));
        }
        faults
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Images]
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        if io.input().len() != 3 {
            let message = format!("samples of shape {:?} are not images", io.input());
            let hint = "`cnn` takes [channels, height, width]; `type = \"mlp\"` takes any shape";
            return Err(LayerError::shape(message).hint(hint));
        }
        let mut shape = io.input().to_vec();
        let mut stages = Vec::with_capacity(self.channels.len());
        for i in 0..self.channels.len() {
            let stage = self.stage(b, i, &shape)?;
            shape = stage.output.clone();
            stages.push(stage);
        }
        let head = self.head();
        let head = head.build_from(b, self.channels.len(), (&shape, io.outputs))?;
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
            embed: None,
        }
    }

    /// The convolution of `channels[i]` and what follows it. Without a norm, ReLU and pooling run
    /// inside the convolution's own pass.
    fn stage(&self, b: &Builder, i: usize, input: &[usize]) -> Result<Stage, LayerError> {
        let (number, factor) = (i + 1, self.pool.of(i));
        self.leaves_something(i, input)?;
        let at = |e: LayerError| e.at(format!("channels[{i}]"));
        let window = (factor > 1).then_some(Pool {
            kernel: factor,
            stride: factor,
        });
        let alone = self.norm == Norm::None;
        let keys = Conv2dKeys {
            channels: self.channels[i],
            kernel: self.kernel,
            bias: self.norm != Norm::Batch,
            conv: Conv {
                stride: 1,
                padding: self.zeros(),
                relu: alone,
                pool: window.filter(|_| alone),
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
        if let Some(window) = window.filter(|_| !alone) {
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

    /// Zeros on each side of the image under a convolution.
    fn zeros(&self) -> usize {
        match self.padding {
            Padding::Same => self.kernel / 2,
            Padding::Valid => 0,
        }
    }

    /// Refuses an image, the input of convolution `i`, on which the window or the pooling does not
    /// fit.
    fn leaves_something(&self, i: usize, input: &[usize]) -> Result<(), LayerError> {
        let along = |extent| places(extent, self.kernel, 1, self.zeros());
        match (along(input[1]), along(input[2])) {
            (Some(rows), Some(cols)) if rows.min(cols) >= self.pool.of(i) => Ok(()),
            (Some(rows), Some(cols)) => Err(self.pooled_away(i, [rows, cols])),
            _ => Err(self.too_small(i, [input[1], input[2]])),
        }
    }

    /// The image has fewer pixels than the window of convolution `i`.
    fn too_small(&self, i: usize, [height, width]: [usize; 2]) -> LayerError {
        let message = format!(
            "the {0}×{0} window does not fit on the {height}×{width} pixels that reach \
             convolution {1}",
            self.kernel,
            i + 1
        );
        let hint = match i {
            0 => "a smaller `kernel`, or `padding = \"same\"`".to_owned(),
            _ => format!(
                "{}, a smaller `kernel` or `pool`, or `padding = \"same\"`",
                at_most(i)
            ),
        };
        let error = LayerError::shape(message).hint(hint);
        error.at(format!("channels[{i}]"))
    }

    /// What convolution `i` gives is smaller than the pooling's window.
    fn pooled_away(&self, i: usize, [height, width]: [usize; 2]) -> LayerError {
        let path = self.pool.path("pool", i);
        let message = format!(
            "`{path}` = {} leaves nothing of the {height}×{width} pixels of convolution {}",
            self.pool.of(i),
            i + 1
        );
        let channels = format!("channels[{i}]");
        let (blamed, hint) = match (&self.pool, i) {
            (Factors::Each(_), _) => (path, "a smaller factor; 1 is none".to_owned()),
            (_, 0) => (channels, "a smaller `pool`; 1 is none".to_owned()),
            _ => (channels, format!("{}, or a smaller `pool`", at_most(i))),
        };
        LayerError::shape(message).hint(hint).at(blamed)
    }
}

/// How many convolutions there may be.
fn at_most(count: usize) -> String {
    let entries = if count == 1 { "entry" } else { "entries" };
    format!("at most {count} {entries} in `channels`")
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
    head: mlp::Network,
}

impl Model for Network {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let mut x = channels_last(inputs.only()?)?;
        for stage in &self.stages {
            x = stage.forward(&x, mode)?;
        }
        self.head.run(&channels_first(&x)?, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(spec: &Cnn, input: &[usize]) -> Result<Vec<String>, String> {
        let (b, io) = (Builder::plan(), Io::numbers(input, 10));
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
            "`channels[4]`: `pool` = 2 leaves nothing of the 1×1 pixels of convolution 5; \
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
            "`kernel`: `4` is even, so the window has no middle pixel; hint: 3 or 5, or \
             `padding = \"valid\"`"
        );
    }

    fn lenet() -> Cnn {
        Cnn {
            kernel: 3,
            padding: Padding::Valid,
            pool: Factors::Each(vec![1, 2]),
            ..Cnn::default()
        }
    }

    #[test]
    fn lenet_like_networks_are_expressible() {
        let want = [
            "conv1: conv2d + relu [32, 26, 26]",
            "conv2: conv2d + relu + max_pool2d [64, 12, 12]",
            "flatten: flatten [9216]",
            "fc1: linear + relu [128]",
            "out: linear [10]",
        ];
        assert_eq!(build(&lenet(), &[1, 28, 28]).unwrap(), want);
        let even = Cnn {
            kernel: 4,
            ..lenet()
        };
        assert_eq!(even.check(), []);
        assert_eq!(
            build(&even, &[1, 28, 28]).unwrap()[0],
            "conv1: conv2d + relu [32, 25, 25]"
        );
    }

    #[test]
    fn without_padding_the_image_can_vanish() {
        assert_eq!(
            build(&lenet(), &[1, 4, 9]).unwrap_err(),
            "`channels[1]`: the 3×3 window does not fit on the 2×7 pixels that reach convolution \
             2; hint: at most 1 entry in `channels`, a smaller `kernel` or `pool`, or \
             `padding = \"same\"`"
        );
        assert_eq!(
            build(&lenet(), &[1, 2, 2]).unwrap_err(),
            "`channels[0]`: the 3×3 window does not fit on the 2×2 pixels that reach convolution \
             1; hint: a smaller `kernel`, or `padding = \"same\"`"
        );
        assert_eq!(
            build(&lenet(), &[1, 5, 8]).unwrap_err(),
            "`pool[1]`: `pool[1]` = 2 leaves nothing of the 1×4 pixels of convolution 2; hint: a \
             smaller factor; 1 is none"
        );
    }

    #[test]
    fn a_list_of_factors_is_as_long_as_the_channels() {
        let spec = Cnn {
            channels: vec![4; 3],
            ..lenet()
        };
        assert_eq!(
            spec.check()[0].to_string(),
            "`pool`: `2` factors for `3` convolutions of `channels`; hint: one for each, or a \
             number for all; 1 is none"
        );
    }

    #[test]
    fn defaults_fill_an_empty_table() {
        assert_eq!(toml::from_str::<Cnn>("").unwrap(), Cnn::default());
        assert!(toml::from_str::<Cnn>("chanels = [1]").is_err());
    }
}
