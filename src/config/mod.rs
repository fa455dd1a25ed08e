//! The config language: TOML → [`Spec`] (as written, every value with its place) → [`Plan`]
//! (meant: checked, defaults filled in, shapes and steps known). All faults are found in one pass.

mod checkpoint;
mod cost;
mod diagnostic;
mod extensions;
mod groups;
mod length;
mod node;
mod plan;
mod reference;
mod registry;
mod resolve;
mod resolver;
mod schedule_view;
mod schema;
mod sections;
mod source;
mod spec;
mod suggest;
mod top;
mod train;
mod validate;

pub use checkpoint::{BestKeys, CheckpointKeys};
pub use cost::Cost;
pub use diagnostic::{ConfigError, Diagnostic, Diagnostics, Severity};
pub use extensions::Extensions;
pub use length::Length;
pub use plan::Plan;
pub use reference::{inner_table, markdown};
pub use registry::{Component, Kind, LoadFault, Registry, schema_of};
pub use schedule_view::ScheduleView;
pub use schema::json_schema;
pub use sections::{Section, about, default_text, example_text, metrics, sections, type_text};
pub use source::{Place, Source, Sources};
pub use spec::{Overrides, Spec};
pub use top::{ModelKeys, Top};
pub use train::{Better, EarlyStopKeys, EmaKeys, OnNan, Precision, TrainKeys};
