//! Gradients of one optimizer update, in the order of the parameters' names.
//!
//! Candle's gradient store is a hash map in random order whose tensors keep the whole graph alive.
//! [`Grads`] takes the numbers out of it: sorted, detached, summed over micro-batches in place.

use candle_core::{Result, Tensor, backprop::GradStore, bail};

use super::{Param, Tape};
use crate::kernel::memory::{inplace, reduce};
use crate::units::counted;

/// One gradient buffer per trainable parameter, shaped like it, in the order given at [`new`].
///
/// After [`zero`] a buffer reads as zeros; the first gradient becomes the buffer (no copy), later
/// ones are added to it.
///
/// [`new`]: Grads::new
/// [`zero`]: Grads::zero
#[derive(Debug)]
pub struct Grads {
    names: Vec<String>,
    zeros: Vec<Tensor>,
    buffers: Vec<Option<Tensor>>,
}

impl Grads {
    /// Buffers for `params`, all zero.
    ///
    /// # Errors
    /// Where the device has no memory.
    ///
    /// # Panics
    /// Where a parameter is not filled.
    pub fn new(params: &[Param]) -> Result<Self> {
        // One block of zeros is enough for all: nothing ever writes into it.
        let longest = params.iter().map(Param::count).max().unwrap_or(0);
        let mut zeros = Vec::with_capacity(params.len());
        if let Some(first) = params.first() {
            let tensor = first.tensor();
            let block = Tensor::zeros(longest, tensor.dtype(), tensor.device())?;
            for param in params {
                zeros.push(block.narrow(0, 0, param.count())?.reshape(param.shape())?);
            }
        }
        Ok(Self {
            names: params.iter().map(|p| p.name().to_owned()).collect(),
            buffers: vec![None; params.len()],
            zeros,
        })
    }

    /// Forgets all gradients: every buffer reads as zeros, every parameter as missing.
    pub fn zero(&mut self) {
        self.buffers.fill(None);
    }

    /// Forgets the gradient of the `i`-th parameter: it reads as zeros and counts in no norm.
    ///
    /// # Panics
    /// Where there is no such parameter.
    pub fn forget(&mut self, i: usize) {
        self.buffers[i] = None;
    }

    /// Adds a backward pass's gradients, parameter by parameter in order. The store's own tensors
    /// become the buffers where those were empty, so let go of the store afterwards.
    ///
    /// # Errors
    /// Where the parameters are not those of [`Grads::new`], or the device fails.
    pub fn accumulate(&mut self, store: &GradStore, params: &[Param]) -> Result<()> {
        self.check(params)?;
        for (i, param) in params.iter().enumerate() {
            if let Some(grad) = store.get(param.tensor()) {
                self.add(i, &grad.detach())?;
            }
        }
        Ok(())
    }

    /// Runs the backward pass of `factor`·`loss`, a scalar, and adds its gradients:
    /// [`Grads::accumulate`], but the fused kernels hand parameters' gradients over directly, and
    /// where all that the `tape` saw of the forward pass was theirs, no gradient is begun as zeros.
    ///
    /// # Errors
    /// Where the parameters are not those of [`Grads::new`], or the device fails.
    pub fn backward(
        &mut self,
        tape: Tape,
        loss: &Tensor,
        factor: f64,
        params: &[Param],
    ) -> Result<()> {
        self.check(params)?;
        let tensors: Vec<&Tensor> = params.iter().map(Param::tensor).collect();
        let found = tape.backward(loss, factor, &tensors)?;
        for (i, handed_over) in found.handed_over.iter().enumerate() {
            for grad in found.rest(tensors[i]).into_iter().chain(handed_over) {
                self.add(i, &grad.detach())?;
            }
        }
        Ok(())
    }

    /// Refuses parameters in another number than that of [`Grads::new`].
    fn check(&self, params: &[Param]) -> Result<()> {
        if params.len() != self.names.len() {
            bail!(
                "{} for {}",
                counted(self.names.len() as u64, "gradient buffer"),
                counted(params.len() as u64, "parameter")
            )
        }
        Ok(())
    }

    /// Adds one gradient to the buffer of the `i`-th parameter, which may become `grad` itself.
    ///
    /// # Errors
    /// Where the shapes differ, or the device fails.
    pub fn add(&mut self, i: usize, grad: &Tensor) -> Result<()> {
        if grad.shape() != self.zeros[i].shape() {
            let (name, want) = (&self.names[i], self.zeros[i].shape());
            bail!(
                "gradient of `{name}` has shape {:?}, not {want:?}",
                grad.shape()
            )
        }
        match &mut self.buffers[i] {
            Some(sum) if sum.device().is_cpu() => {
                inplace::update1(sum, &grad.contiguous()?, |sum, grad| {
                    for (sum, grad) in sum.iter_mut().zip(grad) {
                        *sum += grad;
                    }
                })?;
            }
            Some(sum) => *sum = sum.add(grad)?.detach(),
            empty => *empty = Some(grad.contiguous()?.detach()),
        }
        Ok(())
    }

    /// The gradient of the `i`-th parameter, shaped like it; zeros where none arrived.
    #[must_use]
    pub fn get(&self, i: usize) -> &Tensor {
        self.buffers[i].as_ref().unwrap_or(&self.zeros[i])
    }

    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The Euclidean norm over all parameters: squares summed in f64, in a fixed order.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn norm(&self) -> Result<f64> {
        let mut squares = 0.0;
        for buffer in self.buffers.iter().flatten() {
            squares += reduce::sum_squares(buffer)?;
        }
        Ok(squares.sqrt())
    }

    /// Multiplies every gradient by `factor`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn scale(&mut self, factor: f64) -> Result<()> {
        self.map(|x| x * factor as f32, |buffer| buffer.affine(factor, 0.0))
    }

    /// Limits every element to [−limit, limit]; NaN stays NaN.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `limit` is negative or NaN.
    pub fn clamp(&mut self, limit: f64) -> Result<()> {
        let bound = limit as f32;
        self.map(
            |x| x.clamp(-bound, bound),
            |buffer| buffer.clamp(-bound, bound),
        )
    }

    /// Names of the parameters that got no gradient since [`Grads::zero`].
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let pairs = self.names.iter().zip(&self.buffers);
        pairs
            .filter(|(_, buffer)| buffer.is_none())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Returns whether the `i`-th parameter got no gradient since [`Grads::zero`].
    ///
    /// # Panics
    /// Where there is no such parameter.
    #[must_use]
    pub fn is_missing(&self, i: usize) -> bool {
        self.buffers[i].is_none()
    }

    /// Changes every element: in place on the CPU, by `device` elsewhere.
    fn map(
        &mut self,
        cpu: impl Fn(f32) -> f32 + Sync,
        device: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<()> {
        for buffer in self.buffers.iter_mut().flatten() {
            if buffer.device().is_cpu() {
                inplace::update(buffer, |values| {
                    for x in values {
                        *x = cpu(*x);
                    }
                })?;
            } else {
                *buffer = device(buffer)?.detach();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Init;
    use candle_core::Device;

    fn params() -> Vec<Param> {
        let make = |name: &str, shape: &[usize]| {
            let param = Param::new(name.into(), shape.to_vec(), Init::Constant(2.0), true);
            param.fill(0, &Device::Cpu).unwrap();
            param
        };
        vec![make("a", &[2]), make("b", &[1, 3]), make("c", &[1])]
    }

    /// loss = Σ a² + 3 Σ b, so da = 2a = 4 and db = 3; c is not used.
    fn store(params: &[Param]) -> GradStore {
        let a = params[0].tensor().sqr().unwrap().sum_all().unwrap();
        let b = (params[1].tensor().sum_all().unwrap() * 3.0).unwrap();
        (a + b).unwrap().backward().unwrap()
    }

    fn values(grads: &Grads, i: usize) -> Vec<f32> {
        grads.get(i).flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn micro_batches_add_up_and_zero_forgets_them() {
        let params = params();
        let mut grads = Grads::new(&params).unwrap();
        assert_eq!(values(&grads, 0), [0.0, 0.0]);
        grads.accumulate(&store(&params), &params).unwrap();
        grads.accumulate(&store(&params), &params).unwrap();
        assert_eq!(values(&grads, 0), [8.0, 8.0]);
        assert_eq!(values(&grads, 1), [6.0, 6.0, 6.0]);
        assert_eq!(values(&grads, 2), [0.0]);
        assert_eq!(grads.missing(), ["c"]);
        assert_eq!(grads.norm().unwrap(), (2.0f64 * 64.0 + 3.0 * 36.0).sqrt());
        grads.zero();
        assert_eq!(values(&grads, 1), [0.0; 3]);
        assert_eq!(grads.missing(), ["a", "b", "c"]);
        grads.accumulate(&store(&params), &params).unwrap();
        assert_eq!(values(&grads, 0), [4.0, 4.0]);
    }

    #[test]
    fn scale_and_clamp_change_all_buffers_but_no_parameter() {
        let params = params();
        let mut grads = Grads::new(&params).unwrap();
        grads.accumulate(&store(&params), &params).unwrap();
        grads.scale(0.5).unwrap();
        assert_eq!((values(&grads, 0)[0], values(&grads, 1)[0]), (2.0, 1.5));
        grads.clamp(1.75).unwrap();
        assert_eq!((values(&grads, 0)[0], values(&grads, 1)[0]), (1.75, 1.5));
        assert_eq!(params[0].tensor().to_vec1::<f32>().unwrap(), [2.0, 2.0]);
    }

    /// w is used twice by kernels and once by Candle, v once by kernels.
    #[test]
    fn backward_adds_what_the_store_would_hold() {
        let make = |name: &str, shape: &[usize]| {
            let param = Param::new(name.into(), shape.to_vec(), Init::Uniform(1.0), true);
            param.fill(3, &Device::Cpu).unwrap();
            param
        };
        let params = [make("v", &[4]), make("w", &[4, 4])];
        let loss = || {
            let (v, w) = (params[0].tensor(), params[1].tensor());
            let x = crate::kernel::probe::var(&[3, 4], 1).as_detached_tensor();
            let y = crate::kernel::linear(&x, w, Some(v), true).unwrap();
            let y = crate::kernel::linear(&y, w, None, false).unwrap();
            (y.sum_all().unwrap() + w.sqr().unwrap().sum_all().unwrap()).unwrap()
        };
        let mut slow = Grads::new(&params).unwrap();
        slow.accumulate(&loss().backward().unwrap(), &params)
            .unwrap();
        let mut fast = Grads::new(&params).unwrap();
        fast.backward(Tape::record(), &loss(), 1.0, &params)
            .unwrap();
        for i in 0..2 {
            let (fast, slow) = (values(&fast, i), values(&slow, i));
            for (fast, slow) in fast.iter().zip(&slow) {
                assert!((fast - slow).abs() < 1e-5, "{fast} {slow}");
            }
            assert!(slow.iter().any(|g| *g != 0.0));
        }
        assert_eq!(fast.missing(), Vec::<String>::new());
        // Outside of `backward` gradients go to Candle's store again.
        assert!(loss().backward().unwrap().get(params[0].tensor()).is_some());
    }

    #[test]
    fn a_gradient_of_another_shape_is_refused() {
        let mut grads = Grads::new(&params()).unwrap();
        let wrong = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
        let message = grads.add(0, &wrong).unwrap_err().to_string();
        assert!(
            message.contains("gradient of `a` has shape [3], not [2]"),
            "{message}"
        );
    }
}
