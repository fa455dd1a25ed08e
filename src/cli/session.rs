//! What the verbs that train have in common: the screen, the last words.

use std::fmt::Write as _;

use super::{Global, Screen};
use crate::{
    launch,
    report::{duration, sanitize, shares, short},
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

/// What was reached, where the run lies, what to type next.
pub fn conclusion(summary: &Summary) -> String {
    let mut text = format!(
        "\n{}: {} at step {} (epoch {}) in {}, {} samples/s\n",
        summary.run,
        summary.status,
        summary.step,
        short(summary.epoch),
        duration(summary.wall_s),
        short(summary.samples_per_s)
    );
    if let Some(why) = &summary.why {
        let _ = writeln!(text, "  why    {why}");
    }
    let spent = shares(&summary.ledger);
    if !spent.is_empty() {
        let _ = writeln!(text, "  spent  {spent}");
    }
    let last: Vec<String> = summary
        .metrics
        .iter()
        .map(|(name, value)| format!("{name} {}", short(*value)))
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
    let next = match summary.status.as_str() {
        "completed" => "trainer show last, trainer reproduce last",
        // The same samples would meet the same numbers.
        "diverged" => "trainer show last",
        _ => "trainer show last, trainer resume last",
    };
    let _ = writeln!(text, "next: {next}");
    text.lines()
        .map(|line| sanitize(line).into_owned() + "\n")
        .collect()
}
