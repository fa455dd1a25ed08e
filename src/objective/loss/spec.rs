//! What every loss can do.

use candle_core::{Result, Tensor};

use crate::error::KeyFault;

/// A loss with its keys, `[loss]` in the config.
///
/// The loss of an update is Σ [`sum`](Self::sum) / Σ [`weight`](Self::weight) over its
/// micro-batches, which is the mean over the whole batch however it was cut.
pub trait LossSpec: std::fmt::Debug + Send + Sync {
    /// Faults in the keys that their schema cannot express.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Whether the loss fits a classification into `outputs` classes, or a regression of `outputs`
    /// targets. A fault's key is `type` or the key that does not fit.
    fn fits(&self, classification: bool, outputs: usize) -> Option<KeyFault>;

    /// How many numbers the model has to put out for a sample, given the task's classes or targets:
    /// one each, unless the loss says otherwise.
    fn outputs(&self, classification: bool, answers: usize) -> usize {
        let _ = classification;
        answers
    }

    /// The sum of the batch's losses, a scalar of `output`'s type that carries a gradient.
    /// `output` is `[n, outputs]`; `target` is u32 `[n]` (classes) or f32 `[n, outputs]` (values).
    /// Of tokens, `output` is `[n, context, outputs]` and `target` u32 `[n, context]`.
    ///
    /// # Errors
    /// Where shapes or types do not fit each other, or the device fails.
    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor>;

    /// What the sum is to be divided by for a mean: the number of samples (of tokens, where they are
    /// made of these), the sum of their class weights, or the number of values.
    ///
    /// # Errors
    /// Where the target cannot be read, or holds what the loss is not defined for.
    fn weight(&self, target: &Tensor) -> Result<f64>;
}

/// The `type` of the loss that a task gets where the config names none: `cross_entropy` for a
/// classification, `mse` for a regression.
#[must_use]
pub fn default_loss(classification: bool) -> &'static str {
    if classification {
        "cross_entropy"
    } else {
        "mse"
    }
}

/// The fault of a loss made for the other task.
pub(super) fn misfit(name: &str, classification: bool) -> KeyFault {
    let (task, others) = if classification {
        ("classification", "cross_entropy, or bce for two classes")
    } else {
        ("regression", "mse, mae or huber")
    };
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
            let fits = [true, false].map(|task| loss.fits(task, 3).is_none());
            let want = match name {
                "cross_entropy" => [true, false],
                "bce" => [false, true],
                _ => [false, true],
            };
            assert_eq!(fits, want, "{name}");
            for task in [true, false] {
                assert!(default_loss(task) != name || loss.fits(task, 3).is_none());
            }
        }
        assert_eq!(
            misfit("mse", true).to_string(),
            "`type`: `mse` does not fit a classification; \
             hint: a classification takes cross_entropy, or bce for two classes"
        );
    }
}
