//! `comfywright doctor`: whether everything around the documents is fit for them.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, output::wrapped};
use crate::app::{
    self, DoctorFinding, DoctorOptions, DoctorReport, ExitCode, Fitness, Session, SessionOptions, Sources, count,
};

/// Documents that a finding names.
const NAMED: usize = 4;

/// `comfywright doctor`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 all is well, 2 files are wrong, 3 trouble with disk, secrets or servers")]
pub struct DoctorArgs {
    /// Documents or folders whose needs are looked at; the whole workspace without any
    #[arg(value_name = "PATHS")]
    pub paths: Vec<PathBuf>,

    /// Ask only this server of comfywright.toml; may be repeated
    #[arg(long = "server", value_name = "NAME")]
    pub server: Vec<String>,
}

/// Runs the verb.
pub fn run(args: &DoctorArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let start = global.workspace.clone().or_else(|| args.paths.first().cloned());
    let options = DoctorOptions { paths: args.paths.clone(), servers: args.server.clone() };
    let examined =
        Session::open(&SessionOptions { start, object_info: None }).and_then(|session| app::doctor(&session, &options));
    match examined {
        Ok(report) => answer(&report, output),
        Err(error) => output.fail("doctor", &error, &Sources::default()),
    }
}

fn answer(report: &DoctorReport, output: Output) -> ExitCode {
    let code = report.exit_code();
    let mut area = "";
    for finding in &report.findings {
        if finding.area != area {
            area = &finding.area;
            output.line(&heading(area, report, output));
        }
        output.text(&told(finding, output));
    }
    output.line(&summary(report));
    if !output.json {
        return code;
    }
    let data = json!({
        "root": report.root,
        "documents": report.documents,
        "findings": report.findings,
        "servers": report.servers,
    });
    output.finish("doctor", code, data, &report.diagnostics, &report.sources)
}

fn heading(area: &str, report: &DoctorReport, output: Output) -> String {
    let server = report.servers.iter().find(|server| area == format!("server {}", server.name));
    let url = server.map_or_else(String::new, |server| format!("  {}", server.url));
    let (on, off) = if output.color { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    format!("{on}{area}{off}{url}")
}

/// A finding in lines of the terminal's width, the advice below it.
fn told(finding: &DoctorFinding, output: Output) -> String {
    let (mark, color) = match finding.fitness {
        Fitness::Ok => ('✓', "\u{1b}[32m"),
        Fitness::Warning => ('!', "\u{1b}[33m"),
        Fitness::Trouble => ('✗', "\u{1b}[31m"),
    };
    let (on, off) = if output.color { (color, "\u{1b}[0m") } else { ("", "") };
    let message = match named(finding) {
        Some(names) => format!("{}: {names}", finding.message),
        None => finding.message.clone(),
    };
    let mut text = wrapped(&message, &format!("  {on}{mark}{off} "), "    ", output.width);
    if let Some(advice) = &finding.advice {
        text += &wrapped(advice, "    → ", "      ", output.width);
    }
    text
}

/// The documents that a finding concerns, where its message does not name them.
fn named(finding: &DoctorFinding) -> Option<String> {
    let documents: Vec<&str> = finding.documents.iter().map(String::as_str).collect();
    let is_told = documents.iter().any(|document| finding.message.contains(document));
    if documents.is_empty() || is_told {
        return None;
    }
    let shown = documents.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = documents.len().saturating_sub(NAMED);
    Some(if more == 0 { shown } else { format!("{shown} and {more} more") })
}

fn summary(report: &DoctorReport) -> String {
    let troubles = match report.count(Fitness::Trouble) {
        0 => "no trouble".to_owned(),
        1 => "1 trouble".to_owned(),
        n => format!("{n} troubles"),
    };
    let parts = [
        troubles,
        match report.count(Fitness::Warning) {
            0 => String::new(),
            n => count(n, "warning"),
        },
    ];
    let found: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let servers = count(report.servers.len(), "server");
    format!("{}; looked at {} and {servers}", found.join(", "), count(report.documents, "document"))
}
