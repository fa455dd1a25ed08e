//! The process that a plan needs: threads, memory that stays, and a word where it is slow.

use std::sync::Once;

use crate::{config::Plan, kernel};

/// Sets up the caller's thread to compute what `plan` says. Returns what the user should know.
pub(super) fn set_up(plan: &Plan) -> Vec<String> {
    kernel::allocator::keep();
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = plan.train.threads;
    let threads = kernel::threads::set(wanted.unwrap_or_else(all));
    let other = wanted.filter(|wanted| *wanted != threads);
    let other = other.map(|wanted| {
        format!(
            "`train.threads` is {wanted}, but this thread computes on {threads} since its first run; results do not depend on it"
        )
    });
    other.into_iter().chain(not_optimised()).collect()
}

/// Returns the warning of a program without optimisation, once.
fn not_optimised() -> Option<String> {
    static TOLD: Once = Once::new();
    let mut warning = None;
    if env!("TRAINER_OPT_LEVEL") == "0" {
        TOLD.call_once(|| warning = Some(SLOW.into()));
    }
    warning
}

const SLOW: &str = "this program was built without optimisation, and trains some hundred times slower: build it with `--release`, or put `[profile.dev.package.\"*\"]` with `opt-level = 3` into its Cargo.toml";
