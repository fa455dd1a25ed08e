//! What a scheduled value costs: `cargo bench --bench schedule -- [millions]`.
//!
//! Shown are nanoseconds per value, the best of five rounds, and the time that ten million values take. The training loop
//! asks for one value of each target and group at every update.
#![expect(clippy::print_stdout, reason = "a benchmark reports to the terminal")]

use std::{hint::black_box, time::Instant};

use trainer::{
    config::{ConfigError, Extensions, Overrides, ScheduleView, Spec},
    schedule::{Schedules, Target},
};

const STEPS: u64 = 1_000_000;

const CASES: [(&str, &str); 6] = [
    ("no schedule", ""),
    (
        "one phase: poly",
        "[[schedule]]\ntype = \"poly\"\npower = 0.9\n",
    ),
    (
        "three phases: warmup, constant, poly",
        "[[schedule]]\ntype = \"warmup\"\nfor = \"2%\"\n[[schedule]]\ntype = \"constant\"\n[[schedule]]\ntype = \"poly\"\npower = 0.9\nfor = \"40%\"\n",
    ),
    (
        "two tracks: cosine, steps",
        "[[schedule]]\ntype = \"cosine\"\n[[schedule]]\ntrack = \"b\"\ntype = \"step\"\nsize = \"30%\"\n",
    ),
    (
        "a thousand cycles of two phases",
        "[[schedule]]\ntype = \"repeat\"\ncycle = \"1000 steps\"\n[[schedule.phase]]\ntype = \"warmup\"\nfor = \"10%\"\n[[schedule.phase]]\ntype = \"cosine\"\n",
    ),
    (
        "a formula",
        "[[schedule]]\ntype = \"expr\"\nexpr = \"max(0.5 * (1 + cos(pi * p)), 0.01)\"\n",
    ),
];

fn main() -> Result<(), ConfigError> {
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let millions = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    for (name, schedules) in CASES {
        let text =
            format!("[optimizer]\ntype = \"sgd\"\nlr = 0.1\n{schedules}[train]\nsteps = {STEPS}\n");
        let spec = Spec::parse("bench.toml", &text, &Overrides::default());
        let view = ScheduleView::without_data(&spec, &Extensions::new(), 1000)?;
        let count = millions * 1_000_000;
        let rounds = (0..5).map(|_| nanoseconds(&view.schedules, count));
        let best = rounds.fold(f64::INFINITY, f64::min);
        let ten = best * 1e7 / 1e9;
        println!("{name:40} {best:7.1} ns a value, {ten:6.3} s for ten million");
    }
    Ok(())
}

/// Nanoseconds per value over so many updates, all over the run.
fn nanoseconds(schedules: &Schedules, count: u64) -> f64 {
    let begun = Instant::now();
    let mut sum = 0.0;
    for i in 0..count {
        // Neighbours come one after the other, as in training.
        let value = schedules.value(Target::Lr, 0, black_box(i % STEPS));
        sum += value.unwrap_or_default();
    }
    black_box(sum);
    begun.elapsed().as_secs_f64() * 1e9 / count as f64
}
