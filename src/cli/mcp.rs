//! `comfywright mcp`: the workspace for MCP clients, over standard input and output.

use std::{io::Write as _, process};

use clap::Args;

use super::{GlobalArgs, Output};
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

/// Ends when the process is first told to end, by Ctrl-C or a signal; the second time ends it at
/// once.
async fn interrupted() {
    told_to_end().await;
    // There is nowhere left to say that standard error cannot be written.
    let _ = writeln!(std::io::stderr(), "stopping: what runs is finished; press Ctrl-C again to leave at once");
    tokio::spawn(async {
        told_to_end().await;
        process::exit(ExitCode::Interrupted as i32);
    });
}

#[cfg(unix)]
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn told_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
