//! What a run would do: tasks, items, what of it is there already.

use std::sync::Arc;

use super::{
    AppError, Session,
    capabilities::estimates,
    job::{JobOptions, RunnableJob},
    placed::{Purpose, placed_job},
    run::existing_ledger,
};
use crate::{
    ledger::Ledger,
    native::NativeSettings,
    plan::{Capabilities, Capability, ItemIx, ItemResult, Placement, Plan, Upstream, Visit},
    run::Planner,
};

/// A plan and its forecast.
pub struct Planned {
    /// The document made ready.
    pub job: RunnableJob,
    /// For each task of the plan, what becomes of its items.
    pub forecast: Vec<TaskForecast>,
    /// Seconds that the run will take, as far as durations are known.
    pub seconds: f64,
}

/// What becomes of the items of one task.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TaskForecast {
    /// Results that are there already.
    pub reused: u32,
    /// Items that run.
    pub run: u32,
    /// Items about which routing decides.
    pub routed: u32,
    /// Seconds that an item usually takes, as far as it is known.
    pub seconds: f64,
}

/// Plans the document that `document` means.
pub fn plan(session: &Session, document: &str, options: &JobOptions) -> Result<Planned, AppError> {
    let loaded = session.document(document)?;
    let placed = placed_job(session, &loaded, options, Purpose::Look)?;
    let ledger = existing_ledger(session)?;
    let (forecast, known) = forecast(&placed.job, ledger.as_deref());
    let servers = placed.connected.map_or_else(|| configured(session), |connected| connected.capabilities);
    let native = NativeSettings::default().slots as u32;
    let capabilities = Capabilities { servers, ..Capabilities::native(native) };
    Ok(timed(placed.job, forecast, &known, ledger.as_deref(), &capabilities))
}

/// The servers of the configuration, when they were not asked.
fn configured(session: &Session) -> Vec<Capability> {
    let named = session.config.server.iter();
    named.map(|(name, server)| Capability { slots: server.slots, ..Capability::plain(name) }).collect()
}

/// Adds how long it will take to what becomes of the items.
fn timed(
    job: RunnableJob,
    mut forecast: Vec<TaskForecast>,
    known: &Known,
    ledger: Option<&Ledger>,
    capabilities: &Capabilities,
) -> Planned {
    let estimates = estimates(&job, ledger, &capabilities.servers);
    for (task, forecast) in job.plan.tasks.iter().zip(&mut forecast) {
        let seconds = task
            .items
            .clone()
            .map(|item| estimates.usual(job.plan.kinds.of(item), matches!(task.placement, Placement::Comfy(_))));
        forecast.seconds = seconds.sum::<f64>() / task.items.len().max(1) as f64;
    }
    let keys = |item| job.preparation.keys(item);
    let planner = Planner::new(job.plan.clone(), &keys, capabilities, estimates);
    let is_done = |item: ItemIx| known.0.get(item.0 as usize).is_some_and(Option::is_some);
    let seconds = planner.seconds_for(is_done);
    Planned { job, forecast, seconds }
}

struct Known(Vec<Option<Arc<ItemResult>>>);

impl Upstream for Known {
    fn result(&self, item: ItemIx) -> Option<Arc<ItemResult>> {
        self.0[item.0 as usize].clone()
    }
}

/// Goes through the items in order and prepares those whose inputs are there already: what has an
/// intact result under the same fingerprint is reused.
fn forecast(job: &RunnableJob, ledger: Option<&Ledger>) -> (Vec<TaskForecast>, Known) {
    let plan = &job.plan;
    let mut out = vec![TaskForecast::default(); plan.tasks.len()];
    let mut known = Known(vec![None; if ledger.is_some() { plan.items.len() } else { 0 }]);
    for (task, count) in plan.tasks.iter().zip(&mut out) {
        let depends_on_routing = task.conditional || task.depends_on.iter().any(|e| e.alternatives.len() > 1);
        for item in task.items.clone().map(ItemIx) {
            if depends_on_routing {
                count.routed += 1;
                continue;
            }
            let result = ledger.and_then(|ledger| reusable(job, plan, item, &known, ledger));
            match result {
                Some(result) => {
                    count.reused += 1;
                    known.0[item.0 as usize] = Some(Arc::new(result));
                }
                None => count.run += 1,
            }
        }
    }
    (out, known)
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
