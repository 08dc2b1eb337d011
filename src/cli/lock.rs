//! `comfywright lock`: what documents were checked against and what they use.

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    app::{self, ExitCode, LockOptions, LockReport, Sources, count},
    diff::change_text,
    model::LOCK_FILE,
};

/// Changes that are shown.
const SHOWN: usize = 40;

/// `comfywright lock`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 written or up to date, 2 documents are wrong, 3 a server does not answer")]
pub struct LockArgs {
    /// Lock what this server of comfywright.toml has, not its snapshot; may be repeated
    #[arg(long = "server", value_name = "NAME")]
    pub server: Vec<String>,
}

/// Runs the verb.
pub fn run(args: &LockArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("lock", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match app::write_lock(session, &LockOptions { servers: args.server.clone() }) {
        Ok(report) => answer(&report, output),
        Err(error) => output.fail("lock", &error, &sources),
    }
}

fn answer(report: &LockReport, output: Output) -> ExitCode {
    let lock = &report.lock;
    if report.unchanged {
        output.line(&format!("{LOCK_FILE} is up to date"));
    } else {
        let changes = if report.is_new { &[] } else { report.changes.as_slice() };
        changes.iter().take(SHOWN).for_each(|change| output.line(&format!("  {}", change_text(change))));
        if changes.len() > SHOWN {
            output.line(&format!("  … {} more", changes.len() - SHOWN));
        }
        output.line(&format!("wrote {LOCK_FILE}"));
    }
    let unknown = match report.unknown_models() {
        0 => String::new(),
        n => format!(" ({n} without a hash)"),
    };
    output.line(&format!(
        "{}, {}{unknown}, {}; checked against {}",
        count(lock.node.len(), "node"),
        count(lock.models.len(), "model"),
        count(lock.inputs.len(), "input file"),
        report.against
    ));
    if report.warnings() > 0 {
        output.line(&format!("{} of the check; comfywright check shows them", count(report.warnings(), "warning")));
    }
    let data = json!({
        "file": LOCK_FILE,
        "unchanged": report.unchanged,
        "against": report.against,
        "nodes": lock.node.len(),
        "models": lock.models.len(),
        "unknown_models": report.unknown_models(),
        "inputs": lock.inputs.len(),
        "changes": report.changes,
    });
    let diagnostics = if output.json { report.diagnostics.as_slice() } else { &[] };
    output.finish("lock", ExitCode::Done, data, diagnostics, &report.sources)
}
