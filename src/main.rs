//! The `trainer` binary; everything lives in the library.

fn main() -> std::process::ExitCode {
    trainer::cli::main()
}
