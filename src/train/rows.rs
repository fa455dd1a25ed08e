//! The plain numbers that a session tells its sink.

use super::batch::OnDevice;
use super::error::TrainError;
use super::ledger::Activity;
use super::session::Session;
use super::update::Numbers;
use crate::event::{Ending, EpochRow, Event, Metrics, Sink, Status, StepRow, key};
use crate::schedule::Target;

impl Session {
    /// Counts an applied update and tells its row.
    pub(super) fn applied(
        &mut self,
        batches: &[OnDevice],
        numbers: Numbers,
        sink: &mut dyn Sink,
    ) -> Result<(), TrainError> {
        let t = self.progress.step;
        let samples = batches.iter().map(|batch| batch.ids.len() as u64).sum();
        self.progress.step += 1;
        self.progress.skipped = 0;
        self.used(batches);
        let (step_time_ms, data_time_ms) = self.meter.step(samples, &self.ledger);
        let logged = self.logs(self.progress.step);
        let mut extra = if logged {
            self.scheduled(t)
        } else {
            Metrics::new()
        };
        if let Some(scale) = &mut self.progress.scale {
            if logged {
                extra.insert(key::LOSS_SCALE.to_owned(), scale.factor);
            }
            scale.grow();
        }
        let row = StepRow {
            step: self.progress.step,
            epoch: self.epochs_done(),
            logged,
            lr: self.lr(t),
            extra,
            loss: numbers.loss.filter(|_| logged),
            grad_norm: numbers.norm.filter(|_| logged),
            step_time_ms,
            data_time_ms,
            samples,
        };
        sink.event(&Event::Step(row))?;
        self.ledger.charge(Activity::Logging);
        Ok(())
    }

    /// Counts batches as used, whatever became of them.
    pub(super) fn used(&mut self, batches: &[OnDevice]) {
        self.progress.batch += batches.len() as u64;
        self.progress.settled = false;
        for batch in batches {
            self.order.add(&batch.ids);
        }
    }

    /// The first event of a run.
    pub(super) fn start(&self) -> Event {
        let steps_per_epoch = self.recipe.steps_per_epoch;
        Event::Start {
            step: self.progress.step,
            total_steps: self.recipe.total_steps,
            steps_per_epoch,
            epochs: self.recipe.total_steps.div_ceil(steps_per_epoch),
        }
    }

    /// The row of the epoch under way; its state hash is for the caller to fill in.
    pub(super) fn epoch_row(&self, loss: Metrics) -> EpochRow {
        let progress = &self.progress;
        let mut metrics = loss;
        if progress.evaluated == progress.step {
            let val = progress
                .metrics
                .iter()
                .filter(|(name, _)| name.starts_with("val/"));
            metrics.extend(val.map(|(name, value)| (name.clone(), *value)));
        }
        let time = self.meter.epoch(&self.ledger);
        EpochRow {
            epoch: progress.epoch,
            step: progress.step,
            lr: self.lr(progress.epoch_start),
            lr_last: self.lr(progress.step.max(progress.epoch_start + 1) - 1),
            extra: self.scheduled(progress.epoch_start),
            metrics,
            samples_per_s: time.samples_per_s,
            wall_s: time.wall_s,
            elapsed_s: time.elapsed_s,
            order_hash: self.order.hash(),
            state_hash: String::new(),
        }
    }

    /// How the run ended, with everything known at that point.
    pub fn ending(&mut self, status: Status) -> Ending {
        self.ledger.charge(Activity::Logging);
        Ending {
            status,
            step: self.progress.step,
            epoch: self.epochs_done(),
            metrics: self
                .progress
                .metrics
                .iter()
                .chain(&self.tested)
                .map(|(k, v)| (k.clone(), *v))
                .collect(),
            best: self.progress.best.clone(),
            tested: self.tested_on.clone(),
            // A device that no longer answers has no state to hash.
            state_hash: self.hashed().map_or(String::new(), |(_, hash)| hash),
            samples_per_s: self.meter.samples_per_s(&self.ledger),
            ledger: self.ledger.by_name(),
        }
    }

    /// Epochs done, as a fraction; a whole number at an epoch's end.
    pub(super) fn epochs_done(&self) -> f64 {
        let per_epoch = self.recipe.steps_per_epoch;
        let accumulated = self.recipe.grad_accumulation.max(1) as u64;
        let updates = self.progress.batch.div_ceil(accumulated);
        (self.progress.epoch * per_epoch + updates) as f64 / per_epoch as f64
    }

    /// The group whose values have no group in their names: `default`, else the first.
    pub(super) fn lead(&self) -> usize {
        let groups = self.recipe.schedules.groups();
        groups
            .iter()
            .position(|group| group.name == "default")
            .unwrap_or(0)
    }

    /// Learning rate of the leading group for update `t`.
    fn lr(&self, t: u64) -> f64 {
        let lr = self.recipe.schedules.value(Target::Lr, self.lead(), t);
        lr.unwrap_or(0.0)
    }

    /// Scheduled values for update `t`, but for the leading group's learning rate:
    /// `lr/<group>`, `momentum`, `weight_decay/<group>`, …
    fn scheduled(&self, t: u64) -> Metrics {
        let (schedules, lead) = (&self.recipe.schedules, self.lead());
        let mut values = Metrics::new();
        for (index, group) in schedules.groups().iter().enumerate() {
            let frozen = &self.recipe.frozen;
            if group.params.iter().all(|name| frozen.contains(name)) {
                continue;
            }
            for target in schedules.scheduled() {
                let name = match target {
                    Target::Lr if index == lead => continue,
                    _ if index == lead => target.to_string(),
                    // These two are the run's, not a group's.
                    Target::EmaDecay | Target::ClipNorm => continue,
                    _ => format!("{target}/{}", group.name),
                };
                if let Some(value) = schedules.value(*target, index, t) {
                    values.insert(name, value);
                }
            }
        }
        values
    }
}
