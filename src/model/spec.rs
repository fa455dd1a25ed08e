//! What every model is.

use std::fmt::Debug;

use candle_core::Tensor;

use super::{Inputs, Takes};
use crate::{
    error::KeyFault,
    field::Field,
    layer::{Builder, LayerError, Mode},
};

/// A network ready to run: its parameters are filled by the session that built it.
pub trait Model {
    /// Inputs → logits or predictions [n, outputs]; of a model that predicts each place,
    /// [n, places, outputs].
    ///
    /// # Errors
    /// Where the inputs have other fields or shapes, or the device fails.
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor>;
}

/// The keys of a model, and how it is built from them.
pub trait ModelSpec: Debug + Send + Sync {
    /// Faults that the schema cannot express; keys are paths inside the model's table.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Returns what a sample may be made of, in the order in which a message names them. Default:
    /// numbers of any shape.
    fn takes(&self) -> &'static [Takes] {
        &[Takes::Numbers]
    }

    /// Returns whether it predicts something for each place of a sample, as the next token, rather
    /// than for the sample. Default: false.
    fn predicts_places(&self) -> bool {
        false
    }

    /// Returns true where the model is made of operations that this crate does not know: its layers
    /// have no shapes before it runs, and a session tries before the first update whether it can be
    /// trained. Default: false.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Builds the model for data of these shapes: asks `b` for every parameter, records every
    /// layer. The same call serves a plan, which never fills the parameters, and a session.
    ///
    /// # Errors
    /// Where the shapes do not fit together.
    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError>;
}

/// What goes into a model and what comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Io {
    /// The fields of a sample, one at least.
    pub fields: Vec<Field>,
    /// Width of the output: classes, labels, numbers to predict, or the vocabulary of tokens.
    pub outputs: usize,
}

impl Io {
    /// Returns samples of one field, and the width of the output.
    #[must_use]
    pub fn new(field: Field, outputs: usize) -> Self {
        Self {
            fields: vec![field],
            outputs,
        }
    }

    /// Returns samples of numbers of this shape, such as `[1, 28, 28]` or `[13]`.
    #[must_use]
    pub fn numbers(shape: &[usize], outputs: usize) -> Self {
        Self::new(Field::numbers("input", shape), outputs)
    }

    /// Returns the shape of a sample's first field.
    #[must_use]
    pub fn input(&self) -> &[usize] {
        self.fields.first().map_or(&[], |field| &field.shape)
    }
}
