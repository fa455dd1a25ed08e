//! The trait of a model written for `candle_nn`.

use std::fmt::Debug;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use crate::{
    error::KeyFault,
    model::{Inputs, Io, Takes},
};

/// The keys of a model written for `candle_nn`, with its constructor and its forward pass.
///
/// [`Adapted`](super::Adapted) makes a model of the config of it:
/// `Extensions::new().model::<Adapted<Bert>>("bert")`.
pub trait CandleModel: Clone + Debug + Send + Sync + 'static {
    /// The network that the constructor gives.
    type Net;

    /// Builds the network for data of these shapes. It runs for a plan, over tensors that hold
    /// nothing but zeros, and again over the parameters of each session.
    ///
    /// # Errors
    /// Where the shapes do not fit together.
    fn build(&self, vb: VarBuilder, io: &Io) -> Result<Self::Net>;

    /// Runs the network: samples [n, ..input] → logits or predictions [n, outputs]. `train` is what
    /// `candle_nn::ModuleT` takes.
    ///
    /// # Errors
    /// Those of the network.
    fn forward(&self, net: &mut Self::Net, input: &Tensor, train: bool) -> Result<Tensor>;

    /// Runs the network on samples of several fields, or of different lengths. Default:
    /// [`forward`](Self::forward) on the only field.
    ///
    /// # Errors
    /// Those of the network.
    fn forward_inputs(&self, net: &mut Self::Net, inputs: &Inputs, train: bool) -> Result<Tensor> {
        self.forward(net, inputs.only()?, train)
    }

    /// Returns what a sample may be made of. Default: numbers of any shape.
    fn takes(&self) -> &'static [Takes] {
        &[Takes::Numbers]
    }

    /// Returns whether it predicts something for each place of a sample, as the next token, rather
    /// than for the sample. Default: false.
    fn predicts_places(&self) -> bool {
        false
    }

    /// Faults of the keys that their schema cannot express. Default: none.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Returns whether the tensor of this name is a buffer: kept and saved, but not trained. Default:
    /// the running statistics of a batch norm.
    fn is_buffer(&self, name: &str) -> bool {
        let leaf = name.rsplit('.').next().unwrap_or(name);
        ["running_mean", "running_var", "num_batches_tracked"].contains(&leaf)
    }
}
