//! `comfywright mcp`: the workspace for MCP clients, over standard input and output.

use clap::Args;

use super::{GlobalArgs, Output, signals::interrupted};
use crate::{
    app::{ExitCode, Sources},
    mcp,
};

/// `comfywright mcp`
#[derive(Args, Clone, Debug)]
pub struct McpArgs {}

/// Runs the verb. Standard output belongs to the protocol, so that even errors go to standard
/// error.
pub fn run(_: &McpArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let output = Output { json: false, ..output };
    match mcp::serve(global.workspace.clone(), interrupted()) {
        Ok(()) => ExitCode::Done,
        Err(error) => output.fail("mcp", &error, &Sources::default()),
    }
}
