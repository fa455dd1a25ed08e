//! Stochastic gradient descent with momentum.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Hyper, OptimError, Optimizer, OptimizerSpec, slots::Slots};
use crate::{
    array::NamedArray,
    error::KeyFault,
    kernel::{Grads, Param, inplace},
};

/// Stochastic gradient descent, with or without momentum. Its step is d = g + weight_decay·p, b ←
/// momentum·b + (1 − dampening)·d, p ← p − lr·b (Sutskever 2013; as in PyTorch, the learning rate
/// is outside the momentum).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// Share of the last step's direction that is kept. Default 0. At least 0, below 1; 0.9 is
    /// usual.
    #[serde(default)]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub momentum: f64,
    /// Steps along d + momentum·b instead of b. Default false. Needs momentum and no
    /// dampening.
    #[serde(default)]
    pub nesterov: bool,
    /// Share of a new gradient that does not enter b, from the second step on. Default 0. From 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dampening: f64,
}

impl OptimizerSpec for Sgd {
    fn check(&self) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        if self.nesterov && self.momentum <= 0.0 {
            faults.push(
                KeyFault::error("nesterov", "`nesterov` needs a momentum above 0")
                    .hint("give `momentum = 0.9`, or leave `nesterov` out"),
            );
        }
        if self.nesterov && self.dampening != 0.0 {
            faults.push(
                KeyFault::error("dampening", "`nesterov` does not go with `dampening`")
                    .hint("leave one of them out"),
            );
        }
        if self.momentum == 0.0 && self.dampening != 0.0 {
            let message = "`dampening` has no effect without `momentum`";
            faults.push(KeyFault::warning("dampening", message));
        }
        faults
    }

    fn momentum(&self) -> Option<f64> {
        Some(self.momentum)
    }

    fn beta2(&self) -> Option<f64> {
        None
    }

    fn state_arrays(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    fn build(&self, params: &[Param]) -> Result<Box<dyn Optimizer>> {
        Ok(Box::new(Momentum {
            keys: self.clone(),
            slots: Slots::new(["momentum"], params),
        }))
    }
}

/// SGD at work. A parameter has a buffer b from its first step with a momentum above 0 on.
#[derive(Debug)]
struct Momentum {
    keys: Sgd,
    slots: Slots<1>,
}

impl Optimizer for Momentum {
    fn step(
        &mut self,
        params: &[Param],
        grads: &Grads,
        hyper: &[Hyper],
        frozen: &[bool],
    ) -> Result<()> {
        self.slots.check(params, grads, hyper, frozen)?;
        for (i, param) in params.iter().enumerate().filter(|(i, _)| !frozen[*i]) {
            let fused = param.tensor().device().is_cpu();
            if hyper[i].momentum == 0.0 {
                let plain = if fused { plain_fused } else { plain_composed };
                plain(param, grads.get(i), &hyper[i])?;
            } else {
                let (count, [buffer]) = self.slots.advance(i)?;
                let pull = Pull {
                    keep: if count == 1 {
                        1.0
                    } else {
                        1.0 - self.keys.dampening
                    },
                    nesterov: self.keys.nesterov,
                };
                let pulled = if fused { pulled_fused } else { pulled_composed };
                pulled(param, buffer, grads.get(i), &hyper[i], pull)?;
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<Vec<NamedArray>> {
        self.slots.state()
    }

    fn restore(&mut self, state: &[NamedArray]) -> std::result::Result<(), OptimError> {
        self.slots.restore(state)
    }
}

/// How a new gradient enters the buffer and the step.
#[derive(Debug, Clone, Copy)]
struct Pull {
    /// Its share: all of it at first, 1 − dampening later.
    keep: f64,
    nesterov: bool,
}

/// p ← p − lr·(g + weight_decay·p) in one pass.
fn plain_fused(param: &Param, grad: &Tensor, hyper: &Hyper) -> Result<()> {
    let (lr, decay) = (hyper.lr as f32, hyper.weight_decay as f32);
    inplace::update1(param.tensor(), grad, |p, g| {
        for (p, g) in p.iter_mut().zip(g) {
            *p -= lr * (g + decay * *p);
        }
    })
}

/// The same out of Candle's own operations, for other devices.
fn plain_composed(param: &Param, grad: &Tensor, hyper: &Hyper) -> Result<()> {
    let p = param.var().as_detached_tensor();
    let d = (grad + p.affine(hyper.weight_decay, 0.0)?)?;
    param.var().set(&(p - d.affine(hyper.lr, 0.0)?)?)
}

/// A step with momentum in one pass over parameter, buffer and gradient.
fn pulled_fused(
    param: &Param,
    buffer: &mut Tensor,
    grad: &Tensor,
    hyper: &Hyper,
    pull: Pull,
) -> Result<()> {
    let (lr, decay) = (hyper.lr as f32, hyper.weight_decay as f32);
    let (momentum, keep) = (hyper.momentum as f32, pull.keep as f32);
    inplace::update2(param.tensor(), buffer, grad, |p, b, g| {
        for ((p, b), g) in p.iter_mut().zip(b).zip(g) {
            let d = g + decay * *p;
            *b = momentum * *b + keep * d;
            *p -= lr * if pull.nesterov { d + momentum * *b } else { *b };
        }
    })
}

/// The same out of Candle's own operations, for other devices.
fn pulled_composed(
    param: &Param,
    buffer: &mut Tensor,
    grad: &Tensor,
    hyper: &Hyper,
    pull: Pull,
) -> Result<()> {
    let p = param.var().as_detached_tensor();
    let d = (grad + p.affine(hyper.weight_decay, 0.0)?)?;
    *buffer = (buffer.affine(hyper.momentum, 0.0)? + d.affine(pull.keep, 0.0)?)?.detach();
    let direction = match pull.nesterov {
        true => (d + buffer.affine(hyper.momentum, 0.0)?)?,
        false => buffer.clone(),
    };
    param.var().set(&(p - direction.affine(hyper.lr, 0.0)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::reference::{assert_close, probe};

    #[test]
    fn both_paths_take_the_same_step() {
        let hyper = Hyper {
            lr: 0.1,
            weight_decay: 0.01,
            momentum: 0.9,
            beta2: 0.0,
        };
        for (nesterov, keep) in [(false, 1.0), (true, 1.0), (false, 0.7)] {
            let pull = Pull { keep, nesterov };
            let [(a, mut a_buffer), (b, mut b_buffer)] = [0, 1].map(|_| {
                (
                    probe("p", &[17_001], 1),
                    probe("b", &[17_001], 2).tensor().copy().unwrap(),
                )
            });
            let grad = probe("g", &[17_001], 3);
            pulled_fused(&a, &mut a_buffer, grad.tensor(), &hyper, pull).unwrap();
            pulled_composed(&b, &mut b_buffer, grad.tensor(), &hyper, pull).unwrap();
            assert_close(a.tensor(), b.tensor());
            assert_close(&a_buffer, &b_buffer);
            plain_fused(&a, grad.tensor(), &hyper).unwrap();
            plain_composed(&b, grad.tensor(), &hyper).unwrap();
            assert_close(a.tensor(), b.tensor());
        }
    }

    #[test]
    fn nesterov_needs_momentum_and_no_dampening() {
        let faults = |momentum, nesterov, dampening| {
            let keys = Sgd {
                momentum,
                nesterov,
                dampening,
            };
            keys.check()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert!(faults(0.9, true, 0.0).is_empty());
        assert!(faults(0.9, false, 0.5).is_empty());
        assert_eq!(
            faults(0.0, true, 0.0),
            ["`nesterov`: `nesterov` needs a momentum above 0; \
              hint: give `momentum = 0.9`, or leave `nesterov` out"]
        );
        assert_eq!(
            faults(0.9, true, 0.5),
            ["`dampening`: `nesterov` does not go with `dampening`; hint: leave one of them out"]
        );
        assert_eq!(
            faults(0.0, false, 0.5),
            ["`dampening`: `dampening` has no effect without `momentum`"]
        );
    }
}
