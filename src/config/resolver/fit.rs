//! What must hold between tables: data and transforms, data and loss, data and model, batches and
//! length, globs and parameters.

use std::{collections::BTreeMap, path::Path};

use super::{
    super::{
        init::{self, Fit, WeightFile},
        length::Length,
        node::{Node, Value},
        paths::{PathKey, similar},
        registry::Component,
        start,
        train::{Precision, TrainKeys},
    },
    DataParts, ModelParts, Resolver,
};
use crate::{
    data::{Data, Facts},
    error::KeyFault,
    kernel::Init,
    layer::{Architecture, Builder, LayerError},
    model::{Io, Takes},
    objective::{self, LossSpec, TrainTargets},
    optim,
    suggest::did_you_mean,
    task::Target,
    units::counted,
};

impl Resolver<'_> {
    /// What the data is; looks at its files.
    pub(super) fn facts(&mut self, dataset: Option<&DataParts>, seed: u64) -> Option<Facts> {
        let (dataset, keys, _) = dataset?;
        match dataset.spec.describe(keys, seed) {
            Ok(facts) if facts.fields.is_empty() => {
                let message = format!("`{}` declares no field of its samples", dataset.kind);
                let fault = KeyFault::error("type", message);
                self.tables.key_fault("dataset", fault);
                None
            }
            Ok(mut facts) => {
                facts.notes.extend(needless_limit(keys.limit, facts.train));
                self.say_of_data(facts.warnings.clone(), &dataset.keys);
                Some(facts)
            }
            Err(error) => {
                self.say_of_data(error.faults(), &dataset.keys);
                None
            }
        }
    }

    /// Notes what is wrong with the data, or odd.
    fn say_of_data(&mut self, mut faults: Vec<KeyFault>, keys: &toml::Table) {
        for fault in &mut faults {
            fault.message = with_short_paths(&fault.message, keys);
            self.tell_places(&format!("dataset.{}", fault.key), fault);
        }
        self.tables.key_faults("dataset", faults);
    }

    /// The dataset with targets in their own unit, where the loss takes only some values.
    pub(super) fn for_loss(
        dataset: Option<DataParts>,
        loss: Option<&Option<Component<dyn LossSpec>>>,
    ) -> Option<DataParts> {
        let (mut dataset, keys, transforms) = dataset?;
        let ranged = loss.and_then(Option::as_ref);
        if ranged.is_some_and(|loss| loss.spec.target_range().is_some())
            && let Some(unscaled) = dataset.spec.unscaled()
        {
            dataset.spec = unscaled;
        }
        Some((dataset, keys, transforms))
    }

    /// The dataset with categories in a field of their own, where the model embeds them.
    pub(super) fn for_model(
        dataset: Option<DataParts>,
        model: Option<&ModelParts>,
    ) -> Option<DataParts> {
        let (mut dataset, keys, transforms) = dataset?;
        let embeds = |(model, _): &ModelParts| model.spec.takes().contains(&Takes::Categories);
        if model.is_some_and(embeds)
            && let Some(formed) = dataset.spec.with_categories()
        {
            dataset.spec = formed;
        }
        Some((dataset, keys, transforms))
    }

    /// The loss as the targets make it. Where it takes only some values, every target of a
    /// regression is looked at; where it balances classes, it gets the weights of the training split.
    pub(super) fn loss_of_targets(
        &mut self,
        loss: Option<Component<dyn LossSpec>>,
        (facts, dataset): (Option<&Facts>, Option<&DataParts>),
        seed: u64,
    ) -> Option<Component<dyn LossSpec>> {
        let (mut loss, facts, (dataset, keys, _)) = (loss?, facts?, dataset?);
        let range = loss.spec.target_range();
        let range = range.filter(|_| facts.task.is_regression());
        if range.is_none() && !loss.spec.is_balanced() {
            return Some(loss);
        }
        let data = dataset.spec.load(keys, seed);
        let data = data.and_then(|data| data.audit(range).map(|()| data));
        let data = match data {
            Ok(data) => data,
            Err(error) => {
                self.say_of_data(error.faults(), &dataset.keys);
                return None;
            }
        };
        let short = |place: String| with_short_paths(&place, &dataset.keys);
        self.soft = soft_target(&data).map(|(place, value)| (short(place), value));
        match loss.spec.balanced(&train_targets(&data)) {
            Ok(balanced) => loss.spec = balanced.unwrap_or(loss.spec),
            Err(fault) => {
                self.tables.key_fault("loss", fault);
                return None;
            }
        }
        Some(loss)
    }

    /// Says of a file that is at none of its places which these are, and how to name another one.
    fn tell_places(&self, key: &str, fault: &mut KeyFault) {
        let is_missing = |path: &&PathKey| path.key == key && !path.path.exists();
        let Some(path) = self.tables.paths.iter().find(is_missing) else {
            return;
        };
        if let Some(near) = similar(&path.path, &path.written) {
            fault.hint = Some(did_you_mean(near));
            return;
        }
        let remedy = format!("`--set {key}=PATH` says where it is now");
        if path.tried.len() > 1 {
            let tried: Vec<String> = path.tried.iter().map(|p| short_path(p)).collect();
            fault.hint = Some(format!("tried `{}`; {remedy}", tried.join("` and `")));
        } else if self.tables.spec.is_stored {
            fault.hint = Some(remedy);
        }
    }

    /// The loss, where it fits the task: the one that is written, or the task's.
    pub(super) fn fitting_loss(
        &mut self,
        loss: Option<Option<Component<dyn LossSpec>>>,
        facts: Option<&Facts>,
    ) -> Option<Component<dyn LossSpec>> {
        let task = &facts?.task;
        let loss = match loss? {
            Some(loss) => loss,
            None => {
                let name = objective::default_loss(task);
                let kind = self.extensions.losses.get(name)?;
                kind.load(toml::Table::new()).ok()?
            }
        };
        let fault = loss.spec.fits(task).or_else(|| {
            let fits = !task.is_of_places() || loss.spec.outputs(task) == task.outputs();
            (!fits).then(|| {
                let message = format!("`{}` does not fit the next token", loss.kind);
                KeyFault::error("type", message).hint("tokens take cross_entropy")
            })
        });
        self.accepted("loss", fault.into_iter().collect())
            .then_some(loss)
    }

    /// What goes into the model, transforms applied, and what comes out.
    pub(super) fn io(
        &mut self,
        facts: Option<&Facts>,
        dataset: Option<&DataParts>,
        loss: Option<&Component<dyn LossSpec>>,
    ) -> Option<Io> {
        let (facts, (dataset, _, transforms)) = (facts?, dataset?);
        let mut fields = facts.fields.clone();
        for (i, transform) in transforms.iter().enumerate() {
            let output = match fields[0].is_numeric() {
                true => transform.spec.output(&fields[0].shape),
                false => Err(on_tokens(&transform.kind, &dataset.kind)),
            };
            match output {
                Ok(output) => fields[0] = fields[0].reshaped(output),
                Err(fault) => {
                    let path = format!("dataset.transform[{i}]");
                    self.tables.key_fault(&path, fault);
                    return None;
                }
            }
        }
        let outputs = loss?.spec.outputs(&facts.task);
        Some(Io { fields, outputs })
    }

    /// The model's layers for this data, without numbers.
    pub(super) fn architecture(
        &mut self,
        model: Option<&ModelParts>,
        (facts, dataset): (Option<&Facts>, Option<&DataParts>),
        io: Option<&Io>,
    ) -> Option<Architecture> {
        let ((model, keys), (dataset, ..)) = (model?, dataset?);
        let builder = match (&keys.found, &keys.init) {
            (Some(found), _) => Builder::plan().with_names(found.clone()),
            (None, Some(init)) if model.spec.is_foreign() && !self.tables.spec.is_stored => {
                Builder::plan().with_names(init::names(init))
            }
            _ => Builder::plan(),
        };
        let io = io?;
        if let Some(fault) = self.misfit(model, io, &facts?.task, &dataset.kind) {
            self.tables.key_fault("model", fault);
            return None;
        }
        let fault = match model.spec.build(&builder, io) {
            Ok(_) => return Some(builder.finish()),
            Err(LayerError::Shape(fault)) => fault,
            Err(error) => KeyFault::error("", error.to_string()),
        };
        self.tables.key_fault("model", fault);
        None
    }

    /// Compares the names and shapes of the weights to start from with the model's. What lies on
    /// the hub is compared when a run starts from it.
    pub(super) fn init(
        &mut self,
        model: Option<&ModelParts>,
        built: Option<&Architecture>,
    ) -> Option<Fit> {
        let ((_, keys), built) = (model?, built?);
        let init = keys.init.as_ref()?;
        let WeightFile::Local(path) = &init.source else {
            return None;
        };
        let spec = self.tables.spec;
        if spec.is_stored {
            return None;
        }
        let node = |path| spec.root.at(path).and_then(Node::text);
        let text = spec.weights.as_deref();
        let text = text.or(node("model.init")).or(node("model.init.path"));
        let shown = short_path(path);
        match init::compare(init, path, (text.unwrap_or(&shown), &shown), built) {
            Ok(fit) => Some(fit),
            Err(fault) => {
                self.tables.key_fault("model", fault);
                None
            }
        }
    }

    /// Batches of one epoch.
    pub(super) fn batches(
        &mut self,
        facts: Option<&Facts>,
        dataset: Option<&DataParts>,
    ) -> Option<u64> {
        let (facts, (_, keys, _)) = (facts?, dataset?);
        let batches = match keys.drop_last {
            true => facts.train / keys.batch_size,
            false => facts.train.div_ceil(keys.batch_size),
        };
        if batches == 0 {
            let message = format!(
                "`batch_size` {} with `drop_last` leaves no batch of {} training samples",
                keys.batch_size, facts.train
            );
            let hint = "a smaller `batch_size`, or `drop_last = false`";
            let fault = KeyFault::error("batch_size", message).hint(hint);
            self.tables.key_fault("dataset", fault);
            return None;
        }
        Some(batches as u64)
    }

    /// Refuses batches that the run comes to and that are too small for a layer to be trained on.
    pub(super) fn batch_fits(
        &mut self,
        built: Option<&Architecture>,
        (facts, dataset): (Option<&Facts>, Option<&DataParts>),
        (length, train): (Option<&Length>, Option<&TrainKeys>),
    ) {
        let (Some(least), Some(facts), Some((_, keys, _)), Some(length), Some(train)) = (
            built.and_then(|built| built.least_batch.as_ref()),
            facts,
            dataset,
            length,
            train,
        ) else {
            return;
        };
        let last = match facts.train % keys.batch_size {
            0 => keys.batch_size,
            _ if keys.drop_last => keys.batch_size,
            rest => rest,
        };
        let batches = length
            .total_steps
            .saturating_mul(train.grad_accumulation as u64);
        let comes_to_last = batches >= length.batches_per_epoch;
        let (what, hint) = if keys.batch_size < least.samples {
            ("a batch".to_string(), "a larger `batch_size`")
        } else if last < least.samples && comes_to_last {
            let what = format!(
                "the last batch of {}",
                counted(facts.train as u64, "training sample")
            );
            (what, "`drop_last = true`, or another `batch_size`")
        } else {
            return;
        };
        let message = format!(
            "{what} has {}, and `{}` needs {} to be trained",
            counted(last as u64, "sample"),
            least.layer,
            least.samples
        );
        let fault = KeyFault::error("batch_size", message).hint(hint);
        self.tables.key_fault("dataset", fault);
    }

    /// The run's length, for so many batches an epoch.
    pub(super) fn length(
        &mut self,
        train: Option<&TrainKeys>,
        batches_per_epoch: Option<u64>,
    ) -> Option<Length> {
        let before = self.tables.spec.length_before_flags.as_ref().map(|table| {
            let number = |key: &str| match table.get(key).map(|node| &node.value) {
                Some(Value::Integer(n)) => u64::try_from(*n).ok(),
                _ => None,
            };
            (number("epochs"), number("steps"))
        });
        match Length::resolve(train?, before, batches_per_epoch?) {
            Ok(length) => Some(length),
            Err(faults) => {
                self.tables.key_faults("train", faults);
                None
            }
        }
    }

    /// First values by parameter name; a warning where a foreign model has matrices that would start
    /// at zero.
    pub(super) fn start(
        &mut self,
        model: Option<&ModelParts>,
        built: Option<&Architecture>,
        fit: Option<&Fit>,
    ) -> Option<BTreeMap<String, Init>> {
        let ((model, keys), built) = (model?, built?);
        let values = match start::values(&keys.start, built) {
            Ok(values) => values,
            Err(faults) => {
                self.tables.key_faults("model", faults);
                return None;
            }
        };
        let is_unknown = keys.init.is_some() && fit.is_none();
        if model.spec.is_foreign() && !is_unknown {
            let taken = fit.map_or(&[][..], |fit| &fit.taken);
            let given = |name: &str| {
                values.contains_key(name) || taken.iter().any(|taken| taken.name == name)
            };
            let warning = start::zeros(built, given);
            self.tables
                .key_faults("model", warning.into_iter().collect());
        }
        Some(values)
    }

    /// Refuses a low precision for a foreign model.
    pub(super) fn precision_fits(
        &mut self,
        model: Option<&ModelParts>,
        train: Option<&TrainKeys>,
    ) -> Option<()> {
        let ((model, _), train) = (model?, train?);
        if !model.spec.is_foreign() || train.precision == Precision::F32 {
            return Some(());
        }
        let message = format!(
            "`{}` is a model of candle_nn, which computes in f32",
            model.kind
        );
        let fault = KeyFault::error("precision", message).hint("leave `train.precision` out");
        self.tables.key_fault("train", fault);
        None
    }

    /// Parameters that `freeze` matches.
    pub(super) fn frozen(
        &mut self,
        model: Option<&ModelParts>,
        built: Option<&Architecture>,
    ) -> Option<Vec<String>> {
        let ((_, keys), built) = (model?, built?);
        let params: Vec<String> = built.params.iter().map(|p| p.name().to_string()).collect();
        let mut frozen = Vec::new();
        let mut accepted = true;
        for (i, pattern) in keys.freeze.iter().enumerate() {
            match optim::matching(pattern, &params) {
                Ok(names) => frozen.extend(names),
                Err(fault) => {
                    let key = format!("freeze[{i}]");
                    self.tables.key_fault("model", KeyFault { key, ..fault });
                    accepted = false;
                }
            }
        }
        frozen.sort();
        frozen.dedup();
        accepted.then_some(frozen)
    }
}

/// The first target of a regression that is neither 0 nor 1, and its place.
fn soft_target(data: &Data) -> Option<(String, f32)> {
    let splits = [Some(&data.train), data.val.as_ref(), data.test.as_ref()];
    splits.into_iter().flatten().find_map(|split| {
        let soft = |index| match split.target(index) {
            Target::Values(values) => {
                let value = values.iter().copied().find(|y| *y != 0.0 && *y != 1.0)?;
                Some((split.place(index), value))
            }
            Target::Class(_) | Target::Classes(_) => None,
        };
        (0..split.len()).find_map(soft)
    })
}

/// The targets of the training split; every target is one that the task has.
fn train_targets(data: &Data) -> TrainTargets {
    let (train, task) = (&data.train, &data.facts.task);
    let mut counts = vec![0; task.outputs()];
    let mut sums = vec![0.0; task.outputs()];
    let mut count = |class: u32| {
        if let Some(count) = counts.get_mut(class as usize) {
            *count += 1;
        }
    };
    for index in 0..train.len() {
        match train.target(index) {
            Target::Class(class) => count(class),
            Target::Classes(classes) => classes.iter().for_each(|class| count(*class)),
            Target::Values(values) => {
                let pairs = sums.iter_mut().zip(values.iter());
                pairs.for_each(|(sum, value)| *sum += f64::from(*value));
            }
        }
    }
    match task.is_classification() {
        true => TrainTargets::Classes(counts, task.names()),
        false => TrainTargets::Values(sums, train.len() as u64),
    }
}

/// The fault of a transform where samples are tokens.
fn on_tokens(transform: &str, dataset: &str) -> KeyFault {
    let message = format!(
        "`{transform}` rewrites numbers, and the samples of `{dataset}` are tokens: no transform takes them"
    );
    KeyFault::error("type", message).hint("remove this `[[dataset.transform]]`")
}

/// The message with the paths of a component's keys as a person at this folder would write them:
/// without `..` in the middle, and relative where they lie below the current folder.
fn with_short_paths(message: &str, keys: &toml::Table) -> String {
    let mut message = message.to_string();
    for path in keys.values().filter_map(toml::Value::as_str) {
        if Path::new(path).is_absolute() {
            message = message.replace(path, &short_path(path.as_ref()));
        }
    }
    message
}

/// A path as a person at this folder would write it.
#[must_use]
pub fn short_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let clean = crate::units::lexical(path);
    match clean.strip_prefix(&here) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".into(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => clean.display().to_string(),
    }
}

/// The note of a limit above the number of training samples.
fn needless_limit(limit: Option<usize>, train: usize) -> Option<String> {
    let limit = limit.filter(|limit| *limit > train)?;
    let all = counted(train as u64, "training sample");
    Some(format!(
        "`dataset.limit` is {limit}, and there are no more than {all}: all are used"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_messages_are_short() {
        let here = std::env::current_dir().unwrap_or_default();
        let path = here.join("configs/../data/a.csv").display().to_string();
        let keys = toml::Table::from_iter([("path".to_string(), path.as_str().into())]);
        let message = with_short_paths(&format!("cannot read `{path}`"), &keys);
        assert_eq!(message, "cannot read `data/a.csv`");
        assert_eq!(with_short_paths("nothing", &keys), "nothing");
    }
}
