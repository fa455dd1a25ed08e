//! A run that does not fit in memory is refused before anything is made of it.

use super::LaunchError;
use crate::{
    config::{Cost, Plan},
    field::Field,
    memory::{self, Free},
};

/// Checks that a run of this plan fits in the memory that is free, by its estimate. Where the system
/// does not say what is free, and where the model lies on an accelerator, everything fits.
///
/// # Errors
/// The estimate is larger than what is free.
pub fn check_memory(plan: &Plan) -> Result<(), LaunchError> {
    let has_accelerator = cfg!(any(feature = "cuda", feature = "metal"));
    let is_on_cpu = plan.top.device == "cpu" || plan.top.device == "auto" && !has_accelerator;
    match memory::free().filter(|_| is_on_cpu) {
        Some(free) => fits(plan, free),
        None => Ok(()),
    }
}

fn fits(plan: &Plan, free: Free) -> Result<(), LaunchError> {
    let activations = plan.cost.activations.max(evaluation(plan));
    let cost = Cost {
        activations,
        ..plan.cost
    };
    let batches = batches(plan);
    let needed = cost.memory().saturating_add(batches);
    if needed <= free.bytes {
        return Ok(());
    }
    Err(LaunchError::NoMemory {
        needed: amount(needed),
        free: format!("{} {}", amount(free.bytes), free.limit),
        remedy: remedy(plan, activations, batches),
    })
}

/// Bytes of the batches that are made ahead of their use.
fn batches(plan: &Plan) -> u64 {
    let keys = &plan.dataset_keys;
    let size = |field: &Field| {
        let extents = field.shape.iter().map(|&extent| extent as u64);
        extents.fold(4, u64::saturating_mul)
    };
    let sample = plan.io.fields.iter().map(size);
    let sample = sample.fold(0, u64::saturating_add);
    let ahead = (keys.prefetch as u64).saturating_add(1);
    sample
        .saturating_mul(keys.batch_size as u64)
        .saturating_mul(ahead)
}

/// Bytes of the widest layer for a batch of an evaluation, with its input.
fn evaluation(plan: &Plan) -> u64 {
    let facts = &plan.facts;
    let most = facts.train.max(facts.val).max(facts.test);
    let keys = &plan.dataset_keys;
    let batch = keys.eval_batch_size.unwrap_or(keys.batch_size).min(most);
    let layers = plan.architecture.layers.iter();
    let widest = layers.map(|layer| layer.activations as u64).max();
    (batch as u64)
        .saturating_mul(widest.unwrap_or(0))
        .saturating_mul(2 * plan.train.precision.bytes())
}

/// The keys that the largest part depends on.
fn remedy(plan: &Plan, activations: u64, batches: u64) -> String {
    let keys = &plan.dataset_keys;
    let state = plan.cost.memory() - plan.cost.activations;
    match () {
        () if state >= activations && state >= batches => {
            "make the model smaller, or take an optimizer that keeps less".into()
        }
        () if batches > activations => format!(
            "lower `batch_size` ({}) or `prefetch` ({}) in [dataset]",
            keys.batch_size, keys.prefetch
        ),
        () if activations > plan.cost.activations => format!(
            "lower `eval_batch_size` ({}) in [dataset]",
            keys.eval_batch_size.unwrap_or(keys.batch_size)
        ),
        () => format!(
            "lower `batch_size` ({}) in [dataset], with `grad_accumulation` in [train] for the same updates, or make the model smaller",
            keys.batch_size
        ),
    }
}

/// Bytes for people: `72.1 GB`.
fn amount(bytes: u64) -> String {
    let (bytes, mega) = (bytes as f64, 1e6);
    match () {
        () if bytes >= 1e6 * mega => format!("{:.1} TB", bytes / 1e12),
        () if bytes >= 1e3 * mega => format!("{:.1} GB", bytes / 1e9),
        () => format!("{:.1} MB", bytes / mega),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Extensions, Overrides, Spec};

    fn told(keys: &str, free: u64) -> String {
        let text = format!(
            "[model]\ntype = \"mlp\"\n{keys}\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 1"
        );
        let spec = Spec::parse("a.toml", &text, &Overrides::default());
        let plan = Plan::resolve(&spec, &Extensions::default()).unwrap();
        let free = Free {
            bytes: free,
            limit: "of the machine",
        };
        fits(&plan, free).map_or_else(|error| error.to_string(), |()| "it fits".into())
    }

    #[test]
    fn what_does_not_fit_says_what_to_change() {
        let digits = "[dataset]\ntype = \"digits\"\nbatch_size = 32";
        let small = format!("hidden = [8]\n{digits}");
        assert_eq!(told(&small, 1 << 30), "it fits");
        let wide = format!("hidden = [100000, 100000]\n{digits}");
        assert_eq!(
            told(&wide, 1 << 30),
            "the run needs about 80.1 GB of memory, and 1.1 GB of the machine are free; hint: make the model smaller, or take an optimizer that keeps less; `--ignore-memory` runs it all the same"
        );
        let batch = "hidden = [100000]\n[dataset]\ntype = \"digits\"\nbatch_size = 1000";
        assert!(told(batch, 1 << 28).contains("lower `batch_size` (1000) in [dataset], with"));
        let eval = "hidden = [100000]\n[dataset]\ntype = \"digits\"\nbatch_size = 8\neval_batch_size = 1000";
        assert!(told(eval, 1 << 28).contains("lower `eval_batch_size` (1000)"));
        let ahead = "hidden = [8]\n[dataset]\ntype = \"digits\"\nbatch_size = 1000\nprefetch = 64";
        assert!(told(ahead, 1 << 20).contains("`prefetch` (64)"));
    }

    #[test]
    fn amounts_have_a_unit() {
        assert_eq!(amount(72_100_000_000), "72.1 GB");
        assert_eq!(amount(u64::MAX), "18446744.1 TB");
    }
}
