//! `comfywright report` and `ab report`: the pages of a run and of an A/B test.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, args::ReportArgs, plan::opened};
use crate::{
    amounts::size_text,
    app::{self, AppError, ExitCode, ReportOptions, Session, Sources, WrittenReport, WrittenTestReport, history},
};

/// `comfywright ab report`
#[derive(Args, Clone, Debug)]
pub struct TestReportArgs {
    /// An A/B test, whose newest run is meant, or a run of one
    #[arg(value_name = "TEST")]
    pub test: String,

    /// Write the page to this file, and the others beside it; test.html in the folder of the run without it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Most pictures in the page, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=256))]
    pub pictures: u32,

    /// Write each plot as PNG beside the page, and all of them as a Vega-Lite document
    #[arg(long)]
    pub plots: bool,

    /// Open the page
    #[arg(long)]
    pub open: bool,
}

/// Runs `ab report`.
pub(super) fn of_test(args: &TestReportArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("ab", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    let options = ReportOptions { out: args.out.clone(), pictures_mib: args.pictures, plots: args.plots };
    let written =
        app::open_ledger(&session).and_then(|ledger| app::write_test_report(&session, &ledger, &args.test, &options));
    match written {
        Ok(WrittenTestReport { page, markdown, numbers, plots, vega_lite, bytes, pictures, left_out }) => {
            output.line(&format!("{} · {}, {pictures} pictures", page.display(), size_text(bytes)));
            output.line(&format!("{}", markdown.display()));
            output.line(&format!("{}", numbers.display()));
            plots.iter().chain(&vega_lite).for_each(|file| output.line(&format!("{}", file.display())));
            if args.open
                && let Err(error) = opener::open(&page)
            {
                output.note(&format!("failed to open {}: {error}", page.display()));
            }
            let data = json!({
                "file": page.display().to_string(),
                "markdown": markdown.display().to_string(),
                "numbers": numbers.display().to_string(),
                "plots": plots.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
                "vega_lite": vega_lite.map(|file| file.display().to_string()),
                "bytes": bytes,
                "pictures": pictures,
                "left_out": left_out,
            });
            output.finish("ab", ExitCode::Done, data, &[], &sources)
        }
        Err(error) => output.fail("ab", &error, &sources),
    }
}

/// Runs the verb.
pub fn run(args: &ReportArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("report", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match written(&session, args) {
        Ok(report) => {
            let path = report.path.display();
            output.line(&format!("{path} · {}, {} pictures", size_text(report.bytes), report.pictures));
            if report.left_out > 0 {
                output.line(&format!("{} results are without a picture; --pictures MIB makes room", report.left_out));
            }
            if args.open
                && let Err(error) = opener::open(&report.path)
            {
                output.note(&format!("failed to open {path}: {error}"));
            }
            let data = json!({
                "file": path.to_string(),
                "bytes": report.bytes,
                "pictures": report.pictures,
                "left_out": report.left_out,
            });
            output.finish("report", ExitCode::Done, data, &[], &sources)
        }
        Err(error) => output.fail("report", &error, &sources),
    }
}

fn written(session: &Session, args: &ReportArgs) -> Result<WrittenReport, AppError> {
    let ledger = app::open_ledger(session)?;
    let run = history::find_run(&ledger, &args.run)?;
    let options = ReportOptions { out: args.out.clone(), pictures_mib: args.pictures, plots: false };
    app::write_report(session, &ledger, &run, &options)
}
