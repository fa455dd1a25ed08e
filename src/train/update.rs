//! One optimizer update: gradients of its batches, then the step.

use candle_core::Tensor;

use super::batch::OnDevice;
use super::error::{TrainError, compute};
use super::evaluate::scalar;
use super::ledger::Activity;
use super::session::Session;
use super::stop::StopFlag;
use crate::candle::Proof;
use crate::config::OnNan;
use crate::kernel::Tape;
use crate::layer::Mode;
use crate::optim::{Hyper, clip_norm, clip_value};
use crate::schedule::Target;

/// What became of an update.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The parameters moved.
    Applied(Numbers),
    /// A number was not finite; nothing moved.
    NotFinite(Numbers),
    /// A signal arrived; nothing moved, and the batches count as not used.
    Interrupted,
}

/// What is known about an update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    /// Mean loss over its batches, where it was read back.
    pub loss: Option<f64>,
    /// L2 norm of the gradient before clipping, where it was measured.
    pub norm: Option<f64>,
    /// Whether a look at the parameters found one that is not finite: an earlier update moved it
    /// there, and the loss does not tell.
    pub ruined: bool,
}

impl Numbers {
    fn finite(&self) -> bool {
        !self.ruined && self.loss.is_none_or(f64::is_finite) && self.norm.is_none_or(f64::is_finite)
    }
}

impl Session {
    /// Runs one update over `batches`. `watched` says that its numbers are needed now.
    ///
    /// The loss is Σ sums / Σ weights over all batches, so that several small ones move the
    /// parameters as one big one would.
    pub(super) fn update(
        &mut self,
        batches: &[OnDevice],
        watched: bool,
        stop: &StopFlag,
    ) -> Result<Outcome, TrainError> {
        if batches.is_empty() {
            return Ok(Outcome::Interrupted);
        }
        self.prove(&batches[0])?;
        let weight = batches.iter().map(|batch| batch.weight).sum::<f64>();
        let scaled = self.progress.scale.is_some();
        let reversible = self.recipe.on_nan == OnNan::Skip || batches.len() > 1 || scaled;
        let buffers = if reversible {
            let kept = self.state.keep_buffers();
            kept.map_err(compute("keeping the buffers"))?
        } else {
            Vec::new()
        };
        let put_back = |session: &Self| {
            let put = session.state.put_buffers(&buffers);
            put.map_err(compute("putting the buffers back"))
        };

        self.freeze_statistics();
        self.state.grads.zero();
        let mut sums = Vec::with_capacity(batches.len());
        for (micro, batch) in batches.iter().enumerate() {
            if stop.raised().is_some() {
                put_back(self)?;
                return Ok(Outcome::Interrupted);
            }
            sums.push(self.gradients(batch, micro, weight)?);
        }
        self.refuse_missing()?;
        self.freeze();

        let read = watched || !self.deferred || scaled;
        let loss = if read {
            Some(self.read_losses(&sums)?)
        } else {
            None
        };
        let numbers = Numbers {
            loss: loss.map(|sum| if weight > 0.0 { sum / weight } else { sum }),
            norm: self.clip(watched || scaled)?,
            ruined: watched && !self.state.finite().map_err(compute("the parameters"))?,
        };
        if !numbers.finite() {
            put_back(self)?;
            return Ok(Outcome::NotFinite(numbers));
        }
        self.move_parameters()?;
        match loss {
            Some(sum) => self.progress.add_loss(sum, weight),
            None => self.unread.push((sums, weight)),
        }
        self.ledger.charge(Activity::Optimizer);
        Ok(Outcome::Applied(numbers))
    }

    /// Reads back the losses of earlier updates that nobody has read yet, then the sum of `sums`.
    /// Where an earlier one was not finite, that is the answer: the parameters are lost since then.
    fn read_losses(&mut self, sums: &[Tensor]) -> Result<f64, TrainError> {
        self.read_unread()?;
        let earlier = self.progress.loss_sum;
        let sum = total(sums).map_err(compute("reading back the loss"))?;
        self.ledger.charge(Activity::Loss);
        Ok(if earlier.is_finite() { sum } else { earlier })
    }

    /// Adds the losses that wait on the device to the epoch's.
    pub(super) fn read_unread(&mut self) -> Result<(), TrainError> {
        for (sums, weight) in std::mem::take(&mut self.unread) {
            let sum = total(&sums).map_err(compute("reading back the loss"))?;
            self.progress.add_loss(sum, weight);
        }
        Ok(())
    }

    /// Adds the gradients of one batch; returns the sum of its losses, cut off from the graph.
    fn gradients(
        &mut self,
        batch: &OnDevice,
        micro: usize,
        weight: f64,
    ) -> Result<Tensor, TrainError> {
        let mode = Mode::Train {
            seed: self.recipe.seed,
            step: self.progress.step as u32,
            micro: micro as u32,
        };
        let model = &*self.state.model;
        let tape = Tape::record();
        let output = self.recipe.forward(model, &batch.inputs, &mode)?;
        self.ledger.charge(Activity::Forward);

        let loss = self.recipe.loss.as_ref();
        let sum = loss
            .sum(&output, &batch.target)
            .map_err(compute("the loss"))?;
        // A batch whose samples all weigh nothing has no gradient, and no division by zero.
        let share = if weight > 0.0 { weight.recip() } else { 0.0 };
        let scale = self.progress.scale.as_ref().map_or(1.0, |s| s.factor);
        self.ledger.charge(Activity::Loss);

        let grads = &mut self.state.grads;
        grads
            .backward(tape, &sum, share * scale, &self.state.active)
            .map_err(compute("the backward pass"))?;
        self.ledger.charge(Activity::Backward);
        Ok(sum.detach())
    }

    /// Refuses parameters that the loss does not depend on, at the process's first update.
    fn refuse_missing(&mut self) -> Result<(), TrainError> {
        if self.gradients_seen || self.recipe.allow.contains(&Proof::NoGradient) {
            return Ok(());
        }
        let names = self.state.grads.missing();
        if !names.is_empty() {
            let names = names.iter().map(|name| format!("`{name}`")).collect();
            return Err(TrainError::NoGradient { names });
        }
        self.gradients_seen = true;
        Ok(())
    }

    /// Tells the layers which of their parameters are frozen at this update.
    fn freeze_statistics(&mut self) {
        if !self.recipe.freeze_statistics || self.state.buffers.is_empty() {
            return;
        }
        let (schedules, t) = (&self.recipe.schedules, self.progress.step);
        let groups = schedules.groups().len();
        let by_group: Vec<bool> = (0..groups).map(|g| schedules.frozen(g, t)).collect();
        for (param, group) in self.state.active.iter().zip(&self.state.groups) {
            param.freeze(by_group[*group]);
        }
    }

    /// Takes the groups that are frozen at this update out of it: they count in no norm, and neither they nor what the
    /// optimizer knows of them move. The same holds for those without a gradient, where that is allowed.
    fn freeze(&mut self) {
        let (schedules, t) = (&self.recipe.schedules, self.progress.step);
        let groups = schedules.groups().len();
        let by_group: Vec<bool> = (0..groups).map(|g| schedules.frozen(g, t)).collect();
        let allowed = self.recipe.allow.contains(&Proof::NoGradient);
        for (i, group) in self.state.groups.iter().enumerate() {
            self.frozen[i] = by_group[*group] || allowed && self.state.grads.is_missing(i);
            if self.frozen[i] {
                self.state.grads.forget(i);
            }
        }
    }

    /// Takes the loss scale out of the gradient, measures its norm and clips: first the norm, then
    /// single elements, so that both limits hold.
    fn clip(&mut self, measure: bool) -> Result<Option<f64>, TrainError> {
        let t = self.progress.step;
        let scheduled = self.recipe.schedules.value(Target::ClipNorm, 0, t);
        let limit = scheduled.or(self.recipe.clip_norm);
        let grads = &mut self.state.grads;
        if let Some(scale) = &self.progress.scale {
            let unscaled = grads.scale(scale.factor.recip());
            unscaled.map_err(compute("scaling the gradient back"))?;
        }
        let norm = match limit {
            Some(limit) => clip_norm(grads, limit).map(Some),
            None if measure => grads.norm().map(Some),
            None => Ok(None),
        };
        let norm = norm.map_err(compute("the gradient's norm"))?;
        if let Some(limit) = self.recipe.clip_value {
            clip_value(grads, limit).map_err(compute("clipping"))?;
        }
        self.ledger.charge(Activity::Backward);
        Ok(norm)
    }

    /// Moves the parameters by the schedules' values at t = updates done, then the averages.
    fn move_parameters(&mut self) -> Result<(), TrainError> {
        let t = self.progress.step;
        let groups = self.recipe.schedules.groups().len();
        let by_group = (0..groups).map(|group| self.hyper(group, t));
        let by_group = by_group.collect::<Vec<_>>();
        self.hypers.clear();
        self.hypers
            .extend(self.state.groups.iter().map(|group| by_group[*group]));
        let state = &mut self.state;
        let frozen = &self.frozen;
        state
            .optimizer
            .step(&state.active, &state.grads, &self.hypers, frozen)
            .map_err(compute("the optimizer's step"))?;
        if let Some(fixed) = self.recipe.ema {
            let scheduled = self.recipe.schedules.value(Target::EmaDecay, 0, t);
            let decay = scheduled.unwrap_or(fixed);
            state
                .follow(decay)
                .map_err(compute("moving the averages"))?;
        }
        Ok(())
    }

    /// The hyperparameters of a group for update `t`.
    fn hyper(&self, group: usize, t: u64) -> Hyper {
        let value = |target| self.recipe.schedules.value(target, group, t);
        Hyper {
            lr: value(Target::Lr).unwrap_or(0.0),
            weight_decay: value(Target::WeightDecay).unwrap_or(0.0),
            momentum: value(Target::Momentum).unwrap_or(0.0),
            beta2: value(Target::Beta2).unwrap_or(0.0),
        }
    }
}

/// The sum of scalar tensors, in order.
fn total(sums: &[Tensor]) -> candle_core::Result<f64> {
    sums.iter().map(scalar).sum()
}
