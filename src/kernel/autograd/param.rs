//! A model's parameters and buffers: named arrays that exist as a shape before they hold numbers.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use candle_core::{Device, Result, Tensor, Var};

use super::mixed;
use crate::rng::{Purpose, Stream};

/// A named array of a model. Cloning shares it. While a plan is made it is only a name and a
/// shape; `fill` gives it numbers on a device.
#[derive(Debug, Clone)]
pub struct Param(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    shape: Vec<usize>,
    init: Init,
    trainable: bool,
    frozen: AtomicBool,
    var: OnceLock<Var>,
}

/// How a parameter gets its first values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Uniform in [−bound, bound).
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform in [low, high).
    Range {
        /// The least value.
        low: f64,
        /// The end, which is not reached.
        high: f64,
    },
    /// Normal with this mean and standard deviation.
    Gaussian {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
}

impl Param {
    /// A parameter without numbers. Names are dotted paths, `fc1.weight`.
    #[must_use]
    pub fn new(name: String, shape: Vec<usize>, init: Init, trainable: bool) -> Self {
        Self(Arc::new(Inner {
            name,
            shape,
            init,
            trainable,
            frozen: AtomicBool::new(false),
            var: OnceLock::new(),
        }))
    }

    /// Its dotted name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// Returns how many numbers it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.shape.iter().product()
    }

    /// Returns whether the optimizer moves it; running statistics are not trainable.
    #[must_use]
    pub fn trainable(&self) -> bool {
        self.0.trainable
    }

    /// Says whether it stays as it is for now. That is for layers that move statistics of their own
    /// beside their parameters; the optimizer is told elsewhere.
    pub fn freeze(&self, frozen: bool) {
        self.0.frozen.store(frozen, Ordering::Relaxed);
    }

    /// Returns true where it stays as it is for now. A layer whose parameters all do leaves its statistics
    /// alone, too, and computes with them as in evaluation.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Relaxed)
    }

    /// Returns how it gets its first values.
    #[must_use]
    pub fn init(&self) -> Init {
        self.0.init
    }

    /// Draws its first values from the stream of (seed, init, name) and puts it on `device`.
    ///
    /// # Errors
    /// Where the device has no memory for it.
    pub fn fill(&self, seed: u64, device: &Device) -> Result<()> {
        self.fill_as(self.0.init, seed, device)
    }

    /// Does the same with other first values.
    ///
    /// # Errors
    /// Where the device has no memory for it.
    pub fn fill_as(&self, init: Init, seed: u64, device: &Device) -> Result<()> {
        let mut values = vec![0.0; self.count()];
        let stream = Stream::new(seed, Purpose::Init, self.name());
        match init {
            Init::Constant(value) => values.fill(value as f32),
            Init::Uniform(bound) => stream.fill_uniform(&mut values, -bound, bound),
            Init::Normal(std) => stream.fill_normal(&mut values, 0.0, std),
            Init::Range { low, high } => stream.fill_uniform(&mut values, low, high),
            Init::Gaussian { mean, deviation } => {
                stream.fill_normal(&mut values, mean, deviation);
            }
        }
        let var = Var::from_vec(values, self.shape(), device)?;
        match self.0.var.set(var) {
            Ok(()) => Ok(()),
            Err(var) => self.var().set(&var),
        }
    }

    /// The variable.
    ///
    /// # Panics
    /// Where `fill` was never called: a session fills every parameter before it does anything else.
    #[must_use]
    pub fn var(&self) -> &Var {
        match self.0.var.get() {
            Some(var) => var,
            None => panic!("parameter `{}` is used before it is filled", self.name()),
        }
    }

    /// The variable as a tensor, in the type of `x`: what an operation on `x` takes where
    /// `train.precision` is not f32. Gradients flow back in f32.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn like(&self, x: &Tensor) -> Result<Tensor> {
        mixed::like(self.tensor(), x)
    }

    /// The variable as a tensor; gradients flow to it.
    #[must_use]
    pub fn tensor(&self) -> &Tensor {
        self.var().as_tensor()
    }
}
