//! A session that runs into its directory, with a trace and somebody who watches.

use super::{LaunchError, fanout::Fanout, trace::Trace};
use crate::{
    event::{Ending, Event, Sink, SinkError, Status},
    run::{Summary, Warnings, Writer},
    train::{Session, StopFlag, TrainError},
};

/// Tells of something besides the training itself.
pub(super) fn warn(
    sink: &mut dyn Sink,
    step: u64,
    messages: Vec<String>,
) -> Result<(), TrainError> {
    for message in messages {
        sink.event(&Event::Warning { step, message })?;
    }
    Ok(())
}

/// Runs the session into its directory and sums it up. The writer was made within the trace, so
/// that its thread's events go there too. `said` is what the user has been told about the data: the
/// log keeps it.
pub(super) fn drive(
    session: &mut Session,
    mut writer: Writer,
    mut trace: Trace,
    said: Vec<String>,
    watcher: &mut dyn Sink,
    stop: &StopFlag,
) -> Result<Summary, LaunchError> {
    let context = trace.context();
    let warnings = writer.warnings();
    let ended = context.within(|| {
        warn(&mut Fanout(vec![&mut writer, &mut trace]), 0, said)?;
        let mut watcher = Watcher {
            inner: &mut *watcher,
            warnings: warnings.clone(),
        };
        let mut sinks = Fanout(vec![&mut writer, &mut trace, &mut watcher]);
        session.run(&mut sinks, stop)
    });
    let ending = match &ended {
        Ok(ending) => ending.clone(),
        Err(error) => failed(session, error),
    };
    let run = writer.info().run.clone();
    let summary = context.within(|| writer.finish(&ending));
    ended.map_err(|error| LaunchError::from(error).of_run(&run))?;
    for (step, message) in warnings.take() {
        warn(watcher, step, vec![message])?;
    }
    summary.map_err(|error| LaunchError::from(error).of_run(&run))
}

/// A watcher that is also told what the thread of the writer warns of.
struct Watcher<'a> {
    inner: &'a mut dyn Sink,
    warnings: Warnings,
}

impl Sink for Watcher<'_> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        for (step, message) in self.warnings.take() {
            self.inner.event(&Event::Warning { step, message })?;
        }
        self.inner.event(event)
    }
}

/// The ending of a run whose session could not say it itself.
fn failed(session: &mut Session, error: &TrainError) -> Ending {
    session.ending(Status::Failed {
        why: error.to_string(),
    })
}
