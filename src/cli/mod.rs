//! The command line: one file for each verb. The only place that prints, renders diagnostics and
//! ends the process.

mod ab;
mod ab_files;
mod again;
pub mod args;
mod check;
mod command;
mod completions;
mod convert;
mod diff;
mod doctor;
mod explain;
mod export;
mod fmt;
mod format_name;
mod gc;
mod graph;
mod history;
mod import;
mod init;
mod lock;
mod mask;
mod mcp;
mod models;
mod output;
mod pages;
mod plan;
mod progress;
mod rate;
mod render;
mod report;
mod results;
mod run;
mod schema;
mod servers;
mod signals;
mod snapshot;
mod template;
mod trace;
mod trial;
mod watch;

pub use command::{Cli, Command, GlobalArgs, main};
pub use output::{ColorChoice, Output};
