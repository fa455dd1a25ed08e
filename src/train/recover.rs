//! What happens when a loss or a gradient is not finite.

use super::batch::OnDevice;
use super::error::TrainError;
use super::session::Session;
use super::update::Numbers;
use crate::config::OnNan;
use crate::event::{Event, Sink, Status};
use crate::schedule::Target;

/// Updates in a row that may be left out.
const SKIPS: u32 = 10;
/// Times that a run may go back.
const ROLLBACKS: u32 = 5;

impl Session {
    /// Ends the run, leaves the update out, or goes back, as the recipe says; returns how the run
    /// ended where it did. The batches count as used in any case. Where only the gradient of an f16
    /// run overflowed, the update is left out whatever the recipe says, and the loss scale halved.
    ///
    /// Leaving out and going back both keep `step` equal to the updates that the parameters went
    /// through; the samples go on in their order.
    pub(super) fn recover(
        &mut self,
        batches: &[OnDevice],
        numbers: Numbers,
        sink: &mut dyn Sink,
    ) -> Result<Option<Status>, TrainError> {
        let step = self.progress.step + 1;
        let seen = self.seen(step, numbers);
        let on_nan = self.recipe.on_nan;
        let message = match on_nan {
            _ if let Some(factor) = self.back_off(numbers) => {
                format!("{seen}: the update is left out, and the loss scale goes down to {factor}")
            }
            OnNan::Stop => return Ok(Some(self.diverged(&seen))),
            OnNan::Skip if self.progress.skipped >= SKIPS => {
                let why = format!("{seen}, as were {SKIPS} updates before it");
                return Ok(Some(self.diverged(&why)));
            }
            OnNan::Rollback if self.progress.rollbacks >= ROLLBACKS => {
                let why = format!("{seen}, after the run went back {ROLLBACKS} times");
                return Ok(Some(self.diverged(&why)));
            }
            OnNan::Skip => {
                self.progress.skipped += 1;
                format!("{seen}: the update is left out")
            }
            OnNan::Rollback => {
                self.go_back()?;
                let to = self.progress.step;
                format!("{seen}: the run goes back to step {to} and on with the next batches")
            }
        };
        self.used(batches);
        let step = self.progress.step;
        sink.event(&Event::Warning { step, message })?;
        Ok(None)
    }

    /// Halves the loss scale, where there is one, after a gradient that was not finite though the
    /// loss was; returns the new one.
    fn back_off(&mut self, numbers: Numbers) -> Option<f64> {
        let scale = self.progress.scale.as_mut()?;
        let overflowed = numbers.loss.is_some_and(f64::is_finite);
        (overflowed && scale.back_off()).then_some(scale.factor)
    }

    /// Takes the state of the last checkpoint or epoch start, but keeps the place in the data.
    fn go_back(&mut self) -> Result<(), TrainError> {
        let Some(back) = &self.back else {
            let why = "there is no state to go back to".to_owned();
            return Err(TrainError::Recipe(why));
        };
        self.state.load(back)?;
        self.unread.clear();
        let mut progress = back.progress.clone();
        progress.epoch = self.progress.epoch;
        progress.batch = self.progress.batch;
        progress.rollbacks = self.progress.rollbacks + 1;
        self.recipe.schedules.restore(&progress.reactions);
        // A checkpoint of a later step holds a state that the run has left.
        self.saved.take_if(|(step, _)| *step > progress.step);
        self.progress = progress;
        Ok(())
    }

    /// Returns what was not finite, and where; epochs count from 1.
    fn seen(&self, step: u64, numbers: Numbers) -> String {
        let epoch = self.progress.epoch + 1;
        match numbers {
            Numbers {
                loss: Some(loss), ..
            } if !loss.is_finite() => {
                // A loss that was read late may be that of an earlier update.
                let which = if self.deferred {
                    "a loss up to"
                } else {
                    "the loss of"
                };
                format!("{which} update {step} (epoch {epoch}) is `{loss}`")
            }
            Numbers { ruined: true, .. } => {
                format!(
                    "an update before {step} (epoch {epoch}) left parameters that are not finite"
                )
            }
            Numbers {
                norm: Some(norm), ..
            } => format!("the gradient of update {step} (epoch {epoch}) has norm `{norm}`"),
            _ => format!("update {step} (epoch {epoch}) is not finite"),
        }
    }

    fn diverged(&self, seen: &str) -> Status {
        let lr = self
            .recipe
            .schedules
            .value(Target::Lr, self.lead(), self.progress.step);
        let lr = lr.map_or(String::new(), |lr| format!(" (it was {lr})"));
        let clip = match self.recipe.clip_norm {
            Some(limit) => format!("lower `train.clip_norm` (it was {limit})"),
            None => "set `train.clip_norm = 1.0`".to_owned(),
        };
        let hint =
            format!("lower `optimizer.lr`{lr} or warm it up, {clip}, or look for NaN in the data");
        Status::Diverged {
            why: format!("{seen}; hint: {hint}"),
        }
    }
}
