//! `trainer schedule`.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{CliError, ConfigArgs, Global, Output, plan_text};
use crate::{
    config::{Plan, ScheduleView, Spec},
    report::{Align, Chart, Ink, Palette, Scale, Table, exact, short},
    schedule::Target,
};

/// Show the learning rate (and whatever else is scheduled) exactly as a run will use it
///
/// Prints the phases with their boundaries, first and last value, and a curve. `--format csv` gives
/// every update's value in full precision; update 0 is the first.
#[derive(Debug, Args)]
pub struct Schedule {
    #[command(flatten)]
    config: ConfigArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Take this as the length of an epoch; the data is then not read
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps_per_epoch: Option<u64>,
    /// Only these updates, counted from 0
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    at: Vec<u64>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// Phases and a curve
    Table,
    /// One row an update
    Csv,
    /// Phases and values
    Json,
}

impl Schedule {
    /// Prints the schedules of every config.
    ///
    /// # Errors
    /// The faults of a config, or a file that cannot be written.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let mut views = Vec::new();
        for path in &self.config.configs {
            let spec = Spec::load(path, &self.config.flags.overrides());
            let view = match self.steps_per_epoch {
                Some(steps) => ScheduleView::without_data(&spec, &global.extensions, steps)?,
                None => ScheduleView::of(&Plan::resolve(&spec, &global.extensions)?),
            };
            if !view.warnings.list.is_empty() {
                out.diagnostics(&view.warnings);
            }
            views.push((path.display().to_string(), view));
        }
        let text = match self.format {
            Format::Table => self.tables(&views, self.output.is_none(), out),
            Format::Csv => self.csv(&views),
            Format::Json => self.json(&views),
        };
        match &self.output {
            Some(path) => std::fs::write(path, text).map_err(|source| CliError::Write {
                path: path.clone(),
                source,
            }),
            None => out.write(&text),
        }
    }

    /// The updates to show.
    fn steps(&self, view: &ScheduleView) -> Vec<u64> {
        match self.at.is_empty() {
            true => (0..view.length.total_steps).collect(),
            false => self.at.clone(),
        }
    }

    fn tables(
        &self,
        views: &[(String, ScheduleView)],
        to_screen: bool,
        out: &Output<'_>,
    ) -> String {
        let palette = if to_screen {
            out.palette()
        } else {
            Palette::PLAIN
        };
        let mut text = String::new();
        for (config, view) in views {
            let length = &view.length;
            let _ = writeln!(
                text,
                "{}  {} steps, {} an epoch\n",
                palette.paint(Ink::Bold, config),
                length.total_steps,
                length.steps_per_epoch
            );
            let phases = view.schedules.phases();
            text.push_str(&plan_text::phase_table(
                &phases,
                length.steps_per_epoch,
                palette,
            ));
            text.push('\n');
            match self.at.is_empty() {
                true => text.push_str(&curves(view, out.width())),
                false => text.push_str(&self.values(view, palette)),
            }
        }
        text
    }

    /// The values at `--at`.
    fn values(&self, view: &ScheduleView, palette: Palette) -> String {
        let columns = columns(view);
        let titles = ["step".to_string(), "epoch".to_string()].into_iter();
        let titles = titles.chain(columns.iter().map(|c| c.title.clone()));
        let mut table = Table::new(titles.map(|title| (title, Align::Right)));
        for step in &self.at {
            table.row(row(view, &columns, *step));
        }
        table.render(palette)
    }

    fn csv(&self, views: &[(String, ScheduleView)]) -> String {
        let mut text = String::new();
        for (i, (config, view)) in views.iter().enumerate() {
            let columns = columns(view);
            let several = views.len() > 1;
            if i == 0 {
                let titles: Vec<&str> = columns.iter().map(|c| c.title.as_str()).collect();
                let first = if several { "config," } else { "" };
                let _ = writeln!(text, "{first}step,epoch,{}", titles.join(","));
            }
            for step in self.steps(view) {
                let row = row(view, &columns, step).join(",");
                let _ = match several {
                    true => writeln!(text, "{config},{row}"),
                    false => writeln!(text, "{row}"),
                };
            }
        }
        text
    }

    fn json(&self, views: &[(String, ScheduleView)]) -> String {
        let one = |(config, view): &(String, ScheduleView)| {
            let steps = self.steps(view);
            let values: serde_json::Map<String, serde_json::Value> = columns(view)
                .iter()
                .map(|c| {
                    let values: Vec<f64> = steps.iter().filter_map(|t| c.value(view, *t)).collect();
                    (c.title.clone(), json!(values))
                })
                .collect();
            json!({
                "config": config,
                "total_steps": view.length.total_steps,
                "steps_per_epoch": view.length.steps_per_epoch,
                "horizon": view.length.horizon,
                "phases": view.schedules.phases().iter().map(plan_text::phase_json).collect::<Vec<_>>(),
                "steps": steps,
                "values": values,
            })
        };
        let all: Vec<_> = views.iter().map(one).collect();
        match all.as_slice() {
            [one] => format!("{one}\n"),
            all => format!("{}\n", json!(all)),
        }
    }
}

/// A scheduled value of one group: `lr`, `momentum`, `lr[head]`.
struct Column {
    title: String,
    target: Target,
    group: usize,
}

impl Column {
    fn value(&self, view: &ScheduleView, step: u64) -> Option<f64> {
        view.schedules.value(self.target, self.group, step)
    }
}

/// `lr`, then every further scheduled target, then each further group's.
fn columns(view: &ScheduleView) -> Vec<Column> {
    let column = |target: Target, group: usize| {
        let name = &view.schedules.groups()[group].name;
        let title = if group == 0 {
            target.to_string()
        } else {
            format!("{target}[{name}]")
        };
        Column {
            title,
            target,
            group,
        }
    };
    let targets = || view.schedules.scheduled().iter().copied();
    let first = targets().map(|target| column(target, 0));
    let groups = view.schedules.groups().len();
    let phases = view.schedules.phases();
    let differs = |target| {
        phases
            .iter()
            .any(|p| p.target == target && p.groups.len() < groups)
    };
    let further = (1..groups)
        .flat_map(|group| targets().map(move |target| (target, group)))
        .filter(|(target, _)| *target == Target::Lr || differs(*target))
        .map(|(target, group)| column(target, group));
    first.chain(further).collect()
}

fn row(view: &ScheduleView, columns: &[Column], step: u64) -> Vec<String> {
    let epoch = step as f64 / view.length.steps_per_epoch as f64;
    let values = columns
        .iter()
        .map(|c| c.value(view, step).map(exact).unwrap_or_default());
    [step.to_string(), exact(epoch)]
        .into_iter()
        .chain(values)
        .collect()
}

/// One drawn curve for each column.
fn curves(view: &ScheduleView, width: usize) -> String {
    let mut text = String::new();
    for column in columns(view) {
        let stride = view.length.total_steps.div_ceil(2000).max(1);
        let epochs = |t: u64| t as f64 / view.length.steps_per_epoch as f64;
        let points: Vec<(f64, f64)> = (0..view.length.total_steps)
            .step_by(stride as usize)
            .filter_map(|t| column.value(view, t).map(|v| (epochs(t), v)))
            .collect();
        let (least, most) = points
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (_, v)| {
                (a.min(*v), b.max(*v))
            });
        let _ = writeln!(
            text,
            "{}  {} to {}",
            column.title,
            short(least),
            short(most)
        );
        let chart = Chart {
            points: &points,
            width: width.min(100),
            height: 12,
            scale: Scale::Linear,
            unit: "epochs",
        };
        text.push_str(&chart.render());
        text.push('\n');
    }
    text
}
