//! `comfywright graph`: ComfyUI's own files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Output;
use crate::app::{self, AppError, ExitCode, GraphApiOptions, GraphApiReport, Sources, pretty};

/// `comfywright graph`
#[derive(Args, Clone, Debug)]
pub struct GraphArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: GraphAction,
}

/// What can be done with ComfyUI's own files.
#[derive(Subcommand, Clone, Debug)]
pub enum GraphAction {
    /// Print the graph that ComfyUI's editor sends for a workflow that it saved
    Api(GraphApiArgs),
}

/// `comfywright graph api`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 converted, 2 a file is no workflow or the command is wrong")]
pub struct GraphApiArgs {
    /// Workflows as the editor saves them
    #[arg(value_name = "WORKFLOW", required = true)]
    pub files: Vec<PathBuf>,

    /// The `object_info` of the server; without it, only built-in classes are known
    #[arg(long, value_name = "FILE")]
    pub object_info: Option<PathBuf>,

    /// Write NAME.api.json for each NAME.json, or NAME.workflow.json, to this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(args: &GraphArgs, output: Output) -> ExitCode {
    match &args.action {
        GraphAction::Api(args) => match converted(args, output) {
            Ok(report) => answer(args, &report, output),
            Err(error) => output.fail("graph api", &error, &Sources::default()),
        },
    }
}

fn converted(args: &GraphApiArgs, output: Output) -> Result<GraphApiReport, AppError> {
    if args.files.len() > 1 && args.out.is_none() && !output.json {
        let message = "several workflows are converted to files";
        return Err(AppError::usage(message).with_hint("name a folder with --out, or ask for --json"));
    }
    let (files, object_info, out) = (args.files.clone(), args.object_info.clone(), args.out.clone());
    app::graph_api(&GraphApiOptions { files, object_info, out })
}

fn answer(args: &GraphApiArgs, report: &GraphApiReport, output: Output) -> ExitCode {
    let code = if report.has_errors() { ExitCode::WrongFiles } else { ExitCode::Done };
    if args.out.is_none() {
        report.graphs.iter().for_each(|(_, graph)| output.text(&pretty(graph)));
    }
    report.written.iter().for_each(|path| output.line(&format!("wrote {}", path.display())));
    let graphs: Vec<_> = report
        .graphs
        .iter()
        .filter(|_| args.out.is_none())
        .map(|(file, graph)| json!({ "file": file, "graph": graph }))
        .collect();
    let data = json!({ "graphs": graphs, "written": report.written });
    output.finish("graph api", code, data, &report.diagnostics, &report.sources)
}
