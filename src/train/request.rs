//! A checkpoint that somebody asks for while the run goes on.

use super::error::TrainError;
use super::session::Session;
use crate::event::{Event, Reason, Sink};

impl Session {
    /// Hands over the state after an update, or tells that this step has a checkpoint already.
    /// Nothing that is computed depends on it.
    pub(super) fn save(&mut self, sink: &mut dyn Sink) -> Result<(), TrainError> {
        let step = self.progress.step;
        if self.saved.as_ref().is_some_and(|(saved, _)| *saved == step) {
            let message = "SIGUSR1 asked for a checkpoint: this step has one already".to_owned();
            sink.event(&Event::Warning { step, message })?;
            return Ok(());
        }
        self.hand_over(Reason::Request, None, sink)
    }
}
