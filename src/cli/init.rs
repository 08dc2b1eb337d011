//! `comfywright init`: a new workspace.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output};
use crate::app::{self, ExitCode, FIRST_DOCUMENT, InitReport, Sources};

/// `comfywright init`
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// The folder; it is made when it is not there
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(args: &InitArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let folder = args.folder.as_deref().or(global.workspace.as_deref()).unwrap_or(Path::new("."));
    match app::init(folder) {
        Err(error) => output.fail("init", &error, &Sources::default()),
        Ok(report) => {
            tell(&report, folder, output);
            let data = json!({ "root": report.root, "written": report.written, "kept": report.kept });
            output.finish("init", ExitCode::Done, data, &[], &Sources::default())
        }
    }
}

fn tell(report: &InitReport, folder: &Path, output: Output) {
    for file in &report.written {
        output.line(&format!("wrote {}", folder.join(file).display()));
    }
    if report.written.is_empty() {
        output.line(&format!("{} is a workspace already", report.root.display()));
        return;
    }
    let enter = if folder == Path::new(".") { String::new() } else { format!("cd {} && ", folder.display()) };
    output.line(&format!("next: {enter}comfywright run {FIRST_DOCUMENT}"));
}
