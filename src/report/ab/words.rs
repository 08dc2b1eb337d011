//! The decision in words, the same on the page and in Markdown.

use super::TestReport;
use crate::{analysis::TestVerdict, model::Better, stats::Outcome};

/// What was decided, in one sentence.
pub fn headline(verdict: &TestVerdict) -> String {
    let leads =
        verdict.recommended.as_deref().map_or_else(String::new, |name| format!(" {name} leads, which claims nothing."));
    match verdict.outcome {
        Outcome::Winner => format!("{} is better than all others.", verdict.winner.as_deref().unwrap_or_default()),
        Outcome::Equivalent => {
            let left: Vec<&str> =
                verdict.variations.iter().filter(|v| v.dropped_after.is_none()).map(|v| v.name.as_str()).collect();
            format!("{} differ by at most {}.{leads}", left.join(", "), verdict.equivalence)
        }
        Outcome::UndecidedFutile => format!("No winner, and one is no longer likely to be found.{leads}"),
        Outcome::BudgetOut => format!("No winner: all samples are there, and no difference is shown.{leads}"),
        Outcome::Running => "Not decided yet.".to_owned(),
    }
}

/// How far the claim may be trusted.
pub(super) fn trust(verdict: &TestVerdict) -> String {
    if verdict.outcome.is_claim() {
        format!("Such a claim is wrong with a probability of at most {}.", verdict.alpha)
    } else {
        "Nothing is claimed.".to_owned()
    }
}

/// Facts in a row.
pub(super) fn facts(report: &TestReport) -> Vec<(String, String)> {
    let verdict = &report.verdict;
    let look = verdict.looks.map_or_else(String::new, |looks| format!("{} of {looks}", verdict.look));
    let mut facts = vec![
        ("metric".to_owned(), metric(verdict)),
        ("plan".to_owned(), rule(verdict)),
        ("block".to_owned(), format!("{} of {}", verdict.block, verdict.most_blocks)),
    ];
    if !look.is_empty() {
        facts.push(("look".to_owned(), look));
    }
    facts.push(("generations".to_owned(), format!("{} of {}", report.made, verdict.most_generations)));
    facts.push(("saved".to_owned(), share(report.saved, verdict.most_generations)));
    facts.extend(verdict.seed_correlation.map(|r| ("seed correlation".to_owned(), format!("{r:.2}"))));
    facts.extend(verdict.detectable.map(|d| ("detectable".to_owned(), format!("{d:.3}"))));
    facts
}

/// The metric that decides; where less of it is better, that is said.
pub fn metric(verdict: &TestVerdict) -> String {
    match verdict.better {
        Better::Higher => verdict.metric.clone(),
        Better::Lower => format!("{} (lower is better)", verdict.metric),
    }
}

pub(super) fn share(part: u64, all: u64) -> String {
    format!("{:.0} %", 100.0 * part as f64 / all.max(1) as f64)
}

fn rule(verdict: &TestVerdict) -> String {
    format!("{:?}", verdict.plan).to_lowercase()
}

/// A number with its sign; a dash for none.
pub(super) fn signed(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:+.3}"))
}

/// A number; a dash for none.
pub(super) fn plain(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}
