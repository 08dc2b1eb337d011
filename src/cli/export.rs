//! `comfywright export`: documents as files that ComfyUI opens.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    GlobalArgs, Output,
    args::TargetArgs,
    plan::{job_options, start},
};
use crate::app::{self, ExitCode, ExportForm, ExportOptions, Exported, Session, SessionOptions, Sources, pretty};

/// `comfywright export`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 exported, 2 the document has errors or the command is wrong")]
pub struct ExportArgs {
    /// A preset, or a chain with --item: its file, or its name in the workspace
    #[arg(value_name = "FILE")]
    pub document: String,

    /// Settings and servers.
    #[command(flatten)]
    pub target: TargetArgs,

    /// What to write: `api`, which servers take, or `ui`, which the editor opens
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: ExportFormat,

    /// A task of the chain, or one of its items: `TASK` or `TASK[key=value]`
    #[arg(long, value_name = "ITEM")]
    pub item: Option<String>,

    /// Judge node classes by this snapshot or `object_info` of a server
    #[arg(long, value_name = "FILE")]
    pub object_info: Option<PathBuf>,

    /// The file to write; standard output without it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace a file that is there already
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// What can be written.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// A graph in API format
    #[default]
    Api,
    /// A workflow of the editor
    Ui,
}

/// Runs the verb.
pub fn run(args: &ExportArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let options = SessionOptions { start: start(global, &args.document), object_info: args.object_info.clone() };
    let session = match Session::open(&options) {
        Ok(session) => session,
        Err(error) => return output.fail("export", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    let form = if args.format == ExportFormat::Ui { ExportForm::Ui } else { ExportForm::Api };
    let (job, item, out) = (job_options(&args.target), args.item.clone(), args.out.clone());
    match app::export(&session, &args.document, &ExportOptions { job, item, form, out, force: args.force }) {
        Ok(exported) => answer(args, &exported, &sources, output),
        Err(error) => output.fail("export", &error, &sources),
    }
}

fn answer(args: &ExportArgs, exported: &Exported, sources: &Sources, output: Output) -> ExitCode {
    match &args.out {
        None => output.text(&pretty(&exported.value)),
        Some(path) => {
            output.line(&format!("wrote {} for {}", path.display(), exported.item));
            for (name, file) in &exported.inputs {
                output.line(&format!("  {file} belongs into the input folder of the server as {name}"));
            }
            for (input, name) in &exported.made {
                output.line(&format!("  `{input}` is what another task makes; here it is the file {name}"));
            }
        }
    }
    let written = args.out.iter().collect::<Vec<_>>();
    let graph = args.out.is_none().then_some(&exported.value);
    let data = json!({
        "item": exported.item, "graph": graph, "written": written, "inputs": exported.inputs, "made": exported.made
    });
    output.finish("export", ExitCode::Done, data, &exported.diagnostics, sources)
}
