//! Training on tokens: a class for each of them, in every precision.

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::DType;

use super::testing::*;
use super::*;
use crate::data::{DataError, Dataset, Standardize, TransformEntry, Values};
use crate::event::Status;
use crate::field::Field;
use crate::model::{Gpt, Io};
use crate::objective::metric;
use crate::optim::{AdamW, Sgd};
use crate::task::{Target as Answer, Task};

const CONTEXT: usize = 8;
const VOCABULARY: usize = 5;

/// Tokens that go up by one or two, in turn.
struct Stairs(usize);

impl Stairs {
    fn tokens(index: usize) -> Vec<u32> {
        let step = |i: usize| (index * 3 + i + i.div_ceil(2)) % VOCABULARY;
        (0..=CONTEXT).map(|i| step(i) as u32).collect()
    }
}

impl Dataset for Stairs {
    fn len(&self) -> usize {
        self.0
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        out.ids()?.extend(&Self::tokens(index)[..CONTEXT]);
        Ok(())
    }

    fn target(&self, index: usize) -> Answer<'_> {
        Answer::Classes(Cow::Owned(Self::tokens(index)[1..].to_vec()))
    }
}

/// Ten epochs of a small transformer over 44 samples in batches of 8.
pub(super) fn stairs(precision: DType) -> Recipe {
    let mut recipe = recipe();
    recipe.model = Arc::new(Gpt {
        layers: 1,
        width: 16,
        heads: 2,
        dropout: 0.1,
        ..Gpt::default()
    });
    let field = Field::tokens("tokens", CONTEXT, VOCABULARY);
    recipe.io = Io::new(field.clone(), VOCABULARY);
    recipe.data.facts.fields = vec![field];
    recipe.data.facts.task = Task::NextToken {
        vocabulary: (0..VOCABULARY).map(|i| i.to_string()).collect(),
    };
    recipe.data.train = Arc::new(Stairs(44));
    recipe.data.val = Some(Arc::new(Stairs(20)));
    recipe.precision = precision;
    recipe.total_steps = 60;
    recipe.optimizer = Arc::new(AdamW::default());
    let metrics = ["accuracy", "top_1", "perplexity", "f1"];
    recipe.metrics = metrics
        .map(|name| (name.to_owned(), metric(name).unwrap().into()))
        .to_vec();
    grouped(recipe, 0.02)
}

#[test]
fn every_token_counts_in_loss_and_metrics() {
    for precision in [DType::F32, DType::BF16, DType::F16] {
        let mut session = Session::new(stairs(precision)).unwrap();
        let at = |session: &Session| {
            let metrics = session.evaluate(Split::Val, &StopFlag::new()).unwrap();
            metrics.unwrap()
        };
        let before = at(&session);
        let blind = (VOCABULARY as f64).ln();
        assert!((before["val/loss"] - blind).abs() < 0.1, "{before:?}");
        let ending = session.run(&mut Vec::new(), &StopFlag::new()).unwrap();
        assert_eq!(ending.status, Status::Completed);
        let after = at(&session);
        assert!(after["val/loss"] < 0.8 * blind, "{precision:?}: {after:?}");
        let surprise = after["val/perplexity"].ln();
        assert!((surprise - after["val/loss"]).abs() < 1e-5, "{after:?}");
        assert_eq!(after["val/accuracy"], after["val/top_1"]);
        assert!((0.0..=1.0).contains(&after["val/f1"]), "{after:?}");
    }
}

#[test]
fn accumulated_batches_move_as_one() {
    let mut recipe = stairs(DType::F32);
    recipe.model = Arc::new(Gpt {
        layers: 1,
        width: 16,
        heads: 2,
        ..Gpt::default()
    });
    // Adam would make a step of the rounding in a gradient that is 0.
    recipe.optimizer = Arc::new(Sgd::default());
    recipe.loader.shuffle = false;
    recipe.loader.batch_size = 44;
    (recipe.steps_per_epoch, recipe.total_steps) = (1, 4);
    let mut recipe = grouped(recipe, 0.3);
    let whole = checkpoints(&run(&recipe).1).pop().unwrap();
    recipe.loader.batch_size = 11;
    recipe.grad_accumulation = 4;
    let parts = checkpoints(&run(&recipe).1).pop().unwrap();
    assert!(distance(&whole, &parts) < 1e-5);
}

#[test]
fn no_transform_takes_tokens() {
    let mut recipe = stairs(DType::F32);
    recipe.transforms = vec![TransformEntry {
        kind: "standardize".into(),
        spec: Arc::new(Standardize {}),
    }];
    let error = Session::new(recipe).err().unwrap().to_string();
    assert!(error.contains("no transform takes them"), "{error}");
}
