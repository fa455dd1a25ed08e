#![no_main]

#[path = "../readers.rs"]
mod readers;
#[macro_use]
#[path = "../target.rs"]
mod target;

fuzz!("text_classes");
