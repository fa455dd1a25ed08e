//! The random numbers of one transform for one sample in one epoch.

use crate::rng::{Purpose, Stream};

/// Random numbers for one sample in one epoch: the same for the same seed, transform, epoch and
/// sample, whoever asks and in whatever order.
#[derive(Debug, Clone, Copy)]
pub struct Draw<'a> {
    stream: &'a Stream,
    epoch: u32,
    sample: u32,
}

impl<'a> Draw<'a> {
    /// Draws for `sample` (its id) in `epoch` from a transform's stream.
    #[must_use]
    pub fn new(stream: &'a Stream, epoch: u32, sample: u32) -> Self {
        Self {
            stream,
            epoch,
            sample,
        }
    }

    /// The stream of the transform at `position` (from 0) of type `kind`.
    #[must_use]
    pub fn stream(seed: u64, position: usize, kind: &str) -> Stream {
        Stream::new(seed, Purpose::Augment, &format!("{position}:{kind}"))
    }

    /// The `index`-th draw, uniform in [0, 1).
    #[must_use]
    pub fn uniform(&self, index: u64) -> f32 {
        // Four words to a draw, as `below` takes them.
        self.stream.uniform(self.epoch, self.sample, index * 4)
    }

    /// The `index`-th draw, uniform in 0..n.
    #[must_use]
    pub fn below(&self, n: u32, index: u64) -> u32 {
        self.stream.below(n, self.epoch, self.sample, index)
    }
}
