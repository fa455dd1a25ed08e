//! The numbers beside the progress bar, kept up to date by a few additions for each update.

use std::time::Instant;

use crate::{
    event::StepRow,
    report::{duration, short},
};

/// What the bar needs to know, kept up to date by every update.
#[derive(Debug, Clone)]
pub struct Progress {
    total: u64,
    epoch_steps: u64,
    /// Epochs when the run is complete.
    pub epochs: u64,
    /// Updates that were done when this process began.
    first: u64,
    /// When it began.
    pub begun: Instant,
    /// When the bar was drawn last.
    pub drawn: Instant,
    step: u64,
    lr: Option<f64>,
    loss: Option<f64>,
    /// Samples and seconds since the last drawing, and the rate before it.
    samples: u64,
    seconds: f64,
    rate: Option<f64>,
}

impl Progress {
    /// Training of `total` updates that begins after `first`.
    pub fn new(first: u64, total: u64, epoch_steps: u64, epochs: u64) -> Self {
        let now = Instant::now();
        Self {
            total,
            epoch_steps,
            epochs,
            first,
            begun: now,
            drawn: now,
            step: first,
            lr: None,
            loss: None,
            samples: 0,
            seconds: 0.0,
            rate: None,
        }
    }

    /// Takes in one update.
    pub fn add(&mut self, row: &StepRow) {
        self.step = row.step;
        self.lr = Some(row.lr);
        self.loss = row.loss.or(self.loss);
        self.samples += row.samples;
        self.seconds += row.step_time_ms / 1e3;
    }

    /// Marks a drawing: the rate is smoothed over about ten of them.
    pub fn draw(&mut self, now: Instant) {
        self.rate = self.rate();
        (self.samples, self.seconds, self.drawn) = (0, 0.0, now);
    }

    fn rate(&self) -> Option<f64> {
        let latest = (self.seconds > 0.0).then(|| self.samples as f64 / self.seconds);
        match (self.rate, latest) {
            (Some(before), Some(latest)) => Some(before + (latest - before) / 10.0),
            (before, latest) => latest.or(before),
        }
    }

    /// The text beside the bar: as many of its parts, in order of what they are worth, as fit into
    /// `room` characters. None is cut: half a number would be another number.
    pub fn line(&self, now: Instant, room: usize) -> String {
        let mut line = format!("epoch {}/{}", self.epoch(), self.epochs);
        let parts = [
            Some(format!("step {}/{}", self.step, self.total)),
            self.loss.map(|loss| format!("loss {}", short(loss))),
            self.lr.map(|lr| format!("lr {}", short(lr))),
            self.seconds_left(now)
                .map(|left| format!("{} left", duration(left))),
            self.rate()
                .map(|rate| format!("{} samples/s", short(rate.round()))),
        ];
        for part in parts.into_iter().flatten() {
            if line.len() + 2 + part.len() > room {
                break;
            }
            line += "  ";
            line += &part;
        }
        line
    }

    /// The epoch that the last update belongs to, counted from 1.
    fn epoch(&self) -> u64 {
        let epoch = self.step.saturating_sub(1) / self.epoch_steps.max(1) + 1;
        epoch.min(self.epochs.max(1))
    }

    /// At the pace since this process began, evaluations and checkpoints included.
    fn seconds_left(&self, now: Instant) -> Option<f64> {
        let done = self.step.saturating_sub(self.first);
        let left = self.total.saturating_sub(self.step);
        let elapsed = now.duration_since(self.begun).as_secs_f64();
        (done > 0).then(|| elapsed / done as f64 * left as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_bar_knows_epoch_rate_and_time_left() {
        let mut progress = Progress::new(10, 2000, 20, 100);
        for (step, loss) in [(11, Some(2.25)), (30, None)] {
            progress.add(&StepRow {
                step,
                epoch: 0.5,
                logged: loss.is_some(),
                lr: 0.001,
                extra: Default::default(),
                loss,
                grad_norm: None,
                step_time_ms: 1.5,
                data_time_ms: 0.0,
                samples: 64,
            });
        }
        assert_eq!(
            Progress::new(0, 2000, 20, 100).line(Instant::now(), 80),
            "epoch 1/100  step 0/2000"
        );
        let later = progress.begun + Duration::from_secs(2);
        insta::assert_snapshot!(progress.line(later, 120), @"epoch 2/100  step 30/2000  loss 2.25  lr 0.001  3m 17s left  42667 samples/s");
        insta::assert_snapshot!(progress.line(later, 60), @"epoch 2/100  step 30/2000  loss 2.25  lr 0.001  3m 17s left");
        progress.step = 2000;
        insta::assert_snapshot!(progress.line(later, 80), @"epoch 100/100  step 2000/2000  loss 2.25  lr 0.001  0ms left  42667 samples/s");
    }
}
