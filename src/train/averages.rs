//! Exponential moving averages of a model's parameters and buffers: a second model, built like the
//! first, whose numbers follow it slowly. Evaluations use it.
//!
//! After each update `average ← average + (1 − decay) · (value − average)` (Polyak and Juditsky,
//! *Acceleration of stochastic approximation by averaging*, 1992, with exponential weights). In
//! this form a value that never moves is its own average, bit for bit.

use candle_core::Result;

use super::error::{TrainError, compute};
use super::recipe::Recipe;
use crate::kernel::{Param, inplace};
use crate::model::Model;

/// A model made of averages.
pub(super) struct Averages {
    /// The model; only ever run in evaluation mode.
    pub model: Box<dyn Model>,
    /// Its parameters, then its buffers, in the order of the followed model's.
    pub params: Vec<Param>,
}

impl Averages {
    /// Averages that begin at the model's first values.
    pub fn new(recipe: &Recipe) -> std::result::Result<Self, TrainError> {
        let builder = recipe.builder();
        let model = recipe.model.build(&builder, &recipe.io)?;
        let plan = builder.finish();
        let params = plan.params.into_iter().chain(plan.buffers);
        let params = params.collect::<Vec<_>>();
        let filled = recipe.fill(&params);
        filled.map_err(compute("filling the averages"))?;
        Ok(Self { model, params })
    }

    /// Moves every average towards its value by the share 1 − `decay`.
    pub fn follow<'a>(
        &mut self,
        values: impl Iterator<Item = &'a Param>,
        decay: f64,
    ) -> Result<()> {
        let share = (1.0 - decay) as f32;
        for (average, value) in self.params.iter().zip(values) {
            let (average, value) = (average.var(), value.tensor());
            if average.device().is_cpu() {
                inplace::update1(average, value, |average, value| {
                    for (a, v) in average.iter_mut().zip(value) {
                        *a += share * (v - *a);
                    }
                })?;
            } else {
                let step = ((value.detach() - average.as_detached_tensor())? * (1.0 - decay))?;
                average.set(&(average.as_detached_tensor() + step)?)?;
            }
        }
        Ok(())
    }
}
