//! What the run directory promises, tried on real directories with a toy in the place of training.

mod changed;
mod damage;
mod directory;
mod disk_trouble;
mod finding;
#[cfg(unix)]
mod hostile;
mod processes;
mod resuming;
mod toy;
