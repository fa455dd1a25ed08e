//! Mixed precision as PyTorch has it in autocast and `GradScaler` (Micikevicius et al. 2018): what
//! training keeps is f32, what layers compute may be narrower.
//!
//! This is the only place that decides the type: a batch takes it on at the model's door, layers
//! follow their input, and the model's output is f32 again before loss and metrics see it. Ids of
//! tokens stay what they are, and the embedding hands on the type that it was built for. The
//! gradients flow back through the same casts into f32 buffers.

use candle_core::{DType, Error, Tensor};
use serde::{Deserialize, Serialize};

use super::error::{TrainError, compute};
use super::recipe::Recipe;
use crate::layer::{Builder, Mode};
use crate::model::{Inputs, Model};

impl Recipe {
    /// Where the model's parts are built for the recipe's precision.
    pub(super) fn builder(&self) -> Builder {
        Builder::plan()
            .computing_in(self.precision)
            .with_names(self.found.clone())
    }

    /// Runs `model` in the recipe's precision: inputs [n, ..] → output `[n, outputs]`, f32; of a model
    /// that predicts places, [n, places, outputs]. Ids stay u32.
    pub(super) fn forward(
        &self,
        model: &dyn Model,
        inputs: &Inputs,
        mode: &Mode,
    ) -> Result<Tensor, TrainError> {
        let run = || {
            let inputs = inputs.map(|input| match input.dtype().is_float() {
                true => input.to_dtype(self.precision),
                false => Ok(input.clone()),
            })?;
            model.forward(&inputs, mode)?.to_dtype(DType::F32)
        };
        run().map_err(|source| match self.precision {
            DType::F32 => compute("the model's forward pass")(source),
            precision if mixes_types(&source) => TrainError::Precision { precision, source },
            _ => compute("the model's forward pass")(source),
        })
    }
}

/// Whether an operation met tensors of two types, or of a type that it does not have.
fn mixes_types(error: &Error) -> bool {
    match error {
        Error::DTypeMismatchBinaryOp { .. }
        | Error::UnexpectedDType { .. }
        | Error::UnsupportedDTypeForOp(..) => true,
        Error::WithBacktrace { inner, .. } | Error::Context { inner, .. } => mixes_types(inner),
        _ => false,
    }
}

/// The factor that lifts an f16 run's loss, so that small gradients do not vanish: as
/// `torch.amp.GradScaler`, with its defaults. It is a power of two, so that scaling loses no bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scale {
    /// What the loss is multiplied by, and the gradient divided.
    pub factor: f64,
    /// Updates applied since it last changed.
    pub applied: u32,
}

/// Updates applied in a row after which the factor grows.
const INTERVAL: u32 = 2000;
/// The factor that is not halved any more: a gradient that overflows even so is no matter of scale.
/// (`GradScaler` would halve for ever.)
const LEAST: f64 = 1.0 / 65536.0;
/// The factor that is not doubled any more: the largest power of two in f32, as in `GradScaler`.
const MOST: f64 = (1u128 << 127) as f64;

impl Scale {
    /// The first factor, where this precision needs one: f16 does, bf16 has f32's range.
    pub fn of(precision: DType) -> Option<Self> {
        (precision == DType::F16).then_some(Self {
            factor: 65536.0,
            applied: 0,
        })
    }

    /// After an applied update: doubles the factor where so many were finite in a row.
    pub fn grow(&mut self) {
        self.applied += 1;
        if self.applied == INTERVAL {
            self.applied = 0;
            self.factor = (self.factor * 2.0).min(MOST);
        }
    }

    /// After a gradient that was not finite: halves the factor. `false` where it is the least one.
    pub fn back_off(&mut self) -> bool {
        let may = self.factor > LEAST;
        if may {
            self.applied = 0;
            self.factor /= 2.0;
        }
        may
    }
}
