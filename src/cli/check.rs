//! `comfywright check`: what is wrong with documents.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output};
use crate::app::{self, AppError, CheckOptions, CheckReport, ExitCode, SessionOptions, Sources, count};

/// `comfywright check`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 nothing is wrong, 2 errors, 4 nothing was examined")]
pub struct CheckArgs {
    /// Documents, folders, or graphs exported as JSON; all documents of the workspace without any
    #[arg(value_name = "PATHS")]
    pub paths: Vec<PathBuf>,

    /// Mend what has a certain fix, in the files
    #[arg(long)]
    pub fix: bool,

    /// Refuse whatever is not as comfywright.lock says: nodes, models, input files, versions
    #[arg(long)]
    pub locked: bool,

    /// Judge node classes by this snapshot or `object_info` of a server, instead of the workspace's snapshots
    #[arg(long, value_name = "FILE")]
    pub object_info: Option<PathBuf>,

    /// Judge by what this server of comfywright.toml says now, its files included; several may be named
    #[arg(long, value_name = "NAME", conflicts_with = "object_info")]
    pub server: Vec<String>,
}

/// Runs the verb.
pub fn run(args: &CheckArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    match checked(args, global) {
        Ok(report) => answer(&report, output),
        Err(error) => output.fail("check", &error, &Sources::default()),
    }
}

fn checked(args: &CheckArgs, global: &GlobalArgs) -> Result<CheckReport, AppError> {
    let start = global.workspace.clone().or_else(|| args.paths.first().cloned());
    let session = SessionOptions { start, object_info: args.object_info.clone() };
    let options = CheckOptions { paths: args.paths.clone(), locked: args.locked, servers: args.server.clone() };
    if args.fix {
        return app::check_and_fix(&session, &options);
    }
    let session = app::open_to_check(&session, &options)?;
    let report = app::check(&session, &options);
    // The process ends soon. To give back the trees of a thousand documents one by one would take a
    // tenth of its time.
    std::mem::forget(session);
    report
}

fn answer(report: &CheckReport, output: Output) -> ExitCode {
    let code = report.exit_code();
    let data = json!({
        "documents": report.documents,
        "graphs": report.graphs,
        "errors": report.errors(),
        "warnings": report.warnings(),
        "against": report.against,
        "unexamined": report.unexamined,
        "unknown_classes": report.unknown_classes,
        "fixed": report.fixed,
    });
    let code = output.finish_findings("check", code, data, &report.diagnostics, &report.sources);
    for fixed in &report.fixed {
        output.line(&format!("fixed {} in {}", count(fixed.fixes, "finding"), fixed.file));
    }
    output.line(&report.summary());
    if let Some(first) = report.diagnostics.first() {
        output.line(&format!("comfywright explain {} says more; every code has such a page", first.code));
    }
    code
}
