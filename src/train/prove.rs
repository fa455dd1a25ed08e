//! The proofs of a foreign model before its first update, on the first batch: gradients, copies
//! of weights, chance, and what moves without a gradient. Nothing of it leaves a trace: parameters and
//! buffers are put back.

use candle_core::{Result, Tensor};

use super::{
    batch::OnDevice,
    error::{TrainError, compute},
    session::Session,
};
use crate::{
    candle::{Failure, Proof, cause},
    kernel::{Param, Tape},
    layer::{Architecture, LayerInfo, Mode},
    model::Model,
    units::first_few,
};

/// The result of trying a model on a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// Shape of the output for one sample.
    pub output: Vec<usize>,
    /// What it did not pass, but for what is allowed.
    pub failures: Vec<Failure>,
}

impl Session {
    /// Runs the model on one sample of the first batch, and tries it on all of them as before a first
    /// update.
    ///
    /// # Errors
    /// Where the data cannot be read or a computation fails.
    pub fn probe(&mut self) -> std::result::Result<Probed, TrainError> {
        let mut batches = self.loader.epoch(0, 0);
        let Some(batch) = batches.next() else {
            return Err(TrainError::Recipe("an epoch has no batch".into()));
        };
        let batch = OnDevice::new(batch?, &self.recipe)?;
        let one = batch.inputs.first().map_err(compute("taking one sample"))?;
        let output = self.recipe.forward(&*self.state.model, &one, &Mode::Eval)?;
        Ok(Probed {
            output: output.dims()[1..].to_vec(),
            failures: self.not_passed(&batch)?,
        })
    }

    /// Refuses a foreign model that would not learn as it should, once a process.
    pub(super) fn prove(&mut self, batch: &OnDevice) -> std::result::Result<(), TrainError> {
        if self.proven || !self.recipe.model.is_foreign() {
            return Ok(());
        }
        self.proven = true;
        let failures = self.not_passed(batch)?;
        match failures.is_empty() {
            true => Ok(()),
            false => Err(TrainError::Unfit { failures }),
        }
    }

    /// Tries the model on a batch and puts everything back; what is allowed is left out.
    fn not_passed(&mut self, batch: &OnDevice) -> std::result::Result<Vec<Failure>, TrainError> {
        let all = self.state.params.iter().chain(&self.state.buffers);
        let all: Vec<Param> = all.cloned().collect();
        let kept = numbers(&all).map_err(compute("keeping the parameters"))?;
        let found = self.tried(batch, &all, &kept);
        self.state.grads.zero();
        put(&all, &kept).map_err(compute("putting the parameters back"))?;
        let mut failures = found?;
        failures.retain(|failure| !self.recipe.allow.contains(&failure.proof));
        Ok(failures)
    }

    fn tried(
        &mut self,
        batch: &OnDevice,
        all: &[Param],
        kept: &[Tensor],
    ) -> std::result::Result<Vec<Failure>, TrainError> {
        let builder = self.recipe.builder();
        self.recipe.model.build(&builder, &self.recipe.io)?;
        let plan = builder.finish();
        let back = || put(all, kept).map_err(compute("putting the parameters back"));

        let output = self.training_pass(batch, true)?;
        let missing = self.state.grads.missing();
        let moved = moved(all, kept).map_err(compute("comparing the parameters"))?;
        back()?;
        let again = self.training_pass(batch, false)?;
        back()?;
        let is_random = differ(&output, &again).map_err(compute("comparing two passes"))?;
        let found = [
            (!missing.is_empty()).then(|| no_gradient(&plan, &missing)),
            self.stale(batch, all, kept)?.then(stale_copy),
            is_random.then(random_forward),
            self.moving(&moved),
            self.still(&plan, &moved),
        ];
        Ok(found.into_iter().flatten().collect())
    }

    /// The output of one training pass at the step under way; with its gradients where they are wanted.
    fn training_pass(
        &mut self,
        batch: &OnDevice,
        gradients: bool,
    ) -> std::result::Result<Tensor, TrainError> {
        let mode = Mode::Train {
            seed: self.recipe.seed,
            step: self.progress.step as u32,
            micro: 0,
        };
        let tape = Tape::record();
        let output = self
            .recipe
            .forward(&*self.state.model, &batch.inputs, &mode)?;
        if gradients {
            let sum = self.recipe.loss.sum(&output, &batch.target);
            let sum = sum.map_err(compute("the loss"))?;
            let grads = &mut self.state.grads;
            grads.zero();
            grads
                .backward(tape, &sum, 1.0, &self.state.active)
                .map_err(compute("the backward pass"))?;
        }
        Ok(output.detach())
    }

    /// Whether an instance of the model goes on computing with old numbers after its parameters have
    /// moved: its output is not that of an instance built afterwards.
    fn stale(
        &self,
        batch: &OnDevice,
        all: &[Param],
        kept: &[Tensor],
    ) -> std::result::Result<bool, TrainError> {
        let run = |model: &dyn Model| self.recipe.forward(model, &batch.inputs, &Mode::Eval);
        let names: Vec<&str> = all.iter().map(Param::name).collect();
        let (early, own) = self.instance(&names, kept)?;
        run(&*early)?;
        let moved: Result<Vec<Tensor>> = kept.iter().map(|t| t.affine(1.01, 0.001)).collect();
        let moved = moved.map_err(compute("moving a copy of the parameters"))?;
        put(&own, &moved).map_err(compute("moving a copy of the parameters"))?;
        let (late, _) = self.instance(&names, &moved)?;
        differ(&run(&*early)?, &run(&*late)?).map_err(compute("comparing two passes"))
    }

    /// Another instance of the model, with parameters of its own that hold these numbers.
    fn instance(
        &self,
        names: &[&str],
        numbers: &[Tensor],
    ) -> std::result::Result<(Box<dyn Model>, Vec<Param>), TrainError> {
        let builder = self.recipe.builder();
        let model = self.recipe.model.build(&builder, &self.recipe.io)?;
        let plan = builder.finish();
        let mut params: Vec<Param> = plan.params.into_iter().chain(plan.buffers).collect();
        params.sort_by_key(|param| names.iter().position(|name| *name == param.name()));
        let filled = self
            .recipe
            .fill(&params)
            .and_then(|()| put(&params, numbers));
        filled.map_err(compute("filling a copy of the model"))?;
        Ok((model, params))
    }

    /// Parameters that a forward pass changed.
    fn moving(&self, moved: &[String]) -> Option<Failure> {
        let params = self.state.params.iter().map(Param::name);
        let names: Vec<&str> = params.filter(|p| moved.iter().any(|m| m == p)).collect();
        (!names.is_empty()).then(|| Failure {
            proof: Proof::MovingParameter,
            message: format!(
                "a forward pass changes {}, which the optimizer moves, too",
                first_few(&names)
            ),
            hint: "say that they are buffers, with `CandleModel::is_buffer`".into(),
        })
    }

    /// Batch norms whose statistics a training pass leaves as they are, although they are trained.
    fn still(&self, plan: &Architecture, moved: &[String]) -> Option<Failure> {
        let within = |layer: &LayerInfo, name: &str| {
            let rest = name.strip_prefix(&layer.name);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let is_trained = |layer: &&LayerInfo| {
            let mut own = self.state.params.iter().filter(|p| within(layer, p.name()));
            own.clone().next().is_none()
                || own.any(|p| self.state.active.iter().any(|a| a.name() == p.name()))
        };
        let norms = plan
            .layers
            .iter()
            .filter(|layer| layer.kind == "batch_norm");
        let still = norms
            .filter(is_trained)
            .filter(|layer| !moved.iter().any(|name| within(layer, name)));
        let names: Vec<&str> = still.map(|layer| layer.name.as_str()).collect();
        (!names.is_empty()).then(|| Failure {
            proof: Proof::StillStatistics,
            message: format!(
                "the running statistics of {} do not follow the batches: their batch norm is called with `train = false`",
                first_few(&names)
            ),
            hint: "hand `train` on with `forward_t(x, train)`".into(),
        })
    }
}

fn no_gradient(plan: &Architecture, missing: &[String]) -> Failure {
    let names: Vec<&str> = missing.iter().map(String::as_str).collect();
    let all = plan.params.len();
    Failure {
        proof: Proof::NoGradient,
        message: format!(
            "no gradient reaches {} ({} of {all} parameters)",
            first_few(&names),
            names.len()
        ),
        hint: cause(plan, missing),
    }
}

fn stale_copy() -> Failure {
    Failure {
        proof: Proof::StaleCopy,
        message: "training would change nothing that is computed: the model made copies of its parameters when it was built, or keeps something between passes".into(),
        hint: "compute with what the VarBuilder gave in each forward pass; fuse weights after training only, and empty caches at the start of a pass".into(),
    }
}

fn random_forward() -> Failure {
    Failure {
        proof: Proof::RandomForward,
        message: "two training passes over one batch at one step differ: no seed reaches what is drawn, as in `candle_nn::Dropout`".into(),
        hint: "`trainer::candle::Dropout` takes its place".into(),
    }
}

/// Copies of what the parameters hold.
fn numbers(params: &[Param]) -> Result<Vec<Tensor>> {
    let copy = |param: &Param| param.var().as_detached_tensor().copy();
    params.iter().map(copy).collect()
}

/// Puts numbers into the parameters that they were copied from.
fn put(params: &[Param], numbers: &[Tensor]) -> Result<()> {
    let mut pairs = params.iter().zip(numbers);
    pairs.try_for_each(|(param, numbers)| param.var().set(numbers))
}

/// Names of those that no longer hold the same numbers.
fn moved(params: &[Param], numbers: &[Tensor]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (param, before) in params.iter().zip(numbers) {
        if bits(param.tensor())? != bits(before)? {
            names.push(param.name().to_owned());
        }
    }
    Ok(names)
}

/// Whether two outputs of one computation differ: in any bit on the CPU, by more than a thousandth of
/// the largest number elsewhere.
fn differ(a: &Tensor, b: &Tensor) -> Result<bool> {
    if a.device().is_cpu() {
        return Ok(bits(a)? != bits(b)?);
    }
    let largest = |x: &Tensor| x.abs()?.max_all()?.to_scalar::<f32>();
    Ok(largest(&(a - b)?)? > 1e-3 * largest(a)?)
}

fn bits(x: &Tensor) -> Result<Vec<u32>> {
    let numbers = x.flatten_all()?.to_vec1::<f32>()?;
    Ok(numbers.into_iter().map(f32::to_bits).collect())
}
