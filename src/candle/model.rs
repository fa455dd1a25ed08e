//! What a model written for `candle_nn` has to say.

use std::fmt::Debug;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use crate::{
    error::KeyFault,
    model::{Input, Io},
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
    fn new(&self, vb: VarBuilder, io: &Io) -> Result<Self::Net>;

    /// Runs the network: samples [n, ..input] → logits or predictions [n, outputs]. `train` is what
    /// `candle_nn::ModuleT` takes.
    ///
    /// # Errors
    /// Those of the network.
    fn forward(&self, net: &mut Self::Net, input: &Tensor, train: bool) -> Result<Tensor>;

    /// What a sample has to be made of. Default: numbers.
    fn takes(&self) -> Input {
        Input::Numbers
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
