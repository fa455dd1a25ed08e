//! The names that a program which trains with this library needs: `use trainer::prelude::*`.
//!
//! Tensors are those of [`candle_core`], which is part of it, so that both are of one version.

pub use candle_core::{self, DType, Device, Tensor};

pub use crate::{
    cli::main_with,
    config::{ConfigError, Extensions, Overrides, Plan},
    data::{Data, DataError, DatasetKeys, DatasetSpec, InMemory, Values},
    direction::Direction,
    error::KeyFault,
    event::{Ending, Event, Sink, SinkError},
    field::Field,
    kernel::{Grads, Init, Param},
    launch::{LaunchError, Run, Which, load_model},
    layer::{Builder, LayerError, Mode},
    model::{Inputs, Io, Model, ModelSpec},
    objective::{Accumulator, LossSpec, MetricSpec},
    optim::{Hyper, Optimizer, OptimizerSpec},
    rng::{Purpose, Stream},
    schedule::{Curve, Formula, Frame},
    task::{Targets, Task},
    train::{Session, Split, StopFlag},
};
