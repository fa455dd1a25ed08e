//! What training changes: parameters, buffers, optimizer state, averages.

use candle_core::Result;

use super::array;
use super::averages::Averages;
use super::error::{RestoreError, TrainError, compute};
use super::progress::Progress;
use super::recipe::Recipe;
use super::snapshot::Snapshot;
use crate::array::NamedArray;
use crate::kernel::{Grads, Param, reduce};
use crate::model::Model;
use crate::optim::Optimizer;
use crate::units::counted;

/// A model with everything that moves when it learns. All lists are sorted by name.
pub(super) struct State {
    /// The model that learns.
    pub model: Box<dyn Model>,
    /// Its trainable parameters.
    pub params: Vec<Param>,
    /// Its running statistics.
    pub buffers: Vec<Param>,
    /// The parameters that are not frozen: what the optimizer sees.
    pub active: Vec<Param>,
    /// The group of each active parameter.
    pub groups: Vec<usize>,
    /// Gradients of the active parameters.
    pub grads: Grads,
    /// The update rule with its moments.
    pub optimizer: Box<dyn Optimizer>,
    /// Averages, where the recipe asks for them.
    pub averages: Option<Averages>,
}

impl State {
    /// Builds the model and fills it from the seed's streams.
    pub fn new(recipe: &Recipe) -> std::result::Result<Self, TrainError> {
        let builder = recipe.builder();
        let model = recipe.model.build(&builder, &recipe.io)?;
        let plan = builder.finish();
        let (params, buffers) = (plan.params, plan.buffers);
        let filled = recipe.fill(&params).and_then(|()| recipe.fill(&buffers));
        filled.map_err(compute("filling the parameters"))?;
        let (mut active, mut groups) = (Vec::new(), Vec::new());
        for param in &params {
            let group = group_of(recipe, param.name())?;
            if recipe.frozen.contains(param.name()) {
                param.freeze(recipe.freeze_statistics);
            } else {
                active.push(param.clone());
                groups.push(group);
            }
        }
        let optimizer = recipe.optimizer.build(&active);
        Ok(Self {
            grads: Grads::new(&active).map_err(compute("making gradient buffers"))?,
            optimizer: optimizer.map_err(compute("building the optimizer"))?,
            averages: match recipe.ema {
                Some(_) => Some(Averages::new(recipe)?),
                None => None,
            },
            model,
            params,
            buffers,
            active,
            groups,
        })
    }

    /// The model that evaluations use: the averages where there are some.
    pub fn evaluated(&self) -> &dyn Model {
        match &self.averages {
            Some(averages) => &*averages.model,
            None => &*self.model,
        }
    }

    /// Moves the averages, where there are some, towards the model.
    pub fn follow(&mut self, decay: f64) -> Result<()> {
        match &mut self.averages {
            Some(averages) => averages.follow(self.params.iter().chain(&self.buffers), decay),
            None => Ok(()),
        }
    }

    /// Returns whether every parameter that moves is finite. The loss need not tell: a ReLU such as
    /// Candle's turns NaN into 0.
    pub fn finite(&self) -> Result<bool> {
        for param in &self.active {
            if !reduce::sum_squares(param.tensor())?.is_finite() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies of the buffers, to be put back by [`State::put_buffers`].
    pub fn keep_buffers(&self) -> Result<Vec<NamedArray>> {
        self.buffers
            .iter()
            .map(|b| array::copy(b.name().to_owned(), b))
            .collect()
    }

    /// Puts the buffers back.
    pub fn put_buffers(&self, kept: &[NamedArray]) -> Result<()> {
        for (array, buffer) in kept.iter().zip(&self.buffers) {
            array::put(array, buffer)?;
        }
        Ok(())
    }

    /// Copies everything, with the counters that belong to it.
    pub fn snapshot(&self, progress: &Progress) -> Result<Snapshot> {
        let named = self.named();
        let model = named
            .iter()
            .map(|(name, param)| array::copy(name.clone(), param));
        Ok(Snapshot {
            model: model.collect::<Result<_>>()?,
            optimizer: self.optimizer.state()?,
            progress: progress.clone(),
        })
    }

    /// Takes all tensors of `snapshot`, whose names, shapes and types must be exactly its own.
    /// Where they are not, the parameters stay as they were.
    pub fn load(&mut self, snapshot: &Snapshot) -> std::result::Result<(), RestoreError> {
        let named = self.named();
        let pairs = array::matched(&snapshot.model, &named)?;
        self.optimizer.restore(&snapshot.optimizer)?;
        for (array, param) in pairs {
            array::put(array, param).map_err(RestoreError::Device)?;
        }
        Ok(())
    }

    /// Puts parameters, buffers and averages of another state of this model in the place of its own,
    /// which it returns.
    pub fn swap(&self, arrays: &[NamedArray]) -> std::result::Result<Vec<NamedArray>, TrainError> {
        let named = self.named();
        let own = named.iter().map(|(name, p)| array::copy(name.clone(), p));
        let own = own
            .collect::<Result<_>>()
            .map_err(compute("copying the state"))?;
        for (array, param) in array::matched(arrays, &named)? {
            array::put(array, param).map_err(compute("putting the best state in place"))?;
        }
        Ok(own)
    }

    /// Takes parameters and buffers, whose names, shapes and types must be its own; averages begin
    /// there too. What is not named stays as it is.
    pub fn load_weights(&mut self, arrays: &[NamedArray]) -> std::result::Result<(), RestoreError> {
        let given = |param: &&Param| arrays.iter().any(|array| array.name == param.name());
        let own = self.params.iter().chain(&self.buffers).filter(given);
        let named: Vec<_> = own.map(|p| (p.name().to_owned(), p.clone())).collect();
        let pairs = array::matched(arrays, &named)?;
        let averages = self.averages.iter().flat_map(|averages| &averages.params);
        for (array, param) in pairs {
            array::put(array, param).map_err(RestoreError::Device)?;
            for average in averages.clone().filter(|a| a.name() == param.name()) {
                array::put(array, average).map_err(RestoreError::Device)?;
            }
        }
        Ok(())
    }

    /// Parameters, buffers and averages under their names in a checkpoint, sorted.
    fn named(&self) -> Vec<(String, Param)> {
        let own = self.params.iter().chain(&self.buffers);
        let mut named = own
            .map(|p| (p.name().to_owned(), p.clone()))
            .collect::<Vec<_>>();
        if let Some(averages) = &self.averages {
            let averaged = averages.params.iter();
            named.extend(averaged.map(|p| (format!("ema/{}", p.name()), p.clone())));
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named
    }
}

/// The one group that holds a parameter.
fn group_of(recipe: &Recipe, param: &str) -> std::result::Result<usize, TrainError> {
    let groups = recipe.schedules.groups().iter().enumerate();
    let holding = groups.filter(|(_, group)| group.params.iter().any(|name| name == param));
    let found = holding.map(|(index, _)| index).collect::<Vec<_>>();
    match found[..] {
        [group] => Ok(group),
        _ => Err(TrainError::Recipe(format!(
            "parameter `{param}` is in {}; hint: every parameter belongs to exactly one",
            counted(found.len() as u64, "group")
        ))),
    }
}
