//! `comfywright fmt`: the canonical layout.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, format_name::FormatName};
use crate::{
    app::{self, AppError, ExitCode, FmtReport, Session, SessionOptions, Sources, canonical_text, count},
    files::Format,
    model::{MAX_DOCUMENT_BYTES, read_bytes},
};

/// `comfywright fmt`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 done, 1 with --check: files differ, 2 files with errors, 4 there are no files")]
pub struct FmtArgs {
    /// Documents or folders, or - for standard input; the whole workspace without any
    #[arg(value_name = "PATHS")]
    pub paths: Vec<PathBuf>,

    /// Write nothing; list the files that differ
    #[arg(long)]
    pub check: bool,

    /// The format of standard input
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatName>,
}

/// Runs the verb.
pub fn run(args: &FmtArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    if args.paths.iter().any(|path| path == Path::new("-")) {
        return standard_input(args, output);
    }
    let start = global.workspace.clone().or_else(|| args.paths.first().cloned());
    let session = Session::open(&SessionOptions { start, object_info: None });
    match session.and_then(|session| app::fmt(&session, &args.paths, !args.check)) {
        Ok(report) => answer(&report, output),
        Err(error) => output.fail("fmt", &error, &Sources::default()),
    }
}

fn answer(report: &FmtReport, output: Output) -> ExitCode {
    for file in &report.changed {
        output.line(&format!("{} {file}", if report.written { "formatted" } else { "would format" }));
    }
    let changed = report.changed.len();
    output.line(&match (report.files, report.written) {
        (0, _) => "there are no documents to format".to_owned(),
        (files, true) => format!("formatted {changed} of {}", count(files, "file")),
        (files, false) => format!("{changed} of {} not in the canonical layout", count(files, "file")),
    });
    let data = json!({ "files": report.files, "changed": report.changed, "written": report.written });
    output.finish("fmt", report.exit_code(), data, &report.diagnostics, &report.sources)
}

fn standard_input(args: &FmtArgs, output: Output) -> ExitCode {
    let file: Arc<str> = Arc::from("<stdin>");
    let usage = |message: &str| output.fail("fmt", &AppError::usage(message), &Sources::default());
    if args.paths.len() > 1 {
        return usage("standard input is formatted by itself, without other paths");
    }
    let Some(format) = args.format.map(Format::from) else {
        return usage("say what standard input is: --format toml or --format kdl");
    };
    let mut bytes = Vec::new();
    if let Err(error) = io::stdin().lock().take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes) {
        let error = AppError::environment(format!("failed to read standard input: {error}"));
        return output.fail("fmt", &error, &Sources::default());
    }
    let text = match read_bytes(&bytes, &file) {
        Ok(text) => text,
        Err(error) => return output.fail("fmt", &AppError::Wrong(vec![*error]), &Sources::default()),
    };
    match canonical_text(&text, &file, format, format) {
        Err(found) => output.fail("fmt", &AppError::Wrong(found), &Sources::default().with(file, text)),
        Ok(new) => {
            let changed = *new != *text;
            if !args.check {
                output.text(&new);
            }
            let code = if args.check && changed { ExitCode::Failures } else { ExitCode::Done };
            output.finish("fmt", code, json!({ "changed": changed, "text": new }), &[], &Sources::default())
        }
    }
}
