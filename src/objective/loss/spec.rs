//! What every loss can do.

use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::TrainTargets;
use crate::{error::KeyFault, task::Task};

/// A loss with its keys, `[loss]` in the config.
///
/// The loss of an update is Σ [`sum`](Self::sum) / Σ [`weight`](Self::weight) over its
/// micro-batches, which is the mean over the whole batch however it was cut.
pub trait LossSpec: std::fmt::Debug + Send + Sync {
    /// Faults in the keys that their schema cannot express.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Returns the fault of a loss that does not fit the task. Its key is `type` or the key that
    /// does not fit. Unless the loss says otherwise, it fits all.
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        let _ = task;
        None
    }

    /// Returns how many numbers the model has to put out for a sample: one for each class, label or
    /// target, unless the loss says otherwise.
    fn outputs(&self, task: &Task) -> usize {
        task.outputs()
    }

    /// The sum of the batch's losses, a scalar of `output`'s type that carries a gradient.
    /// `output` is `[n, outputs]`; `target` is u32 `[n]` (classes) or f32 `[n, outputs]` (values).
    /// Of tokens, `output` is `[n, context, outputs]` and `target` u32 `[n, context]`.
    ///
    /// # Errors
    /// Where shapes or types do not fit each other, or the device fails.
    fn sum(&self, output: &Tensor, target: &Tensor) -> candle_core::Result<Tensor>;

    /// What the sum is to be divided by for a mean: the number of samples (of tokens, where they are
    /// made of these), the sum of their class weights, or the number of values. Unless the loss says
    /// otherwise, the number of targets.
    ///
    /// # Errors
    /// Where the target cannot be read, or holds what the loss is not defined for.
    fn weight(&self, target: &Tensor) -> candle_core::Result<f64> {
        Ok(target.elem_count() as f64)
    }

    /// Loss and weight of each row of the batch by itself, in order, in f64: an evaluation adds them
    /// up one by one, so that its loss does not depend on how the samples were cut into batches. A row
    /// is a sample, or a token of one. Unless the loss says otherwise, it is asked for
    /// [`sum`](Self::sum) and [`weight`](Self::weight) of each sample.
    ///
    /// # Errors
    /// As of these two.
    fn rows(&self, output: &Tensor, target: &Tensor) -> candle_core::Result<Vec<(f64, f64)>> {
        let row = |i| -> candle_core::Result<_> {
            let (output, target) = (output.narrow(0, i, 1)?, target.narrow(0, i, 1)?);
            let sum = self.sum(&output, &target)?.to_dtype(DType::F32)?;
            Ok((f64::from(sum.to_scalar::<f32>()?), self.weight(&target)?))
        };
        (0..target.dim(0)?).map(row).collect()
    }

    /// Returns whether it takes weights from the training split: see [`balanced`](Self::balanced).
    fn is_balanced(&self) -> bool {
        false
    }

    /// The loss with the weights that balance these targets; `None` where it takes none from them.
    ///
    /// # Errors
    /// Targets that cannot be balanced. The fault's key is the loss's.
    fn balanced(&self, targets: &TrainTargets) -> Result<Option<Arc<dyn LossSpec>>, KeyFault> {
        let _ = targets;
        Ok(None)
    }

    /// The weights in use of classes, or of positive targets; none where all count the same.
    fn weights_in_use(&self) -> &[f64] {
        &[]
    }

    /// Turns outputs for a regression into predictions, in place: what metrics compare with the
    /// targets. Nothing to do where the outputs are the predictions. Metrics of classes take
    /// logits as they are.
    fn predict(&self, outputs: &mut [f32]) {
        let _ = outputs;
    }

    /// The lowest and highest target of a regression that the loss is defined for, where it is not
    /// defined for all. A dataset must then not standardise its targets, and every target is
    /// checked before training.
    fn target_range(&self) -> Option<(f64, f64)> {
        None
    }
}

/// Returns the `type` of the loss that a task gets where the config names none.
#[must_use]
pub fn default_loss(task: &Task) -> &'static str {
    match task {
        Task::Classification { .. } | Task::NextToken { .. } => "cross_entropy",
        Task::MultiLabel { .. } => "bce",
        Task::Regression { .. } => "mse",
    }
}

/// Returns the fault of a loss made for another task.
pub(super) fn misfit(name: &str, task: &Task) -> KeyFault {
    let others = match task {
        Task::Classification { .. } | Task::NextToken { .. } => {
            "cross_entropy, or bce for two classes"
        }
        Task::MultiLabel { .. } => "bce",
        Task::Regression { .. } => "mse, mae or huber",
    };
    let task = task.noun();
    KeyFault::error("type", format!("`{name}` does not fit a {task}"))
        .hint(format!("a {task} takes {others}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{Bce, CrossEntropy, Huber, Mae, Mse};

    #[test]
    fn the_default_loss_fits_its_task_and_no_other() {
        let losses: [(&str, Box<dyn LossSpec>); 5] = [
            ("cross_entropy", Box::new(CrossEntropy::default())),
            ("mse", Box::new(Mse {})),
            ("mae", Box::new(Mae {})),
            ("huber", Box::new(Huber::default())),
            ("bce", Box::new(Bce::default())),
        ];
        for (name, loss) in losses {
            let labels = Task::MultiLabel {
                names: vec!["a".into(), "b".into(), "c".into()],
            };
            let tasks = [Task::unnamed(3), Task::Regression { targets: 3 }, labels];
            let fits = tasks.clone().map(|task| loss.fits(&task).is_none());
            let want = match name {
                "cross_entropy" => [true, false, false],
                "bce" => [false, true, true],
                _ => [false, true, false],
            };
            assert_eq!(fits, want, "{name}");
            for task in tasks {
                assert!(default_loss(&task) != name || loss.fits(&task).is_none());
            }
        }
        assert_eq!(
            misfit("mse", &Task::unnamed(3)).to_string(),
            "`type`: `mse` does not fit a classification; \
             hint: a classification takes cross_entropy, or bce for two classes"
        );
    }
}
