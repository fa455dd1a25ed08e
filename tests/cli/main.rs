//! The tool as its users meet it: real processes on real files, one file for each topic.
#![cfg(unix)]

mod accuracy;
mod sandbox;
