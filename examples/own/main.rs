//! A program of one's own: the whole tool, and beside the built-in components one of each kind.

mod components;

/// Hands out what a step gave back without asking the system; steps are a third faster with it.
#[global_allocator]
static ALLOCATOR: trainer::Allocator = trainer::Allocator;

fn main() -> std::process::ExitCode {
    trainer::cli::main_with(components::extensions().program(trainer::program!()))
}

#[cfg(test)]
mod tests {
    use trainer::prelude::*;

    #[test]
    fn the_config_trains_a_model_that_tells_the_rings_apart() {
        let plan = Plan::parse(
            include_str!("../own.toml"),
            &super::components::extensions(),
        );
        let mut run = Run::new(&plan.unwrap()).unwrap();
        let ending = run.train(&mut Vec::new(), &StopFlag::new()).unwrap();
        assert!(ending.metrics["val/accuracy"] > 0.9, "{:?}", ending.metrics);
    }
}
