//! The MCP server: what people do on the command line, for the programs that help them.
//!
//! One file for each area of tools. A tool reads its arguments, calls one function of `app`, and
//! says what came of it twice: as text that is complete by itself, and as structure. Knows the
//! protocol; decides nothing about documents, files or runs. Nothing but the protocol goes to
//! standard output.

mod ab;
mod arguments;
mod batch;
mod check;
mod diff;
mod files;
mod findings;
mod import;
mod masks;
mod pictures;
mod plan;
mod presets;
mod progress;
mod prompts;
mod resources;
mod results;
mod runs;
mod schema;
mod server;
mod shared;
mod tool;

use std::{path::PathBuf, sync::Arc};

use rmcp::{ServiceExt as _, transport::io::stdio_pipes};

use self::{server::Server, shared::Shared};
use crate::app::{AppError, Session, SessionOptions};

/// Serves the workspace around `start` on standard input and output until the input is closed or
/// `interrupted` ends. Runs go on: they are processes of their own.
pub fn serve(start: Option<PathBuf>, interrupted: impl Future<Output = ()> + Send) -> Result<(), AppError> {
    // Whether there is a folder to serve is said at once, not with the first call.
    Session::open(&SessionOptions { start: start.clone(), object_info: None })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| AppError::environment(format!("failed to start threads: {e}")))?;
    let result = runtime.block_on(serve_until(Arc::new(Shared::new(start)), interrupted));
    // A read from standard input cannot be broken off.
    runtime.shutdown_background();
    result
}

async fn serve_until(shared: Arc<Shared>, interrupted: impl Future<Output = ()> + Send) -> Result<(), AppError> {
    let server = Server::new(shared);
    let served = async {
        let running = server.serve(stdio_pipes()).await.map_err(|e| failed(&e))?;
        running.waiting().await.map(|_| ()).map_err(|e| failed(&e))
    };
    tokio::select! {
        result = served => result,
        () = interrupted => Ok(()),
    }
}

fn failed(error: &dyn std::error::Error) -> AppError {
    AppError::environment(format!("failed to serve: {error}"))
}
