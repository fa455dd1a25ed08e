//! A model written for `candle_nn` as a model of the config.

use std::{borrow::Cow, cell::RefCell};

use candle_core::{DType, Result, Tensor, bail};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{
    CandleModel, dropout, kinds,
    tensors::{self, Params, Recorder},
};
use crate::{
    error::KeyFault,
    layer::{Builder, LayerError, Mode},
    model::{Inputs, Io, Model, ModelSpec, Takes},
};

/// A [`CandleModel`] as a model of the config; its keys are those of the model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Adapted<M>(pub M);

impl<M: JsonSchema> JsonSchema for Adapted<M> {
    fn schema_name() -> Cow<'static, str> {
        M::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        M::json_schema(generator)
    }
}

impl<M: CandleModel> ModelSpec for Adapted<M> {
    fn check(&self) -> Vec<KeyFault> {
        self.0.check()
    }

    fn is_foreign(&self) -> bool {
        true
    }

    fn takes(&self) -> &'static [Takes] {
        self.0.takes()
    }

    fn predicts_places(&self) -> bool {
        self.0.predicts_places()
    }

    fn build(&self, b: &Builder, io: &Io) -> std::result::Result<Box<dyn Model>, LayerError> {
        if b.precision() != DType::F32 {
            let message = "a model of candle_nn computes in f32";
            return Err(LayerError::shape(message).hint("leave `train.precision` out"));
        }
        let recorder = Recorder::new(b, &self.0);
        self.0.build(recorder.vars(), io).map_err(|error| {
            LayerError::shape(format!("its constructor failed: {}", words(&error)))
        })?;
        let noted = recorder.take();
        kinds::layers(&noted.asked)
            .into_iter()
            .for_each(|l| b.record(l));
        Ok(Box::new(Network {
            spec: self.0.clone(),
            io: io.clone(),
            builder: b.clone(),
            params: noted.params,
            net: RefCell::new(None),
        }))
    }
}

/// The network, which exists from the first forward pass on: the parameters are filled by then.
struct Network<M: CandleModel> {
    spec: M,
    io: Io,
    builder: Builder,
    params: Params,
    net: RefCell<Option<M::Net>>,
}

impl<M: CandleModel> Model for Network<M> {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> Result<Tensor> {
        let Some(first) = inputs.fields().first() else {
            bail!("the samples have no field");
        };
        let mut net = self.net.borrow_mut();
        if net.is_none() {
            let vb = tensors::filled(&self.params, &self.builder, first.tensor.device());
            *net = Some(self.spec.build(vb, &self.io)?);
        }
        let Some(net) = net.as_mut() else {
            bail!("the model has no network");
        };
        let forward = || self.spec.forward_inputs(net, inputs, mode.is_train());
        let output = dropout::pass(*mode, forward)?;
        let (n, outputs) = (first.tensor.dim(0)?, self.io.outputs);
        let dims = output.dims();
        let fits = dims.len() > 1 && dims.first() == Some(&n) && dims.last() == Some(&outputs);
        if !fits {
            bail!(
                "the model gives {dims:?} for {n} samples, and [{n}, {outputs}] is wanted: the last \
                 extent is one for each output"
            );
        }
        Ok(output)
    }
}

/// Returns Candle's message without its backtrace.
fn words(error: &candle_core::Error) -> String {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => words(inner),
        other => other.to_string(),
    }
}
