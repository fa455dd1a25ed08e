//! Every component by its name: the built-in ones, and those that a user's crate adds.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use super::registry::Registry;
use crate::{
    data::{self, DatasetSpec, TransformSpec},
    model::{self, ModelSpec},
    objective::{self, LossSpec, MetricSpec},
    optim::{self, OptimizerSpec},
    program::Program,
    schedule::{self, Curve},
};

/// All components. `new` holds the built-in ones; the other methods add a user's own, which then
/// have the whole tool: checks, diagnostics, runs, resume, reference and schema.
///
/// ```
/// use trainer::config::Extensions;
/// assert!(Extensions::new().models.get("mlp").is_some());
/// ```
#[derive(Debug, Clone)]
pub struct Extensions {
    /// `[model]`.
    pub models: Registry<dyn ModelSpec>,
    /// `[dataset]`.
    pub datasets: Registry<dyn DatasetSpec>,
    /// `[[dataset.transform]]`.
    pub transforms: Registry<dyn TransformSpec>,
    /// `[loss]`.
    pub losses: Registry<dyn LossSpec>,
    /// `[optimizer]`.
    pub optimizers: Registry<dyn OptimizerSpec>,
    /// `[[schedule]]`.
    pub schedules: Registry<dyn Curve>,
    /// A user's own metrics; the built-in ones are known by name.
    pub metrics: Vec<(String, Arc<dyn MetricSpec>)>,
    /// The program that these components are part of.
    pub program: Option<Program>,
}

impl Default for Extensions {
    fn default() -> Self {
        Self::new()
    }
}

impl Extensions {
    /// The built-in components.
    #[must_use]
    pub fn new() -> Self {
        Self {
            models: Registry::<dyn ModelSpec>::new("model")
                .with::<model::Mlp>("mlp", |c| Arc::new(c))
                .with::<model::Cnn>("cnn", |c| Arc::new(c))
                .with::<model::Resnet>("resnet", |c| Arc::new(c))
                .with::<model::Lstm>("lstm", |c| Arc::new(c))
                .with::<model::Gpt>("gpt", |c| Arc::new(c))
                .with::<model::Transformer>("transformer", |c| Arc::new(c)),
            datasets: Registry::<dyn DatasetSpec>::new("dataset")
                .with::<data::Digits>("digits", |c| Arc::new(c))
                .with::<data::Mnist>("mnist", |c| Arc::new(c))
                .with::<data::Csv>("csv", |c| Arc::new(c))
                .with::<data::Synthetic>("synthetic", |c| Arc::new(c))
                .with::<data::Text>("text", |c| Arc::new(c))
                .with::<data::TextClasses>("text_classes", |c| Arc::new(c)),
            transforms: Registry::<dyn TransformSpec>::new("transform")
                .with::<data::Normalize>("normalize", |c| Arc::new(c))
                .with::<data::Standardize>("standardize", |c| Arc::new(c))
                .with::<data::RandomCrop>("random_crop", |c| Arc::new(c))
                .with::<data::HorizontalFlip>("horizontal_flip", |c| Arc::new(c)),
            losses: Registry::<dyn LossSpec>::new("loss")
                .with::<objective::CrossEntropy>("cross_entropy", |c| Arc::new(c))
                .with::<objective::Mse>("mse", |c| Arc::new(c))
                .with::<objective::Mae>("mae", |c| Arc::new(c))
                .with::<objective::Huber>("huber", |c| Arc::new(c))
                .with::<objective::Bce>("bce", |c| Arc::new(c)),
            optimizers: Registry::<dyn OptimizerSpec>::new("optimizer")
                .with::<optim::Sgd>("sgd", |c| Arc::new(c))
                .with::<optim::Adam>("adam", |c| Arc::new(c))
                .with::<optim::AdamW>("adamw", |c| Arc::new(c)),
            schedules: Registry::<dyn Curve>::new("schedule")
                .with::<schedule::Constant>("constant", |c| Arc::new(c))
                .with::<schedule::Linear>("linear", |c| Arc::new(c))
                .with::<schedule::Warmup>("warmup", |c| Arc::new(c))
                .with::<schedule::Poly>("poly", |c| Arc::new(c))
                .with::<schedule::Cosine>("cosine", |c| Arc::new(c))
                .with::<schedule::Geometric>("geometric", |c| Arc::new(c))
                .with::<schedule::SqrtDecay>("sqrt_decay", |c| Arc::new(c))
                .with::<schedule::SquareDecay>("square_decay", |c| Arc::new(c))
                .with::<schedule::Exponential>("exponential", |c| Arc::new(c))
                .with::<schedule::InverseTime>("inverse_time", |c| Arc::new(c))
                .with::<schedule::Step>("step", |c| Arc::new(c))
                .with::<schedule::Multistep>("multistep", |c| Arc::new(c))
                .with::<schedule::InverseSqrt>("inverse_sqrt", |c| Arc::new(c))
                .with::<schedule::Noam>("noam", |c| Arc::new(c))
                .with::<schedule::Power>("power", |c| Arc::new(c))
                .with::<schedule::Tanh>("tanh", |c| Arc::new(c))
                .with::<schedule::Rex>("rex", |c| Arc::new(c))
                .with::<schedule::Cyclic>("cyclic", |c| Arc::new(c))
                .with::<schedule::CosineRestarts>("cosine_restarts", |c| Arc::new(c))
                .with::<schedule::OneCycle>("one_cycle", |c| Arc::new(c))
                .with::<schedule::Table>("table", |c| Arc::new(c))
                .with::<schedule::Expr>("expr", |c| Arc::new(c))
                .with::<schedule::Follow>("follow", |c| Arc::new(c))
                .with::<schedule::Repeat>("repeat", |c| Arc::new(c))
                .with::<schedule::Plateau>("plateau", |c| Arc::new(c))
                .with::<schedule::Greedy>("greedy", |c| Arc::new(c)),
            metrics: Vec::new(),
            program: None,
        }
    }

    /// Names the program that the components are part of, with its version and commit: runs record
    /// them, and messages and `--version` show them. Write `trainer::program!()`.
    #[must_use]
    pub fn program(mut self, program: Program) -> Self {
        self.program = Some(program);
        self
    }

    /// Adds a model.
    #[must_use]
    pub fn model<C>(mut self, name: &str) -> Self
    where
        C: ModelSpec + DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        self.models = self.models.with::<C>(name, |c| Arc::new(c));
        self
    }

    /// Adds a dataset.
    #[must_use]
    pub fn dataset<C>(mut self, name: &str) -> Self
    where
        C: DatasetSpec + DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        self.datasets = self.datasets.with::<C>(name, |c| Arc::new(c));
        self
    }

    /// Adds a transform.
    #[must_use]
    pub fn transform<C>(mut self, name: &str) -> Self
    where
        C: TransformSpec + DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        self.transforms = self.transforms.with::<C>(name, |c| Arc::new(c));
        self
    }

    /// Adds a loss.
    #[must_use]
    pub fn loss<C>(mut self, name: &str) -> Self
    where
        C: LossSpec + DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        self.losses = self.losses.with::<C>(name, |c| Arc::new(c));
        self
    }

    /// Adds an optimizer.
    #[must_use]
    pub fn optimizer<C>(mut self, name: &str) -> Self
    where
        C: OptimizerSpec + DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        self.optimizers = self.optimizers.with::<C>(name, |c| Arc::new(c));
        self
    }

    /// Adds a schedule curve.
    #[must_use]
    pub fn schedule<C>(mut self, name: &str) -> Self
    where
        C: Curve + DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        self.schedules = self.schedules.with::<C>(name, |c| Arc::new(c));
        self
    }

    /// Adds a metric.
    #[must_use]
    pub fn metric(mut self, name: &str, metric: impl MetricSpec + 'static) -> Self {
        self.metrics.push((name.into(), Arc::new(metric)));
        self
    }
}
