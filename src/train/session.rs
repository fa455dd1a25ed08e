//! A training run in memory, and the loop.

use std::sync::Arc;
use std::time::Instant;

use candle_core::Tensor;

use super::batch::OnDevice;
use super::error::TrainError;
use super::evaluate::{self, Measured, Split};
use super::ledger::{Activity, Ledger};
use super::meter::Meter;
use super::order::Order;
use super::precision::Scale;
use super::progress::Progress;
use super::recipe::Recipe;
use super::snapshot::Snapshot;
use super::state::State;
use super::stop::StopFlag;
use super::update::Outcome;
use crate::array::NamedArray;
use crate::config::OnNan;
use crate::data::{Batch, DataError, Loader, Transforms};
use crate::event::{Ending, Event, Metrics, Sink, Status, Tested};
use crate::optim::Hyper;

/// A model, its optimizer and its data, somewhere between the first update and the last.
///
/// A session knows no files and no terminal: it emits [`Event`]s, and what it needs to go on in
/// another process is a [`Checkpoint`](crate::event::Checkpoint). Everything it computes is a pure function of its
/// [`Recipe`], however often it is interrupted.
pub struct Session {
    pub(super) recipe: Recipe,
    pub(super) state: State,
    pub(super) progress: Progress,
    /// Hash of the sample ids of the epoch so far.
    pub(super) order: Order,
    /// Where a rollback goes.
    pub(super) back: Option<Snapshot>,
    /// Losses of applied updates that are still on the device, with their weights.
    pub(super) unread: Vec<(Vec<Tensor>, f64)>,
    /// Whether losses and norms stay on the device until somebody needs them: on a GPU, where
    /// reading means waiting. On the CPU they are read for next to nothing.
    pub(super) deferred: bool,
    /// Whether every active parameter got a gradient once.
    pub(super) gradients_seen: bool,
    /// True where a foreign model was tried.
    pub(super) proven: bool,
    /// Hyperparameters of the update under way, one for each active parameter.
    pub(super) hypers: Vec<Hyper>,
    /// Whether the update under way leaves an active parameter as it is.
    pub(super) frozen: Vec<bool>,
    /// Step and hash of the last checkpoint that was handed over, or that the session began from.
    pub(super) saved: Option<(u64, String)>,
    /// Whether the log lacks the line that this checkpoint gets where the run ends: another process
    /// handed it over, and the resume took its line out of the log.
    pub(super) lacks_line: bool,
    /// Step of the last checkpoint that the plan asked for, and not a signal or a clock.
    pub(super) saved_due: Option<u64>,
    /// When the last checkpoint was handed over by this process.
    pub(super) checkpointed: Instant,
    /// What the finished model reached on the test split.
    pub(super) tested: Metrics,
    /// The state that this was.
    pub(super) tested_on: Option<Tested>,
    /// Step and arrays of the best state, where the test split is to be measured on it.
    pub(super) best_state: Option<(u64, Vec<NamedArray>)>,
    pub(super) ledger: Ledger,
    pub(super) meter: Meter,
    pub(super) loader: Arc<Loader>,
    pub(super) transforms: Arc<Transforms>,
}

impl Session {
    /// Builds the model, fills its parameters from the seed's streams, and makes everything ready
    /// for the first update.
    ///
    /// # Errors
    /// Where the model cannot be built, the recipe contradicts itself, or the device has no memory.
    pub fn new(recipe: Recipe) -> Result<Self, TrainError> {
        let transforms = Transforms::fit(
            &recipe.transforms,
            &recipe.data.facts.fields,
            &*recipe.data.train,
            recipe.seed,
        )?;
        let transforms = Arc::new(transforms);
        let train = Arc::clone(&recipe.data.train);
        let keys = recipe.loader.training(recipe.seed);
        let loader = Loader::new(train, Arc::clone(&transforms), keys)?;
        let ledger = Ledger::new();
        let state = State::new(&recipe)?;
        let session = Self {
            order: Order::new(),
            progress: Progress {
                scale: Scale::of(recipe.precision),
                ..Progress::new()
            },
            back: None,
            unread: Vec::new(),
            deferred: !recipe.device.is_cpu(),
            gradients_seen: false,
            proven: false,
            hypers: Vec::with_capacity(state.active.len()),
            frozen: vec![false; state.active.len()],
            saved: None,
            lacks_line: false,
            saved_due: None,
            checkpointed: Instant::now(),
            tested: Metrics::new(),
            tested_on: None,
            best_state: None,
            meter: Meter::new(&ledger),
            ledger,
            transforms,
            loader: Arc::new(loader),
            state,
            recipe,
        };
        session.check()?;
        Ok(session)
    }

    /// Trains until the run is complete, stops early, diverges, or `stop` is raised; tells `sink`
    /// everything on the way, last of all how it ended.
    ///
    /// # Errors
    /// Where a computation, the data or the sink fails. The sink has then seen an
    /// [`Event::End`] too, unless it was the sink that failed.
    pub fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<Ending, TrainError> {
        self.ledger.restart();
        self.meter = Meter::new(&self.ledger);
        sink.event(&self.start())?;
        let (status, error) = match self.train(sink, stop) {
            Ok(status) => (status, None),
            Err(TrainError::Sink(error)) => return Err(error.into()),
            Err(error) => {
                let why = error.to_string();
                (Status::Failed { why }, Some(error))
            }
        };
        let ending = self.ending(status);
        sink.event(&Event::End(ending.clone()))?;
        error.map_or(Ok(ending), Err)
    }

    /// The loop: epochs, updates, and what is due after each. Ends where [`after_update`](Self::after_update)
    /// or [`recover`](Self::recover) says that the run is over.
    fn train(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<Status, TrainError> {
        let loader = Arc::clone(&self.loader);
        // What an interrupted process left to do, and whether there is anything to do at all.
        if let Some(status) = self.after_update(sink, stop)? {
            return Ok(status);
        }
        loop {
            self.begin_epoch(sink)?;
            let (epoch, done) = (self.progress.epoch, self.progress.batch);
            let mut rest = loader.epoch(epoch as u32, done as usize);
            while let Some(batches) = self.fetch(&mut rest, stop)? {
                let watched = self.watched(batches.len());
                match self.update(&batches, watched, stop)? {
                    Outcome::Applied(numbers) => self.applied(&batches, numbers, sink)?,
                    Outcome::NotFinite(numbers) => {
                        if let Some(status) = self.recover(&batches, numbers, sink)? {
                            return Ok(status);
                        }
                    }
                    Outcome::Interrupted => {}
                }
                if let Some(status) = self.after_update(sink, stop)? {
                    return Ok(status);
                }
                if stop.take_request() {
                    self.save(sink)?;
                }
            }
            if self.progress.epoch == epoch {
                let why = format!("epoch {} has fewer batches than it should have", epoch + 1);
                return Err(TrainError::Recipe(why));
            }
        }
    }

    /// Opens an epoch, or opens it again in the middle after a resume.
    pub(super) fn begin_epoch(&mut self, sink: &mut dyn Sink) -> Result<(), TrainError> {
        let epoch = self.progress.epoch;
        self.meter.begin_epoch(&self.ledger);
        if self.recipe.on_nan == OnNan::Rollback && self.progress.batch == 0 {
            self.back = Some(self.snapshot()?);
        }
        sink.event(&Event::EpochStart { epoch })?;
        self.ledger.charge(Activity::Logging);
        Ok(())
    }

    /// The batches of the next update, on the device: as many as the recipe accumulates, or what
    /// is left of the epoch. `None` after the last; none at all where `stop` was raised meanwhile.
    pub(super) fn fetch(
        &mut self,
        rest: &mut impl Iterator<Item = Result<Batch, DataError>>,
        stop: &StopFlag,
    ) -> Result<Option<Vec<OnDevice>>, TrainError> {
        let mut fetched = Vec::with_capacity(self.recipe.grad_accumulation);
        while fetched.len() < self.recipe.grad_accumulation.max(1) {
            if stop.raised().is_some() {
                return Ok(Some(Vec::new()));
            }
            match rest.next() {
                Some(batch) => fetched.push(OnDevice::new(batch?, &self.recipe)?),
                None => break,
            }
        }
        self.meter.waited(self.ledger.charge(Activity::Data));
        Ok((!fetched.is_empty()).then_some(fetched))
    }

    /// Loss and metrics over a split, as `split/name`; `None` where `stop` was raised meanwhile.
    /// Where averages are kept, it is them that are evaluated.
    ///
    /// The loss is the one that training minimises, in the unit it is trained in; metrics of a
    /// regression with standardised targets are in the data's own unit.
    ///
    /// # Errors
    /// Where the data has no such split, a sample cannot be read, or a computation fails.
    pub fn evaluate(&self, split: Split, stop: &StopFlag) -> Result<Option<Metrics>, TrainError> {
        Ok(self.measure(split, stop)?.map(|measured| measured.metrics))
    }

    /// The same with the confusion matrix of a classification.
    ///
    /// # Errors
    /// As of [`evaluate`](Self::evaluate).
    pub fn measure(&self, split: Split, stop: &StopFlag) -> Result<Option<Measured>, TrainError> {
        let model = self.state.evaluated();
        evaluate::evaluate(model, &self.recipe, &self.transforms, split, stop)
    }

    /// Updates applied so far.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// Batches of an epoch.
    pub(super) fn batches_per_epoch(&self) -> u64 {
        self.loader.batches_per_epoch() as u64
    }

    /// The samples of the batches that the epoch under way has used.
    pub(super) fn order_so_far(&self) -> Order {
        let used = self.progress.batch as usize * self.recipe.loader.batch_size;
        Order::resumed(&self.loader, self.progress.epoch, used)
    }

    /// Returns whether all batches of the epoch under way are used.
    pub(super) fn epoch_ended(&self) -> bool {
        self.progress.batch >= self.batches_per_epoch()
    }
}
