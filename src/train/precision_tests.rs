//! Mixed precision: what holds in it.

use std::sync::Arc;

use candle_core::DType;

use super::precision::Scale;
use super::resume_tests::resumes_everywhere;
use super::testing::*;
use super::*;
use crate::array::Dtype;
use crate::config::OnNan;
use crate::data::{DataError, Dataset, Values};
use crate::event::{Checkpoint, Event, Reason, Status};
use crate::kernel::probe::threads;
use crate::model::{Cnn, Lstm, Mlp, ModelSpec, Norm, Resnet, Shortcut};
use crate::task::Target as Answer;

const LOW: [DType; 2] = [DType::BF16, DType::F16];

#[test]
fn a_gradient_that_no_scale_can_mend_is_left_to_on_nan() {
    let mut scale = Scale::of(DType::F16).unwrap();
    assert_eq!((0..).take_while(|_| scale.back_off()).count(), 32);
    assert_eq!(scale.factor, 2f64.powi(-16));
}

/// Clouds of which one sample is far away: its gradient overflows f16, scaled as it is at first.
struct Spike(Clouds);

impl Dataset for Spike {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize, field: usize, out: &mut Values) -> Result<(), DataError> {
        let start = out.len();
        self.0.get(index, field, out)?;
        if index == 17 {
            out.numbers()?[start] = 400.0;
        }
        Ok(())
    }

    fn target(&self, index: usize) -> Answer<'_> {
        self.0.target(index)
    }
}

fn clouds() -> Clouds {
    Clouds {
        samples: 44,
        seed: 1,
        ..Clouds::default()
    }
}

/// A network of every layer on three clouds, in f16 with an overflow in each epoch.
fn spiked(precision: DType) -> Recipe {
    let mut recipe = recipe();
    recipe.precision = precision;
    recipe.model = Arc::new(Mlp {
        hidden: vec![8, 8],
        dropout: 0.25,
        norm: Norm::Batch,
        ..Mlp::default()
    });
    recipe.data.train = Arc::new(Spike(clouds()));
    grouped(recipe, 0.05)
}

#[test]
fn runs_resume_at_every_step() {
    for precision in LOW {
        let mut recipe = spiked(precision);
        resumes_everywhere(&recipe, precision.as_str());
        recipe.ema = Some(0.9);
        recipe.clip_norm = Some(0.5);
        recipe.grad_accumulation = 2;
        recipe.steps_per_epoch = 3;
        recipe.total_steps = 8;
        recipe.on_nan = OnNan::Rollback;
        resumes_everywhere(&recipe, &format!("{} with all", precision.as_str()));
    }
}

fn factor(checkpoint: &Checkpoint) -> Option<f64> {
    checkpoint.state["scale"]["factor"].as_f64()
}

#[test]
fn an_overflow_halves_the_scale_and_leaves_the_update_out() {
    let recipe = spiked(DType::F16);
    let (ending, events) = run(&recipe);
    assert_eq!((ending.status, ending.step), (Status::Completed, 18));
    let mut scale = 65536.0;
    let (mut overflows, mut last) = (0, 0);
    for event in &events {
        match event {
            Event::Warning { step, message } => {
                scale /= 2.0;
                overflows += 1;
                assert_eq!(*step, last, "{message}");
                let end = format!("is left out, and the loss scale goes down to {scale}");
                assert!(message.starts_with("the gradient of update "), "{message}");
                assert!(message.ends_with(&end), "{message}");
            }
            Event::Step(row) => {
                assert_eq!((row.step, row.extra["loss_scale"]), (last + 1, scale));
                assert!(row.grad_norm.unwrap() < 1e4, "the norm is not scaled");
                last = row.step;
            }
            _ => {}
        }
    }
    assert!((1..10).contains(&overflows), "{overflows}");
    let end = checkpoints(&events).pop().unwrap();
    assert_eq!(factor(&end), Some(scale));
}

/// Parameters, the running statistics that the batch would have spoilt, and the step stay as they
/// were; the batch counts as used.
#[test]
fn an_update_that_overflows_moves_nothing() {
    let mut recipe = spiked(DType::F16);
    recipe.loader.batch_size = 44;
    (recipe.steps_per_epoch, recipe.total_steps) = (1, 1);
    recipe.eval_every = None;
    let mut session = Session::new(recipe).unwrap();
    session.progress.scale.as_mut().unwrap().factor = 2f64.powi(40);
    let start = session.checkpoint(Reason::Every).unwrap();
    let saved = checkpoints(&interrupted(&mut session, u64::MAX).1);
    let skipped = &saved[0];
    assert_eq!((skipped.step, factor(skipped)), (0, Some(2f64.powi(39))));
    assert_eq!(skipped.state["epoch"], 1);
    let pairs = skipped.model.iter().zip(&start.model);
    assert!(pairs.len() > 10 && pairs.clone().all(|(a, b)| a.bytes == b.bytes));
    let last = saved.last().unwrap();
    assert_eq!(last.step, 1);
    assert!(factor(last).unwrap() < 2f64.powi(30));
}

#[test]
fn the_scale_cancels_out_and_a_loss_that_is_not_finite_is_no_matter_of_scale() {
    // Without an overflow, another scale changes next to nothing.
    let mut recipe = recipe();
    recipe.precision = DType::F16;
    recipe.model = Arc::new(Mlp::default());
    let recipe = grouped(recipe, 0.05);
    let at = |factor: f64| {
        let mut session = Session::new(recipe.clone()).unwrap();
        session.progress.scale.as_mut().unwrap().factor = factor;
        checkpoints(&interrupted(&mut session, u64::MAX).1)
            .pop()
            .unwrap()
    };
    assert!(distance(&at(1024.0), &at(4096.0)) < 1e-5);

    let mut poisoned = recipe.clone();
    poisoned.data.train = Arc::new(Clouds {
        poisoned: Some(40),
        ..clouds()
    });
    let Status::Diverged { why } = run(&poisoned).0.status else {
        panic!("a NaN in the data went unseen");
    };
    assert!(why.contains("the loss of update"), "{why}");
}

#[test]
fn what_is_kept_is_f32_and_only_f16_has_a_scale() {
    for precision in LOW {
        let mut recipe = spiked(precision);
        recipe.ema = Some(0.9);
        let mut session = Session::new(recipe).unwrap();
        let checkpoint = session.checkpoint(Reason::Every).unwrap();
        let mut arrays = checkpoint.model.iter();
        assert!(arrays.len() > 20 && arrays.all(|array| array.dtype == Dtype::F32));
        assert_eq!(
            factor(&checkpoint),
            (precision == DType::F16).then_some(65536.0)
        );

        let other = if precision == DType::F16 {
            DType::BF16
        } else {
            DType::F16
        };
        let mut recipe = spiked(other);
        recipe.ema = Some(0.9);
        let error = Session::new(recipe)
            .unwrap()
            .restore(&checkpoint)
            .unwrap_err();
        assert!(
            error.to_string().contains("a loss scale; hint: "),
            "{error}"
        );
    }
}

#[test]
fn evaluation_runs_in_the_precision_of_training() {
    let losses = [DType::F32, DType::BF16, DType::F16].map(|precision| {
        let session = Session::new(spiked(precision)).unwrap();
        let metrics = session.evaluate(Split::Val, &StopFlag::new()).unwrap();
        metrics.unwrap()["val/loss"]
    });
    for low in &losses[1..] {
        let apart = (low - losses[0]).abs();
        assert!(apart > 0.0 && apart < 0.01, "{losses:?}");
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let cnn = Cnn {
        channels: vec![8],
        kernel: 3,
        hidden: vec![300],
        dropout: 0.1,
        ..Cnn::default()
    };
    let mlp = Mlp {
        hidden: vec![400],
        norm: Norm::Layer,
        ..Mlp::default()
    };
    let resnet = Resnet {
        depth: 8,
        width: 4,
        shortcut: Shortcut::Projection,
    };
    let lstm = Lstm {
        embed: None,
        hidden: 40,
        ..Lstm::default()
    };
    let models: [Arc<dyn ModelSpec>; 4] = [
        Arc::new(cnn),
        Arc::new(mlp),
        Arc::new(resnet),
        Arc::new(lstm),
    ];
    for precision in LOW {
        for model in &models {
            threads(|| {
                let mut recipe = digits(Arc::clone(model));
                recipe.precision = precision;
                recipe.total_steps = 3;
                let end = checkpoints(&run(&recipe).1).pop().unwrap();
                let names = end.model.iter().map(|array| array.name.as_str());
                names.flat_map(|name| numbers(&end, name)).collect()
            });
        }
    }
}

#[test]
fn a_model_that_knows_f32_only_says_what_to_do() {
    let mut recipe = recipe();
    recipe.precision = DType::BF16;
    let error = Session::new(recipe)
        .unwrap()
        .run(&mut Vec::new(), &StopFlag::new());
    let message = error.unwrap_err().to_string();
    // Where the environment asks for one, Candle's message ends in a backtrace.
    let begin =
        "the model's forward pass in bf16 failed: dtype mismatch in matmul, lhs: BF16, rhs: F32";
    let end = "; hint: leave `train.precision` out, or let each operation of the model follow its \
               input's type, with parameters as `param.like(&x)?`";
    assert!(
        message.starts_with(begin) && message.ends_with(end),
        "{message}"
    );
}
