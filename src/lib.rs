//! Training runs from one TOML file: a model, a dataset, an optimizer and a chain of
//! learning-rate schedules, checked before anything runs, trained on Candle, and left behind as a
//! directory that can be inspected, resumed and reproduced bit for bit.
//!
//! ```toml
//! [model]
//! type = "mlp"
//!
//! [dataset]
//! type = "digits"
//!
//! [optimizer]
//! type = "sgd"
//! lr = 0.1
//!
//! [[schedule]]
//! type = "warmup"
//! for = "5 epochs"
//!
//! [[schedule]]
//! type = "poly"
//! power = 0.9
//!
//! [train]
//! epochs = 100
//! ```
//!
//! The way of the data: TOML → [`config::Spec`] (as written) → [`config::Plan`] (meant) →
//! [`train::Session`] (built) → [`event::Event`]s (happened) → [`run::Writer`] (on disk) →
//! [`run::RunView`] (read back).

pub mod cli;
pub mod config;
pub mod data;
pub mod direction;
pub mod error;
pub mod event;
pub mod field;
pub mod file;
pub mod kernel;
pub mod launch;
pub mod layer;
pub mod memory;
pub mod model;
pub mod number;
pub mod objective;
pub mod optim;
pub mod printable;
pub mod program;
pub mod report;
pub mod rng;
pub mod run;
pub mod safetensors;
pub mod schedule;
pub mod selftest;
pub mod suggest;
pub mod task;
pub mod train;
pub mod units;

pub use mimalloc::MiMalloc as Allocator;
