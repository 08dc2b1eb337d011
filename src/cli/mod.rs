//! The command line: one file for each verb. The only place that prints, renders diagnostics and
//! ends the process.

pub mod args;
mod check;
mod command;
mod output;
mod render;

pub use command::{Cli, Command, GlobalArgs, main};
pub use output::{ColorChoice, Output};
