//! The program `comfywright`: hands the command line to [`comfywright::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(comfywright::cli::main() as u8)
}
