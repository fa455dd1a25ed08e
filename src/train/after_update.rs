//! What is due after an update: evaluation, the epoch's row, a checkpoint, the end of the run.

use std::sync::Arc;
use std::time::Instant;

use super::error::TrainError;
use super::evaluate::{Measured, Split};
use super::ledger::Activity;
use super::order::Order;
use super::recipe::Cadence;
use super::session::Session;
use super::snapshot::Snapshot;
use super::stop::StopFlag;
use crate::config::OnNan;
use crate::event::{EvalRow, Event, Metrics, Reason, Sink, Status, Tested, TestedState, key};
use crate::schedule::Change;

/// The result of [`Session::after_update`].
#[derive(Default)]
struct Due {
    /// The watched metric has a new best value.
    best: bool,
    /// `[checkpoint] every` asks for a checkpoint.
    every: bool,
    /// A copy of the state with its hash, where one was made for the epoch's row.
    state: Option<(Snapshot, String)>,
}

impl Session {
    /// Does everything that is due; returns how the run ended where it is over. Where nothing is
    /// due, as at the start of a run, it only says whether the run is over.
    ///
    /// A signal interrupts the evaluation; the checkpoint then says that the update is not settled,
    /// and a resumed session begins here.
    pub(super) fn after_update(
        &mut self,
        sink: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Result<Option<Status>, TrainError> {
        let mut due = Due::default();
        if !self.progress.settled {
            let ended = self.epoch_ended().then_some(self.progress.epoch + 1);
            if self.evaluates(ended) {
                match self.validate(sink, stop)? {
                    Some(best) => due.best = best,
                    None => return self.conclude(due, sink, stop),
                }
            }
            self.progress.settled = true;
            if ended.is_some() || self.over().is_some() {
                self.close_epoch(ended.is_some(), &mut due, sink)?;
            }
            due.every = self.checkpoint_due(ended);
        }
        self.conclude(due, sink, stop)
    }

    /// Hands over the checkpoint that is due, if any, and says whether the run is over.
    fn conclude(
        &mut self,
        due: Due,
        sink: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Result<Option<Status>, TrainError> {
        let signal = stopped(stop);
        let over = self.over();
        let reason = match &self.progress.best {
            Some(best) if due.best => Some(Reason::Best {
                metric: best.metric.clone(),
                value: best.value,
            }),
            _ if over.is_some() => Some(Reason::Final),
            _ if due.every => Some(Reason::Every),
            _ => signal.as_ref().map(|_| Reason::Signal),
        };
        if let Some(reason) = reason {
            self.keep_best(&reason, due.state.as_ref())?;
            self.hand_over(reason, due.state, sink)?;
        }
        if over.is_some() && !self.test(sink, stop)? {
            return Ok(stopped(stop));
        }
        Ok(over.or(signal))
    }

    /// Returns whether a regular checkpoint is due.
    fn checkpoint_due(&self, ended: Option<u64>) -> bool {
        match self.recipe.checkpoint.every {
            Some(Cadence::Seconds(seconds)) => self.checkpointed.elapsed().as_secs_f64() >= seconds,
            Some(cadence) => cadence.due(self.progress.step, ended),
            None => false,
        }
    }

    /// Keeps a copy of a new best state, where the test split is to be measured on it.
    fn keep_best(
        &mut self,
        reason: &Reason,
        state: Option<&(Snapshot, String)>,
    ) -> Result<(), TrainError> {
        let wanted = self.recipe.test == TestedState::Best && self.recipe.data.test.is_some();
        if !wanted || !matches!(reason, Reason::Best { .. }) {
            return Ok(());
        }
        let arrays = match state {
            Some((snapshot, _)) => snapshot.model.clone(),
            None => self.snapshot()?.model,
        };
        self.best_state = Some((self.progress.step, arrays));
        Ok(())
    }

    /// Measures the finished model on the test split, where there is one: its last state or its
    /// best. What it finds decides nothing and is no part of the state. `false` where a signal
    /// interrupted it.
    fn test(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<bool, TrainError> {
        if self.recipe.data.test.is_none() {
            return Ok(true);
        }
        self.ledger.charge(Activity::Logging);
        let step = self.progress.step;
        let best = self.progress.best.as_ref().map(|best| best.step);
        let best = best.filter(|_| self.recipe.test == TestedState::Best);
        let kept = self
            .best_state
            .as_ref()
            .filter(|(kept, _)| Some(*kept) == best);
        let (tested, measured) = match (best, kept) {
            (Some(best), _) if best == step => (best, self.measure(Split::Test, stop)?),
            (Some(best), Some((_, arrays))) => {
                let last = self.state.swap(arrays)?;
                let measured = self.measure(Split::Test, stop);
                self.state.swap(&last)?;
                (best, measured?)
            }
            (Some(best), None) => {
                let message = format!(
                    "the best state, of step {best}, is gone: the test split is measured on the last one"
                );
                sink.event(&Event::Warning { step, message })?;
                (step, self.measure(Split::Test, stop)?)
            }
            (None, _) => (step, self.measure(Split::Test, stop)?),
        };
        self.ledger.charge(Activity::Evaluation);
        let Some(Measured { metrics, confusion }) = measured else {
            return Ok(false);
        };
        self.tested.clone_from(&metrics);
        let state = match best {
            Some(best) if best == tested => TestedState::Best,
            _ => TestedState::Last,
        };
        self.tested_on = Some(Tested {
            state,
            step: tested,
        });
        sink.event(&Event::Eval(EvalRow {
            step,
            epoch: self.epochs_done(),
            split: Split::Test.name().to_owned(),
            metrics,
            of_step: (tested != step).then_some(tested),
            confusion: confusion.map(Arc::new),
        }))?;
        Ok(true)
    }

    /// How the run ended, where it did so by itself.
    #[must_use]
    pub fn over(&self) -> Option<Status> {
        if !self.progress.settled {
            return None;
        }
        if self.progress.step >= self.recipe.total_steps {
            return Some(Status::Completed);
        }
        let rule = self.recipe.early_stop.as_ref()?;
        let best = self.progress.best.as_ref();
        let why = self.progress.patience.exhausted(rule, best)?;
        Some(Status::EarlyStopped { why })
    }

    /// Returns whether an evaluation is due that has not been made.
    fn evaluates(&self, ended: Option<u64>) -> bool {
        let step = self.progress.step;
        let complete = step >= self.recipe.total_steps;
        self.recipe.data.val.is_some()
            && step != self.progress.evaluated
            && self
                .recipe
                .eval_every
                .is_some_and(|cadence| complete || cadence.due(step, ended))
    }

    /// Evaluates on the validation split. `None` where a signal interrupted it, else whether the
    /// watched metric has a new best value.
    fn validate(
        &mut self,
        sink: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Result<Option<bool>, TrainError> {
        self.ledger.charge(Activity::Logging);
        let measured = self.measure(Split::Val, stop)?;
        self.ledger.charge(Activity::Evaluation);
        let Some(Measured { metrics, confusion }) = measured else {
            return Ok(None);
        };
        self.progress.evaluated = self.progress.step;
        let best = self.observe(&metrics);
        let changes = self.react(&metrics);
        sink.event(&Event::Eval(EvalRow {
            step: self.progress.step,
            epoch: self.epochs_done(),
            split: Split::Val.name().to_owned(),
            metrics,
            of_step: None,
            confusion: confusion.map(Arc::new),
        }))?;
        self.tell(changes, sink)?;
        Ok(Some(best))
    }

    /// Emits the row of the epoch, which is over where it `ended` and cut short where the run is
    /// over first.
    fn close_epoch(
        &mut self,
        ended: bool,
        due: &mut Due,
        sink: &mut dyn Sink,
    ) -> Result<(), TrainError> {
        self.read_unread()?;
        let loss = Metrics::from([(key::TRAIN_LOSS.to_owned(), self.progress.mean_loss())]);
        due.best |= self.observe(&loss);
        let changes = self.react(&loss);
        self.tell(changes, sink)?;
        let mut row = self.epoch_row(loss);
        if ended {
            self.progress.next_epoch();
            self.order = Order::new();
        }
        self.ledger.charge(Activity::Logging);
        let (snapshot, hash) = self.hashed()?;
        row.state_hash.clone_from(&hash);
        due.state = Some((snapshot, hash));
        self.ledger.charge(Activity::Checkpoint);
        sink.event(&Event::Epoch(row))?;
        Ok(())
    }

    /// Remembers new values of metrics. Says whether the watched one has a new best value.
    fn observe(&mut self, values: &Metrics) -> bool {
        let recipe = &self.recipe;
        self.progress.observe(
            values,
            recipe.early_stop.as_ref(),
            recipe.checkpoint.best.as_ref(),
        )
    }

    /// Lets the schedules that follow a metric take its new value.
    fn react(&mut self, values: &Metrics) -> Vec<Change> {
        let schedules = &mut self.recipe.schedules;
        let changes = schedules.react(self.progress.step, values);
        self.progress.reactions.clone_from(schedules.reactions());
        changes
    }

    /// Says what they made of it.
    fn tell(&self, changes: Vec<Change>, sink: &mut dyn Sink) -> Result<(), TrainError> {
        let step = self.progress.step;
        for change in changes {
            let message = change.to_string();
            sink.event(&Event::Warning { step, message })?;
        }
        Ok(())
    }

    /// Hands the state over as a checkpoint: at most one for a step, but for a new reason that
    /// counts, such as the evaluation that a signal had put off.
    pub(super) fn hand_over(
        &mut self,
        reason: Reason,
        state: Option<(Snapshot, String)>,
        sink: &mut dyn Sink,
    ) -> Result<(), TrainError> {
        self.ledger.charge(Activity::Logging);
        let (snapshot, hash) = match state {
            Some(state) => state,
            None => self.hashed()?,
        };
        // A rollback must not go where chance says: a checkpoint by chance carries the state to go
        // back to, all others are that state. Nor does it stand for one that is due.
        let chance = self.is_by_chance(&reason);
        let now = self.progress.step;
        let saved = self.saved.as_ref().filter(|(step, _)| *step == now);
        let known = match reason {
            Reason::Best { .. } | Reason::Final => saved.is_some_and(|(_, saved)| *saved == hash),
            Reason::Every if !chance => self.saved_due == Some(now),
            _ => saved.is_some(),
        };
        if self.recipe.on_nan == OnNan::Rollback && !chance {
            self.back = Some(snapshot.clone());
        }
        // A resume takes the line of a last checkpoint out of the log, since a longer run has none
        // there: where the run ends here nevertheless, it is handed over once more.
        let again = self.lacks_line && reason == Reason::Final;
        if !known || again {
            let back = self.back.as_ref().filter(|_| chance);
            let epoch = self.epochs_done();
            let checkpoint = snapshot.checkpoint(epoch, hash.clone(), reason, back);
            sink.event(&Event::Checkpoint(Arc::new(checkpoint)))?;
            self.checkpointed = Instant::now();
            self.saved = Some((now, hash));
            self.lacks_line = false;
            if !chance {
                self.saved_due = Some(now);
            }
        }
        self.ledger.charge(Activity::Checkpoint);
        Ok(())
    }

    /// Returns whether a checkpoint comes when a signal or a clock asks, and not when it is due.
    pub(super) fn is_by_chance(&self, reason: &Reason) -> bool {
        let every = self.recipe.checkpoint.every;
        let timed = *reason == Reason::Every && matches!(every, Some(Cadence::Seconds(_)));
        timed || matches!(reason, Reason::Signal | Reason::Request)
    }

    /// Whether the numbers of the next update, over so many batches, are needed at once: for a
    /// logged row, before anything that is due after it, or to leave it out.
    pub(super) fn watched(&self, batches: usize) -> bool {
        let next = self.progress.step + 1;
        let last = self.progress.batch + batches as u64 >= self.batches_per_epoch();
        let due = |cadence: Option<Cadence>| cadence.is_some_and(|c| c.due(next, None));
        last || next >= self.recipe.total_steps
            || self.logs(next)
            || self.recipe.on_nan == OnNan::Skip
            || due(self.recipe.eval_every)
            || due(self.recipe.checkpoint.every)
    }

    /// Returns whether `log_every` asks for the row of an update.
    pub(super) fn logs(&self, step: u64) -> bool {
        self.recipe.log_every > 0 && step.is_multiple_of(self.recipe.log_every)
    }
}

/// The end in the name of a signal, where one asked for it.
pub(super) fn stopped(stop: &StopFlag) -> Option<Status> {
    stop.raised().map(|signal| Status::Stopped {
        why: format!("signal {signal} asked it to stop"),
        signal: Some(signal),
    })
}
