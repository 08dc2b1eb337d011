//! The same for a pull request.

use std::fmt::Write as _;

use super::{
    TestReport,
    words::{facts, headline, plain, share, signed, trust},
};

/// The decision, its numbers and what it took, as Markdown.
pub fn markdown(report: &TestReport) -> String {
    let verdict = &report.verdict;
    let mut out =
        format!("## {} {}\n\n**{}** {}\n\n", verdict.test, verdict.version, headline(verdict), trust(verdict));
    let told: Vec<String> = facts(report).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    // Writing into a text does not fail.
    let _ = writeln!(out, "{}\n", told.join(" · "));
    out.push_str("| variation | mean | samples | against | difference | interval | |\n|---|--:|--:|---|--:|---|---|\n");
    for variation in &verdict.variations {
        let interval = match (variation.low, variation.high) {
            (Some(_), Some(_)) => format!("{} to {}", signed(variation.low), signed(variation.high)),
            _ => "–".to_owned(),
        };
        let gone = match (variation.dropped_after, &variation.dropped_by) {
            (Some(block), Some(by)) => format!("dropped after block {block}, {by} ahead"),
            _ => String::new(),
        };
        let failed = if variation.failed > 0 { format!(" ({} failed)", variation.failed) } else { String::new() };
        let _ = writeln!(
            out,
            "| {} | {} | {}{failed} | {} | {} | {interval} | {gone} |",
            variation.name,
            plain(variation.mean),
            variation.samples,
            variation.against,
            signed(variation.difference),
        );
    }
    let _ = writeln!(
        out,
        "\n{} of {} generations were made, {} saved ({}). Run `{}`, rules `{}`.",
        report.made,
        verdict.most_generations,
        report.saved,
        share(report.saved, verdict.most_generations),
        report.run,
        verdict.method
    );
    for note in &report.notes {
        let _ = writeln!(out, "\n> {note}");
    }
    if let Some(run) = &report.restarted_from {
        let _ = writeln!(out, "\n> Begun anew with other rules after run {run} had been looked at.");
    }
    out
}
