//! State that an optimizer keeps for each of its parameters, under names.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, bail};

use super::{Hyper, OptimError};
use crate::units::counted;
use crate::{
    array::{Dtype, NamedArray},
    kernel::{Grads, Param, bytes},
};

/// The name of the array of step counts.
const STEP: &str = "step";

/// `N` arrays for each parameter, shaped like it, and how many updates they have seen.
///
/// Arrays come into being with a parameter's first update, so parameters that stay frozen and
/// optimizers without momentum cost no memory. Saved, they are `<param>.<label>` (f32), and `step`
/// (i64, one count for each parameter in order) says which of them exist.
#[derive(Debug)]
pub(super) struct Slots<const N: usize> {
    labels: [&'static str; N],
    params: Vec<Param>,
    steps: Vec<i64>,
    arrays: Vec<Option<[Tensor; N]>>,
}

impl<const N: usize> Slots<N> {
    /// No state yet, for these parameters.
    pub(super) fn new(labels: [&'static str; N], params: &[Param]) -> Self {
        Self {
            labels,
            params: params.to_vec(),
            steps: vec![0; params.len()],
            arrays: vec![None; params.len()],
        }
    }

    /// Refuses a step whose arguments are not one for each parameter.
    pub(super) fn check(
        &self,
        params: &[Param],
        grads: &Grads,
        hyper: &[Hyper],
        frozen: &[bool],
    ) -> Result<()> {
        let lengths = [params.len(), grads.len(), hyper.len(), frozen.len()];
        if lengths.iter().any(|n| *n != self.params.len()) {
            bail!(
                "an optimizer of {} got {lengths:?} parameters, gradients, values and flags",
                counted(self.params.len() as u64, "parameter")
            )
        }
        Ok(())
    }

    /// Counts one more update of the `i`-th parameter and hands out the count (1 for the first) and
    /// the arrays, zeros at first.
    pub(super) fn advance(&mut self, i: usize) -> Result<(i64, &mut [Tensor; N])> {
        let arrays = match &mut self.arrays[i] {
            Some(arrays) => arrays,
            empty => {
                let zeros = || self.params[i].tensor().zeros_like();
                let zeros: Vec<Tensor> = (0..N).map(|_| zeros()).collect::<Result<_>>()?;
                match <[Tensor; N]>::try_from(zeros) {
                    Ok(zeros) => empty.insert(zeros),
                    Err(zeros) => bail!("{} arrays where {N} were made", zeros.len()),
                }
            }
        };
        self.steps[i] += 1;
        Ok((self.steps[i], arrays))
    }

    /// Everything, sorted by name.
    pub(super) fn state(&self) -> Result<Vec<NamedArray>> {
        let mut state = vec![NamedArray {
            name: STEP.into(),
            dtype: Dtype::I64,
            shape: vec![self.steps.len()],
            bytes: self.steps.iter().flat_map(|n| n.to_le_bytes()).collect(),
        }];
        for (param, arrays) in self.params.iter().zip(&self.arrays) {
            let arrays = arrays.iter().flatten();
            for (label, array) in self.labels.iter().zip(arrays) {
                state.push(NamedArray {
                    name: format!("{}.{label}", param.name()),
                    dtype: Dtype::F32,
                    shape: param.shape().to_vec(),
                    bytes: bytes(array)?,
                });
            }
        }
        state.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(state)
    }

    /// Puts a state back, if it is one of these parameters, array by array.
    pub(super) fn restore(&mut self, state: &[NamedArray]) -> std::result::Result<(), OptimError> {
        let mut named = BTreeMap::new();
        for array in state {
            if named.insert(array.name.as_str(), array).is_some() {
                return Err(OptimError::Duplicate(array.name.clone()));
            }
        }
        let Some(step) = named.remove(STEP) else {
            return Err(OptimError::Missing(vec![STEP.into()]));
        };
        let steps = self.read_steps(step)?;
        let arrays = self.read_arrays(&steps, &mut named)?;
        if !named.is_empty() {
            let names = named.into_keys().map(String::from).collect();
            return Err(OptimError::Unknown(names));
        }
        (self.steps, self.arrays) = (steps, arrays);
        Ok(())
    }

    fn read_steps(&self, array: &NamedArray) -> std::result::Result<Vec<i64>, OptimError> {
        fit(array, Dtype::I64, &[self.params.len()])?;
        let steps: Vec<i64> = array.elements(i64::from_le_bytes);
        for (param, count) in self.params.iter().zip(&steps) {
            if *count < 0 {
                let (param, count) = (param.name().into(), *count);
                return Err(OptimError::Count { param, count });
            }
        }
        Ok(steps)
    }

    /// Takes out of `named` the arrays of every parameter that has been updated.
    fn read_arrays(
        &self,
        steps: &[i64],
        named: &mut BTreeMap<&str, &NamedArray>,
    ) -> std::result::Result<Vec<Option<[Tensor; N]>>, OptimError> {
        let mut missing = Vec::new();
        let mut all = Vec::with_capacity(steps.len());
        for (param, count) in self.params.iter().zip(steps) {
            let mut arrays = Vec::with_capacity(N);
            for label in self.labels.iter().filter(|_| *count > 0) {
                let name = format!("{}.{label}", param.name());
                match named.remove(name.as_str()) {
                    Some(array) => arrays.push(read(array, param)?),
                    None => missing.push(name),
                }
            }
            all.push(<[Tensor; N]>::try_from(arrays).ok());
        }
        if missing.is_empty() {
            Ok(all)
        } else {
            Err(OptimError::Missing(missing))
        }
    }
}

/// One array as a tensor beside its parameter.
fn read(array: &NamedArray, param: &Param) -> std::result::Result<Tensor, OptimError> {
    fit(array, Dtype::F32, param.shape())?;
    let values: Vec<f32> = array.elements(f32::from_le_bytes);
    let device: &Device = param.tensor().device();
    Ok(Tensor::from_vec(values, param.shape(), device)?)
}

/// Refuses an array of another type, shape or length.
fn fit(array: &NamedArray, dtype: Dtype, shape: &[usize]) -> std::result::Result<(), OptimError> {
    array.fits(dtype, shape).map_err(|why| OptimError::Misfit {
        name: array.name.clone(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Init;

    fn slots() -> Slots<2> {
        let params = ["a", "b", "c"].map(|name| {
            let param = Param::new(name.into(), vec![2, 3], Init::Constant(1.0), true);
            param.fill(0, &Device::Cpu).unwrap();
            param
        });
        let mut slots = Slots::new(["x", "y"], &params);
        for i in [0, 2, 2] {
            let (count, arrays) = slots.advance(i).unwrap();
            arrays[0] = (arrays[0].clone() + count as f64).unwrap();
            arrays[1] = (arrays[1].clone() - 0.5).unwrap();
        }
        slots
    }

    fn failure(change: impl FnOnce(&mut Vec<NamedArray>)) -> String {
        let mut state = slots().state().unwrap();
        change(&mut state);
        let mut slots = slots();
        let message = slots.restore(&state).unwrap_err().to_string();
        assert_eq!(slots.state().unwrap(), self::slots().state().unwrap());
        message
    }

    #[test]
    fn state_has_sorted_names_and_comes_back_bit_for_bit() {
        let state = slots().state().unwrap();
        let names: Vec<_> = state.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["a.x", "a.y", "c.x", "c.y", "step"]);
        let params = slots().params;
        let mut fresh = Slots::new(["x", "y"], &params);
        fresh.restore(&state).unwrap();
        assert_eq!(fresh.state().unwrap(), state);
        assert_eq!(fresh.advance(2).unwrap().0, 3);
        assert_eq!(fresh.advance(1).unwrap().0, 1);
    }

    #[test]
    fn what_differs_is_named() {
        assert_eq!(
            failure(|state| state.retain(|a| !a.name.starts_with("c."))),
            "optimizer state lacks `c.x`, `c.y`; \
             hint: it was saved by another optimizer or for another model"
        );
        assert!(failure(|state| state.clear()).contains("lacks `step`"));
        assert_eq!(
            failure(|state| state[0].name = "a.z".into()),
            "optimizer state lacks `a.x`; \
             hint: it was saved by another optimizer or for another model"
        );
        assert!(
            failure(|state| {
                let extra = NamedArray {
                    name: "b.x".into(),
                    ..state[0].clone()
                };
                state.push(extra);
            })
            .contains("unknown `b.x`")
        );
        assert_eq!(
            failure(|state| state.push(state[0].clone())),
            "optimizer state has `a.x` twice"
        );
        assert_eq!(
            failure(|state| state[0].shape = vec![3, 2]),
            "optimizer state `a.x` has shape [3, 2], not [2, 3]"
        );
        assert_eq!(
            failure(|state| state[0].dtype = Dtype::F64),
            "optimizer state `a.x` is F64, not F32"
        );
        assert_eq!(
            failure(|state| state[0].bytes.truncate(5)),
            "optimizer state `a.x` has 5 bytes, not 24"
        );
        assert_eq!(
            failure(|state| state[4].shape = vec![4]),
            "optimizer state `step` has shape [4], not [3]"
        );
        assert_eq!(
            failure(|state| state[4].bytes[8..16].fill(0xFF)),
            "optimizer state `step` counts -1 for the updates of `b`"
        );
    }
}
