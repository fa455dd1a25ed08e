//! The `trainer` binary; everything lives in the library.

use std::process::ExitCode;

/// Keeps freed pages: a step that allocates its activations anew then costs no page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trainer::cli::main()
}
