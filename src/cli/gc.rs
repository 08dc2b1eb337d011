//! `comfywright gc`: makes room.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    amounts::size_text,
    app::{self, ExitCode, GcReport, GcRequest, Sources, count},
    model::parse_duration,
};

/// `comfywright gc`
#[derive(Args, Clone, Debug)]
pub struct GcArgs {
    /// What ended longer ago may go, such as 30d or 12h
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    pub older_than: Option<Duration>,

    /// The oldest may go until outputs and caches take no more than this, such as 20GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,

    /// Say what would go, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the verb.
pub fn run(args: &GcArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("gc", &error, &Sources::default()),
    };
    let request = GcRequest { older_than: args.older_than, max_size: args.max_size, dry_run: args.dry_run };
    match app::gc(&session, &request) {
        Ok(report) => {
            lines(&report).iter().for_each(|line| output.line(line));
            output.finish("gc", ExitCode::Done, json!(report), &[], &Sources::of(&session))
        }
        Err(error) => output.fail("gc", &error, &Sources::of(&session)),
    }
}

fn lines(report: &GcReport) -> Vec<String> {
    let runs = report
        .runs
        .iter()
        .map(|run| format!("{}/: {}, {}", run.folder, count(run.files, "file"), size_text(run.bytes)));
    let kept = report.kept.iter().map(|run| format!("{}/ is kept: {}", run.folder, run.reason));
    let what = if report.dry_run { "would be free" } else { "are free now" };
    let all = format!(
        "{} of {} {what}: {}, {}",
        size_text(report.bytes_freed),
        size_text(report.bytes_before),
        count(report.runs.len(), "run"),
        count(report.caches.len(), "cached file")
    );
    runs.chain(kept).chain([all]).collect()
}

/// Reads `20GiB`, `500 MB` or a number of bytes.
fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("\"{unit}\" is none of B, KB, MB, GB, TB, KiB, MiB, GiB and TiB")),
    };
    let number: f64 = number.parse().map_err(|_| format!("\"{text}\" is not a size such as 20GiB"))?;
    Ok((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let read = [("0", 0), ("12", 12), ("1.5KiB", 1536), ("2 GB", 2_000_000_000), ("1gib", 1 << 30)];
        assert!(read.iter().all(|(text, bytes)| parse_size(text) == Ok(*bytes)));
        assert!(["", "GiB", "1 parsec", "1.2.3MB", "-1"].iter().all(|text| parse_size(text).is_err()));
    }
}
