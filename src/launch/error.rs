//! What goes wrong between a plan and its run.

use std::path::PathBuf;

use super::HubError;
use crate::units::counted;
use crate::{
    config::ConfigError,
    data::DataError,
    error::{Fault, io_reason},
    run::RunError,
    train::TrainError,
};

/// Why a run could not be started, resumed, reproduced or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// This build has no such device.
    #[error(
        "`{device}` is not in this build; hint: build it with `cargo build --release --features {feature}`, or use `--device cpu`"
    )]
    NotBuilt {
        /// What was asked for.
        device: String,
        /// The Cargo feature that brings it.
        feature: &'static str,
    },
    /// This machine has no such device.
    #[error(
        "`{device}` cannot be opened: {source}; hint: `trainer devices` shows what there is; `--device cpu` always works"
    )]
    NoDevice {
        /// What was asked for.
        device: String,
        /// What Candle says.
        source: candle_core::Error,
    },
    /// The stored plan no longer resolves.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The run directory cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file beside the run directory cannot be used.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// The proof.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No run can be made in the folder of the runs.
    #[error("cannot create a run in `{}`: {}; hint: name another folder with `--runs DIR`", runs.display(), io_reason(source))]
    NoPlace {
        /// The folder.
        runs: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The memory is too small for the run.
    #[error(
        "the run needs about {needed} of memory, and {free} are free; hint: {remedy}; `--ignore-memory` runs it all the same"
    )]
    NoMemory {
        /// The estimate.
        needed: String,
        /// Memory that is free, and the limit that it counts against.
        free: String,
        /// The keys to change.
        remedy: String,
    },
    /// The disk is too small for the run.
    #[error(
        "`{}` has room for {free} bytes, and the run's checkpoints take {needed} ({checkpoints} at a time); hint: keep fewer with `[checkpoint] keep`, or name another folder with `--runs DIR`",
        runs.display()
    )]
    NoRoom {
        /// The folder.
        runs: PathBuf,
        /// Bytes that may still be written.
        free: u64,
        /// Bytes of the checkpoints.
        needed: u64,
        /// The number of them at one time.
        checkpoints: u64,
    },
    /// What must be the same is not.
    #[error("run `{run}` cannot go on as it was begun:\n{}\nhint: {hint}", differences.join("\n"))]
    Changed {
        /// The run.
        run: String,
        /// One line each: what it was and what it is.
        differences: Vec<String>,
        /// The way out.
        hint: String,
    },
    /// The stored plan is not the one that the run was begun with.
    #[error(
        "`{}` was changed: it is not the plan that run `{run}` was trained with; hint: undo the change of plan.toml (`trainer verify` tells when it is whole); `trainer run {}` runs the changed plan as a new run", plan.display(), plan.display()
    )]
    EditedPlan {
        /// The run.
        run: String,
        /// Its plan.
        plan: std::path::PathBuf,
    },
    /// The checkpoint is not one of this plan and data.
    #[error(
        "run `{run}` cannot go on from its checkpoint of step {step}: {source}; hint: put back the data and the plan that it was taken with; the run is as it was"
    )]
    Restore {
        /// The run.
        run: String,
        /// Where its checkpoint stands.
        step: u64,
        /// What does not fit.
        source: TrainError,
    },
    /// The weights to start from cannot be read.
    #[error(
        "cannot start from `{from}`: {source}; hint: put the file back, or say where it is now with `--set model.init=PATH`"
    )]
    NoWeights {
        /// What the plan says.
        from: String,
        /// The fault.
        source: RunError,
    },
    /// The weights to start from do not fit the model, or are no numbers.
    #[error("cannot start from `{from}`: {why}")]
    OtherWeights {
        /// What the plan says.
        from: String,
        /// The parts that do not fit, and a remedy.
        why: String,
    },
    /// A file of the hub cannot be had.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// There is nothing to do.
    #[error(
        "run `{run}` is complete after {}; hint: more with `--epochs N --schedule config`, or start anew with `trainer run {plan}`",
        counted(*.steps, "step")
    )]
    Complete {
        /// The run.
        run: String,
        /// Its steps.
        steps: u64,
        /// Where its plan is.
        plan: String,
    },
    /// The run is done: it stopped early, and would do so again.
    #[error(
        "run `{run}` stopped early at step {step} of {steps}: {why}; hint: it goes on with more patience, as `trainer resume {run} --set 'train.early_stop.patience=\"{patience} evals\"'`"
    )]
    EarlyStopped {
        /// The run.
        run: String,
        /// Its steps.
        step: u64,
        /// Those of its plan.
        steps: u64,
        /// The finding.
        why: String,
        /// A patience that it would go on with, in evaluations.
        patience: u64,
    },
    /// A run that was begun and whose directory cannot be written any more.
    #[error(
        "{source}; hint: once that is mended, `trainer resume {run}` goes on from its newest checkpoint"
    )]
    BrokenOff {
        /// The run.
        run: String,
        /// The reason why it cannot go on.
        source: Box<Self>,
    },
    /// The plan asks for what cannot be done with this run.
    #[error("{0}")]
    Refused(String),
}

impl LaunchError {
    /// The same error of a run that was begun, with the way to go on where the disk is at fault.
    pub(super) fn of_run(self, run: &str) -> Self {
        let is_disk = matches!(self, Self::Run(_) | Self::Train(TrainError::Sink(_)));
        // One that names another remedy keeps it.
        if !is_disk || Fault::of(&self).hint.is_some() {
            return self;
        }
        Self::BrokenOff {
            run: run.into(),
            source: Box::new(self),
        }
    }
}
