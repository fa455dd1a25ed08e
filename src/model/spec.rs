//! What every model is.

use std::fmt::Debug;

use candle_core::Tensor;

use crate::{
    error::KeyFault,
    layer::{Builder, LayerError, Mode},
};

/// A network ready to run: its parameters are filled by the session that built it.
pub trait Model: Send {
    /// Input [n, ..input] → logits or predictions [n, outputs]; of a model that takes tokens, ids
    /// u32 [n, context] → logits of the next token at each place, [n, context, outputs].
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    fn forward(&self, input: &Tensor, mode: &Mode) -> candle_core::Result<Tensor>;
}

/// The keys of a model, and how it is built from them.
pub trait ModelSpec: Debug + Send + Sync {
    /// Returns faults that the schema cannot express; keys are paths inside the model's table.
    /// Default: none.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// What a sample has to be made of. Default: numbers.
    fn takes(&self) -> Input {
        Input::Numbers
    }

    /// Builds the model for data of these shapes: asks `b` for every parameter, records every
    /// layer. The same call serves a plan, which never fills the parameters, and a session.
    ///
    /// # Errors
    /// Where the shapes do not fit together.
    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError>;
}

/// What samples are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Floating-point numbers.
    Numbers,
    /// Ids of tokens, u32, below the number of outputs.
    Tokens,
}

/// What goes into a model and what comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Io {
    /// Shape of one sample, such as `[1, 28, 28]` or `[13]`; `[context]` for tokens.
    pub input: Vec<usize>,
    /// Width of the output: classes, numbers to predict, or the vocabulary of tokens.
    pub outputs: usize,
}
