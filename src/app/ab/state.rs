//! How a run of a test stands: decided by the rows of the ledger alone.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    super::{AppError, Session, run::ledger_error, run_view::task_of},
    analyze::{said, understood},
    begin::terms_in,
};
use crate::{
    analysis::{Blocks, TestTerms, TestVerdict, judge_blocks},
    check::Subject,
    diagnostic::Diagnostic,
    ident::IndexMap,
    ledger::{ItemRow, Ledger, RunRow},
    model::Server,
    run::ItemState,
};

/// The version of the JSON form of a [`TestState`].
pub(super) const FORMAT: u32 = 1;

/// How a run of a test stands.
#[derive(Clone, Debug, Serialize)]
pub struct TestState {
    /// The version of this form.
    pub format: u32,
    /// Id of the run; none where its samples were made elsewhere.
    pub run: Option<String>,
    /// What is decided.
    #[serde(flatten)]
    pub verdict: TestVerdict,
    /// Samples that were generated, in this run or before it.
    pub made: u64,
    /// Samples that were not needed.
    pub saved: u64,
    /// The run after whose first look the rules were changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarted_from: Option<String>,
    /// What each variation took.
    pub spent: IndexMap<String, Spent>,
    /// What was fixed before the first sample.
    #[serde(skip)]
    pub terms: TestTerms,
    /// The blocks that decide.
    #[serde(skip)]
    pub blocks: Blocks,
}

/// What the samples of a variation took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Samples that were generated.
    pub samples: u32,
    /// Samples that failed.
    pub failed: u32,
    /// Seconds of generation, of all samples together that this run made.
    pub seconds: f64,
    /// Seconds of one sample on average, whichever run made it; none where none was timed.
    pub seconds_each: Option<f64>,
    /// What that cost, where servers have a price.
    pub cost: f64,
}

/// How `run` stands, when it is a run of a test.
pub fn test_of_run(session: &Session, ledger: &Ledger, run: &RunRow) -> Result<Option<TestState>, AppError> {
    let items = || ledger.items(&run.id).map_err(|e| ledger_error(&e));
    let Some((terms, blocks, verdict)) = judged(ledger, &run.id)? else { return Ok(None) };
    let spent = spent(&terms, &items()?, &session.config.server);
    let made = spent.values().map(|spent| u64::from(spent.samples + spent.failed)).sum();
    Ok(Some(TestState {
        format: FORMAT,
        run: Some(run.id.clone()),
        made,
        saved: verdict.most_generations.saturating_sub(made),
        restarted_from: terms.restarted_from.clone(),
        spent,
        verdict,
        terms,
        blocks,
    }))
}

/// What the blocks of a run decide by what was fixed before the first of them.
fn judged(ledger: &Ledger, run: &str) -> Result<Option<(TestTerms, Blocks, TestVerdict)>, AppError> {
    let Some(test) = ledger.test(run).map_err(|e| ledger_error(&e))? else { return Ok(None) };
    let terms = terms_in(&test)?;
    let rows = ledger.blocks(run).map_err(|e| ledger_error(&e))?;
    let blocks: Blocks = rows.into_iter().map(|row| row.values).collect();
    let broken = |error: String| AppError::environment(format!("failed to decide run {run}: {error}"));
    let plan = terms.plan().map_err(|error| broken(error.to_string()))?;
    let verdict = judge_blocks(&terms, &plan, &blocks, &[]).map_err(|error| broken(error.to_string()))?;
    Ok(Some((terms, blocks, verdict)))
}

/// Keeps what a run of a test came to, with the version of the rules that decided it.
pub(in crate::app) fn keep_verdict(ledger: &Ledger, run: &str) -> Result<(), AppError> {
    let Some((_, _, verdict)) = judged(ledger, run)? else { return Ok(()) };
    let kept = serde_json::to_value(&verdict).map_err(|error| AppError::environment(error.to_string()))?;
    let now = jiff::Timestamp::now().as_nanosecond() as i64;
    ledger.keep_verdict(run, verdict.method, &kept, now).map_err(|e| ledger_error(&e))
}

fn spent(terms: &TestTerms, items: &[ItemRow], servers: &IndexMap<String, Server>) -> IndexMap<String, Spent> {
    let mut spent: IndexMap<String, Spent> =
        terms.variations.iter().map(|name| (name.clone(), Spent::default())).collect();
    let price =
        |item: &ItemRow| item.executor.as_ref().and_then(|name| servers.get(name)).map_or(0.0, |s| s.cost_per_hour);
    let mut timed: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for item in items {
        let Some(spent) = spent.get_mut(task_of(&item.address)) else { continue };
        match item.state {
            state if state.is_finished() || state == ItemState::Held => spent.samples += 1,
            ItemState::Failed | ItemState::NeedsReview => spent.failed += 1,
            _ => {}
        }
        let seconds = item.result.as_ref().and_then(|result| result.metrics.get("seconds")).copied();
        if let Some(seconds) = seconds {
            let (sum, count) = timed.entry(task_of(&item.address)).or_default();
            *sum += seconds;
            *count += 1.0;
        }
        if let Some(seconds) = seconds.filter(|_| item.state == ItemState::Done) {
            spent.seconds += seconds;
            let cost = item.result.as_ref().and_then(|result| result.metrics.get("cost")).copied();
            spent.cost += cost.unwrap_or_else(|| seconds / 3600.0 * price(item));
        }
    }
    for (name, (sum, count)) in timed {
        if let Some(spent) = spent.get_mut(name) {
            spent.seconds_each = Some(sum / count);
        }
    }
    spent
}

impl TestState {
    /// What to be careful about, with the places in the test's document as it is now.
    pub fn diagnostics(&self, session: &Session, path: &str) -> Vec<Diagnostic> {
        let Ok(loaded) = session.document(path) else { return Vec::new() };
        let Ok(Subject { tree, .. }) = understood(&loaded) else { return Vec::new() };
        let names: Vec<&str> = self.terms.variations.iter().map(String::as_str).collect();
        let file: Arc<str> = loaded.path.clone();
        self.verdict.warnings.iter().map(|warning| said(&loaded, tree, &file, &names, warning)).collect()
    }
}
