//! The run directory: what a run leaves behind, how it gets there, and how it is read back.
//!
//! [`Writer`] takes [`crate::event::Event`]s and keeps them; [`Reader`] turns a directory into a
//! [`RunView`]; [`Store`] finds runs below a folder by id, prefix, name or path. The files are
//! described in `docs/run-format.md`, so that other tools can read them too.
//!
//! What holds, and is tested: one writer at a time (a file lock), a checkpoint is durable or it
//! does not exist, nothing is overwritten in place, no file of a stranger is believed before its
//! lengths and digests have been checked.

mod checkpoint;
mod compare;
mod confusion;
mod contents;
mod create;
mod data;
mod disk;
mod error;
mod fault;
mod file;
mod info;
mod layout;
mod lines;
mod lock;
mod log;
mod machine;
mod mask;
mod meta;
mod queue;
mod reader;
mod resume;
mod row;
mod row_builder;
mod seal;
mod status;
mod store;
mod summary;
mod tail;
#[cfg(test)]
mod tests;
mod truncate;
mod verify;
mod worker;
mod writer;

pub use checkpoint::{
    CheckpointInfo, Fallback, FileDigest, MODEL, Pick, checkpoint_of, find_weights, load_best,
    load_newest, load_step, load_weights,
};
pub(crate) use compare::TIMES;
pub use compare::{Comparison, Difference, compare, compare_rows};
pub use confusion::{Confusions, Evaluated};
pub use data::{ClassInfo, DataInfo};
pub use disk::probe;
pub use error::RunError;
pub use fault::VARIABLE as FAULT;
pub use file::File;
pub use info::{Attempt, Binary, InitInfo, RunInfo};
pub use layout::{METRICS, PLAN, is_run, plan_beside, plan_path};
pub use log::LogDigest;
pub use machine::{binary, described, isa_class};
pub use mask::has_masks;
pub use meta::{AttemptMeta, Keep, RunMeta};
pub use reader::{Reader, RunView};
pub use resume::{Labels, Resume, ResumeMeta};
pub use row::{Row, Value};
pub use status::RunStatus;
pub use store::{Store, Survey};
pub use summary::{BestSummary, Summary};
pub use tail::{Tail, TailLine};
pub use verify::{CheckpointVerdict, Verification, verify};
pub use writer::{Warnings, Writer};
