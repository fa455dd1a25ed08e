//! Dropout for models written for `candle_nn`, whose own draws from a generator that no seed reaches.

use std::cell::Cell;

use candle_core::{ModuleT, Result, Tensor, bail};

use crate::{
    kernel,
    layer::Mode,
    rng::{Purpose, Stream},
};

thread_local! {
    /// The forward pass under way on this thread, and how many dropouts it has come through.
    static PASS: Cell<Option<(Mode, u32)>> = const { Cell::new(None) };
}

/// Runs a forward pass in this mode.
pub(super) fn pass<T>(mode: Mode, run: impl FnOnce() -> T) -> T {
    let before = PASS.replace(Some((mode, 0)));
    let result = run();
    PASS.set(before);
    result
}

/// Drops elements in training, each with probability `p`, and scales the others by 1/(1 − p). It
/// takes the place of `candle_nn::Dropout`: the mask is a function of the run's seed, the step, the
/// element, and of how many of these the forward pass came through before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// A dropout of this probability, 0 to below 1.
    #[must_use]
    pub fn new(p: f32) -> Self {
        Self { p: f64::from(p) }
    }

    /// x of any shape → the same shape; x itself where `train` is false.
    ///
    /// # Errors
    /// Where `p` is not in [0, 1), or `train` is true outside a training pass.
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if !(0.0..1.0).contains(&self.p) {
            bail!(
                "dropout with probability `{}`, which is not in [0, 1)",
                self.p
            );
        }
        if !train {
            return Ok(x.clone());
        }
        let Some((mode @ Mode::Train { seed, step, micro }, count)) = PASS.get() else {
            bail!("dropout with `train = true` outside of a training pass");
        };
        PASS.set(Some((mode, count + 1)));
        let stream = Stream::new(seed, Purpose::Dropout, &format!("dropout{count}"));
        kernel::dropout(x, self.p, stream, step, micro)
    }
}

impl ModuleT for Dropout {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.forward(x, train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    fn drop(mode: Mode) -> Result<[Vec<f32>; 2]> {
        let ones = Tensor::ones(1000, DType::F32, &Device::Cpu)?;
        let layer = Dropout::new(0.5);
        pass(mode, || {
            let first = layer.forward_t(&ones, true)?.to_vec1()?;
            Ok([first, layer.forward_t(&ones, true)?.to_vec1()?])
        })
    }

    #[test]
    fn a_mask_is_a_function_of_seed_step_and_place() {
        let mode = |step| Mode::Train {
            seed: 7,
            step,
            micro: 0,
        };
        let [first, second] = drop(mode(1)).unwrap();
        assert_ne!(first, second);
        assert_eq!(drop(mode(1)).unwrap(), [first.clone(), second]);
        assert_ne!(drop(mode(2)).unwrap()[0], first);
        let kept = first.iter().filter(|x| **x == 2.0).count();
        assert!((400..600).contains(&kept), "{kept}");
    }

    #[test]
    fn outside_of_training_nothing_is_dropped_by_chance() {
        let error = drop(Mode::Eval).unwrap_err().to_string();
        assert!(error.contains("outside of a training pass"), "{error}");
        let x = Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
        let same = Dropout::new(0.5).forward(&x, false).unwrap();
        assert_eq!(same.to_vec1::<f32>().unwrap(), [1.0; 3]);
        assert!(Dropout::new(1.0).forward(&x, false).is_err());
    }
}
