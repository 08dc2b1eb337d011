//! `comfywright diff`: what differs, as people mean it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    app::{self, AppError, Compared, DiffRequest, ExitCode, Session, Sources},
    diff,
};

/// `comfywright diff`
#[derive(Args, Clone, Debug)]
#[command(after_help = "A and B are documents (files, or references such as product-photo@1.2.0), graphs, or \
                        snapshots of servers.\n\
                        Exit codes: 0 compared, 1 there are differences and --exit-code was given, 2 what was named \
                        is not there or wrong")]
pub struct DiffArgs {
    /// Two files or references; with --git, documents or folders to look at
    #[arg(value_name = "A B|PATHS")]
    pub operands: Vec<String>,

    /// Compare commits: BASE..HEAD, BASE...HEAD since they parted, or BASE with the folder as it is
    #[arg(long, value_name = "RANGE")]
    pub git: Option<String>,

    /// Answer with Markdown, for a comment of a pull request
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,

    /// End with 1 when there are differences
    #[arg(long)]
    pub exit_code: bool,
}

/// Runs the verb.
pub fn run(args: &DiffArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let request = match request(args) {
        Ok(request) => request,
        Err(error) => return output.fail("diff", &error, &Sources::default()),
    };
    // Documents that are named lie in the workspace that is meant.
    let first = args.operands.first().map(String::as_str).filter(|_| global.workspace.is_none());
    let session: Session = match opened(global, first) {
        Ok(session) => session,
        Err(error) => return output.fail("diff", &error, &Sources::default()),
    };
    match app::diff(&session, &request) {
        Ok(compared) => answer(&compared, args, output),
        Err(error) => output.fail("diff", &error, &Sources::of(&session)),
    }
}

fn request(args: &DiffArgs) -> Result<DiffRequest, AppError> {
    match (&args.git, args.operands.as_slice()) {
        (Some(range), paths) => {
            Ok(DiffRequest::Commits { range: range.clone(), paths: paths.iter().map(PathBuf::from).collect() })
        }
        (None, [before, after]) => Ok(DiffRequest::Files { before: before.clone(), after: after.clone() }),
        (None, _) => Err(AppError::usage("diff compares two files or references")
            .with_hint("comfywright diff A B, or comfywright diff --git BASE..HEAD")),
    }
}

fn answer(compared: &Compared, args: &DiffArgs, output: Output) -> ExitCode {
    let report = &compared.report;
    if args.markdown {
        output.text(&diff::markdown(report));
    } else {
        diff::text(report).iter().for_each(|line| output.line(line));
    }
    let code = if args.exit_code && !report.is_empty() { ExitCode::Failures } else { ExitCode::Done };
    let mut data = json!(report);
    data["differs"] = (!report.is_empty()).into();
    output.finish("diff", code, data, &[], &compared.sources)
}
