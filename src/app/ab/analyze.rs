//! What an A/B test decides by scores from a table.

use std::{fs, path::Path, sync::Arc};

use super::super::{AppError, Session, count};
use crate::{
    analysis::{TestTerms, TestVerdict, judge_test, read_scores},
    check::{self, Subject},
    diagnostic::{Diagnostic, Severity},
    files::Node,
    ident::did_you_mean,
    model::{AbTest, Body, Loaded},
    path,
    stats::{BlockError, PlanError, Warning},
};

/// Largest table of scores, in bytes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Findings of `check` without which a document decides nothing; what its preset would say is of no matter here.
const NEEDED: [&str; 2] = ["too-few-variations", "same-variation"];

/// A table of scores as it was read.
#[derive(Clone, Debug)]
pub struct ScoreFile {
    /// Its path, relative to the workspace where it is in it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// A decision, and what to be careful about.
#[derive(Clone, Debug)]
pub struct Analyzed {
    /// The decision.
    pub verdict: TestVerdict,
    /// Warnings about the scores.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a table of scores.
pub fn score_file(session: &Session, path: &Path) -> Result<ScoreFile, AppError> {
    let failed = |what: String| AppError::usage(format!("failed to read {}: {what}", path.display()));
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(failed(format!("it is larger than {} MiB", MOST_BYTES / (1024 * 1024))));
    }
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    let name = session.relative(path).unwrap_or_else(|| path.to_string_lossy().replace('\\', "/"));
    Ok(ScoreFile { name: name.into(), text: text.into() })
}

/// Decides the A/B test that `document` means by `scores`.
pub fn analyze_scores(session: &Session, document: &str, scores: &ScoreFile) -> Result<Analyzed, AppError> {
    let loaded = session.document(document)?;
    let subject = understood(&loaded)?;
    let Subject { document: parsed, tree, .. } = subject;
    let Body::AbTest(test) = &parsed.body else {
        return Err(AppError::usage(format!("{} is not an A/B test", loaded.path))
            .with_hint("name a document of the kind \"ab_test\""));
    };
    let mut wrong = check::check(subject, session.context()).diagnostics;
    wrong.retain(|finding| finding.severity == Severity::Error && NEEDED.contains(&finding.code));
    if !wrong.is_empty() {
        return Err(AppError::Wrong(wrong));
    }
    let terms = TestTerms::of(&parsed.header, test);
    let plan = terms.plan().map_err(|error| no_plan(&loaded, tree, error))?;
    let names: Vec<&str> = test.variations.keys().map(String::as_str).collect();
    let table = read_scores(&scores.name, &scores.text, &names, (&test.decision.metric, terms.scale()))
        .map_err(AppError::Wrong)?;
    if !table.metrics().contains(&test.decision.metric.as_str()) {
        return Err(AppError::Wrong(vec![no_scores(&loaded, tree, test, &table.metrics())]));
    }
    let verdict = judge_test(&parsed.header, test, &plan, &table).map_err(|error| not_a_score(scores, error))?;
    let diagnostics =
        verdict.warnings.iter().map(|warning| said(&loaded, tree, &scores.name, &names, warning)).collect();
    Ok(Analyzed { verdict, diagnostics })
}

/// The document, if it could be read.
pub(super) fn understood(loaded: &Loaded) -> Result<Subject<'_>, AppError> {
    Subject::of(loaded).ok_or_else(|| AppError::Wrong(loaded.parsed.diagnostics.clone()))
}

/// The rules of decision cannot decide anything.
pub(super) fn no_plan(loaded: &Loaded, tree: &Node, error: PlanError) -> AppError {
    let place = match error {
        PlanError::TooFewVariations => tree.key_span_of(&path!["variations"]),
        PlanError::TooFewSamples => tree.span_of(&path!["samples_per_variation"]),
        PlanError::BadAlpha => tree.span_of(&path!["decision", "alpha"]),
        PlanError::BadEquivalence => tree.span_of(&path!["decision", "equivalence"]),
    };
    AppError::Wrong(vec![Diagnostic::error("invalid-value", &loaded.path, place, error.to_string())])
}

fn no_scores(loaded: &Loaded, tree: &Node, test: &AbTest, metrics: &[&str]) -> Diagnostic {
    let metric = &test.decision.metric;
    // Where the metric is not written, it is the default.
    let written = path!["decision", "metric"];
    let place = if tree.get(&written).is_some() { tree.span_of(&written) } else { tree.key_span_of(&path!["kind"]) };
    let hint = match did_you_mean(metric, metrics.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if metrics.is_empty() => "the table has no rows".to_owned(),
        None => format!("the table has {}", metrics.join(", ")),
    };
    Diagnostic::error("no-scores", &loaded.path, place, format!("there are no scores by `{metric}`, which decides"))
        .with_hint(hint)
}

/// The table is read so that this does not happen.
fn not_a_score(scores: &ScoreFile, error: BlockError) -> AppError {
    AppError::Wrong(vec![Diagnostic::error("bad-score", &scores.name, None, error.to_string())])
}

/// A warning for people; `scores` is the file that it is about when it is about scores.
pub(super) fn said(loaded: &Loaded, tree: &Node, scores: &Arc<str>, names: &[&str], warning: &Warning) -> Diagnostic {
    let name = |variation: usize| names.get(variation).copied().unwrap_or_default();
    let plan = || {
        let written = path!["decision", "plan"];
        if tree.get(&written).is_some() { tree.span_of(&written) } else { tree.key_span_of(&path!["kind"]) }
    };
    let shape = |message: String| {
        Diagnostic::warning("uneven-scores", &loaded.path, plan(), message)
            .with_hint("the plan \"strict\" assumes nothing about how scores are spread")
    };
    match *warning {
        Warning::UnequalSpread { narrow, wide, ratio } => shape(format!(
            "scores of `{}` spread {ratio:.1} times as much as those of `{}`, so a false winner is likelier than alpha",
            name(wide),
            name(narrow)
        )),
        Warning::Skewed { variation, against, skewness } => shape(format!(
            "differences of `{}` to `{}` are skewed ({skewness:+.1}), so a false winner is likelier than alpha",
            name(variation),
            name(against)
        )),
        Warning::Failed { variation, runs } => Diagnostic::warning(
            "failed-runs",
            scores,
            None,
            format!("`{}` has no score in {}", name(variation), count(runs as usize, "block")),
        )
        .with_hint("these blocks are left out of its comparisons; when bad pictures fail, it looks better than it is"),
        Warning::NotUsed { blocks } => Diagnostic::warning(
            "unused-scores",
            scores,
            None,
            format!(
                "{} after the decision {} not looked at",
                count(blocks as usize, "block"),
                if blocks == 1 { "was" } else { "were" }
            ),
        )
        .with_hint("who looks again after the end finds winners that are none"),
    }
}
