//! Curves over the course of a run, drawn twice from the same data: in the terminal
//! ([`Plot::text`]) and as a picture for a paper ([`Plot::svg`], [`png`]).
//!
//! A [`Plot`] holds plain series; where they come from is not its business. [`sample()`] takes them
//! from a function of the update index in a bounded number of points that draw like all of them.

mod axis;
mod curve;
mod legend;
mod matrix;
mod names;
#[cfg(not(feature = "png"))]
mod no_raster;
mod picture;
#[cfg(feature = "png")]
mod raster;
mod raster_error;
mod sample;
mod screen;
mod style;
mod svg;

pub use curve::{Horizontal, Line, Panel, Phases, Plot};
pub use matrix::matrix;
#[cfg(not(feature = "png"))]
pub use no_raster::png;
#[cfg(feature = "png")]
pub use raster::png;
pub use raster_error::RasterError;
pub use sample::sample;
pub use style::{Style, Theme};
