//! A backward pass over the fused operations that adds nothing up without need.
//!
//! Candle's own begins each tensor's gradient as zeros and adds to it, two more trips through
//! memory for every map and every weight. A [`Tape`] notes what the kernels of its thread do; where
//! everything between the loss and the parameters was noted, [`Tape::backward`] goes through the same
//! graph in the same order and lets the first gradient of a tensor be the gradient. Where anything
//! else took part, Candle's own backward pass does it all: the graph is always there. Either way the
//! kernels hand parameters' gradients to the tape, past Candle's store.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::{Rc, Weak},
    sync::Arc,
};

use candle_core::{Result, Tensor, TensorId, backprop::GradStore};

use crate::kernel::memory::inplace;

/// An operation that can say its operands' gradients.
pub(crate) trait Backward {
    fn backward(
        &self,
        operands: &[Tensor],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<Vec<Option<Tensor>>>;
}

/// What made a tensor.
enum Note {
    Op(Vec<Tensor>, Arc<dyn Backward>),
    /// The same numbers in another shape.
    Shape(Tensor),
}

/// The operations that made the tensors of a forward pass.
type Notes = HashMap<TensorId, Note>;
/// Gradients of parameters that were handed over; looked up, never walked through.
type Collected = HashMap<TensorId, Option<Tensor>>;

/// The state of a tape.
enum State {
    /// The forward pass: notes what kernels do.
    Recording(Notes),
    /// The backward pass: takes gradients.
    Collecting(Collected),
}

thread_local! {
    /// The tape that this thread's kernels see: Candle calls an operation with its operands alone.
    static CURRENT: RefCell<Weak<RefCell<State>>> = const { RefCell::new(Weak::new()) };
}

/// What the fused operations of a thread did since a moment; it ends with the backward pass, or
/// where it is dropped.
///
/// ```
/// use trainer::kernel::{Grads, Init, Param, Tape, linear};
/// let weight = Param::new("weight".into(), vec![1, 2], Init::Constant(1.0), true);
/// weight.fill(0, &candle_core::Device::Cpu)?;
/// let params = [weight];
/// let mut grads = Grads::new(&params)?;
/// let x = candle_core::Tensor::new(&[[2f32, 3.0]], &candle_core::Device::Cpu)?;
///
/// let tape = Tape::record();
/// let loss = linear(&x, params[0].tensor(), None, false)?;
/// grads.backward(tape, &loss, 1.0, &params)?;
/// assert_eq!(grads.get(0).to_vec2::<f32>()?, [[2.0, 3.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub struct Tape(Rc<RefCell<State>>);

/// The result of a backward pass.
pub(crate) struct Gradients {
    /// Those that kernels handed over, in the order of the parameters.
    pub handed_over: Vec<Option<Tensor>>,
    rest: Rest,
}

enum Rest {
    Own(HashMap<TensorId, Tensor>),
    Candle(GradStore),
}

impl Gradients {
    /// Returns what came to a tensor without being handed over.
    pub fn rest(&self, tensor: &Tensor) -> Option<&Tensor> {
        match &self.rest {
            Rest::Own(grads) => grads.get(&tensor.id()),
            Rest::Candle(store) => store.get(tensor),
        }
    }
}

impl Tape {
    /// Begins to note what kernels do on this thread. Another tape of the thread notes no more.
    #[must_use]
    pub fn record() -> Self {
        let tape = Self(Rc::new(RefCell::new(State::Recording(Notes::new()))));
        tape.watch();
        tape
    }

    /// Makes this the tape that kernels see.
    fn watch(&self) {
        CURRENT.set(Rc::downgrade(&self.0));
    }

    /// Returns the gradients of `factor`·`loss`.
    ///
    /// # Errors
    /// Those of the operations.
    pub(crate) fn backward(
        self,
        loss: &Tensor,
        factor: f64,
        params: &[&Tensor],
    ) -> Result<Gradients> {
        let notes = self.collect(params);
        let seed = Tensor::full(factor as f32, loss.shape(), loss.device())?;
        let rest = match own(&notes, loss, seed.to_dtype(loss.dtype())?)? {
            Some(grads) => Rest::Own(grads),
            None => Rest::Candle((loss * factor)?.backward()?),
        };
        let mut state = self.0.borrow_mut();
        let State::Collecting(collected) = &mut *state else {
            candle_core::bail!("a tape was rewound in its backward pass")
        };
        let grads = params.iter().map(|p| collected.remove(&p.id()).flatten());
        Ok(Gradients {
            handed_over: grads.collect(),
            rest,
        })
    }

    /// Returns the gradients of the variables that `result` depends on, for ∂L/∂(result) = `seed`;
    /// `None` where something else than noted operations took part.
    ///
    /// # Errors
    /// Those of the operations.
    #[cfg(test)]
    pub(crate) fn own(
        self,
        result: &Tensor,
        seed: Tensor,
    ) -> Result<Option<HashMap<TensorId, Tensor>>> {
        own(&self.collect(&[]), result, seed)
    }

    /// Ends the recording and begins to take gradients of `params`; returns the notes.
    fn collect(&self, params: &[&Tensor]) -> Notes {
        self.watch();
        let empty = params.iter().map(|p| (p.id(), None)).collect();
        match self.0.replace(State::Collecting(empty)) {
            State::Recording(notes) => notes,
            State::Collecting(_) => Notes::new(),
        }
    }
}

/// Notes what made `result`, where that is awaited and anything learns from it.
pub(super) fn note(
    result: Tensor,
    operands: Vec<Tensor>,
    op: impl FnOnce() -> Arc<dyn Backward>,
) -> Tensor {
    noted(result, || Note::Op(operands, op()))
}

fn noted(result: Tensor, what: impl FnOnce() -> Note) -> Tensor {
    if let Some(state) = CURRENT.with_borrow(Weak::upgrade)
        && let State::Recording(notes) = &mut *state.borrow_mut()
        && result.track_op()
    {
        notes.insert(result.id(), what());
    }
    result
}

/// Gives the gradient of `owner` to the tape whose backward pass runs, where it asked for that, and
/// returns nothing; else the gradient. A parameter that is used twice gets the sum.
///
/// # Errors
/// Where the two gradients of a parameter cannot be added.
pub(super) fn hand_over(owner: &Tensor, grad: Tensor) -> Result<Option<Tensor>> {
    let Some(state) = CURRENT.with_borrow(Weak::upgrade) else {
        return Ok(Some(grad));
    };
    let State::Collecting(collected) = &mut *state.borrow_mut() else {
        return Ok(Some(grad));
    };
    match collected.get_mut(&owner.id()) {
        None => return Ok(Some(grad)),
        Some(Some(sum)) => inplace::update1(sum, &grad, |sum, grad| {
            for (sum, grad) in sum.iter_mut().zip(grad) {
                *sum += grad;
            }
        })?,
        Some(none) => *none = Some(grad),
    }
    Ok(None)
}

/// x in another shape, without a copy where its numbers lie in order.
///
/// # Errors
/// Where the shape has another number of elements.
pub fn reshape(x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if x.dims() == shape {
        return Ok(x.clone());
    }
    Ok(noted(x.reshape(shape)?, || Note::Shape(x.clone())))
}

/// A gradient on its way.
struct Pending {
    grad: Tensor,
    /// Whether another tensor's gradient has the same memory, so that it may not change.
    shared: bool,
}

/// Goes through the noted graph from `result` back; `None` where something was not noted.
fn own(notes: &Notes, result: &Tensor, seed: Tensor) -> Result<Option<HashMap<TensorId, Tensor>>> {
    let nodes = result.sorted_nodes();
    let noted = |node: &&Tensor| node.is_variable() || notes.contains_key(&node.id());
    if notes.is_empty() || !nodes.iter().all(noted) {
        return Ok(None);
    }
    let mut pending = HashMap::new();
    add(&mut pending, result, seed, false)?;
    for node in nodes {
        let Some(note) = notes.get(&node.id()) else {
            continue;
        };
        let Some(Pending { grad, shared }) = pending.remove(&node.id()) else {
            continue;
        };
        let (operands, op) = match note {
            Note::Op(operands, op) => (operands, op),
            Note::Shape(x) => {
                add(&mut pending, x, grad.reshape(x.shape())?, shared)?;
                continue;
            }
        };
        let mut seen = vec![grad.id()];
        for (to, part) in operands.iter().zip(op.backward(operands, node, &grad)?) {
            if let Some(part) = part.filter(|_| to.track_op()) {
                let shared = seen.contains(&part.id());
                seen.push(part.id());
                add(&mut pending, to, part, shared)?;
            }
        }
    }
    let own =
        |(id, p): (TensorId, Pending)| Ok((id, if p.shared { p.grad.copy()? } else { p.grad }));
    pending
        .into_iter()
        .map(own)
        .collect::<Result<_>>()
        .map(Some)
}

/// Adds to a tensor's gradient, in place where nobody else has the memory.
fn add(
    pending: &mut HashMap<TensorId, Pending>,
    to: &Tensor,
    part: Tensor,
    shared: bool,
) -> Result<()> {
    let part = Pending {
        grad: part.contiguous()?.detach(),
        shared,
    };
    let sum = match pending.remove(&to.id()) {
        None => part,
        Some(sum) if sum.grad.dtype() == candle_core::DType::F32 => {
            let (to, from) = match (sum.shared, part.shared) {
                (false, _) => (sum, part),
                (true, false) => (part, sum),
                (true, true) => (
                    Pending {
                        grad: sum.grad.copy()?,
                        shared: false,
                    },
                    part,
                ),
            };
            inplace::update1(&to.grad, &from.grad, |to, from| {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            })?;
            to
        }
        Some(sum) => Pending {
            grad: sum.grad.add(&part.grad)?,
            shared: false,
        },
    };
    pending.insert(to.id(), sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        Activation, Grads, Init, Param, activate, add_relu, known_gradient, linear,
        op::add as plus,
        probe::{close, flat, taped, var},
    };
    use candle_core::{DType, Var};

    /// Σ x²/2, whose gradient is x.
    fn half_squares(x: &Tensor) -> Result<Tensor> {
        let wide = x.detach().to_dtype(DType::F64)?;
        known_gradient(x, &(wide.sqr()?.sum_all()? * 0.5)?, &wide)
    }

    fn tanh(x: &Tensor) -> Result<Tensor> {
        activate(x, Activation::Tanh)
    }

    fn gelu(x: &Tensor) -> Result<Tensor> {
        activate(x, Activation::Gelu)
    }

    #[track_caller]
    fn takes(inputs: &[&Tensor], f: &dyn Fn() -> Result<Tensor>) {
        assert!(taped("graph", inputs, f), "it was left to Candle");
    }

    #[test]
    fn the_gradients_of_a_tensor_used_twice_add_up() {
        let x = var(&[3, 4], 1);
        takes(&[&x], &|| {
            let once = tanh(&x)?;
            half_squares(&plus(&once, &gelu(&once)?)?)
        });
        takes(&[&x], &|| half_squares(&plus(&tanh(&x)?, &gelu(&x)?)?));
    }

    #[test]
    fn a_gradient_takes_on_the_shape_before_a_change() {
        let (x, w) = (var(&[3, 4], 1), var(&[5, 6], 2));
        takes(&[&x, &w], &|| {
            let flat = reshape(&tanh(&x)?, &[2, 6])?;
            half_squares(&linear(&flat, &w, None, false)?)
        });
        // Used in both shapes, and changed at the very start and end.
        takes(&[&x], &|| {
            let (long, square) = (reshape(&x, &[12])?, tanh(&x)?);
            let sum = plus(&gelu(&long)?, &reshape(&square, &[12])?)?;
            half_squares(&plus(&reshape(&sum, &[3, 4])?, &square)?)
        });
        takes(&[&x], &|| reshape(&half_squares(&x)?, &[1]));
    }

    /// Both terms of a sum get the same tensor as their gradient; each gets more from elsewhere.
    #[test]
    fn a_gradient_shared_by_two_is_not_changed_by_one() {
        let (x, y) = (var(&[3, 4], 1), var(&[3, 4], 2));
        takes(&[&x, &y], &|| {
            let (a, b) = (tanh(&x)?, gelu(&y)?);
            let (one, two) = (plus(&a, &b)?, plus(&b, &a)?);
            half_squares(&plus(&plus(&one, &gelu(&a)?)?, &add_relu(&two, &b)?)?)
        });
        takes(&[&x], &|| half_squares(&plus(&x, &x)?));
        takes(&[&x, &y], &|| {
            let sum = plus(&plus(&x, &y)?, &x)?;
            half_squares(&plus(&reshape(&sum, &[12])?, &reshape(&y, &[12])?)?)
        });
    }

    /// What arrives at variables is changed in place later: clipped, and added to.
    #[test]
    fn no_two_variables_get_the_same_memory() {
        let (x, y) = (var(&[3, 4], 1), var(&[3, 4], 2));
        let tape = Tape::record();
        let loss = half_squares(&plus(&x, &y).unwrap()).unwrap();
        let grads = tape.own(&loss, loss.ones_like().unwrap()).unwrap().unwrap();
        let (dx, dy) = (&grads[&x.id()], &grads[&y.id()]);
        let before = flat(dy);
        assert_eq!(flat(dx), before);
        inplace::update(dx, |values| values.fill(0.0)).unwrap();
        assert_eq!(flat(dy), before);
    }

    #[test]
    fn a_variable_at_two_places_gets_one_gradient() {
        let (x, w, b) = (var(&[3, 4], 1), var(&[4, 4], 2), var(&[4], 3));
        takes(&[&x, &w, &b], &|| {
            let once = linear(&x, &w, Some(&b), true)?;
            half_squares(&linear(&once, &w, Some(&b), false)?)
        });
    }

    #[test]
    fn a_constant_gets_no_gradient() {
        let (x, w) = (var(&[3, 4], 1).as_detached_tensor(), var(&[4, 4], 2));
        takes(&[&w], &|| {
            half_squares(&plus(&x, &linear(&x, &w, None, true)?)?)
        });
        let tape = Tape::record();
        let loss = half_squares(&linear(&x, &w, None, true).unwrap()).unwrap();
        let grads = tape.own(&loss, loss.ones_like().unwrap()).unwrap().unwrap();
        assert_eq!(grads.keys().collect::<Vec<_>>(), [&w.id()]);
    }

    #[test]
    fn narrow_gradients_add_up_too() {
        let x = var(&[3, 4], 1).to_dtype(DType::BF16).unwrap();
        let x = Var::from_tensor(&x).unwrap();
        takes(&[&x], &|| {
            let once = tanh(&x)?;
            half_squares(&linear(&once, &once, None, false)?)
        });
    }

    #[test]
    fn anything_foreign_is_left_to_candle() {
        let x = var(&[3, 4], 1);
        let foreign = |x: &Tensor| half_squares(&(tanh(x)? * 2.0)?);
        assert!(!taped("foreign", &[], &|| foreign(&x)));
        assert!(!taped("not noted", &[], &|| half_squares(&x)? * 2.0));
        let copied = |x: &Tensor| half_squares(&x.t()?.contiguous()?);
        assert!(!taped("copied", &[], &|| copied(&x)));

        // With the same gradients as ever: tanh(x)·4·tanh′(x).
        let param = Param::new("x".into(), vec![3, 4], Init::Uniform(1.0), true);
        param.fill(1, x.device()).unwrap();
        let params = [param];
        let mut grads = Grads::new(&params).unwrap();
        let tape = Tape::record();
        let loss = foreign(params[0].tensor()).unwrap();
        grads.backward(tape, &loss, 0.5, &params).unwrap();
        let bent = flat(params[0].tensor()).into_iter().map(f64::tanh);
        let want: Vec<f64> = bent.map(|t| 0.5 * 4.0 * t * (1.0 - t * t)).collect();
        close("gradient", &flat(grads.get(0)), &want, 1e-6);
    }

    #[test]
    fn what_was_not_recorded_is_left_to_candle() {
        let x = var(&[3, 4], 1);
        let loss = half_squares(&x).unwrap();
        let seed = || loss.ones_like().unwrap();
        // A recording that began too late, one that another took over, and one that was dropped.
        assert!(Tape::record().own(&loss, seed()).unwrap().is_none());
        let (old, new) = (Tape::record(), Tape::record());
        let loss = half_squares(&x).unwrap();
        assert!(old.own(&loss, seed()).unwrap().is_none());
        assert!(new.own(&loss, seed()).unwrap().is_some());
        drop(Tape::record());
        let loss = half_squares(&x).unwrap();
        assert!(Tape::record().own(&loss, seed()).unwrap().is_none());
    }
}
