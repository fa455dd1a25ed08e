//! What a person sees while training runs: a [`Sink`] on standard error.
//!
//! On a terminal a bar moves at the bottom and one line for each epoch stays above it; elsewhere
//! there are only the lines. The bar is redrawn ten times a second at most, so that an update costs
//! the loop a clock reading and a few additions.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Global;
use crate::{
    event::{Ending, EpochRow, Event, Metrics, Sink, SinkError, Status, StepRow},
    report::{duration, sanitize, short},
};

/// The least time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows events as they come. It never fails: training does not depend on who watches.
pub struct Screen<'a> {
    surface: Surface<'a>,
    volume: Volume,
    progress: Progress,
}

/// Where it is shown.
enum Surface<'a> {
    /// A terminal, with a moving bar.
    Bar(ProgressBar),
    /// Anything else, line by line.
    Lines(Box<dyn Write + 'a>),
}

/// How much is shown: `-q`, nothing, `-v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Volume {
    /// Warnings.
    Quiet,
    /// Epochs too.
    Normal,
    /// The logged updates too.
    Verbose,
}

impl<'a> Screen<'a> {
    /// Standard error, as a terminal or not, at the volume that the flags ask for.
    #[must_use]
    pub fn stderr(global: &Global) -> Self {
        let surface = if io::stderr().is_terminal() && !global.quiet {
            Surface::Bar(ProgressBar::with_draw_target(
                None,
                ProgressDrawTarget::stderr(),
            ))
        } else {
            Surface::Lines(Box::new(io::stderr()))
        };
        Self {
            surface,
            volume: Volume::of(global),
            progress: Progress::new(),
        }
    }

    /// Plain lines to `lines`, as where standard error is a file.
    pub fn lines(lines: impl Write + 'a, global: &Global) -> Self {
        Self {
            surface: Surface::Lines(Box::new(lines)),
            volume: Volume::of(global),
            progress: Progress::new(),
        }
    }

    /// Shows a line that stays, at `volume` and above.
    fn say(&mut self, volume: Volume, line: &str) {
        if self.volume < volume {
            return;
        }
        let line = sanitize(line);
        match &mut self.surface {
            Surface::Bar(bar) => bar.println(line),
            // Standard error may be closed; the run goes on.
            Surface::Lines(lines) => drop(writeln!(lines, "{line}")),
        }
    }

    fn start(&mut self, step: u64, total: u64, epoch_steps: u64, epochs: u64) {
        self.progress = Progress {
            total,
            epoch_steps,
            epochs,
            first: step,
            ..Progress::new()
        };
        if let Surface::Bar(bar) = &self.surface {
            bar.set_length(total);
            bar.set_position(step);
            if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/dim} {wide_msg}") {
                bar.set_style(style.progress_chars("━╸─"));
            }
        }
        if step > 0 {
            self.say(
                Volume::Normal,
                &format!("going on after step {step} of {total}"),
            );
        }
    }

    fn step(&mut self, row: &StepRow) {
        self.progress.add(row);
        if row.logged && self.volume == Volume::Verbose {
            let line = step_line(row);
            self.say(Volume::Verbose, &line);
        }
        let Surface::Bar(bar) = &self.surface else {
            return;
        };
        let now = Instant::now();
        if now.duration_since(self.progress.drawn) >= REDRAW {
            bar.set_message(self.progress.line(now));
            bar.set_position(row.step);
            self.progress.draw(now);
        }
    }

    fn end(&mut self, ending: &Ending) {
        if let Surface::Bar(bar) = &self.surface {
            bar.finish_and_clear();
        }
        let line = ending_line(ending, self.progress.begun.elapsed());
        match &ending.status {
            Status::Completed | Status::Stopped { .. } => self.say(Volume::Normal, &line),
            Status::Diverged { .. } | Status::Failed { .. } => self.say(Volume::Quiet, &line),
        }
    }
}

impl Sink for Screen<'_> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::Start {
                step,
                total_steps,
                steps_per_epoch,
                epochs,
            } => {
                self.start(*step, *total_steps, *steps_per_epoch, *epochs);
            }
            Event::Step(row) => self.step(row),
            Event::Epoch(row) => {
                let line = epoch_line(row, self.progress.epochs);
                self.say(Volume::Normal, &line);
            }
            Event::Warning { step, message } => {
                self.say(Volume::Quiet, &format!("warning: {message} (step {step})"));
            }
            Event::End(ending) => self.end(ending),
            Event::EpochStart { .. } | Event::Eval(_) | Event::Checkpoint(_) => {}
        }
        Ok(())
    }
}

/// A run that ends by an error leaves no half-drawn bar behind.
impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if let Surface::Bar(bar) = &self.surface {
            bar.finish_and_clear();
        }
    }
}

impl Volume {
    fn of(global: &Global) -> Self {
        match global {
            Global { quiet: true, .. } => Self::Quiet,
            Global { verbose: 0, .. } => Self::Normal,
            _ => Self::Verbose,
        }
    }
}

/// What the bar needs to know, kept up to date by every update.
struct Progress {
    total: u64,
    epoch_steps: u64,
    epochs: u64,
    /// Updates that were done when this process began.
    first: u64,
    begun: Instant,
    drawn: Instant,
    step: u64,
    lr: f64,
    loss: Option<f64>,
    /// Samples and seconds since the last drawing, and the rate before it.
    samples: u64,
    seconds: f64,
    rate: Option<f64>,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            total: 0,
            epoch_steps: 1,
            epochs: 0,
            first: 0,
            begun: now,
            drawn: now,
            step: 0,
            lr: 0.0,
            loss: None,
            samples: 0,
            seconds: 0.0,
            rate: None,
        }
    }

    fn add(&mut self, row: &StepRow) {
        self.step = row.step;
        self.lr = row.lr;
        self.loss = row.loss.or(self.loss);
        self.samples += row.samples;
        self.seconds += row.step_time_ms / 1e3;
    }

    /// Marks a drawing: the rate is smoothed over about ten of them.
    fn draw(&mut self, now: Instant) {
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

    /// The text beside the bar.
    fn line(&self, now: Instant) -> String {
        let epoch =
            (self.step.saturating_sub(1) / self.epoch_steps.max(1) + 1).min(self.epochs.max(1));
        let mut line = format!(
            "epoch {epoch}/{}  step {}/{}",
            self.epochs, self.step, self.total
        );
        if let Some(loss) = self.loss {
            line += &format!("  loss {}", short(loss));
        }
        line += &format!("  lr {}", short(self.lr));
        if let Some(rate) = self.rate() {
            line += &format!("  {} samples/s", short(rate.round()));
        }
        let (done, left) = (
            self.step.saturating_sub(self.first),
            self.total.saturating_sub(self.step),
        );
        if done > 0 {
            let elapsed = now.duration_since(self.begun).as_secs_f64();
            line += &format!("  {} left", duration(elapsed / done as f64 * left as f64));
        }
        line
    }
}

/// `epoch   1/100  step 20  lr 0.02  train/loss 1.234  …`: the columns of successive epochs line up.
fn epoch_line(row: &EpochRow, epochs: u64) -> String {
    let digits = epochs.to_string().len();
    let mut line = format!(
        "epoch {:>digits$}/{epochs}  step {}  lr {:<6}",
        row.epoch + 1,
        row.step,
        short(row.lr)
    );
    line += &values(&row.extra);
    line += &values(&row.metrics);
    line + &format!("  {} samples/s", short(row.samples_per_s.round()))
}

fn step_line(row: &StepRow) -> String {
    let mut line = format!("step {}  lr {:<6}", row.step, short(row.lr));
    line += &values(&row.extra);
    let known = [("train/loss", row.loss), ("grad_norm", row.grad_norm)];
    line += &values(
        &known
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), value?)))
            .collect(),
    );
    line + &format!("  {:.1} ms", row.step_time_ms)
}

/// `  name value` for each: training first, then validation; within a split the loss first.
fn values(metrics: &Metrics) -> String {
    let mut named: Vec<(&String, &f64)> = metrics.iter().collect();
    named.sort_by_key(|(name, _)| {
        let (split, metric) = name.split_once('/').unwrap_or(("", name));
        (split, metric != "loss", metric)
    });
    named
        .iter()
        .map(|(name, value)| format!("  {name} {:<6}", short(**value)))
        .collect()
}

fn ending_line(ending: &Ending, elapsed: Duration) -> String {
    let after = format!(
        "after {} steps in {}",
        ending.step,
        duration(elapsed.as_secs_f64())
    );
    let line = match &ending.status {
        Status::Completed => format!("completed {after}"),
        Status::Stopped { why, .. } => format!("stopped {after}: {why}"),
        Status::Diverged { why } => format!("diverged {after}: {why}"),
        Status::Failed { why } => format!("failed {after}: {why}"),
    };
    match &ending.best {
        Some(best) => format!(
            "{line}; best {} {} at step {}",
            best.metric,
            short(best.value),
            best.step
        ),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Best;

    fn epoch(epoch: u64, loss: f64, accuracy: f64) -> Event {
        Event::Epoch(EpochRow {
            epoch,
            step: 20 * (epoch + 1),
            lr: 0.02 * (epoch + 1) as f64,
            lr_last: 0.02,
            extra: Metrics::new(),
            metrics: [
                ("val/accuracy", accuracy),
                ("val/loss", loss + 0.1),
                ("train/loss", loss),
            ]
            .map(|(name, value)| (name.to_string(), value))
            .into(),
            samples_per_s: 12345.4,
            wall_s: 0.1,
            elapsed_s: 0.1,
            order_hash: String::new(),
            state_hash: String::new(),
        })
    }

    fn step(step: u64, logged: bool) -> Event {
        Event::Step(StepRow {
            step,
            epoch: step as f64 / 20.0,
            logged,
            lr: 0.001,
            extra: Metrics::new(),
            loss: logged.then_some(2.25),
            grad_norm: logged.then_some(0.5),
            step_time_ms: 1.5,
            data_time_ms: 0.0,
            samples: 64,
        })
    }

    fn ending(status: Status) -> Event {
        Event::End(Ending {
            status,
            step: 40,
            epoch: 2.0,
            metrics: Metrics::new(),
            best: Some(Best {
                metric: "val/accuracy".into(),
                value: 0.97222,
                step: 40,
            }),
            state_hash: String::new(),
            samples_per_s: 1.0,
            ledger: Metrics::new(),
        })
    }

    fn shown(global: &Global, events: &[Event]) -> String {
        let mut text = Vec::new();
        let mut screen = Screen::lines(&mut text, global);
        for event in events {
            screen.event(event).unwrap();
        }
        // How long it took is the only thing that differs from time to time.
        screen.progress.begun = Instant::now();
        drop(screen);
        String::from_utf8(text).unwrap()
    }

    fn a_run() -> Vec<Event> {
        vec![
            Event::Start {
                step: 10,
                total_steps: 2000,
                steps_per_epoch: 20,
                epochs: 100,
            },
            step(11, true),
            step(12, false),
            epoch(0, 1.23456, 0.5),
            Event::Warning {
                step: 20,
                message: "one update was skipped\x1b[2J".into(),
            },
            epoch(1, 0.9, 0.97222),
        ]
    }

    #[test]
    fn a_file_gets_one_line_an_epoch() {
        insta::assert_snapshot!(shown(&Global::default(), &a_run()), @r"
        going on after step 10 of 2000
        epoch   1/100  step 20  lr 0.02    train/loss 1.235   val/loss 1.335   val/accuracy 0.5     12345 samples/s
        warning: one update was skipped\u{1b}[2J (step 20)
        epoch   2/100  step 40  lr 0.04    train/loss 0.9     val/loss 1       val/accuracy 0.9722  12345 samples/s
        ");
    }

    #[test]
    fn quiet_keeps_warnings_and_failures() {
        let quiet = Global {
            quiet: true,
            ..Global::default()
        };
        insta::assert_snapshot!(shown(&quiet, &a_run()), @r"warning: one update was skipped\u{1b}[2J (step 20)");
        assert_eq!(shown(&quiet, &[ending(Status::Completed)]), "");
        let failed = Status::Diverged {
            why: "the loss is NaN".into(),
        };
        assert!(shown(&quiet, &[ending(failed)]).starts_with("diverged after 40 steps"));
    }

    #[test]
    fn verbose_adds_the_logged_updates() {
        let verbose = Global {
            verbose: 1,
            ..Global::default()
        };
        insta::assert_snapshot!(shown(&verbose, &a_run()[..3]), @"
        going on after step 10 of 2000
        step 11  lr 0.001   grad_norm 0.5     train/loss 2.25    1.5 ms
        ");
    }

    #[test]
    fn the_ending_names_the_best() {
        let Event::End(done) = ending(Status::Completed) else {
            return;
        };
        insta::assert_snapshot!(ending_line(&done, Duration::from_secs(63)), @"completed after 40 steps in 1m 03s; best val/accuracy 0.9722 at step 40");
    }

    #[test]
    fn the_bar_knows_epoch_rate_and_time_left() {
        let mut progress = Progress {
            total: 2000,
            epoch_steps: 20,
            epochs: 100,
            first: 10,
            ..Progress::new()
        };
        for event in [step(11, true), step(30, false)] {
            if let Event::Step(row) = event {
                progress.add(&row);
            }
        }
        let later = progress.begun + Duration::from_secs(2);
        insta::assert_snapshot!(progress.line(later), @"epoch 2/100  step 30/2000  loss 2.25  lr 0.001  42667 samples/s  3m 17s left");
        let last = Progress {
            step: 2000,
            ..progress
        };
        assert!(
            last.line(later)
                .starts_with("epoch 100/100  step 2000/2000")
        );
    }
}
