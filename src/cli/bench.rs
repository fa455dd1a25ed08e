//! `trainer bench`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    CliError, ConfigArgs, Global, Memory, Output, PlanFlags, args::path, plan_text::si, run::Format,
};
use crate::{
    config::Plan,
    event::Status,
    kernel,
    launch::{self, Measured},
    report::{Align, Palette, Table, bytes, percent, sanitize, short},
    train::{Activity, BenchKeys},
    units::counted,
};

/// Measure how fast a config trains here
///
/// Builds the config's model, data, optimizer and schedule as `run` does, applies updates, and says
/// how long they took and on what. Nothing is evaluated and nothing is written.
#[derive(Debug, Args)]
pub struct Bench {
    /// A TOML file
    #[arg(value_parser = path())]
    config: PathBuf,
    /// Lay a value over the config, in TOML syntax; repeatable: `--set dataset.batch_size=128`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device: auto, cpu, cuda, cuda:N, metal
    #[arg(long)]
    device: Option<String>,
    /// CPU threads; the config's where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// Updates before the clock starts
    #[arg(long, value_name = "N", default_value_t = 20)]
    warmup: u64,
    /// Updates to measure
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Stop measuring, and warming up, after this many seconds
    #[arg(long, default_value_t = 20.0, value_parser = seconds)]
    seconds: f64,
    /// Load this many batches before measuring and use them in turn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batches: Option<u64>,
    #[command(flatten)]
    memory: Memory,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 => Ok(seconds),
        _ => Err("takes a number of seconds above 0".into()),
    }
}

impl Bench {
    /// Measures, then prints.
    ///
    /// # Errors
    /// A config with faults, data that cannot be read, an update that is not finite, a signal.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let plan = self.plan(global, out)?;
        self.memory.check(&plan)?;
        let stop = launch::connect().map_err(CliError::Signals)?;
        let keys = BenchKeys {
            warmup: self.warmup,
            steps: self.steps,
            seconds: self.seconds,
            batches: self.batches.map(|batches| batches as usize),
        };
        let measured = launch::bench(&plan, &keys, &stop)?;
        measured.notes.iter().for_each(|note| out.warn(note));
        match &measured.bench.ended {
            Some(Status::Diverged { why }) => return Err(CliError::Diverged(why.clone())),
            Some(Status::Stopped { signal, .. }) => {
                let signal = signal.and_then(|signal| u8::try_from(signal).ok());
                return Err(CliError::Signal(signal.unwrap_or(u8::MAX)));
            }
            _ => {}
        }
        let figures = Figures::of(&plan, &measured);
        match self.format {
            Format::Json => out.json(&self.object(&plan, &measured, &figures)),
            Format::Text => out.write(&self.text(&plan, &measured, &figures, out.palette())),
        }
    }

    fn plan(&self, global: &Global, out: &Output<'_>) -> Result<Plan, CliError> {
        let threads = self.threads.map(|n| format!("train.threads={n}"));
        let config = ConfigArgs {
            configs: vec![self.config.clone()],
            flags: PlanFlags {
                set: self.set.iter().cloned().chain(threads).collect(),
                device: self.device.clone(),
                ..PlanFlags::default()
            },
        };
        let plan = config.plans(global, out)?.into_iter().next();
        plan.ok_or_else(|| CliError::Usage("there is no config".into()))
    }

    /// The keys are documented in docs/benchmarks.md.
    fn object(&self, plan: &Plan, measured: &Measured, figures: &Figures) -> Value {
        let [q1, median, q3] = figures.quartiles;
        let by_name = |of: fn(&Part) -> f64| -> Map<String, Value> {
            let parts = figures.parts.iter();
            parts
                .map(|part| (part.name.to_owned(), json!(of(part))))
                .collect()
        };
        json!({
            "config": self.config.display().to_string(),
            "name": plan.top.name,
            "device": measured.device,
            "threads": kernel::threads::count(),
            "warmup": self.warmup,
            "steps": measured.bench.step_ms.len(),
            "batches": self.batches,
            "samples": measured.bench.samples,
            "step_ms": { "median": median, "q1": q1, "q3": q3 },
            "samples_per_s": figures.samples_per_s,
            "ledger_ms": by_name(|part| part.ms),
            "ledger_share": by_name(|part| part.share),
            "flops_per_step": plan.cost.flops_per_step,
            "flops_per_s": figures.flops_per_s,
            "memory": { "base": measured.base, "peak": measured.peak },
        })
    }

    fn text(
        &self,
        plan: &Plan,
        measured: &Measured,
        figures: &Figures,
        palette: Palette,
    ) -> String {
        let bench = &measured.bench;
        let [q1, median, q3] = figures.quartiles.map(short);
        let threads = kernel::threads::count();
        let from = match self.batches {
            Some(n) => format!("{} in memory", counted(n, "batch")),
            None => "the loader".into(),
        };
        let mut lines = vec![
            format!(
                "{}: {} from {from}, {}, {}",
                sanitize(&plan.top.name),
                counted(bench.step_ms.len() as u64, "update"),
                counted(threads as u64, "thread"),
                measured.device
            ),
            format!("  step       {median} ms (quartiles {q1} and {q3})"),
            format!("  samples/s  {}", short(figures.samples_per_s)),
            format!(
                "  FLOP/s     {} (about {}FLOP a step)",
                si(figures.flops_per_s as u64).trim_end(),
                si(plan.cost.flops_per_step)
            ),
        ];
        if let (Some(base), Some(peak)) = (measured.base, measured.peak) {
            let grown = bytes(peak.saturating_sub(base));
            lines.push(format!(
                "  memory     {} at most, {grown} of it for data, model and updates",
                bytes(peak)
            ));
        }
        format!(
            "{}\n\n{}",
            lines.join("\n"),
            figures.table().render(palette)
        )
    }
}

/// What the measured times come to.
struct Figures {
    /// Lower quartile, median and upper quartile of an update's milliseconds.
    quartiles: [f64; 3],
    /// Over all measured updates.
    samples_per_s: f64,
    /// By the plan's estimate and the median.
    flops_per_s: f64,
    parts: Vec<Part>,
}

/// An activity.
struct Part {
    name: &'static str,
    /// Mean milliseconds of an update.
    ms: f64,
    /// Share of the whole.
    share: f64,
}

impl Figures {
    fn of(plan: &Plan, measured: &Measured) -> Self {
        let bench = &measured.bench;
        let total: f64 = bench.seconds.iter().sum();
        let steps = bench.step_ms.len() as f64;
        let quartiles = quartiles(&bench.step_ms);
        let measured =
            |activity: &Activity| !matches!(activity, Activity::Evaluation | Activity::Checkpoint);
        let part = |activity: Activity| Part {
            name: activity.name(),
            ms: 1e3 * bench.seconds[activity as usize] / steps,
            share: bench.seconds[activity as usize] / total,
        };
        Self {
            quartiles,
            samples_per_s: bench.samples as f64 / total,
            flops_per_s: plan.cost.flops_per_step as f64 / (1e-3 * quartiles[1]),
            parts: Activity::ALL
                .into_iter()
                .filter(measured)
                .map(part)
                .collect(),
        }
    }

    /// Where the time went.
    fn table(&self) -> Table {
        let mut table = Table::new([
            ("spent on", Align::Left),
            ("ms a step", Align::Right),
            ("share", Align::Right),
        ]);
        for part in &self.parts {
            table.row([part.name.to_owned(), short(part.ms), percent(part.share)]);
        }
        table
    }
}

/// Lower quartile, median, upper quartile; between neighbours in proportion.
fn quartiles(times: &[f64]) -> [f64; 3] {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let last = times.len().saturating_sub(1);
    [1, 2, 3].map(|quarter| {
        let at = (last * quarter) as f64 / 4.0;
        let (below, part) = (at as usize, at.fract());
        let value = |i: usize| times.get(i).copied().unwrap_or(0.0);
        value(below) + part * (value((below + 1).min(last)) - value(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        assert_eq!(quartiles(&[3.0, 1.0, 2.0, 5.0, 4.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[1.0, 2.0]), [1.25, 1.5, 1.75]);
        assert_eq!(quartiles(&[7.0]), [7.0; 3]);
    }

    #[test]
    fn seconds_are_above_0() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "NaN", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
