//! The `trainer` binary; everything lives in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: trainer::Allocator = trainer::Allocator;

fn main() -> ExitCode {
    trainer::cli::main()
}
