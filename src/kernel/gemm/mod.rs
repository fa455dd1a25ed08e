//! Matrix products of f32 slices.
//!
//! `matmul` cuts a product into blocks for the threads and copies the right side into panels; `tile`
//! computes a block with its sums in registers, for products and convolutions alike. `transpose`
//! and `prefetch` bring numbers to where the tiles read them.

mod matmul;
mod prefetch;
pub mod tile;
mod transpose;

pub(crate) use matmul::{Epilogue, Matrix, multiply, packed};
pub(crate) use prefetch::prefetch;
pub(crate) use tile::{Block, Finish, Left, Right, WIDEST, width};
pub(crate) use transpose::transpose;
