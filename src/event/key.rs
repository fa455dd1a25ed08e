//! The keys under which rows, traces and tables have their numbers.

/// Learning rate of the default group: for an update, and for an epoch's first one.
pub const LR: &str = "lr";
/// Learning rate of the default group for an epoch's last update.
pub const LR_LAST: &str = "lr_last";
/// Mean loss over training samples.
pub const TRAIN_LOSS: &str = "train/loss";
/// Mean loss over the validation split.
pub const VAL_LOSS: &str = "val/loss";
/// Mean loss over the test split.
pub const TEST_LOSS: &str = "test/loss";
/// L2 norm of the whole gradient before clipping.
pub const GRAD_NORM: &str = "grad_norm";
/// Factor that the loss is multiplied by in f16.
pub const LOSS_SCALE: &str = "loss_scale";
/// Milliseconds of a whole step.
pub const STEP_TIME_MS: &str = "step_time_ms";
/// Milliseconds that a step waited for data.
pub const DATA_TIME_MS: &str = "data_time_ms";
/// Training samples a second, evaluation and checkpoints excluded.
pub const SAMPLES_PER_S: &str = "samples_per_s";
/// Seconds that an epoch took, everything included.
pub const WALL_S: &str = "wall_s";
/// Seconds since training began in this process.
pub const ELAPSED_S: &str = "elapsed_s";
/// Digest of the order of the samples.
pub const ORDER_HASH: &str = "order_hash";
/// Digest of the training state.
pub const STATE_HASH: &str = "state_hash";
