//! Schedules in words: what every value starts with, ends with and does in between, a sentence for
//! each stretch in which the same phases run. The shapes are read off the values that the run will
//! use, so that every type, product of tracks and group is told alike.

use std::fmt::Write as _;

use super::{
    Family, Variant,
    curves::{Column, columns},
};
use crate::{
    cli::Global,
    config::{Extensions, ScheduleView, schema_of},
    report::{plot, sanitize, short},
    schedule::{Keys, PhaseInfo},
};

/// Everything about a family, in lines of at most `width` characters where words allow it.
pub fn all(family: &Family, global: &Global, width: usize) -> String {
    let mut text = String::new();
    for (i, variant) in family.variants.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        if family.variants.len() > 1 {
            let _ = writeln!(text, "{}", sanitize(&variant.label));
        }
        for line in sentences(variant, &global.extensions) {
            text.push_str(&wrapped(&sanitize(&line), width));
        }
    }
    text
}

/// A column of a view on its way into words.
struct Told<'a> {
    view: &'a ScheduleView,
    column: &'a Column,
    extensions: &'a Extensions,
    /// The phases that move it.
    phases: Vec<PhaseInfo>,
}

fn sentences(variant: &Variant, extensions: &Extensions) -> Vec<String> {
    let view = &variant.view;
    let all = columns(view);
    let of_column = |column: &Column| {
        let group = &view.schedules.groups()[column.group].name;
        let mut phases = view.schedules.phases();
        phases.retain(|p| p.target == column.target && p.groups.contains(group));
        let several = all.iter().filter(|c| c.target == column.target).count() > 1;
        let name = match several {
            true => format!("{} of group `{group}`", column.target),
            false => column.target.to_string(),
        };
        let told = Told {
            view,
            column,
            extensions,
            phases,
        };
        told.sentences(&name)
    };
    all.iter().flat_map(of_column).collect()
}

impl Told<'_> {
    fn sentences(&self, name: &str) -> Vec<String> {
        let stretches = self.stretches();
        let tell = |(i, (start, end)): (usize, &(u64, u64))| {
            let subject = if i == 0 { name } else { "  then it" };
            format!("{subject} {}", self.stretch(*start, *end))
        };
        stretches.iter().enumerate().map(tell).collect()
    }

    /// The run, cut wherever a phase begins or ends.
    fn stretches(&self) -> Vec<(u64, u64)> {
        let total = self.view.length.total_steps;
        let ends = self
            .phases
            .iter()
            .flat_map(|phase| [phase.start, phase.end]);
        let mut cuts: Vec<u64> = ends.chain([0, total]).filter(|t| *t <= total).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|w| (w[0], w[1])).collect()
    }

    /// `falls from 0.005 to 3e-6 by poly (power 0.9) over epochs 5–100 (updates 200–4000).`
    fn stretch(&self, start: u64, end: u64) -> String {
        let mut text = self.shape(start, end);
        let running = self
            .phases
            .iter()
            .filter(|p| p.start <= start && end <= p.end);
        // Beyond the run's end a phase may go on; it runs all the same.
        let cut = self
            .phases
            .iter()
            .filter(|p| p.start <= start && end < p.end);
        let kinds: Vec<String> = running
            .map(|phase| self.kind(phase))
            // The words before say as much already.
            .filter(|kind| kind != "constant" && kind != "linear")
            .collect();
        if !kinds.is_empty() {
            let _ = write!(text, " by {}", kinds.join(" × "));
        }
        let epoch = |t: u64| short(t as f64 / self.view.length.steps_per_epoch as f64);
        let _ = write!(
            text,
            " over epochs {}–{} (updates {start}–{end})",
            epoch(start),
            epoch(end)
        );
        let total = self.view.length.total_steps;
        let (last, beyond) = (self.value(end - 1), self.value(end));
        match cut.map(|phase| phase.end).max() {
            Some(later) if end == total => {
                let _ = write!(
                    text,
                    "; the run ends there, the curve at epoch {}",
                    epoch(later)
                );
            }
            _ if end == total && last != beyond => {
                let _ = write!(
                    text,
                    "; its end point, after the last update, is {}",
                    short(beyond)
                );
            }
            _ => {}
        }
        text + "."
    }

    fn value(&self, t: u64) -> f64 {
        self.column.value(self.view, t).unwrap_or(f64::NAN)
    }

    /// What the values of a stretch do: `rises linearly from 0.001 to 0.1`.
    fn shape(&self, start: u64, end: u64) -> String {
        let points = plot::sample(end - start, 500, &[], |u| self.value(start + u));
        let values = || points.iter().map(|(_, value)| *value);
        let (low, high) = (
            values().fold(f64::MAX, f64::min),
            values().fold(f64::MIN, f64::max),
        );
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return String::new();
        };
        let ends = format!("from {} to {}", short(first.1), short(last.1));
        let pairs = || values().zip(values().skip(1));
        let verb = if low == high {
            return format!("stays at {}", short(low));
        } else if pairs().all(|(a, b)| a <= b) {
            "rises"
        } else if pairs().all(|(a, b)| a >= b) {
            "falls"
        } else {
            let (low, high) = (short(low), short(high));
            return format!("moves between {low} and {high}, {ends},");
        };
        let (length, rise) = ((last.0 - first.0) as f64, last.1 - first.1);
        let off = |(u, value): &(u64, f64)| (first.1 + rise * (*u as f64 / length) - value).abs();
        let edges = pairs().filter(|(a, b)| a != b).count();
        let manner = if points.iter().all(|p| off(p) <= 1e-9 * high) && points.len() > 2 {
            " linearly"
        } else if edges < 10 && edges * 4 < points.len() {
            " in steps"
        } else {
            ""
        };
        format!("{verb}{manner} {ends}")
    }

    /// A phase's type with the keys that are not as they are by default: `poly (power 0.9)`.
    fn kind(&self, phase: &PhaseInfo) -> String {
        let Some(table) = self.view.entries.get(phase.entry) else {
            return phase.kind.clone();
        };
        let schema = self
            .extensions
            .schedules
            .get(&phase.kind)
            .map(|kind| kind.schema());
        let own = |key: &str| schema.as_ref().and_then(|s| s["properties"].get(key));
        let common = schema_of::<Keys>();
        let mut notes = Vec::new();
        for (key, value) in table {
            let bending = [
                "over",
                "past",
                "include",
                "every",
                "floor",
                "floor_value",
                "ceil",
                "ceil_value",
            ];
            let known = own(key).or_else(|| {
                let is_shape = bending.contains(&key.as_str());
                is_shape.then(|| common["properties"].get(key)).flatten()
            });
            let Some(known) = known else { continue };
            let is_default = serde_json::to_value(value).ok().as_ref() == known.get("default");
            if !is_default {
                notes.push(format!("{key} {}", plain(value)));
            }
        }
        for factor in table
            .get("times")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let kind = factor.get("type").and_then(toml::Value::as_str);
            notes.extend(kind.map(|kind| format!("times {kind}")));
        }
        match notes.is_empty() {
            true => phase.kind.clone(),
            false => format!("{} ({})", phase.kind, notes.join(", ")),
        }
    }
}

/// A value as it is said: texts without quotes.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" and "),
        other => other.to_string(),
    }
}

/// Broken at spaces, further lines indented.
fn wrapped(line: &str, width: usize) -> String {
    let mut text = String::new();
    let lead = line.len() - line.trim_start().len();
    let mut used = lead;
    text.push_str(&line[..lead]);
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if used > lead && used + 1 + length > width.max(24) {
            text.push_str("\n    ");
            used = 4;
        } else if used > lead {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("  then it falls", 80), "  then it falls\n");
        assert_eq!(
            wrapped("lr rises linearly from 0.001 to 0.1", 24),
            "lr rises linearly from\n    0.001 to 0.1\n"
        );
    }
}
