//! `comfywright snapshot`: what a server can do, as a file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, plan::opened};
use crate::app::{self, ExitCode, SnapshotOptions, SnapshotReport, SnapshotTarget, Sources, count};

/// `comfywright snapshot`
#[derive(Args, Clone, Debug)]
pub struct SnapshotArgs {
    /// A server of comfywright.toml
    #[arg(value_name = "SERVER")]
    pub server: String,

    /// The file to write, or - for standard output; without it, the server's snapshot in the workspace,
    /// by which check judges from then on
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Keep descriptions, tooltips and the like, too
    #[arg(long)]
    pub full: bool,
}

/// Runs the verb.
pub fn run(args: &SnapshotArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let target = match &args.out {
        None => SnapshotTarget::Workspace,
        Some(path) if path == Path::new("-") => SnapshotTarget::Text,
        Some(path) => SnapshotTarget::File(path.clone()),
    };
    let options = SnapshotOptions { server: args.server.clone(), target, full: args.full };
    match opened(global, None).and_then(|session| app::take_snapshot(&session, &options)) {
        Ok(report) => answer(&args.server, &report, output),
        Err(error) => output.fail("snapshot", &error, &Sources::default()),
    }
}

fn answer(server: &str, report: &SnapshotReport, output: Output) -> ExitCode {
    match &report.written {
        None => output.text(&report.text),
        Some(path) => {
            let verb = if report.unchanged { "has not changed" } else { "written" };
            output.line(&format!("{} {verb}", path.display()));
            let version = report.versions.comfyui.as_ref().map_or_else(String::new, |v| format!(" (ComfyUI {v})"));
            let (classes, models) = (class_count(report.classes), count(report.models, "model file"));
            let packs = match report.versions.packs.len() {
                0 => String::new(),
                n => format!(", {}", count(n, "custom node pack")),
            };
            output.line(&format!("{server}{version}: {classes}, {models}{packs}"));
        }
    }
    let data = json!({
        "server": server,
        "written": report.written,
        "unchanged": report.unchanged,
        "classes": report.classes,
        "models": report.models,
        "versions": report.versions,
    });
    output.finish("snapshot", ExitCode::Done, data, &[], &Sources::default())
}

fn class_count(number: usize) -> String {
    if number == 1 { "1 class".to_owned() } else { format!("{number} classes") }
}
