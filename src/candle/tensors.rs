//! The tensors that a constructor gets from its `VarBuilder`: for a plan views of one zero, for a session the
//! parameters.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::{Init as Hint, VarBuilder, var_builder::SimpleBackend};

use super::{CandleModel, first, kinds::Asked};
use crate::{kernel::Param, layer::Builder};

/// Parameters and buffers by name.
pub(super) type Params = BTreeMap<String, Param>;

/// Answers a constructor with tensors that have a shape and no memory, and notes what it asks for.
pub(super) struct Recorder<'a, M> {
    builder: &'a Builder,
    spec: &'a M,
    noted: Mutex<Noted>,
}

/// The tensors that a constructor asked for.
#[derive(Default)]
pub(super) struct Noted {
    /// The parameters and buffers.
    pub params: Params,
    /// The same in the order of the questions.
    pub asked: Vec<Asked>,
    /// Names that it looked for first.
    looked: Vec<String>,
}

impl<'a, M: CandleModel> Recorder<'a, M> {
    /// Notes everything in `builder`, too.
    pub fn new(builder: &'a Builder, spec: &'a M) -> Self {
        Self {
            builder,
            spec,
            noted: Mutex::default(),
        }
    }

    /// A `VarBuilder` for the constructor.
    pub fn vars(&self) -> VarBuilder<'_> {
        VarBuilder::from_backend(Box::new(self), DType::F32, Device::Cpu)
    }

    /// Takes what was noted.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the parameter of a name that was not asked for before.
    fn make(&self, name: &str, shape: &[usize], hint: Hint, dtype: DType) -> Result<Param> {
        if name.is_empty() || name.starts_with("ema/") {
            bail!("a tensor cannot be called `{name}`: checkpoints keep something else there");
        }
        let bytes = shape.iter().try_fold(4usize, |n, d| n.checked_mul(*d));
        if bytes.is_none() {
            bail!("`{name}` of shape {shape:?} has more numbers than memory can hold");
        }
        if dtype.is_float() && dtype != DType::F32 {
            bail!(
                "`{name}` is asked for as {}, and parameters are kept in f32: ask for `vb.dtype()`",
                dtype.as_str()
            );
        }
        let is_buffer = self.spec.is_buffer(name) || !dtype.is_float();
        let init = first::values(hint, shape);
        Ok(match is_buffer {
            true => self.builder.buffer_as(name, shape, init),
            false => self.builder.param(name, shape, init),
        })
    }
}

impl<M: CandleModel> SimpleBackend for &Recorder<'_, M> {
    fn get(&self, s: Shape, name: &str, h: Hint, dtype: DType, _: &Device) -> Result<Tensor> {
        let mut noted = self.noted();
        match noted.params.get(name) {
            Some(known) => same_shape(known, &s)?,
            None => {
                let param = self.make(name, s.dims(), h, dtype)?;
                let looked = noted.looked.iter().any(|looked| looked == name);
                noted.asked.push(Asked::new(&param, h, looked));
                noted.params.insert(name.to_owned(), param);
            }
        }
        Tensor::zeros((), dtype, &Device::Cpu)?.broadcast_as(s)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("`{name}` is asked for without a shape; ask with `vb.get(shape, name)`")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.noted().looked.push(name.to_owned());
        self.builder.holds(name)
    }
}

/// Answers a constructor with the parameters that a session has filled.
struct Filled<'a> {
    params: &'a Params,
    builder: &'a Builder,
}

impl SimpleBackend for Filled<'_> {
    fn get(&self, s: Shape, name: &str, _: Hint, dtype: DType, _: &Device) -> Result<Tensor> {
        let Some(param) = self.params.get(name) else {
            bail!("the constructor asks for `{name}`, and did not when the plan was made");
        };
        same_shape(param, &s)?;
        param.tensor().to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("`{name}` is asked for without a shape; ask with `vb.get(shape, name)`")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.builder.holds(name)
    }
}

/// A `VarBuilder` over the parameters of a session.
pub(super) fn filled<'a>(
    params: &'a Params,
    builder: &'a Builder,
    device: &Device,
) -> VarBuilder<'a> {
    let backend = Filled { params, builder };
    VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone())
}

/// Refuses a name that is asked for again with another shape.
fn same_shape(param: &Param, shape: &Shape) -> Result<()> {
    if param.shape() != shape.dims() {
        let (name, first, then) = (param.name(), param.shape(), shape.dims());
        bail!("`{name}` is asked for twice, as {first:?} and as {then:?}");
    }
    Ok(())
}
