//! The `trainer` binary; everything lives in the library.

use std::process::ExitCode;

/// Hands out what a step gave back without asking the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trainer::kernel::allocator::keep();
    trainer::cli::main()
}
