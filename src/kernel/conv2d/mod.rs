//! The loops of the 2-d convolution (cross-correlation), which pooling shares.
//!
//! `geometry` says where windows lie, `plan` what one convolution needs. The direct form reads a
//! window as stretches of numbers in an image with zeros around it; 3×3 windows on whole sixteens of
//! channels take Winograd's form, with half the products. Images have their channels last.

mod backward;
mod forward;
mod geometry;
mod padding;
mod plan;
mod pooling;
mod winograd;
mod winograd_transform;

pub(crate) use backward::Backward;
pub(crate) use forward::Maps;
pub use geometry::{Conv, Pool, Window, places};
pub(crate) use padding::Padding;
pub(crate) use plan::{BATCH_CHUNKS, Plan};
pub(crate) use pooling::{pool_image, unpool_image};
pub(crate) use winograd::Winograd;
