//! `comfywright ab`: what A/B tests decide.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    GlobalArgs, Output,
    ab_files::{self, AdoptArgs, NewArgs},
    plan::{columns, opened},
    report::{self, TestReportArgs},
};
use crate::{
    analysis::{OtherMetric, PeopleVerdict, TestVerdict, VariationVerdict},
    app::{self, Analyzed, AppError, ExitCode, Mode, OpinionsAnalyzed, Session, Sources, count},
    report::ab::metric,
    stats::{Outcome, POWER},
};

/// `comfywright ab`
#[derive(Args, Clone, Debug)]
pub struct AbArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AbCommand,
}

/// What to do with A/B tests.
#[derive(Subcommand, Clone, Debug)]
pub enum AbCommand {
    /// Decide a test by scores from a table, or by what people said of its pictures
    Analyze(AnalyzeArgs),
    /// Make a test of a preset and values
    New(NewArgs),
    /// Write what a test found into its preset
    Adopt(AdoptArgs),
    /// Write a page of what a test came to, with its pictures; the same as Markdown and as numbers beside it
    Report(TestReportArgs),
}

/// `comfywright ab analyze`
#[derive(Args, Clone, Debug)]
pub struct AnalyzeArgs {
    /// An A/B test: its file, or its name in the workspace
    #[arg(value_name = "FILE")]
    pub document: String,

    /// What decides.
    #[command(flatten)]
    pub by: DecidedBy,
}

/// What decides a test.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct DecidedBy {
    /// The scores: CSV with the columns variation, seed, metric and value
    #[arg(long, value_name = "CSV")]
    pub scores: Option<PathBuf>,

    /// What people said of its pictures, from 1 to 5
    #[arg(long)]
    pub ratings: bool,

    /// Which of two pictures people preferred
    #[arg(long)]
    pub votes: bool,
}

/// Runs the verb.
pub fn run(args: &AbArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let args = match &args.command {
        AbCommand::Analyze(args) => args,
        AbCommand::New(args) => return ab_files::new(args, global, output),
        AbCommand::Adopt(args) => return ab_files::adopt(args, global, output),
        AbCommand::Report(args) => return report::of_test(args, global, output),
    };
    let session = match opened(global, Some(&args.document)) {
        Ok(session) => session,
        Err(error) => return output.fail("ab", &error, &Sources::default()),
    };
    let mut sources = Sources::of(&session);
    let Some(scores) = &args.by.scores else {
        let mode = if args.by.votes { Mode::Pairs } else { Mode::Stars };
        return match app::analyze_opinions(&session, &args.document, mode) {
            Ok(analyzed) => answer_people(&analyzed, &sources, output),
            Err(error) => output.fail("ab", &error, &sources),
        };
    };
    match analyzed(&session, &args.document, scores, &mut sources) {
        Ok(analyzed) => answer(&analyzed, &sources, output),
        Err(error) => output.fail("ab", &error, &sources),
    }
}

fn answer_people(analyzed: &OpinionsAnalyzed, sources: &Sources, output: Output) -> ExitCode {
    let verdict = &analyzed.verdict;
    people_lines(verdict).iter().for_each(|line| output.line(line));
    output.finish("ab", ExitCode::Done, json!(verdict), &analyzed.diagnostics, sources)
}

fn people_lines(verdict: &PeopleVerdict) -> Vec<String> {
    let leads = verdict.recommended.as_deref().map_or_else(String::new, |name| format!("; {name} leads (no claim)"));
    let outcome = match &verdict.winner {
        Some(winner) => format!("{winner} is better than all others"),
        None => format!("no winner: no difference to all others is shown{leads}"),
    };
    let heard = format!(
        "{} {} of {} about {}, alpha {}",
        verdict.opinions,
        verdict.by,
        count(verdict.raters.len(), "rater"),
        count(verdict.seeds, "seed"),
        verdict.alpha
    );
    let mut lines = vec![format!("{}: {outcome}", verdict.test), format!("  {heard}"), String::new()];
    let score = if verdict.by == "votes" { "strength" } else { "mean" };
    let head = ["variation", verdict.by, score].map(str::to_owned);
    let rows = verdict.variations.iter().map(|variation| {
        let score = variation.score.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
        [variation.name.clone(), variation.opinions.to_string(), score]
    });
    lines.extend(columns(std::iter::once(head).chain(rows)).into_iter().map(|line| format!("  {line}")));
    lines.push(String::new());
    let head = ["better", "than", "by", "preferred", ""].map(str::to_owned);
    let rows = verdict.pairs.iter().map(|pair| {
        let preferred = format!("{:.0} %", 100.0 * pair.preferred);
        let p = format!("p {:.3} (Holm)", pair.adjusted_p);
        [pair.variation.clone(), pair.against.clone(), format!("{:.2}", pair.difference), preferred, p]
    });
    lines.extend(columns(std::iter::once(head).chain(rows)).into_iter().map(|line| format!("  {line}")));
    lines
}

fn analyzed(session: &Session, document: &str, scores: &Path, sources: &mut Sources) -> Result<Analyzed, AppError> {
    let scores = app::score_file(session, scores)?;
    *sources = std::mem::take(sources).with(scores.name.clone(), scores.text.clone());
    app::analyze_scores(session, document, &scores)
}

fn answer(analyzed: &Analyzed, sources: &Sources, output: Output) -> ExitCode {
    let verdict = &analyzed.verdict;
    lines(verdict).iter().for_each(|line| output.line(line));
    output.finish("ab", ExitCode::Done, json!(verdict), &analyzed.diagnostics, sources)
}

/// What a test came to, for people.
pub(super) fn lines(verdict: &TestVerdict) -> Vec<String> {
    let mut lines =
        vec![format!("{}: {}", verdict.test, outcome(verdict)), format!("  {}", how(verdict)), String::new()];
    let head = ["variation", "mean", "samples", "against", "difference", "interval", ""].map(str::to_owned);
    let rows = std::iter::once(head).chain(verdict.variations.iter().map(row));
    lines.extend(columns(rows).into_iter().map(|line| format!("  {line}")));
    if !verdict.other_metrics.is_empty() {
        lines.push(String::new());
        let head = ["other metric", "variation", "against", "difference", ""].map(str::to_owned);
        let rows = std::iter::once(head).chain(verdict.other_metrics.iter().map(other_row));
        lines.extend(columns(rows).into_iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    lines.extend(spent(verdict).into_iter().map(|line| format!("  {line}")));
    lines
}

fn outcome(verdict: &TestVerdict) -> String {
    let leads = verdict.recommended.as_deref().map_or_else(String::new, |name| format!("; {name} leads (no claim)"));
    match verdict.outcome {
        Outcome::Winner => {
            format!("{} is better than all others", verdict.winner.as_deref().unwrap_or_default())
        }
        Outcome::Equivalent => {
            let left: Vec<&str> =
                verdict.variations.iter().filter(|v| v.dropped_after.is_none()).map(|v| v.name.as_str()).collect();
            format!("{} differ by at most {}{leads}", left.join(", "), verdict.equivalence)
        }
        Outcome::UndecidedFutile => format!("no winner, and one is no longer likely to be found{leads}"),
        Outcome::BudgetOut => format!("no winner: all samples are there, and no difference is shown{leads}"),
        Outcome::Running => "not decided yet".to_owned(),
    }
}

fn how(verdict: &TestVerdict) -> String {
    let plan = json!(verdict.plan);
    let rule = format!("{}, plan {}, alpha {}", metric(verdict), plan.as_str().unwrap_or_default(), verdict.alpha);
    let look = verdict.looks.map_or_else(String::new, |looks| format!("look {} of {looks}, ", verdict.look));
    let word = if verdict.outcome == Outcome::Running { "so far" } else { "decided at" };
    format!("{rule}; {word} {look}block {} of at most {}", verdict.block, verdict.most_blocks)
}

fn row(variation: &VariationVerdict) -> [String; 7] {
    let signed = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.3}"));
    let interval = match (variation.low, variation.high) {
        (Some(low), Some(high)) => format!("{low:+.3} to {high:+.3}"),
        _ => "-".to_owned(),
    };
    let dropped = match (variation.dropped_after, &variation.dropped_by) {
        (Some(block), Some(by)) => format!("dropped after block {block}, {by} ahead"),
        _ => String::new(),
    };
    [
        variation.name.clone(),
        variation.mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.3}")),
        variation.samples.to_string(),
        variation.against.clone(),
        signed(variation.difference),
        interval,
        dropped,
    ]
}

fn other_row(other: &OtherMetric) -> [String; 5] {
    let shown = match (other.adjusted_p, other.evidence) {
        (Some(p), _) => format!("p {p:.3} (Holm)"),
        (None, Some(evidence)) => format!("evidence {evidence:.1} (e-BH)"),
        (None, None) => String::new(),
    };
    let verdict = if other.is_shown { "differs" } else { "not shown" };
    [
        other.metric.clone(),
        other.variation.clone(),
        other.against.clone(),
        format!("{:+.3}", other.difference),
        format!("{verdict}, {shown}"),
    ]
}

fn spent(verdict: &TestVerdict) -> Vec<String> {
    let (took, most) = (verdict.generations, verdict.most_generations);
    let saved = most.saturating_sub(took);
    let saved = if saved > 0 && verdict.outcome != Outcome::Running {
        format!(", {:.0} % saved", 100.0 * saved as f64 / most.max(1) as f64)
    } else {
        String::new()
    };
    let mut lines = vec![format!("{took} of at most {most} generations{saved}")];
    if let Some(correlation) = verdict.seed_correlation {
        lines.push(format!("scores on the same seed correlate by {correlation:.2}"));
    }
    if let Some(detectable) = verdict.detectable {
        let power = 100.0 * POWER;
        lines.push(format!("an advantage of {detectable:.3} is found in {power:.0} % of such tests"));
    }
    lines
}
