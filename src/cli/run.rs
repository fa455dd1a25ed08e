//! `trainer run`.

use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    CliError, ConfigArgs, Exit, Global, Memory, Output, Screen, exit, plan_text,
    require::{Conditions, Require},
    session,
};
use crate::{
    config::Plan,
    event::Status,
    launch,
    report::{self, Align, Cell, Ink, Record, Table, short},
    run::{Reader, Summary},
    train::StopFlag,
};

/// Check a config, then train it
///
/// Every fault is found before anything runs. The run lands in a directory of its own below
/// `runs`, from which it can be shown, resumed and reproduced. Several configs run one after the
/// other, and all of them are checked first. One that fails does not keep the rest from running; a
/// table at the end tells what came of each, and the exit code is that of the worst.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    config: ConfigArgs,
    /// Do everything but the training: check, open the device, load the data, build the model
    #[arg(long)]
    dry_run: bool,
    /// Stop at the first config that fails
    #[arg(long)]
    fail_fast: bool,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    require: Require,
    /// Output format; json is one object on a line for each config: the run's
    /// summary, or the faults
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// A few lines
    Text,
    /// Objects for programs
    Json,
}

/// A config that can run.
struct Ready {
    /// The file, as it was named.
    config: String,
    plan: Plan,
}

/// Result of one config.
struct Ended {
    config: String,
    summary: Option<Summary>,
    error: Option<CliError>,
}

impl Run {
    /// Trains every config.
    ///
    /// # Errors
    /// A config with faults, a run that fails, diverges, is stopped by a signal or does not meet a
    /// requirement; of several, the worst.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let stop = launch::connect().map_err(CliError::Signals)?;
        let conditions = self.require.conditions()?;
        let ready = self.check(global, out)?;
        for one in &ready {
            launch::check_place(&one.plan, &global.runs)?;
            self.memory.check(&one.plan)?;
            conditions.check(&one.plan)?;
        }
        let several = ready.len() > 1;
        let mut ended: Vec<Ended> = Vec::new();
        for one in &ready {
            let end = self.one(global, one, &conditions, &stop, out);
            if let (true, Some(error)) = (several, &end.error) {
                Exit::complain(error);
            }
            let stopped = matches!(end.error, Some(CliError::Signal(_)));
            let failed = end.error.is_some();
            ended.push(end);
            if stopped || (failed && self.fail_fast) {
                break;
            }
        }
        if !several {
            return ended.pop().and_then(|end| end.error).map_or(Ok(()), Err);
        }
        if self.format == Format::Text {
            let table = table(&ready, &ended).fitted(out.fold(), out.palette());
            said(out.lines(&format!("\n{table}")), out)?;
        }
        let worst = ended
            .iter()
            .filter_map(|end| end.error.as_ref())
            .map(CliError::exit);
        match worst.max_by_key(|exit| exit.badness()) {
            Some(worst) => Err(CliError::Told(worst)),
            None => Ok(()),
        }
    }

    /// Resolves every config; the faults of all of them are shown.
    fn check(&self, global: &Global, out: &mut Output<'_>) -> Result<Vec<Ready>, CliError> {
        let (mut ready, mut refused) = (Vec::new(), false);
        for (path, resolved) in self.config.resolved(global, out) {
            let config = path.display().to_string();
            match resolved {
                Ok(plan) => ready.push(Ready { config, plan }),
                Err(error) => {
                    refused = true;
                    out.diagnostics(&error.0);
                    if self.format == Format::Json {
                        out.json(&faults(&config, &CliError::Config(error)))?;
                    }
                }
            }
        }
        if refused {
            return Err(CliError::Refused);
        }
        ready.iter().for_each(|one| out.remarks(&one.plan));
        Ok(ready)
    }

    fn one(
        &self,
        global: &Global,
        ready: &Ready,
        conditions: &Conditions,
        stop: &StopFlag,
        out: &mut Output<'_>,
    ) -> Ended {
        let config = ready.config.clone();
        let (summary, error) = match self.train(global, ready, stop, out) {
            Ok(None) => (None, None),
            Ok(Some(summary)) => {
                let said = conclude(&summary, self.format, out);
                let met = said.and_then(|()| conditions.hold_for(&summary));
                (Some(summary), met.err())
            }
            Err(error) => {
                if self.format == Format::Json {
                    // Where nobody reads it, the exit code still tells.
                    let _ = out.json(&faults(&config, &error));
                }
                (None, Some(error))
            }
        };
        Ended {
            config,
            summary,
            error,
        }
    }

    /// Trains; none where nothing was to be trained.
    fn train(
        &self,
        global: &Global,
        ready: &Ready,
        stop: &StopFlag,
        out: &mut Output<'_>,
    ) -> Result<Option<Summary>, CliError> {
        let Ready { config, plan } = ready;
        let mut run = launch::Run::new(plan)?;
        if let Some(weights) = run.weights() {
            out.note(&format!("init: {weights}"));
        }
        if self.dry_run {
            match self.format {
                Format::Text => out.lines(&plan_text::plan(plan, out.fold(), out.palette()))?,
                Format::Json => out.json(&plan_text::json(config, plan))?,
            }
            out.note("dry run: the device, the data and the model are there; nothing was trained");
            return Ok(None);
        }
        let mut screen = session::screen(global);
        let summary = run.train_in(&global.runs, &mut screen, stop)?;
        drop::<Screen<'_>>(screen);
        Ok(Some(summary))
    }
}

/// A config that did not run, as `check --format json` has it.
fn faults(config: &str, error: &CliError) -> serde_json::Value {
    json!({ "config": config, "ok": false, "faults": exit::faults(error) })
}

/// One line a config: what came of it.
fn table(ready: &[Ready], ended: &[Ended]) -> Table {
    let columns = ["config", "run", "status", "best"];
    let mut table = Table::new(columns.map(|name| (name, Align::Left)));
    for end in ended {
        let best = end
            .summary
            .as_ref()
            .and_then(|summary| summary.best.as_ref());
        let best = best.map_or_else(String::new, |best| {
            format!("{} {}", best.metric, short(best.value))
        });
        let run = end
            .summary
            .as_ref()
            .map_or("", |summary| summary.run.as_str());
        table.row([
            end.config.as_str().into(),
            run.into(),
            status(end),
            best.into(),
        ]);
    }
    for left in ready.iter().skip(ended.len()) {
        let cells = [left.config.as_str(), "", "not run", ""];
        table.row(cells.map(Cell::from));
    }
    table
}

fn status(end: &Ended) -> Cell {
    match (&end.summary, &end.error) {
        (Some(summary), Some(CliError::Unmet(_))) => {
            Cell::from(format!("{}, not as required", summary.status.name())).ink(Ink::Bad)
        }
        (Some(summary), _) => Cell::from(summary.status.name()).ink((&summary.status).into()),
        (None, Some(_)) => Cell::from("failed").ink(Ink::Bad),
        (None, None) => Cell::from("checked"),
    }
}

/// Says what was reached, where the run lies and what to type next; a run that did not complete
/// becomes the exit code.
pub(super) fn conclude(
    summary: &Summary,
    format: Format,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let result = match format {
        Format::Json => out.json(&object(summary)),
        Format::Text => out.lines(&session::conclusion(summary)),
    };
    said(result, out)?;
    match &summary.status {
        Status::Stopped {
            signal: Some(signal),
            ..
        } => Err(CliError::Signal(u8::try_from(*signal).unwrap_or(u8::MAX))),
        Status::Diverged { why } => Err(CliError::Diverged(why.clone())),
        _ => Ok(()),
    }
}

/// The summary, with the reasons for what is absent.
fn object(summary: &Summary) -> serde_json::Value {
    let mut object = json!(summary);
    if let Ok(view) = Reader::glance(Path::new(&summary.path)) {
        object["absent"] = report::absent(&Record::new(view)).into();
    }
    object
}

/// Sends what was written to standard output. A closed one never changes how a run ended.
fn said(written: Result<(), CliError>, out: &mut Output<'_>) -> Result<(), CliError> {
    match written.and_then(|()| out.flush()) {
        Ok(()) | Err(CliError::Closed) => Ok(()),
        Err(error) => Err(error),
    }
}
