//! Training runs from one TOML file: a model, a dataset, an optimizer and a chain of
//! learning-rate schedules, checked before anything runs, trained on Candle, and left behind as a
//! directory that can be inspected, resumed and reproduced bit for bit.
//!
//! ```
//! use trainer::prelude::*;
//!
//! let config = r#"
//!     [model]
//!     type = "mlp"
//!     hidden = [16]
//!
//!     [dataset]
//!     type = "digits"
//!     limit = 200
//!
//!     [optimizer]
//!     type = "sgd"
//!     lr = 0.1
//!
//!     [[schedule]]
//!     type = "poly"
//!     power = 0.9
//!
//!     [train]
//!     epochs = 2
//! "#;
//! let plan = Plan::parse(config, &Extensions::new())?;
//! let mut run = Run::new(&plan)?;
//! let ending = run.train(&mut Vec::new(), &StopFlag::new())?;
//! let image = Tensor::zeros((1, 1, 8, 8), DType::F32, &Device::Cpu)?;
//! let logits = run.predict(&image)?;
//! assert_eq!((ending.step, logits.dims()), (8, [1, 10].as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Run::train_in`](launch::Run::train_in) trains in a run directory instead, and
//! [`load_model`](launch::load_model) has the model back from there. The events of a run go to a
//! [`Sink`](event::Sink): a vector, a screen, a log. `examples/library.rs` shows all of it, with a
//! dataset, a model, a loss, a metric, an optimizer and a schedule of one's own; `docs/library.md`
//! tells how each is written, and `trainer new --crate NAME` makes a crate that has them.
//!
//! The way of the data: TOML → [`config::Spec`] (as written) → [`config::Plan`] (meant) →
//! [`train::Session`] (built) → [`event::Event`]s (happened) → [`run::Writer`] (on disk) →
//! [`run::RunView`] (read back).

pub mod array;
pub mod candle;
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
pub mod prelude;
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

/// The allocator that training is fastest with. A program declares it in its `main.rs`:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: trainer::Allocator = trainer::Allocator;
/// ```
#[doc(inline)]
pub use mimalloc::MiMalloc as Allocator;

/// The Rust of the README, which the tests of the documentation run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
