//! The samples of a test for whoever makes them in another way than by running the test: what each is, and what became
//! of it.

use serde_json::Value;

use super::{
    super::{
        AppError, Session,
        job::{JobOptions, RunnableJob},
        placed::{Purpose, placed_job},
        run::{existing_ledger, ledger_error},
    },
    TestForecast,
    forecast::forecast,
    state::{FORMAT, TestState},
    test_of_run,
    trial::NoParents,
};
use crate::{
    analysis::{Blocks, TestTerms, judge_blocks},
    compile::escape_interpolation,
    graph::escape_literal,
    ident::IndexMap,
    ledger::Ledger,
    model::{RATING, ValueMap},
    plan::{ItemIx, Prepared, Visit},
};

/// One sample as a task: what it generates.
#[derive(Clone, Debug, PartialEq)]
pub struct TestPrompt {
    /// Its name: the variation and the seed.
    pub id: String,
    /// The test, the variation and the seed, for people.
    pub title: String,
    /// The preset as it is referred to.
    pub preset: String,
    /// Its settings; texts are as a document writes them.
    pub with: ValueMap,
    /// The metric that decides.
    pub metric: String,
}

/// A test before anything was made of it.
#[derive(Clone, Debug)]
pub struct TestOutlook {
    /// What it can find and may take.
    pub forecast: TestForecast,
    /// Its samples by block, at most as many as were asked for.
    pub prompts: Vec<TestPrompt>,
}

/// What the test `document` can find, and its first `most` samples.
pub fn test_outlook(session: &Session, document: &str, most: usize) -> Result<TestOutlook, AppError> {
    let job = looked_at(session, document)?;
    let ledger = existing_ledger(session)?;
    let no_test = || AppError::usage(format!("{document} is not an A/B test"));
    let forecast = forecast(session, &job, ledger.as_deref())?.ok_or_else(no_test)?;
    let terms = job.terms.as_ref().ok_or_else(no_test)?;
    let preset = terms.preset.as_ref().or(session.config.defaults.preset.as_ref()).cloned().unwrap_or_default();
    let samples = samples(&job).into_iter().take(most);
    let prompts = samples.map(|sample| sample.prompt(&job, terms, &preset)).collect::<Result<_, _>>()?;
    Ok(TestOutlook { forecast, prompts })
}

fn looked_at(session: &Session, document: &str) -> Result<RunnableJob, AppError> {
    let loaded = session.document(document)?;
    Ok(placed_job(session, &loaded, &JobOptions::default(), Purpose::Look)?.job)
}

/// A sample of a test, in the order of its blocks.
struct Place {
    item: ItemIx,
    block: usize,
    variation: usize,
}

fn samples(job: &RunnableJob) -> Vec<Place> {
    let blocks = job.plan.trial.iter().flat_map(|trial| &trial.blocks).enumerate();
    let of_block = |(block, items): (usize, &Vec<ItemIx>)| {
        items.iter().enumerate().map(|(variation, item)| Place { item: *item, block, variation }).collect::<Vec<_>>()
    };
    blocks.flat_map(of_block).collect()
}

impl Place {
    fn prepared(&self, job: &RunnableJob) -> Result<Prepared, AppError> {
        let visit = Visit { attempt: 1, visits: 1, ..Visit::default() };
        job.preparation.prepare(self.item, &visit, &NoParents).map_err(|error| AppError::usage(error.to_string()))
    }

    fn prompt(&self, job: &RunnableJob, terms: &TestTerms, preset: &str) -> Result<TestPrompt, AppError> {
        let variation = terms.variations.get(self.variation).cloned().unwrap_or_default();
        let seed = u64::from(terms.first_seed) + self.block as u64;
        let prepared = self.prepared(job)?;
        let with = prepared.provenance["with"].as_object().cloned().unwrap_or_default();
        Ok(TestPrompt {
            id: format!("{variation}_{seed}"),
            title: format!("{}: {variation}, seed {seed}", terms.test),
            preset: preset.to_owned(),
            with: with.into_iter().map(|(name, value)| (name, written(value))).collect(),
            metric: terms.decision.metric.clone(),
        })
    }
}

/// A value as a document writes it: a text in it is no interpolation and no link.
fn written(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let text = escape_literal(&text).into_owned();
            escape_interpolation(&text).unwrap_or(text).into()
        }
        other => other,
    }
}

/// How the test `document` stands: by its last run in which something was looked at, else by results from elsewhere
/// that are its samples, whatever made them.
pub fn test_state(session: &Session, document: &str) -> Result<TestState, AppError> {
    let job = looked_at(session, document)?;
    let terms = job.terms.clone().ok_or_else(|| AppError::usage(format!("{document} is not an A/B test")))?;
    let nothing = || {
        AppError::usage(format!("nothing was made of {} yet", terms.test))
            .with_hint("run it, or hand its test_prompts to coordinate_batch_operation")
    };
    let ledger = existing_ledger(session)?.ok_or_else(nothing)?;
    if let Ok(row) = super::adopt::last_run(&ledger, &terms.test)
        && let Some(state) = test_of_run(session, &ledger, &row)?
    {
        return Ok(state);
    }
    scattered(&job, &terms, &ledger)?.ok_or_else(nothing)
}

/// The decision by results that have the fingerprints of the test's samples.
fn scattered(job: &RunnableJob, terms: &TestTerms, ledger: &Ledger) -> Result<Option<TestState>, AppError> {
    let metric = &terms.decision.metric;
    let mut blocks: Blocks = vec![vec![None; terms.variations.len()]; terms.samples as usize];
    let (mut last, mut found) = (0, 0);
    for sample in samples(job) {
        let fingerprint = sample.prepared(job)?.fingerprint.to_string();
        let said = ledger.said_of(&fingerprint).map_err(|e| ledger_error(&e))?;
        found += u64::from(said.is_some());
        let said_now = said.and_then(|said| said.get(metric).copied());
        // Of outputs ratings are told as scores.
        let value = said_now.map(|value| if metric == RATING { terms.scale().value(value) } else { value });
        let score = value.filter(|value| terms.scale().score(*value).is_some());
        if score.is_some() {
            blocks[sample.block][sample.variation] = score;
            last = sample.block + 1;
        }
    }
    blocks.truncate(last);
    if found == 0 {
        return Ok(None);
    }
    let broken = |error: String| AppError::environment(format!("failed to decide {}: {error}", terms.test));
    let plan = terms.plan().map_err(|error| broken(error.to_string()))?;
    let verdict = judge_blocks(terms, &plan, &blocks, &[]).map_err(|error| broken(error.to_string()))?;
    let saved = verdict.most_generations.saturating_sub(found);
    Ok(Some(TestState {
        format: FORMAT,
        run: None,
        made: found,
        saved,
        restarted_from: None,
        spent: IndexMap::default(),
        verdict,
        terms: terms.clone(),
        blocks,
    }))
}
