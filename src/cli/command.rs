//! The words of the command line, and which verb takes them.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, error::ErrorKind};

use super::{
    check,
    output::{ColorChoice, Output},
};
use crate::app::{AppError, ExitCode, Sources};

/// ComfyUI pipelines as code.
///
/// Presets, prompt tests, batch chains and masks are small TOML or KDL files in git; comfywright
/// checks them, runs them and remembers every result.
#[derive(Parser, Debug)]
#[command(name = "comfywright", version, disable_help_subcommand = true, infer_subcommands = false)]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// Arguments that every verb takes.
#[derive(Args, Clone, Debug)]
pub struct GlobalArgs {
    /// Answer with one JSON value on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorChoice,

    /// A folder in the workspace to work in; the current folder without it
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Say what is wrong with documents
    Check(check::CheckArgs),
}

/// Runs the command line `arguments`, the name of the program first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => dispatch(&cli),
        Err(error) => refused(&error, &arguments),
    }
}

fn dispatch(cli: &Cli) -> ExitCode {
    let (global, output) = (&cli.global, Output::new(cli.global.json, cli.global.color));
    match &cli.command {
        Command::Check(args) => check::run(args, global, output),
    }
}

/// Answers what is no command: help, the version, or what is wrong with it.
fn refused(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    if asked || !json {
        // Nowhere is left to say that the terminal cannot be written.
        let _ = error.print();
        return if asked { ExitCode::Done } else { ExitCode::WrongFiles };
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let error = AppError::Usage { message, hint: Some("see comfywright --help".to_owned()) };
    Output::new(true, ColorChoice::Never).fail("", &error, &Sources::default())
}
