//! What a transform is: as the config names it, and fitted.

use std::{fmt::Debug, sync::Arc};

use super::{Draw, Scratch, Transforms};
use crate::{
    data::{DataError, Dataset, Moments, statistics::channel_moments},
    error::KeyFault,
};

/// A type of transform as the config names it.
pub trait TransformSpec: Debug + Send + Sync {
    /// Faults in its own keys that their schema cannot tell.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// The shape of a sample after it, given the shape before.
    ///
    /// # Errors
    /// It does not apply to samples of that shape; the fault's key is one of its own.
    fn output(&self, input: &[usize]) -> Result<Vec<usize>, KeyFault>;

    /// The transform itself, with what it learns from the training split. Called where
    /// [`output`](Self::output) has accepted the shape.
    ///
    /// # Errors
    /// The training split cannot be read.
    fn fit(&self, training: &Training<'_>) -> Result<Box<dyn Transform>, DataError>;
}

/// A fitted transform.
pub trait Transform: Send + Sync {
    /// Rewrites one sample, row-major, into `to`, which may hold anything before. `draw` is `None`
    /// in evaluation, where the same sample always gives the same numbers.
    fn apply(&self, from: &[f32], to: &mut [f32], draw: Option<&Draw<'_>>);
}

/// One entry of `[[dataset.transform]]`.
#[derive(Debug, Clone)]
pub struct TransformEntry {
    /// Its `type`.
    pub kind: String,
    /// Its keys.
    pub spec: Arc<dyn TransformSpec>,
}

/// The training split as a transform meets it: after the transforms before it, without anything
/// random.
pub struct Training<'a> {
    dataset: &'a dyn Dataset,
    before: &'a Transforms,
}

impl<'a> Training<'a> {
    pub(super) fn new(dataset: &'a dyn Dataset, before: &'a Transforms) -> Self {
        Self { dataset, before }
    }

    /// Shape of a sample.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.before.fields()[0].shape
    }

    /// Moments of each channel (the first dimension) over all samples and pixels.
    ///
    /// # Errors
    /// A sample cannot be read.
    pub fn channel_moments(&self) -> Result<Vec<Moments>, DataError> {
        let mut scratch = Scratch::default();
        let size = self.shape().iter().product();
        let channels = self.shape().first().copied().unwrap_or(1);
        channel_moments(self.dataset, channels, size, |index, out| {
            self.before
                .write_numbers(self.dataset, index, None, &mut scratch, out)
        })
    }
}
