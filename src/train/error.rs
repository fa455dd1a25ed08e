//! What ends training with an error. A run that diverges, stops early or is asked to stop ends in
//! an [`Ending`](crate::event::Ending) instead.

use candle_core::DType;

use crate::array::Misfit;
use crate::candle::{Failure, told};
use crate::data::DataError;
use crate::event::SinkError;
use crate::layer::LayerError;
use crate::optim::OptimError;
use crate::units::counted;

/// Why a session could not be built, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The model could not be built.
    #[error(transparent)]
    Model(#[from] LayerError),
    /// A sample could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A computation failed.
    #[error("{doing} failed: {source}")]
    Compute {
        /// What was computed.
        doing: &'static str,
        /// What Candle said.
        #[source]
        source: candle_core::Error,
    },
    /// A model that cannot run in a low precision.
    #[error(
        "the model's forward pass in {} failed: {source}; hint: leave `train.precision` out, or let each operation of the model follow its input's type, with parameters as `param.like(&x)?`",
        precision.as_str()
    )]
    Precision {
        /// The precision.
        precision: DType,
        /// What Candle said.
        #[source]
        source: candle_core::Error,
    },
    /// Parameters that the loss does not depend on.
    #[error(
        "no gradient reaches {}; hint: the model does not use them, or goes through an operation without a gradient; freeze them where that is meant",
        names.join(", ")
    )]
    NoGradient {
        /// Their names, in backticks.
        names: Vec<String>,
    },
    /// A foreign model that would not learn as it should.
    #[error("{}", told(failures))]
    Unfit {
        /// What it did not pass.
        failures: Vec<Failure>,
    },
    /// The recipe contradicts itself.
    #[error("{0}")]
    Recipe(String),
    /// Samples of other shapes than the data's.
    #[error(
        "samples of shape {} were given; hint: the dataset's are {}",
        found.iter().map(|shape| format!("{shape:?}")).collect::<Vec<_>>().join(" and "),
        wanted.join(" and ")
    )]
    Samples {
        /// The shapes of what was given.
        found: Vec<Vec<usize>>,
        /// The shape of each field.
        wanted: Vec<String>,
    },
    /// A split that the data does not have.
    #[error("the data has no `{0}` split")]
    NoSplit(&'static str),
    /// The checkpoint does not fit the session.
    #[error("the checkpoint does not fit: {0}")]
    Restore(#[from] RestoreError),
    /// What happened could not be kept.
    #[error("{0}")]
    Sink(#[from] SinkError),
}

/// Why a checkpoint does not fit a session.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Names on one side only.
    #[error("{}", one_sided(missing, unknown))]
    Names {
        /// What the session has and the checkpoint has not, in backticks.
        missing: Vec<String>,
        /// What the checkpoint has and the session has not, in backticks.
        unknown: Vec<String>,
    },
    /// Another element type, shape or length.
    #[error("{}", misfit(name, why))]
    Misfit {
        /// The array.
        name: String,
        /// The difference from the model's.
        why: Misfit,
    },
    /// The optimizer's state.
    #[error(transparent)]
    Optimizer(#[from] OptimError),
    /// The counters.
    #[error("its counters cannot be read: {0}")]
    Counters(#[from] serde_json::Error),
    /// The counters point beyond the data.
    #[error(
        "it stands at batch {batch} of an epoch of {batches}; hint: was the data or the batch size changed?"
    )]
    Position {
        /// Batches used in the epoch.
        batch: u64,
        /// Batches that an epoch has.
        batches: u64,
    },
    /// A loss scale on one side only.
    #[error(
        "its counters {} a loss scale; hint: `train.precision` must be that of the run",
        if *found { "have" } else { "lack" }
    )]
    Scale {
        /// Whether the checkpoint has one.
        found: bool,
    },
    /// The restored state is not the one that was saved.
    #[error("its state hash is `{saved}`, but what it holds hashes to `{found}`")]
    Hash {
        /// The hash beside the tensors.
        saved: String,
        /// The hash of what was restored.
        found: String,
    },
    /// The device refused the numbers.
    #[error("its numbers could not be put on the device: {0}")]
    Device(#[source] candle_core::Error),
}

/// For `map_err`: a computation that failed.
pub(super) fn compute(doing: &'static str) -> impl FnOnce(candle_core::Error) -> TrainError {
    move |source| TrainError::Compute { doing, source }
}

/// The difference of an array of the checkpoint from the model's.
fn misfit(name: &str, why: &Misfit) -> String {
    match why {
        Misfit::Layout {
            found: (is, shape),
            wanted: (should, other),
        } => format!(
            "`{name}` is {} {shape:?} in the checkpoint and {} {other:?} in the model",
            is.name(),
            should.name()
        ),
        Misfit::Length { found, wanted } => format!(
            "`{name}` holds {} instead of {wanted}",
            counted(*found as u64, "byte")
        ),
    }
}

fn one_sided(missing: &[String], unknown: &[String]) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("it lacks {}", missing.join(", ")));
    }
    if !unknown.is_empty() {
        parts.push(format!("it has {}, unknown here", unknown.join(", ")));
    }
    if parts.is_empty() {
        parts.push("a name stands in it twice".to_owned());
    }
    parts.join("; ")
}
