//! Events → `tracing`: spans `run{id}` > `epoch{epoch}` > `eval{split}`, one INFO event `epoch` for
//! each epoch, DEBUG events for each update; and `trace.jsonl`, which keeps them.
//!
//! Names of metrics are known only at run time, and `tracing` wants its field names for ever, so
//! each set of names is registered once as a callsite of its own.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tracing::{Dispatch, Level, Span, dispatcher};
use tracing_core::{
    Callsite, Interest, Kind, Metadata, callsite, field::FieldSet, field::Value, identify_callsite,
};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt::MakeWriter, layer::SubscriberExt as _};

use crate::{
    event::{Ending, EpochRow, Event, Metrics, Sink, SinkError, Status, StepRow, key},
    printable::Printable,
    run::{File, RunInfo},
};

/// The spans of a run under way, and the dispatcher that its events go to.
pub struct Trace {
    dispatch: Dispatch,
    run: Span,
    epoch: Span,
    file: LateFile,
    /// Number of the first epoch.
    first_epoch: u64,
}

impl Trace {
    /// A trace that goes nowhere yet; see [`attach`](Self::attach).
    #[must_use]
    pub fn new() -> Self {
        let file = LateFile::default();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(file.clone())
            .with_filter(filter());
        let shown = asked().then(|| {
            let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            tracing_subscriber::fmt::layer()
                .with_ansi(colours)
                .with_writer(move || Printable::new(io::stderr(), colours))
                .with_filter(filter())
        });
        let dispatch = Dispatch::new(Registry::default().with(lines).with(shown));
        let run = dispatcher::with_default(&dispatch, || {
            tracing::info_span!("run", id = tracing::field::Empty)
        });
        Self {
            dispatch,
            epoch: Span::none(),
            run,
            file,
            first_epoch: 1,
        }
    }

    /// Names the run, and says how its files count epochs. From now on, what the level lets through goes to `file` as JSON lines, and to
    /// standard error where `RUST_LOG` asks for it.
    pub fn attach(&mut self, info: &RunInfo, file: File) {
        self.first_epoch = RunInfo::first_epoch(info.format);
        dispatcher::with_default(&self.dispatch, || {
            self.run.record("id", info.run.as_str());
        });
        self.file.set(file);
    }

    /// Where events of code that knows no trace go.
    #[must_use]
    pub fn context(&self) -> Context {
        Context {
            dispatch: self.dispatch.clone(),
            run: self.run.clone(),
        }
    }
}

/// The place where events go, apart from the trace that is a sink.
pub struct Context {
    dispatch: Dispatch,
    run: Span,
}

impl Context {
    /// Runs `work` inside the run's span.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        dispatcher::with_default(&self.dispatch, || self.run.in_scope(work))
    }
}

/// A file that is known only after the subscriber that writes to it.
#[derive(Clone, Default)]
struct LateFile(Arc<OnceLock<File>>);

impl LateFile {
    fn set(&self, file: File) {
        self.0.get_or_init(|| file);
    }
}

impl<'a> MakeWriter<'a> for LateFile {
    type Writer = Box<dyn io::Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self.0.get() {
            Some(file) => Box::new(file),
            None => Box::new(io::sink()),
        }
    }
}

/// Returns whether `RUST_LOG` says anything.
#[must_use]
pub fn asked() -> bool {
    std::env::var_os("RUST_LOG").is_some_and(|value| !value.is_empty())
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}

impl Sink for Trace {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        let dispatch = self.dispatch.clone();
        dispatcher::with_default(&dispatch, || self.record(event));
        Ok(())
    }
}

impl Trace {
    fn record(&mut self, event: &Event) {
        match event {
            Event::Start {
                step,
                total_steps,
                steps_per_epoch,
                ..
            } => {
                tracing::info!(parent: &self.run, step, total_steps, steps_per_epoch, "start");
            }
            Event::EpochStart { epoch } => {
                let epoch = epoch + self.first_epoch;
                self.epoch = tracing::info_span!(parent: &self.run, "epoch", epoch);
            }
            Event::Step(row) => self.step(row),
            Event::Eval(row) => {
                let span = tracing::info_span!(parent: &self.epoch, "eval", split = row.split);
                let numbers = [
                    ("step", Number::Count(row.step)),
                    ("epoch", Number::Real(row.epoch)),
                ];
                emit(
                    Level::INFO,
                    "eval",
                    &span,
                    fields(&numbers, &[&row.metrics]),
                );
            }
            Event::Epoch(row) => self.epoch(row),
            Event::Checkpoint(_) => {}
            Event::Warning { step, message } => {
                tracing::warn!(parent: &self.run, step, "{message}");
            }
            Event::End(ending) => self.end(ending),
        }
    }

    fn step(&self, row: &StepRow) {
        if !tracing::enabled!(Level::DEBUG) {
            return;
        }
        let mut numbers = vec![
            ("step", Number::Count(row.step)),
            ("epoch", Number::Real(row.epoch)),
            (key::LR, Number::Real(row.lr)),
            (key::STEP_TIME_MS, Number::Real(row.step_time_ms)),
            (key::DATA_TIME_MS, Number::Real(row.data_time_ms)),
        ];
        numbers.extend(row.loss.map(|loss| (key::TRAIN_LOSS, Number::Real(loss))));
        numbers.extend(
            row.grad_norm
                .map(|norm| (key::GRAD_NORM, Number::Real(norm))),
        );
        emit(
            Level::DEBUG,
            "step",
            &self.epoch,
            fields(&numbers, &[&row.extra]),
        );
    }

    fn epoch(&self, row: &EpochRow) {
        let numbers = [
            ("epoch", Number::Count(row.epoch + self.first_epoch)),
            ("step", Number::Count(row.step)),
            (key::LR, Number::Real(row.lr)),
            (key::LR_LAST, Number::Real(row.lr_last)),
            (key::SAMPLES_PER_S, Number::Real(row.samples_per_s)),
            ("elapsed", Number::Real(row.elapsed_s)),
        ];
        emit(
            Level::INFO,
            "epoch",
            &self.epoch,
            fields(&numbers, &[&row.extra, &row.metrics]),
        );
    }

    fn end(&self, ending: &Ending) {
        let (step, state_hash) = (ending.step, ending.state_hash.as_str());
        match &ending.status {
            Status::Completed => tracing::info!(parent: &self.run, step, state_hash, "completed"),
            Status::EarlyStopped { why } => {
                tracing::info!(parent: &self.run, step, state_hash, why, "stopped early");
            }
            Status::Stopped { why, .. } => {
                tracing::info!(parent: &self.run, step, state_hash, why, "stopped");
            }
            Status::Diverged { why } => tracing::error!(parent: &self.run, step, why, "diverged"),
            Status::Failed { why } => tracing::error!(parent: &self.run, step, why, "failed"),
        }
    }
}

/// A field's value.
#[derive(Debug, Clone, Copy)]
enum Number {
    Count(u64),
    Real(f64),
}

fn fields(numbers: &[(&str, Number)], metrics: &[&Metrics]) -> Vec<(String, Number)> {
    let own = numbers
        .iter()
        .map(|(name, number)| (name.to_string(), *number));
    let more = metrics.iter().flat_map(|m| m.iter());
    own.chain(more.map(|(name, value)| (name.clone(), Number::Real(*value))))
        .collect()
}

/// Fields of one event that `tracing` takes at most.
const MOST: usize = 32;

/// Emits an event whose field names are known only now; `message` is its name. The span is entered,
/// so that the event's line lists it with all that are around it.
fn emit(level: Level, message: &'static str, span: &Span, fields: Vec<(String, Number)>) {
    let _entered = span.enter();
    let fields = &fields[..fields.len().min(MOST - 1)];
    let meta = site(level, message, fields.iter().map(|(name, _)| name.as_str())).metadata();
    dispatcher::get_default(|dispatch| {
        if !dispatch.enabled(meta) {
            return;
        }
        let values: Vec<&dyn Value> = std::iter::once(&message as &dyn Value)
            .chain(fields.iter().map(|(_, number)| match number {
                Number::Count(count) => count as &dyn Value,
                Number::Real(real) => real as &dyn Value,
            }))
            .collect();
        let names: Vec<_> = meta.fields().iter().collect();
        // An array of fixed length is what `tracing` takes; what is too many is left empty.
        let set: [_; MOST] = std::array::from_fn(|i| {
            let i_name = i.min(names.len() - 1);
            (&names[i_name], values.get(i).copied())
        });
        let set = meta.fields().value_set(&set);
        // Not `Event::dispatch`: it would ask for the dispatcher inside the dispatcher, and get none.
        dispatch.event(&tracing::Event::new(meta, &set));
    });
}

/// A callsite that is made at run time; one for each set of names.
struct Site(OnceLock<Metadata<'static>>);

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        match self.0.get() {
            Some(metadata) => metadata,
            None => unreachable!("a site is filled before it is registered"),
        }
    }
}

type Sites = BTreeMap<(Level, Vec<String>), &'static Site>;

fn site<'a>(
    level: Level,
    name: &'static str,
    fields: impl Iterator<Item = &'a str>,
) -> &'static Site {
    static SITES: Mutex<Sites> = Mutex::new(BTreeMap::new());
    let names: Vec<String> = std::iter::once("message")
        .chain(fields)
        .map(String::from)
        .collect();
    let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    sites.entry((level, names.clone())).or_insert_with(|| {
        let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let names: Vec<&'static str> = names.into_iter().map(leak).collect();
        let site: &'static Site = Box::leak(Box::new(Site(OnceLock::new())));
        let set = FieldSet::new(
            Box::leak(names.into_boxed_slice()),
            identify_callsite!(site),
        );
        let meta = Metadata::new(name, "trainer", level, None, None, None, set, Kind::EVENT);
        site.0.get_or_init(|| meta);
        callsite::register(site);
        site
    })
}
