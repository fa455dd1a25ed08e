//! A session's state out of it and back in.

use super::error::{RestoreError, TrainError, compute};
use super::recipe::Changed;
use super::session::Session;
use super::snapshot::Snapshot;
use crate::array::NamedArray;
use crate::config::OnNan;
use crate::event::{Checkpoint, Reason, TestedState};

impl Session {
    /// A copy of everything that another session of the same recipe needs to go on from here, bit
    /// for bit.
    ///
    /// # Errors
    /// Where the device does not give its numbers.
    pub fn checkpoint(&mut self, reason: Reason) -> Result<Checkpoint, TrainError> {
        let (snapshot, hash) = self.hashed()?;
        Ok(snapshot.checkpoint(self.epochs_done(), hash, reason, self.back.as_ref()))
    }

    /// Takes the state of a checkpoint. Names, shapes and types must be exactly the session's own,
    /// and what was restored must have the hash that was saved.
    ///
    /// # Errors
    /// [`TrainError::Restore`] where something does not fit. The parameters then are as they were,
    /// unless it was the hash.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let (snapshot, back) = Snapshot::read(checkpoint)?;
        let (batch, batches) = (snapshot.progress.batch, self.batches_per_epoch());
        if batch > batches {
            return Err(RestoreError::Position { batch, batches }.into());
        }
        let found = snapshot.progress.scale.is_some();
        if found != self.progress.scale.is_some() {
            return Err(RestoreError::Scale { found }.into());
        }
        self.state.load(&snapshot)?;
        self.recipe.schedules.restore(&snapshot.progress.reactions);
        self.progress = snapshot.progress.clone();
        self.unread.clear();
        self.order = self.order_so_far();
        let (_, found) = self.hashed()?;
        if found != checkpoint.state_hash {
            let saved = checkpoint.state_hash.clone();
            return Err(RestoreError::Hash { saved, found }.into());
        }
        self.saved = Some((self.progress.step, found));
        // The line of a best checkpoint stays, and an end adds none to it.
        self.lacks_line = !matches!(checkpoint.reason, Reason::Best { .. });
        self.saved_due = match self.is_by_chance(&checkpoint.reason) {
            true => back.as_ref().map(|earlier| earlier.progress.step),
            false => Some(self.progress.step),
        };
        self.back = (self.recipe.on_nan == OnNan::Rollback).then(|| back.unwrap_or(snapshot));
        Ok(())
    }

    /// Forgets what a restored checkpoint remembers of rules that have changed since.
    pub fn forget(&mut self, changed: &Changed) {
        self.progress.forget(changed);
        if let Some(back) = &mut self.back {
            back.progress.forget(changed);
        }
        self.recipe.schedules.restore(&self.progress.reactions);
    }

    /// Lays weights over the model before the first update: parameters and buffers by their names.
    /// Averages begin there too. What has no weights keeps its first values.
    ///
    /// # Errors
    /// [`TrainError::Restore`] where a name is unknown, or a shape or type does not fit; nothing is changed then.
    pub fn load_weights(&mut self, arrays: &[NamedArray]) -> Result<(), TrainError> {
        Ok(self.state.load_weights(arrays)?)
    }

    /// Returns true where the test split is to be measured on the best state, and there is one.
    #[must_use]
    pub fn wants_best(&self) -> bool {
        self.recipe.test == TestedState::Best
            && self.recipe.data.test.is_some()
            && self.progress.best.is_some()
    }

    /// Takes the best state from its checkpoint, for the test split. One of another step than the
    /// best is not used.
    pub fn take_best(&mut self, checkpoint: &Checkpoint) {
        self.best_state = Some((checkpoint.step, checkpoint.model.clone()));
    }

    /// A copy of the state as it is, with its hash.
    pub(super) fn hashed(&mut self) -> Result<(Snapshot, String), TrainError> {
        let snapshot = self.snapshot()?;
        let hash = snapshot.hash();
        Ok((snapshot, hash))
    }

    /// A copy of the state as it is.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, TrainError> {
        self.read_unread()?;
        let snapshot = self.state.snapshot(&self.progress);
        snapshot.map_err(compute("copying the state"))
    }
}
