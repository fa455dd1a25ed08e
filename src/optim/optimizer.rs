//! What every optimizer can do.

use candle_core::Result;

use crate::{
    array::{Misfit, NamedArray},
    error::KeyFault,
    kernel::{Grads, Param},
};

/// An optimizer's own keys, `[optimizer]` without the keys common to all.
pub trait OptimizerSpec: std::fmt::Debug + Send + Sync {
    /// Faults in the keys that their schema cannot express.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Momentum, or beta1, before schedules; `None` where the optimizer has neither.
    fn momentum(&self) -> Option<f64> {
        None
    }

    /// Beta2 before schedules; `None` where the optimizer has none.
    fn beta2(&self) -> Option<f64> {
        None
    }

    /// How many numbers it keeps for each number of a parameter; for estimates of memory.
    fn state_arrays(&self) -> usize {
        0
    }

    /// The optimizer for these parameters, with fresh state.
    ///
    /// # Errors
    /// Where the device fails.
    fn build(&self, params: &[Param]) -> Result<Box<dyn Optimizer>>;
}

/// An optimizer at work.
pub trait Optimizer: Send {
    /// Moves the parameters once. `params` are those it was built for, in the same order; `grads`,
    /// `hyper` and `frozen` follow that order. A frozen parameter keeps its bits, and its state.
    ///
    /// # Errors
    /// Where lengths or shapes do not fit, or the device fails.
    fn step(
        &mut self,
        params: &[Param],
        grads: &Grads,
        hyper: &[Hyper],
        frozen: &[bool],
    ) -> Result<()>;

    /// A copy of everything the next step depends on besides its arguments, sorted by name. Unless
    /// the optimizer says otherwise, there is nothing.
    ///
    /// # Errors
    /// Where the device fails.
    fn state(&self) -> Result<Vec<NamedArray>> {
        Ok(Vec::new())
    }

    /// Puts a state back; the next step is then the one that followed [`Optimizer::state`]. Nothing
    /// changes where it fails.
    ///
    /// # Errors
    /// Where names, shapes or types are not exactly those of this optimizer over its parameters.
    fn restore(&mut self, state: &[NamedArray]) -> std::result::Result<(), OptimError> {
        match state {
            [] => Ok(()),
            more => Err(OptimError::Unknown(
                more.iter().map(|array| array.name.clone()).collect(),
            )),
        }
    }
}

/// What one parameter's step depends on besides its gradient: values of the step's schedules and of
/// the parameter's group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyper {
    /// Learning rate.
    pub lr: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Momentum, or beta1; ignored where the optimizer has neither.
    pub momentum: f64,
    /// Beta2; ignored where the optimizer has none.
    pub beta2: f64,
}

/// Why a saved state is not this optimizer's.
#[derive(Debug, thiserror::Error)]
pub enum OptimError {
    /// Arrays that the optimizer needs are not there.
    #[error(
        "optimizer state lacks {}; hint: it was saved by another optimizer or for another model",
        listed(.0)
    )]
    Missing(Vec<String>),
    /// Arrays that the optimizer does not know.
    #[error(
        "optimizer state has unknown {}; hint: it was saved by another optimizer or for another model",
        listed(.0)
    )]
    Unknown(Vec<String>),
    /// One name twice.
    #[error("optimizer state has `{0}` twice")]
    Duplicate(String),
    /// An array of another type, shape or length.
    #[error("optimizer state `{name}` {why}")]
    Misfit {
        /// The array.
        name: String,
        /// The difference.
        why: Misfit,
    },
    /// A step count below 0.
    #[error("optimizer state `step` counts {count} for the updates of `{param}`")]
    Count {
        /// The parameter.
        param: String,
        /// Its count.
        count: i64,
    },
    /// The device failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// The first three of some names, in backticks.
fn listed(names: &[String]) -> String {
    let first: Vec<_> = names.iter().take(3).map(|n| format!("`{n}`")).collect();
    match names.len().saturating_sub(3) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_differences_are_counted_and_the_first_named() {
        let names = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
        assert_eq!(
            OptimError::Missing(names).to_string(),
            "optimizer state lacks `a`, `b`, `c` and 2 more; \
             hint: it was saved by another optimizer or for another model"
        );
    }
}
