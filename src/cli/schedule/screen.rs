//! Schedules for people: phases, figures, the curve, in as many columns as there are.

use std::fmt::Write as _;

use super::{
    Family, Variant,
    curves::{Column, Sampled, columns, plot, sampled},
    rows::row,
};
use crate::{
    cli::plan_text,
    report::{Align, Ink, Palette, Table, sanitize, short},
    units::counted,
};

/// Wider curves are no clearer.
const WIDEST: usize = 160;

/// Everything about a family; the values at `at`, where it names updates, instead of the curves.
pub fn text(family: &Family, at: &[u64], width: usize, palette: Palette) -> String {
    let mut text = String::new();
    for (i, variant) in family.variants.iter().enumerate() {
        let is_new = i == 0 || family.variants[i - 1].config != variant.config;
        if is_new {
            text.push_str(&heading(variant, palette));
        }
        if family.keys.is_empty() {
            let phases = variant.view.schedules.phases();
            let per_epoch = variant.view.length.steps_per_epoch;
            let table = plan_text::phases_of(&phases, per_epoch);
            match table.is_empty() {
                true => text.push_str("no schedule: every value stays as it is\n"),
                false => text.push_str(&table.fitted(Some(width), palette)),
            }
            text.push('\n');
        }
        if !at.is_empty() {
            if !variant.values.is_empty() {
                let _ = writeln!(text, "{}", sanitize(&variant.label));
            }
            text.push_str(&values(variant, at, palette));
            text.push('\n');
        }
    }
    if at.is_empty() {
        // Two dots a character, and no fewer columns than the widest drawing has.
        let samples = sampled(&family.variants, 2 * WIDEST as u64);
        text.push_str(&figures(family, &samples).fitted(Some(width), palette));
        text.push('\n');
        let curves = plot(&family.variants, &samples, |target| target.to_string());
        text.push_str(&curves.text(width.min(WIDEST), palette));
    }
    text
}

/// The file and its length.
fn heading(variant: &Variant, palette: Palette) -> String {
    let length = &variant.view.length;
    format!(
        "{}  {} = {} of {}\n\n",
        palette.paint(Ink::Bold, &sanitize(&variant.config)),
        counted(length.total_steps, "step"),
        plan_text::epochs(length.total_steps, length.steps_per_epoch),
        counted(length.steps_per_epoch, "step")
    )
}

/// First, last, highest and lowest value of every curve.
fn figures(family: &Family, samples: &[Vec<Sampled>]) -> Table {
    let named = family.variants.len() > 1;
    let label = named.then_some(("curve", Align::Left));
    let titles = [
        ("value", Align::Left),
        ("first", Align::Right),
        ("last", Align::Right),
        ("highest", Align::Right),
        ("at step", Align::Right),
        ("lowest", Align::Right),
        ("at step", Align::Right),
    ];
    let mut table = Table::new(label.into_iter().chain(titles));
    for (variant, samples) in family.variants.iter().zip(samples) {
        for sampled in samples {
            let label = named.then(|| variant.label.clone());
            table.row(label.into_iter().chain(extremes(sampled)));
        }
    }
    table
}

fn extremes(Sampled { column, points }: &Sampled) -> Vec<String> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return vec![column.title.clone()];
    };
    // The first of equals: where the value is reached.
    let pick = |better: fn(f64, f64) -> bool| {
        let choose = |best: (u64, f64), p: &(u64, f64)| if better(p.1, best.1) { *p } else { best };
        points.iter().fold(*first, choose)
    };
    let (high, low) = (pick(|a, b| a > b), pick(|a, b| a < b));
    vec![
        column.title.clone(),
        short(first.1),
        short(last.1),
        short(high.1),
        high.0.to_string(),
        short(low.1),
        low.0.to_string(),
    ]
}

/// The values at some updates.
fn values(variant: &Variant, at: &[u64], palette: Palette) -> String {
    let columns = columns(&variant.view);
    let titles = ["step", "epoch"].into_iter();
    let titles = titles.chain(columns.iter().map(|c| c.title.as_str()));
    let mut table = Table::new(titles.map(|title| (title, Align::Right)));
    let columns: Vec<Option<&Column>> = columns.iter().map(Some).collect();
    for step in at {
        table.row(row(variant, &columns, *step));
    }
    table.render(palette)
}
