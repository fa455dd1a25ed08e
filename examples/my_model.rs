//! A model of your own, with the whole tool around it: check, run, resume, reproduce, explain.
//!
//! ```sh
//! cargo run --release --example my_model -- run examples/my_model.toml
//! cargo run --release --example my_model -- explain model.my_net
//! ```
//!
//! In a crate of your own, this file is `src/main.rs`, beside the dependencies `trainer`,
//! `candle-core`, `serde` (with `derive`) and `schemars`.

use std::process::ExitCode;

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::{
    config::Extensions,
    layer::{Builder, Flatten, LayerError, Linear, LinearKeys, Mode},
    model::{Inputs, Io, Model, ModelSpec},
};

/// Hands out what a step gave back without asking the system: steps are faster.
#[global_allocator]
static ALLOCATOR: trainer::Allocator = trainer::Allocator;

fn main() -> ExitCode {
    let program = trainer::program!();
    trainer::cli::main_with(Extensions::new().model::<MyNet>("my_net").program(program))
}

/// A linear layer, then so many residual ones of the same width: `h ← h + relu(W·h + b)`.
//  This comment and those of the keys are what `explain` and the checks tell.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MyNet {
    /// Width of the hidden layers. Default 32.
    #[serde(default = "thirty_two")]
    #[schemars(range(min = 1, max = 4096))]
    width: usize,
    /// Residual layers. Default 2.
    #[serde(default = "two")]
    #[schemars(range(max = 100))]
    blocks: usize,
}

fn thirty_two() -> usize {
    32
}

fn two() -> usize {
    2
}

impl ModelSpec for MyNet {
    /// What the ranges above cannot say.
    /// Layers by their names; `io` says what the dataset gives and what the loss wants.
    fn build(&self, b: &Builder, io: &Io) -> std::result::Result<Box<dyn Model>, LayerError> {
        let linear = |name: &str, input: &[usize], outputs, relu| {
            let bias = true;
            Linear::new(
                b,
                name,
                input,
                LinearKeys {
                    outputs,
                    bias,
                    relu,
                },
            )
        };
        let flatten = Flatten::new(b, "flatten", io.input());
        let enter = linear("enter", flatten.output(), self.width, true)?;
        let blocks = (1..=self.blocks)
            .map(|i| linear(&format!("block{i}"), enter.output(), self.width, true))
            .collect::<std::result::Result<_, _>>()?;
        let out = linear("out", enter.output(), io.outputs, false)?;
        Ok(Box::new(Network {
            flatten,
            enter,
            blocks,
            out,
        }))
    }
}

/// The layers, with their parameters.
struct Network {
    flatten: Flatten,
    enter: Linear,
    blocks: Vec<Linear>,
    out: Linear,
}

impl Model for Network {
    /// Samples [n, ..input] → logits [n, outputs]; gradients come by themselves.
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> Result<Tensor> {
        let mut h = self.flatten.forward(inputs.only()?, mode)?;
        h = self.enter.forward(&h, mode)?;
        for block in &self.blocks {
            h = (&h + block.forward(&h, mode)?)?;
        }
        self.out.forward(&h, mode)
    }
}
