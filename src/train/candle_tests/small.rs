//! Small networks of `candle_nn`: two that train, and one for each way not to.

use candle_core::{D, DType, Module, ModuleT, Result, Tensor, Var};
use candle_nn::{Conv2dConfig, Init, VarBuilder, ops};

use crate::candle::{CandleModel, Dropout};
use crate::model::Io;

/// Convolution, batch norm, dropout, linear, and a factor of its own.
#[derive(Debug, Clone)]
pub struct Conv;

pub struct ConvNet {
    conv: candle_nn::Conv2d,
    norm: candle_nn::BatchNorm,
    drop: Dropout,
    out: candle_nn::Linear,
    scale: Tensor,
}

impl CandleModel for Conv {
    type Net = ConvNet;

    fn build(&self, vb: VarBuilder, io: &Io) -> Result<ConvNet> {
        let stride = Conv2dConfig {
            stride: 2,
            padding: 1,
            ..Conv2dConfig::default()
        };
        Ok(ConvNet {
            conv: candle_nn::conv2d(1, 8, 3, stride, vb.pp("conv"))?,
            norm: candle_nn::batch_norm(8, 1e-5, vb.pp("norm"))?,
            drop: Dropout::new(0.25),
            out: candle_nn::linear(128, io.outputs, vb.pp("out"))?,
            scale: vb.get_with_hints((), "scale", Init::Const(1.0))?,
        })
    }

    fn forward(&self, net: &mut ConvNet, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = net.conv.forward(x)?;
        let x = net.norm.forward_t(&x, train)?.gelu()?;
        let x = net.drop.forward_t(&x.flatten_from(1)?, train)?;
        net.out.forward(&x)?.broadcast_mul(&net.scale)
    }
}

/// A hidden layer with a norm, sound or broken in one way.
#[derive(Debug, Clone, PartialEq)]
pub enum Small {
    Good,
    Fused,
    Rms,
    Softmax,
    Copied,
    Chance,
    Moving,
    Still,
    Twice,
    Narrow,
    Shapeless,
    Vast,
    Bilinear,
    Wide,
}

type Forward = Box<dyn Fn(&Tensor, bool) -> Result<Tensor>>;

impl CandleModel for Small {
    type Net = Forward;

    fn build(&self, vb: VarBuilder, io: &Io) -> Result<Forward> {
        match self {
            Self::Twice => vb.get(2, "w").and(vb.get(3, "w"))?,
            Self::Narrow => vb.to_dtype(DType::BF16).get(2, "w")?,
            Self::Shapeless => vb.get_unchecked("w")?,
            Self::Vast => vb.get((usize::MAX / 2, 3), "w")?,
            _ => Tensor::zeros((), DType::F32, vb.device())?,
        };
        let outputs = if *self == Self::Wide { 4 } else { io.outputs };
        let fc = candle_nn::linear(4, 6, vb.pp("fc"))?;
        let out = candle_nn::linear(6, outputs, vb.pp("out"))?;
        let middle = self.middle(vb.pp("norm"))?;
        let fixed = match self {
            Self::Copied => Some((fc.weight() * 1.0)?.t()?.contiguous()?),
            _ => None,
        };
        Ok(Box::new(move |x, train| {
            let h = match &fixed {
                Some(weight) => (x.matmul(weight)? + fc.forward(x)?)?,
                None => fc.forward(x)?,
            };
            out.forward(&middle(&h, train)?)
        }))
    }

    fn forward(&self, net: &mut Forward, x: &Tensor, train: bool) -> Result<Tensor> {
        net(x, train)
    }
}

impl Small {
    fn middle(&self, vb: VarBuilder) -> Result<Forward> {
        Ok(match self {
            Self::Fused => {
                let norm = candle_nn::layer_norm(6, 1e-5, vb)?;
                Box::new(move |x, _| norm.forward(x))
            }
            Self::Rms => {
                let norm = candle_nn::rms_norm(6, 1e-5, vb)?;
                Box::new(move |x, _| norm.forward(x))
            }
            Self::Softmax => Box::new(|x, _| ops::softmax_last_dim(x)),
            Self::Chance => {
                let drop = candle_nn::Dropout::new(0.5);
                Box::new(move |x, train| drop.forward_t(x, train))
            }
            Self::Moving => {
                let mean = vb.get_with_hints(6, "mean", Init::Const(0.0))?;
                let var = Var::from_tensor(&mean)?;
                Box::new(move |x, train| {
                    if train {
                        var.set(&((var.as_detached_tensor() * 0.9)? + 0.1)?)?;
                    }
                    x.broadcast_add(&mean)
                })
            }
            Self::Still => {
                let norm = candle_nn::batch_norm(6, 1e-5, vb)?;
                Box::new(move |x, _| norm.forward_t(x, false))
            }
            Self::Bilinear => Box::new(|x, _| {
                let x = x.reshape(((), 1, 2, 3))?.upsample_bilinear2d(4, 6, false)?;
                x.mean(D::Minus1)?
                    .flatten_from(1)?
                    .repeat((1, 2))?
                    .narrow(1, 0, 6)
            }),
            _ => {
                let norm = candle_nn::batch_norm(6, 1e-5, vb)?;
                Box::new(move |x, train| norm.forward_t(x, train)?.relu())
            }
        })
    }
}
