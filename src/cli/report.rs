//! `comfywright report`: the page of a run.

use serde_json::json;

use super::{GlobalArgs, Output, args::ReportArgs, plan::opened};
use crate::app::{self, AppError, ExitCode, ReportOptions, Session, Sources, WrittenReport, history};

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
    let options = ReportOptions { out: args.out.clone(), pictures_mib: args.pictures };
    app::write_report(session, &ledger, &run, &options)
}

fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
