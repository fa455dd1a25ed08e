//! Residual network for small images.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inputs, Io, Model, ModelSpec, Takes};
use crate::{
    error::KeyFault,
    kernel::{Conv, Pool, channels_last},
    layer::{
        AddRelu, BatchNorm, Builder, Conv2d, Conv2dKeys, LayerError, Linear, LinearKeys, Mode,
        PadChannels, Pool2d, PoolKind,
    },
};

/// Residual network for images, in the form for CIFAR. Convolution 3×3 → batch norm → relu, then
/// three stages of basic blocks with `width`, 2·`width` and 4·`width` channels, of which the second
/// and third halve the image, then global average pooling and a linear layer to the outputs (He et
/// al. 2016, section 4.2). Parameters: `conv1.weight`, `norm1.weight`,
/// `stage1.block1.conv1.weight`, `stage1.block1.norm1.weight`, …,
/// `stage2.block1.shortcut.conv.weight`, …, `out.weight`, `out.bias`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resnet {
    /// Layers with weights along the longest way: 6·n + 2 for n blocks a stage, such as 8, 14, 20, 32,
    /// 44, 56 or 110. Default 20.
    #[serde(default = "depth")]
    #[schemars(range(min = 8, max = 1_202))]
    pub depth: usize,
    /// Channels of the first stage. Default 16.
    #[serde(default = "width")]
    #[schemars(range(min = 1, max = 16_384))]
    pub width: usize,
    /// Way of a block's input to its sum where the shape changes: by a 1×1 convolution with batch
    /// norm (projection, the paper's option B), or as every second pixel with channels of zeros,
    /// without parameters (padding, option A). Default projection.
    #[serde(default)]
    pub shortcut: Shortcut,
}

/// The way around a block that changes the shape: `projection` or `padding`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are described together")]
pub enum Shortcut {
    #[default]
    Projection,
    Padding,
}

fn depth() -> usize {
    20
}

fn width() -> usize {
    16
}

impl Default for Resnet {
    fn default() -> Self {
        Self {
            depth: depth(),
            width: width(),
            shortcut: Shortcut::Projection,
        }
    }
}

impl ModelSpec for Resnet {
    fn check(&self) -> Vec<KeyFault> {
        let below = 6 * self.blocks() + 2;
        if below == self.depth {
            return Vec::new();
        }
        let message = format!(
            "`{}` is not 6·n + 2, the depth of three stages of n blocks",
            self.depth
        );
        let hint = format!("{below} or {}", below + 6);
        vec![KeyFault::error("depth", message).hint(hint)]
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Images]
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        if io.input().len() != 3 {
            let message = format!("samples of shape {:?} are not images", io.input());
            let hint = "`resnet` takes [channels, height, width]; `type = \"mlp\"` takes any shape";
            return Err(LayerError::shape(message).hint(hint));
        }
        let stem = Convolution::new(b, "1", io.input(), (self.width, 3, 1), true)?;
        let mut shape = stem.output().to_vec();
        let mut blocks = Vec::with_capacity(3 * self.blocks());
        for stage in 0..3 {
            let part = b.child(&format!("stage{}", stage + 1));
            for number in 1..=self.blocks() {
                let stride = if stage > 0 && number == 1 { 2 } else { 1 };
                let part = part.child(&format!("block{number}"));
                let block = self.block(&part, &shape, self.width << stage, stride)?;
                shape = block.second.output().to_vec();
                blocks.push(block);
            }
        }
        let pool = Pool2d::new(b, "pool", &shape, PoolKind::GlobalAverage)?;
        let keys = LinearKeys {
            outputs: io.outputs,
            bias: true,
            relu: false,
        };
        let out = Linear::new(b, "out", pool.output(), keys)?;
        Ok(Box::new(Network {
            stem,
            blocks,
            pool,
            out,
        }))
    }
}

impl Resnet {
    /// Blocks of a stage.
    fn blocks(&self) -> usize {
        (self.depth.saturating_sub(2) / 6).max(1)
    }

    /// Two convolutions, and a way around them.
    fn block(
        &self,
        b: &Builder,
        input: &[usize],
        channels: usize,
        stride: usize,
    ) -> Result<Block, LayerError> {
        let first = Convolution::new(b, "1", input, (channels, 3, stride), true)?;
        let second = Convolution::new(b, "2", first.output(), (channels, 3, 1), false)?;
        let part = b.child("shortcut");
        let around = if second.output() == input {
            Around::Identity
        } else if self.shortcut == Shortcut::Projection {
            Around::Projection(Convolution::new(
                &part,
                "",
                input,
                (channels, 1, stride),
                false,
            )?)
        } else {
            // The average of one pixel is that pixel.
            let kind = PoolKind::Average(Pool { kernel: 1, stride });
            let pick = Pool2d::new(&part, "pick", input, kind)?;
            let pad = PadChannels::new(&part, "pad", pick.output(), channels)?;
            Around::Padding(pick, pad)
        };
        let sum = AddRelu::new(b, "sum", second.output());
        Ok(Block {
            first,
            second,
            around,
            sum,
        })
    }
}

/// A convolution without bias, and its batch norm.
struct Convolution {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Convolution {
    /// `conv` and `norm` with this `number` behind their names, for (channels, kernel, stride).
    fn new(
        b: &Builder,
        number: &str,
        input: &[usize],
        (channels, kernel, stride): (usize, usize, usize),
        relu: bool,
    ) -> Result<Self, LayerError> {
        let keys = Conv2dKeys {
            channels,
            kernel,
            bias: false,
            conv: Conv {
                stride,
                padding: kernel / 2,
                relu: false,
                pool: None,
            },
        };
        let conv = Conv2d::kaiming(b, &format!("conv{number}"), input, keys)?;
        let norm = BatchNorm::new(b, &format!("norm{number}"), conv.output(), relu)?;
        Ok(Self { conv, norm })
    }

    fn output(&self) -> &[usize] {
        self.norm.output()
    }

    fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        self.norm.forward(&self.conv.forward(x, mode)?, mode)
    }
}

/// How a block's input reaches its sum.
enum Around {
    Identity,
    Projection(Convolution),
    Padding(Pool2d, PadChannels),
}

/// A basic block.
struct Block {
    first: Convolution,
    second: Convolution,
    around: Around,
    sum: AddRelu,
}

impl Block {
    fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let y = self.second.forward(&self.first.forward(x, mode)?, mode)?;
        let x = match &self.around {
            Around::Identity => x.clone(),
            Around::Projection(projection) => projection.forward(x, mode)?,
            Around::Padding(pick, pad) => pad.forward(&pick.forward(x, mode)?, mode)?,
        };
        self.sum.forward(&y, &x, mode)
    }
}

struct Network {
    stem: Convolution,
    blocks: Vec<Block>,
    pool: Pool2d,
    out: Linear,
}

impl Model for Network {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let mut x = self.stem.forward(&channels_last(inputs.only()?)?, mode)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.out.forward(&self.pool.forward(&x, mode)?, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Architecture;

    fn build(spec: &Resnet, input: &[usize]) -> Result<Architecture, String> {
        let (b, io) = (Builder::plan(), Io::numbers(input, 10));
        spec.build(&b, &io).map_err(|e| e.to_string())?;
        Ok(b.finish())
    }

    /// Parameters of the paper's table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million, with option A.
    #[test]
    fn networks_are_as_large_as_the_papers() {
        for (depth, count) in [
            (20, 269_722),
            (32, 464_154),
            (44, 658_586),
            (56, 853_018),
            (110, 1_727_962),
        ] {
            let spec = Resnet {
                depth,
                shortcut: Shortcut::Padding,
                ..Resnet::default()
            };
            assert_eq!(build(&spec, &[3, 32, 32]).unwrap().param_count(), count);
        }
        let projections = 16 * 32 + 64 + 32 * 64 + 128;
        let built = build(&Resnet::default(), &[3, 32, 32]).unwrap();
        assert_eq!(built.param_count(), 269_722 + projections);
    }

    #[test]
    fn layers_follow_the_keys() {
        let spec = Resnet {
            depth: 8,
            width: 4,
            shortcut: Shortcut::Projection,
        };
        let built = build(&spec, &[1, 7, 6]).unwrap();
        let show: Vec<String> = built
            .layers
            .iter()
            .map(|l| format!("{}: {} {:?}", l.name, l.kind, l.output))
            .collect();
        let want = [
            "conv1: conv2d [4, 7, 6]",
            "norm1: batch_norm + relu [4, 7, 6]",
            "stage1.block1.conv1: conv2d [4, 7, 6]",
            "stage1.block1.norm1: batch_norm + relu [4, 7, 6]",
            "stage1.block1.conv2: conv2d [4, 7, 6]",
            "stage1.block1.norm2: batch_norm [4, 7, 6]",
            "stage1.block1.sum: add + relu [4, 7, 6]",
            "stage2.block1.conv1: conv2d [8, 4, 3]",
        ];
        assert_eq!(show[..8], want);
        assert_eq!(show[11], "stage2.block1.shortcut.conv: conv2d [8, 4, 3]");
        assert_eq!(
            show[12],
            "stage2.block1.shortcut.norm: batch_norm [8, 4, 3]"
        );
        let end = ["pool: global_avg_pool2d [16]", "out: linear [10]"];
        assert_eq!(show[show.len() - 2..], end);
        let padding = Resnet {
            shortcut: Shortcut::Padding,
            ..spec
        };
        let layers = build(&padding, &[1, 7, 6]).unwrap().layers;
        assert_eq!(layers[12].kind, "pad_channels");
        assert_eq!(layers[12].output, [8, 4, 3]);
    }

    #[test]
    fn misfits_blame_the_key() {
        for (depth, near) in [(18, "14 or 20"), (34, "32 or 38"), (152, "152")] {
            let spec = Resnet {
                depth,
                ..Resnet::default()
            };
            let told = spec.check().first().map(ToString::to_string);
            let want = format!(
                "`depth`: `{depth}` is not 6·n + 2, the depth of three stages of n blocks; hint: \
                 {near}"
            );
            assert_eq!(told, (depth != 152).then_some(want));
        }
        assert_eq!(
            build(&Resnet::default(), &[13]).unwrap_err(),
            "samples of shape [13] are not images; hint: `resnet` takes [channels, height, \
             width]; `type = \"mlp\"` takes any shape"
        );
    }

    #[test]
    fn defaults_fill_an_empty_table() {
        assert_eq!(toml::from_str::<Resnet>("").unwrap(), Resnet::default());
        assert!(toml::from_str::<Resnet>("layers = [2, 2]").is_err());
    }
}
