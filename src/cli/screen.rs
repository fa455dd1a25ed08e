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

use super::{Global, output, progress::Progress, with_name};
use crate::{
    event::{Checkpoint, Ending, EpochRow, Event, Reason, Sink, SinkError, Status, StepRow},
    report::{EpochLines, ending_line, fitted, sanitize, step_line},
};

/// The least time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows events as they come. It never fails: training does not depend on who watches.
pub struct Screen<'a> {
    surface: Surface<'a>,
    volume: Volume,
    progress: Progress,
    lines: EpochLines,
    /// An epoch whose line waits for the next event: the checkpoint that tells that it is the best.
    epoch: Option<EpochRow>,
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
            Surface::Bar(bar())
        } else {
            Surface::Lines(Box::new(output::stderr()))
        };
        Self::new(surface, global)
    }

    /// Plain lines to `lines`, as where standard error is a file.
    pub fn lines(lines: impl Write + 'a, global: &Global) -> Self {
        Self::new(Surface::Lines(Box::new(lines)), global)
    }

    fn new(surface: Surface<'a>, global: &Global) -> Self {
        Self {
            surface,
            volume: Volume::of(global),
            progress: Progress::new(0, 0, 1, 0),
            lines: EpochLines::default(),
            epoch: None,
        }
    }

    /// Shows a line that stays, at `volume` and above.
    fn say(&mut self, volume: Volume, line: &str) {
        if self.volume < volume {
            return;
        }
        let line = with_name(line);
        let line = sanitize(&line);
        match &mut self.surface {
            Surface::Bar(bar) => bar.println(fitted(&line, width())),
            // Standard error may be closed; the run goes on.
            Surface::Lines(lines) => drop(writeln!(lines, "{line}")),
        }
    }

    fn start(&mut self, step: u64, total: u64, epoch_steps: u64, epochs: u64) {
        self.progress = Progress::new(step, total, epoch_steps, epochs);
        if let Surface::Bar(bar) = &self.surface {
            bar.set_length(total);
            bar.set_position(step);
            bar.set_message(self.progress.line(Instant::now(), room()));
            bar.tick();
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
            bar.set_message(self.progress.line(now, room()));
            bar.set_position(row.step);
            self.progress.draw(now);
        }
    }

    /// Shows the epoch that waits, marked where the checkpoint after it has the best value.
    fn show_epoch(&mut self, next: Option<&Checkpoint>) {
        let Some(row) = self.epoch.take() else {
            return;
        };
        let is_best = next.is_some_and(|checkpoint| {
            checkpoint.step == row.step && matches!(checkpoint.reason, Reason::Best { .. })
        });
        let width = matches!(self.surface, Surface::Bar(_)).then(width);
        let lines = self.lines.add(&row, self.progress.epochs, is_best, width);
        for line in lines.lines() {
            self.say(Volume::Normal, line);
        }
    }

    fn end(&mut self, ending: &Ending) {
        if let Surface::Bar(bar) = &self.surface {
            bar.finish_and_clear();
        }
        let line = ending_line(ending, self.progress.begun.elapsed());
        match &ending.status {
            Status::Completed | Status::EarlyStopped { .. } | Status::Stopped { .. } => {
                self.say(Volume::Normal, &line)
            }
            Status::Diverged { .. } | Status::Failed { .. } => self.say(Volume::Quiet, &line),
        }
    }
}

impl Sink for Screen<'_> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::Checkpoint(checkpoint) => self.show_epoch(Some(checkpoint)),
            _ => self.show_epoch(None),
        }
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
            Event::Epoch(row) => self.epoch = Some(row.clone()),
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
        self.show_epoch(None);
        if let Surface::Bar(bar) = &self.surface {
            bar.finish_and_clear();
        }
    }
}

/// Characters of the bar itself, at least.
const BAR: usize = 10;

/// A bar that takes the room that its text leaves.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{wide_bar:.cyan/dim} {msg}") {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}

/// Characters of a line on standard error.
fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// Characters that fit beside the bar.
fn room() -> usize {
    width().saturating_sub(BAR + 1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Best, EpochRow, Metrics};

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
            tested: None,
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
            best(40),
        ]
    }

    /// A checkpoint of the best value so far.
    fn best(step: u64) -> Event {
        Event::Checkpoint(std::sync::Arc::new(Checkpoint {
            step,
            epoch: step as f64 / 20.0,
            model: Vec::new(),
            optimizer: Vec::new(),
            state: serde_json::Value::Null,
            state_hash: String::new(),
            reason: Reason::Best {
                metric: "val/accuracy".into(),
                value: 0.97222,
            },
            metrics: Metrics::new(),
        }))
    }

    #[test]
    fn a_file_gets_one_line_an_epoch() {
        insta::assert_snapshot!(shown(&Global::default(), &a_run()), @r"
        going on after step 10 of 2000
          epoch         lr  train/loss   val/loss  val/accuracy  samples/s
          1/100       0.02       1.235      1.335           0.5      12345
        warning: one update was skipped\u{1b}[2J (step 20)
          2/100       0.04         0.9          1        0.9722      12345  best
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
}
