//! `comfywright completions`: what shells complete.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::{Cli, Output};
use crate::app::{ExitCode, Sources};

/// `comfywright completions`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "For bash: comfywright completions bash > ~/.local/share/bash-completion/completions/comfywright"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// Runs the verb.
pub fn run(args: &CompletionsArgs, output: Output) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "comfywright", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.text(&script);
    let data = json!({ "shell": args.shell.to_string(), "script": script });
    output.finish("completions", ExitCode::Done, data, &[], &Sources::default())
}
