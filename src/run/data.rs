//! The record of the data in `run.json`: the number of samples, by split and class.

use serde::{Deserialize, Serialize};

/// Samples by split, and by class where they have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    /// Training samples.
    pub train: u64,
    /// Validation samples.
    pub val: u64,
    /// Test samples.
    pub test: u64,
    /// Every class in the model's order; empty where there are none, or more than [`DataInfo::MOST_CLASSES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassInfo>,
}

/// The samples of a class in each split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassInfo {
    /// Its name.
    pub name: String,
    /// Training samples.
    pub train: u64,
    /// Validation samples.
    pub val: u64,
    /// Test samples.
    pub test: u64,
}

impl DataInfo {
    /// More classes than these are not listed one by one.
    pub const MOST_CLASSES: usize = 1000;
}
