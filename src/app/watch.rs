//! How a run and the servers stand at this moment, for views that look again and again.

use std::collections::BTreeMap;

use super::{
    AppError, Session,
    controls::now_ns,
    drain::drained,
    history,
    run::ledger_error,
    run_view::{RunView, task_of},
    server_error, server_settings,
    servers::wait_for,
};
use crate::{
    comfy::Client,
    ident::IndexMap,
    ledger::{ItemRow, Ledger, RunRow},
    run::ItemState,
};

/// Items of a run that must have been made before a remaining time is told.
const ENOUGH_ITEMS: usize = 3;

/// A run at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RunMoment {
    /// The run with its numbers.
    pub run: RunView,
    /// Whether a process works on it.
    pub is_active: bool,
    /// Its tasks, in the order of the plan, as far as something has happened to them.
    pub tasks: IndexMap<String, TaskMoment>,
    /// What runs, the longest running first.
    pub running: Vec<RunningItem>,
    /// What ended, the latest first.
    pub ended: Vec<EndedItem>,
    /// Items that are settled.
    pub settled: u32,
    /// Seconds since it began, or that it took.
    pub seconds: f64,
    /// Seconds that are left if it goes on as it did, once there is something to go by.
    pub seconds_left: Option<f64>,
}

/// The items of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskMoment {
    /// Those to which something has happened.
    pub items: u32,
    /// Those that are settled.
    pub settled: u32,
    /// Those that run.
    pub running: u32,
    /// Those that failed, are blocked, or need a person to look.
    pub failed: u32,
    /// Those that wait for a person.
    pub held: u32,
}

/// An item that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningItem {
    /// Its address.
    pub address: String,
    /// `native`, or the name of a server.
    pub place: String,
    /// Seconds since it was submitted.
    pub seconds: f64,
}

/// An item that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedItem {
    /// Its address.
    pub address: String,
    /// How.
    pub state: ItemState,
    /// Why.
    pub reason: Option<String>,
}

/// What a server has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMoment {
    /// Its name in the configuration.
    pub name: String,
    /// Whether somebody took it out of use.
    pub is_drained: bool,
    /// Prompts that run and that wait there, whoever submitted them; or why it does not answer.
    pub queue: Result<(usize, usize), String>,
}

/// The run with this id, now.
pub fn run_moment(ledger: &Ledger, id: &str) -> Result<RunMoment, AppError> {
    let row = ledger.run(id).map_err(|e| ledger_error(&e))?;
    let items = history::items(ledger, &row)?;
    Ok(moment_of(&row, &items, history::is_active(ledger, &row), now_ns()))
}

fn moment_of(row: &RunRow, items: &[ItemRow], is_active: bool, now_ns: i64) -> RunMoment {
    let end = row.finished_ns.filter(|_| !is_active).unwrap_or(now_ns);
    let seconds = seconds_between(row.started_ns, end);
    let mut tasks: IndexMap<String, TaskMoment> = IndexMap::default();
    for item in items {
        let task = tasks.entry(task_of(&item.address).to_owned()).or_default();
        task.items += 1;
        task.settled += u32::from(item.state.is_final());
        task.running += u32::from(item.state == ItemState::Running);
        task.failed += u32::from(item.state.is_failure());
        task.held += u32::from(item.state == ItemState::Held);
    }
    let mut running: Vec<RunningItem> = items
        .iter()
        .filter(|item| is_active && item.state == ItemState::Running)
        .map(|item| RunningItem {
            address: item.address.clone(),
            place: item.executor.clone().unwrap_or_default(),
            seconds: item.started_ns.map_or(0.0, |started| seconds_between(started, now_ns)),
        })
        .collect();
    running.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let mut ended: Vec<&ItemRow> = items.iter().filter(|item| item.state.is_final()).collect();
    ended.sort_by_key(|item| std::cmp::Reverse(item.finished_ns));
    let settled = u32::try_from(ended.len()).unwrap_or(u32::MAX);
    let ended = ended
        .into_iter()
        .map(|item| EndedItem { address: item.address.clone(), state: item.state, reason: item.reason.clone() })
        .collect();
    let seconds_left = is_active.then(|| seconds_left(row, items, settled, now_ns)).flatten();
    RunMoment { run: RunView::of(row), is_active, tasks, running, ended, settled, seconds, seconds_left }
}

/// From how fast items were made since the first of them was submitted.
fn seconds_left(row: &RunRow, items: &[ItemRow], settled: u32, now_ns: i64) -> Option<f64> {
    let made = items.iter().filter(|item| item.state == ItemState::Done && item.started_ns.is_some());
    let first = made.clone().filter_map(|item| item.started_ns).min()?;
    let count = made.count();
    let left = f64::from(row.items.saturating_sub(settled));
    (count >= ENOUGH_ITEMS).then(|| left * seconds_between(first, now_ns) / count as f64)
}

fn seconds_between(from_ns: i64, to_ns: i64) -> f64 {
    to_ns.saturating_sub(from_ns).max(0) as f64 / 1e9
}

/// Asks every server of the workspace for its queue.
pub fn server_moments(session: &Session) -> Result<Vec<ServerMoment>, AppError> {
    let out_of_use = drained(session)?;
    let clients: BTreeMap<&String, Result<Client, String>> = session
        .config
        .server
        .keys()
        .map(|name| {
            let client = server_settings(session, name)
                .and_then(|settings| Client::new(&settings).map_err(|error| server_error(&error)));
            (name, client.map_err(|error| error.to_string()))
        })
        .collect();
    let answers = wait_for(async {
        let asking: Vec<_> = clients.values().cloned().map(|client| tokio::spawn(ask(client))).collect();
        let mut answers = Vec::new();
        for answer in asking {
            answers.push(answer.await.unwrap_or_else(|error| Err(error.to_string())));
        }
        answers
    })?;
    let moments = clients.keys().zip(answers).map(|(name, answer)| ServerMoment {
        name: (*name).clone(),
        is_drained: out_of_use.contains_key(*name),
        queue: answer,
    });
    Ok(moments.collect())
}

async fn ask(client: Result<Client, String>) -> Result<(usize, usize), String> {
    let queue = client?.queue().await.map_err(|error| error.to_string())?;
    Ok((queue.running(), queue.pending()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunState;

    const SECOND: i64 = 1_000_000_000;

    fn row() -> RunRow {
        RunRow {
            id: "r".to_owned(),
            document: "catalog".to_owned(),
            version: "1.0.0".to_owned(),
            hash: String::new(),
            path: "pipelines/catalog.toml".to_owned(),
            settings: serde_json::Value::Null,
            folder: "outputs/catalog/r".to_owned(),
            items: 10,
            state: RunState::Running,
            started_ns: 0,
            finished_ns: None,
            collected_ns: None,
            counts: BTreeMap::new(),
        }
    }

    fn item(number: u32, state: ItemState, started: i64, finished: Option<i64>) -> ItemRow {
        ItemRow {
            item: number,
            address: format!("make[i={number}]"),
            state,
            reason: None,
            visits: 1,
            attempt: 0,
            epoch: 0,
            prompt_id: None,
            executor: Some("left".to_owned()),
            fingerprint: None,
            parts: BTreeMap::new(),
            started_ns: Some(started * SECOND),
            finished_ns: finished.map(|seconds| seconds * SECOND),
            result: None,
        }
    }

    #[test]
    fn what_is_left_goes_by_what_was_made() {
        let mut items: Vec<ItemRow> = (0..2).map(|i| item(i, ItemState::Done, 10, Some(12))).collect();
        let moment = moment_of(&row(), &items, true, 20 * SECOND);
        assert_eq!(moment.seconds_left, None, "two items are too few to go by");
        items.extend([item(2, ItemState::Done, 12, Some(14)), item(3, ItemState::Done, 12, Some(15))]);
        let moment = moment_of(&row(), &items, true, 18 * SECOND);
        // Four in eight seconds; six are left.
        assert_eq!(moment.seconds_left, Some(12.0));
        assert_eq!((moment.settled, moment.seconds), (4, 18.0));
    }

    #[test]
    fn the_latest_end_and_the_longest_run_come_first() {
        let items = [
            item(0, ItemState::Done, 1, Some(3)),
            item(1, ItemState::Failed, 1, Some(5)),
            item(2, ItemState::Running, 6, None),
            item(3, ItemState::Running, 4, None),
        ];
        let moment = moment_of(&row(), &items, true, 10 * SECOND);
        let running: Vec<_> = moment.running.iter().map(|item| (item.address.as_str(), item.seconds)).collect();
        assert_eq!(running, [("make[i=3]", 6.0), ("make[i=2]", 4.0)]);
        let ended: Vec<_> = moment.ended.iter().map(|item| item.address.as_str()).collect();
        assert_eq!(ended, ["make[i=1]", "make[i=0]"]);
        assert_eq!(moment.tasks["make"], TaskMoment { items: 4, settled: 2, running: 2, failed: 1, held: 0 });
    }

    #[test]
    fn a_run_that_nobody_works_on_stands_still() {
        let ended = RunRow { finished_ns: Some(7 * SECOND), ..row() };
        let moment = moment_of(&ended, &[item(0, ItemState::Running, 1, None)], false, 100 * SECOND);
        assert_eq!((moment.seconds, moment.seconds_left, moment.running.len()), (7.0, None, 0));
    }
}
