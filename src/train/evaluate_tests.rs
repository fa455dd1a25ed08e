//! What an evaluation reports for every pair of loss and task, against scikit-learn
//! (`tests/reference/metrics.py`): losses see outputs, metrics of classes see logits, metrics of values
//! see predictions in the data's own unit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use serde::Deserialize;
use serde_json::Value;

use super::testing::*;
use super::*;
use crate::data::{DataError, Dataset, Values};
use crate::error::KeyFault;
use crate::field::Field;
use crate::layer::{Builder, LayerError, Mode};
use crate::model::{Inputs, Io, Model, ModelSpec};
use crate::objective::{Bce, CrossEntropy, Huber, LossSpec, Mae, Mse, metric};
use crate::task::{Target as Answer, Task};

#[derive(Deserialize)]
struct Pair {
    loss: String,
    keys: Value,
    task: String,
    table: Option<Vec<Vec<f32>>>,
    output: Vec<Vec<f32>>,
    target: Value,
    scale: Option<Vec<(f64, f64)>>,
    values: BTreeMap<String, Value>,
}

/// Puts out what goes in; of tokens, each token's row of a table.
#[derive(Debug, Clone)]
struct Echo(Option<Vec<Vec<f32>>>);

impl ModelSpec for Echo {
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    fn build(&self, _: &Builder, _: &Io) -> Result<Box<dyn Model>, LayerError> {
        Ok(Box::new(self.clone()))
    }
}

impl Model for Echo {
    fn forward(&self, inputs: &Inputs, _: &Mode) -> candle_core::Result<Tensor> {
        let input = inputs.only()?;
        let Some(table) = &self.0 else {
            return Ok(input.clone());
        };
        let (samples, places) = input.dims2()?;
        let rows = Tensor::new(table.clone(), input.device())?;
        let found = rows.index_select(&input.flatten_all()?, 0)?;
        found.reshape((samples, places, table.len()))
    }
}

struct Rows {
    inputs: Vec<Vec<f32>>,
    targets: Vec<Answer<'static>>,
}

impl Dataset for Rows {
    fn len(&self) -> usize {
        self.inputs.len()
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        let row = &self.inputs[index];
        match out {
            Values::Ids(ids) => ids.extend(row.iter().map(|id| *id as u32)),
            _ => out.numbers()?.extend(row),
        }
        Ok(())
    }

    fn target(&self, index: usize) -> Answer<'_> {
        self.targets[index].clone()
    }
}

impl Pair {
    fn loss(&self) -> Arc<dyn LossSpec> {
        let keys = self.keys.clone();
        match self.loss.as_str() {
            "cross_entropy" => Arc::new(serde_json::from_value::<CrossEntropy>(keys).unwrap()),
            "bce" => Arc::new(serde_json::from_value::<Bce>(keys).unwrap()),
            "mse" => Arc::new(serde_json::from_value::<Mse>(keys).unwrap()),
            "mae" => Arc::new(serde_json::from_value::<Mae>(keys).unwrap()),
            "huber" => Arc::new(serde_json::from_value::<Huber>(keys).unwrap()),
            other => panic!("unknown loss `{other}`"),
        }
    }

    fn targets(&self) -> Vec<Answer<'static>> {
        let each = self.target.as_array().unwrap().iter().cloned();
        let answer = |value: Value| match self.task.as_str() {
            "classes" => Answer::Class(serde_json::from_value(value).unwrap()),
            "tokens" => Answer::Classes(Cow::Owned(serde_json::from_value(value).unwrap())),
            _ => Answer::Values(Cow::Owned(serde_json::from_value(value).unwrap())),
        };
        each.map(answer).collect()
    }

    fn recipe(&self) -> Recipe {
        let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let width = self.output[0].len();
        let (task, outputs) = match self.task.as_str() {
            "classes" => (Task::classes(names(width.max(2))), width),
            "tokens" => (
                Task::NextToken {
                    vocabulary: names(5),
                },
                5,
            ),
            _ => (Task::Regression { targets: width }, width),
        };
        let mut recipe = recipe();
        recipe.model = Arc::new(Echo(self.table.clone()));
        recipe.loss = self.loss();
        let field = match task.is_of_places() {
            true => Field::tokens("tokens", width, outputs),
            false => Field::numbers("input", &[width]),
        };
        recipe.io = Io::new(field.clone(), outputs);
        recipe.data.facts.fields = vec![field];
        recipe.data.facts.task = task;
        recipe.data.target_scale = self.scale.clone();
        let rows = Rows {
            inputs: self.output.clone(),
            targets: self.targets(),
        };
        recipe.data.train = Arc::new(rows);
        recipe.data.val = Some(Arc::clone(&recipe.data.train));
        let batches = self.output.len().div_ceil(recipe.loader.batch_size) as u64;
        (recipe.steps_per_epoch, recipe.total_steps) = (batches, batches);
        let metrics = self.values.keys().filter(|name| *name != "loss");
        recipe.metrics = metrics
            .map(|name| (name.clone(), metric(name).unwrap().into()))
            .collect();
        recipe
    }

    fn name(&self) -> String {
        format!(
            "{} {} of {}, scale {:?}",
            self.loss, self.keys, self.task, self.scale
        )
    }
}

fn pairs() -> Vec<Pair> {
    #[derive(Deserialize)]
    struct Reference {
        pairs: Vec<Pair>,
    }
    let text = include_str!("../../tests/reference/metrics.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    assert_eq!(reference.pairs.len(), 14);
    reference.pairs
}

fn evaluated(recipe: Recipe) -> crate::event::Metrics {
    let session = Session::new(recipe).unwrap();
    session
        .evaluate(Split::Val, &StopFlag::new())
        .unwrap()
        .unwrap()
}

/// The values of the reference by the name they are reported under.
fn wanted(name: &str, value: &Value) -> Vec<(String, f64)> {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    match value.as_array() {
        Some(list) => {
            let name = name.trim_end_matches("_none");
            let each = list.iter().enumerate();
            each.map(|(i, v)| (format!("val/{name}/{i}"), number(v)))
                .collect()
        }
        None => vec![(format!("val/{name}"), number(value))],
    }
}

#[test]
fn every_pair_of_loss_and_task_reports_what_scikit_learn_finds() {
    for pair in pairs() {
        let found = evaluated(pair.recipe());
        let mut count = 0;
        for (name, value) in &pair.values {
            for (name, want) in wanted(name, value) {
                let got = found[&name];
                let near = (got - want).abs() <= 2e-6 * want.abs().max(1e-3);
                assert!(
                    near || got.is_nan() && want.is_nan(),
                    "{name} of {}: {got}, not {want}",
                    pair.name()
                );
                count += 1;
            }
        }
        assert_eq!(found.len(), count, "{}: {found:?}", pair.name());
    }
}

#[test]
fn neither_the_batch_size_nor_threads_change_a_bit() {
    for pair in pairs() {
        let bits = |size: usize| {
            let mut recipe = pair.recipe();
            recipe.loader.eval_batch_size = Some(size);
            let found = evaluated(recipe).into_values();
            found.map(f64::to_bits).collect::<Vec<_>>()
        };
        let whole = bits(1000);
        for size in [1, 2, 7, 22] {
            assert_eq!(bits(size), whole, "{}: batches of {size}", pair.name());
        }
        for threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool.unwrap().install(|| bits(7));
            assert_eq!(found, whole, "{}: {threads} threads", pair.name());
        }
    }
}
