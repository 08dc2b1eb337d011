//! What a run would do: tasks, items, what of it is there already.

use std::{ops::Range, sync::Arc};

use super::{
    AppError, Session, TestForecast,
    job::{JobOptions, RunnableJob},
    outlook::{Outlook, outlook},
    placed::{Purpose, placed_job},
    run::existing_ledger,
};
use crate::{
    diff::Fate,
    ledger::Ledger,
    plan::{ItemIx, ItemResult, Plan, Upstream, Visit},
};

/// A plan and its forecast.
pub struct Planned {
    /// The document made ready.
    pub job: RunnableJob,
    /// For each task of the plan, what becomes of its items.
    pub forecast: Vec<TaskForecast>,
    /// What it takes.
    pub outlook: Outlook,
    /// Of an A/B test, what it can find and may take.
    pub test: Option<TestForecast>,
}

/// What becomes of the items of one task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskForecast {
    /// Results that are there already.
    pub reused: u32,
    /// Items that run.
    pub run: u32,
    /// Items about which routing decides.
    pub routed: u32,
}

/// Plans the document that `document` means.
pub fn plan(session: &Session, document: &str, options: &JobOptions) -> Result<Planned, AppError> {
    let loaded = session.document(document)?;
    let job = placed_job(session, &loaded, options, Purpose::Look)?.job;
    let ledger = existing_ledger(session)?;
    let fates = fates(&job, ledger.as_deref());
    let forecast = job.plan.tasks.iter().map(|task| TaskForecast::of(&fates[as_range(&task.items)])).collect();
    let reused: Vec<bool> = fates.iter().map(|fate| *fate == Fate::Reused).collect();
    let outlook = outlook(session, &job, ledger.as_deref(), &reused);
    let test = super::ab::forecast(session, &job, ledger.as_deref())?;
    Ok(Planned { job, forecast, outlook, test })
}

/// A task's items as a range of positions.
pub(super) fn as_range(items: &Range<u32>) -> Range<usize> {
    items.start as usize..items.end as usize
}

impl TaskForecast {
    fn of(fates: &[Fate]) -> Self {
        let count = |fate| fates.iter().filter(|f| **f == fate).count() as u32;
        Self { reused: count(Fate::Reused), run: count(Fate::Runs), routed: count(Fate::Routed) }
    }
}

struct Known(Vec<Option<Arc<ItemResult>>>);

impl Upstream for Known {
    fn result(&self, item: ItemIx) -> Option<Arc<ItemResult>> {
        self.0[item.0 as usize].clone()
    }
}

/// Goes through the items in order and prepares those whose inputs are there already: what has an
/// intact result under the same fingerprint is reused.
pub(super) fn fates(job: &RunnableJob, ledger: Option<&Ledger>) -> Vec<Fate> {
    let plan = &job.plan;
    let mut fates = Vec::with_capacity(plan.items.len());
    let mut known = Known(vec![None; if ledger.is_some() { plan.items.len() } else { 0 }]);
    for task in &plan.tasks {
        let depends_on_routing = task.conditional || task.depends_on.iter().any(|e| e.alternatives.len() > 1);
        for item in task.items.clone().map(ItemIx) {
            if depends_on_routing {
                fates.push(Fate::Routed);
                continue;
            }
            let result = ledger.and_then(|ledger| reusable(job, plan, item, &known, ledger));
            fates.push(if result.is_some() { Fate::Reused } else { Fate::Runs });
            if let Some(result) = result {
                known.0[item.0 as usize] = Some(Arc::new(result));
            }
        }
    }
    fates
}

fn reusable(job: &RunnableJob, plan: &Plan, item: ItemIx, known: &Known, ledger: &Ledger) -> Option<ItemResult> {
    let task = &plan.tasks[plan.items.task[item.0 as usize].0 as usize];
    let parents = (0..task.depends_on.len()).flat_map(|group| plan.items.parents(item, group));
    if parents.into_iter().any(|parent| known.0[parent.0 as usize].is_none()) {
        return None;
    }
    let visit = Visit { attempt: 1, visits: 1, chosen: vec![0; task.depends_on.len()], ..Visit::default() };
    let prepared = job.preparation.prepare(item, &visit, known).ok()?;
    if !prepared.reusable {
        return None;
    }
    let outputs: Vec<&str> = prepared.outputs.iter().map(|o| o.name.as_str()).collect();
    let fingerprint = prepared.fingerprint.to_string();
    let mut result = if outputs.is_empty() {
        // Nothing is made, only measured.
        ItemResult { fingerprint, ..ItemResult::default() }
    } else {
        ledger.find_intact(&fingerprint, &outputs)?
    };
    result.files.extend(prepared.passed_on);
    Some(result)
}
