//! From schedules to the columns, samples and panels that show them.

use super::Variant;
use crate::{
    config::ScheduleView,
    report::plot::{self, Horizontal, Line, Panel, Phases, Plot},
    schedule::{PhaseInfo, Target},
};

/// A scheduled value of one group: `lr`, `momentum`, `lr[head]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in tables.
    pub title: String,
    /// What is scheduled.
    pub target: Target,
    /// Of which group.
    pub group: usize,
}

impl Column {
    /// The value for an update.
    pub fn value(&self, view: &ScheduleView, step: u64) -> Option<f64> {
        view.schedules.value(self.target, self.group, step)
    }

    /// The (update, value) points of the run that draw like all of them, and both sides of every
    /// boundary.
    pub fn sample(&self, view: &ScheduleView, columns: u64) -> Vec<(u64, f64)> {
        let phases = view.schedules.phases();
        let phases = phases.iter().filter(|phase| phase.target == self.target);
        let edges: Vec<u64> = phases.flat_map(|phase| [phase.start, phase.end]).collect();
        let value = |t| self.value(view, t).unwrap_or(f64::NAN);
        plot::sample(view.length.total_steps, columns, &edges, value)
    }
}

/// `lr`, then every further scheduled target, then each further group's.
pub fn columns(view: &ScheduleView) -> Vec<Column> {
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

/// A column with the points that draw like all its values.
pub struct Sampled {
    /// What it shows.
    pub column: Column,
    /// (update, value), in order.
    pub points: Vec<(u64, f64)>,
}

/// Every column of every variant, exact in so many columns of a picture.
pub fn sampled(variants: &[Variant], width: u64) -> Vec<Vec<Sampled>> {
    let of_variant = |variant: &Variant| {
        let sample = |column: Column| Sampled {
            points: column.sample(&variant.view, width),
            column,
        };
        columns(&variant.view).into_iter().map(sample).collect()
    };
    variants.iter().map(of_variant).collect()
}

/// How many panels show them: one for each target.
pub fn panels(variants: &[Variant]) -> usize {
    targets(variants).len()
}

/// All curves, a panel for each target; `samples` are those of the variants.
pub fn plot(variants: &[Variant], samples: &[Vec<Sampled>], name: fn(Target) -> String) -> Plot {
    let epochs = |v: &Variant| v.view.length.total_steps as f64 / per_epoch(&v.view);
    let end = variants.iter().map(epochs).fold(0.0, f64::max);
    let mut rates = variants.iter().map(|v| v.view.length.steps_per_epoch);
    let first = rates.next().unwrap_or(1);
    let second = rates
        .all(|rate| rate == first)
        .then(|| ("step".to_string(), first as f64));
    let panel = |target: &Target| Panel {
        label: name(*target),
        marks: marks(variants, *target, end),
        phases: phases(variants, *target, end),
        lines: lines(variants, samples, *target),
    };
    Plot {
        title: String::new(),
        x: Horizontal {
            unit: "epoch".into(),
            end,
            second,
        },
        panels: targets(variants).iter().map(panel).collect(),
    }
}

/// A target's name for the axis of a picture.
pub fn spelt(target: Target) -> String {
    match target {
        Target::Lr => "learning rate".into(),
        other => other.name().replace('_', " "),
    }
}

/// The targets that any of them schedules, in order.
fn targets(variants: &[Variant]) -> Vec<Target> {
    let is_scheduled = |target: &Target| {
        let mut views = variants.iter().map(|v| &v.view.schedules);
        views.any(|schedules| schedules.scheduled().contains(target))
    };
    Target::ALL.into_iter().filter(is_scheduled).collect()
}

/// A curve for each variant and group.
fn lines(variants: &[Variant], samples: &[Vec<Sampled>], target: Target) -> Vec<Line> {
    let of_variant = |(variant, samples): (&Variant, &Vec<Sampled>)| -> Vec<Line> {
        let own = || samples.iter().filter(|s| s.column.target == target);
        let several = own().count() > 1;
        let line = |sampled: &Sampled| {
            let group = &variant.view.schedules.groups()[sampled.column.group].name;
            let parts = [Some(&variant.label), several.then_some(group)];
            let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
            let per_epoch = per_epoch(&variant.view);
            let points = sampled.points.iter();
            Line {
                label: parts.cloned().collect::<Vec<_>>().join(", "),
                points: points
                    .map(|(t, value)| (*t as f64 / per_epoch, *value))
                    .collect(),
            }
        };
        own().map(line).collect()
    };
    variants.iter().zip(samples).flat_map(of_variant).collect()
}

/// Boundaries that are marked at most: more would hide the curves.
const MARKS: usize = 40;

/// Where phases of a target meet, in epochs.
fn marks(variants: &[Variant], target: Target, end: f64) -> Vec<f64> {
    let of_variant = |variant: &Variant| {
        let per_epoch = per_epoch(&variant.view);
        let mut phases = variant.view.schedules.phases();
        phases.retain(|phase| phase.target == target);
        let ends = phases
            .into_iter()
            .flat_map(|phase| [phase.start, phase.end]);
        ends.map(|t| t as f64 / per_epoch).collect::<Vec<_>>()
    };
    let mut marks: Vec<f64> = variants.iter().flat_map(of_variant).collect();
    marks.retain(|x| *x > 0.0 && *x < end);
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    marks.truncate(MARKS);
    marks
}

/// Rows of phase names at most.
const ROWS: usize = 4;

/// The chains of a target with the names of their phases, where all variants have the same ones.
fn phases(variants: &[Variant], target: Target, end: f64) -> Vec<Phases> {
    let mut rows = variants.iter().map(|v| chains(&v.view, target, end));
    let first = rows.next().unwrap_or_default();
    match rows.all(|row| row == first) {
        true => first,
        false => Vec::new(),
    }
}

fn chains(view: &ScheduleView, target: Target, end: f64) -> Vec<Phases> {
    let all = view.schedules.phases();
    let mut chains: Vec<Vec<&PhaseInfo>> = Vec::new();
    for phase in all.iter().filter(|phase| phase.target == target) {
        let same = |chain: &&mut Vec<&PhaseInfo>| {
            chain[0].track == phase.track && chain[0].groups == phase.groups
        };
        match chains.iter_mut().find(same) {
            Some(chain) => chain.push(phase),
            None => chains.push(vec![phase]),
        }
    }
    let several = chains.len() > 1;
    let groups = view.schedules.groups().len();
    let row = |chain: &Vec<&PhaseInfo>| {
        let span = |(i, phase): (usize, &&PhaseInfo)| {
            let epochs = |t: u64| t as f64 / per_epoch(view);
            let name = match (i, several) {
                (0, true) if phase.groups.len() < groups => {
                    format!("{}: {}", phase.groups.join(", "), phase.kind)
                }
                (0, true) => format!("{}: {}", phase.track, phase.kind),
                _ => phase.kind.clone(),
            };
            (epochs(phase.start), epochs(phase.end).min(end), name)
        };
        let spans = chain.iter().enumerate().map(span);
        let spans = spans.filter(|(start, ..)| *start < end).collect();
        Phases { spans }
    };
    chains.iter().take(ROWS).map(row).collect()
}

fn per_epoch(view: &ScheduleView) -> f64 {
    view.length.steps_per_epoch as f64
}
