//! What the shape of a written chain depends on: its items and how long they took before.

use crate::{
    app::{
        Session,
        job::JobOptions,
        placed::{Purpose, placed_job},
        run::existing_ledger,
    },
    plan::{Plan, TaskIx},
};

use super::{chain::ChainFile, shape::ShapedTask};

/// Seconds of an item that was never made.
const UNKNOWN: f64 = 1.0;

/// The tasks of a chain with their items, as far as it can be planned; with one item each where it
/// cannot yet.
pub fn shaped_tasks(session: &Session, file: &ChainFile) -> Vec<ShapedTask> {
    let loaded = session.document(&file.written.path);
    let planned = loaded.and_then(|loaded| placed_job(session, &loaded, &JobOptions::default(), Purpose::Look));
    let Ok(placed) = planned else { return by_text(file) };
    let ledger = existing_ledger(session).ok().flatten();
    let durations = ledger.and_then(|ledger| ledger.durations(&file.name).ok()).unwrap_or_default();
    let seconds = |name: &str| durations.get(name).copied().filter(|seconds| *seconds > 0.0).unwrap_or(UNKNOWN);
    by_plan(&placed.job.plan, &seconds)
}

fn by_plan(plan: &Plan, seconds: &dyn Fn(&str) -> f64) -> Vec<ShapedTask> {
    let name = |task: &TaskIx| plan.tasks[task.0 as usize].name.clone();
    let shaped = plan.tasks.iter().enumerate().map(|(number, task)| {
        let needs = task.depends_on.iter().flat_map(|entry| &entry.alternatives);
        let routers = task.routed_from.iter().filter(|router| (router.0 as usize) < number);
        ShapedTask {
            id: task.name.clone(),
            needs: needs.chain(routers).map(name).collect(),
            items: task.items.len(),
            seconds: seconds(&task.name),
        }
    });
    shaped.collect()
}

fn by_text(file: &ChainFile) -> Vec<ShapedTask> {
    let shaped = file.tasks.iter().map(|task| {
        let routes = |other: &&super::BatchTask| {
            let rows = other.settings.get("route").and_then(serde_json::Value::as_array);
            rows.into_iter().flatten().any(|row| row["to"] == task.id.as_str())
        };
        let needs = task.depends_on.iter().flat_map(|entry| entry.split('|')).map(str::to_owned);
        let routers = file.tasks.iter().filter(routes).map(|other| other.id.clone());
        ShapedTask { id: task.id.clone(), needs: needs.chain(routers).collect(), items: 1, seconds: UNKNOWN }
    });
    shaped.collect()
}
