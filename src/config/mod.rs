//! The config language: TOML → [`Spec`] (as written, every value with its place) → [`Plan`]
//! (meant: checked, defaults filled in, shapes and steps known). All faults are found in one pass.

mod aliases;
mod checkpoint;
mod cost;
mod diagnostic;
mod elsewhere;
mod environment;
mod extensions;
mod groups;
mod init;
mod layers;
mod length;
mod node;
mod old_meaning;
mod origin;
mod paths;
mod plan;
mod read;
mod reference;
mod registry;
mod repair;
mod resolver;
mod schedule_view;
mod schema;
mod schema_text;
mod sections;
mod source;
mod spec;
mod start;
mod syntax;
mod tables;
mod top;
mod train;
mod type_hint;
mod validate;

pub use checkpoint::{BestKeys, CheckpointKeys};
pub use cost::Cost;
pub use diagnostic::{ConfigError, Diagnostic, Diagnostics, Severity};
pub use elsewhere::key_path;
pub use extensions::Extensions;
pub use init::{Fit, HubFile, Init, WeightFile, stored};
pub use length::Length;
pub use origin::{Origin, origin};
pub use paths::{PathKey, expand, path_fault};
pub use plan::Plan;
pub use reference::{inner_table, markdown};
pub use registry::{Component, Kind, LoadFault, Registry, schema_of};
pub use resolver::short_path;
pub use schedule_view::ScheduleView;
pub use schema::json_schema;
pub use schema_text::{
    about, default_text, default_words, description, example_text, first_sentence, type_text,
};
pub use sections::{Section, metrics, sections};
pub use source::{Place, Source, Sources};
pub use spec::{Overrides, Spec, Written};
pub use start::StartKeys;
pub use top::{ModelKeys, Top};
pub use train::{EarlyStopKeys, EmaKeys, OnNan, Precision, TrainKeys};

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod reaction_tests;
#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod span_tests;
