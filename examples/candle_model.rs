//! A model written for candle_nn, trained as it stands; `docs/candle.md` tells the rest.
//! `cargo run --release --example candle_model -- run examples/candle_model.toml`

use candle_core::{Result, Tensor, bail};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Linear, VarBuilder};
use candle_nn::{batch_norm, conv2d, linear};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::candle::{Adapted, CandleModel, Dropout};
use trainer::{config::Extensions, model::Io};

fn main() -> std::process::ExitCode {
    let own = Extensions::new().model::<Adapted<SmallNet>>("small_net");
    trainer::cli::main_with(own.program(trainer::program!()))
}

/// Two convolutions with batch norm, dropout, and a linear layer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SmallNet {
    /// Channels of the convolutions.
    #[schemars(range(min = 1, max = 1024))]
    channels: usize,
    /// Share of the features dropped in training.
    #[schemars(range(min = 0.0, max = 0.9))]
    dropout: f32,
}

impl CandleModel for SmallNet {
    type Net = ([(Conv2d, BatchNorm); 2], Dropout, Linear);

    fn build(&self, vb: VarBuilder, io: &Io) -> Result<Self::Net> {
        let [channels, height, width] = io.input()[..] else {
            bail!("it takes images, not samples of shape {:?}", io.input());
        };
        let (mut half, to) = (Conv2dConfig::default(), self.channels);
        (half.stride, half.padding) = (2, 1);
        let block = |from, vb: VarBuilder| {
            let conv = conv2d(from, to, 3, half, vb.pp("conv"))?;
            Result::Ok((conv, batch_norm(to, 1e-5, vb.pp("norm"))?))
        };
        let blocks = [
            block(channels, vb.pp("first"))?,
            block(to, vb.pp("second"))?,
        ];
        let features = to * height.div_ceil(4) * width.div_ceil(4);
        let out = linear(features, io.outputs, vb.pp("out"))?;
        Ok((blocks, Dropout::new(self.dropout), out))
    }

    fn forward(&self, net: &mut Self::Net, x: &Tensor, train: bool) -> Result<Tensor> {
        let ((blocks, drop, out), mut x) = (net, x.clone());
        for (conv, norm) in blocks {
            x = x.apply(conv)?.apply_t(norm, train)?.gelu()?;
        }
        x.flatten_from(1)?.apply_t(drop, train)?.apply(out)
    }
}
