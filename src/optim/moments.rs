//! Adam's arithmetic, shared by its two kinds of weight decay.

use candle_core::{Result, Tensor};

use super::{Hyper, OptimError, Optimizer, slots::Slots};
use crate::{
    array::NamedArray,
    kernel::{Grads, Param, inplace},
};

/// Where weight decay enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decay {
    /// Into the gradient (L2): Adam.
    Gradient,
    /// Straight into the parameter: AdamW.
    Parameter,
}

/// Adam at work: m ← m + (1 − β1)(g − m), v ← β2·v + (1 − β2)·g²,
/// p ← p − lr/(1 − β1ᵗ) · m / (√v / √(1 − β2ᵗ) + ε), with t counted for each parameter.
#[derive(Debug)]
pub(super) struct Moments {
    eps: f64,
    decay: Decay,
    slots: Slots<2>,
}

impl Moments {
    /// With moments of zero.
    pub(super) fn new(eps: f64, decay: Decay, params: &[Param]) -> Self {
        Self {
            eps,
            decay,
            slots: Slots::new(["exp_avg", "exp_avg_sq"], params),
        }
    }
}

impl Optimizer for Moments {
    fn step(
        &mut self,
        params: &[Param],
        grads: &Grads,
        hyper: &[Hyper],
        frozen: &[bool],
    ) -> Result<()> {
        self.slots.check(params, grads, hyper, frozen)?;
        for (i, param) in params.iter().enumerate().filter(|(i, _)| !frozen[*i]) {
            let (count, moments) = self.slots.advance(i)?;
            let factors = Factors::new(&hyper[i], self.eps, self.decay, count);
            let update = match param.tensor().device().is_cpu() {
                true => fused,
                false => composed,
            };
            update(param, moments, grads.get(i), &factors)?;
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

/// One step's factors, the same for all elements of a parameter.
#[derive(Debug, Clone, Copy)]
struct Factors {
    /// What the parameter loses before the step: lr·weight_decay (AdamW), else 0.
    fade: f64,
    /// The parameter's share in the gradient: weight_decay (Adam), else 0.
    pull: f64,
    /// 1 − β1.
    first: f64,
    /// β2.
    second: f64,
    /// lr / (1 − β1ᵗ).
    size: f64,
    /// 1 / √(1 − β2ᵗ).
    root: f64,
    /// ε.
    eps: f64,
}

impl Factors {
    /// In f64, for the `count`-th step of a parameter (from 1).
    fn new(hyper: &Hyper, eps: f64, decay: Decay, count: i64) -> Self {
        let correction = |beta: f64| 1.0 - libm::pow(beta, count as f64);
        let (fade, pull) = match decay {
            Decay::Gradient => (0.0, hyper.weight_decay),
            Decay::Parameter => (hyper.lr * hyper.weight_decay, 0.0),
        };
        Self {
            fade,
            pull,
            first: 1.0 - hyper.momentum,
            second: hyper.beta2,
            size: hyper.lr / correction(hyper.momentum),
            root: 1.0 / correction(hyper.beta2).sqrt(),
            eps,
        }
    }
}

/// A step in one pass over parameter, moments and gradient.
fn fused(param: &Param, moments: &mut [Tensor; 2], grad: &Tensor, f: &Factors) -> Result<()> {
    let [fade, pull, first, second] = [f.fade, f.pull, f.first, f.second].map(|x| x as f32);
    let [size, root, eps, rest] = [f.size, f.root, f.eps, 1.0 - f.second].map(|x| x as f32);
    let [m, v] = moments;
    inplace::update3(param.tensor(), m, v, grad, |p, m, v, g| {
        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
            let kept = *p - fade * *p;
            let g = g + pull * kept;
            *m += first * (g - *m);
            *v = second * *v + rest * g * g;
            *p = kept - size * *m / (v.sqrt() * root + eps);
        }
    })
}

/// The same out of Candle's own operations, for other devices.
fn composed(param: &Param, moments: &mut [Tensor; 2], grad: &Tensor, f: &Factors) -> Result<()> {
    let [m, v] = moments;
    let p = param.var().as_detached_tensor();
    let kept = (&p - p.affine(f.fade, 0.0)?)?;
    let g = (grad + kept.affine(f.pull, 0.0)?)?;
    *m = (&*m + (&g - &*m)?.affine(f.first, 0.0)?)?.detach();
    *v = (v.affine(f.second, 0.0)? + g.sqr()?.affine(1.0 - f.second, 0.0)?)?.detach();
    let slope = m
        .affine(f.size, 0.0)?
        .div(&v.sqrt()?.affine(f.root, f.eps)?)?;
    param.var().set(&(kept - slope)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::reference::{assert_close, probe};

    #[test]
    fn both_paths_take_the_same_step() {
        let hyper = Hyper {
            lr: 0.01,
            weight_decay: 0.1,
            momentum: 0.9,
            beta2: 0.99,
        };
        for decay in [Decay::Gradient, Decay::Parameter] {
            let [(a, mut a_moments), (b, mut b_moments)] = [0, 1].map(|_| {
                let copy = |seed| probe("m", &[17_001], seed).tensor().copy().unwrap();
                (probe("p", &[17_001], 1), [copy(2), copy(4).sqr().unwrap()])
            });
            let grad = probe("g", &[17_001], 3);
            let factors = Factors::new(&hyper, 1e-8, decay, 7);
            fused(&a, &mut a_moments, grad.tensor(), &factors).unwrap();
            composed(&b, &mut b_moments, grad.tensor(), &factors).unwrap();
            assert_close(a.tensor(), b.tensor());
            assert_close(&a_moments[0], &b_moments[0]);
            assert_close(&a_moments[1], &b_moments[1]);
        }
    }
}
