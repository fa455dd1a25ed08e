//! More channels that are zero, by Candle's padding.

use candle_core::{Result, Tensor, bail};

use crate::units::counted;

/// As [`crate::kernel::pad_channels()`]: x [n, h, w, c] → [n, h, w, `channels`].
///
/// # Errors
/// Where x has more channels than that, or the device fails.
pub fn pad_channels(x: &Tensor, channels: usize) -> Result<Tensor> {
    let own = x.dim(3)?;
    let Some(more) = channels.checked_sub(own) else {
        bail!(
            "{} cannot be padded to {channels}",
            counted(own as u64, "channel")
        )
    };
    x.pad_with_zeros(3, 0, more)
}
