//! The command line: one file for each verb. The only place that prints, renders diagnostics and
//! ends the process.

pub mod args;
mod check;
mod command;
mod completions;
mod convert;
mod doctor;
mod fmt;
mod format_name;
mod history;
mod init;
mod mask;
mod mcp;
mod models;
mod output;
mod plan;
mod progress;
mod render;
mod run;
mod schema;

pub use command::{Cli, Command, GlobalArgs, main};
pub use output::{ColorChoice, Output};
