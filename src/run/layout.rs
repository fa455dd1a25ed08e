//! Names of the files in a run directory.

/// What a run is: [`RunInfo`](super::RunInfo).
pub const RUN: &str = "run.json";
/// One object a line: [`Row`](super::Row).
pub const METRICS: &str = "metrics.jsonl";
/// What came of it: [`Summary`](super::Summary).
pub const SUMMARY: &str = "summary.json";
/// `tracing` events, one object a line.
pub const TRACE: &str = "trace.jsonl";
/// Directory of the checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
