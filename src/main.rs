//! The program `comfywright`: hands the command line to [`comfywright::cli`].

use std::process::ExitCode;

/// Reading and judging documents makes many small objects: `check` of a thousand documents takes a
/// third longer with the C library's allocator (`benches/workspace.py`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(comfywright::cli::main() as u8)
}
