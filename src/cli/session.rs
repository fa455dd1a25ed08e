//! The parts that the verbs that train share: the screen and the closing lines.

use std::fmt::Write as _;

use super::{Global, Screen, with_name};
use crate::{
    event::Status,
    launch,
    report::{duration, sanitize, shares, short, tested_state},
    run::Summary,
};

/// What a person watches; silent where `RUST_LOG` puts its own lines on standard error.
pub fn screen(global: &Global) -> Screen<'static> {
    let quiet = Global {
        quiet: true,
        ..global.clone()
    };
    Screen::stderr(if launch::asked() { &quiet } else { global })
}

/// Names the state that a value of the test split is of, where it is not the last: ` (best, step 400)`.
fn measured_on(summary: &Summary, name: &str) -> String {
    match &summary.test {
        Some(tested) if name.starts_with("test/") => tested_state(tested),
        _ => String::new(),
    }
}

/// What was reached, where the run lies, what to type next.
pub fn conclusion(summary: &Summary) -> String {
    let mut text = format!(
        "\n{}: {} at step {} (epoch {}) in {}, {} samples/s\n",
        summary.run,
        summary.status.name(),
        summary.step,
        short(summary.epoch),
        duration(summary.wall_s),
        short(summary.samples_per_s)
    );
    if let Some(why) = summary.status.why() {
        let _ = writeln!(text, "  why    {why}");
    }
    let spent = shares(&summary.ledger);
    if !spent.is_empty() {
        let _ = writeln!(text, "  spent  {spent}");
    }
    let last: Vec<String> = summary
        .metrics
        .iter()
        .map(|(name, value)| format!("{name} {}{}", short(*value), measured_on(summary, name)))
        .collect();
    if !last.is_empty() {
        let _ = writeln!(text, "  last   {}", last.join("  "));
    }
    if let Some(best) = &summary.best {
        let _ = writeln!(
            text,
            "  best   {} {} at step {}",
            best.metric,
            short(best.value),
            best.step
        );
    }
    let _ = writeln!(text, "  state  {}", summary.state_hash);
    let _ = writeln!(text, "  where  {}", summary.path);
    let next = match &summary.status {
        status if status.is_complete() => "trainer show last, trainer reproduce last",
        // The same samples would meet the same numbers.
        Status::Diverged { .. } => "trainer show last",
        _ => "trainer show last, trainer resume last",
    };
    let _ = writeln!(text, "next: {}", with_name(next));
    text.lines()
        .map(|line| sanitize(line).into_owned() + "\n")
        .collect()
}
